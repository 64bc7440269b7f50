package esdbtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
)

func TestExpectedRevisions(t *testing.T) {
	c := client(t, Start(t).ConnectionString())
	states := map[string]func(name string){
		"none":    func(string) {},
		"two":     func(name string) { put(t, c, name, esdb.NoStream{}, events(2, "e")...) },
		"deleted": func(name string) { put(t, c, name, esdb.NoStream{}, events(2, "e")...); remove(t, c, name) },
		"only metadata": func(name string) {
			if _, err := c.SetStreamMetadata(deadline(t), name, esdb.AppendToStreamOptions{ExpectedRevision: esdb.NoStream{}}, esdb.StreamMetadata{}); err != nil {
				t.Fatal(err)
			}
		},
		"tombstoned": func(name string) {
			if _, err := c.TombstoneStream(deadline(t), name, esdb.TombstoneStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
				t.Fatal(err)
			}
		},
	}
	for _, tt := range []struct {
		state    string
		expected esdb.ExpectedRevision
		want     string
	}{
		{"none", esdb.NoStream{}, "0"},
		{"none", esdb.Any{}, "0"},
		{"none", esdb.StreamExists{}, "expecting 'stream_exists' but got 'no_stream'"},
		{"none", esdb.Revision(0), "expecting '0' but got 'no_stream'"},
		{"two", esdb.NoStream{}, "expecting 'no_stream' but got '1'"},
		{"two", esdb.Any{}, "2"},
		{"two", esdb.StreamExists{}, "2"},
		{"two", esdb.Revision(1), "2"},
		{"two", esdb.Revision(0), "expecting '0' but got '1'"},
		{"two", esdb.Revision(2), "expecting '2' but got '1'"},
		{"deleted", esdb.NoStream{}, "2"},
		{"deleted", esdb.Any{}, "2"},
		{"deleted", esdb.StreamExists{}, "deleted"},
		{"deleted", esdb.Revision(1), "2"},
		{"deleted", esdb.Revision(0), "expecting '0' but got '1'"},
		{"only metadata", esdb.StreamExists{}, "0"},
		{"only metadata", esdb.NoStream{}, "0"},
		{"tombstoned", esdb.Any{}, "deleted"},
		{"tombstoned", esdb.NoStream{}, "deleted"},
	} {
		t.Run(fmt.Sprintf("%s/%T%v", tt.state, tt.expected, tt.expected), func(t *testing.T) {
			name := fresh("expected")
			states[tt.state](name)
			r, err := c.AppendToStream(deadline(t), name, esdb.AppendToStreamOptions{ExpectedRevision: tt.expected}, event1("new"))
			got := fmt.Sprint(err)
			if err == nil {
				got = fmt.Sprint(r.NextExpectedVersion)
			}
			if !strings.Contains(got, tt.want) || err != nil && len(tt.want) < 2 {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func remove(t testing.TB, c *esdb.Client, name string) {
	t.Helper()
	if _, err := c.DeleteStream(deadline(t), name, esdb.DeleteStreamOptions{ExpectedRevision: esdb.Any{}}); err != nil {
		t.Fatal(err)
	}
}

func TestAppendAnswersWithTheLastEvent(t *testing.T) {
	c := client(t, Start(t).ConnectionString())
	name := fresh("answers")
	r := put(t, c, name, esdb.NoStream{}, events(3, "e")...)
	got, err := drain(c.ReadAll(deadline(t), esdb.ReadAllOptions{From: esdb.Position{Commit: r.CommitPosition, Prepare: r.PreparePosition}}, 10))
	if err != nil || r.NextExpectedVersion != 2 {
		t.Fatal(r, err)
	}
	equal(t, "from the position of the append", got, []string{"2@" + name})
	// An append of nothing is answered with what is there, and can be resumed from.
	r = put(t, c, name, esdb.Revision(2))
	if r.NextExpectedVersion != 2 {
		t.Error(r)
	}
	put(t, c, name, esdb.Any{}, event1("e"))
	got, err = drain(c.ReadAll(deadline(t), esdb.ReadAllOptions{From: esdb.Position{Commit: r.CommitPosition, Prepare: r.PreparePosition}}, 10))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "after nothing", got, []string{"3@" + name})
}

func TestIdempotence(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	name, other := fresh("again"), fresh("other")
	e := events(4, "e")
	first := put(t, c, name, esdb.NoStream{}, e[:3]...)
	put(t, c, name, esdb.Revision(2), e[3])
	for _, tt := range []struct {
		what     string
		expected esdb.ExpectedRevision
		events   []esdb.EventData
		want     string // the revision, or part of the error
	}{
		{"all of it", esdb.NoStream{}, e[:3], "2"},
		{"a part", esdb.NoStream{}, e[:2], "1"},
		{"with what came later", esdb.NoStream{}, e, "3"},
		{"the last", esdb.Revision(2), e[3:], "3"},
		{"any", esdb.Any{}, e[:3], "2"},
		{"stream exists", esdb.StreamExists{}, e[1:3], "2"},
		{"half of it new", esdb.NoStream{}, []esdb.EventData{e[0], event1("new")}, "got '3'"},
		{"half of it new, any", esdb.Any{}, []esdb.EventData{e[0], event1("new")}, "got '3'"},
		{"at another revision", esdb.Revision(0), e[:2], "got '3'"},
	} {
		r, err := c.AppendToStream(deadline(t), name, esdb.AppendToStreamOptions{ExpectedRevision: tt.expected}, tt.events...)
		got := fmt.Sprint(err)
		if err == nil {
			if got = fmt.Sprint(r.NextExpectedVersion); got == "2" && r.CommitPosition != first.CommitPosition {
				t.Errorf("%s: position %d, want that of the first time, %d", tt.what, r.CommitPosition, first.CommitPosition)
			}
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %s", tt.what, got, tt.want)
		}
	}
	if r := put(t, c, other, esdb.Any{}, e[0]); r.NextExpectedVersion != 0 {
		t.Error("the same id in another stream is another event")
	}
	got, _ := drain(c.ReadStream(deadline(t), name, esdb.ReadStreamOptions{}, 100))
	if len(got) != 4 {
		t.Errorf("%d events, want 4", len(got))
	}
	// A crash empties the cache of ids, not the streams.
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	c = client(t, s.ConnectionString())
	if r := put(t, c, name, esdb.NoStream{}, e[:3]...); r.NextExpectedVersion != 2 {
		t.Error("an explicit revision is idempotent for ever")
	}
	if r := put(t, c, name, esdb.Any{}, e[2]); r.NextExpectedVersion != 4 {
		t.Error("any revision is idempotent only while the id is remembered")
	}
	// Truncated events are repeats still, but have no position any more.
	meta := esdb.StreamMetadata{}
	meta.SetTruncateBefore(4)
	if _, err := c.SetStreamMetadata(deadline(t), name, esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, meta); err != nil {
		t.Fatal(err)
	}
	if r := put(t, c, name, esdb.NoStream{}, e[:3]...); r.NextExpectedVersion != 2 || r.CommitPosition != 0 {
		t.Error(r)
	}
}

func TestRecentIDsAreBounded(t *testing.T) {
	var r recentIDs
	s := &stream{name: strings.Repeat("x", 986)} // 2000 bytes an entry
	first, again := uuid.New(), uuid.New()
	r.put(first, s, 0)
	r.put(again, s, 1)
	for i := range 4190 {
		r.put(uuid.New(), s, int64(i))
		if i == 100 {
			r.put(again, s, 1)
		}
	}
	for range 10 {
		r.put(uuid.New(), s, 9)
	}
	if _, ok := r.in(s, first); ok {
		t.Error("the oldest id is forgotten")
	}
	if _, ok := r.in(s, again); !ok {
		t.Error("an id that was written again is as young as that")
	}
	if r.bytes > recentLimit || len(r.byID) > 4195 {
		t.Error(r.bytes, len(r.byID))
	}
}

func TestAppendSize(t *testing.T) {
	s := Start(t, Options{MaxAppendBytes: 1000})
	c := raw(t, s)
	any1 := &streams.AppendReq_Options{StreamIdentifier: identifier("sizes"), ExpectedStreamRevision: &streams.AppendReq_Options_Any{Any: &shared.Empty{}}}
	sized := func(data, meta int, kind string) *streams.AppendReq_ProposedMessage {
		m := proposal(kind)
		m.Data, m.CustomMetadata = make([]byte, data), make([]byte, meta)
		return m
	}
	for _, tt := range []struct {
		what     string
		messages []*streams.AppendReq_ProposedMessage
		fits     bool
	}{
		{"exactly", []*streams.AppendReq_ProposedMessage{sized(500, 496, "ab")}, true},
		{"one more", []*streams.AppendReq_ProposedMessage{sized(500, 497, "ab")}, false},
		{"together", []*streams.AppendReq_ProposedMessage{sized(498, 0, "a"), sized(499, 0, "a")}, false},
		{"a letter beyond 16 bits", []*streams.AppendReq_ProposedMessage{sized(997, 0, "𝄞")}, false},
		{"a Chinese letter", []*streams.AppendReq_ProposedMessage{sized(998, 0, "运")}, true},
	} {
		_, trailer, err := appendRaw(deadline(t), c, any1, tt.messages...)
		if tt.fits != (err == nil) {
			t.Errorf("%s: %v", tt.what, err)
		}
		if !tt.fits {
			wantStatus(t, err, "InvalidArgument: Maximum Append Size of 1000 Exceeded.")
			equal(t, tt.what, append(trailer.Get("exception"), trailer.Get("maximum-append-size")...), []string{"maximum-append-size-exceeded", "1000"})
		}
	}
	if r := s.log.lastRevision("sizes"); r != 1 {
		t.Errorf("the last revision is %d: an append that is too large leaves nothing", r)
	}
}

func TestAppendRefusals(t *testing.T) {
	c := raw(t, Start(t))
	options := func(o *streams.AppendReq_Options) *streams.AppendReq_Options {
		o.StreamIdentifier = identifier("refused")
		return o
	}
	anything := options(&streams.AppendReq_Options{ExpectedStreamRevision: &streams.AppendReq_Options_Any{Any: &shared.Empty{}}})
	without := func(key string) *streams.AppendReq_ProposedMessage {
		m := proposal("e")
		delete(m.Metadata, key)
		return m
	}
	for _, key := range []string{"type", "content-type"} {
		_, trailer, err := appendRaw(deadline(t), c, anything, without(key))
		wantStatus(t, err, "InvalidArgument: Required Metadata Property '"+key+"' is missing")
		equal(t, key, append(trailer.Get("exception"), trailer.Get("required-metadata-properties")...),
			[]string{"missing-required-metadata-property", "type,content-type"})
	}
	for what, o := range map[string]*streams.AppendReq_Options{
		"no expected revision": options(&streams.AppendReq_Options{}),
		"out of range":         options(&streams.AppendReq_Options{ExpectedStreamRevision: &streams.AppendReq_Options_Revision{Revision: 1 << 63}}),
		"no stream":            {ExpectedStreamRevision: &streams.AppendReq_Options_Any{Any: &shared.Empty{}}},
	} {
		_, _, err := appendRaw(deadline(t), c, o, proposal("e"))
		if err == nil {
			t.Error(what)
		}
	}
}

// Both encodings of an id are one id, and a wrong revision is told in the old fields as well.
func TestProtocolOfAppends(t *testing.T) {
	c := raw(t, Start(t))
	name := fresh("proto")
	first := &streams.AppendReq_Options{StreamIdentifier: identifier(name), ExpectedStreamRevision: &streams.AppendReq_Options_NoStream{NoStream: &shared.Empty{}}}
	m := proposal("e")
	id := uuid.MustParse("80000000-0000-0001-ffff-000000000002")
	m.Id = &shared.UUID{Value: &shared.UUID_String_{String_: id.String()}}
	if _, _, err := appendRaw(deadline(t), c, first, m); err != nil {
		t.Fatal(err)
	}
	m.Id = &shared.UUID{Value: &shared.UUID_Structured_{Structured: &shared.UUID_Structured{MostSignificantBits: -1<<63 + 1, LeastSignificantBits: -1<<48 + 2}}}
	r, _, err := appendRaw(deadline(t), c, first, m)
	if err != nil || r.GetSuccess().GetCurrentRevision() != 0 || r.GetSuccess().GetPosition() == nil {
		t.Fatal(r, err)
	}
	r, _, err = appendRaw(deadline(t), c, first, proposal("e"))
	w := r.GetWrongExpectedVersion()
	if err != nil || w.GetExpectedNoStream() == nil || w.GetExpectedRevision_20_6_0() != 1<<64-1 || w.GetCurrentRevision_20_6_0() != 0 ||
		w.GetCurrentRevisionOption() == nil || w.GetCurrentRevision() != 0 {
		t.Errorf("%v %v", w, err)
	}
	for _, text := range []bool{false, true} {
		req := readOptions(name)
		if text {
			req.Options.UuidOption.Content = &streams.ReadReq_Options_UUIDOption_String_{String_: &shared.Empty{}}
		}
		got, err := collect(c.Read(deadline(t), req))
		if err != nil || len(got) != 1 {
			t.Fatal(got, err)
		}
		read, ok := parseUUID(got[0].GetEvent().GetEvent().GetId())
		if _, is := got[0].GetEvent().GetEvent().GetId().GetValue().(*shared.UUID_String_); !ok || read != id || is != text {
			t.Errorf("id %v", got[0].GetEvent().GetEvent().GetId())
		}
	}
}
