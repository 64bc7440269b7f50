package runtime

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/product"
	"waybill/projections"
)

// What is left behind by those who were killed is found and dropped, and what somebody works on is not.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(someProduct(), product.Listed{})
	models := []projections.ReadModel{w.model}
	for _, sql := range []string{
		`CREATE SCHEMA tally_v1_check`, `CREATE TABLE tally_v1_check.t ()`, `CREATE SCHEMA tally_v0_next`, `CREATE SCHEMA tally_v7_old`,
		`CREATE SCHEMA tally_vx_next`, `CREATE SCHEMA other_v1_next`, `CREATE SCHEMA tally_v1_nextone`, `CREATE SCHEMA my_tally_v1_old`, // none of these
		`INSERT INTO projections.checkpoints (projection) VALUES ('tally_v1_check')`,
	} {
		if _, err := w.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	listed := func(want ...string) {
		t.Helper()
		got, err := Leftovers(t.Context(), w.pool, models)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("left behind are %v, want %v: %v", got, want, err)
		}
	}
	listed("tally_v0_next", "tally_v1_check", "tally_v7_old")
	var meanwhile []Pruned
	_, err := Rebuild(t.Context(), w.pool, w.store, w.model, func(Progress) { // whatever it is: tally_v1 is worked on
		listed()
		var err error
		if meanwhile, err = Prune(t.Context(), w.pool, models); err != nil {
			t.Error(err)
		}
	})
	if err != nil || len(meanwhile) > 0 {
		t.Fatalf("meanwhile %v were pruned: %v", meanwhile, err)
	}
	pruned, err := Prune(t.Context(), w.pool, models)
	if err != nil || len(pruned) != 0 {
		t.Errorf("pruned %v: %v", pruned, err)
	}
	listed()
	if _, err := w.pool.Exec(t.Context(), `CREATE SCHEMA tally_v1_next; CREATE SCHEMA tally_v1_old`); err != nil {
		t.Fatal(err)
	}
	pruned, err = Prune(t.Context(), w.pool, models)
	if err != nil || len(pruned) != 2 || pruned[0] != (Pruned{Schema: "tally_v1_next", Leftover: true}) || !pruned[1].Leftover {
		t.Errorf("pruned %v: %v", pruned, err)
	}
}

// One that is interrupted, or fails, takes with it what it made.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(someProduct(), product.Listed{})
	gone := func(what string) {
		t.Helper()
		var schemas, rows int
		err := w.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tally%'),
			(SELECT count(*) FROM projections.checkpoints WHERE projection LIKE 'tally%')`).Scan(&schemas, &rows)
		if err != nil || schemas != 1 || rows != 1 {
			t.Errorf("%s: %d schemas, %d checkpoints, want one of each: %v", what, schemas, rows, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if _, err := Rebuild(ctx, w.pool, w.store, w.model, func(Progress) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	gone("interrupted")
	broken := w.model
	broken.Indexes = `CREATE INDEX nothing ON nothing (nothing)`
	if _, err := Rebuild(t.Context(), w.pool, w.store, broken, nil); err == nil {
		t.Error("no error")
	}
	gone("failed")
}

// standing is a store that does something when the log is read, and then nothing until it is told to stop.
type standing struct {
	domain.EventStore
	then func()
}

func (s standing) ReadAll(ctx context.Context, _ domain.Position, _ domain.Direction, _ int) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		s.then()
		<-ctx.Done()
		yield(domain.RecordedEvent{}, ctx.Err())
	}
}

// Who has lost the session that keeps others out does not go on: others take what it makes for nobody's.
func TestALostLockEndsTheWork(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(someProduct(), product.Listed{})
	_, err := Rebuild(t.Context(), w.pool, standing{w.store, func() {
		_, err := w.pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = $1
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, lockRebuild)
		if err != nil {
			t.Error(err)
		}
	}}, w.model, nil)
	if !errors.Is(err, errLockLost) {
		t.Errorf("%v", err)
	}
	if _, err := Rebuild(t.Context(), w.pool, w.store, w.model, nil); err != nil {
		t.Error(err)
	}
}

// Who was alone no more leaves what it made to those who are: it may be theirs.
func TestALostLockLeavesOthersTablesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.append(someProduct(), product.Listed{})
	other := rebuild{
		target: newTarget(w.pool, w.model, "tally_v1_next", KnownVocabulary()), store: w.store, live: "tally_v1", old: "tally_v1_old",
	}
	_, err := Rebuild(t.Context(), w.pool, standing{w.store, func() {
		_, err := w.pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = $1
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, lockRebuild)
		if err != nil {
			t.Error(err)
		}
		if err := drop(t.Context(), w.pool, "tally_v1_next"); err != nil {
			t.Error(err)
		}
		if err := other.create(t.Context()); err != nil {
			t.Error(err)
		}
	}}, w.model, nil)
	if !errors.Is(err, errLockLost) {
		t.Errorf("%v", err)
	}
	var there bool
	if err := w.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_namespace WHERE oid = $1)
		AND EXISTS (SELECT FROM projections.checkpoints WHERE projection = 'tally_v1_next')`, other.oid).Scan(&there); err != nil || !there {
		t.Errorf("the tables of the other are gone: %v", err)
	}
}

// So does who prepares or prunes.
func TestALostLockEndsPreparing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	err := withPrepareLock(t.Context(), w.pool, func(ctx context.Context) error {
		_, err := w.pool.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
			AND (classid::bigint << 32 | objid::bigint) = $1 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, lockPrepare)
		if err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, errLockLost) {
		t.Errorf("%v", err)
	}
}

// A server that is slow to answer has its time: only one that answers later than it keeps the lock is given up.
func TestASlowAnswerLosesNoLock(t *testing.T) {
	t.Parallel()
	keeps, err := time.ParseDuration(heldTimeout)
	if err != nil {
		t.Fatal(err)
	}
	var given time.Duration
	if err := beside(t.Context(), func(context.Context) error { return nil }, func(ctx context.Context) error {
		until, _ := ctx.Deadline()
		given = time.Until(until)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if given < keeps/2 || given > keeps-heldBeat {
		t.Errorf("%v of %v", given, keeps)
	}
}

// A pooler keeps the session of who was alone, and may leave it as it was: the lock must not go on in it.
func TestFaultALockBehindAPooler(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	pooled := pgtest.Pooler(t, pgtest.URL(w.pool), "pool_mode = session", "server_reset_query =", "server_round_robin = 1")
	config, err := pgxpool.ParseConfig(pooled)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.OpenPool(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	var several []*pgx.Conn
	for range 3 {
		conn, err := pgx.ConnectConfig(t.Context(), config.ConnConfig)
		if err != nil {
			t.Fatal(err)
		}
		several = append(several, conn)
	}
	for _, conn := range several { // the pooler has them from then on
		_ = conn.Close(t.Context())
	}
	for range 4 {
		if err := exclusively(t.Context(), pool, "tally_v1", func(context.Context) error { return nil }); err != nil {
			t.Error(err)
		}
	}
}
