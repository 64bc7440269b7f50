package esdbtest

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// subscribeRaw opens a subscription of the bare protocol.
func subscribeRaw(t testing.TB, s *Server, req *streams.ReadReq) streams.Streams_ReadClient {
	t.Helper()
	req.Options.CountOption = &streams.ReadReq_Options_Subscription{Subscription: &streams.ReadReq_Options_SubscriptionOptions{}}
	call, err := raw(t, s).Read(deadline(t), req)
	if err != nil {
		t.Fatal(err)
	}
	return call
}

func next(t testing.TB, call streams.Streams_ReadClient, n int) []string {
	t.Helper()
	var got []*streams.ReadResp
	for range n {
		m, err := call.Recv()
		if err != nil {
			t.Fatalf("after %v: %v", kinds(got), err)
		}
		got = append(got, m)
	}
	return kinds(got)
}

func TestSubscribeToStream(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	for _, tt := range []struct {
		what string
		from any
		want []string // of a stream with 0, 1, 2, then 3 is appended
	}{
		{"start", "start", []string{"confirmed", "0", "1", "2", "caught up", "3"}},
		{"after a revision", uint64(0), []string{"confirmed", "1", "2", "caught up", "3"}},
		{"after the last", uint64(2), []string{"confirmed", "caught up", "3"}},
		{"end", "end", []string{"confirmed", "caught up", "3"}},
		{"after one to come", uint64(3), []string{"confirmed", "caught up", "4"}},
	} {
		name := fresh("sub")
		put(t, c, name, esdb.NoStream{}, events(3, "e")...)
		req := readOptions(name)
		switch from := tt.from.(type) {
		case uint64:
			req.Options.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: from}
		case string:
			if from == "end" {
				req.Options.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
			}
		}
		call := subscribeRaw(t, s, req)
		got := next(t, call, len(tt.want)-1)
		put(t, c, name, esdb.Revision(2), event1("e"))
		put(t, c, fresh("another"), esdb.Any{}, event1("e"))
		if tt.what == "after one to come" {
			put(t, c, name, esdb.Revision(3), event1("e"))
		}
		equal(t, tt.what, append(got, next(t, call, 1)...), tt.want)
	}
}

// A stream need not exist, and its tombstone is the last of it.
func TestSubscribeToNoStreamAndToItsEnd(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	name := fresh("none")
	call := subscribeRaw(t, s, readOptions(name))
	equal(t, "nothing yet", next(t, call, 2), []string{"confirmed", "caught up"})
	put(t, c, name, esdb.NoStream{}, events(2, "e")...)
	equal(t, "live", next(t, call, 2), []string{"0", "1"})
	remove(t, c, name)
	put(t, c, name, esdb.NoStream{}, event1("e"))
	equal(t, "after a soft delete", next(t, call, 1), []string{"2"})
	if _, err := c.TombstoneStream(deadline(t), name, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
	equal(t, "the tombstone", next(t, call, 1), []string{"9223372036854775807"})
	_, err := call.Recv()
	wantStatus(t, err, "FailedPrecondition: Event stream '"+name+"' is deleted.")
	if _, err := subscribeRaw(t, s, readOptions(name)).Recv(); err == nil {
		t.Error("a tombstoned stream cannot be subscribed to")
	}
}

// Live events come truncated or not; a subscription that catches up sees what a reader sees.
func TestSubscribeToTruncatedStream(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	name := fresh("short")
	put(t, c, name, esdb.NoStream{}, events(10, "e")...)
	setMeta(t, c, name, func(m *esdb.StreamMetadata) { m.SetMaxCount(2) })
	call := subscribeRaw(t, s, readOptions(name))
	equal(t, "catch-up", next(t, call, 4), []string{"confirmed", "8", "9", "caught up"})
	put(t, c, name, esdb.Any{}, events(3, "e")...)
	equal(t, "live", next(t, call, 3), []string{"10", "11", "12"})
}

// Nothing lost, nothing twice, nothing out of order, while writers write: from the start and from the end, of $all and of
// a stream, by readers that start at any moment.
func TestSubscriptionsLoseNothing(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	const writers, each = 4, 250
	name := fresh("race")
	var readers, writing sync.WaitGroup
	start := func(what string, sub *esdb.Subscription, err error, first int) {
		if err != nil {
			t.Error(err)
			return
		}
		readers.Go(func() {
			defer sub.Close()
			want := map[string]uint64{}
			for n := 0; n < writers*each-first; {
				e := sub.Recv()
				if e.SubscriptionDropped != nil {
					t.Errorf("%s: %v", what, e.SubscriptionDropped.Error)
					return
				}
				if e.EventAppeared == nil || e.EventAppeared.OriginalEvent().EventType != name {
					continue
				}
				r := e.EventAppeared.OriginalEvent()
				if w, ok := want[r.StreamID]; ok && r.EventNumber != w {
					t.Errorf("%s: %d@%s, want %d", what, r.EventNumber, r.StreamID, w)
					return
				}
				want[r.StreamID] = r.EventNumber + 1
				n++
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				put(t, c, fmt.Sprintf("%s-%d", name, w), esdb.Any{}, event1(name))
				if i%50 == 0 {
					sub, err := c.SubscribeToAll(deadline(t), esdb.SubscribeToAllOptions{From: esdb.Start{}})
					start("all", sub, err, 0)
					sub, err = c.SubscribeToStream(deadline(t), fmt.Sprintf("%s-%d", name, w), esdb.SubscribeToStreamOptions{From: esdb.Start{}})
					start("stream", sub, err, (writers-1)*each)
					sub, err = c.SubscribeToAll(deadline(t), esdb.SubscribeToAllOptions{
						From: esdb.Start{}, Filter: &esdb.SubscriptionFilter{Type: esdb.EventFilterType, Prefixes: []string{name}},
					})
					start("filtered", sub, err, 0)
				}
			}
		})
	}
	writing.Wait()
	readers.Wait()
}

// Which checkpoints come, and where: the intervals are counted in events looked at, from the confirmation on when live.
func TestCheckpoints(t *testing.T) {
	for _, tt := range []struct {
		window, multiplier uint32
		before             int // events nobody asked for, then one that is
	}{
		{1, 2, 512}, {32, 2, 512}, {64, 8, 512}, {32, 1, 10}, {32, 4, 36},
	} {
		s := Start(t)
		c := client(t, s.ConnectionString())
		put(t, c, "abcd", esdb.Any{}, events(tt.before, "noise")...)
		last := put(t, c, "test", esdb.Any{}, event1("signal"))
		visible := s.log.count() - 1 // with the epoch's information, without the epoch
		req := allOptions("start")
		req.Options.FilterOption = &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{
			Filter: &streams.ReadReq_Options_FilterOptions_StreamIdentifier{
				StreamIdentifier: &streams.ReadReq_Options_FilterOptions_Expression{Prefix: []string{"test"}},
			},
			Window:                       &streams.ReadReq_Options_FilterOptions_Max{Max: tt.window},
			CheckpointIntervalMultiplier: tt.multiplier,
		}}
		call := subscribeRaw(t, s, req)
		checkpoints, sent := 0, false
		var before uint64
		for {
			m, err := call.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if m.GetCaughtUp() != nil {
				break
			}
			if p := m.GetCheckpoint(); p != nil {
				if p.CommitPosition <= before && checkpoints > 0 {
					t.Error("a checkpoint came twice")
				}
				before = p.CommitPosition
				if !sent {
					checkpoints++
				}
			}
			sent = sent || m.GetEvent() != nil
		}
		// The real server's own test asserts this number.
		if want := (visible - 1) / int(tt.window*tt.multiplier); checkpoints != want || !sent {
			t.Errorf("%+v: %d checkpoints before the event, want %d", tt, checkpoints, want)
		}
		if before != last.CommitPosition {
			t.Errorf("%+v: caught up with a checkpoint at %d, want %d", tt, before, last.CommitPosition)
		}
		// Live: one after each interval, at the event that fills it.
		interval := int(tt.window * tt.multiplier)
		var filled uint64
		for i := range interval + 1 {
			r := put(t, c, "test-live", esdb.Any{}, event1("signal"))
			if i == interval-1 {
				filled = r.CommitPosition
			}
		}
		// Behind the writer the subscription may have fallen back to reading: then its checkpoints are elsewhere, and it says
		// when it has caught up again, perhaps only after the last event.
		elsewhere, again := 0, 0
		for n := 0; n < interval+1 || elsewhere > 0 && again == 0; {
			m, err := call.Recv()
			if err != nil {
				t.Fatalf("%+v: %d live checkpoints not at %d, and not caught up again: %v", tt, elsewhere, filled, err)
			}
			if m.GetEvent() != nil {
				n++
			}
			if p := m.GetCheckpoint(); p != nil && (p.CommitPosition != filled || n != interval) {
				elsewhere++
			}
			if m.GetCaughtUp() != nil {
				again++
			}
		}
	}
}

// Every checkpoint is a place to go on from: whatever matched after it comes, and nothing before it.
func TestResumeFromCheckpoints(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	for i := range 40 {
		put(t, c, "noise", esdb.Any{}, events(7, "noise")...)
		put(t, c, fmt.Sprint("m-", i), esdb.Any{}, event1("m"))
	}
	subscribe := func(from esdb.AllPosition) *esdb.Subscription {
		sub, err := c.SubscribeToAll(deadline(t), esdb.SubscribeToAllOptions{
			From: from, MaxSearchWindow: 5, CheckpointInterval: 1,
			Filter: &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: []string{"m-"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return sub
	}
	upTo := func(sub *esdb.Subscription, checkpoint func(esdb.Position, int)) (got []string) {
		defer sub.Close()
		for {
			e := sub.Recv()
			switch {
			case e.SubscriptionDropped != nil:
				t.Fatal(e.SubscriptionDropped.Error)
			case e.CaughtUp != nil:
				return got
			case e.CheckPointReached != nil:
				checkpoint(*e.CheckPointReached, len(got))
			case e.EventAppeared != nil:
				got = append(got, e.EventAppeared.OriginalEvent().StreamID)
			}
		}
	}
	places := map[esdb.Position]int{}
	all := upTo(subscribe(esdb.Start{}), func(p esdb.Position, n int) { places[p] = n })
	if len(all) != 40 || len(places) < 30 {
		t.Fatalf("%d events, %d checkpoints", len(all), len(places))
	}
	for p, n := range places {
		equal(t, fmt.Sprint(p), upTo(subscribe(p), func(esdb.Position, int) {}), all[n:])
	}
}

func TestSubscribeToAll(t *testing.T) {
	for what, tt := range map[string]struct {
		from  func(last, end uint64) any
		want  []string // of two events, and one appended when all but the last came
		fails string
	}{
		"end":            {func(_, _ uint64) any { return "end" }, []string{"confirmed", "caught up", "0"}, ""},
		"after the last": {func(last, _ uint64) any { return [2]uint64{last, last} }, []string{"confirmed", "caught up", "0"}, ""},
		"at the last":    {func(last, _ uint64) any { return [2]uint64{last, 0} }, []string{"confirmed", "1", "caught up", "0"}, ""},
		"at the end":     {func(_, end uint64) any { return [2]uint64{end - 1, 0} }, []string{"confirmed", "caught up", "0"}, ""},
		"no boundary": {
			func(last, _ uint64) any { return [2]uint64{last - 1, last - 1} },
			[]string{"confirmed"},
			"InvalidArgument: Trying to read from an invalid position.",
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := Start(t)
			c := client(t, s.ConnectionString())
			last := put(t, c, fresh("a"), esdb.Any{}, events(2, "e")...).CommitPosition
			call := subscribeRaw(t, s, allOptions(tt.from(last, unsigned(s.log.end()))))
			if tt.fails != "" {
				equal(t, what, next(t, call, len(tt.want)), tt.want)
				_, err := call.Recv()
				wantStatus(t, err, tt.fails)
				return
			}
			got := next(t, call, len(tt.want)-1)
			put(t, c, fresh("b"), esdb.Any{}, event1("e"))
			equal(t, what, append(got, next(t, call, 1)...), tt.want)
		})
	}
}

// A subscriber that does not read costs nothing but its place in the log, and gets everything when it does.
func TestSlowSubscriber(t *testing.T) {
	s := Start(t)
	call := subscribeRaw(t, s, allOptions("end"))
	equal(t, "before", next(t, call, 2), []string{"confirmed", "caught up"})
	data := []byte(strings.Repeat("x", 1000))
	const n = 20_000
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := memory()
	for range n / 100 {
		batch := make([]event, 100)
		for i := range batch {
			batch[i] = event{kind: "e", data: data}
			batch[i].id[0] = byte(i)
		}
		if _, err := s.log.append("slow", anyRevision, batch); err != nil {
			t.Fatal(err)
		}
		s.log.forgetIDs()
	}
	if grown := memory() - before; grown > n*1800 {
		t.Errorf("%d bytes for each event of 1000", grown/n)
	}
	for want := range n {
		got := next(t, call, 1)[0]
		for got == "caught up" {
			got = next(t, call, 1)[0]
		}
		if got != fmt.Sprint(want) {
			t.Fatalf("%s, want %d", got, want)
		}
	}
	equal(t, "caught up again", next(t, call, 1), []string{"caught up"})
}

// A subscriber that goes away leaves nothing behind.
func TestCancelledSubscription(t *testing.T) {
	s := Start(t)
	for _, name := range []string{"", "some-stream"} {
		ctx, cancel := context.WithCancel(deadline(t))
		req := readOptions(name)
		if name == "" {
			req = allOptions("start")
		}
		req.Options.CountOption = &streams.ReadReq_Options_Subscription{}
		call, err := raw(t, s).Read(ctx, req)
		if err != nil {
			t.Fatal(err)
		}
		next(t, call, 2)
		cancel()
	}
	s.Stop() // waits for its handlers
	stacks := make([]byte, 1<<20)
	if stacks = stacks[:runtime.Stack(stacks, true)]; strings.Contains(string(stacks), "esdbtest.(*reader)") {
		t.Errorf("a reader is left:\n%s", stacks)
	}
}
