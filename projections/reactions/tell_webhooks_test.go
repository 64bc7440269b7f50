package reactions_test

import (
	"fmt"
	"math/rand/v2"
	nethttp "net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/webhook"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// happen makes a product of a provider, to which n more things happen.
func (w *hookWorld) happen(owner uuid.UUID, n int) domain.StreamName {
	w.t.Helper()
	stream := domain.Stream(product.Category, uuid.New())
	runtimetest.Append(w.t, w.store, stream, product.Submitted{ProviderID: owner, Revision: 1})
	for i := range n {
		w.more(stream, i)
	}
	return stream
}

func (w *hookWorld) more(stream domain.StreamName, i int) {
	w.t.Helper()
	facts := []domain.Event{product.Approved{Revision: 1}, product.Unlisted{}, product.Listed{}, product.Pinned{}, product.Unpinned{}}
	runtimetest.Append(w.t, w.store, stream, facts[i%len(facts)])
}

// check holds what a hook took to the feed of its owner: each item once and as the feed has it, in the order of its object. Repeated ones
// may come again, with the same id.
func (w *hookWorld) check(name string, id, owner uuid.UUID, repeats bool, types ...string) {
	w.t.Helper()
	got := w.receiver.taken(name)
	seen := map[uuid.UUID]bool{}
	last := map[uuid.UUID]domain.Position{}
	var first []arrival
	for _, a := range got {
		if a.header.Get("webhook-id") != a.ID.String() {
			w.t.Errorf("%s: webhook-id %s of %s", name, a.header.Get("webhook-id"), a.ID)
		}
		if seen[a.ID] {
			if !repeats {
				w.t.Errorf("%s got %s twice", name, a.ID)
			}
			continue
		}
		seen[a.ID] = true
		if a.Position < last[a.ObjectID] {
			w.t.Errorf("%s got %d of %s after %d", name, a.Position, a.ObjectID, last[a.ObjectID])
		}
		last[a.ObjectID] = a.Position
		first = append(first, a)
	}
	slices.SortFunc(first, func(a, b arrival) int { return int(a.Position) - int(b.Position) })
	describe := func(position, previous domain.Position, id uuid.UUID, kind string, object uuid.UUID, revision domain.Revision, at time.Time, data string) string {
		return fmt.Sprint(position, previous, id, kind, object, revision, at.UTC(), data)
	}
	var have, want []string
	for _, a := range first {
		have = append(have, describe(a.Position, a.Previous, a.ID, a.Kind, a.ObjectID, a.Revision, a.At, string(a.Data)))
	}
	for _, i := range w.feedOf(owner, w.registered(id)) {
		if len(types) == 0 || slices.Contains(types, i.Type) {
			want = append(want, describe(i.Position, i.Previous, i.EventID, i.Kind, i.ObjectID, i.Revision, i.At, string(i.Data)))
		}
	}
	if !slices.Equal(have, want) {
		w.t.Errorf("%s took %d items, the feed has %d:\n%v\n%v", name, len(have), len(want), have, want)
	}
}

// TestWebhooksGetWhatTheFeedHas: from the registration on, each once, in the order of each object, whoever is slow.
func TestWebhooksGetWhatTheFeedHas(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t)
	ann, ben := uuid.New(), uuid.New()
	r := w.start()
	w.begun()
	w.happen(ann, 2) // before anybody is told
	all, ofAll := w.hook(uuid.Nil, "all")
	ofAnn, verifier := w.hook(ann, "ann")
	approvals, _ := w.hook(ann, "approvals", "product-approved.v1")
	ofBen, _ := w.hook(ben, "ben")
	w.receiver.answers(func(_ nethttp.ResponseWriter, _ *nethttp.Request, a arrival) bool {
		if a.hook == "ben" {
			time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond)
		}
		return true
	})
	for i := range 12 {
		w.happen([]uuid.UUID{ann, ben}[i%2], i)
	}
	// What Ann books as an enterprise is not told her as a provider.
	runtimetest.Append(t, w.store, domain.Stream(booking.Category, uuid.New()),
		booking.Requested{ProductID: uuid.New(), ProductRevision: 1, ProviderID: ben, EnterpriseID: ann}, booking.Read{Number: 1})
	w.settled(r)
	w.check("all", all, uuid.Nil, false)
	w.check("ann", ofAnn, ann, false)
	w.check("approvals", approvals, ann, false, "product-approved.v1")
	w.check("ben", ofBen, ben, false)
	for name, with := range map[string]interface {
		Verify([]byte, nethttp.Header) error
	}{"ann": verifier, "all": ofAll} {
		for _, a := range w.receiver.taken(name) {
			if err := with.Verify(a.body, a.header); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}

	// The same events once more, as in a log that was copied: nobody is told twice.
	before := len(w.receiver.taken("all"))
	closeRuntime(t, r)
	if _, err := w.pool.Exec(t.Context(), `UPDATE projections.checkpoints SET position = 0 WHERE projection = $1`, reactions.WebhooksStored); err != nil {
		t.Fatal(err)
	}
	r = w.start()
	w.happen(ann, 1)
	w.settled(r)
	if after := len(w.receiver.taken("all")); after != before+2 {
		t.Errorf("%d messages of two events", after-before)
	}
	w.check("all", all, uuid.Nil, false)
	w.check("ben", ofBen, ben, false)
}

// TestAFailingDelivery holds its object for that hook, and nothing else; when it was tried for long enough it is given up, and the object
// goes on. An operator has it sent again, with the same id.
func TestAFailingDelivery(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t)
	ann := uuid.New()
	r := w.start()
	w.begun()
	id, _ := w.hook(ann, "ann")
	w.hook(uuid.Nil, "all")
	var bad atomic.Pointer[domain.StreamName]
	var refused atomic.Int64
	w.receiver.answers(func(rw nethttp.ResponseWriter, _ *nethttp.Request, a arrival) bool {
		if s := bad.Load(); s != nil && domain.Stream(a.Kind, a.ObjectID) == *s && a.hook == "ann" && a.Revision == 1 {
			refused.Add(1)
			rw.WriteHeader(nethttp.StatusInternalServerError)
			return false
		}
		return true
	})
	stream := domain.Stream(product.Category, uuid.New())
	bad.Store(&stream)
	runtimetest.Append(t, w.store, stream, product.Submitted{ProviderID: ann, Revision: 1})
	w.more(stream, 0)
	w.more(stream, 1)
	w.happen(ann, 1)
	w.settled(r)
	if refused.Load() != 3 || w.count("given_up") != 1 {
		t.Fatalf("tried %d times, %d given up", refused.Load(), w.count("given_up"))
	}
	if took := len(w.receiver.taken("ann")); took != 4 {
		t.Errorf("%d messages were taken, want all but one", took)
	}
	letters, err := runtime.NewDeadLetters(w.pool, w.store, models, reactions.All(w.service, w.pool)).List(t.Context(), reactions.Webhooks, 1000)
	if err != nil || len(letters) != 1 || letters[0].Recipient != id.String() || letters[0].Error != "status 500" || letters[0].Stream != stream {
		t.Fatalf("%+v (%v)", letters, err)
	}
	bad.Store(nil)
	retried, err := runtime.NewDeadLetters(w.pool, w.store, models, reactions.All(w.service, w.pool)).Retry(t.Context(), reactions.Webhooks, stream)
	if err != nil || retried.Due != 1 {
		t.Fatalf("%+v (%v)", retried, err)
	}
	w.settled(r)
	if took := w.receiver.taken("ann"); len(took) != 5 || took[4].ID != letters[0].EventID {
		t.Errorf("%d messages were taken", len(took))
	}
}

// TestPausedAndGone: a receiver that answers 410 has its webhook paused; what happens meanwhile is kept, and delivered in order when it is
// resumed, whoever paused it.
func TestPausedAndGone(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t)
	ann := uuid.New()
	r := w.start()
	w.begun()
	id, _ := w.hook(ann, "ann")
	var gone atomic.Bool
	gone.Store(true)
	w.receiver.answers(func(rw nethttp.ResponseWriter, _ *nethttp.Request, _ arrival) bool {
		if gone.Load() {
			rw.WriteHeader(nethttp.StatusGone)
			return false
		}
		return true
	})
	stream := w.happen(ann, 3)
	state := func() webhook.State {
		s, err := w.service.Webhook(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	runtimetest.Eventually(t, "the webhook paused", func() bool { return state().Standing == webhook.OnHold })
	if got := state().Reason; got != webhook.Gone {
		t.Errorf("paused because %q", got)
	}
	gone.Store(false)
	for i := range 3 {
		w.more(stream, i)
	}
	head := runtimetest.Head(t, w.store)
	runtimetest.Eventually(t, "all written down", func() bool { return at(t, r, reactions.Webhooks) >= head })
	if w.count("due") != 7 || len(w.receiver.taken("ann")) != 0 {
		t.Errorf("%d are kept, %d delivered", w.count("due"), len(w.receiver.taken("ann")))
	}
	if _, err := w.service.ResumeWebhook(t.Context(), request(), id, by(ann)); err != nil {
		t.Fatal(err)
	}
	w.settled(r)
	w.check("ann", id, ann, false)
}

// TestWhoIsToldNothingMore: nothing is delivered to a provider that is suspended until it is reinstated; what is owed to one that is
// closed, or to a webhook that was removed, is skipped, and the secrets go.
func TestWhoIsToldNothingMore(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t)
	ann, ben, col := uuid.New(), uuid.New(), uuid.New()
	for _, who := range []uuid.UUID{ann, ben, col} {
		runtimetest.Append(t, w.store, domain.Stream(provider.Category, who), provider.Applied{Revision: 1}, provider.Approved{Revision: 1})
	}
	r := w.start()
	w.begun()
	idAnn, _ := w.hook(ann, "ann")
	idBen, _ := w.hook(ben, "ben")
	idCol, _ := w.hook(col, "col")
	for _, who := range []uuid.UUID{ann, ben} {
		runtimetest.Append(t, w.store, domain.Stream(provider.Category, who), provider.Suspended{Reason: "复核"})
	}
	if _, err := w.service.PauseWebhook(t.Context(), request(), idCol, by(col), "停机"); err != nil {
		t.Fatal(err)
	}
	for _, who := range []uuid.UUID{ann, ben, col} {
		w.happen(who, 1)
	}
	head := runtimetest.Head(t, w.store)
	runtimetest.Eventually(t, "all written down", func() bool { return at(t, r, reactions.Webhooks) >= head })
	if due := w.count("due"); due != 8 {
		t.Errorf("%d are kept, want two suspensions and two events each", due)
	}
	runtimetest.Append(t, w.store, domain.Stream(provider.Category, ann), provider.Reinstated{Reason: "无误"})
	runtimetest.Append(t, w.store, domain.Stream(account.Category, ben), account.Opened{DisplayName: "b"}, account.Closed{Reason: "注销"})
	runtimetest.Append(t, w.store, domain.Stream(provider.Category, ben), provider.Reinstated{Reason: "无误"})
	if _, err := w.service.RemoveWebhook(t.Context(), request(), idCol, by(col), "下线"); err != nil {
		t.Fatal(err)
	}
	dan := uuid.New()
	idDan, _ := w.hook(dan, "dan") // to which nothing is owed
	if _, err := w.service.RemoveWebhook(t.Context(), request(), idDan, by(dan), "下线"); err != nil {
		t.Fatal(err)
	}
	w.happen(ben, 1)
	w.happen(col, 1)
	w.settled(r)
	w.check("ann", idAnn, ann, false)
	if len(w.receiver.taken("ben"))+len(w.receiver.taken("col")) != 0 || w.count("skipped") != 5 {
		t.Errorf("ben took %d, col %d; %d were skipped", len(w.receiver.taken("ben")), len(w.receiver.taken("col")), w.count("skipped"))
	}
	for _, id := range []uuid.UUID{idCol, idDan} {
		if left, err := w.secrets.Of(t.Context(), id); err != nil || len(left) != 0 {
			t.Errorf("%d secrets are left (%v)", len(left), err)
		}
	}
	if left, err := w.secrets.Of(t.Context(), idBen); err != nil || len(left) != 1 {
		t.Errorf("%d secrets of the one that goes on existing (%v)", len(left), err)
	}
}

// TestRotatedUnderLoad: whoever changes over at any time between a rotation and the retirement loses nothing.
func TestRotatedUnderLoad(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t)
	ann := uuid.New()
	r := w.start()
	w.begun()
	id, verifier := w.hook(ann, "ann")
	var using atomic.Pointer[interface {
		Verify([]byte, nethttp.Header) error
	}]
	use := func(v interface {
		Verify([]byte, nethttp.Header) error
	},
	) {
		using.Store(&v)
	}
	use(verifier)
	var refused atomic.Int64
	w.receiver.answers(func(rw nethttp.ResponseWriter, _ *nethttp.Request, a arrival) bool {
		if err := (*using.Load()).Verify(a.body, a.header); err != nil {
			refused.Add(1)
			rw.WriteHeader(nethttp.StatusUnauthorized)
			return false
		}
		return true
	})
	var load sync.WaitGroup
	for range 4 {
		load.Go(func() {
			for range 4 {
				w.happen(ann, 4)
			}
		})
	}
	for range 2 {
		req := request()
		out, err := w.service.RotateWebhookSecret(t.Context(), req, id, by(ann), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		verifier := w.secret(id, out.State.Secret)
		took := len(w.receiver.taken("ann"))
		runtimetest.Eventually(t, "some delivered with both", func() bool { return len(w.receiver.taken("ann")) > took })
		use(verifier)
	}
	load.Wait()
	w.settled(r)
	w.check("ann", id, ann, false)
	if refused.Load() != 0 {
		t.Errorf("%d messages could not be verified", refused.Load())
	}
	last := w.receiver.taken("ann")
	if n := len(last); n == 0 || len(last[n-1].header["Webhook-Signature"]) != 1 {
		t.Error("not one header of signatures")
	}
	if _, err := w.service.RotateWebhookSecret(t.Context(), request(), id, by(ann), time.Hour); err == nil {
		t.Error("a fourth secret at once")
	}
}
