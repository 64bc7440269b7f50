package commands_test

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
)

var (
	unfit = domaintest.Unfit
	noon  = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
)

// world is the commands on a real store, with an eye on what goes to it.
type world struct {
	*commands.Service
	t     testing.TB
	store *watched
	// codeA and codeB are valid, and nobody else's.
	codeA, codeB string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &watched{EventStore: newStore(t)}
	return &world{Service: commands.New(w, domaintest.Sources()), t: t, store: w, codeA: domaintest.FreshCode(), codeB: domaintest.FreshCode()}
}

// fork is the same store with other codes, for a subtest that nothing runs beside.
func (w *world) fork(t testing.TB) *world {
	return &world{Service: w.Service, t: t, store: w.store, codeA: domaintest.FreshCode(), codeB: domaintest.FreshCode()}
}

// watched counts what goes to the real store, and lets a test step in between.
type watched struct {
	domain.EventStore
	reads, appends atomic.Int64
	// before runs ahead of each append; an error of it is what the append returns. after may change that.
	before func(domain.StreamName) error
	after  func(domain.StreamName, error) error
	// assure is what Assure returns; nil for nothing.
	assure error
}

// Assure is of a store in which what can be read may not be safe yet.
func (w *watched) Assure(context.Context, domain.Position) error { return w.assure }

func (w *watched) Append(ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision,
	events []domain.NewEvent,
) (domain.AppendResult, error) {
	w.appends.Add(1)
	if w.before != nil {
		if err := w.before(stream); err != nil {
			return domain.AppendResult{}, err
		}
	}
	result, err := w.EventStore.Append(ctx, stream, expected, events)
	if w.after != nil {
		err = w.after(stream, err)
	}
	return result, err
}

func (w *watched) ReadStream(ctx context.Context, stream domain.StreamName, from domain.Revision, dir domain.Direction,
	limit int,
) iter.Seq2[domain.RecordedEvent, error] {
	w.reads.Add(1)
	return w.EventStore.ReadStream(ctx, stream, from, dir, limit)
}

// once is step, the first time that an append goes to a stream of category.
func once(category string, step func()) func(domain.StreamName) error {
	var done atomic.Bool
	return func(stream domain.StreamName) error {
		if stream.Category() == category && done.CompareAndSwap(false, true) {
			step()
		}
		return nil
	}
}

// as is a new request by an account.
func as(id uuid.UUID) commands.Request {
	request := uuid.New()
	return commands.Request{
		ID: request, Fingerprint: "body of " + request.String(), Actor: domain.Actor{ID: id, Role: domain.RoleEnterprise},
		CorrelationID: request, RequestID: "r-1", At: noon,
	}
}

// staff is a new request by a member of staff, each time another one.
func staff() commands.Request {
	req := as(uuid.New())
	req.Actor.Role = domain.RoleReviewer
	return req
}

func must[S any](t testing.TB) func(commands.Outcome[S], error) commands.Outcome[S] {
	return func(o commands.Outcome[S], err error) commands.Outcome[S] {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
}

// enterprise opens and certifies an account.
func (w *world) enterprise(code string) uuid.UUID {
	w.t.Helper()
	opened := must[account.State](w.t)(w.OpenAccount(w.t.Context(), staff(), domaintest.Enterprise.Name))
	must[account.State](w.t)(w.CertifyAccount(w.t.Context(), staff(), opened.ID, certificate(code), "operator"))
	return opened.ID
}

// provider is an enterprise whose application was approved.
func (w *world) provider(code string) uuid.UUID {
	w.t.Helper()
	id := w.enterprise(code)
	must[provider.State](w.t)(w.ApplyAsProvider(w.t.Context(), as(id), profile(code)))
	must[provider.State](w.t)(w.ApproveProvider(w.t.Context(), staff(), id, commands.Decision{Revision: 1}))
	return id
}

// listed is an approved product of the owner's.
func (w *world) listed(owner uuid.UUID) uuid.UUID {
	w.t.Helper()
	submitted := must[product.State](w.t)(w.SubmitProduct(w.t.Context(), as(owner), content()))
	must[product.State](w.t)(w.ApproveProduct(w.t.Context(), staff(), submitted.ID, commands.Decision{Revision: 1}))
	return submitted.ID
}

// events reads a stream.
func (w *world) events(stream domain.StreamName) []domain.RecordedEvent {
	w.t.Helper()
	var all []domain.RecordedEvent
	for e, err := range w.store.EventStore.ReadStream(w.t.Context(), stream, 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// size is the number of events in the whole log. No two may have the same id.
func (w *world) size() int {
	w.t.Helper()
	seen := map[uuid.UUID]bool{}
	n := 0
	for e, err := range w.store.ReadAll(w.t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			w.t.Fatal(err)
		}
		if seen[e.ID] {
			w.t.Fatalf("two events have the id %s", e.ID)
		}
		seen[e.ID] = true
		n++
	}
	return n
}

func wantRefusal(t testing.TB, err error, want *domain.Error) {
	t.Helper()
	var got *domain.Error
	if !errors.As(err, &got) || got.Code != want.Code || got.Kind != want.Kind {
		t.Fatalf("got %v, want %s", err, want.Code)
	}
}

// certificate and profile are the same enterprise's, but for the code.
func certificate(code string) account.Enterprise {
	e := domaintest.Enterprise
	e.USCC = code
	return e
}

func profile(code string) provider.Profile {
	p := domaintest.Profile("国际物流。")
	p.USCC = code
	return p
}

func content() product.Content { return domaintest.Content("三亚—新加坡海运专线") }

func inquiry() booking.Inquiry { return domaintest.Inquiry("请报价") }
