package clock_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
	"waybill/domain/claim"
	"waybill/domain/digest"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/workdays"
	"waybill/projections/clock"
	"waybill/projections/review"
	"waybill/projections/runtimetest"
)

// TestOnEventStoreDB runs tests of the clock again, on a faulty EventStoreDB.
func TestOnEventStoreDB(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Run("DigestsTellWhatAwaitsTheReviewers", TestDigestsTellWhatAwaitsTheReviewers)
	t.Run("ClaimsEndWithTheirTime", TestClaimsEndWithTheirTime)
}

// A day has one digest, of half past eight; days for which nobody was there are made up for, as of their own moment.
func TestDigestsTellWhatAwaitsTheReviewers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(11, 25, 9, 0)) // a Wednesday
	r := w.start("a")
	w.at(beijing(11, 25, 10, 0)).applies() // due on Friday
	first := w.at(beijing(11, 25, 11, 0)).submits()
	expect := func(month time.Month, day int, want string) {
		t.Helper()
		of := workdays.Date(2026, month, day)
		made := w.digestOf(of)
		if got := summary(made); got != want {
			t.Errorf("the digest of %s is %q, want %q", of, got, want)
		}
		if made != nil && (made.Day != of || !made.At.Equal(beijing(month, day, 8, 30)) || made.Calendar != workdays.Standard().Version()) {
			t.Errorf("the digest of %s is of %s, as of %s, by %q", of, made.Day, made.At.In(domain.Beijing), made.Calendar)
		}
	}
	expect(11, 25, "")
	w.done(w.later(beijing(11, 26, 8, 29), r))
	expect(11, 26, "")
	w.done(w.later(beijing(11, 26, 8, 30), r))
	expect(11, 26, "provider 1/0/0, product 1/0/1")
	second := w.at(beijing(11, 26, 9, 0)).submits()
	w.done(w.later(beijing(11, 27, 8, 31), r))
	expect(11, 27, "provider 1/0/1, product 2/1/1")
	if oldest := w.digestOf(workdays.Date(2026, 11, 27)).Kinds[1].Oldest; oldest == nil || !oldest.Equal(beijing(11, 27, 0, 0)) {
		t.Errorf("the oldest product was due %v", oldest)
	}

	// Nobody is there from Friday on, until Tuesday; cases are decided and submitted meanwhile on other nodes.
	w.stop(r)
	w.at(beijing(11, 28, 10, 0)).approve(first)
	w.at(beijing(11, 29, 12, 0)).submits() // on a Sunday: due on Monday
	w.at(beijing(11, 30, 10, 0)).approve(second)
	w.at(beijing(12, 1, 12, 0))
	r = w.start("a")
	expect(11, 28, "provider 1/1/0, product 2/2/0")
	expect(11, 29, "provider 1/1/0, product 1/1/0")
	expect(11, 30, "provider 1/1/0, product 2/1/1")
	expect(12, 1, "provider 1/1/0, product 1/1/0")
	if n := w.size(digest.Made{}); n != 6 {
		t.Errorf("%d digests, want 6", n)
	}

	// As after a crash before the bookmark: the same turns come again, and find theirs.
	w.stop(r)
	if _, err := w.pool.Exec(t.Context(), `UPDATE projections.clock SET done = $1`, beijing(11, 27, 8, 30)); err != nil {
		t.Fatal(err)
	}
	w.submits()
	w.start("b")
	if n := w.size(digest.Made{}); n != 6 {
		t.Errorf("%d digests after the same turns came again, want 6", n)
	}
	expect(12, 1, "provider 1/1/0, product 1/1/0")
}

// Over the spring festival there are digests too. A product of the Friday before is due on the make-up Saturday, one of that Saturday on
// the first working day after.
func TestDigestsOverTheSpringFestival(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(2, 13, 9, 0))
	r := w.start("a")
	w.at(beijing(2, 13, 10, 0)).submits()
	w.at(beijing(2, 14, 10, 0))
	w.done(r)
	w.submits()
	for day := 15; day <= 25; day++ {
		w.done(w.later(beijing(2, day, 9, 0), r))
	}
	for day, want := range map[int]string{
		14: "provider 0/0/0, product 1/0/1", 15: "provider 0/0/0, product 2/1/0", 20: "provider 0/0/0, product 2/1/0",
		24: "provider 0/0/0, product 2/1/1", 25: "provider 0/0/0, product 2/2/0",
	} {
		if got := summary(w.digestOf(workdays.Date(2026, 2, day))); got != want {
			t.Errorf("February %d: %q, want %q", day, got, want)
		}
	}
	if n := w.size(digest.Made{}); n != 12 {
		t.Errorf("%d digests, want 12", n)
	}
}

// A claim whose time is over is ended once, also of several nodes and after a stop; one that was renewed, handed back or decided is not.
func TestClaimsEndWithTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(11, 25, 9, 0))
	a, b := w.start("a"), w.start("b")
	w.at(beijing(11, 25, 10, 0))
	left, kept, decided, back, late := w.submits(), w.submits(), w.submits(), w.submits(), w.submits()
	for _, id := range []uuid.UUID{left, kept, decided, back} {
		w.claims(id, domaintest.Reviewer)
	}
	w.at(beijing(11, 25, 10, 20))
	renewed := w.claims(kept, domaintest.Reviewer)
	w.approve(decided)
	if _, err := w.service.HandBackClaim(t.Context(), w.by(domaintest.Reviewer), product.Category, back); err != nil {
		t.Fatal(err)
	}
	w.at(beijing(11, 25, 10, 29))
	w.done(a)
	if n := w.size(claim.Expired{}); n != 0 {
		t.Fatalf("%d claims expired before their time", n)
	}
	w.shown(a)
	w.at(beijing(11, 25, 10, 31))
	runtimetest.Eventually(t, "the claim has expired", func() bool { return w.claimOf(left).Ended == claim.EndExpired })
	if s := w.claimOf(kept); s.Ended != "" || s.Claim != renewed {
		t.Errorf("the renewed claim is %+v", s)
	}
	w.at(beijing(11, 25, 10, 32))
	w.done(b)
	if n := w.size(claim.Expired{}); n != 1 {
		t.Errorf("%d claims expired, want 1", n)
	}

	w.claims(late, domaintest.Reviewer)
	w.shown(a)
	w.stop(a)
	w.stop(b)
	w.at(beijing(11, 28, 10, 0))
	w.start("c")
	runtimetest.Eventually(t, "both have expired after the stop", func() bool {
		return w.claimOf(late).Ended == claim.EndExpired && w.claimOf(kept).Ended == claim.EndExpired
	})
	if n := w.size(claim.Expired{}); n != 3 {
		t.Errorf("%d claims expired, want 3", n)
	}
	for id, end := range map[uuid.UUID]claim.End{decided: claim.EndDecided, back: claim.EndReleased} {
		if s := w.claimOf(id); s.Ended != end {
			t.Errorf("a claim ended as %q, want %q", s.Ended, end)
		}
	}
	// The case is free: another reviewer has it, and the first one's page does not.
	if w.claims(left, domaintest.Buyer) == uuid.Nil {
		t.Error("nobody can have it")
	}
}

// A claim that cannot be ended, here since nobody can read its stream, keeps no other from its end.
func TestAClaimThatCannotEndKeepsNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(11, 25, 9, 0))
	r := w.start("a")
	broken := w.submits()
	w.claims(broken, domaintest.Reviewer)
	w.at(beijing(11, 25, 9, 1))
	other := w.submits()
	w.claims(other, domaintest.Reviewer)
	w.shown(r)
	unreadable := domain.NewEvent{ID: uuid.New(), Type: claim.Renewed{}.EventType(), Data: []byte(`[]`), Metadata: []byte(`{}`)}
	if _, err := w.store.Append(t.Context(), domain.Stream(claim.Category, broken), domain.Exactly(0), []domain.NewEvent{unreadable}); err != nil {
		t.Fatal(err)
	}
	w.at(beijing(11, 25, 10, 0))
	runtimetest.Eventually(t, "the other claim has expired", func() bool { return w.claimOf(other).Ended == claim.EndExpired })
}

// The figures are on every node, of both kinds, as of the moment they are asked for.
func TestFiguresOfTheDesk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, beijing(11, 25, 9, 0))
	r := w.start("a")
	w.submits()
	w.at(beijing(11, 26, 9, 0)).submits()
	w.shown(r)
	registry := prometheus.NewRegistry()
	now := beijing(11, 27, 1, 0)
	registry.MustRegister(clock.Metrics(review.Queries{DB: w.pool}, func() time.Time { return now }))
	expect := func(want map[string]float64) {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			for _, m := range f.GetMetric() {
				got[f.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue()
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("figures %v, want %v", got, want)
		}
	}
	expect(map[string]float64{
		"waybill_review_open product": 2, "waybill_review_overdue product": 1, "waybill_review_oldest_overdue_seconds product": 3600,
		"waybill_review_open provider": 0, "waybill_review_overdue provider": 0, "waybill_review_oldest_overdue_seconds provider": 0,
	})
	now = beijing(11, 26, 23, 59)
	expect(map[string]float64{
		"waybill_review_open product": 2, "waybill_review_overdue product": 0, "waybill_review_oldest_overdue_seconds product": 0,
		"waybill_review_open provider": 0, "waybill_review_overdue provider": 0, "waybill_review_oldest_overdue_seconds provider": 0,
	})
	w.pool.Close() // the database is away: no figures
	expect(map[string]float64{})
}

// TestJobsAreDocumented: whoever operates Waybill finds each job by its name, and whoever changes it finds when it is done.
func TestJobsAreDocumented(t *testing.T) {
	for _, name := range []string{"../../docs/operating.md", "../../docs/decisions/0043-what-happens-by-the-clock.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, job := range clock.All(nil, review.Queries{}, noTokens, nil) {
			if !strings.Contains(string(text), "`"+job.Name+"`") {
				t.Errorf("%s does not name %s", name, job.Name)
			}
		}
	}
}
