package esdbtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

func setMeta(t testing.TB, c *esdb.Client, name string, change func(*esdb.StreamMetadata)) {
	t.Helper()
	var meta esdb.StreamMetadata
	change(&meta)
	if _, err := c.SetStreamMetadata(deadline(t), name, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, meta); err != nil {
		t.Fatal(err)
	}
}

// What a reader of a stream gets, message by message, with and without the messages newer clients ask for.
func TestReadStream(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	s := Start(t, Options{Clock: func() time.Time { return now }})
	c := client(t, s.ConnectionString())
	for name, prepare := range map[string]func(name string){
		"hundred": func(name string) { put(t, c, name, esdb.NoStream{}, events(100, "e")...) },
		"from 81": func(name string) {
			put(t, c, name, esdb.NoStream{}, events(100, "e")...)
			setMeta(t, c, name, func(m *esdb.StreamMetadata) { m.SetTruncateBefore(81) })
		},
		"last three": func(name string) {
			put(t, c, name, esdb.NoStream{}, events(10, "e")...)
			setMeta(t, c, name, func(m *esdb.StreamMetadata) { m.SetMaxCount(3) })
		},
		"all gone": func(name string) {
			put(t, c, name, esdb.NoStream{}, events(3, "e")...)
			setMeta(t, c, name, func(m *esdb.StreamMetadata) { m.SetTruncateBefore(100) })
		},
		"aged": func(name string) {
			put(t, c, name, esdb.NoStream{}, events(40, "old")...)
			now = now.Add(time.Hour)
			put(t, c, name, esdb.Any{}, events(2, "new")...)
			setMeta(t, c, name, func(m *esdb.StreamMetadata) { m.SetMaxAge(time.Minute) })
		},
		"expired": func(name string) {
			setMeta(t, c, name, func(m *esdb.StreamMetadata) { m.SetMaxAge(time.Minute) })
			put(t, c, name, esdb.NoStream{}, events(5, "old")...)
			now = now.Add(time.Hour)
		},
		"deleted": func(name string) { put(t, c, name, esdb.NoStream{}, event1("e")); remove(t, c, name) },
		"restored": func(name string) {
			put(t, c, name, esdb.NoStream{}, events(3, "e")...)
			remove(t, c, name)
			put(t, c, name, esdb.NoStream{}, event1("e"))
		},
	} {
		prepare(name)
		if name == "aged" {
			// Look at it while it is as young as it was made.
			testReadStream(t, s, name, 0, false, 10, "first 40", "40", "41", "last 41")
			testReadStream(t, s, name, 0, false, 1000, "first 40", "40", "41", "last 41")
			testReadStream(t, s, name, -1, true, 1000, "41", "40", "last 41")
		}
	}
	numbers := func(from, to int) (out []string) {
		for i := from; i <= to; i++ {
			out = append(out, fmt.Sprint(i))
		}
		return out
	}
	down := func(from, to int) []string { n := numbers(to, from); slices.Reverse(n); return n }
	for _, tt := range []struct {
		name      string
		from      int64
		backwards bool
		count     uint64
		want      []string
	}{
		{"hundred", 0, false, 1000, append(numbers(0, 99), "last 99")},
		{"hundred", 0, false, 1<<64 - 1, append(numbers(0, 99), "last 99")},
		{"hundred", 60, false, 20, append(numbers(60, 79), "last 99")},
		{"hundred", 100, false, 5, []string{"last 99"}},
		{"hundred", 101, false, 5, []string{"first 100", "last 99"}},
		{"hundred", 1<<63 - 1, false, 5, []string{"first 100", "last 99"}},
		{"hundred", -1, true, 3, append(down(99, 97), "last 99")},
		{"hundred", 1, true, 5, []string{"1", "0", "last 99"}},
		{"hundred", 500, true, 1000, append(down(99, 0), "last 99")},
		{"from 81", 0, false, 10, append(append([]string{"first 81"}, numbers(81, 90)...), "last 99")},
		{"from 81", 0, false, 1000, append(append([]string{"first 81"}, numbers(81, 99)...), "last 99")},
		{"from 81", 70, false, 20, append(numbers(81, 99), "last 99")}, // the first page reaches events
		{"from 81", -1, true, 1000, append(down(99, 81), "last 99")},
		{"from 81", 40, true, 10, []string{"last 99"}},
		{"last three", 0, false, 100, []string{"7", "8", "9", "last 9"}},
		{"last three", -1, true, 100, []string{"9", "8", "7", "last 9"}},
		{"all gone", 0, false, 10, []string{"first 100", "first 3", "last 2"}}, // one from each empty page, as the server does
		{"all gone", -1, true, 10, []string{"last 2"}},
		{"expired", 0, false, 10, []string{"first 5", "last 4"}},
		{"expired", -1, true, 10, []string{"last 4"}},
		{"deleted", 0, false, 10, []string{"not found"}},
		{"deleted", -1, true, 10, []string{"not found"}},
		{"never", 0, false, 10, []string{"not found"}},
		{"restored", 0, false, 10, []string{"3", "last 3"}},
	} {
		testReadStream(t, s, tt.name, tt.from, tt.backwards, tt.count, tt.want...)
	}
}

func testReadStream(t *testing.T, s *Server, name string, from int64, backwards bool, count uint64, want ...string) {
	t.Helper()
	req := readOptions(name)
	o := req.Options
	o.CountOption = &streams.ReadReq_Options_Count{Count: count}
	o.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: unsigned(from)}
	if from < 0 {
		o.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
	}
	if backwards {
		o.ReadDirection = streams.ReadReq_Options_Backwards
	}
	what := fmt.Sprintf("%s from %d backwards %v count %d", name, from, backwards, count)
	o.ControlOption = &streams.ReadReq_Options_ControlOption{Compatibility: 1}
	got, err := collect(raw(t, s).Read(deadline(t), req))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	equal(t, what, kinds(got), want)
	o.ControlOption = nil
	if got, err = collect(raw(t, s).Read(deadline(t), req)); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, k := range kinds(got) {
		if k[0] == 'f' || k[0] == 'l' {
			t.Errorf("%s: %q to a client that did not ask", what, k)
		}
	}
}

// Only the latest metadata is ever read; what is truncated stays in $all.
func TestMetadataStreamsAndAll(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	name := fresh("meta")
	put(t, c, name, esdb.NoStream{}, events(5, name)...)
	for n := range uint64(3) {
		setMeta(t, c, name, func(m *esdb.StreamMetadata) { m.SetMaxCount(n + 1) })
	}
	got, err := drain(c.ReadStream(deadline(t), "$$"+name, esdb.ReadStreamOptions{}, 100))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "metadata", got, []string{"2@$$" + name})
	remove(t, c, name)
	if got, err = drain(c.ReadAll(deadline(t), esdb.ReadAllOptions{From: esdb.Start{}}, 1000)); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, g := range got {
		if g[2:] == name {
			n++
		}
	}
	if n != 5 {
		t.Errorf("$all shows %d of 5 events of a deleted stream", n)
	}
	// Users' own metadata survives the return of the stream, which goes on after its last revision.
	if r := put(t, c, name, esdb.NoStream{}, event1("e")); r.NextExpectedVersion != 5 {
		t.Error(r)
	}
	if _, err := c.TombstoneStream(deadline(t), name, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Revision(5)}); err != nil {
		t.Fatal(err)
	}
	for _, dead := range []string{name, "$$" + name} {
		if _, err := drain(c.ReadStream(deadline(t), dead, esdb.ReadStreamOptions{}, 100)); !isCode(err, esdb.ErrorCodeStreamDeleted) {
			t.Errorf("%s: %v", dead, err)
		}
	}
}

func TestReadAll(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	name := fresh("all")
	var at []uint64
	for range 4 {
		at = append(at, put(t, c, name, esdb.Any{}, event1(name)).CommitPosition)
	}
	end := uint64(s.log.end())
	read := func(from any, backwards bool, count uint64) ([]string, error) {
		req := allOptions(from)
		req.Options.CountOption = &streams.ReadReq_Options_Count{Count: count}
		if backwards {
			req.Options.ReadDirection = streams.ReadReq_Options_Backwards
		}
		got, err := collect(raw(t, s).Read(deadline(t), req))
		for _, m := range got {
			if e := m.GetEvent(); e.GetCommitPosition() != e.GetEvent().GetCommitPosition() || e.GetEvent().GetCommitPosition() != e.GetEvent().GetPreparePosition() || e.GetCommitPosition() == 0 {
				t.Errorf("positions of %v", m)
			}
		}
		return kinds(got), err
	}
	for _, tt := range []struct {
		from      any
		backwards bool
		count     uint64
		want      []string
	}{
		{[2]uint64{at[1], at[1]}, false, 1000, []string{"1", "2", "3"}},
		{[2]uint64{at[1], 0}, false, 2, []string{"1", "2"}},
		{[2]uint64{at[1], at[1]}, true, 1, []string{"0"}},
		{[2]uint64{at[2], at[1]}, true, 1, []string{"0"}}, // what ends at the commit, and not beyond the prepare
		{[2]uint64{end, end}, true, 2, []string{"3", "2"}},
		{"end", true, 2, []string{"3", "2"}},
		{"end", false, 2, nil},
		{"start", true, 2, nil},
		{[2]uint64{end, end}, false, 2, nil},
		{[2]uint64{end + 12345, end}, false, 2, nil},
		{[2]uint64{1<<64 - 1, 1<<64 - 1}, true, 1, []string{"3"}},
		{"start", false, 0, nil},
	} {
		got, err := read(tt.from, tt.backwards, tt.count)
		if err != nil {
			t.Errorf("%v: %v", tt, err)
		}
		equal(t, fmt.Sprint(tt), got, tt.want)
	}
	for _, tt := range []struct {
		from      any
		backwards bool
		want      string
	}{
		{[2]uint64{at[1] + 1, at[1]}, false, "Unknown: Unexpected ReadAllResult: InvalidPosition"},
		{[2]uint64{at[1] + 1, at[1]}, true, "Unknown: Unexpected ReadAllResult: InvalidPosition"},
		{[2]uint64{end + 1, end}, true, "Unknown: Unexpected ReadAllResult: Error"},
		{[2]uint64{at[1], at[2]}, false, "Unknown: Exception was thrown by handler."},
		{nil, false, "Unknown: Exception was thrown by handler."},
	} {
		_, err := read(tt.from, tt.backwards, 10)
		wantStatus(t, err, tt.want)
	}
	// Forwards and backwards show the same, and nothing of the server's epochs.
	forward, err := read("start", false, 1<<63)
	backward, err2 := read("end", true, 1<<63)
	slices.Reverse(backward)
	if err != nil || err2 != nil || len(forward) != s.log.count()-2 {
		t.Error(err, err2, len(forward), s.log.count())
	}
	equal(t, "both ways", forward, backward)
}

func TestReadRefusals(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	put(t, c, "s", esdb.Any{}, event1("e"))
	for what, tt := range map[string]struct {
		change func(*streams.ReadReq_Options)
		want   string
	}{
		"no uuid option": {
			func(o *streams.ReadReq_Options) { o.UuidOption = nil },
			"InvalidArgument: 'uuidOption' is a required argument of type EventStore.Client.Streams.ReadReq+Types+Options+Types+UUIDOption",
		},
		"no stream": {
			func(o *streams.ReadReq_Options) { o.StreamOption = nil },
			"InvalidArgument: 'None' is not a valid EventStore.Client.Streams.ReadReq+Types+Options+StreamOptionOneofCase",
		},
		"count 0": {func(o *streams.ReadReq_Options) { o.CountOption = &streams.ReadReq_Options_Count{} }, "Unknown: Unexpected ReadStreamResult: Error"},
		"forwards from the end": {func(o *streams.ReadReq_Options) {
			o.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_End{End: &shared.Empty{}}
		}, "Unknown: Unexpected ReadStreamResult: Error"},
		"revision out of range": {func(o *streams.ReadReq_Options) {
			o.GetStream().RevisionOption = &streams.ReadReq_Options_StreamOptions_Revision{Revision: 1 << 63}
		}, "Unknown: Exception was thrown by handler."},
	} {
		req := readOptions("s")
		tt.change(req.Options)
		_, err := collect(raw(t, s).Read(deadline(t), req))
		t.Run(what, func(t *testing.T) { wantStatus(t, err, tt.want) })
	}
	req := readOptions("s")
	req.Options.FilterOption = nil
	if _, err := collect(raw(t, s).Read(deadline(t), req)); err == nil {
		t.Error("a stream is read without a filter, and that must be said")
	}
}
