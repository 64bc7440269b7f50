package history

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"waybill/domain"
	"waybill/projections"
)

// Beginner begins transactions.
type Beginner interface {
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// ErrNotShown refuses a position that the history does not show yet.
var ErrNotShown = &domain.Error{
	Kind: domain.KindInvalid, Code: "position_not_shown",
	Text: domain.Text{ZH: "历史记录尚未包含该位置", EN: "the history does not show this position yet"},
	Fields: []domain.FieldError{{
		Pointer: "as_of", Code: "later_than_shown", Text: domain.Text{ZH: "历史记录尚未包含该位置", EN: "not shown yet"},
	}},
}

// Whole is all that a filter finds in the log up to a position, oldest first. All of it is read of one state of the database: what happens
// meanwhile changes nothing, and what was deleted before is blanked. It holds a connection until Close.
type Whole struct {
	tx       pgx.Tx
	filter   Filter
	source   source
	none     bool
	position int64
	newest   int64
	// done ends the watch of the context.
	done   func() bool
	over   chan struct{}
	closed sync.Once
}

// settings of the transaction: rows come in the order of the keys, one after the other, as long as it takes. A reader that stands still
// between two statements is cut off: what it sees, no vacuum removes.
const settings = projections.ByIndex + `, set_config('max_parallel_workers_per_gather', '0', true),
	set_config('statement_timeout', '0', true),
	set_config('idle_in_transaction_session_timeout', '5min', true)`

// Open begins to read. upTo is the last position that counts; nil is the newest that is shown, and ErrNotShown what is not. When ctx ends,
// the statement that runs is cancelled.
func Open(ctx context.Context, db Beginner, f Filter, upTo *domain.Position) (*Whole, error) {
	apart := context.WithoutCancel(ctx) // a cancelled context would take the connection with it
	begin, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tx, err := db.BeginTx(begin, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	w := &Whole{tx: tx, filter: f, over: make(chan struct{})}
	w.done = context.AfterFunc(ctx, func() {
		defer close(w.over)
		limited, cancel := context.WithTimeout(apart, 5*time.Second)
		defer cancel()
		_ = tx.Conn().PgConn().CancelRequest(limited) // if it is lost, the rows that come are read and thrown away
	})
	if err := w.begin(apart, upTo); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *Whole) begin(ctx context.Context, upTo *domain.Position) error {
	set := settings
	if !w.filter.searches() {
		set += `, set_config('enable_bitmapscan', 'off', true)`
	}
	if _, err := w.tx.Exec(ctx, set); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	q := Queries{DB: w.tx}
	if err := w.tx.QueryRow(ctx, `SELECT coalesce(max(position), 0) FROM `+tableEntries).Scan(&w.newest); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	w.position = w.newest
	if upTo != nil {
		if *upTo > domain.Position(w.newest) { //nolint:gosec // positions are not negative
			return ErrNotShown
		}
		w.position = int64(*upTo) //nolint:gosec // it is not greater than one that is
	}
	s, some, err := q.find(ctx, &w.filter)
	if err != nil {
		return err
	}
	s.last = min(s.last, w.position)
	w.source, w.none = s, !some || s.first > s.last
	return nil
}

// Close ends the reading, and returns when the connection is free again. It may be called twice.
func (w *Whole) Close() { w.closed.Do(w.end) }

func (w *Whole) end() {
	if !w.done() {
		<-w.over // or the request to cancel would meet whoever has the connection next
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = w.tx.Rollback(ctx) // nothing was written; a connection that is broken is thrown away
}

// Position is the last that counts.
func (w *Whole) Position() domain.Position { return domain.Position(w.position) } //nolint:gosec // positions are not negative

// More reports whether there are more entries than a number.
func (w *Whole) More(ctx context.Context, than int) (bool, error) {
	if w.none {
		return false, nil
	}
	c, err := Queries{DB: w.tx}.count(ctx, &w.filter, w.source, than)
	return c.AtLeast, err
}

// Row is an entry as an export has it. What it refers to is valid until the next one.
type Row struct {
	Position, Revision          int64
	Kind, Type, Role, RequestID []byte
	SubjectID, EventID, ActorID uuid.UUID
	CorrelationID, ProviderID   uuid.UUID // nil ids for none
	At                          time.Time
	ContentRevision             int32
	Changes, Reasons            []byte // JSON; Reasons may be nil
	Blanked                     bool
	hasProvider                 bool
}

// Provider is whose it is; nil for nobody's.
func (r *Row) Provider() *uuid.UUID {
	if r.hasProvider {
		return &r.ProviderID
	}
	return nil
}

const rowColumns = `e.position, e.revision, e.kind, e.type, e.role, e.request_id, e.subject_id, e.event_id, e.actor_id, e.correlation_id,
	e.provider_id, e.at, e.content_revision, e.changes, e.reasons, e.blanked`

// rowTypes are those of the columns, and whether they come in binary.
var rowTypes = [...]struct {
	oid    uint32
	binary bool
}{
	{pgtype.Int8OID, true},
	{pgtype.Int8OID, true},
	{pgtype.TextOID, false},
	{pgtype.TextOID, false},
	{pgtype.TextOID, false},
	{pgtype.TextOID, false},
	{pgtype.UUIDOID, true},
	{pgtype.UUIDOID, true},
	{pgtype.UUIDOID, true},
	{pgtype.UUIDOID, true},
	{pgtype.UUIDOID, true},
	{pgtype.TimestamptzOID, true},
	{pgtype.Int4OID, true},
	{pgtype.JSONOID, false},
	{pgtype.JSONOID, false},
	{pgtype.BoolOID, true},
}

var formats = func() (f pgx.QueryResultFormats) {
	for _, t := range rowTypes {
		code := int16(pgx.TextFormatCode)
		if t.binary {
			code = pgx.BinaryFormatCode
		}
		f = append(f, code)
	}
	return f
}()

// postgresEpoch is where its times begin, in microseconds.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()

func (r *Row) read(v [][]byte) {
	r.Position, r.Revision = int64(binary.BigEndian.Uint64(v[0])), int64(binary.BigEndian.Uint64(v[1])) //nolint:gosec // the bits are kept
	r.Kind, r.Type, r.Role, r.RequestID = v[2], v[3], v[4], v[5]
	copy(r.SubjectID[:], v[6])
	copy(r.EventID[:], v[7])
	copy(r.ActorID[:], v[8])
	copy(r.CorrelationID[:], v[9])
	if r.hasProvider = v[10] != nil; r.hasProvider {
		copy(r.ProviderID[:], v[10])
	}
	r.At = time.UnixMicro(postgresEpoch + int64(binary.BigEndian.Uint64(v[11]))) //nolint:gosec // the bits are kept
	r.ContentRevision = int32(binary.BigEndian.Uint32(v[12]))                    //nolint:gosec // the bits are kept
	r.Changes, r.Reasons = v[13], v[14]
	r.Blanked = len(v[15]) > 0 && v[15][0] == 1
}

var errOrder = errors.New("export: the rows came in another order than that of their positions")

// Each calls do for every entry, in the order of positions, until it fails.
func (w *Whole) Each(ctx context.Context, do func(*Row) error) error {
	if w.none {
		return nil
	}
	last := int64(-1)
	each := func(sql string, args []any) error {
		return w.each(ctx, sql, args, func(r *Row) error {
			if r.Position <= last {
				return errOrder
			}
			last = r.Position
			return do(r)
		})
	}
	entriesOf := `SELECT ` + rowColumns + ` FROM (%s) p` + theirEntries("p")
	s := &w.source
	switch {
	case w.filter.searches():
		return w.eachMatch(ctx, func(positions []int64) error {
			return each(fmt.Sprintf(entriesOf, `SELECT position FROM unnest($1::bigint[]) u (position) ORDER BY position`), []any{positions})
		})
	case len(s.by) == 0 && s.all:
		sql, where := s.stretch(projections.Where{Args: []any{s.first, s.last}}, "", "$1::bigint", "$2::bigint", false, "")
		return each("SELECT "+rowColumns+sql[len("SELECT e.position"):], where.Args)
	}
	step, err := w.step(ctx)
	if err != nil {
		return err
	}
	// In stretches, so that what is found by several indexes, or by one that has several classes one after the other, is sorted little by
	// little.
	inner, args := s.positions("w.first", "least($2::bigint, w.first + $3::bigint - 1)", []any{s.first, s.last, step}, false, "")
	return each(fmt.Sprintf(entriesOf, `SELECT e.position FROM generate_series($1::bigint, $2::bigint, $3::bigint) w (first)
		CROSS JOIN LATERAL (SELECT * FROM (`+inner+`) e ORDER BY e.position OFFSET 0) e`), args)
}

// eachMatch calls do with the positions of what matches words, in order, some at a time: those of the days that were looked up and that
// no other day can come before.
func (w *Whole) eachMatch(ctx context.Context, do func(positions []int64) error) error {
	var waiting []int64
	return Queries{DB: w.tx}.days(ctx, &w.filter, w.source, false, func(sql string, args []any, next *daySpan) (bool, error) {
		rows, _ := w.tx.Query(context.WithoutCancel(ctx), sql, args...)
		some, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return false, fmt.Errorf("export: %w", err)
		}
		waiting = append(waiting, some...)
		slices.Sort(waiting)
		ready := len(waiting)
		if next != nil {
			ready, _ = slices.BinarySearch(waiting, next.first)
		}
		if ready > 0 {
			err = do(waiting[:ready])
		}
		waiting = append(waiting[:0], waiting[ready:]...)
		return false, err
	})
}

// step is a stretch of positions that has some 50,000 entries, by the planner's estimate of how many there are.
func (w *Whole) step(ctx context.Context) (int64, error) {
	const entries = 50_000
	var known float64
	if err := w.tx.QueryRow(ctx, `SELECT reltuples FROM pg_class WHERE oid = '`+tableEntries+`'::regclass`).Scan(&known); err != nil {
		return 0, fmt.Errorf("export: %w", err)
	}
	apart := 1.0 // from one entry to the next
	if known > entries {
		apart = max(1, float64(w.newest)/known)
	}
	return int64(entries * apart), nil
}

func (w *Whole) each(ctx context.Context, sql string, args []any, do func(*Row) error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	rows, err := w.tx.Query(context.WithoutCancel(ctx), sql, append([]any{formats}, args...)...)
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	defer rows.Close()
	for i, field := range rows.FieldDescriptions() {
		if field.DataTypeOID != rowTypes[i].oid {
			return fmt.Errorf("export: column %s is of another type", field.Name)
		}
	}
	var r Row
	for rows.Next() {
		r.read(rows.RawValues())
		if err := do(&r); err != nil {
			w.cancel()
			return err
		}
	}
	if err := rows.Err(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

// cancel ends the statement that runs, or all its rows would have to be read.
func (w *Whole) cancel() {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	_ = w.tx.Conn().PgConn().CancelRequest(ctx)
}
