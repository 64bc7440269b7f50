package commands_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/uscc"
)

var (
	unfit = []domain.Reason{{Code: "incomplete"}}
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
	return &world{Service: commands.New(w), t: t, store: w, codeA: freshCode(), codeB: freshCode()}
}

// fork is the same store with other codes, for a subtest that nothing runs beside.
func (w *world) fork(t testing.TB) *world {
	return &world{Service: w.Service, t: t, store: w.store, codeA: freshCode(), codeB: freshCode()}
}

// watched counts what goes to the real store, and lets a test step in between.
type watched struct {
	domain.EventStore
	reads, appends atomic.Int64
	// before runs ahead of each append; an error of it is the append's answer. after may change the answer.
	before func(domain.StreamName) error
	after  func(domain.StreamName, error) error
}

func (w *watched) Append(ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent) (domain.AppendResult, error) {
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

func (w *watched) ReadStream(ctx context.Context, stream domain.StreamName, from domain.Revision, dir domain.Direction, limit int) iter.Seq2[domain.RecordedEvent, error] {
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
	opened := must[account.State](w.t)(w.OpenAccount(w.t.Context(), staff(), "三亚海丰国际物流有限公司"))
	must[account.State](w.t)(w.CertifyAccount(w.t.Context(), staff(), opened.ID, certificate(code), "operator"))
	return opened.ID
}

// provider is an enterprise whose application was approved.
func (w *world) provider(code string) uuid.UUID {
	w.t.Helper()
	id := w.enterprise(code)
	must[provider.State](w.t)(w.ApplyAsProvider(w.t.Context(), as(id), profile(code)))
	must[provider.State](w.t)(w.ApproveProvider(w.t.Context(), staff(), id, 1))
	return id
}

// listed is an approved product of the owner's.
func (w *world) listed(owner uuid.UUID) uuid.UUID {
	w.t.Helper()
	submitted := must[product.State](w.t)(w.SubmitProduct(w.t.Context(), as(owner), content()))
	must[product.State](w.t)(w.ApproveProduct(w.t.Context(), staff(), submitted.ID, 1))
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

func certificate(code string) account.Enterprise {
	return account.Enterprise{Name: "三亚海丰国际物流有限公司", USCC: code, LegalRepresentative: "符海生"}
}

func image(digit string) domain.ImageRef {
	return domain.ImageRef("sha256:" + strings.Repeat(digit, 64))
}

func profile(code string) provider.Profile {
	return provider.Profile{
		Type: provider.Logistics, Name: "三亚海丰国际物流有限公司", USCC: code, LegalRepresentative: "符海生",
		Licence: image("1"), Logo: image("2"), Contact: "陈琳", Address: "三亚市吉阳区迎宾路1号", Phone: "0898-88270001", Introduction: "国际物流。",
	}
}

func content() product.Content {
	return product.Content{
		Name: "三亚—新加坡海运专线", Brief: "每周两班", Tags: []string{"海运"}, Mode: product.Sea,
		Destination: product.Destination{Country: "新加坡", City: "新加坡", Latitude: 1.29, Longitude: 103.85, CRS: "WGS-84"},
		Cover:       image("a"), Details: []domain.ImageRef{image("b")},
	}
}

func inquiry() booking.Inquiry {
	return booking.Inquiry{ContactName: "王敏", Phone: "13800138000", Message: "请报价"}
}

// freshCode is a valid code that nobody has.
func freshCode() string {
	const digits = "0123456789ABCDEF"
	id := uuid.New()
	body := "91460200"
	for _, b := range id[:9] {
		body += string(digits[b%16])
	}
	return body + string(uscc.CheckCharacter(body))
}
