package review_test

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/claim"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/modeltest"
	"waybill/projections/review"
)

// submitted is a submission as the log tells it.
type submitted struct {
	kind              string
	subject, provider uuid.UUID
	by                uuid.UUID
	revision          domain.ContentRevision
	state             domain.Review
	since, from       time.Time
	due               workdays.Due
	late              bool // its decision was
	mismatch, finding bool
	round             int
	first, revoked    bool
	content           any
}

// told is the desk as the log tells it, event by event and with nothing kept but what it says.
type told struct {
	submissions []*submitted
	latest      map[uuid.UUID]*submitted
	live        map[uuid.UUID]*submitted
	rejections  map[uuid.UUID]int
	takenDown   map[uuid.UUID]*product.Takedown
	closed      map[uuid.UUID]bool
	typeOf      map[uuid.UUID]string
	claims      map[uuid.UUID]claim.Claimed
	calendar    *workdays.Calendar
}

func tell(log []projections.Event) *told {
	d := &told{
		latest: map[uuid.UUID]*submitted{}, live: map[uuid.UUID]*submitted{}, rejections: map[uuid.UUID]int{},
		takenDown: map[uuid.UUID]*product.Takedown{}, closed: map[uuid.UUID]bool{}, typeOf: map[uuid.UUID]string{},
		claims: map[uuid.UUID]claim.Claimed{}, calendar: workdays.Standard(),
	}
	for _, e := range log {
		d.event(e)
	}
	for _, s := range d.submissions {
		if s.state == domain.ReviewPending { // whatever was said before
			s.due = d.dueOf(s)
		}
	}
	return d
}

func (d *told) dueOf(s *submitted) workdays.Due {
	return d.calendar.Due(s.from, map[string]int{product.Category: 1, provider.Category: 2}[s.kind])
}

func (d *told) event(e projections.Event) {
	id, _ := e.Stream.ID()
	at := projections.EventTime(e)
	decided := func(state domain.Review) {
		s := d.latest[id]
		s.due = d.dueOf(s)
		s.state, s.since, s.revoked, s.late = state, at, false, !at.Before(s.due.At)
	}
	revoked := func() {
		s := d.live[id]
		s.revoked = true
		delete(d.live, id)
		if d.latest[id] == s {
			s.state, s.since, s.from, s.first, s.late = domain.ReviewPending, at, at, false, false
		} else if d.latest[id].state == domain.ReviewPending {
			d.latest[id].revoked = true
		}
	}
	switch fact := e.Fact.(type) {
	case provider.Applied:
		d.submit(e, submitted{provider: id, mismatch: len(fact.Mismatches) > 0, finding: len(fact.Findings) > 0, content: fact.Profile})
		d.typeOf[id] = fact.Profile.Type
	case provider.Revised:
		d.submit(e, submitted{provider: id, mismatch: len(fact.Mismatches) > 0, finding: len(fact.Findings) > 0, content: fact.Profile})
		if d.live[id] == nil {
			d.typeOf[id] = fact.Profile.Type
		}
	case product.Submitted:
		d.submit(e, submitted{provider: fact.ProviderID, finding: len(fact.Findings) > 0, content: fact.Content})
	case product.Revised:
		d.submit(e, submitted{provider: d.latest[id].provider, finding: len(fact.Findings) > 0, content: fact.Content})
	case provider.Approved, product.Approved:
		decided(domain.ReviewApproved)
		d.live[id], d.rejections[id] = d.latest[id], 0
	case provider.Rejected, product.Rejected:
		decided(domain.ReviewRejected)
		d.rejections[id]++
	case provider.FirstApproved:
		d.latest[id].first = true
	case provider.ApprovalRevoked, product.ApprovalRevoked:
		revoked()
	case provider.Closed:
		d.closed[id] = true
	case product.Deleted:
		d.submissions = slices.DeleteFunc(d.submissions, func(s *submitted) bool { return s.subject == id })
		delete(d.latest, id)
	case calendar.Corrected:
		d.calendar = d.calendar.After(fact.Correction)
	case claim.Claimed:
		d.claims[id] = fact
	case claim.Renewed:
		c := d.claims[id]
		c.Until = fact.Until
		d.claims[id] = c
	case claim.Released, claim.Expired, claim.TakenOver, claim.DecisionBegun:
		delete(d.claims, id)
	}
	d.takenDown[id] = d.takenDown[id].After(e.Fact)
}

func (d *told) submit(e projections.Event, s submitted) {
	id, _ := e.Stream.ID()
	at := projections.EventTime(e)
	s.kind, s.subject, s.by, s.revision, s.state = e.Stream.Category(), id, e.Meta.Actor.ID, 1, domain.ReviewPending
	s.since, s.from, s.round = at, at, d.rejections[id]+1
	if before := d.latest[id]; before != nil {
		s.revision = before.revision + 1
		if before.state == domain.ReviewPending {
			before.due = d.dueOf(before)
			before.state, before.since = domain.ReviewSuperseded, at
			s.revoked = before.revoked
		}
	}
	d.latest[id] = &s
	d.submissions = append(d.submissions, &s)
}

// open are the cases that somebody may decide.
func (d *told) open(s *submitted) bool {
	return s.state == domain.ReviewPending && !d.closed[s.provider]
}

func (d *told) holder(s *submitted, now time.Time) uuid.UUID {
	if c, ok := d.claims[s.subject]; ok && now.Before(c.Until) {
		return c.Reviewer
	}
	return uuid.Nil
}

func (d *told) has(s *submitted, f review.Flag, q review.Filter) bool {
	holder := d.holder(s, q.Now)
	return map[review.Flag]bool{
		review.Mismatch: s.mismatch, review.Finding: s.finding, review.Resubmitted: s.round > 1, review.FirstApproved: s.first,
		review.Revoked: s.revoked, review.TakenDown: d.takenDown[s.subject] != nil, review.Claimed: holder != uuid.Nil,
		review.Unclaimed: holder == uuid.Nil, review.Mine: holder == q.Reviewer,
	}[f]
}

func (d *told) keeps(s *submitted, q review.Filter) bool {
	pending := q.State == "" || q.State == domain.ReviewPending
	late := s.late
	switch {
	case pending:
		if !d.open(s) {
			return false
		}
		late = !q.Now.Before(s.due.At)
	case q.State == review.Decided:
		if s.state != domain.ReviewApproved && s.state != domain.ReviewRejected {
			return false
		}
	case s.state != q.State:
		return false
	}
	if !pending && q.Overdue != nil && !*q.Overdue && s.state == domain.ReviewSuperseded {
		return false // it was not decided in time either
	}
	return (q.Kind == "" || s.kind == q.Kind) &&
		(q.OlderThan == nil || s.since.Before(*q.OlderThan)) && (q.YoungerThan == nil || !s.since.Before(*q.YoungerThan)) &&
		(q.DueBefore == nil || s.due.At.Before(*q.DueBefore)) && (q.DueAfter == nil || !s.due.At.Before(*q.DueAfter)) &&
		(q.Overdue == nil || late == *q.Overdue) &&
		(q.Submitter == nil || s.by == *q.Submitter) && (q.Provider == nil || s.provider == *q.Provider) &&
		(q.Subject == nil || s.subject == *q.Subject) && (q.ProviderType == "" || d.typeOf[s.provider] == q.ProviderType) &&
		!slices.ContainsFunc(q.Flags, func(f review.Flag) bool { return !d.has(s, f, q) })
}

// list is what a filter keeps, in the queue's order.
func (d *told) list(q review.Filter) []string {
	var kept []*submitted
	for _, s := range d.submissions {
		if d.keeps(s, q) {
			kept = append(kept, s)
		}
	}
	slices.SortFunc(kept, func(a, b *submitted) int {
		ids := strings.Compare(a.subject.String(), b.subject.String())
		if q.State == "" || q.State == domain.ReviewPending {
			return cmp.Or(a.due.At.Compare(b.due.At), a.from.Compare(b.from), ids)
		}
		return cmp.Or(b.since.Compare(a.since), -ids, cmp.Compare(b.revision, a.revision))
	})
	var list []string
	for _, s := range kept {
		list = append(list, fmt.Sprintf("%s@%d", s.subject, s.revision))
	}
	return list
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
	flags := []review.Flag{
		review.Mismatch, review.Finding, review.Resubmitted, review.FirstApproved, review.Revoked,
		review.TakenDown, review.Claimed, review.Unclaimed, review.Mine,
	}
	if !pending {
		flags = slices.DeleteFunc(flags, review.Flag.Pending)
	}
	conditions := []func(){
		func() { f.Kind = oneOf(t, "kind", product.Category, provider.Category) },
		func() { f.OlderThan = new(moment("older than")) },
		func() { f.YoungerThan = new(moment("younger than")) },
		func() { f.Overdue = new(rapid.Bool().Draw(t, "overdue")) },
		func() { f.Submitter = new(domaintest.ID("v1")) },
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
		d.checkCounts(rt, pool, projections.EventTime(w.Log[rapid.IntRange(0, len(w.Log)-1).Draw(rt, "counted at")]))
		d.checkItems(rt, pool)
	})
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
	counts, err := q.Counts(t.Context(), now, endOfDay)
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
		cases, err := q.Unclaimed(t.Context(), review.UnclaimedFilter{Kind: kind, ProviderType: rules.Logistics, Now: now}, 3)
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
			held = fmt.Sprint(c.Claim, c.Reviewer, c.Until.Truncate(time.Microsecond).UTC())
		}
		if c := got.Claim; c != nil {
			claimed = fmt.Sprint(c.ID, c.Reviewer, c.Until)
		}
		modeltest.Equal(t, "item", fmt.Sprint(got.State, got.Since, got.Round, got.DueAt, got.DueEstimated, got.Live,
			string(got.LiveContent), string(got.Content), claimed, got.FirstApproval != nil, got.Revocation != nil, got.TakenDown != nil, got.ProviderType, got.SubmittedBy),
			fmt.Sprint(s.state, s.since, s.round, s.due.At.UTC(), s.due.Estimated, live, liveContent, raw(s.content),
				held, s.first, s.revoked, d.takenDown[s.subject] != nil, d.typeOf[s.provider], s.by))
	}
}
