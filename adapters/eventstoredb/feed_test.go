package eventstoredb

import (
	"context"
	"testing"

	"waybill/domain"
)

// A feed takes events up to a number and up to a size, and again once it was emptied.
func TestFeedIsBounded(t *testing.T) {
	given, cancel := context.WithCancel(t.Context())
	cancel() // what does not fit is given up at once
	for name, tt := range map[string]struct {
		event domain.RecordedEvent
		most  int
	}{
		"events": {domain.RecordedEvent{Data: []byte("x")}, feedEvents},
		"data":   {domain.RecordedEvent{Data: make([]byte, feedBytes/4)}, 4},
		"all":    {domain.RecordedEvent{Data: make([]byte, feedBytes/8), Metadata: make([]byte, feedBytes/8)}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeed()
			for range 2 {
				n := 0
				for n <= tt.most && f.put(given, tt.event) {
					n++
				}
				if n != tt.most || f.waiting() != tt.most {
					t.Errorf("it took %d events, %d wait, want %d", n, f.waiting(), tt.most)
				}
				if got := f.take(nil); len(got.events) != tt.most || f.waiting() != 0 {
					t.Errorf("it held %d events, %d are left", len(got.events), f.waiting())
				}
				<-f.space // who waits for room would go on now
			}
		})
	}
}

// A subscription has caught up when the server says so and nothing waits to be taken.
func TestCaughtUp(t *testing.T) {
	var all subscriptions
	open, f := all.add(7, nil), newFeed()
	open.begin(f)
	if now := open.status(); now.CaughtUp || now.After != 7 || now.Drops != 0 {
		t.Errorf("at the start: %+v", now)
	}
	open.marked(true)
	if now := open.status(); !now.CaughtUp || now.Waiting != 0 {
		t.Errorf("with nothing to take: %+v", now)
	}
	if !f.put(t.Context(), domain.RecordedEvent{Position: 8}) {
		t.Fatal("no room")
	}
	if now := open.status(); now.CaughtUp || now.Waiting != 1 {
		t.Errorf("with an event to take: %+v", now)
	}
	open.begin(newFeed())
	if now := open.status(); now.CaughtUp || now.Drops != 1 {
		t.Errorf("after a drop: %+v", now)
	}
}
