package api_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/workdays"
)

// year is a log of some months in which all that reports count happens at random, by a clock that the world itself puts on. It is the same
// for the same seed, but for the ids.
type year struct {
	t       testing.TB
	random  *rand.Rand
	now     time.Time
	alone   *commands.Service // one approval is enough
	twofold *commands.Service // an application takes two persons

	reviewers, buyers, providers []uuid.UUID
	products, bookings           []uuid.UUID
	owner                        map[uuid.UUID]uuid.UUID // of products and bookings
	// What probably can be decided, booked and replied to: most steps are on such, and are not refused.
	pendingProviders, pendingProducts, offers, unanswered []uuid.UUID
	revision                                              map[uuid.UUID]domain.ContentRevision
	done, refused                                         int
}

func newYear(t testing.TB, store domain.EventStore, seed uint64) *year {
	t.Helper()
	sources := domaintest.Sources()
	y := &year{
		t: t, random: rand.New(rand.NewPCG(seed, 13)),
		now:   time.Date(2026, 1, 20, 9, 0, 0, 0, domain.Beijing),
		alone: commands.New(store, sources), owner: map[uuid.UUID]uuid.UUID{}, revision: map[uuid.UUID]domain.ContentRevision{},
	}
	sources.SecondApprover = true
	y.twofold = commands.New(store, sources)
	for range 4 {
		y.reviewers = append(y.reviewers, uuid.New())
	}
	for range 3 {
		y.buyers = append(y.buyers, y.enterprise())
	}
	return y
}

// live carries out so many commands. Those that are refused are part of it: people try.
func (y *year) live(n int) {
	y.t.Helper()
	for range n {
		y.pass()
		switch err := y.step(y.t.Context()); {
		case err == nil:
			y.done++
		case errors.As(err, new(*domain.Error)):
			y.refused++
		default:
			y.t.Fatal(err)
		}
	}
}

// pass puts the clock on. Some instants are midnight, some are in none but a part of a second, and some are before the last: the clocks of
// two nodes differ.
func (y *year) pass() {
	switch y.random.IntN(40) {
	case 0:
		y.now = (workdays.DayOf(y.now) + 1).Start()
	case 1:
		y.now = (workdays.DayOf(y.now) + 1).Start().Add(-time.Microsecond)
	case 2:
		y.now = y.now.Add(-time.Duration(y.random.IntN(120)) * time.Second)
	case 3, 4, 5: // the same instant
	case 6:
		y.now = y.now.Add(time.Duration(y.random.IntN(30)) * time.Hour)
	default:
		y.now = y.now.Add(time.Duration(y.random.IntN(30*60*1000)) * time.Millisecond)
	}
}

// steps are what happens, each as often as it stands there.
var steps = func() (all []func(*year, context.Context) error) {
	for _, s := range []struct {
		weight int
		do     func(*year, context.Context) error
	}{
		{3, (*year).apply},
		{3, (*year).reapply},
		{10, (*year).judgeProvider},
		{1, (*year).revokeProvider},
		{14, (*year).submit},
		{8, (*year).revise},
		{24, (*year).judgeProduct},
		{3, (*year).revokeProduct},
		{4, (*year).display},
		{1, (*year).takeDown},
		{2, (*year).remove},
		{1, (*year).suspend},
		{3, (*year).reinstate},
		{1, (*year).end},
		{18, (*year).book},
		{10, (*year).reply},
		{2, (*year).withdraw},
		{1, (*year).correct},
	} {
		for range s.weight {
			all = append(all, s.do)
		}
	}
	return all
}()

func (y *year) step(ctx context.Context) error { return steps[y.random.IntN(len(steps))](y, ctx) }

func (y *year) by(id uuid.UUID, role domain.Role) commands.Request {
	request := uuid.New()
	return commands.Request{ID: request, Actor: domain.Actor{ID: id, Role: role}, CorrelationID: request, At: y.now}
}

func (y *year) operator() commands.Request { return y.by(domaintest.Stranger, domain.RoleOperator) }

func (y *year) reviewer() commands.Request { return y.by(any1(y, y.reviewers), domain.RoleReviewer) }

// any1 is one of them; the zero value of none.
func any1[T any](y *year, of []T) (one T) {
	if len(of) > 0 {
		one = of[y.random.IntN(len(of))]
	}
	return one
}

// likely is mostly one of those that it can be done with, and else any one at all.
func (y *year) likely(likely, all []uuid.UUID) uuid.UUID {
	if len(likely) > 0 && y.random.IntN(8) > 0 {
		return any1(y, likely)
	}
	return any1(y, all)
}

// without is a list without one.
func without(all []uuid.UUID, one uuid.UUID) []uuid.UUID {
	return slices.DeleteFunc(all, func(id uuid.UUID) bool { return id == one })
}

func (y *year) enterprise() uuid.UUID {
	y.t.Helper()
	opened, err := y.alone.OpenAccount(y.t.Context(), y.operator(), domaintest.Enterprise.Name)
	if err != nil {
		y.t.Fatal(err)
	}
	certified := account.Enterprise{Name: "海南椰风贸易有限公司", USCC: domaintest.FreshCode(), LegalRepresentative: "陈海生"}
	if _, err := y.alone.CertifyAccount(y.t.Context(), y.operator(), opened.ID, certified, "operator"); err != nil {
		y.t.Fatal(err)
	}
	return opened.ID
}

func (y *year) apply(ctx context.Context) error {
	if len(y.providers) >= 25 {
		return y.reapply(ctx)
	}
	id := y.enterprise()
	y.providers = append(y.providers, id)
	form := domaintest.Profile("海运")
	form.USCC = domaintest.FreshCode()
	y.pass()
	_, err := y.alone.ApplyAsProvider(ctx, y.by(id, domain.RoleEnterprise), form)
	return y.submitted(&y.pendingProviders, id, 1, err)
}

func (y *year) reapply(ctx context.Context) error {
	id := any1(y, y.providers)
	if id == uuid.Nil {
		return nil
	}
	known, err := y.alone.Provider(ctx, id)
	if err != nil {
		return err
	}
	out, err := y.alone.ReviseApplication(ctx, y.by(id, domain.RoleEnterprise), known.Latest)
	return y.submitted(&y.pendingProviders, id, out.State.Revision, err)
}

// submitted remembers the latest revision, and that it awaits a decision.
func (y *year) submitted(pending *[]uuid.UUID, id uuid.UUID, revision domain.ContentRevision, err error) error {
	if err == nil {
		y.revision[id] = revision
		*pending = append(without(*pending, id), id)
	}
	return err
}

// decided remembers that it does not any more; what is refused is mostly that already.
func decided(pending *[]uuid.UUID, id uuid.UUID, review domain.Review, err error) error {
	if err != nil || review != domain.ReviewPending {
		*pending = without(*pending, id)
	}
	return err
}

func (y *year) judgeProvider(ctx context.Context) error {
	id, service := y.likely(y.pendingProviders, y.providers), y.alone
	if y.random.IntN(3) == 0 {
		service = y.twofold
	}
	ruling := commands.Decision{Revision: y.revision[id]}
	if y.random.IntN(4) == 0 {
		ruling.Reasons = y.reasons("/name", "/address")
		out, err := service.RejectProvider(ctx, y.reviewer(), id, ruling)
		return decided(&y.pendingProviders, id, out.State.Review, err)
	}
	out, err := service.ApproveProvider(ctx, y.reviewer(), id, ruling)
	return decided(&y.pendingProviders, id, out.State.Review, err)
}

// reasons may name one twice: two fields, say, that are both inconsistent.
func (y *year) reasons(fields ...string) []domain.Reason {
	var all []domain.Reason
	for _, field := range fields[:1+y.random.IntN(len(fields))] {
		all = append(all, domain.Reason{Code: any1(y, []string{"inconsistent", "misleading", "incomplete"}), Field: field})
	}
	return all
}

func (y *year) revokeProvider(ctx context.Context) error {
	id := any1(y, y.providers)
	out, err := y.alone.RevokeProviderApproval(ctx, y.reviewer(), id, commands.Decision{Revision: y.live1(id), Reasons: y.reasons("/name")})
	if err == nil && out.State.Review == domain.ReviewPending {
		y.pendingProviders = append(y.pendingProviders, id)
	}
	return err
}

// live1 is the latest revision, or the one before: which of them is live is not remembered.
func (y *year) live1(id uuid.UUID) domain.ContentRevision {
	return max(1, y.revision[id]-domain.ContentRevision(y.random.IntN(2)))
}

// offered is a product's content, of one of a few modes and destinations.
func (y *year) offered() product.Content {
	c := domaintest.Content("三亚—新加坡")
	c.Mode = any1(y, []product.Mode{product.Sea, product.Air, product.Land, product.Rail})
	c.Destination = any1(y, []product.Destination{
		c.Destination,
		{Country: "越南", City: "海防", Latitude: 20.8449, Longitude: 106.6881, CRS: "WGS-84"},
		{Country: "泰国", City: "曼谷", Latitude: 13.7563, Longitude: 100.5018, CRS: "WGS-84"},
	})
	return c
}

func (y *year) submit(ctx context.Context) error {
	owner := any1(y, y.providers)
	out, err := y.alone.SubmitProduct(ctx, y.by(owner, domain.RoleProvider), y.offered())
	if err != nil {
		return err
	}
	y.products, y.owner[out.ID] = append(y.products, out.ID), owner
	return y.submitted(&y.pendingProducts, out.ID, 1, nil)
}

func (y *year) revise(ctx context.Context) error {
	id := any1(y, y.products)
	out, err := y.alone.ReviseProduct(ctx, y.by(y.owner[id], domain.RoleProvider), id, y.offered())
	return y.submitted(&y.pendingProducts, id, out.State.Revision, err)
}

func (y *year) judgeProduct(ctx context.Context) error {
	id := y.likely(y.pendingProducts, y.products)
	ruling := commands.Decision{Revision: y.revision[id]}
	if y.random.IntN(3) == 0 {
		ruling.Reasons = y.reasons("/name", "/brief", "/tags")
		out, err := y.alone.RejectProduct(ctx, y.reviewer(), id, ruling)
		return decided(&y.pendingProducts, id, out.State.Review, err)
	}
	out, err := y.alone.ApproveProduct(ctx, y.reviewer(), id, ruling)
	if err == nil {
		y.offers = append(without(y.offers, id), id)
	}
	return decided(&y.pendingProducts, id, out.State.Review, err)
}

func (y *year) revokeProduct(ctx context.Context) error {
	id := y.likely(y.offers, y.products)
	out, err := y.alone.RevokeProductApproval(ctx, y.reviewer(), id, commands.Decision{Revision: y.live1(id), Reasons: y.reasons("/name", "/brief")})
	if err == nil && out.State.Review == domain.ReviewPending {
		y.pendingProducts = append(y.pendingProducts, id)
	}
	return err
}

func (y *year) display(ctx context.Context) (err error) {
	id := y.likely(y.offers, y.products)
	who := y.by(y.owner[id], domain.RoleProvider)
	switch y.random.IntN(5) {
	case 0, 1:
		_, err = y.alone.UnpublishProduct(ctx, who, id)
	case 2, 3:
		_, err = y.alone.PublishProduct(ctx, who, id)
	default:
		_, err = y.alone.PinProduct(ctx, who, id)
	}
	return err
}

func (y *year) takeDown(ctx context.Context) error {
	_, err := y.alone.TakeDownProduct(ctx, y.operator(), any1(y, y.products), "违规")
	return err
}

func (y *year) remove(ctx context.Context) error {
	id := any1(y, y.products)
	_, err := y.alone.DeleteProduct(ctx, y.by(y.owner[id], domain.RoleProvider), id)
	if err == nil && y.random.IntN(2) == 0 {
		return y.closing(ctx, booking.ProductDeleted, func(b uuid.UUID) bool { return y.owner[b] == y.owner[id] })
	}
	return err
}

func (y *year) suspend(ctx context.Context) error {
	_, err := y.alone.SuspendProvider(ctx, y.operator(), any1(y, y.providers), "投诉")
	return err
}

func (y *year) reinstate(ctx context.Context) error {
	_, err := y.alone.ReinstateProvider(ctx, y.operator(), any1(y, y.providers), "整改完成")
	return err
}

// end closes a provider, now and then, and with it what awaits a decision or a reply.
func (y *year) end(ctx context.Context) error {
	if y.random.IntN(3) > 0 {
		return nil
	}
	id := any1(y, y.providers)
	if _, err := y.alone.CloseProvider(ctx, y.operator(), id, "注销"); err != nil {
		return err
	}
	for _, p := range y.products {
		if y.owner[p] == id {
			if _, err := y.alone.EndProductReview(ctx, y.by(uuid.Nil, domain.RoleSystem), p); err != nil && !errors.Is(err, domain.ErrNotFound) {
				return err
			}
		}
	}
	return y.closing(ctx, booking.ProviderClosed, func(b uuid.UUID) bool { return y.owner[b] == id })
}

func (y *year) closing(ctx context.Context, reason booking.CloseReason, which func(uuid.UUID) bool) error {
	for _, b := range y.bookings {
		if which(b) {
			if _, err := y.alone.CloseBooking(ctx, y.by(uuid.Nil, domain.RoleSystem), b, reason); err != nil {
				return err
			}
		}
	}
	return nil
}

func (y *year) book(ctx context.Context) error {
	id := y.likely(y.offers, y.products)
	out, err := y.alone.RequestBooking(ctx, y.by(any1(y, y.buyers), domain.RoleEnterprise), id, domaintest.Inquiry("请报价"))
	if err == nil {
		y.bookings, y.unanswered, y.owner[out.ID] = append(y.bookings, out.ID), append(y.unanswered, out.ID), y.owner[id]
	} else if y.random.IntN(3) == 0 {
		y.offers = without(y.offers, id)
	}
	return err
}

func (y *year) reply(ctx context.Context) error {
	id := y.likely(y.unanswered, y.bookings)
	y.unanswered = without(y.unanswered, id)
	_, err := y.alone.ReplyToBooking(ctx, y.by(y.owner[id], domain.RoleProvider), id, "可以")
	return err
}

func (y *year) withdraw(ctx context.Context) error {
	_, err := y.alone.WithdrawBooking(ctx, y.by(any1(y, y.buyers), domain.RoleEnterprise), y.likely(y.unanswered, y.bookings))
	return err
}

// correct changes a day around today into its contrary: often one that has passed, which moves what is counted already.
func (y *year) correct(ctx context.Context) error {
	known, err := y.alone.Calendar(ctx)
	if err != nil {
		return err
	}
	day := workdays.DayOf(y.now) + workdays.Day(y.random.IntN(40)-30)
	change := workdays.Special{Day: day, Working: !known.Working(day), Name: domain.Text{ZH: "台风停工", EN: "typhoon"}}
	_, err = y.alone.CorrectCalendar(ctx, y.operator(), workdays.Correction{Days: []workdays.Special{change}, Notice: fmt.Sprint("关于", day, "的通知")})
	return err
}
