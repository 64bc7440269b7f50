package runtime

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"waybill/domain"
	"waybill/projections"
)

// standby is a replica that shows what the test says, and counts how often it was asked. Time is the bubble's.
type standby struct {
	*Replica
	at    atomic.Uint64
	asked atomic.Int64
}

func newStandby(t *testing.T, maxWait time.Duration) *standby {
	t.Helper()
	s := &standby{Replica: &Replica{
		models: []projections.ReadModel{{Name: "tally", Schema: "tally_v1"}}, maxWait: maxWait,
		waiting: map[*waiter]struct{}{}, arrived: make(chan struct{}, 1),
	}}
	s.ctx, s.stop = context.WithCancel(context.Background())
	t.Cleanup(func() {
		s.stop()
		s.work.Wait()
	})
	s.ask = func(context.Context) (map[string]domain.Position, error) {
		s.asked.Add(1)
		return map[string]domain.Position{"tally_v1": domain.Position(s.at.Load())}, nil
	}
	return s
}

func TestReplicaIsAskedOnlyWhileSomebodyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStandby(t, patience)
		var readers sync.WaitGroup
		for range 50 {
			readers.Go(func() {
				if err := s.Wait(t.Context(), "tally", 7); err != nil {
					t.Error(err)
				}
			})
		}
		for s.asked.Load() < 3 {
			time.Sleep(time.Millisecond)
		}
		s.at.Store(7)
		readers.Wait()
		if n := s.asked.Load(); n > 100 {
			t.Errorf("asked %d times for 50 readers; one poller is for all", n)
		}
		s.work.Wait() // the poller has ended by itself
		before := s.asked.Load()
		if err := s.Wait(t.Context(), "tally", 7); err != nil || s.asked.Load() != before+1 {
			t.Errorf("%v; asked %d times for one reader", err, s.asked.Load()-before)
		}
	})
}

func TestReplicaWaitIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStandby(t, 30*time.Millisecond)
		began := time.Now()
		if err := s.Wait(t.Context(), "tally", 1); !errors.Is(err, ErrBehind) || time.Since(began) != s.maxWait {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Wait(ctx, "tally", 1); !errors.Is(err, ErrBehind) || !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if err := s.Wait(t.Context(), "tale", 1); err == nil || errors.Is(err, ErrBehind) {
			t.Errorf("an unknown model: %v", err)
		}
	})
}

// What is known from before a reader came may be of a standby that has been restarted since.
func TestReplicaLooksAgainForEveryReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStandby(t, 100*time.Millisecond)
		looking, look := make(chan struct{}), make(chan domain.Position)
		s.ask = func(ctx context.Context) (map[string]domain.Position, error) {
			select {
			case looking <- struct{}{}:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			return map[string]domain.Position{"tally_v1": <-look}, nil
		}
		answers := make(chan error, 2)
		wait := func() { answers <- s.Wait(t.Context(), "tally", 5) }
		go wait()
		<-looking
		go wait() // comes while the replica is asked for the first
		synctest.Wait()
		if n := len(s.waiting); n != 2 {
			t.Fatalf("%d wait", n)
		}
		look <- 5
		if err := <-answers; err != nil {
			t.Errorf("the first: %v", err)
		}
		<-looking
		look <- 4 // further back than it was
		if err := <-answers; !errors.Is(err, ErrBehind) {
			t.Errorf("the second: %v", err)
		}
	})
}

func TestReplicaThatIsAwayIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStandby(t, patience)
		away := errors.New("away")
		s.ask = func(context.Context) (map[string]domain.Position, error) { return nil, away }
		began := time.Now()
		if err := s.Wait(t.Context(), "tally", 1); !errors.Is(err, away) || time.Since(began) > 0 {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

// Who got no word of a replica cannot say that it is behind.
func TestReplicaThatSaysNothingIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStandby(t, 400*time.Millisecond)
		s.ask = func(ctx context.Context) (map[string]domain.Position, error) {
			select {
			case <-time.After(replicaLook):
				return nil, context.DeadlineExceeded
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		began := time.Now()
		err := s.Wait(t.Context(), "tally", 1)
		if !errors.Is(err, domain.ErrUnavailable) || errors.Is(err, ErrBehind) || time.Since(began) != s.maxWait {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}
