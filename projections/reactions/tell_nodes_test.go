package reactions_test

import (
	"fmt"
	"math/rand/v2"
	nethttp "net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// TestReceiversThatMisbehave: whatever receivers do at random, each hook takes each item of its feed at least once, in the order of its
// object; what comes again, since its answer was lost or late, has the same id.
func TestReceiversThatMisbehave(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t)
	w.outside.Pauses = slices.Repeat([]time.Duration{time.Millisecond}, 1000)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var mu sync.Mutex
	draw := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }
	w.receiver.answers(func(rw nethttp.ResponseWriter, r *nethttp.Request, a arrival) bool {
		take := func() {
			w.receiver.mu.Lock()
			defer w.receiver.mu.Unlock()
			a.took = true
			w.receiver.got = append(w.receiver.got, a)
		}
		switch draw(14) {
		case 0:
			rw.WriteHeader(nethttp.StatusInternalServerError)
		case 1:
			nethttp.Redirect(rw, r, "/elsewhere", nethttp.StatusFound)
		case 2:
			rw.Header().Set("Retry-After", "0")
			rw.WriteHeader(nethttp.StatusTooManyRequests)
		case 3:
			panic(nethttp.ErrAbortHandler) // as if nobody were there
		case 4: // it took the message, and the answer is lost
			take()
			panic(nethttp.ErrAbortHandler)
		case 5: // it took the message, says so, and breaks off
			take()
			rw.Header().Set("Content-Length", "100")
			_, _ = rw.Write([]byte("taken"))
			_ = nethttp.NewResponseController(rw).Flush()
			panic(nethttp.ErrAbortHandler)
		default:
			return true
		}
		return false
	})
	owners := []uuid.UUID{uuid.New(), uuid.New(), uuid.Nil}
	ids := map[string]uuid.UUID{}
	r := w.start()
	w.begun()
	var streams []domain.StreamName
	for step := range 60 {
		switch owner := draw(len(owners)); {
		case step%20 == 0:
			name := fmt.Sprint("hook", step)
			ids[name], _ = w.hook(owners[(step/20)%len(owners)], name)
		case draw(3) == 0 || len(streams) == 0:
			streams = append(streams, w.happen(owners[owner%2], 0))
		default:
			w.more(streams[draw(len(streams))], draw(5))
		}
	}
	w.settled(r)
	for step, name := range []string{"hook0", "hook20", "hook40"} {
		w.check(name, ids[name], owners[step], true)
	}
	if n := w.count("given_up"); n != 0 {
		t.Errorf("%d were given up", n)
	}
}

// TestTwoNodes: whichever node delivers, each hook gets each event, in the order of its object. When the one that does ends in the
// middle, what was under way comes again with the same id, and nothing else does.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	w := newHookWorld(t)
	w.outside.Pauses = slices.Repeat([]time.Duration{time.Millisecond}, 1000)
	ann := uuid.New()
	quick := func(c *runtime.Config) { c.LeaseTTL = time.Second }
	nodes := []*runtime.Runtime{w.start(quick), w.start(quick, func(c *runtime.Config) { c.Owner = "other" })}
	w.begun()
	all, _ := w.hook(uuid.Nil, "all")
	ofAnn, _ := w.hook(ann, "ann")
	var mu sync.Mutex
	underWay := map[string]int{}
	w.receiver.answers(func(_ nethttp.ResponseWriter, r *nethttp.Request, a arrival) bool {
		object := a.hook + a.ObjectID.String()
		mu.Lock()
		if underWay[object]++; underWay[object] > 1 && r.Context().Err() == nil {
			t.Logf("two at a time of %s", object)
		}
		mu.Unlock()
		defer func() { mu.Lock(); underWay[object]--; mu.Unlock() }()
		time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
		return true
	})
	for i := range 10 {
		w.happen(ann, i)
	}
	runtimetest.Eventually(t, "some delivered", func() bool { return len(w.receiver.taken("all")) > 10 })
	// Its lease is somebody else's from now on, and then it ends.
	holder := ""
	if err := w.pool.QueryRow(t.Context(), `UPDATE projections.leases SET expires_at = now() - interval '1 hour' WHERE projection = $1
		RETURNING holder`, reactions.WebhooksStored).Scan(&holder); err != nil {
		t.Fatal(err)
	}
	closeRuntime(t, nodes[0])
	for i := range 10 {
		w.happen(ann, i)
	}
	w.settled(nodes[1])
	w.check("all", all, uuid.Nil, true)
	w.check("ann", ofAnn, ann, true)
	repeated := 0
	for _, name := range []string{"all", "ann"} {
		seen := map[uuid.UUID]bool{}
		for _, a := range w.receiver.taken(name) {
			if seen[a.ID] {
				repeated++
			}
			seen[a.ID] = true
		}
	}
	if repeated > 32 {
		t.Errorf("%d messages came twice, more than can be under way", repeated)
	}
}
