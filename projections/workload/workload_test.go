package workload_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/decision"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/modeltest"
	"waybill/projections/workload"
)

// desk is a log in which reviewers work, with the times written out.
type desk struct {
	*modeltest.History
	t *testing.T
}

// on has somebody do something at a time in Beijing, "2026-11-27 10:00".
func (d *desk) on(when string, who domain.Actor, category, subject string, facts ...domain.Event) {
	d.t.Helper()
	d.Actor = who
	for _, fact := range facts {
		d.AddAt(domain.Stream(category, domaintest.ID(subject)), beijing(d.t, when), fact)
	}
}

func beijing(t *testing.T, when string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -07:00", when+" +08:00")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func reviewer(name string) domain.Actor {
	return domain.Actor{ID: domaintest.ID(name), Role: domain.RoleReviewer}
}

func (d *desk) claims(when, name, id, kind, subject string, revision domain.ContentRevision, until string) {
	d.t.Helper()
	d.on(when, reviewer(name), claim.Category, subject, claim.Claimed{
		Claim: domaintest.ID(id), Kind: kind, Revision: revision, Reviewer: domaintest.ID(name), Until: beijing(d.t, until),
	})
}

// begins is what precedes a decision on the claim's stream; without a claim, id is empty.
func (d *desk) begins(when, name, id, kind, subject string, revision domain.ContentRevision) decision.Record {
	d.t.Helper()
	held := uuid.Nil
	if id != "" {
		held = domaintest.ID(id)
	}
	d.on(when, reviewer(name), claim.Category, subject,
		claim.DecisionBegun{Kind: kind, Revision: revision, Reviewer: domaintest.ID(name), Claim: held})
	return decision.Record{Seen: &decision.Seen{Digest: strings.Repeat("0", 64), Claim: held}}
}

// week is a week's work of two reviewers: a Friday, a weekend and a Monday.
func week(t *testing.T) *desk {
	d := &desk{History: modeltest.NewHistory(), t: t}
	owner, operator := domain.Actor{ID: domaintest.ID("v"), Role: domain.RoleEnterprise}, domain.Actor{ID: domaintest.ID("o"), Role: domain.RoleOperator}
	d.on("2026-11-26 09:00", owner, provider.Category, "v", provider.Applied{Revision: 1, Profile: domaintest.Profile("立足三亚")})
	d.on("2026-11-26 09:00", owner, product.Category, "p", product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("海运")})
	d.on("2026-11-26 09:00", owner, product.Category, "q", product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("空运")})
	// Chen claims the application, is told to hand it over, and Lin gives the first approval; Chen the second, without a claim.
	d.claims("2026-11-27 10:00", "chen", "c1", provider.Category, "v", 1, "2026-11-27 10:30")
	d.on("2026-11-27 10:20", reviewer("chen"), claim.Category, "v", claim.Renewed{Claim: domaintest.ID("c1"), Until: beijing(t, "2026-11-27 10:50")})
	d.on("2026-11-27 10:40", operator, claim.Category, "v", claim.TakenOver{Claim: domaintest.ID("c1"), Reason: "开会"})
	d.claims("2026-11-27 10:40", "lin", "c2", provider.Category, "v", 1, "2026-11-27 11:10")
	d.on("2026-11-27 11:00", reviewer("lin"), provider.Category, "v",
		provider.FirstApproved{Revision: 1, Record: d.begins("2026-11-27 11:00", "lin", "c2", provider.Category, "v", 1)})
	d.on("2026-11-27 12:00", reviewer("chen"), provider.Category, "v",
		provider.Approved{Revision: 1, Record: d.begins("2026-11-27 12:00", "chen", "", provider.Category, "v", 1)})
	// Lin claims a product, and nobody hears of it until Chen claims it on Monday.
	d.claims("2026-11-27 23:20", "lin", "c3", product.Category, "p", 1, "2026-11-27 23:50")
	d.on("2026-11-27 23:45", reviewer("lin"), claim.Category, "p", claim.Renewed{Claim: domaintest.ID("c3"), Until: beijing(t, "2026-11-28 00:15")})
	d.claims("2026-11-30 10:00", "chen", "c4", product.Category, "p", 1, "2026-11-30 10:30")
	d.on("2026-11-30 10:10", reviewer("chen"), claim.Category, "p", claim.Released{Claim: domaintest.ID("c4")})
	d.claims("2026-11-30 10:11", "chen", "c5", product.Category, "p", 1, "2026-11-30 10:41")
	d.on("2026-11-30 10:12", reviewer("chen"), product.Category, "p",
		product.Approved{Revision: 1, Record: d.begins("2026-11-30 10:12", "chen", "c5", product.Category, "p", 1)})
	// The clock ends Lin's claim, somewhat late; the provider revises, and Lin rejects that at once.
	d.claims("2026-11-30 11:00", "lin", "c6", product.Category, "q", 1, "2026-11-30 11:30")
	d.on("2026-11-30 14:00", domain.System, claim.Category, "q", claim.Expired{Claim: domaintest.ID("c6")})
	d.on("2026-11-30 14:00", owner, product.Category, "q", product.Revised{Revision: 2, Content: domaintest.Content("空运")})
	d.on("2026-11-30 15:00", reviewer("lin"), product.Category, "q", product.Rejected{Revision: 2, Reasons: domaintest.Unfit})
	// A complaint: Lin revokes what Chen approved, and approves it again the next day.
	d.on("2026-12-01 09:00", reviewer("lin"), product.Category, "p", product.ApprovalRevoked{Revision: 1, Reasons: domaintest.Unfit})
	d.on("2026-12-02 09:00", reviewer("lin"), product.Category, "p", product.Approved{Revision: 1})
	// The party ends: a rejection that is nobody's work.
	d.on("2026-12-02 10:00", owner, product.Category, "q", product.Revised{Revision: 3, Content: domaintest.Content("空运")})
	d.on("2026-12-02 11:00", domain.System, product.Category, "q", product.Rejected{Revision: 3, Reasons: []domain.Reason{{Code: "provider_closed"}}})
	d.on("2026-12-02 11:00", owner, product.Category, "p", product.Deleted{})
	return d
}

// project applies a log to this read model alone, in batches that end where cuts say.
func project(t *testing.T, pool *pgxpool.Pool, log []projections.Event, cuts ...int) {
	t.Helper()
	start := 0
	for _, end := range append(slices.Clone(cuts), len(log)) {
		if err := modeltest.Apply(t.Context(), pool, workload.Model, log[start:end]); err != nil {
			t.Fatalf("events %d to %d: %v", start, end, err)
		}
		start = end
	}
}

func report(t testing.TB, pool *pgxpool.Pool, from, to, kind string) workload.Report {
	t.Helper()
	f := workload.Filter{Kind: kind}
	for day, text := range map[*workdays.Day]string{&f.From: from, &f.To: to} {
		var err error
		if *day, err = workdays.ParseDay(text); err != nil {
			t.Fatal(err)
		}
	}
	got, err := workload.Queries{DB: pool}.Report(context.Background(), f, workdays.Standard())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func times(n int, each ...string) workload.Times {
	var d [4]time.Duration
	for i, text := range each {
		d[i], _ = time.ParseDuration(text)
	}
	return workload.Times{N: n, Median: d[0], P90: d[1], WorkingMedian: d[2], WorkingP90: d[3]}
}

// TestWorkload: who did what in which days, however the log was cut into batches.
func TestWorkload(t *testing.T) {
	pool := modeltest.Tables(t)
	d := week(t)
	chen, lin := domaintest.ID("chen"), domaintest.ID("lin")
	every := make([]int, len(d.Log))
	for i := range every {
		every[i] = i + 1
	}
	for _, cuts := range [][]int{nil, every, {3, 7, 13, 20, 25}} {
		modeltest.Truncate(t, pool)
		project(t, pool, d.Log, cuts...)
		for _, c := range []struct {
			from, to, kind string
			want           []workload.Work
		}{
			{"2026-11-26", "2026-12-02", "", []workload.Work{
				{
					Reviewer: lin, Claimed: 3, Expired: 2, Approved: 1, FirstApproved: 1, Rejected: 1, Revoked: 1,
					FromClaim:      times(1, "20m", "20m", "20m", "20m"),
					FromSubmission: times(3, "24h", "26h", "24h", "26h"),
				},
				{
					Reviewer: chen, Claimed: 3, HandedBack: 1, TakenOver: 1, Approved: 2, Overturned: 1,
					FromClaim:      times(1, "1m", "1m", "1m", "1m"),
					FromSubmission: times(2, "27h", "97h12m", "27h", "49h12m"),
				},
			}},
			// The claim of Friday ran out on Saturday.
			{"2026-11-27", "2026-11-27", "", []workload.Work{
				{
					Reviewer: chen, Claimed: 1, TakenOver: 1, Approved: 1, FromSubmission: times(1, "27h", "27h", "27h", "27h"),
				},
				{
					Reviewer: lin, Claimed: 2, FirstApproved: 1,
					FromClaim: times(1, "20m", "20m", "20m", "20m"), FromSubmission: times(1, "26h", "26h", "26h", "26h"),
				},
			}},
			{"2026-11-28", "2026-11-28", "", []workload.Work{{Reviewer: lin, Expired: 1}}},
			{"2026-11-28", "2026-11-28", provider.Category, nil},
			// It was overturned on the day after, and counts where it was decided.
			{"2026-11-30", "2026-11-30", product.Category, []workload.Work{
				{
					Reviewer: chen, Claimed: 2, HandedBack: 1, Approved: 1, Overturned: 1,
					FromClaim: times(1, "1m", "1m", "1m", "1m"), FromSubmission: times(1, "97h12m", "97h12m", "49h12m", "49h12m"),
				},
				{Reviewer: lin, Claimed: 1, Expired: 1, Rejected: 1, FromSubmission: times(1, "1h", "1h", "1h", "1h")},
			}},
			{"2026-12-03", "2026-12-31", "", nil},
		} {
			name := fmt.Sprintf("cut at %v, %s to %s %s", cuts, c.from, c.to, c.kind)
			got := report(t, pool, c.from, c.to, c.kind)
			slices.SortFunc(c.want, func(a, b workload.Work) int {
				return (b.Decided()-a.Decided())*1000 + strings.Compare(a.Reviewer.String(), b.Reviewer.String())
			})
			modeltest.Equal(t, name, fmt.Sprintf("%+v", got.Reviewers), fmt.Sprintf("%+v", c.want))
			var claimed, decided, overturned int
			for _, w := range c.want {
				claimed, decided, overturned = claimed+w.Claimed, decided+w.Decided(), overturned+w.Overturned
			}
			if all := got.Everybody; all.Claimed != claimed || all.Decided() != decided || all.Overturned != overturned || all.FromSubmission.N != decided {
				t.Errorf("%s: everybody together %+v", name, all)
			}
		}
	}
}

// TestWorkingTimeIsTheCalendars: a correction tells of a day off that was a working day, and what took it counts less.
func TestWorkingTimeIsTheCalendars(t *testing.T) {
	pool := modeltest.Tables(t)
	project(t, pool, week(t).Log)
	f := workload.Filter{From: workdays.Date(2026, time.November, 30), To: workdays.Date(2026, time.November, 30), Kind: product.Category}
	typhoon, err := workdays.Standard().With(&workdays.Correction{
		Notice: "三府发〔2026〕9号",
		Days:   []workdays.Special{{Day: workdays.Date(2026, time.November, 27), Name: domain.Text{ZH: "台风停工", EN: "Typhoon"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := workload.Queries{DB: pool}.Report(context.Background(), f, typhoon)
	if err != nil {
		t.Fatal(err)
	}
	if all := got.Everybody.FromSubmission; all.P90 != 97*time.Hour+12*time.Minute || all.WorkingP90 != 25*time.Hour+12*time.Minute {
		t.Errorf("%+v", all)
	}
}

// TestOfManyTimes: the median and the ninth decile are times that were taken, by nearest rank.
func TestOfManyTimes(t *testing.T) {
	pool := modeltest.Tables(t)
	d := &desk{History: modeltest.NewHistory(), t: t}
	for i := 1; i <= 20; i++ {
		name := fmt.Sprint("p", i)
		d.on("2026-11-26 09:00", domain.Actor{ID: domaintest.Owner, Role: domain.RoleProvider}, product.Category, name,
			product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("海运")})
		d.on(fmt.Sprintf("2026-11-26 09:%02d", i), reviewer("chen"), product.Category, name, product.Rejected{Revision: 1, Reasons: domaintest.Unfit})
		modeltest.Truncate(t, pool)
		project(t, pool, d.Log)
		got := report(t, pool, "2026-11-26", "2026-11-26", "").Everybody.FromSubmission
		if want := fmt.Sprint(time.Duration((i+1)/2)*time.Minute, time.Duration((i*9+9)/10)*time.Minute); fmt.Sprint(got.Median, got.P90) != want {
			t.Errorf("of %d: %+v, want %s", i, got, want)
		}
	}
}

// TestWhatMakesNoSense parks the stream.
func TestWhatMakesNoSense(t *testing.T) {
	pool := modeltest.Tables(t)
	id := domaintest.ID("c")
	for name, add := range map[string]func(*modeltest.History){
		"a decision on nothing": func(h *modeltest.History) { h.Add(product.Category, domaintest.ID("p"), product.Approved{Revision: 1}) },
		"a decision on an earlier revision": func(h *modeltest.History) {
			h.Add(product.Category, domaintest.ID("p"), product.Submitted{Revision: 1}, product.Revised{Revision: 2}, product.Approved{Revision: 1})
		},
		"a renewal of nothing":  func(h *modeltest.History) { h.Add(claim.Category, domaintest.ID("p"), claim.Renewed{Claim: id}) },
		"an expiry of nothing":  func(h *modeltest.History) { h.Add(claim.Category, domaintest.ID("p"), claim.Expired{Claim: id}) },
		"a return of nothing":   func(h *modeltest.History) { h.Add(claim.Category, domaintest.ID("p"), claim.Released{Claim: id}) },
		"a takeover of nothing": func(h *modeltest.History) { h.Add(claim.Category, domaintest.ID("p"), claim.TakenOver{Claim: id}) },
	} {
		h := modeltest.NewHistory()
		add(h)
		if err := modeltest.Apply(t.Context(), pool, workload.Model, h.Log); err == nil || !strings.Contains(err.Error(), "@") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
