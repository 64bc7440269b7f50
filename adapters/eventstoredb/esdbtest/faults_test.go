package esdbtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What each fault leaves in the stream, and what the client sees of it.
func TestFaultsOfAppends(t *testing.T) {
	for what, tt := range map[string]struct {
		effect  Effect
		written bool
		code    codes.Code
	}{
		"drop before":  {DropBefore(), false, codes.Unavailable},
		"drop after":   {DropAfter(), true, codes.Unavailable},
		"abort before": {AbortBefore(), false, codes.Aborted},
		"abort after":  {AbortAfter(), true, codes.Aborted},
		"not leader":   {NotLeader("127.0.0.1:9"), false, codes.NotFound},
		"not ready":    {NotReady(), false, codes.Unavailable},
		"too busy":     {TooBusy(), false, codes.Unavailable},
		"refuse":       {RefuseWhileSending(), false, codes.Unavailable},
		"delay":        {Delay(time.Millisecond), true, codes.OK},
	} {
		t.Run(what, func(t *testing.T) {
			s := Start(t)
			s.Inject(Fault{Method: Append, After: 1, Times: 1, Effect: tt.effect})
			c := raw(t, s)
			for i, want := range []codes.Code{codes.OK, tt.code, codes.OK} {
				_, _, err := appendRaw(deadline(t), c, anything("s"), proposal("e"))
				if status.Code(err) != want {
					t.Errorf("append %d: %v, want %s", i, err, want)
				}
			}
			last := int64(1)
			if tt.written {
				last = 2
			}
			if got := s.log.lastRevision("s"); got != last || s.Faulted() != 1 {
				t.Errorf("last revision %d, want %d; %d faults", got, last, s.Faulted())
			}
		})
	}
}

// A client that has more to send than fits on the way sees its stream closed.
func TestRefuseWhileSending(t *testing.T) {
	s := Start(t)
	s.Inject(Fault{Method: Append, Effect: RefuseWhileSending()})
	c := client(t, s.ConnectionString())
	big := events(200, "e")
	for i := range big {
		big[i].Data = make([]byte, 100_000)
	}
	_, err := c.AppendToStream(deadline(t), "s", esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}, big...)
	if err == nil || !strings.Contains(err.Error(), "could not send append request") {
		t.Error(err)
	}
}

func TestFaultsAreBounded(t *testing.T) {
	s := Start(t)
	c := raw(t, s)
	try := func() string {
		out := ""
		for range 6 {
			if _, _, err := appendRaw(deadline(t), c, anything("s"), proposal("e")); err != nil {
				out += "x"
			} else {
				out += "."
			}
		}
		return out
	}
	cancel := s.Inject(Fault{Method: Append, After: 1, Times: 2, Effect: TooBusy()})
	if got := try(); got != ".xx..." {
		t.Error(got)
	}
	cancel() // long over
	cancel = s.Inject(Fault{Effect: TooBusy()})
	if got := try(); got != "xxxxxx" {
		t.Error(got)
	}
	cancel()
	s.Inject(Fault{Method: Delete, Effect: TooBusy()})
	s.Inject(Fault{Method: Append, Times: 1, Effect: TooBusy()})
	s.Inject(Fault{Method: Append, After: 1, Times: 1, Effect: TooBusy()}) // counts only what the other lets pass
	if got := try(); got != "x.x..." {
		t.Error(got)
	}
}

func TestFaultsOfReads(t *testing.T) {
	s := Start(t)
	put(t, client(t, s.ConnectionString()), "s", esdb.NoStream{}, events(10, "e")...)
	for what, tt := range map[string]struct {
		fault Fault
		want  []string
		code  codes.Code
	}{
		"subscription dropped": {Fault{Method: Subscribe, Times: 1, Effect: DropSubscription(4)}, []string{"confirmed", "0", "1", "2", "3"}, codes.Unavailable},
		"before":               {Fault{Method: Subscribe, Times: 1, Effect: DropBefore()}, nil, codes.Unavailable},
		"busy":                 {Fault{Method: Subscribe, Times: 1, Effect: TooBusy()}, nil, codes.Unavailable},
		"aborted":              {Fault{Method: Subscribe, Times: 1, Effect: AbortAfter()}, []string{"confirmed"}, codes.Aborted},
	} {
		s.Inject(tt.fault)
		got, err := collect(subscribeRaw(t, s, readOptions("s")), nil)
		if status.Code(err) != tt.code {
			t.Errorf("%s: %v", what, err)
		}
		equal(t, what, kinds(got), tt.want)
	}
	s.Inject(Fault{Method: Read, Times: 1, Effect: DropSubscription(3)})
	got, err := collect(raw(t, s).Read(deadline(t), readOptions("s")))
	if status.Code(err) != codes.Unavailable {
		t.Error(err)
	}
	equal(t, "a read", kinds(got), []string{"0", "1", "2"})
	if got, err = collect(raw(t, s).Read(deadline(t), readOptions("s"))); err != nil || len(got) != 10 {
		t.Error(got, err)
	}
}

// The official client follows the leader it is told, and finds its server again after each kind of break.
func TestOfficialClientUnderFaults(t *testing.T) {
	other := Start(t)
	s := Start(t)
	for what, effect := range map[string]Effect{"drop": DropBefore(), "ready": NotReady(), "leader": NotLeader(other.Addr())} {
		c := client(t, s.ConnectionString())
		s.Inject(Fault{Method: Append, Times: 1, Effect: effect})
		o := esdb.AppendToStreamOptions{ExpectedRevision: esdb.Any{}}
		if _, err := c.AppendToStream(deadline(t), what, o, event1("e")); err == nil {
			t.Error(what)
		} else if what == "leader" && !isCode(err, esdb.ErrorCodeNotLeader) || what != "leader" && !isCode(err, esdb.ErrorUnavailable) {
			t.Error(err)
		}
		put(t, c, what, esdb.Any{}, event1("e"))
	}
	if other.log.lastRevision("leader") != 0 || s.log.lastRevision("drop") != 0 {
		t.Error("the client went elsewhere")
	}
}

func TestRestartKeepsAddressAndData(t *testing.T) {
	s := Start(t)
	put(t, client(t, s.ConnectionString()), "s", esdb.NoStream{}, events(3, "e")...)
	address := s.Addr()
	call := subscribeRaw(t, s, readOptions("s"))
	next(t, call, 4)
	s.Stop()
	s.Stop()
	var gone error
	for gone == nil {
		_, gone = call.Recv()
	}
	if status.Code(gone) != codes.Unavailable {
		t.Error(gone)
	}
	fatal(t, s.Start())
	if err := s.Start(); err == nil {
		t.Error("started twice")
	}
	fatal(t, s.Restart())
	if s.Addr() != address {
		t.Error(s.Addr())
	}
	c := client(t, s.ConnectionString())
	got, err := drain(c.ReadStream(deadline(t), "s", esdb.ReadStreamOptions{}, 10))
	if err != nil || len(got) != 3 {
		t.Error(got, err)
	}
	call = subscribeRaw(t, s, readOptions("s"))
	next(t, call, 4)
	s.DropConnections()
	for err == nil {
		_, err = call.Recv()
	}
	put(t, client(t, s.ConnectionString()), "s", esdb.Any{}, event1("e"))
}

func TestCluster(t *testing.T) {
	c := StartCluster(t, 3)
	cc := client(t, c.ConnectionString())
	put(t, cc, "s", esdb.NoStream{}, event1("e"))
	if n := strings.Count(c.ConnectionString(), ","); n != 2 {
		t.Error(c.ConnectionString())
	}
	members := c.Node(1).members()
	states := ""
	for i, m := range members {
		states += fmt.Sprintf("%s %v, ", m.GetState(), m.GetIsAlive())
		if fmt.Sprintf("%s:%d", m.GetHttpEndPoint().GetAddress(), m.GetHttpEndPoint().GetPort()) != c.Node(i).Addr() {
			t.Error(m)
		}
	}
	if states != "Leader true, Follower true, Follower true, " {
		t.Error(states)
	}
	// A follower passes writes on, unless the caller wants the leader.
	follower := raw(t, c.Node(2))
	if _, _, err := appendRaw(deadline(t), follower, anything("s"), proposal("e")); err != nil {
		t.Error(err)
	}
	insist := withHeader(deadline(t), "requires-leader", "true")
	_, trailer, err := appendRaw(insist, follower, anything("s"), proposal("e"))
	wantStatus(t, err, "NotFound: Leader info available")
	if got := trailer.Get("leader-endpoint-host")[0] + ":" + trailer.Get("leader-endpoint-port")[0]; got != c.Node(0).Addr() {
		t.Error(got)
	}
	if _, err := collect(follower.Read(insist, readOptions("s"))); status.Code(err) != codes.NotFound {
		t.Error("reads are refused alike:", err)
	}
	if got, err := collect(follower.Read(deadline(t), readOptions("s"))); err != nil || len(got) != 2 {
		t.Error(got, err)
	}
	c.SetLeader(2)
	if _, _, err := appendRaw(insist, follower, anything("s"), proposal("e")); err != nil {
		t.Error(err)
	}
	// Without the leader nothing is written.
	c.Node(2).Stop()
	_, _, err = appendRaw(deadline(t), raw(t, c.Node(1)), anything("s"), proposal("e"))
	wantStatus(t, err, "Unavailable: Server Is Not Ready")
	if c.Node(0).members()[2].GetIsAlive() {
		t.Error("a stopped node is gossiped as alive")
	}
	c.SetLeader(1)
	if _, _, err = appendRaw(deadline(t), raw(t, c.Node(0)), anything("s"), proposal("e")); err != nil {
		t.Error(err)
	}
	put(t, client(t, c.ConnectionString()), "s", esdb.Any{}, event1("e"))
	if got := c.Node(0).log.lastRevision("s"); got != 4 {
		t.Error(got)
	}
}
