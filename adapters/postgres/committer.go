package postgres

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
)

// Bounds of one transaction. A bigger one would hold the lock, and so every other node, for longer: a slow link takes seconds for as much.
const (
	maxBatchEvents = 1000
	maxBatchBytes  = 1 << 20
)

// inFlight is how many transactions are under way at once: while one flushes to disk, the next waits at the lock.
const inFlight = 2

// patience bounds one transaction, the wait for the lock included, but for the time in which it is sent.
const patience = 20 * time.Second

// committer gathers the appends that wait and writes them in one transaction, each accepted or refused by itself.
type committer struct {
	connect   func(context.Context, map[string]string) (*pgx.Conn, error)
	committed func(domain.Position)
	observe   func(Batch)

	mu      sync.Mutex
	queue   []*pending
	idle    []chan struct{} // one for each worker that waits; the last to wait is the first to be woken, its backend is warm
	closed  bool
	workers sync.WaitGroup
}

// pending is one append on its way.
type pending struct {
	ctx      context.Context
	stream   domain.StreamName
	expected int64
	events   []domain.NewEvent
	bytes    int
	claimed  atomic.Bool // by the worker that sends it, or by the caller that gives up
	done     chan outcome
}

type outcome struct {
	result   domain.AppendResult
	accepted bool
	err      error
}

func newCommitter(connect func(context.Context, map[string]string) (*pgx.Conn, error), committed func(domain.Position)) *committer {
	return &committer{connect: connect, committed: committed, observe: func(Batch) {}}
}

func (c *committer) start() {
	for range inFlight {
		c.workers.Go(c.work)
	}
}

// close fails what waits, and returns when what was sent has its answer.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	for _, p := range c.queue {
		if p.claim() {
			p.done <- outcome{err: errClosed}
		}
	}
	c.queue = nil
	for len(c.idle) > 0 {
		c.wake()
	}
	c.mu.Unlock()
	c.workers.Wait()
}

var errClosed = fmt.Errorf("%w: closed", domain.ErrUnavailable)

func (p *pending) claim() bool { return p.claimed.CompareAndSwap(false, true) }

// append queues one append and waits for its outcome. It is not accepted when its stream is not as expected, or may
// hold its events already.
func (c *committer) append(
	ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent,
) (domain.AppendResult, bool, error) {
	if err := ctx.Err(); err != nil {
		return domain.AppendResult{}, false, fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
	}
	p := &pending{ctx: ctx, stream: stream, expected: encodeExpected(expected), events: events, done: make(chan outcome, 1)}
	for _, e := range events {
		p.bytes += len(e.Data) + len(e.Metadata)
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return domain.AppendResult{}, false, errClosed
	}
	c.queue = append(c.queue, p)
	if len(c.idle) > 0 {
		c.wake()
	}
	c.mu.Unlock()

	select {
	case o := <-p.done:
		return o.result, o.accepted, o.err
	case <-ctx.Done():
		if p.claim() {
			return domain.AppendResult{}, false, fmt.Errorf("%w: not sent: %w", domain.ErrUnavailable, ctx.Err())
		}
		return domain.AppendResult{}, false, fmt.Errorf("%w: %w", domain.ErrOutcomeUnknown, ctx.Err())
	}
}

// take waits for appends and claims as many as fit one transaction: at most one for each stream; others wait for the next.
// It returns nil once the committer is closed.
func (c *committer) take() []*pending {
	woken := make(chan struct{}, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		for len(c.queue) == 0 && !c.closed {
			c.idle = append(c.idle, woken)
			c.mu.Unlock()
			<-woken
			c.mu.Lock()
		}
		if c.closed {
			return nil
		}
		var batch, later []*pending
		streams := make(map[domain.StreamName]bool, len(c.queue))
		events, size := 0, 0
		for i, p := range c.queue {
			if len(batch) > 0 && (events+len(p.events) > maxBatchEvents || size+p.bytes > maxBatchBytes) {
				later = append(later, c.queue[i:]...)
				break
			}
			if streams[p.stream] {
				later = append(later, p)
				continue
			}
			if !p.claim() {
				continue
			}
			streams[p.stream] = true
			batch = append(batch, p)
			events += len(p.events)
			size += p.bytes
		}
		c.queue = later
		if len(batch) > 0 {
			return batch
		}
	}
}

// wake wakes an idle worker; c.mu is held. The worker has left c.idle, so nobody else sends to it.
func (c *committer) wake() {
	last := len(c.idle) - 1
	woken := c.idle[last]
	c.idle = c.idle[:last]
	woken <- struct{}{}
}

func (c *committer) work() {
	var conn *pgx.Conn
	for batch := c.take(); batch != nil; batch = c.take() {
		conn = c.commit(conn, batch)
	}
	if conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(ctx) // nothing is left to lose
	}
}

// commit sends a batch, once more over a fresh connection if the first breaks, and gives every append its outcome.
// No caller's context has a say: a batch belongs to many.
func (c *committer) commit(conn *pgx.Conn, batch []*pending) *pgx.Conn {
	size := 0
	for _, p := range batch {
		size += p.bytes
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience+time.Second+onALink(size))
	defer cancel()
	var err error
	sent := false
	for range 2 {
		if conn == nil {
			if conn, err = c.connect(ctx, committerSettings); err != nil {
				break
			}
		}
		start := time.Now()
		head, sendErr := send(ctx, conn, batch)
		err = sendErr
		c.observe(Batch{Appends: len(batch), Events: countEvents(batch), Took: time.Since(start), Err: err})
		if err == nil {
			c.committed(head)
			return conn
		}
		sent = sent || mayHaveCommitted(err)
		if !conn.IsClosed() {
			break
		}
		conn = nil
		if batch = abandon(batch, sent, err); len(batch) == 0 {
			return nil
		}
	}
	for _, p := range batch {
		p.done <- outcome{err: failure(sent, err)}
	}
	return conn
}

// abandon drops those whose callers have gone meanwhile.
func abandon(batch []*pending, sent bool, err error) []*pending {
	var rest []*pending
	for _, p := range batch {
		if p.ctx.Err() == nil {
			rest = append(rest, p)
			continue
		}
		p.done <- outcome{err: failure(sent, err)}
	}
	return rest
}

func failure(sent bool, err error) error {
	if sent {
		return fmt.Errorf("%w: %w", domain.ErrOutcomeUnknown, err)
	}
	return classify(context.Background(), err) // what ended was the committer's patience, not a caller's context
}

func countEvents(batch []*pending) int {
	n := 0
	for _, p := range batch {
		n += len(p.events)
	}
	return n
}
