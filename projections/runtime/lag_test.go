package runtime

import (
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
	event := func(position domain.Position, at time.Time) domain.RecordedEvent {
		return domain.RecordedEvent{Position: position, RecordedAt: at}
	}
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
				next := event(7, log.Add(-c.age))
				if got, want := l.of("tally_v1", next, log), max(0, c.age); got != want {
					t.Errorf("at first sight %v, want %v", got, want)
				}
				time.Sleep(20 * time.Second)
				if got, want := l.of("tally_v1", next, log.Add(c.jump)), max(0, c.age)+20*time.Second; got != want {
					t.Errorf("20 s later %v, want %v", got, want)
				}
				if got := l.of("tally_v1", event(8, log), log); got != 0 {
					t.Errorf("the next one %v", got)
				}
			})
		})
	}
}

// TestLagWithoutTheLogsClock is no less than the log's own times say, and grows.
func TestLagWithoutTheLogsClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l lags
		newest := domain.RecordedEvent{Position: 9, RecordedAt: time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)}
		next := domain.RecordedEvent{Position: 7, RecordedAt: newest.RecordedAt.Add(-time.Minute)}
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
