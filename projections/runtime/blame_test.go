package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/projections"
)

// Whose fault an error is: that of the event only when somebody says so. Those of PostgreSQL and of pgx are made by them.
func TestWhoseFaultAnErrorIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(`CREATE TABLE projections.small (n int PRIMARY KEY, j jsonb, t text); CREATE INDEX ON projections.small (t);
		INSERT INTO projections.small VALUES (1), (2)`)
	said := func(begin, sql string, args ...any) error {
		t.Helper()
		err := pgx.BeginTxFunc(t.Context(), w.pool, pgx.TxOptions{BeginQuery: begin}, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), sql, args...)
			return err
		})
		if err == nil {
			t.Errorf("%s; %s: no error", begin, sql)
		}
		return err
	}
	code := func(code string) error { return fmt.Errorf("write: %w", &pgconn.PgError{Code: code}) }
	const insert = `INSERT INTO projections.small (n, j, t) VALUES ($1, $2, $3)`
	event := projections.Event{RecordedEvent: domain.RecordedEvent{Stream: "product-1", Revision: 3}}
	_, noID := domain.StreamName("product-1").ID()
	for what, c := range map[string]struct {
		err           error
		blames, again bool
	}{
		// A value of the event's.
		"a number too large for its column": {said("BEGIN", insert, int64(1)<<40, nil, nil), true, false},
		"text with a byte 0":                {said("BEGIN", insert, 3, nil, "a\x00b"), true, false},
		"text that is no UTF-8":             {said("BEGIN", insert, 3, nil, "a\xffb"), true, false},
		"JSON with a character 0":           {said("BEGIN", insert, 3, json.RawMessage(`"\u0000"`), nil), true, false},
		"text too long to be indexed":       {said("BEGIN", insert, 3, nil, uncompressible()), true, false},
		"a row twice":                       {said("BEGIN", insert, 1, nil, nil), true, false},
		"a row twice in one statement": {said("BEGIN", `INSERT INTO projections.small VALUES (3), (3)
			ON CONFLICT (n) DO UPDATE SET t = ''`), true, false},
		"no number":           {said("BEGIN", `SELECT $1::text::int`, "x"), true, false},
		"what a model says":   {fmt.Errorf("fold: %w", event.Wrong(errors.New("of a product that is not there"))), true, false},
		"what a domain says":  {fmt.Errorf("decide: %w", domain.Refuse(domain.KindConflict, "c", "中", "c")), true, false},
		"a stream without id": {fmt.Errorf("fold: %w", noID), true, false},
		"a panic":             {guarded("apply", func() error { panic("here") }), true, false},

		// The session's, the statement's or the server's.
		"a value of another type": {said("BEGIN", `SELECT $1::uuid[]`, pgx.QueryExecModeExec, []uuid.UUID{uuid.New()}), false, false},
		"a value of no type":      {said("BEGIN", insert, struct{ X int }{}, nil, nil), false, false},
		"a missing argument":      {said("BEGIN", insert, 3), false, false},
		"a statement's time-out":  {said("BEGIN; SET LOCAL statement_timeout = 1", `SELECT pg_sleep(5)`), false, true},
		"read-only":               {said("BEGIN READ ONLY", insert, 3, nil, nil), false, true},
		"no table":                {said("BEGIN", `SELECT FROM projections.nothing`), false, true},
		"no right":                {said("BEGIN", `SELECT pg_read_file('/etc/hostname')`), false, true},
		"no such statement":       {said("BEGIN", `EXECUTE nothing`, pgx.QueryExecModeSimpleProtocol), false, true},
		"a cached plan":           {code("0A000"), false, true},
		"the statement is there":  {code("42P05"), false, true},
		"the driver's form":       {code("22P03"), false, false},
		"a full disk":             {code("53100"), false, true},
		"no memory":               {code("53200"), false, true},
		"a lock's time-out":       {code("55P03"), false, true},
		"a deadlock":              {code("40P01"), false, true},
		"not serializable":        {code("40001"), false, true},
		"a disk that fails":       {code("58030"), false, true},
		"stack depth":             {code("54001"), false, false},
		"a damaged page":          {code("XX001"), false, false},
		"an internal error":       {code("XX000"), false, false},
		"somebody's trigger":      {code("P0001"), false, false},
		"a wrong password":        {code("28P01"), false, false},
		"no connection":           {&pgconn.ConnectError{}, false, true},
		"a lost connection":       {errors.Join(errConnectionLost, code("22000")), false, true},
		"the store is away":       {fmt.Errorf("read: %w", domain.ErrUnavailable), false, true},
		"the store refuses":       {domain.Refuse(domain.KindUnavailable, "c", "中", "c"), false, true},
		"the end of our work":     {event.Wrong(context.Canceled), false, true},
		"anything else":           {errors.New("what is this"), false, false},
	} {
		if got := blames(c.err); got != c.blames {
			t.Errorf("%s (%v): the event's fault: %v, want %v", what, c.err, got, c.blames)
		}
		if got := transient(c.err); got != c.again {
			t.Errorf("%s (%v): may pass: %v, want %v", what, c.err, got, c.again)
		}
	}
}

// uncompressible is text that an index cannot hold.
func uncompressible() string {
	var text strings.Builder
	for range 400 {
		text.WriteString(uuid.NewString())
	}
	return text.String()
}

// A fault that is not the event's stops the read model there, and nothing is parked; when it is gone, the model goes on.
func TestWhatIsNotTheEventsFaultParksNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	apply := w.model.Apply
	w.model.Apply = func(ctx context.Context, tx pgx.Tx, events []projections.Event) error {
		if w.poisoned.Load() { // as when the connection string asks for it
			if _, err := tx.Exec(ctx, `SELECT $1::uuid[]`, pgx.QueryExecModeExec, []uuid.UUID{uuid.New()}); err != nil {
				return fmt.Errorf("write: %w", err)
			}
		}
		return apply(ctx, tx, events)
	}
	var logged lockedBuffer
	w.append(someProduct(), product.Listed{}, product.Pinned{})
	r := w.start(func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&logged, nil)) })
	w.eventually("it stands still, loudly", func() bool { return strings.Contains(logged.text(), "unable to encode") })
	w.poisoned.Store(false)
	w.equalsFold(r)
	if letters := w.deadLetters(); letters != 0 {
		t.Errorf("%d events were parked", letters)
	}
}

// A reaction that meets one tries again for as long as it takes, and what it owes is not given up for it.
func TestWhatIsNotTheEventsFaultGivesNothingUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := newOutside()
	reaction := o.tell(FromStart)
	handle, deliver := reaction.Handle, reaction.Deliver
	var handled, delivered atomic.Int64
	reaction.Handle = func(ctx context.Context, e projections.Event) ([]Item, error) {
		if handled.Add(1) <= 2*reactionAttempts {
			return nil, errors.New("settings of the session: an answer of another form")
		}
		return handle(ctx, e)
	}
	reaction.Tries = 2
	reaction.Deliver = func(ctx context.Context, d Delivery) error {
		if delivered.Add(1) <= 8 {
			return fmt.Errorf("secrets of a webhook: %w", &pgconn.PgError{Code: "53300"})
		}
		return deliver(ctx, d)
	}
	w.append(someProduct(), product.Listed{})
	w.startWith(reaction)
	w.eventually("delivered", func() bool { return len(o.delivered()) == 2 })
	if letters := w.deadLetters(); letters != 0 {
		t.Errorf("%d events were parked", letters)
	}
}

func (w *world) deadLetters() (n int) {
	w.t.Helper()
	if err := w.pool.QueryRow(w.t.Context(), `SELECT count(*) FROM projections.dead_letters`).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}
