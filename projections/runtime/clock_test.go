package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/projections/runtimetest"
)

func TestMomentsOfAJob(t *testing.T) {
	t.Parallel()
	morning := daily(nil)
	long := func(day, hour, minute int) time.Time { return november(day, hour, minute).AddDate(-100, 0, 0) }
	second := func(n int) time.Time { return november(23, 8, 30).Add(time.Duration(n) * time.Second) }
	for name, c := range map[string]struct {
		job       Job
		at        time.Time
		want, due time.Time
	}{
		"before":            {morning, november(23, 8, 29), november(22, 8, 30), november(23, 8, 30)},
		"at it":             {morning, november(23, 8, 30), november(23, 8, 30), november(24, 8, 30)},
		"midnight":          {morning, november(23, 0, 0), november(22, 8, 30), november(23, 8, 30)},
		"in UTC":            {morning, november(23, 8, 30).UTC(), november(23, 8, 30), november(24, 8, 30)},
		"before the epoch":  {morning, long(23, 8, 30), long(23, 8, 30), long(24, 8, 30)},
		"and just before":   {morning, long(23, 8, 29), long(22, 8, 30), long(23, 8, 30)},
		"every five second": {Job{Every: 5 * time.Second}, second(7), second(5), second(10)},
	} {
		if got := c.job.latest(c.at); !got.Equal(c.want) {
			t.Errorf("%s: the latest is %s, want %s", name, got.In(domain.Beijing), c.want)
		}
		if got := c.job.after(c.at); !got.Equal(c.due) {
			t.Errorf("%s: the next is %s, want %s", name, got.In(domain.Beijing), c.due)
		}
	}
}

func TestJobsAreChecked(t *testing.T) {
	t.Parallel()
	good := daily(new(done))
	for name, jobs := range map[string][]Job{
		"no name":        {{StoredName: "a", Every: time.Hour, Do: good.Do}},
		"no stored name": {{Name: "a", Every: time.Hour, Do: good.Do}},
		"too often":      {{Name: "a", StoredName: "a", Every: time.Millisecond, Do: good.Do}},
		"nothing to do":  {{Name: "a", StoredName: "a", Every: time.Hour}},
		"twice":          {good, good},
	} {
		if checkJobs(jobs) == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := checkJobs([]Job{good}); err != nil {
		t.Error(err)
	}
}

// A job begins with the next moment; then each is done once, whether the clock goes, stands, jumps or goes back.
func TestEachMomentIsDoneOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock, d := &wound{at: november(2, 12, 0)}, new(done)
	r := w.ticking(clock, daily(d))
	w.idle(r, "daily")
	for _, c := range []struct {
		name string
		at   time.Time
		want []int
	}{
		{"the day on which it begins", november(2, 23, 59), nil},
		{"just before", november(3, 8, 29), nil},
		{"in time", november(3, 8, 30), []int{3}},
		{"later that day", november(3, 20, 0), []int{3}},
		{"back over the moment", november(3, 8, 0), []int{3}},
		{"over it again", november(3, 9, 0), []int{3}},
		{"three days without a look", november(6, 9, 0), []int{3, 4, 5, 6}},
		{"the next", november(7, 8, 31), []int{3, 4, 5, 6, 7}},
	} {
		clock.put(c.at)
		w.idle(r, "daily")
		if got := d.days(t); !slices.Equal(got, c.want) {
			t.Fatalf("%s: done on %v, want %v", c.name, got, c.want)
		}
	}
	made := d.all()[1] // the 4th, on the 6th
	if !made.Now.Equal(november(6, 9, 0)) || made.ID == d.all()[2].ID {
		t.Errorf("made up for as %+v", made)
	}
}

// A stop of three days is made up for; of a longer one the last week is, and the log has how much was passed over.
func TestAStopIsMadeUpFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock, d, said := &wound{at: november(2, 12, 0)}, new(done), new(said)
	start := func() *Runtime {
		return w.start(func(c *Config) {
			c.Jobs, c.Now, c.ClockLook, c.Logger = []Job{daily(d)}, clock.now, time.Millisecond, said.logger()
		})
	}
	for _, c := range []struct {
		name   string
		at     time.Time
		want   []int
		passed int
	}{
		{"the first start", november(2, 12, 0), nil, 0},
		{"the same day", november(2, 13, 0), nil, 0},
		{"three days later", november(5, 12, 0), []int{3, 4, 5}, 0},
		{"seven days", november(12, 12, 0), []int{6, 7, 8, 9, 10, 11, 12}, 0},
		{"ten days", november(22, 12, 0), []int{16, 17, 18, 19, 20, 21, 22}, 3},
	} {
		clock.put(c.at)
		d.turns = nil
		r := start()
		w.idle(r, "daily")
		w.close(r)
		if got := d.days(t); !slices.Equal(got, c.want) {
			t.Fatalf("%s: done on %v, want %v", c.name, got, c.want)
		}
		says := said.with("passed over")
		if c.passed > 0 != (says != "") || c.passed > 0 && !strings.Contains(says, fmt.Sprintf("passed=%d", c.passed)) {
			t.Errorf("%s: the log says %q", c.name, says)
		}
	}
}

// What makes up for nothing is done once after a stop, and goes on when a clock that was ahead goes back.
func TestASweepDoesNotCatchUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock, d, said := &wound{at: november(2, 12, 0)}, new(done), new(said)
	sweep := daily(d)
	sweep.Name, sweep.StoredName, sweep.Every, sweep.Offset, sweep.MakeUp = "sweep", "job_sweep", 5*time.Second, 0, 0
	r := w.start(func(c *Config) {
		c.Jobs, c.Now, c.ClockLook, c.Logger = []Job{sweep}, clock.now, time.Millisecond, said.logger()
	})
	w.idle(r, "sweep")
	for _, c := range []struct {
		name string
		at   time.Time
		want int
	}{
		{"three days later", november(5, 12, 0), 1},
		{"back by two days: what was done may come again, and no moment is waited for twice", november(3, 12, 0), 1},
		{"five seconds on", november(3, 12, 0).Add(5 * time.Second), 2},
	} {
		clock.put(c.at)
		w.eventually(c.name, func() bool { return w.bookmark("job_sweep").Equal(sweep.latest(c.at)) })
		if got := len(d.all()); got != c.want {
			t.Fatalf("%s: done %d times, want %d", c.name, got, c.want)
		}
	}
	if said.with("passed over") != "" || said.with("the clock went back") == "" {
		t.Errorf("the log says %q", said.all())
	}
}

// Of several nodes one does the jobs; when it goes, another does.
func TestTheClockOfTwoNodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := &wound{at: november(2, 12, 0)}
	by := map[string]*done{"a": new(done), "b": new(done)}
	nodes := map[string]*Runtime{}
	for name, d := range by {
		nodes[name] = w.start(func(c *Config) {
			c.Jobs, c.Now, c.ClockLook, c.Owner, c.LeaseTTL = []Job{daily(d)}, clock.now, time.Millisecond, name, DefaultLeaseTTL
		})
	}
	w.idle(nodes["a"], "daily")
	for day := 3; day <= 8; day++ {
		clock.put(november(day, 9, 0))
		w.idle(nodes["a"], "daily")
		if s := w.jobStatus(nodes["b"], "daily"); s.Holder == "" {
			t.Error("the other node does not show who works on it")
		}
	}
	all := slices.Sorted(slices.Values(append(by["a"].days(t), by["b"].days(t)...)))
	if !slices.Equal(all, []int{3, 4, 5, 6, 7, 8}) {
		t.Fatalf("both nodes together: %v", all)
	}
	holder, _, _ := strings.Cut(w.jobStatus(nodes["a"], "daily").Holder, "/")
	other := map[string]string{"a": "b", "b": "a"}[holder]
	before := len(by[other].all())
	w.close(nodes[holder])
	clock.put(november(9, 9, 0))
	w.eventually("the other has taken over", func() bool { return len(by[other].all()) > before })
	w.idle(nodes[other], "daily")
	if got := by[other].days(t); got[len(got)-1] != 9 {
		t.Errorf("the other node did %v", got)
	}
}

// Whoever loses the lease in the middle of a turn is told to stop, and moves nothing any more; another does the same turn, by the same id.
func TestALeaseLostInTheMiddleOfATurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock, d := &wound{at: november(2, 12, 0)}, new(done)
	var frozen atomic.Bool
	began, goOn, interrupted := make(chan struct{}), make(chan struct{}), make(chan bool, 1)
	slow := daily(d)
	slow.Do = func(ctx context.Context, turn Turn) error {
		d.note(turn)
		if frozen.CompareAndSwap(false, true) {
			close(began)
			<-ctx.Done()
			<-goOn // it takes its time, and then believes that all went well
			interrupted <- true
		}
		return nil
	}
	l := lease{pool: w.pool, projection: clockLease, holder: "a", ttl: 10 * patience, every: 5 * time.Millisecond}
	first := newClock(Config{
		Pool: w.pool, Store: w.store, Jobs: []Job{slow}, Logger: slog.New(slog.DiscardHandler), Now: clock.now, ClockLook: time.Millisecond,
	}, "a", nil)
	first.lease = l
	m, err := newMetrics(nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	first.metrics = m
	ended := make(chan error, 1)
	go func() { ended <- l.hold(t.Context(), first.run) }()
	w.eventually("the first has begun", func() bool { return w.bookmarked("daily") })
	clock.put(november(3, 9, 0))
	<-began
	w.exec(`DELETE FROM projections.leases WHERE projection = $1`, clockLease)
	r := w.ticking(clock, slow)
	w.idle(r, "daily")
	clock.put(november(4, 9, 0))
	w.idle(r, "daily")
	close(goOn)
	if err := <-ended; !errors.Is(err, errLeaseLost) || !<-interrupted {
		t.Errorf("the first ended with %v", err)
	}
	turns := d.all()
	if got := d.days(t); !slices.Equal(got, []int{3, 3, 4}) || turns[0].ID != turns[1].ID || turns[1].ID == turns[2].ID {
		t.Errorf("done on %v, by %+v", got, turns)
	}
	if _, err := first.move(t.Context(), slow, bookmark{epoch: 1}, november(20, 8, 30)); !errors.Is(err, errFenced) {
		t.Errorf("the bookmark of an older epoch moves: %v", err)
	}
	if got := w.bookmark("job_daily"); !got.Equal(november(4, 8, 30)) {
		t.Errorf("the bookmark is at %s", got)
	}
}

// A job that fails, or panics, is tried again until it is done, and holds up no other; how late it is shows.
func TestAJobThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock, d, well := &wound{at: november(2, 12, 0)}, new(done), new(done)
	var mu sync.Mutex
	mended := false
	failing, other := daily(d), daily(well)
	failing.Do = func(_ context.Context, turn Turn) error {
		mu.Lock()
		defer mu.Unlock()
		d.note(turn)
		switch {
		case mended:
			return nil
		case len(d.turns)%2 == 0:
			panic("in the middle")
		}
		return errors.New("not now")
	}
	other.Name, other.StoredName = "other", "job_other"
	registry := prometheus.NewRegistry()
	r := w.start(func(c *Config) {
		c.Jobs, c.Now, c.ClockLook, c.Registerer = []Job{failing, other}, clock.now, time.Millisecond, registry
	})
	w.idle(r, "daily")
	clock.put(november(4, 9, 0))
	w.eventually("several attempts", func() bool { return len(d.all()) > 2 })
	w.idle(r, "other")
	if got := well.days(t); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("the other job is done on %v", got)
	}
	if s := w.jobStatus(r, "daily"); s.Lag != 24*time.Hour+30*time.Minute {
		t.Errorf("status %+v, want a lag since the morning of the 3rd", s)
	}
	if !slices.Equal(slices.Compact(d.days(t)), []int{3}) {
		t.Errorf("it went on to %v before the 3rd was done", d.days(t))
	}
	mu.Lock()
	mended = true
	mu.Unlock()
	w.idle(r, "daily")
	if got := slices.Compact(d.days(t)); !slices.Equal(got, []int{3, 4}) {
		t.Errorf("done on %v", got)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprint(families)
	for _, want := range []string{"waybill_clock_lag_seconds", "waybill_clock_active", "waybill_projection_retries_total", `value:"daily"`} {
		if !strings.Contains(shown, want) {
			t.Errorf("the metrics have no %s", want)
		}
	}
}

// What a node does not know makes it leave the clock to another.
func TestAnOldNodeLeavesTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock, d := &wound{at: november(2, 12, 0)}, new(done)
	old := daily(new(done))
	old.Do = func(context.Context, Turn) error { return fmt.Errorf("a claim: %w", domain.ErrUnknownType) }
	start := func(job Job) *Runtime {
		return w.start(func(c *Config) {
			c.Jobs, c.Now, c.ClockLook, c.LeaseTTL = []Job{job}, clock.now, time.Millisecond, DefaultLeaseTTL
		})
	}
	a := start(old)
	w.idle(a, "daily")
	b := start(daily(d))
	clock.put(november(3, 9, 0))
	w.eventually("the newer node has done it", func() bool { return len(d.all()) > 0 })
	w.idle(b, "daily")
}

// A job that counts what a read model shows is not done before that shows what the log has.
func TestAJobWaitsForItsReadModel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := &wound{at: november(2, 12, 0)}
	seen := make(chan int64, 1)
	counting := daily(new(done))
	counting.Needs = []string{"tally"}
	counting.Do = func(ctx context.Context, _ Turn) error {
		var n int64
		err := w.pool.QueryRow(ctx, `SELECT coalesce(sum(events), 0) FROM tally_v1.tallies`).Scan(&n)
		seen <- n
		return err
	}
	letGo := runtimetest.Hold(t, w.pool, w.model.Schema)
	registry := prometheus.NewRegistry()
	r := w.start(func(c *Config) {
		c.Jobs, c.Now, c.ClockLook, c.MaxWait, c.Registerer = []Job{counting}, clock.now, time.Millisecond, time.Millisecond, registry
		c.LeaseTTL = DefaultLeaseTTL // it looks soon whether the read model is free
	})
	w.idle(r, "daily")
	w.append(domain.Stream(product.Category, uuid.New()), product.Listed{}, product.Pinned{})
	clock.put(november(3, 9, 0))
	w.eventually("it has waited in vain", func() bool {
		families, err := registry.Gather()
		return err == nil && strings.Contains(fmt.Sprint(families), "waybill_projection_retries_total")
	})
	letGo()
	if n := <-seen; n != 2 {
		t.Errorf("it counted %d events, want the 2 of the log", n)
	}
	w.idle(r, "daily")
}

// By default the time is the database's, which all nodes share.
func TestTheDatabasesTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := new(done)
	often := daily(d)
	often.Every, often.Offset, often.MakeUp = time.Second, 0, 3600 // none is passed over, however slow the machine is
	r := w.start(func(c *Config) { c.Jobs = []Job{often} })
	w.eventually("two turns", func() bool { return len(d.all()) >= 2 })
	turns := d.all()
	if turns[0].Now.Before(turns[0].Moment) || turns[1].Moment.Sub(turns[0].Moment) != time.Second {
		t.Errorf("turns %+v", turns)
	}
	w.close(r)
}
