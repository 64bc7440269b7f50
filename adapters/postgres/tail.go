package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
)

// tail knows how far the log has come, as far as this process has heard, and wakes those who wait for more.
type tail struct {
	mu    sync.Mutex
	head  domain.Position
	grown chan struct{} // closed and replaced when head moves
}

func newTail() *tail { return &tail{grown: make(chan struct{})} }

// state gives the head and a channel that is closed when there is more.
func (t *tail) state() (domain.Position, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.head, t.grown
}

func (t *tail) advance(head domain.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if head > t.head {
		t.head = head
		close(t.grown)
		t.grown = make(chan struct{})
	}
}

// committed wakes this process's subscriptions, and has the other nodes' told.
func (s *EventStore) committed(head domain.Position) {
	if head == 0 {
		return // every append of the batch was refused
	}
	s.tail.advance(head)
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// notify tells the other nodes, several commits at a time when they come fast. It is no part of the append's own
// transaction: PostgreSQL lets one notifying transaction commit at a time, and would have every other notifier wait for
// the append's flush to disk. A notification that is lost costs the others one poll.
func (s *EventStore) notify() {
	const pause = 5 * time.Millisecond
	for {
		select {
		case <-s.news:
		case <-s.closed:
			return
		}
		head, _ := s.tail.state()
		ctx, cancel := context.WithTimeout(context.Background(), poll)
		_ = s.query(ctx, func(conn *pgxpool.Conn) error {
			_, err := conn.Exec(ctx, `select pg_notify('waybill_events', $1)`, strconv.FormatUint(uint64(head), 10))
			return err
		})
		cancel()
		select {
		case <-time.After(pause):
		case <-s.closed:
			return
		}
	}
}

// listen follows the notifications of all writers, over one connection for all subscriptions, until the store is
// closed. While it is down, subscriptions go on by their poll.
func (s *EventStore) listen() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-s.closed
		cancel()
	}()
	const least, most = 50 * time.Millisecond, 2 * time.Second
	for wait := least; ctx.Err() == nil; wait = min(2*wait, most) {
		start := time.Now()
		_ = s.follow(ctx) // whatever it was, it is made anew
		if time.Since(start) > most {
			wait = least
		}
		select {
		case <-time.After(wait/2 + rand.N(wait/2)): //nolint:gosec // jitter
		case <-ctx.Done():
		}
	}
}

// errReadOnly says that a session takes no writes, so that the notifications of writers may be elsewhere.
var errReadOnly = errors.New("the session is read-only; a fresh one may not be")

// follow returns when its connection is lost, or is one to a server that takes no writes.
func (s *EventStore) follow(ctx context.Context) error {
	conn, err := s.connect(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, `listen waybill_events`); err != nil {
		return err
	}
	for begun := time.Now(); ; { // first what came before the LISTEN, which was not notified
		var head int64
		var readOnly bool
		err := conn.QueryRow(ctx, `
			select coalesce(max(position), 0), current_setting('transaction_read_only')::bool from eventstore.events`).
			Scan(&head, &readOnly)
		if err != nil {
			return err
		}
		if readOnly && time.Since(begun) > readOnlyLook {
			return errReadOnly
		}
		s.tail.advance(domain.Position(head)) //nolint:gosec // never negative
		if err := s.hear(ctx, conn); err != nil {
			return err
		}
	}
}

// readOnlyLook is the pause between two attempts at a session that takes writes.
const readOnlyLook = 5 * time.Second

// hear waits for the notification of a position that is not known, or until it is time to see whether the server is there still.
func (s *EventStore) hear(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, poll)
	defer cancel()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			if errors.Is(ctx.Err(), context.DeadlineExceeded) && !conn.IsClosed() {
				return nil
			}
			return err
		}
		// Whoever may connect to the database may send one: it is a hint to look.
		known, _ := s.tail.state()
		if position, err := strconv.ParseUint(n.Payload, 10, 63); err == nil && domain.Position(position) > known {
			return nil
		}
	}
}
