package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// An append that was given up while it waited for a standby is in the log all the same. It is not acknowledged to whoever sends it again,
// or finds it there, before the standby has it.
func TestFaultAwayStandbyConfirmsNothing(t *testing.T) {
	t.Parallel()
	w := newConfirming(t)
	stream, first := anEvent(domain.Stream("product", uuid.New()))
	if _, err := w.store.Append(t.Context(), stream, domain.NoStream(), first); err != nil {
		t.Fatal(err)
	}
	w.r.StopStandby()
	w.cancelled()
	_, more := anEvent(stream)
	briefly := func(do func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond) // for what does not come
		defer cancel()
		return do(ctx)
	}
	again := func(ctx context.Context) error {
		_, err := w.store.Append(ctx, stream, domain.Exactly(0), more)
		return err
	}
	if err := briefly(again); !errors.Is(err, domain.ErrOutcomeUnknown) {
		t.Errorf("acknowledged without the standby: %v", err)
	}
	at := w.visible(stream, 1)
	if err := briefly(again); !errors.Is(err, domain.ErrOutcomeUnknown) {
		t.Errorf("acknowledged without the standby, sent again: %v", err)
	}
	if err := briefly(func(ctx context.Context) error { return w.store.Assure(ctx, at) }); !errors.Is(err, domain.ErrOutcomeUnknown) {
		t.Errorf("what no standby has is said to be safe: %v", err)
	}
	w.r.StartStandby()
	if err := w.store.Assure(t.Context(), at); err != nil {
		t.Error(err)
	}
	if result, err := w.store.Append(t.Context(), stream, domain.Exactly(0), more); err != nil || !result.Duplicate || result.Position != at {
		t.Errorf("got %+v, %v", result, err)
	}
}

// confirming is a log whose commits a standby has to confirm.
type confirming struct {
	t     *testing.T
	r     *pgtest.Replicated
	pool  *pgxpool.Pool
	store *postgres.EventStore
}

func newConfirming(t *testing.T) *confirming {
	t.Helper()
	w := &confirming{t: t, r: pgtest.Replicate(t, postgres.Migrate)}
	w.r.OnPrimary(`ALTER SYSTEM SET synchronous_standby_names = '*'`)
	w.r.OnPrimary(`SELECT pg_reload_conf()`)
	config, err := pgxpool.ParseConfig(w.r.Primary)
	if err != nil {
		t.Fatal(err)
	}
	if w.pool, err = postgres.OpenPool(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.pool.Close)
	for names := ""; names != "*"; { // a session takes the server's files when it comes to it
		if err := w.pool.QueryRow(t.Context(), `SHOW synchronous_standby_names`).Scan(&names); err != nil {
			t.Fatal(err)
		}
	}
	w.store = openStore(t, w.pool)
	return w
}

// cancelled appends and has somebody cancel the wait for the standby: the server reports success, and nothing is acknowledged for that.
func (w *confirming) cancelled() {
	w.t.Helper()
	stream, events := anEvent(domain.Stream("product", uuid.New()))
	done := make(chan error, 1)
	go func() {
		_, err := w.store.Append(w.t.Context(), stream, domain.NoStream(), events)
		done <- err
	}()
	for {
		w.giveUp()
		select {
		case err := <-done:
			if !errors.Is(err, domain.ErrOutcomeUnknown) {
				w.t.Errorf("acknowledged without the standby, whose wait was cancelled: %v", err)
			}
			return
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// giveUp cancels all waits for the standby.
func (w *confirming) giveUp() {
	w.r.OnPrimary(`SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
}

// visible waits until an event can be read, which no standby has.
func (w *confirming) visible(stream domain.StreamName, revision domain.Revision) domain.Position {
	w.t.Helper()
	for {
		w.giveUp()
		for e, err := range w.store.ReadStream(w.t.Context(), stream, revision, domain.Forward, 1) {
			if err != nil {
				w.t.Fatal(err)
			}
			return e.Position
		}
		select {
		case <-w.t.Context().Done():
			w.t.Fatal(w.t.Context().Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
