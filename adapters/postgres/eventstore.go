package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
)

// EventStore is the log in table eventstore.events. Several may share one database: positions are gap-free and in commit
// order all the same. Besides the pool it holds a few connections of its own, so that readers cannot starve writers.
type EventStore struct {
	pool       *pgxpool.Pool
	committer  *committer
	tail       *tail
	closed     chan struct{}
	close      sync.Once
	listening  sync.Once
	background sync.WaitGroup
	news       chan struct{} // holds a token while others have not been told of the newest commit
}

var _ domain.EventStore = (*EventStore)(nil)

// Option changes how an EventStore works.
type Option func(*EventStore)

// Batch is what one transaction of the group committer did.
type Batch struct {
	// Appends and Events were sent together; some of the appends may have been refused on their expected revision.
	Appends, Events int
	// Took is the time from sending to the durable commit.
	Took time.Duration
	// Err is nil when the transaction committed.
	Err error
}

// OnBatch has observe called after each transaction of appends. It must be quick and safe for concurrent use.
func OnBatch(observe func(Batch)) Option {
	return func(s *EventStore) { s.committer.observe = observe }
}

// NewEventStore uses a database that Migrate has prepared. It connects on first use.
func NewEventStore(pool *pgxpool.Pool, options ...Option) *EventStore {
	s := &EventStore{pool: pool, tail: newTail(), closed: make(chan struct{}), news: make(chan struct{}, 1)}
	s.committer = newCommitter(s.connect, s.committed)
	for _, o := range options {
		o(s)
	}
	s.committer.start()
	s.background.Go(s.notify)
	return s
}

// Close lets appends that were sent finish, fails those still waiting with ErrUnavailable, and ends all subscriptions.
// It leaves the pool open.
func (s *EventStore) Close() error {
	s.close.Do(func() {
		close(s.closed)
		s.committer.close()
		s.background.Wait()
	})
	return nil
}

// connect opens a connection outside the pool, with settings beside those of every session.
func (s *EventStore) connect(ctx context.Context, settings map[string]string) (*pgx.Conn, error) {
	config := s.pool.Config().ConnConfig
	config.DefaultQueryExecMode = pgx.QueryExecModeCacheStatement
	noteUnconfirmed(&config.Config)
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	// Also where nobody has configured the pool: an append's promise is the store's.
	if _, err := set(ctx, conn.PgConn(), settings); err != nil {
		_ = conn.Close(context.WithoutCancel(ctx)) // it is of no use
		return nil, err
	}
	return conn, nil
}

// Append implements domain.EventStore. When the connection breaks before the answer it sends the append once more,
// which is harmless; only if that fails too is the outcome unknown.
func (s *EventStore) Append(
	ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent,
) (domain.AppendResult, error) {
	if err := domain.CheckAppend(stream, expected, events); err != nil {
		return domain.AppendResult{}, err
	}
	known, _ := s.tail.state()
	result, accepted, err := s.committer.append(ctx, stream, expected, events)
	if err != nil {
		return domain.AppendResult{}, fmt.Errorf("append to %s: %w", stream, err)
	}
	if accepted {
		if result.Position <= known { // positions only grow, but for a log that went back
			s.tail.forget()
			s.tail.advance(result.Position)
		}
		return result, nil
	}
	return s.refused(ctx, stream, expected, events)
}

// refused finds out why an append was refused: its events are there already, or the stream is elsewhere.
// What it reads cannot change any more, since streams only grow.
func (s *EventStore) refused(
	ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent,
) (domain.AppendResult, error) {
	first := encodeExpected(expected) + 1 // the revision that the first of them would have
	type stored struct {
		Revision int64
		Position int64
		ID       uuid.UUID
	}
	var found []stored
	err := s.query(ctx, func(conn *pgxpool.Conn) (err error) {
		rows, _ := conn.Query(ctx, `
			select revision, position, id from eventstore.events
			where stream = $1 and revision >= $2 order by revision limit $3`, string(stream), first, len(events))
		found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[stored])
		return err
	})
	if err != nil {
		// This append wrote nothing, but an earlier one with the same ids may have.
		return domain.AppendResult{}, fmt.Errorf("append to %s was refused; looking for its events: %w: %w",
			stream, domain.ErrOutcomeUnknown, err)
	}
	same := len(found) == len(events)
	for i := 0; same && i < len(found); i++ {
		same = found[i].ID == events[i].ID
	}
	if !same {
		return domain.AppendResult{}, fmt.Errorf("append to %s expecting %s: %w", stream, expected, domain.ErrConflict)
	}
	last := found[len(found)-1]
	if err := s.Assure(ctx, domain.Position(last.Position)); err != nil { //nolint:gosec // never negative
		return domain.AppendResult{}, fmt.Errorf("append to %s is there already: %w", stream, err)
	}
	return domain.AppendResult{
		Revision: domain.Revision(last.Revision), Position: domain.Position(last.Position), //nolint:gosec // never negative
		Duplicate: true,
	}, nil
}

// clamp brings a revision or position into bigint's range; no event is ever that far.
func clamp[N ~uint64](n N) int64 {
	const most = 1<<63 - 2
	return int64(min(uint64(n), most))
}
