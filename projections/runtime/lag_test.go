package runtime

import (
	"context"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"waybill/domain"
)

// TestLag goes by one clock: what the log's says of an event when it is first seen to wait, and this machine's steady time from then
// on. Whatever the date here is, and wherever the log's clock jumps, an event that waits gets older by the second.
func TestLag(t *testing.T) {
	t.Parallel()
	log := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC) // far from this machine's
	for name, c := range map[string]struct {
		age, jump time.Duration // of the event when it is first seen; of the log's clock after that
	}{
		"an hour here or there":  {3 * time.Second, 0},
		"the clock put forward":  {3 * time.Second, time.Hour},
		"the clock put back":     {3 * time.Second, -time.Hour},
		"put back before it was": {-time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var l lags
				next := log.Add(-c.age)
				if got, want := l.of("tally_v1", next, log), max(0, c.age); got != want {
					t.Errorf("at first sight %v, want %v", got, want)
				}
				time.Sleep(20 * time.Second)
				if got, want := l.of("tally_v1", next, log.Add(c.jump)), max(0, c.age)+20*time.Second; got != want {
					t.Errorf("20 s later %v, want %v", got, want)
				}
				if got := l.of("tally_v1", log, log); got != 0 {
					t.Errorf("the next one %v", got)
				}
			})
		})
	}
}

// TestLagOfWhatJustCame is not that of a clock that was put forward between the event and the first look at it.
func TestLagOfWhatJustCame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l lags
		log := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
		l.of("tally_v1", time.Time{}, log) // nothing waits
		for _, want := range []time.Duration{time.Second, 2 * time.Second} {
			time.Sleep(time.Second)
			if got := l.of("tally_v1", log.Add(want), log.Add(time.Hour)); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		}
	})
}

// TestLagWithoutTheLogsClock is no less than the log's own times say, and grows.
func TestLagWithoutTheLogsClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l lags
		newest := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
		next := newest.Add(-time.Minute)
		for _, want := range []time.Duration{time.Minute, 80 * time.Second} {
			now, err := l.now(t.Context(), ownLog{}, newest)
			if err != nil {
				t.Fatal(err)
			}
			if got := l.of("tally_v1", next, now); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
			time.Sleep(20 * time.Second)
		}
	})
}

// oneEvent is a log that holds one, recorded by a clock that can be asked.
type oneEvent struct {
	domain.EventStore
	at time.Time
}

func (l oneEvent) ReadAll(context.Context, domain.Position, domain.Direction, int) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		yield(domain.RecordedEvent{Position: 1, RecordedAt: l.at}, nil)
	}
}

// What shows nothing of the log lags by the age of its first event, by the log's clock.
func TestLagOfAnotherLog(t *testing.T) {
	t.Parallel()
	now := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC) // far from this machine's
	s := Status{Head: 1}
	err := s.ofAnother(t.Context(), ownLog{EventStore: oneEvent{at: now.Add(-time.Hour)}}, time.Now(), now)
	if err != nil || s.Lag != time.Hour || s.LagEvents != 1 {
		t.Errorf("%+v, %v", s, err)
	}
}
