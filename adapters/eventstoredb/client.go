package eventstoredb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"golang.org/x/time/rate"

	"waybill/domain"
)

// supervisor keeps one client that has found a node, and makes another when that one is lost: a client whose search for a
// node has failed once answers nothing any more, and one whose connection broke leaves the old one open.
type supervisor struct {
	config func() *esdb.Configuration // asked before each search
	log    *slog.Logger
	closed chan struct{}
	done   sync.WaitGroup
	// restarts counts the clients after the first.
	restarts atomic.Int64
	work     chan func()
	idle     atomic.Int64

	unanswered, losses *rate.Sometimes // what is said of each; of run alone

	mu      sync.Mutex
	current *generation // nil while a node is looked for
	failure error       // why the last search failed; nil since a node was found
	changed chan struct{}
}

// generation is one client, from the finding of a node to the loss of it.
type generation struct {
	client *esdb.Client
	lost   chan struct{}
	once   sync.Once
	cause  error       // why it was lost, set before lost is closed
	useful atomic.Bool // a call has succeeded

	mu      sync.Mutex
	calls   int
	retired bool
}

var errClosed = fmt.Errorf("%w: closed", domain.ErrUnavailable)

// stuckAfter is how long a retired client waits for its last calls. Closing it under them makes them panic, which call
// turns into an error.
const stuckAfter = time.Minute

func supervise(config func() *esdb.Configuration, log *slog.Logger) *supervisor {
	s := &supervisor{
		config: config, log: log, closed: make(chan struct{}), changed: make(chan struct{}), work: make(chan func()),
		unanswered: sparingly(), losses: sparingly(),
	}
	s.done.Go(s.run)
	return s
}

// close makes every later call fail; calls under way end by themselves.
func (s *supervisor) close() {
	close(s.closed)
	s.done.Wait()
}

// run looks for a node, waits until it is lost, and looks again.
func (s *supervisor) run() {
	var wait backoff
	told := slog.LevelInfo // how loudly the last loss was told
	for first := true; ; first = false {
		if !first {
			s.restarts.Add(1)
		}
		found, ok := s.search()
		if !ok {
			return
		}
		if found != nil {
			if !first {
				s.log.Log(context.Background(), min(told, slog.LevelInfo), "found a node of EventStoreDB again")
			}
			ended := false
			select {
			case <-found.lost:
			case <-s.closed:
				ended = true
			}
			s.publish(nil, nil)
			found.retire()
			if ended {
				return
			}
			if found.useful.Load() {
				wait.reset()
			}
			told = level(s.losses, slog.LevelWarn)
			s.log.Log(context.Background(), told, "lost the node of EventStoreDB; looking for one", "error", found.cause)
		}
		if !wait.sleep(s.closed) {
			return
		}
	}
}

const (
	// searchTime bounds the search for a node: one that takes connections and says nothing is waited for much longer by the client.
	searchTime = 2 * standardTimeout
	// clusterTime is the same where several are asked, one after the other.
	clusterTime = 3 * searchTime
)

// search makes a client and has it find a node. It returns nil when there is none, and false once the store is closed.
func (s *supervisor) search() (*generation, bool) {
	type outcome struct {
		client *esdb.Client
		err    error
	}
	searched := make(chan outcome)
	abandoned := make(chan struct{})
	config := s.config()
	bound := searchTime
	if config.DnsDiscover || len(config.GossipSeeds) > 0 {
		bound = clusterTime
	}
	late := time.NewTimer(bound)
	defer late.Stop()
	go func() {
		client, err := esdb.NewClient(config)
		if err == nil {
			_, err = client.GetServerVersion() // the search; it heeds nothing but its own bounds
		}
		select {
		case <-abandoned:
			if client != nil {
				_ = client.Close() // it has no errors
			}
		case searched <- outcome{client, err}:
		}
	}()
	none := func(err error) (*generation, bool) {
		s.log.Log(context.Background(), level(s.unanswered, slog.LevelWarn), "no node of EventStoreDB answers", "error", err)
		s.publish(nil, err)
		return nil, true
	}
	select {
	case o := <-searched:
		if o.err != nil {
			return none(o.err)
		}
		s.unanswered = sparingly()
		g := &generation{client: o.client, lost: make(chan struct{})}
		s.publish(g, nil)
		return g, true
	case <-late.C:
		close(abandoned)
		return none(fmt.Errorf("%w for %v", errSilent, bound))
	case <-s.closed:
		close(abandoned)
		return nil, false
	}
}

func (s *supervisor) publish(g *generation, failure error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.failure = g, failure
	close(s.changed)
	s.changed = make(chan struct{})
}

// acquire gives a client that has found a node; the caller ends what it began on it. It waits for one search to end.
func (s *supervisor) acquire(ctx context.Context) (*generation, error) {
	for {
		s.mu.Lock()
		g, changed := s.current, s.changed
		s.mu.Unlock()
		select {
		case <-s.closed:
			return nil, errClosed
		default:
		}
		if g != nil && g.begin() {
			return g, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: not sent: %w", domain.ErrUnavailable, ctx.Err())
		case <-s.closed:
			return nil, errClosed
		}
		s.mu.Lock()
		failure := s.failure
		s.mu.Unlock()
		if failure != nil {
			return nil, fmt.Errorf("%w: %w", domain.ErrUnavailable, failure)
		}
	}
}

// now is the client that calls go to; nil while a node is looked for.
func (s *supervisor) now() *generation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// begin counts a call; false when the client is on its way out.
func (g *generation) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.retired {
		return false
	}
	g.calls++
	return true
}

func (g *generation) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.calls--; g.retired && g.calls == 0 {
		_ = g.client.Close() // it has no errors
	}
}

// abandon says that the client is of no more use; the supervisor makes another. What is under way on it goes on.
func (g *generation) abandon(cause error) {
	if g == nil {
		return
	}
	g.once.Do(func() {
		g.cause = cause
		close(g.lost)
	})
}

// retire closes the client once its last call has ended.
func (g *generation) retire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.retired = true
	if g.calls == 0 {
		_ = g.client.Close() // it has no errors
		return
	}
	time.AfterFunc(stuckAfter, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.calls > 0 {
			_ = g.client.Close() // twice is once
		}
	})
}

// errAbandoned says that a call's time was up before the client returned: what it did is not known.
var errAbandoned = errors.New("no answer in time")

// call runs f on a client in a goroutine of its own, because a client that looks for a node heeds no context, and returns
// when f does, when ctx ends, or after so long (0: never). A panic of the client is an error.
func call[T any](
	ctx context.Context, s *supervisor, patience time.Duration, f func(context.Context, *esdb.Client) (T, error),
) (result T, err error) {
	g, err := s.acquire(ctx)
	if err != nil {
		return result, err
	}
	type outcome struct {
		result T
		err    error
	}
	done := make(chan outcome, 1)
	s.spawn(func() {
		defer g.end()
		var o outcome
		o.err = guarded(func() (err error) {
			o.result, err = f(ctx, g.client)
			return err
		})
		switch {
		case o.err == nil, errors.Is(o.err, errEnd):
			g.useful.Store(true)
		case isLost(o.err), isLate(o.err) && ctx.Err() == nil:
			g.abandon(o.err)
		}
		done <- o
	})
	var late <-chan time.Time
	if patience > 0 {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		return result, fmt.Errorf("%w: %w", errAbandoned, ctx.Err())
	case <-late:
		g.abandon(errAbandoned) // it is stuck in its search for a node, or its connection is silent
		return result, errAbandoned
	}
}

// maxIdle bounds the goroutines that wait for work.
const maxIdle = 256

// spawn runs f in a goroutine that has run others, if one is idle: its stack has grown to what a call needs, and growing
// one costs as much as a tenth of an append.
func (s *supervisor) spawn(f func()) {
	select {
	case s.work <- f:
		return
	default:
	}
	go func() {
		for {
			f()
			if s.idle.Add(1) > maxIdle {
				s.idle.Add(-1)
				return
			}
			select {
			case f = <-s.work:
				s.idle.Add(-1)
			case <-s.closed:
				return
			}
		}
	}()
}

// guarded turns a panic of the client into an error.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v\n%s", errPanicked, r, debug.Stack())
		}
	}()
	return f()
}

const (
	backoffLeast = 20 * time.Millisecond
	backoffMost  = 2 * time.Second
)

// backoff waits longer after every failure in a row, with jitter so that nodes do not come back in step.
type backoff struct{ failures int }

func (b *backoff) reset() { b.failures = 0 }

func (b *backoff) next() time.Duration {
	ceiling := min(backoffLeast<<min(b.failures, 10), backoffMost)
	b.failures++
	return ceiling/2 + rand.N(ceiling/2+1) //nolint:gosec // jitter needs no secrecy
}

// sleep waits for the next turn; false when ended came first.
func (b *backoff) sleep(ended <-chan struct{}) bool {
	timer := time.NewTimer(b.next())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ended:
		return false
	}
}

// clientLog passes what the client says on to log, at the level of details: its errors are told by whoever gets them.
func clientLog(log *slog.Logger) esdb.LoggingFunc {
	return func(level esdb.LogLevel, format string, args ...any) {
		if log.Enabled(context.Background(), slog.LevelDebug) {
			log.Debug("client: "+strings.TrimSpace(fmt.Sprintf(format, args...)), "level", level)
		}
	}
}
