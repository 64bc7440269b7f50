package commands_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
)

func TestTableHasEveryCommand(t *testing.T) {
	service := reflect.TypeFor[*commands.Service]()
	request := reflect.TypeFor[commands.Request]()
	for i := range service.NumMethod() {
		m := service.Method(i)
		if m.Type.NumIn() > 2 && m.Type.In(2) == request && every[m.Name] == nil {
			t.Errorf("%s is not in the table", m.Name)
		}
	}
}

func TestEveryCommandIsCarriedOutOnce(t *testing.T) {
	all := newWorld(t)
	for name, set := range every {
		t.Run(name, func(t *testing.T) {
			w := all.fork(t)
			req, do := set(w)
			before := w.size()
			first, err := do(t.Context(), w, req)
			if err != nil {
				t.Fatal(err)
			}
			if w.size() == before || first.replayed {
				t.Fatalf("nothing happened: %+v", first)
			}
			after := w.size()
			later := req
			later.At = req.At.Add(48 * time.Hour)
			second, err := do(t.Context(), w, later)
			if err != nil {
				t.Fatal(err)
			}
			if !second.replayed {
				t.Error("the repeat is not marked")
			}
			second.replayed = false
			if !reflect.DeepEqual(first, second) {
				t.Errorf("the repeat returns\n%+v, want\n%+v", second, first)
			}
			other := req
			other.Fingerprint = "another body"
			_, err = do(t.Context(), w, other)
			wantRefusal(t, err, domain.ErrKeyReused)
			if w.size() != after {
				t.Errorf("repeats appended %d events", w.size()-after)
			}
			checkMetadata(t, w, req, first.position)
		})
	}
}

func checkMetadata(t *testing.T, w *world, req commands.Request, at domain.Position) {
	t.Helper()
	for e, err := range w.store.ReadAll(t.Context(), at-1, domain.Forward, 1) {
		if err != nil {
			t.Fatal(err)
		}
		got, err := e.DecodeMetadata()
		if err != nil {
			t.Fatal(err)
		}
		want := domain.Metadata{
			Actor: req.Actor, At: req.At, CausationID: req.ID, CorrelationID: req.CorrelationID, RequestID: req.RequestID,
			Fingerprint: req.Fingerprint, Schema: domain.MetadataSchema,
		}
		if got != want {
			t.Errorf("metadata %+v, want %+v", got, want)
		}
	}
}

func TestRepeatIsAnsweredAsItWasThen(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	submit := as(owner)
	first := must[product.State](t)(w.SubmitProduct(t.Context(), submit, content()))
	must[product.State](t)(w.ApproveProduct(t.Context(), staff(), first.ID, commands.Decision{Revision: 1}))
	must[provider.State](t)(w.SuspendProvider(t.Context(), staff(), owner, "复核"))
	again := must[product.State](t)(w.SubmitProduct(t.Context(), submit, content()))
	if !again.Replayed || again.State.Review != domain.ReviewPending || again.Revision != 0 || again.Position != first.Position {
		t.Errorf("got %+v", again)
	}
}

func TestNothingToChange(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	id := w.listed(owner)
	pinned := must[product.State](t)(w.PinProduct(t.Context(), as(owner), id))
	before := w.size()
	again := must[product.State](t)(w.PinProduct(t.Context(), as(owner), id))
	if again.Replayed || again.Revision != pinned.Revision || again.Position != pinned.Position || !again.State.Pinned || w.size() != before {
		t.Errorf("got %+v, want %+v", again, pinned)
	}
}

// TestWhatASubmissionCosts: the provider's standing and the end of the calendar are read, however long the calendar's history is.
func TestWhatASubmissionCosts(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	w.store.reads.Store(0)
	w.store.appends.Store(0)
	must[product.State](t)(w.SubmitProduct(t.Context(), as(owner), content()))
	if reads, appends := w.store.reads.Load(), w.store.appends.Load(); reads != 2 || appends != 1 {
		t.Errorf("%d reads, %d appends", reads, appends)
	}
}

func TestIfRevision(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	id := w.listed(owner) // revisions 0 to 2
	at := func(req commands.Request, revision domain.Revision) commands.Request {
		req.IfRevision = &revision
		return req
	}
	for _, revision := range []domain.Revision{0, 1, 3} {
		_, err := w.PinProduct(t.Context(), at(as(owner), revision), id)
		wantRefusal(t, err, domain.ErrPrecondition)
	}
	stranger := w.provider(w.codeB)
	_, err := w.PinProduct(t.Context(), at(as(stranger), 0), id)
	wantRefusal(t, err, domain.ErrNotFound) // not that the product is at another revision
	if got := must[product.State](t)(w.PinProduct(t.Context(), at(as(owner), 2), id)); got.Revision != 3 {
		t.Errorf("got revision %d", got.Revision)
	}
	_, err = w.ReviseApplication(t.Context(), at(as(owner), 0), profile(w.codeA))
	wantRefusal(t, err, domain.ErrPrecondition)
	if got := len(w.events(domain.Stream(provider.Category, owner))); got != 2 {
		t.Errorf("%d events of the provider", got)
	}
	must[provider.State](t)(w.ReviseApplication(t.Context(), at(as(owner), 1), profile(w.codeA)))

	// The reservation's stream has revisions of its own.
	other := w.fork(t)
	rejected := other.enterprise(other.codeA)
	ok(t, other.apply(rejected, other.codeA), other.reject(rejected, 1))
	must[provider.State](t)(w.ReviseApplication(t.Context(), at(as(rejected), 1), profile(other.codeA)))
}

func TestWhoseAndWhat(t *testing.T) {
	w := newWorld(t)
	owner, stranger := w.provider(w.codeA), w.provider(w.codeB)
	id := w.listed(owner)
	nobody := uuid.New()
	ctx := t.Context()
	_, err := w.UnpublishProduct(ctx, as(stranger), id)
	wantRefusal(t, err, domain.ErrNotFound)
	_, err = w.ApproveProduct(ctx, staff(), nobody, commands.Decision{Revision: 1})
	wantRefusal(t, err, domain.ErrNotFound)
	_, err = w.ApproveProvider(ctx, staff(), nobody, commands.Decision{Revision: 1})
	wantRefusal(t, err, domain.ErrNotFound)
	_, err = w.ApproveProvider(ctx, as(owner), owner, commands.Decision{Revision: 1})
	wantRefusal(t, err, domain.ErrOwnCase)
	_, err = w.RejectProvider(ctx, as(owner), owner, commands.Decision{Revision: 1, Reasons: unfit})
	wantRefusal(t, err, domain.ErrOwnCase)
	_, err = w.ApplyAsProvider(ctx, as(nobody), profile(w.codeA))
	wantRefusal(t, err, account.ErrNotCertified)
	_, err = w.SubmitProduct(ctx, as(nobody), content())
	wantRefusal(t, err, provider.ErrNotApproved)
	_, err = w.RequestBooking(ctx, as(stranger), nobody, inquiry())
	wantRefusal(t, err, domain.ErrNotFound)
	_, err = w.RequestBooking(ctx, as(nobody), id, inquiry())
	wantRefusal(t, err, account.ErrNotCertified)
	_, err = w.RequestBooking(ctx, as(owner), id, inquiry())
	wantRefusal(t, err, booking.ErrOwnProduct)
	if _, err := w.SubmitProduct(ctx, commands.Request{Actor: domain.Actor{ID: owner}, At: noon}, content()); err == nil {
		t.Error("a request without an id is carried out")
	}
}

func TestClosedAccounts(t *testing.T) {
	w := newWorld(t)
	owner, buyer := w.provider(w.codeA), w.enterprise(w.codeB)
	id := w.listed(owner)
	ctx := t.Context()
	must[account.State](t)(w.CloseAccount(ctx, staff(), buyer, "注销"))
	_, err := w.RequestBooking(ctx, as(buyer), id, inquiry())
	wantRefusal(t, err, account.ErrClosed)
	wantRefusal(t, w.apply(buyer, w.codeB), account.ErrClosed)
	_, err = w.CloseAccount(ctx, staff(), owner, "注销")
	wantRefusal(t, err, account.ErrHasProvider)
	must[provider.State](t)(w.CloseProvider(ctx, staff(), owner, "注销"))
	must[account.State](t)(w.CloseAccount(ctx, staff(), owner, "注销"))
}

func TestOnlyPublicProductsCanBeBooked(t *testing.T) {
	all := newWorld(t)
	for name, hide := range map[string]func(w *world, owner, id uuid.UUID) error{
		"unlisted": func(w *world, owner, id uuid.UUID) error {
			_, err := w.UnpublishProduct(w.t.Context(), as(owner), id)
			return err
		},
		"deleted": func(w *world, owner, id uuid.UUID) error {
			_, err := w.DeleteProduct(w.t.Context(), as(owner), id)
			return err
		},
		"suspended": func(w *world, owner, _ uuid.UUID) error {
			_, err := w.SuspendProvider(w.t.Context(), staff(), owner, "复核")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := all.fork(t)
			owner, enterprise := w.provider(w.codeA), w.enterprise(w.codeB)
			id := w.listed(owner)
			booked := must[booking.State](t)(w.RequestBooking(t.Context(), as(enterprise), id, inquiry()))
			r := booked.State.Request
			if r.ProductName != content().Name || r.ProductRevision != 1 || r.EnterpriseName == "" || r.ProviderID != owner {
				t.Errorf("asked for %+v", r)
			}
			if err := hide(w, owner, id); err != nil {
				t.Fatal(err)
			}
			_, err := w.RequestBooking(t.Context(), as(enterprise), id, inquiry())
			wantRefusal(t, err, booking.ErrNotAvailable)
			if name == "suspended" {
				must[booking.State](t)(w.ReplyToBooking(t.Context(), as(owner), booked.ID, "请稍候"))
				must[product.State](t)(w.UnpublishProduct(t.Context(), as(owner), id))
			}
		})
	}
}

func TestReplay(t *testing.T) {
	w := newWorld(t)
	owner := w.provider(w.codeA)
	id := w.listed(owner)
	revise := as(owner)
	revise.At = noon.Add(time.Hour + 999*time.Nanosecond) // which is shown as an hour
	must[product.State](t)(w.ReviseProduct(t.Context(), revise, id, content()))
	must[product.State](t)(w.DeleteProduct(t.Context(), revise2(owner), id))
	stream := domain.Stream(product.Category, id)
	was := func(until commands.Until) product.State {
		t.Helper()
		r, err := w.Replay(t.Context(), stream, until)
		if err != nil {
			t.Fatal(err)
		}
		return r.State.(product.State)
	}
	zero, at, early := domain.Revision(0), noon.Add(time.Hour), noon.Add(-time.Hour)
	if s := was(commands.Until{Revision: &zero}); s.Review != domain.ReviewPending || s.Listed || s.Latest.Name == "" {
		t.Errorf("at revision 0: %+v", s)
	}
	if s := was(commands.Until{At: &at}); s.Revision != 2 || s.Deleted {
		t.Errorf("an hour later: %+v", s)
	}
	if s := was(commands.Until{}); !s.Deleted {
		t.Errorf("now: %+v", s)
	}
	_, err := w.Replay(t.Context(), stream, commands.Until{At: &early})
	wantRefusal(t, err, domain.ErrNotFound)
	_, err = w.Replay(t.Context(), "nonsense", commands.Until{})
	wantRefusal(t, err, domain.ErrNotFound)
	for _, stream := range []domain.StreamName{domain.Stream(account.Category, owner), domain.Stream(provider.Category, owner)} {
		r, err := w.Replay(t.Context(), stream, commands.Until{})
		if err != nil || r.Stream != stream || r.Revision != 1 || !slices.Contains([]time.Time{noon}, r.At) {
			t.Errorf("%s: %+v, %v", stream, r, err)
		}
	}
}

func revise2(owner uuid.UUID) commands.Request {
	req := as(owner)
	req.At = noon.Add(2 * time.Hour)
	return req
}
