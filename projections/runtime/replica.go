package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/projections"
)

// ErrNotReplica says that a database is no streaming standby of the one that the projectors write to.
var ErrNotReplica = errors.New("not a read replica of the database")

// The pause between two looks at a replica while somebody waits, and how long one look may take.
const (
	replicaPollLeast = 2 * time.Millisecond
	replicaPollMost  = 25 * time.Millisecond
	replicaLook      = time.Second
	// replicaConnLife bounds how long a session goes unchecked: every new one is.
	replicaConnLife = 5 * time.Minute
)

// ReplicaConfig is what a Replica needs.
type ReplicaConfig struct {
	// URL names one server, a standby.
	URL      string
	MaxConns int32
	// Open opens the pool; nil for pgxpool's own.
	Open func(context.Context, *pgxpool.Config) (*pgxpool.Pool, error)
	// Primary is the database that the standby must be of.
	Primary *pgxpool.Pool
	Store   domain.EventStore
	Models  []projections.ReadModel
	// MaxWait bounds Replica.Wait; 0 is DefaultMaxWait.
	MaxWait time.Duration
	Logger  *slog.Logger
}

// Replica is a streaming standby that queries go to. Nothing is asked of it but queries, and where its read models are
// while a reader waits for a position: a standby takes no LISTEN.
type Replica struct {
	pool    *pgxpool.Pool
	store   domain.EventStore
	models  []projections.ReadModel
	maxWait time.Duration
	stop    context.CancelFunc
	ctx     context.Context // bounds the poller, which comes and goes with its readers
	work    sync.WaitGroup
	lags    lags
	// ask reads where the read models are on the replica, by projection and all at one moment.
	ask func(context.Context) (map[string]domain.Position, error)

	mu      sync.Mutex
	waiting map[*waiter]struct{}
	polling bool
	arrived chan struct{} // that somebody began to wait; capacity 1
}

// waiter is a reader that waits for one projection to show a position.
type waiter struct {
	projection string
	at         domain.Position
	done       chan error // capacity 1
	// behind says that the replica was asked since, and does not show the position.
	behind bool
}

// OpenReplica connects to a standby. It returns ErrNotReplica when what is there is none, or is one of another cluster or
// database, and the server's own error when it refuses the role or the database. A standby that is away is only a
// warning: commands go on without it, and queries as soon as it is back.
func OpenReplica(ctx context.Context, c ReplicaConfig) (*Replica, error) {
	config, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, errUnreadable
	}
	want, err := databaseOf(ctx, c.Primary)
	if err != nil {
		return nil, fmt.Errorf("the primary: %w", err)
	}
	config.MaxConns = c.MaxConns
	config.MaxConnLifetime = min(config.MaxConnLifetime, replicaConnLife)
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = replicaLook
	}
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		is, err := databaseOf(ctx, conn)
		if err != nil {
			return err
		}
		return want.mirroredBy(is)
	}
	r := &Replica{
		store: c.Store, models: c.Models, maxWait: c.MaxWait,
		waiting: map[*waiter]struct{}{}, arrived: make(chan struct{}, 1),
	}
	if r.maxWait <= 0 {
		r.maxWait = DefaultMaxWait
	}
	r.ask = r.look
	if c.Open == nil {
		c.Open = pgxpool.NewWithConfig
	}
	if r.pool, err = c.Open(ctx, config); err != nil {
		return nil, err
	}
	if err := r.pool.Ping(ctx); err != nil {
		if Lasting(err) {
			r.pool.Close()
			return nil, err
		}
		c.Logger.WarnContext(ctx, "the read replica cannot be reached; queries fail until it can", "error", err)
	}
	r.ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	return r, nil
}

var errUnreadable = errors.New("the connection string cannot be parsed") // the parser's message can repeat the password

// ProbeReplica connects once, as OpenReplica does, and ends the session: nil when what is there is a standby of the primary.
func ProbeReplica(ctx context.Context, address string, primary projections.Querier) error {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return errUnreadable
	}
	want, err := databaseOf(ctx, primary)
	if err != nil {
		return fmt.Errorf("the primary: %w", err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // a pooler may be between
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = replicaLook
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	is, err := databaseOf(ctx, conn)
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		return err
	}
	return want.mirroredBy(is)
}

// Lasting reports whether waiting does not mend a failed connection to a replica: the place is wrong, or the way in.
func Lasting(err error) bool {
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) {
		class := pgErr.Code[:min(2, len(pgErr.Code))]
		return class == "28" || class == "3D" || class == "42"
	}
	return errors.Is(err, ErrNotReplica)
}

// Close ends all sessions; those who wait are answered with an error.
func (r *Replica) Close() {
	r.stop()
	r.work.Wait()
	r.pool.Close()
}

// Queries is where to read.
func (r *Replica) Queries() projections.Querier { return r.pool }

// Wait returns when the replica shows a model's effect of everything up to a position, ErrBehind when the configured time
// (2 s by default) or ctx ends before, and an outage's error when the replica cannot be asked: at once, or when the time
// ends and it has not said anything.
func (r *Replica) Wait(ctx context.Context, model string, at domain.Position) error {
	w := &waiter{at: at, done: make(chan error, 1)}
	for _, m := range r.models {
		if m.Name == model {
			w.projection = m.Schema
		}
	}
	if w.projection == "" {
		return fmt.Errorf("no read model %q", model)
	}
	r.join(w)
	defer r.leave(w)
	timeout := time.NewTimer(r.maxWait)
	defer timeout.Stop()
	select {
	case err := <-w.done:
		return err
	case <-timeout.C:
		if !r.isBehind(w) {
			return fmt.Errorf("the read replica has said nothing for %v: %w", r.maxWait, domain.ErrUnavailable)
		}
		return ErrBehind
	case <-ctx.Done():
		return ErrBehind.Because(ctx.Err())
	}
}

func (r *Replica) isBehind(w *waiter) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return w.behind
}

// join makes sure that the next look at the replica, one that has not begun yet, is for this reader too.
func (r *Replica) join(w *waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting[w] = struct{}{}
	if !r.polling {
		r.polling = true
		r.work.Go(r.poll)
		return
	}
	select {
	case r.arrived <- struct{}{}:
	default:
	}
}

func (r *Replica) leave(w *waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, w)
}

// poll looks at the replica for all who wait, and ends with the last of them. Nothing is remembered from one look to the
// next: a standby that restarts may be further back than it was.
func (r *Replica) poll() {
	pause := replicaPollLeast
	for {
		present, ok := r.present()
		if !ok {
			return
		}
		now, err := r.ask(r.ctx)
		if r.settle(present, now, err) {
			pause = replicaPollLeast
		}
		select {
		case <-r.arrived:
			pause = replicaPollLeast
		case <-time.After(pause):
			pause = min(2*pause, replicaPollMost)
		}
	}
}

// present lists who waits; when nobody does, the poller is no longer there for the next to come.
func (r *Replica) present() ([]*waiter, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		r.polling = false
		return nil, false
	}
	all := make([]*waiter, 0, len(r.waiting))
	for w := range r.waiting {
		all = append(all, w)
	}
	return all, true
}

// settle answers those who were there before the look and whom it answers, and reports whether there were any.
func (r *Replica) settle(present []*waiter, now map[string]domain.Position, err error) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	answered := false
	for _, w := range present {
		if _, still := r.waiting[w]; still && (err != nil || now[w.projection] >= w.at) {
			w.done <- err
			delete(r.waiting, w)
			answered = true
		}
		w.behind = true
	}
	return answered
}

// look is ask, of the standby itself.
func (r *Replica) look(ctx context.Context) (map[string]domain.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, replicaLook)
	defer cancel()
	all, err := r.checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	return r.ofTheLog(ctx, all)
}

// checkpoints reads all there are, by projection, of a standby that has not been promoted.
func (r *Replica) checkpoints(ctx context.Context) (map[string]checkpoint, error) {
	ctx, cancel := context.WithTimeout(ctx, replicaLook)
	defer cancel()
	rows, err := r.pool.Query(ctx, `SELECT pg_is_in_recovery(), projection, position, `+identityColumns+` FROM projections.checkpoints`)
	if err != nil {
		return nil, fmt.Errorf("read replica: %w", err)
	}
	all := map[string]checkpoint{}
	var (
		projection string
		at         checkpoint
		standby    bool
	)
	if _, err := pgx.ForEachRow(rows, append([]any{&standby, &projection, &at.position}, at.event.scan()...), func() error {
		all[projection] = at
		if !standby {
			return errPromoted
		}
		return nil
	}); err != nil {
		if errors.Is(err, errPromoted) {
			r.pool.Reset() // its sessions outlive the promotion, and no new one passes
		}
		return nil, fmt.Errorf("read replica: %w", err)
	}
	return all, nil
}

// ofTheLog are the positions of checkpoints. One of another log that somebody waits for counts as nothing: the standby has not heard
// yet that it was built anew, and what it shows is not behind what the reader names.
func (r *Replica) ofTheLog(ctx context.Context, all map[string]checkpoint) (map[string]domain.Position, error) {
	now, waited := make(map[string]domain.Position, len(all)), map[string]checkpoint{}
	r.mu.Lock()
	for w := range r.waiting {
		if at, ok := all[w.projection]; ok && at.position >= w.at {
			waited[w.projection] = at
		}
	}
	r.mu.Unlock()
	strange, err := strangers(ctx, r.store, waited)
	if err != nil {
		return nil, fmt.Errorf("the log of the read replica: %w", err)
	}
	for projection, at := range all {
		if now[projection] = at.position; strange[projection] != nil {
			now[projection] = 0
		}
	}
	return now, nil
}
