package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"waybill/domain"
)

var readTests = map[string]func(*testing.T, domain.EventStore){
	"stream": func(t *testing.T, s domain.EventStore) {
		ctx, stream, events := testContext(t), newStream(), newEvents(5)
		mustAppend(ctx, t, s, newStream(), domain.NoStream(), newEvents(2)...)
		mustAppend(ctx, t, s, stream, domain.NoStream(), events[:2]...)
		mustAppend(ctx, t, s, newStream(), domain.NoStream(), newEvents(2)...)
		mustAppend(ctx, t, s, stream, domain.Exactly(1), events[2:]...)
		for _, tt := range []struct {
			from  uint64
			dir   domain.Direction
			limit int
			want  []uint64
		}{
			{0, domain.Forward, domain.NoLimit, []uint64{0, 1, 2, 3, 4}},
			{0, domain.Forward, 2, []uint64{0, 1}},
			{2, domain.Forward, 2, []uint64{2, 3}},
			{4, domain.Forward, 9, []uint64{4}},
			{5, domain.Forward, 9, nil},
			{domain.End, domain.Forward, 9, nil},
			{domain.End, domain.Backward, domain.NoLimit, []uint64{4, 3, 2, 1, 0}},
			{domain.End, domain.Backward, 1, []uint64{4}},
			{99, domain.Backward, 1, []uint64{4}},
			{3, domain.Backward, 2, []uint64{3, 2}},
			{0, domain.Backward, 9, []uint64{0}},
			{0, domain.Forward, 0, nil},
		} {
			t.Run(fmt.Sprint(tt.from, " ", tt.dir, " ", tt.limit), func(t *testing.T) {
				seq := s.ReadStream(ctx, stream, tt.from, tt.dir, tt.limit)
				for range 2 { // a sequence may be ranged over again
					var got []uint64
					for _, e := range collect(t, seq) {
						got = append(got, e.Revision)
						expectEvent(t, e, stream, e.Revision, events[e.Revision])
					}
					if !slices.Equal(got, tt.want) {
						t.Errorf("got revisions %d, want %d", got, tt.want)
					}
				}
			})
		}
	},
	"no such stream": func(t *testing.T, s domain.EventStore) {
		for _, dir := range []domain.Direction{domain.Forward, domain.Backward} {
			if got := collect(t, s.ReadStream(testContext(t), newStream(), 0, dir, domain.NoLimit)); len(got) != 0 {
				t.Errorf("got %d events", len(got))
			}
		}
	},
	"all": func(t *testing.T, s domain.EventStore) {
		ctx, a, b := testContext(t), newStream(), newStream()
		from := head(ctx, t, s)
		events := newEvents(6)
		mustAppend(ctx, t, s, a, domain.NoStream(), events[:2]...)
		mustAppend(ctx, t, s, b, domain.NoStream(), events[2:3]...)
		last := mustAppend(ctx, t, s, a, domain.Exactly(1), events[3:]...)
		var forward []domain.RecordedEvent
		for e := range only(t, s.ReadAll(ctx, from, domain.Forward, domain.NoLimit), a, b) {
			forward = append(forward, e)
		}
		if len(forward) != len(events) {
			t.Fatalf("%d events, want %d", len(forward), len(events))
		}
		for i, e := range forward {
			if e.ID != events[i].ID {
				t.Fatalf("event %d is %s, want %s", i, e.ID, events[i].ID)
			}
		}
		if forward[5].Position != last.Position {
			t.Errorf("the last is at %d, its append returned %d", forward[5].Position, last.Position)
		}
		// A position is exclusive both ways.
		for e := range only(t, s.ReadAll(ctx, forward[2].Position, domain.Forward, 1), a, b) {
			if e.ID != events[3].ID {
				t.Error("forward from the third is not the fourth")
			}
		}
		for _, start := range []domain.Position{domain.LogEnd, last.Position + 1} {
			var backward []domain.RecordedEvent
			for _, e := range collect(t, s.ReadAll(ctx, start, domain.Backward, domain.NoLimit)) {
				if e.Position <= from {
					break
				}
				if e.Stream == a || e.Stream == b {
					backward = append(backward, e)
				}
			}
			slices.Reverse(backward)
			if !slices.EqualFunc(forward, backward, sameEvent) {
				t.Errorf("backward from %d is not forward reversed", start)
			}
		}
		for _, e := range collect(t, s.ReadAll(ctx, forward[1].Position, domain.Backward, 1)) {
			if e.Position >= forward[1].Position {
				t.Error("backward from the second is not before it")
			}
		}
		if got := collect(t, s.ReadAll(ctx, from, domain.Forward, 3)); len(got) != 3 {
			t.Errorf("%d events, want the limit of 3", len(got))
		}
	},
	// Longer than any page that a store may read by.
	"long": func(t *testing.T, s domain.EventStore) {
		ctx, stream := testContext(t), newStream()
		from := head(ctx, t, s)
		const n = 12 * domain.MaxAppendEvents
		expected := domain.NoStream()
		for range n / domain.MaxAppendEvents {
			expected = domain.Exactly(mustAppend(ctx, t, s, stream, expected, newEvents(domain.MaxAppendEvents)...).Revision)
		}
		for _, limit := range []int{domain.NoLimit, n - 1} {
			want := min(n, limit)
			forward := collect(t, s.ReadStream(ctx, stream, 0, domain.Forward, limit))
			backward := collect(t, s.ReadStream(ctx, stream, domain.End, domain.Backward, limit))
			if len(forward) != want || len(backward) != want {
				t.Fatalf("%d forward, %d backward, want %d", len(forward), len(backward), want)
			}
			for i := range forward {
				if forward[i].Revision != uint64(i) || backward[i].Revision != uint64(n-1-i) {
					t.Fatalf("event %d has revision %d forward, %d backward", i, forward[i].Revision, backward[i].Revision)
				}
			}
		}
		count := 0
		for range only(t, s.ReadAll(ctx, from, domain.Forward, domain.NoLimit), stream) {
			count++
		}
		if count != n {
			t.Errorf("%d events in the log, want %d", count, n)
		}
	},
	// Breaking off leaves the store usable: many times, so that anything held on to runs out.
	"break": func(t *testing.T, s domain.EventStore) {
		ctx, stream := testContext(t), newStream()
		mustAppend(ctx, t, s, stream, domain.NoStream(), newEvents(domain.MaxAppendEvents)...)
		for i := range 100 {
			for _, err := range s.ReadStream(ctx, stream, 0, domain.Forward, domain.NoLimit) {
				if err != nil {
					t.Fatal(err)
				}
				if i%2 == 0 {
					break
				}
			}
			for _, err := range s.ReadAll(ctx, domain.LogEnd, domain.Backward, domain.NoLimit) {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
		}
	},
	// A read that its context cuts short says so: it must not pass for the whole.
	"ended context": func(t *testing.T, s domain.EventStore) {
		stream := newStream()
		mustAppend(testContext(t), t, s, stream, domain.NoStream(), newEvents(domain.MaxAppendEvents)...)
		for _, after := range []int{0, 10} {
			ctx, cancel := context.WithCancel(testContext(t))
			if after == 0 {
				cancel()
			}
			n, failed := 0, error(nil)
			for _, err := range s.ReadStream(ctx, stream, 0, domain.Forward, domain.NoLimit) {
				if err != nil {
					failed = err
					continue // nothing may follow
				}
				if failed != nil {
					t.Fatal("an event after an error")
				}
				if n++; n == after {
					cancel()
				}
			}
			cancel()
			if n < domain.MaxAppendEvents && !errors.Is(failed, context.Canceled) {
				t.Errorf("ended after %d events with %v", n, failed)
			}
		}
	},
}

func sameEvent(a, b domain.RecordedEvent) bool {
	return a.ID == b.ID && a.Position == b.Position && a.Stream == b.Stream && a.Revision == b.Revision
}
