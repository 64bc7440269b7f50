package storetest

import (
	"testing"

	"waybill/domain"
)

var idempotenceTests = map[string]func(*testing.T, domain.EventStore){
	"same ids again": func(t *testing.T, s domain.EventStore) {
		ctx, stream, before, events := testContext(t), newStream(), newEvents(2), newEvents(3)
		mustAppend(ctx, t, s, stream, domain.NoStream(), before...)
		first := mustAppend(ctx, t, s, stream, domain.Exactly(1), events...)
		expectDuplicate(t, first, mustAppend(ctx, t, s, stream, domain.Exactly(1), events...))
		// Later events change nothing about it.
		later := newEvents(1)
		mustAppend(ctx, t, s, stream, domain.Exactly(first.Revision), later...)
		expectDuplicate(t, first, mustAppend(ctx, t, s, stream, domain.Exactly(1), events...))
		expectStream(ctx, t, s, stream, append(append(before, events...), later...)...)
	},
	"same ids again as no stream": func(t *testing.T, s domain.EventStore) {
		ctx, stream, events := testContext(t), newStream(), newEvents(3)
		first := mustAppend(ctx, t, s, stream, domain.NoStream(), events...)
		later := newEvents(1)
		mustAppend(ctx, t, s, stream, domain.Exactly(2), later...)
		expectDuplicate(t, first, mustAppend(ctx, t, s, stream, domain.NoStream(), events...))
		// The first part of an append, by itself, is what an append of that part would have left.
		part := mustAppend(ctx, t, s, stream, domain.NoStream(), events[:2]...)
		if part.Revision != 1 || !part.Duplicate {
			t.Errorf("got %+v", part)
		}
		expectStream(ctx, t, s, stream, append(events, later...)...)
	},
	"not quite the same": func(t *testing.T, s domain.EventStore) {
		ctx, stream, events, other := testContext(t), newStream(), newEvents(3), newEvents(1)
		mustAppend(ctx, t, s, stream, domain.NoStream(), events...)
		for name, again := range map[string][]domain.NewEvent{
			"another order": {events[1], events[0], events[2]},
			"one replaced":  {events[0], other[0], events[2]},
			"one more":      {events[0], events[1], events[2], other[0]},
			"one in front":  {other[0], events[0], events[1]},
			"one left out":  {events[0], events[2]},
		} {
			t.Run(name, func(t *testing.T) {
				refuse(ctx, t, s, stream, domain.NoStream(), domain.ErrConflict, again...)
			})
		}
		refuse(ctx, t, s, stream, domain.Exactly(0), domain.ErrConflict, events...)
		refuse(ctx, t, s, stream, domain.Exactly(1), domain.ErrConflict, events[2], other[0])
		expectStream(ctx, t, s, stream, events...)
	},
	"ids of another stream": func(t *testing.T, s domain.EventStore) {
		ctx, events := testContext(t), newEvents(2)
		for range 3 {
			stream := newStream()
			if result := mustAppend(ctx, t, s, stream, domain.NoStream(), events...); result.Duplicate {
				t.Error("taken for a duplicate")
			}
			expectStream(ctx, t, s, stream, events...)
		}
	},
}

func expectDuplicate(t *testing.T, first, again domain.AppendResult) {
	t.Helper()
	if !again.Duplicate || again.Revision != first.Revision || again.Position != first.Position {
		t.Errorf("first %+v, again %+v", first, again)
	}
}
