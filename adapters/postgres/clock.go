package postgres

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// clockLooks is how often a Clock asks the database: so late it follows when that is put forward or back.
const clockLooks = 5 * time.Second

// Clock is the database's, which all nodes share, as this machine's own steady time carries it on between two looks. What this
// machine's clock says of the date does not matter. It is safe for concurrent use.
type Clock struct {
	pool *pgxpool.Pool
	mu   sync.RWMutex
	at   time.Time // the database's
	seen time.Time // ours, whose steady part alone counts
}

// NewClock asks the database once.
func NewClock(ctx context.Context, pool *pgxpool.Pool) (*Clock, error) {
	c := &Clock{pool: pool}
	if err := c.look(ctx); err != nil {
		return nil, fmt.Errorf("the database's clock: %w", err)
	}
	return c, nil
}

// Now is the database's time, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.at.Add(time.Since(c.seen))
}

// Keep asks the database every few seconds, until ctx ends. While it does not answer, the clock goes on by itself.
func (c *Clock) Keep(ctx context.Context) {
	ticker := time.NewTicker(clockLooks)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		look, cancel := context.WithTimeout(ctx, clockLooks)
		_ = c.look(look) // the next one comes
		cancel()
	}
}

// look takes the database's time to be that of the middle between question and answer.
func (c *Clock) look(ctx context.Context) error {
	asked := time.Now()
	var at time.Time
	if err := c.pool.QueryRow(ctx, `select clock_timestamp()`).Scan(&at); err != nil {
		return err
	}
	took := time.Since(asked)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.seen = at.UTC(), asked.Add(took/2)
	return nil
}

// Now is the time of the clock that RecordedAt is of.
func (s *EventStore) Now(ctx context.Context) (now time.Time, err error) {
	err = s.query(ctx, func(conn *pgxpool.Conn) error { return conn.QueryRow(ctx, `select clock_timestamp()`).Scan(&now) })
	return now.UTC(), err
}
