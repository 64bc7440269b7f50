package storetest

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"waybill/domain"
)

const racers = 16

// together runs f on n goroutines that start at once.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	wg.Wait()
}

var raceTests = map[string]func(*testing.T, domain.EventStore){
	"one winner": func(t *testing.T, s domain.EventStore) {
		ctx, stream := testContext(t), newStream()
		expected := domain.NoStream()
		for round := range domain.Revision(10) {
			var winners atomic.Int32
			together(racers, func(int) {
				switch result, err := s.Append(ctx, stream, expected, newEvents(2)); {
				case err == nil && result.Revision == 2*round+1 && !result.Duplicate:
					winners.Add(1)
				case !errors.Is(err, domain.ErrConflict):
					t.Errorf("got %+v, %v", result, err)
				}
			})
			if winners.Load() != 1 {
				t.Fatalf("%d winners", winners.Load())
			}
			expected = domain.Exactly(2*round + 1)
		}
		if n := len(readStream(ctx, t, s, stream)); n != 20 {
			t.Errorf("%d events in the stream", n)
		}
	},
	"duplicates": func(t *testing.T, s domain.EventStore) {
		ctx, stream, events := testContext(t), newStream(), newEvents(2)
		var firsts atomic.Int32
		results := make([]domain.AppendResult, racers)
		together(racers, func(i int) {
			result, err := s.Append(ctx, stream, domain.NoStream(), events)
			if err != nil {
				t.Error(err)
			}
			if !result.Duplicate {
				firsts.Add(1)
			}
			result.Duplicate = false
			results[i] = result
		})
		for _, r := range results {
			if r != results[0] {
				t.Errorf("results differ: %+v and %+v", r, results[0])
			}
		}
		if firsts.Load() != 1 {
			t.Errorf("%d appends said they were the first", firsts.Load())
		}
		expectStream(ctx, t, s, stream, events...)
	},
	"duplicates on many streams": func(t *testing.T, s domain.EventStore) {
		ctx := testContext(t)
		streams, events := make([]domain.StreamName, racers), make([][]domain.NewEvent, racers)
		for i := range streams {
			streams[i], events[i] = newStream(), newEvents(2)
			mustAppend(ctx, t, s, streams[i], domain.NoStream(), events[i]...)
		}
		for range 5 {
			together(racers, func(i int) { // every other one has something new
				added, expected := events[i], domain.NoStream()
				if i%2 == 1 {
					added, expected = newEvents(1), domain.Exactly(domain.Revision(len(events[i])-1))
					events[i] = append(events[i], added...)
				}
				if result, err := s.Append(ctx, streams[i], expected, added); err != nil || result.Duplicate != (i%2 == 0) {
					t.Errorf("got %+v, %v", result, err)
				}
			})
		}
		for i := range streams {
			expectStream(ctx, t, s, streams[i], events[i]...)
		}
	},
	"retries lose nothing": func(t *testing.T, s domain.EventStore) {
		ctx, stream := testContext(t), newStream()
		const each = 10
		together(racers, func(int) {
			for range each {
				if _, err := AppendToEnd(ctx, s, stream, newEvents(1)); err != nil {
					t.Error(err)
					return
				}
			}
		})
		if n := len(readStream(ctx, t, s, stream)); n != racers*each {
			t.Errorf("%d events in the stream, want %d", n, racers*each)
		}
	},
	// No event ever appears at or before a position that a reader has passed.
	"commit order": func(t *testing.T, s domain.EventStore) {
		ctx := testContext(t)
		from := head(ctx, t, s)
		const each = 60
		streams := make([]domain.StreamName, racers)
		for i := range streams {
			streams[i] = newStream()
		}
		writing := make(chan struct{})
		go func() {
			defer close(writing)
			together(racers, func(i int) {
				for n, last := 0, int64(-1); n < each; n++ {
					events := newEvents(1 + rand.IntN(3)) //nolint:gosec // a test
					expected := domain.NoStream()
					if last >= 0 {
						expected = domain.Exactly(domain.Revision(last))
					}
					result, err := s.Append(ctx, streams[i], expected, events)
					if err != nil {
						t.Error(err)
						return
					}
					last = int64(result.Revision)
				}
			})
		}()
		follow := func() []domain.Position {
			var seen []domain.Position
			for at, done := from, false; !done; {
				select {
				case <-writing:
					done = true
				default:
				}
				for e := range only(t, s.ReadAll(ctx, at, domain.Forward, domain.NoLimit), streams...) {
					seen = append(seen, e.Position)
					at = e.Position
				}
			}
			return seen
		}
		var readers sync.WaitGroup
		followed := make([][]domain.Position, 3)
		for i := range followed {
			readers.Go(func() { followed[i] = follow() })
		}
		readers.Wait()
		var want []domain.Position
		for e := range only(t, s.ReadAll(ctx, from, domain.Forward, domain.NoLimit), streams...) {
			want = append(want, e.Position)
		}
		for _, got := range followed {
			if len(got) != len(want) {
				t.Fatalf("a reader that followed the log saw %d events of %d", len(got), len(want))
			}
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("a reader that followed the log saw position %d where %d is", got[i], want[i])
				}
			}
		}
	},
}
