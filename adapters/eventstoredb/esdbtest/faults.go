package esdbtest

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
)

// Method is a kind of call. A read with a count is a Read, one that goes on a Subscribe; each batch of a BatchAppend
// counts as a call of its own. The zero Method stands for all of them.
type Method int

// The kinds of calls.
const (
	Append Method = iota + 1
	BatchAppend
	Read
	Subscribe
	Delete
	Tombstone
	Features
	Gossip
)

// Fault makes calls fail: it lets After calls of the method through, then hits the next Times, or all of them until it
// is cancelled when Times is 0. A call is hit by one fault at most, the one injected first; while it waits for its turn
// a fault counts only calls that no other hit.
type Fault struct {
	Method Method
	After  int
	Times  int
	Effect Effect
}

// Effect is what happens to a call that is hit.
type Effect struct {
	kind    kind
	address string
	delay   time.Duration
	events  uint64
	refusal error
}

type kind int

const (
	nothing kind = iota
	dropBefore
	dropAfter
	refuseLeader
	abortBefore
	abortAfter
	delayed
	refuseSending
	dropSubscription
	unready
	busy
	refused
)

// DropBefore cuts the TCP connection, with everything else on it, when the request is complete and nothing was done.
func DropBefore() Effect { return Effect{kind: dropBefore} }

// DropAfter cuts the TCP connection when the work is done and before the answer; for reads, after the last event.
func DropAfter() Effect { return Effect{kind: dropAfter} }

// NotLeader refuses the call and names the leader's address, "host:port".
func NotLeader(address string) Effect { return Effect{kind: refuseLeader, address: address} }

// AbortBefore answers with a time-out, and nothing was done.
func AbortBefore() Effect { return Effect{kind: abortBefore} }

// AbortAfter answers with a time-out although the work is done.
func AbortAfter() Effect { return Effect{kind: abortAfter} }

// Delay does the work that much later. It stops waiting when the caller does, and the work is not done then.
func Delay(d time.Duration) Effect { return Effect{kind: delayed, delay: d} }

// RefuseWhileSending ends an append as too busy when its first message is there, however much the client has yet to send.
// One with more to send than fits on the way sees its stream closed; others the refusal.
func RefuseWhileSending() Effect { return Effect{kind: refuseSending} }

// DropSubscription ends a read or a subscription, and only it, after so many events.
func DropSubscription(afterEvents int) Effect {
	return Effect{kind: dropSubscription, events: unsigned(int64(afterEvents))}
}

// NotReady refuses the call as a server does that is starting.
func NotReady() Effect { return Effect{kind: unready} }

// TooBusy refuses the call as an overloaded server does.
func TooBusy() Effect { return Effect{kind: busy} }

// Refuse ends the call with a status of that code and message, and with trailers, names and values by turns.
func Refuse(code codes.Code, message string, trailer ...string) Effect {
	return Effect{kind: refused, refusal: fail(code, message, trailer...)}
}

// Denied refuses the call as a server does whose rules do not let the user do it.
func Denied() Effect { return Effect{kind: refused, refusal: accessDenied()} }

// faults are those of one server.
type faults struct {
	mu   sync.Mutex
	live []*Fault
	hits int
}

// Inject adds a fault; cancel ends it early, and may be called more than once.
func (s *Server) Inject(f Fault) (cancel func()) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	added := &f
	if f.Times == 0 {
		added.Times = -1
	}
	s.faults.live = append(s.faults.live, added)
	return func() { s.faults.remove(added) }
}

// Faulted is how many calls were hit so far.
func (s *Server) Faulted() int {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return s.faults.hits
}

func (f *faults) remove(fault *Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(fault)
}

func (f *faults) forget(fault *Fault) {
	for i, other := range f.live {
		if other == fault {
			f.live = append(f.live[:i:i], f.live[i+1:]...)
			return
		}
	}
}

// take counts a call and says what shall happen to it.
func (f *faults) take(m Method) Effect {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.live {
		if fault.Method != 0 && fault.Method != m {
			continue
		}
		if fault.After > 0 {
			fault.After--
			continue
		}
		if fault.Times > 0 {
			if fault.Times--; fault.Times == 0 {
				f.forget(fault)
			}
		}
		f.hits++
		return fault.Effect
	}
	return Effect{}
}

// whileSending is for appends, with the first message there.
func (e Effect) whileSending() error {
	if e.kind == refuseSending {
		return tooBusy()
	}
	return nil
}

// before is when the request is complete and nothing was done.
func (e Effect) before(ctx context.Context, s *Server) error {
	switch e.kind {
	case dropBefore:
		return s.cut(ctx)
	case refuseLeader:
		return notLeader(e.address)
	case abortBefore:
		return timedOut("Prepare phase timeout.")
	case unready:
		return notReady()
	case busy:
		return tooBusy()
	case refused:
		return e.refusal
	case delayed:
		timer := time.NewTimer(e.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// after is when the work is done and before the answer.
func (e Effect) after(ctx context.Context, s *Server) error {
	switch e.kind {
	case dropAfter:
		return s.cut(ctx)
	case abortAfter:
		return timedOut("Commit phase timeout.")
	}
	return nil
}

// sent says whether a read goes on after so many events.
func (e Effect) sent(events uint64) error {
	if e.kind == dropSubscription && events >= e.events {
		return fail(codes.Unavailable, "the subscription was dropped")
	}
	return nil
}
