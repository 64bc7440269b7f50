package esdbtest

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// fieldsOf writes a message as its bytes have it, also what the client's code does not know.
func fieldsOf(t testing.TB, b []byte, nested map[protowire.Number]bool) map[protowire.Number]string {
	t.Helper()
	found := map[protowire.Number]string{}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		switch {
		case kind == protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			found[number], b = fmt.Sprint(v), b[n:]
		case nested[number]:
			v, n := protowire.ConsumeBytes(b)
			inner := fieldsOf(t, v, nil)
			found[number], b = inner[1]+" "+inner[2], b[n:]
		default:
			t.Fatalf("field %d of kind %d", number, kind)
		}
	}
	return found
}

// From 24.10.5 on, what is caught up says when and where, and a checkpoint when; 24.10.0 says neither.
func TestCaughtUpSaysWhereItIs(t *testing.T) {
	at := time.Date(2026, 5, 8, 7, 10, 6, 500, time.UTC)
	const when = "1778224206 500"
	for version, says := range map[string]bool{
		"24.10.0": false, "24.10.4": false, "24.10.5": true, DefaultVersion: true, "23.10.8": false, "25.0.0": false, "26.0.3": true,
	} {
		s := Start(t, Options{Version: version, Clock: func() time.Time { return at }})
		c := client(t, s.ConnectionString())
		var last *esdb.WriteResult
		for range 2 {
			last = put(t, c, "apple", esdb.Any{}, event1("red"))
		}
		place := fmt.Sprint(last.CommitPosition, " ", last.CommitPosition)
		of := func(name string) *streams.ReadReq { return readOptions(name) }
		filtered := allOptions("start")
		filtered.Options.FilterOption = &streams.ReadReq_Options_Filter{Filter: &streams.ReadReq_Options_FilterOptions{
			Filter: &streams.ReadReq_Options_FilterOptions_StreamIdentifier{
				StreamIdentifier: &streams.ReadReq_Options_FilterOptions_Expression{Prefix: []string{"apple"}},
			},
			Window: &streams.ReadReq_Options_FilterOptions_Max{Max: 32}, CheckpointIntervalMultiplier: 1,
		}}
		for what, tt := range map[string]struct {
			req  *streams.ReadReq
			want map[protowire.Number]string
		}{
			"a stream":   {of("apple"), map[protowire.Number]string{1: when, 2: "1"}},
			"no stream":  {of("pear"), map[protowire.Number]string{1: when}},
			"all":        {allOptions("start"), map[protowire.Number]string{1: when, 3: place}},
			"the end":    {allOptions("end"), map[protowire.Number]string{1: when, 3: place}},
			"a filtered": {filtered, map[protowire.Number]string{1: when, 3: place}},
		} {
			want, checkpoint := tt.want, map[protowire.Number]string{3: when}
			if !says {
				want, checkpoint = map[protowire.Number]string{}, map[protowire.Number]string{}
			}
			call := subscribeRaw(t, s, tt.req)
			for {
				m, err := call.Recv()
				fatal(t, err)
				if p := m.GetCheckpoint(); p != nil {
					got := fieldsOf(t, p.ProtoReflect().GetUnknown(), map[protowire.Number]bool{3: true})
					if fmt.Sprint(got) != fmt.Sprint(checkpoint) || p.GetCommitPosition() != last.CommitPosition {
						t.Errorf("%s, %s: a checkpoint with %v, want %v", version, what, got, checkpoint)
					}
				}
				if m.GetCaughtUp() != nil {
					b, err := proto.Marshal(m.GetCaughtUp())
					fatal(t, err)
					got := fieldsOf(t, b, map[protowire.Number]bool{1: true, 3: true})
					if fmt.Sprint(got) != fmt.Sprint(want) {
						t.Errorf("%s, %s: caught up with %v, want %v", version, what, got, want)
					}
					break
				}
			}
		}
	}
}

// The position beside an event is that of what was read: of an event of a stream too, and of a link and not what it leads to.
func TestEventsOfAStreamHaveTheirPosition(t *testing.T) {
	s := Start(t)
	c := client(t, s.ConnectionString())
	want := []uint64{put(t, c, "apple", esdb.NoStream{}, event1("red")).CommitPosition}
	link := event1("$>")
	link.Data, link.ContentType = []byte("0@apple"), esdb.ContentTypeBinary
	want = append(want, put(t, c, "list", esdb.NoStream{}, link).CommitPosition)
	for i, name := range []string{"apple", "list"} {
		for _, forever := range []bool{false, true} {
			req := readOptions(name)
			req.Options.ResolveLinks = true
			read := func() (*streams.ReadResp, error) {
				got, err := collect(raw(t, s).Read(deadline(t), req))
				return got[0], err
			}
			if forever {
				call := subscribeRaw(t, s, req)
				next(t, call, 1)
				read = call.Recv
			}
			got, err := read()
			fatal(t, err)
			if p, ok := got.GetEvent().GetPosition().(*streams.ReadResp_ReadEvent_CommitPosition); !ok || p.CommitPosition != want[i] {
				t.Errorf("%s, subscribed %v: beside the event is %v, want %d", name, forever, got.GetEvent().GetPosition(), want[i])
			}
		}
	}
}

// An insecure server knows of no users. One that has users adds them to a log from before it had.
func TestUsersAreEventsOfAServerThatHasThem(t *testing.T) {
	o := Options{Data: t.TempDir(), Clock: time.Now, Logger: slog.New(slog.DiscardHandler)}
	revisions := func() (users, admin int64) {
		l, err := openLog(o)
		fatal(t, err)
		defer func() { fatal(t, l.close()) }()
		return l.lastRevision("$users"), l.lastRevision("$user-admin")
	}
	for _, tt := range []struct {
		passwords    map[string]string
		users, admin int64
	}{{nil, noStream, noStream}, {map[string]string{"admin": "a"}, 1, 0}, {map[string]string{"admin": "a"}, 1, 0}, {nil, 1, 0}} {
		o.Users = tt.passwords
		if users, admin := revisions(); users != tt.users || admin != tt.admin {
			t.Errorf("with %v: $users at %d and $user-admin at %d, want %d and %d", tt.passwords, users, admin, tt.users, tt.admin)
		}
	}
}

// The limit of a single event is told by another name than that of the whole append, and the append leaves nothing.
func TestEventSize(t *testing.T) {
	s := Start(t, Options{MaxEventBytes: 100})
	small, large := proposal("ab"), proposal("ab")
	small.Data, large.Data = make([]byte, 96), make([]byte, 97)
	_, _, err := appendRaw(deadline(t), raw(t, s), anything("sizes"), small, small)
	fatal(t, err)
	_, trailer, err := appendRaw(deadline(t), raw(t, s), anything("sizes"), small, large)
	id := large.GetId().GetString_()
	wantStatus(t, err, "InvalidArgument: Event with Id: "+id+", Size: 101, exceeds Maximum Append Event Size of 100.")
	for name, want := range map[string]string{
		"exception": "maximum-append-event-size-exceeded", "maximum-append-event-size": "100", "event-id": id, "proposed-append-event-size": "101",
	} {
		equal(t, name, trailer.Get(name), []string{want})
	}
	k := newTalk(t, s)
	req := batchRequest(uuid.New(), batchOptions("sizes"), 1, true)
	req.ProposedMessages[0].Data = make([]byte, 200)
	k.send(req)
	details := k.recv().GetError().GetDetails()
	if len(details) != 1 || details[0].GetTypeUrl() != "type.googleapis.com/event_store.client.MaximumAppendEventSizeExceeded" {
		t.Fatal(details)
	}
	if got, want := len(details[0].GetValue()), 2+36+3+2; got != want {
		t.Errorf("the details have %d bytes, want %d", got, want)
	}
	if r := s.log.lastRevision("sizes"); r != 1 {
		t.Errorf("the last revision is %d", r)
	}
	// The stream that must exist and was deleted softly is refused as deleted, of a batch too.
	fatal(t, func() error { _, err := s.log.delete("sizes", anyRevision, false); return err }())
	req = batchRequest(uuid.New(), batchOptions("sizes"), 1, true)
	req.Options.ExpectedStreamPosition = &streams.BatchAppendReq_Options_StreamExists{}
	k.send(req)
	var deleted shared.StreamDeleted
	if details := k.recv().GetError().GetDetails(); len(details) != 1 || details[0].UnmarshalTo(&deleted) != nil {
		t.Error(details)
	}
}
