package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/projections"
)

const (
	checkpointChannel = "waybill_checkpoints"
	// positionsPoll is the safety net under the notifications.
	positionsPoll = time.Second
	// DefaultMaxWait bounds Positions.Wait unless the configuration says otherwise.
	DefaultMaxWait = 2 * time.Second
)

// ErrBehind says that a read model did not reach a position in time.
var ErrBehind = domain.Refuse(domain.KindUnavailable, "read_model_behind", "数据正在更新，请稍后重试", "the data is not up to date yet; try again")

// Positions knows how far each read model is, whichever node projects it, so that a reader can wait for its own write.
type Positions struct {
	pool    *pgxpool.Pool
	log     *slog.Logger
	maxWait time.Duration
	schemas map[string]string // by model name
	// strange reports whether a projection is of another log, and must not be waited for; nil where nobody knows.
	strange func(projection string) bool

	mu    sync.Mutex
	at    map[string]domain.Position // by projection
	moved chan struct{}              // closed and replaced when one moves
	// outages is how often nobody knew where they were.
	outages int
	// unannounced are moves of this node's projectors that the other nodes have not heard of yet; due wakes who announces them.
	unannounced map[string]domain.Position
	due         chan struct{}
}

func newPositions(pool *pgxpool.Pool, models []projections.ReadModel, maxWait time.Duration, log *slog.Logger) *Positions {
	if maxWait <= 0 {
		maxWait = DefaultMaxWait
	}
	p := &Positions{
		pool: pool, log: log, maxWait: maxWait,
		schemas: map[string]string{}, at: map[string]domain.Position{}, moved: make(chan struct{}),
		unannounced: map[string]domain.Position{}, due: make(chan struct{}, 1),
	}
	for _, m := range models {
		p.schemas[m.Name] = m.Schema
	}
	return p
}

// Wait returns when the model shows the effect of everything up to a position, or ErrBehind when the configured time
// (2 s by default) or ctx ends before; ErrLogChanged when it is of another log.
func (p *Positions) Wait(ctx context.Context, model string, at domain.Position) error {
	schema, ok := p.schemas[model]
	if !ok {
		return fmt.Errorf("no read model %q", model)
	}
	return p.wait(ctx, schema, at)
}

func (p *Positions) wait(ctx context.Context, projection string, at domain.Position) error {
	var timeout <-chan time.Time
	for {
		now, moved := p.state(projection)
		if p.strange != nil && p.strange(projection) {
			return ErrLogChanged
		}
		if now >= at {
			return nil
		}
		if timeout == nil {
			timer := time.NewTimer(p.maxWait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-moved:
		case <-timeout:
			return ErrBehind
		case <-ctx.Done():
			return ErrBehind.Because(ctx.Err())
		}
	}
}

// At is the position whose effects, and those of all before it, the model shows; as far as this node has heard.
func (p *Positions) At(model string) domain.Position {
	now, _ := p.state(p.schemas[model])
	return now
}

// Changed returns where a model is once that is elsewhere than it was known to be, as far as this node has heard; ctx's error when that
// ends before. It may be less than it was, for a moment in which nobody knows where the models are, or because the database went back.
func (p *Positions) Changed(ctx context.Context, model string, known domain.Position) (domain.Position, error) {
	for {
		now, moved := p.state(p.schemas[model])
		if now != known {
			return now, nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return now, ctx.Err()
		}
	}
}

func (p *Positions) state(projection string) (domain.Position, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at[projection], p.moved
}

// further reports whether a position is one that the projection is not known to have come to.
func (p *Positions) further(projection string, at domain.Position) bool {
	now, _ := p.state(projection)
	return at > now
}

// advance takes note that a projection is at least at a position.
func (p *Positions) advance(projection string, at domain.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at > p.at[projection] {
		p.at[projection] = at
		p.wake()
	}
}

// projected is advance for this node's own projectors: the other nodes hear of it too.
func (p *Positions) projected(projection string, at domain.Position) {
	p.advance(projection, at)
	p.mu.Lock()
	p.unannounced[projection] = at
	p.mu.Unlock()
	select {
	case p.due <- struct{}{}:
	default:
	}
}

// announceEvery bounds how often a node tells the others, and so what a reader on another node waits on top.
const announceEvery = 5 * time.Millisecond

// announce tells the other nodes of our moves until ctx ends. It is not part of the batch's transaction: every commit with a
// notification waits for the one before, and so a projector would wait for each append's disk. What is lost here, as in a
// crash, the others' poll finds.
func (p *Positions) announce(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.due:
		}
		p.mu.Lock()
		payloads := make([]string, 0, len(p.unannounced))
		for projection, at := range p.unannounced {
			payloads = append(payloads, fmt.Sprintf("%s %d", projection, at))
		}
		clear(p.unannounced)
		p.mu.Unlock()
		if len(payloads) > 0 {
			_, _ = p.pool.Exec(ctx, `SELECT pg_notify('`+checkpointChannel+`', m) FROM unnest($1::text[]) m`, payloads)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(announceEvery):
		}
	}
}

func (p *Positions) wake() {
	close(p.moved)
	p.moved = make(chan struct{})
}

// follow keeps the positions until ctx ends: those of other nodes come as notifications, over one connection.
func (p *Positions) follow(ctx context.Context) {
	var wait backoff
	for ctx.Err() == nil {
		started := time.Now()
		err := p.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		if time.Since(started) > positionsPoll { // it had worked; readers wait for us, so do not wait long
			wait.reset()
		}
		// Perhaps the database went down, and comes back without its last transactions before we have it again: until then
		// nobody knows where the read models are.
		p.reset(map[string]domain.Position{})
		p.log.WarnContext(ctx, "notifications of checkpoints were interrupted", "error", err)
		wait.sleep(ctx)
	}
}

func (p *Positions) listen(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, p.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, `LISTEN `+checkpointChannel); err != nil {
		return err
	}
	// What happened before the LISTEN is read; what happens after is notified.
	for begun := time.Now(); ; {
		before := p.known()
		now, readOnly, err := readPositions(ctx, conn)
		if err != nil {
			return err
		}
		if readOnly && time.Since(begun) > readOnlyLook {
			return errReadOnlySession
		}
		p.catchUp(before, now)
		poll, cancel := context.WithTimeout(ctx, positionsPoll)
		for {
			n, err := conn.WaitForNotification(poll)
			if err != nil {
				if poll.Err() != nil && !conn.IsClosed() {
					break // time to look anyway
				}
				cancel()
				return err
			}
			// Whoever may connect may send one, such as the reader of the reporting views: it is a hint to look.
			projection, position, _ := strings.Cut(n.Payload, " ")
			if at, err := strconv.ParseUint(position, 10, 63); err != nil || !p.further(projection, domain.Position(at)) {
				continue
			}
			before := p.known()
			now, _, err := readPositions(ctx, conn)
			if err != nil {
				cancel()
				return err
			}
			p.catchUp(before, now)
		}
		cancel()
	}
}

// sofar is where the projections were known to be, and after how many outages.
type sofar struct {
	at      map[string]domain.Position
	outages int
}

// known is where they are, as far as this node has heard.
func (p *Positions) known() sofar {
	p.mu.Lock()
	defer p.mu.Unlock()
	return sofar{maps.Clone(p.at), p.outages}
}

// goBack is for a projection that is at less than it was: a rebuild made it from another log, or the database was put back.
func (p *Positions) goBack(projection string, at domain.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[projection] = at
	delete(p.unannounced, projection)
	p.wake()
}

// wakeAll has all who wait look again.
func (p *Positions) wakeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wake()
}

// reset is for when nobody knows what was before.
func (p *Positions) reset(now map[string]domain.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = now
	p.outages++
	clear(p.unannounced)
	p.wake()
}

// catchUp takes note of what was read after they were known to be at before. A checkpoint only grows, so one that is at less than it
// was known to be has been put back. What was read before an outage is of a database that may be no more.
func (p *Positions) catchUp(before sofar, now map[string]domain.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.outages != before.outages {
		return
	}
	moved := false
	for projection, at := range now {
		if at < before.at[projection] {
			delete(p.unannounced, projection)
		} else if at <= p.at[projection] {
			continue
		}
		p.at[projection], moved = at, true
	}
	if moved {
		p.wake()
	}
}

// readOnlyLook is how long one listens over a session that takes no writes, before a fresh one is tried: the projectors may write
// elsewhere by now.
const readOnlyLook = 5 * time.Second

var errReadOnlySession = errors.New("the session is read-only; trying a fresh one")

const positionsSQL = `SELECT projection, position, current_setting('transaction_read_only')::bool FROM projections.checkpoints`

// readPositions reads where the read models are, and whether the session takes no writes.
func readPositions(ctx context.Context, conn *pgx.Conn) (now map[string]domain.Position, readOnly bool, err error) {
	rows, err := conn.Query(ctx, positionsSQL)
	if err != nil {
		return nil, false, err
	}
	now = map[string]domain.Position{}
	var (
		projection string
		at         domain.Position
	)
	_, err = pgx.ForEachRow(rows, []any{&projection, &at, &readOnly}, func() error {
		now[projection] = at
		return nil
	})
	return now, readOnly, err
}
