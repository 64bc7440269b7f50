package figures_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections/figures"
	"waybill/projections/modeltest"
)

// portal is a log with the times written out.
type portal struct {
	*modeltest.History
	t testing.TB
}

// on has somebody do something at a time in Beijing, "2026-11-27 10:00".
func (p *portal) on(when, who, category, subject string, facts ...domain.Event) domain.Position {
	p.t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -07:00", when+" +08:00")
	if err != nil {
		p.t.Fatal(err)
	}
	role := domain.RoleProvider
	if strings.HasPrefix(who, "r") {
		role = domain.RoleReviewer
	}
	if p.Actor = (domain.Actor{ID: domaintest.ID(who), Role: role}); who == "system" {
		p.Actor = domain.System
	}
	id := domaintest.ID(subject)
	if category == calendar.Category {
		id = calendar.ID
	}
	for _, fact := range facts {
		p.AddAt(domain.Stream(category, id), at, fact)
	}
	return domain.Position(len(p.Log))
}

func content(mode product.Mode, country string) product.Content {
	c := domaintest.Content("专线")
	c.Mode, c.Destination.Country = mode, country
	return c
}

func because(codes ...string) (all []domain.Reason) {
	for _, code := range codes {
		all = append(all, domain.Reason{Code: code, Field: "/name"})
	}
	return append(all, domain.Reason{Code: codes[0], Field: "/brief"})
}

func period(t testing.TB, from, to string) (f figures.Filter) {
	t.Helper()
	var err [2]error
	f.From, err[0] = workdays.ParseDay(from)
	f.To, err[1] = workdays.ParseDay(to)
	if err[0] != nil || err[1] != nil {
		t.Fatal(err)
	}
	return f
}

func said(t testing.TB, what string, got any, err error, want string) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	var lines []string
	list := reflect.ValueOf(got)
	for i := range list.Len() {
		lines = append(lines, fmt.Sprintf("%+v", list.Index(i).Interface()))
	}
	want = strings.TrimSpace(strings.ReplaceAll(want, "\t", ""))
	if text := strings.Join(lines, "\n"); text != want {
		t.Errorf("%s:\n got\n%s\nwant\n%s", what, text, want)
	}
}

// week is a week of a provider and two products: 2026-11-23 is a Monday.
func week(t testing.TB) *portal {
	p := &portal{modeltest.NewHistory(), t}
	v := domaintest.ID("v")
	// The application is rejected on Tuesday, submitted again on Wednesday, replaced on Thursday, and approved on Friday.
	p.on("2026-11-23 09:00", "v", provider.Category, "v", provider.Applied{Revision: 1, Profile: domaintest.Profile("立足三亚")})
	p.on("2026-11-24 09:00", "r1", provider.Category, "v", provider.Rejected{Revision: 1, Reasons: because("blurred", "other")})
	p.on("2026-11-25 09:00", "v", provider.Category, "v", provider.Revised{Revision: 2, Profile: domaintest.Profile("立足三亚")})
	p.on("2026-11-26 09:00", "v", provider.Category, "v", provider.Revised{Revision: 3, Profile: domaintest.Profile("立足三亚")})
	p.on("2026-11-26 18:00", "r1", provider.Category, "v", provider.FirstApproved{Revision: 3, Reviewer: domaintest.ID("r1")})
	p.on("2026-11-27 10:00", "r2", provider.Category, "v", provider.Approved{Revision: 3})
	// A product of Friday is due at the end of Monday, and is approved at that very moment; the other a minute before it.
	p.on("2026-11-27 12:00", "v", product.Category, "p", product.Submitted{ProviderID: v, Revision: 1, Content: content(product.Sea, "泰国")})
	p.on("2026-11-27 12:00", "v", product.Category, "q", product.Submitted{ProviderID: v, Revision: 1, Content: content(product.Air, "泰国")})
	p.on("2026-11-30 23:59", "r1", product.Category, "q", product.Approved{Revision: 1}, product.Listed{})
	p.on("2026-12-01 00:00", "r2", product.Category, "p", product.Approved{Revision: 1}, product.Listed{})
	p.on("2026-12-01 10:00", "e", booking.Category, "b", booking.Requested{ProductID: domaintest.ID("p"), ProductRevision: 1, ProviderID: v})
	p.on("2026-12-01 10:00", "e", booking.Category, "c", booking.Requested{ProductID: domaintest.ID("q"), ProductRevision: 1, ProviderID: v})
	return p
}

// TestTurnaround has the definitions of docs/reports.md one by one.
func TestTurnaround(t *testing.T) {
	pool := tables(t)
	p := week(t)
	q := figures.Queries{DB: pool}
	project(t, pool, 3, p.Log)
	f := period(t, "2026-11-23", "2026-12-01")
	for by, want := range map[figures.By]string{
		figures.ByAll: `{Key: Pair:{Now:{Decided:4 Breaches:1 SinceRevision:{N:4 Median:1500 P90:2160} SinceFirst:{N:4 Median:2159 P90:5820}} Before:{Decided:0 Breaches:0 SinceRevision:{N:0 Median:0 P90:0} SinceFirst:{N:0 Median:0 P90:0}}}}`,
		figures.ByRound: `{Key:1 Pair:{Now:{Decided:3 Breaches:1 SinceRevision:{N:3 Median:2159 P90:2160} SinceFirst:{N:3 Median:2159 P90:2160}} Before:{Decided:0 Breaches:0 SinceRevision:{N:0 Median:0 P90:0} SinceFirst:{N:0 Median:0 P90:0}}}}
			{Key:2 Pair:{Now:{Decided:1 Breaches:0 SinceRevision:{N:1 Median:1500 P90:1500} SinceFirst:{N:1 Median:5820 P90:5820}} Before:{Decided:0 Breaches:0 SinceRevision:{N:0 Median:0 P90:0} SinceFirst:{N:0 Median:0 P90:0}}}}`,
		figures.ByReason: `{Key:blurred Pair:{Now:{Decided:1 Breaches:0 SinceRevision:{N:1 Median:1440 P90:1440} SinceFirst:{N:1 Median:1440 P90:1440}} Before:{Decided:0 Breaches:0 SinceRevision:{N:0 Median:0 P90:0} SinceFirst:{N:0 Median:0 P90:0}}}}
			{Key:other Pair:{Now:{Decided:1 Breaches:0 SinceRevision:{N:1 Median:1440 P90:1440} SinceFirst:{N:1 Median:1440 P90:1440}} Before:{Decided:0 Breaches:0 SinceRevision:{N:0 Median:0 P90:0} SinceFirst:{N:0 Median:0 P90:0}}}}`,
		figures.ByKind: `{Key:provider Pair:{Now:{Decided:2 Breaches:0 SinceRevision:{N:2 Median:1440 P90:1500} SinceFirst:{N:2 Median:1440 P90:5820}} Before:{Decided:0 Breaches:0 SinceRevision:{N:0 Median:0 P90:0} SinceFirst:{N:0 Median:0 P90:0}}}}
			{Key:product Pair:{Now:{Decided:2 Breaches:1 SinceRevision:{N:2 Median:2159 P90:2160} SinceFirst:{N:2 Median:2159 P90:2160}} Before:{Decided:0 Breaches:0 SinceRevision:{N:0 Median:0 P90:0} SinceFirst:{N:0 Median:0 P90:0}}}}`,
	} {
		f.By = by
		r, err := q.Turnaround(t.Context(), f)
		said(t, "by "+string(by), r.Rows, err, want)
	}
	f = period(t, "2026-11-30", "2026-12-01")
	f.By = figures.ByDay
	r, err := q.Turnaround(t.Context(), f)
	said(t, "two days", r.Rows, err, `{Key:2026-11-30 Pair:{Now:{Decided:1 Breaches:0 SinceRevision:{N:1 Median:2159 P90:2159} SinceFirst:{N:1 Median:2159 P90:2159}} Before:{Decided:0 Breaches:0 SinceRevision:{N:0 Median:0 P90:0} SinceFirst:{N:0 Median:0 P90:0}}}}
		{Key:2026-12-01 Pair:{Now:{Decided:1 Breaches:1 SinceRevision:{N:1 Median:2160 P90:2160} SinceFirst:{N:1 Median:2160 P90:2160}} Before:{Decided:0 Breaches:0 SinceRevision:{N:0 Median:0 P90:0} SinceFirst:{N:0 Median:0 P90:0}}}}`)
}

// TestWhatIsFrozenStays: days that are long past turn out to be days off; a report as of a position before says what it said.
func TestWhatIsFrozenStays(t *testing.T) {
	pool := tables(t)
	p := week(t)
	q := figures.Queries{DB: pool}
	before := domain.Position(len(p.Log))
	typhoon := workdays.Correction{Notice: "三府发〔2026〕9号"}
	for _, day := range []string{"2026-11-24", "2026-11-30"} {
		d, err := workdays.ParseDay(day)
		if err != nil {
			t.Fatal(err)
		}
		typhoon.Days = append(typhoon.Days, workdays.Special{Day: d, Name: domain.Text{ZH: "台风停工", EN: "Typhoon"}})
	}
	p.on("2026-12-20 09:00", "o", calendar.Category, "", calendar.Corrected{Version: "2026.1", Correction: typhoon})
	f := period(t, "2026-11-23", "2026-12-01")
	for _, size := range []int{1, 4, 100} {
		project(t, pool, size, p.Log[:before])
		first, err := q.Turnaround(t.Context(), f)
		if err != nil || first.Position != before || first.Calendar != "2026.0" {
			t.Fatalf("%+v, %v", first, err)
		}
		project(t, pool, size, p.Log)
		f.AsOf = before
		again, err := q.Turnaround(t.Context(), f)
		if err != nil || !reflect.DeepEqual(first, again) {
			t.Errorf("as of %d it was %+v, and is %+v, %v", before, first, again, err)
		}
		f.AsOf = 0
		now, err := q.Turnaround(t.Context(), f)
		if now.Calendar != "2026.1" {
			t.Errorf("%+v", now.Stamp)
		}
		// What was late is not: it was due a day later. The median and all that lay in the days off is less.
		said(t, "as of the correction", now.Rows, err, `{Key: Pair:{Now:{Decided:4 Breaches:0 SinceRevision:{N:4 Median:720 P90:1500} SinceFirst:{N:4 Median:720 P90:4380}} Before:{Decided:0 Breaches:0 SinceRevision:{N:0 Median:0 P90:0} SinceFirst:{N:0 Median:0 P90:0}}}}`)
	}
}

func TestRejections(t *testing.T) {
	pool := tables(t)
	p := week(t)
	p.on("2026-12-02 09:00", "v", product.Category, "q", product.Revised{Revision: 2, Content: content(product.Air, "泰国")})
	p.on("2026-12-02 10:00", "system", product.Category, "q", product.Rejected{Revision: 2, Reasons: because("provider_closed")})
	p.on("2026-12-02 09:00", "v", product.Category, "p", product.Revised{Revision: 2, Content: content(product.Air, "泰国")})
	p.on("2026-12-02 10:00", "r1", product.Category, "p", product.Rejected{Revision: 2, Reasons: because("other")})
	project(t, pool, 3, p.Log)
	r, err := figures.Queries{DB: pool}.Rejections(t.Context(), period(t, "2026-11-25", "2026-12-02"))
	said(t, "what is nobody's work is none", r.Rows, err, `{Kind:provider Reason:blurred Pair:{Now:0 Before:1} Of:{Now:0 Before:1}}
		{Kind:provider Reason:other Pair:{Now:0 Before:1} Of:{Now:0 Before:1}}
		{Kind:product Reason:other Pair:{Now:1 Before:0} Of:{Now:1 Before:0}}`)
}

func TestFunnel(t *testing.T) {
	pool := tables(t)
	p := week(t)
	then := domain.Position(len(p.Log))
	p.on("2026-12-02 10:00", "v", booking.Category, "b", booking.Replied{Number: 1, Text: "好"})
	p.on("2026-12-03 10:00", "v", product.Category, "p", product.Deleted{})
	project(t, pool, 2, p.Log)
	f := period(t, "2026-11-23", "2026-11-29")
	q := figures.Queries{DB: pool}
	for at, replied := range map[domain.Position]int{then: 0, 0: 1} {
		f.AsOf = at
		r, err := q.Funnel(t.Context(), f)
		said(t, fmt.Sprint("as of ", at), r.Rows, err, fmt.Sprintf(`{Kind:provider Stage:submitted Pair:{Now:1 Before:0} Of:{Now:1 Before:0}}
			{Kind:provider Stage:decided Pair:{Now:1 Before:0} Of:{Now:1 Before:0}}
			{Kind:provider Stage:approved Pair:{Now:1 Before:0} Of:{Now:1 Before:0}}
			{Kind:provider Stage:approved_at_first Pair:{Now:0 Before:0} Of:{Now:1 Before:0}}
			{Kind:provider Stage:product_submitted Pair:{Now:1 Before:0} Of:{Now:1 Before:0}}
			{Kind:provider Stage:product_listed Pair:{Now:1 Before:0} Of:{Now:1 Before:0}}
			{Kind:product Stage:submitted Pair:{Now:2 Before:0} Of:{Now:2 Before:0}}
			{Kind:product Stage:decided Pair:{Now:2 Before:0} Of:{Now:2 Before:0}}
			{Kind:product Stage:approved Pair:{Now:2 Before:0} Of:{Now:2 Before:0}}
			{Kind:product Stage:approved_at_first Pair:{Now:2 Before:0} Of:{Now:2 Before:0}}
			{Kind:product Stage:listed Pair:{Now:2 Before:0} Of:{Now:2 Before:0}}
			{Kind:product Stage:booked Pair:{Now:2 Before:0} Of:{Now:2 Before:0}}
			{Kind:product Stage:replied_to Pair:{Now:%d Before:0} Of:{Now:2 Before:0}}`, replied))
	}
}

// TestBookings: a reply comes after a night and a weekend.
func TestBookings(t *testing.T) {
	pool := tables(t)
	p := week(t)
	v := domaintest.ID("v")
	p.on("2026-12-04 12:00", "e", booking.Category, "d", booking.Requested{ProductID: domaintest.ID("q"), ProductRevision: 1, ProviderID: v})
	p.on("2026-12-01 10:30", "v", booking.Category, "b", booking.Replied{Number: 1, Text: "好"}) // by a clock that is behind
	p.on("2026-12-07 12:00", "v", booking.Category, "d", booking.Replied{Number: 1, Text: "好"})
	p.on("2026-12-07 12:00", "e", booking.Category, "c", booking.Closed{Reason: booking.Withdrawn})
	project(t, pool, 4, p.Log)
	q := figures.Queries{DB: pool}
	const none = `Before:{Requested:0 Replied:0 ToReply:{N:0 Median:0 P90:0} ToReplyWorking:{N:0 Median:0 P90:0} Closed:{Withdrawn:0 ProductDeleted:0 ProviderClosed:0 EnterpriseClosed:0}}}}`
	for by, want := range map[figures.By]string{
		figures.ByMode: `{Key:air Pair:{Now:{Requested:2 Replied:1 ToReply:{N:1 Median:4320 P90:4320} ToReplyWorking:{N:1 Median:1440 P90:1440} Closed:{Withdrawn:1 ProductDeleted:0 ProviderClosed:0 EnterpriseClosed:0}} ` + none + `
			{Key:sea Pair:{Now:{Requested:1 Replied:1 ToReply:{N:1 Median:30 P90:30} ToReplyWorking:{N:1 Median:30 P90:30} Closed:{Withdrawn:0 ProductDeleted:0 ProviderClosed:0 EnterpriseClosed:0}} ` + none,
		figures.ByDestination: `{Key:泰国 Pair:{Now:{Requested:3 Replied:2 ToReply:{N:2 Median:30 P90:4320} ToReplyWorking:{N:2 Median:30 P90:1440} Closed:{Withdrawn:1 ProductDeleted:0 ProviderClosed:0 EnterpriseClosed:0}} ` + none,
		figures.ByProvider:    `{Key:` + v.String() + ` Pair:{Now:{Requested:3 Replied:2 ToReply:{N:2 Median:30 P90:4320} ToReplyWorking:{N:2 Median:30 P90:1440} Closed:{Withdrawn:1 ProductDeleted:0 ProviderClosed:0 EnterpriseClosed:0}} ` + none,
	} {
		f := period(t, "2026-12-01", "2026-12-04")
		f.By = by
		r, err := q.Bookings(t.Context(), f)
		said(t, "by "+string(by), r.Rows, err, want)
	}
}

// TestListings: what a suspension hides comes back with its end; a revocation ends more than one may see.
func TestListings(t *testing.T) {
	pool := tables(t)
	p := week(t)
	p.on("2026-12-02 10:00", "o", provider.Category, "v", provider.Suspended{Reason: "复核"})
	p.on("2026-12-02 11:00", "v", product.Category, "q", product.Unlisted{})
	p.on("2026-12-03 10:00", "o", provider.Category, "v", provider.Reinstated{Reason: "复核通过"})
	p.on("2026-12-04 09:00", "v", product.Category, "p", product.Revised{Revision: 2, Content: content(product.Rail, "老挝")})
	p.on("2026-12-04 10:00", "r1", product.Category, "p", product.Approved{Revision: 2})
	p.on("2026-12-05 10:00", "r2", product.Category, "p", product.ApprovalRevoked{Revision: 2, Reasons: domaintest.Unfit})
	for _, size := range []int{1, 2, 5, 100} {
		project(t, pool, size, p.Log)
		f := period(t, "2026-11-30", "2026-12-05")
		r, err := figures.Queries{DB: pool}.Listings(t.Context(), f)
		var got []string
		for _, row := range r.Rows {
			if row.Now != 0 || row.Before != 0 {
				got = append(got, fmt.Sprint(row.Day, row.Destination, row.Mode, row.Now, row.Before))
			}
		}
		said(t, "listings", got, err, `2026-11-30泰国air1 0
			2026-12-01泰国air1 0
			2026-12-01泰国sea1 0
			2026-12-03泰国sea1 0
			2026-12-04老挝rail1 0`)
		if len(r.Rows) != 6*3 {
			t.Errorf("%d rows", len(r.Rows))
		}
		f.From, f.By = f.To, figures.ByDay
		r, err = figures.Queries{DB: pool}.Listings(t.Context(), f)
		said(t, "a day", r.Rows, err, `{Day:2026-12-05 Destination: Mode: Pair:{Now:0 Before:1}}`)
	}
}

func TestDaily(t *testing.T) {
	pool := tables(t)
	p := week(t)
	p.on("2026-11-24 08:00", "v", product.Category, "p", product.Revised{Revision: 2, Content: content(product.Air, "泰国")}) // by a clock that is behind
	p.on("2026-12-01 12:00", "o", product.Category, "q", product.TakenDown{Revision: 1, Reason: "投诉"})
	p.on("2026-12-01 13:00", "r1", product.Category, "q", product.ApprovalRevoked{Revision: 1, Reasons: domaintest.Unfit})
	p.on("2026-12-01 14:00", "v", product.Category, "q", product.Deleted{})
	project(t, pool, 5, p.Log)
	r, err := figures.Queries{DB: pool}.Daily(t.Context(), period(t, "2026-12-01", "2026-12-01"))
	said(t, "a day", r.Rows, err, `{Key:2026-12-01 Pair:{Now:{Provider:{Submitted:0 Approved:0 Rejected:0 Revoked:0 Pending:0} Product:{Submitted:0 Approved:1 Rejected:0 Revoked:1 Pending:1} Listed:1 Unlisted:0 TakenDown:1 Deleted:1 Requested:2 Replied:0} Before:{Provider:{Submitted:0 Approved:0 Rejected:0 Revoked:0 Pending:0} Product:{Submitted:0 Approved:1 Rejected:0 Revoked:0 Pending:2} Listed:1 Unlisted:0 TakenDown:0 Deleted:0 Requested:0 Replied:0}}}`)
}

// TestWhatIsNoReport is refused.
func TestWhatIsNoReport(t *testing.T) {
	pool := tables(t)
	project(t, pool, 5, week(t).Log)
	q := figures.Queries{DB: pool}
	good := period(t, "2026-12-01", "2026-12-01")
	for name, change := range map[string]func(*figures.Filter){
		"backwards": func(f *figures.Filter) { f.To-- },
		"too long":  func(f *figures.Filter) { f.To += figures.MaxDays },
		"by what":   func(f *figures.Filter) { f.By = figures.ByReviewer },
		"of whom":   func(f *figures.Filter) { f.Kind = booking.Category },
	} {
		f := good
		change(&f)
		if _, err := q.Funnel(t.Context(), f); !errors.Is(err, figures.ErrFilter) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.AsOf = 1000
	if _, err := q.Daily(t.Context(), good); !errors.Is(err, figures.ErrNotShown) {
		t.Errorf("as of what is not there: %v", err)
	}
	for _, c := range []struct {
		part, whole, rate int
		ok                bool
	}{{0, 0, 0, false}, {1, 3, 3333, true}, {2, 3, 6667, true}, {1, 20_000, 1, true}, {0, 7, 0, true}, {7, 7, 10_000, true}} {
		if rate, ok := figures.Rate(c.part, c.whole); rate != c.rate || ok != c.ok {
			t.Errorf("%d of %d: %d %v", c.part, c.whole, rate, ok)
		}
	}
}

// TestWhatComesLate: the events of a stream that was parked are applied after all others, and count where they are in the log.
func TestWhatComesLate(t *testing.T) {
	pool := tables(t)
	p := week(t)
	p.on("2026-12-02 10:00", "v", booking.Category, "b", booking.Replied{Number: 1, Text: "好"})
	p.on("2026-12-02 10:00", "v", product.Category, "p", product.Unlisted{})
	for _, size := range []int{1, 3, 7, 100} {
		for _, stream := range []domain.StreamName{domain.Stream(booking.Category, domaintest.ID("b")), domain.Stream(product.Category, domaintest.ID("p"))} {
			model, parked, rest := figures.NewModel(size), slices.Clone(p.Log), slices.Clone(p.Log)
			parked = parked[:0]
			rest = rest[:0]
			for _, e := range p.Log {
				if e.Stream == stream {
					parked = append(parked, e)
				} else {
					rest = append(rest, e)
				}
			}
			project(t, pool, size, rest)
			for _, e := range parked {
				if err := modeltest.Apply(context.Background(), pool, model, parked[:0:0]); err != nil {
					t.Fatal(err)
				}
				if err := modeltest.Apply(context.Background(), pool, model, append(parked[:0:0], e)); err != nil {
					t.Fatalf("%s@%d late: %v", e.Stream, e.Revision, err)
				}
			}
			if _, err := pool.Exec(t.Context(), `UPDATE projections.checkpoints SET position = $1`, len(p.Log)); err != nil {
				t.Fatal(err)
			}
			q := figures.Queries{DB: pool}
			for at := 1; at <= len(p.Log); at++ {
				n, f := tell(p.Log, domain.Position(at)), period(t, "2026-11-27", "2026-12-02")
				f.AsOf = domain.Position(at)
				what := fmt.Sprintf("%s, in stretches of %d, as of %d", stream, size, at)
				daily, err := q.Daily(t.Context(), f)
				modeltest.Equal(t, what, fmt.Sprintf("%+v %v", daily.Rows, err), fmt.Sprintf("%+v <nil>", n.daily(f)))
				turnaround, err := q.Turnaround(t.Context(), f)
				modeltest.Equal(t, what, fmt.Sprintf("%+v %v", turnaround.Rows, err), fmt.Sprintf("%+v <nil>", n.turnaround(f)))
				bookings, err := q.Bookings(t.Context(), f)
				modeltest.Equal(t, what, fmt.Sprintf("%+v %v", bookings.Rows, err), fmt.Sprintf("%+v <nil>", n.booked(f)))
				f.By = figures.ByDay
				listings, err := q.Listings(t.Context(), f)
				modeltest.Equal(t, what, fmt.Sprintf("%+v %v", listings.Rows, err), fmt.Sprintf("%+v <nil>", n.listings(f)))
			}
		}
	}
}

// TestWhatMakesNoSense parks the stream.
func TestWhatMakesNoSense(t *testing.T) {
	pool := tables(t)
	for name, add := range map[string]func(*modeltest.History){
		"a decision on nothing": func(h *modeltest.History) { h.Add(product.Category, domaintest.ID("p"), product.Approved{Revision: 1}) },
		"a decision on an earlier revision": func(h *modeltest.History) {
			h.Add(product.Category, domaintest.ID("p"), product.Submitted{Revision: 1}, product.Revised{Revision: 2}, product.Approved{Revision: 1})
		},
		"what follows a deletion": func(h *modeltest.History) {
			h.Add(product.Category, domaintest.ID("p"), product.Submitted{Revision: 1}, product.Deleted{}, product.Unlisted{})
		},
		"a suspension of nobody": func(h *modeltest.History) {
			h.Add(provider.Category, domaintest.ID("v"), provider.Suspended{Reason: "复核"})
		},
		"a reply to nothing": func(h *modeltest.History) { h.Add(booking.Category, domaintest.ID("b"), booking.Replied{Number: 1}) },
	} {
		h := modeltest.NewHistory()
		add(h)
		if err := modeltest.Apply(t.Context(), pool, figures.Model, h.Log); err == nil || !strings.Contains(err.Error(), "@") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
