package review_test

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/modeltest"
	"waybill/projections/review"
)

var flags = []review.Flag{
	review.Mismatch, review.Finding, review.Resubmitted, review.FirstApproved, review.Revoked,
	review.TakenDown, review.Claimed, review.Unclaimed, review.Mine,
}

// filter draws at most three conditions: of more nothing is left.
func (w *world) filter(t *rapid.T) review.Filter {
	moment := func(what string) time.Time {
		if rapid.Bool().Draw(t, what+" is midnight") {
			return workdays.DayOf(w.At).Start().AddDate(0, 0, rapid.IntRange(-8, 8).Draw(t, what))
		}
		return projections.EventTime(w.Log[rapid.IntRange(0, len(w.Log)-1).Draw(t, what)])
	}
	f := review.Filter{
		Now: moment("now"), Reviewer: reviewers[0], Limit: rapid.IntRange(1, 4).Draw(t, "limit"), Total: true,
		State: oneOf[domain.Review](t, "state", "", "pending", "pending", "pending", "decided", "approved", "rejected", "superseded"),
	}
	pending := f.State == "" || f.State == domain.ReviewPending
	flags := flags
	if !pending {
		flags = slices.DeleteFunc(slices.Clone(flags), review.Flag.Pending)
	}
	conditions := []func(){
		func() { f.Kind = oneOf(t, "kind", product.Category, provider.Category) },
		func() { f.OlderThan = new(moment("older than")) },
		func() { f.YoungerThan = new(moment("younger than")) },
		func() { f.Overdue = new(rapid.Bool().Draw(t, "overdue")) },
		func() { f.Submitter = new(domaintest.ID(oneOf(t, "submitter", "v1", "v2"))) },
		func() { f.Provider = new(domaintest.ID("v1")) },
		func() { f.Subject = new(domaintest.ID(oneOf(t, "subject", "p1", "v1"))) },
		func() { f.ProviderType = oneOf(t, "type", rules.Logistics, "other") },
		func() { f.Flags = append(f.Flags, oneOf(t, "flag", flags...)) },
		func() { f.Flags = append(f.Flags, oneOf(t, "flag", flags...)) },
	}
	if pending {
		conditions = append(conditions, func() { f.DueBefore = new(moment("due before")) }, func() { f.DueAfter = new(moment("due after")) })
	}
	for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, len(conditions)-1), 0, 3, rapid.ID[int]).Draw(t, "conditions") {
		conditions[i]()
	}
	return f
}

// TestTheDeskIsAFoldOfTheLog: under whatever happens, queue, counts and what the clock and the next reviewer ask say what the log says.
func TestTheDeskIsAFoldOfTheLog(t *testing.T) {
	pool := modeltest.Tables(t)
	// Where the next reviewer's look says how far the read model was.
	_, err := pool.Exec(t.Context(), `CREATE SCHEMA projections; CREATE TABLE projections.checkpoints (projection text, position bigint);
		INSERT INTO projections.checkpoints VALUES ('`+review.Model.Schema+`', 1)`)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := begun(rt)
		for range rapid.IntRange(40, 120).Draw(rt, "steps") {
			w.step(rt)
		}
		if len(w.Log) == 0 {
			return
		}
		modeltest.Truncate(rt, pool)
		cuts := rapid.SliceOfDistinct(rapid.IntRange(1, len(w.Log)), rapid.ID[int]).Draw(rt, "cuts")
		slices.Sort(cuts)
		start := 0
		for _, end := range append(cuts, len(w.Log)) {
			if err := modeltest.Apply(rt.Context(), pool, review.Model, w.Log[start:end]); err != nil {
				rt.Fatalf("events %d to %d: %v", start, end, err)
			}
			start = end
		}
		d := tell(w.Log)
		for range 8 {
			d.checkList(rt, pool, w.filter(rt))
		}
		for _, flag := range flags {
			d.checkList(rt, pool, review.Filter{Now: w.At, Reviewer: reviewers[0], Limit: 50, Flags: []review.Flag{flag}, Total: true})
		}
		for _, now := range w.moments(rt) {
			d.checkCounts(rt, pool, now)
			d.checkList(rt, pool, review.Filter{Now: now, Overdue: new(true), Limit: 50, Total: true})
			d.checkList(rt, pool, review.Filter{Now: now, Flags: []review.Flag{review.Claimed}, Limit: 50, Total: true})
		}
		d.checkItems(rt, pool)
	})
}

// moments are some at which to count: of an event, of a midnight, at which cases become overdue, and of a claim's end.
func (w *world) moments(t *rapid.T) []time.Time {
	at := []time.Time{
		projections.EventTime(w.Log[rapid.IntRange(0, len(w.Log)-1).Draw(t, "counted at")]),
		(workdays.DayOf(w.At) + workdays.Day(rapid.IntRange(-3, 3).Draw(t, "counted at midnight"))).Start(),
	}
	for _, of := range slices.SortedFunc(maps.Keys(w.claims), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }) {
		at = append(at, w.claims[of].Until)
	}
	return at[:min(len(at), 4)]
}

func (d *told) checkList(t *rapid.T, pool *pgxpool.Pool, f review.Filter) {
	q := review.Queries{DB: pool}
	want := d.list(f)
	var got []string
	for page := f; ; {
		p, err := q.Queue(t.Context(), page)
		if err != nil {
			t.Fatalf("queue of %+v: %v", f, err)
		}
		if p.Total == nil || p.Total.N != len(want) {
			t.Fatalf("total of %+v: %v, want %d", f, p.Total, len(want))
		}
		for _, s := range p.Rows {
			got = append(got, fmt.Sprintf("%s@%d", s.SubjectID, s.ContentRevision))
		}
		if page.After = p.Next; page.After == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Fatalf("queue of %+v:\n got %v\nwant %v", f, got, want)
	}
}

func (d *told) checkCounts(t *rapid.T, pool *pgxpool.Pool, now time.Time) {
	q := review.Queries{DB: pool}
	endOfDay := (workdays.DayOf(now) + 1).Start()
	counts, err := q.Counts(t.Context(), now)
	if err != nil {
		t.Fatalf("counts: %v", err)
	}
	var want []review.DeskCount
	for _, kind := range review.Kinds {
		c := review.DeskCount{KindCount: review.KindCount{Kind: kind}, States: map[domain.Review]int{}}
		for _, s := range d.submissions {
			switch {
			case s.kind != kind:
			case d.open(s):
				c.Open++
				if !now.Before(s.due.At) {
					c.Overdue++
				} else if !endOfDay.Before(s.due.At) {
					c.DueToday++
				}
				if d.holder(s, now) != uuid.Nil {
					c.Claimed++
				}
				if at := s.due.At.UTC(); c.Oldest == nil || at.Before(*c.Oldest) {
					c.Oldest = &at
				}
			case s.state != domain.ReviewPending:
				c.States[s.state]++
			}
		}
		want = append(want, c)
		pending, err := q.Pending(t.Context(), kind)
		if err != nil || pending.N != c.Open {
			t.Fatalf("pending %ss: %v, %v; want %d", kind, pending, err, c.Open)
		}
	}
	if !reflect.DeepEqual(counts, want) {
		t.Fatalf("counts at %s:\n got %s\nwant %s", now, raw(counts), raw(want))
	}
	var free []string
	for _, kind := range []string{"", product.Category, provider.Category} {
		cases, _, err := q.Unclaimed(t.Context(), review.UnclaimedFilter{Kind: kind, ProviderType: rules.Logistics, Now: now}, 3)
		if err != nil {
			t.Fatalf("unclaimed: %v", err)
		}
		free = nil
		for _, c := range cases {
			if s := d.latest[c.ID]; s.kind != c.Kind || s.provider != c.ProviderID {
				t.Fatalf("%+v of %+v", c, s)
			}
			free = append(free, fmt.Sprintf("%s@%d", c.ID, c.Revision))
		}
		all := d.list(review.Filter{Kind: kind, ProviderType: rules.Logistics, Now: now, Flags: []review.Flag{review.Unclaimed}})
		modeltest.Equal(t, "unclaimed", free, all[:min(3, len(all))])
	}
	others, _, err := q.Unclaimed(t.Context(), review.UnclaimedFilter{Now: now, NotOf: []uuid.UUID{domaintest.ID("v1")}}, 100)
	theirs := d.list(review.Filter{Now: now, Flags: []review.Flag{review.Unclaimed}, Provider: new(domaintest.ID("v1"))})
	all := d.list(review.Filter{Now: now, Flags: []review.Flag{review.Unclaimed}})
	if err != nil || len(others)+len(theirs) != len(all) {
		t.Fatalf("of others %v (%v), of v1 %v", others, err, theirs)
	}
	for of, c := range d.claims {
		if kind, id, err := q.ClaimedBy(t.Context(), c.Claim); err != nil || kind != c.Kind || id != of {
			t.Fatalf("claim %+v is on %s %s: %v", c, kind, id, err)
		}
	}
	expired, err := q.ExpiredClaims(t.Context(), now, 100)
	if err != nil {
		t.Fatalf("expired claims: %v", err)
	}
	over := map[review.ExpiredClaim]bool{}
	for of, c := range d.claims {
		if !now.Before(c.Until) {
			over[review.ExpiredClaim{Case: of, Claim: c.Claim}] = true
		}
	}
	for _, e := range expired {
		if !over[e] {
			t.Fatalf("%+v is not over at %s", e, now)
		}
		delete(over, e)
	}
	if len(over) > 0 {
		t.Fatalf("over, and not found: %v", over)
	}
}

// checkItems holds what one submission's read shows to the log.
func (d *told) checkItems(t *rapid.T, pool *pgxpool.Pool) {
	q := review.Queries{DB: pool}
	for _, s := range d.submissions {
		got, err := q.ItemAt(t.Context(), s.kind, s.subject, s.revision)
		if err != nil {
			t.Fatalf("item: %v", err)
		}
		live, liveContent := domain.ContentRevision(0), ""
		if l := d.live[s.subject]; l != nil {
			live, liveContent = l.revision, raw(l.content)
		}
		var held, claimed string
		if c, ok := d.claims[s.subject]; ok && s.state == domain.ReviewPending {
			held = fmt.Sprint(c.Claim, c.Reviewer, c.Until.UTC())
		}
		if c := got.Claim; c != nil {
			claimed = fmt.Sprint(c.ID, c.Reviewer, c.Until)
		}
		modeltest.Equal(t, "item", fmt.Sprint(got.State, got.Since, got.Round, got.DueAt, got.DueEstimated, got.Live,
			string(got.LiveContent), string(got.Content), claimed, got.FirstApproval != nil, got.Revocation != nil, got.TakenDown != nil, got.ProviderType, got.SubmittedBy,
			got.ProviderName, got.FirstSubmittedAt),
			fmt.Sprint(s.state, s.since, s.round, s.due.At.UTC(), s.due.Estimated, live, liveContent, raw(s.content),
				held, s.first, s.revoked, d.takenDown[s.subject] != nil, d.typeOf[s.provider], s.by,
				d.nameOf[s.provider], s.waiting))
	}
}
