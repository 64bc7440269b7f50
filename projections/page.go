package projections

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
)

// Querier is what the queries need of a database: a pool, a connection or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Page is a stretch of a list. Next is the cursor of the stretch after it, empty at the end.
type Page[T any] struct {
	Rows []T
	Next string
}

// MaxPage is the most rows a page holds; DefaultPage is what a limit of 0 gives.
const (
	MaxPage     = 100
	DefaultPage = 20
)

func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultPage
	}
	return min(limit, MaxPage)
}

// limitClause fetches a row more than the page holds, to know whether there is a next one. The limits are few and
// literal: with a parameter the planner assumes a tenth of the table, and every page would be planned afresh.
func limitClause(size int) string {
	switch {
	case size <= 20:
		return " LIMIT 21"
	case size <= 50:
		return " LIMIT 51"
	}
	return " LIMIT 101"
}

// cut makes a page of the rows that a query with limitClause gave.
func cut[T any](rows []T, size int, cursor func(T) string) Page[T] {
	if len(rows) <= size {
		return Page[T]{Rows: rows}
	}
	return Page[T]{Rows: rows[:size], Next: cursor(rows[size-1])}
}

// ErrBadCursor refuses a cursor that no page of this list gave.
var ErrBadCursor = &domain.Error{
	Kind: domain.KindInvalid, Code: "bad_cursor",
	Text: domain.Text{ZH: "分页游标无效，请从第一页重新开始", EN: "this cursor is not from this list; start again without one"},
	Fields: []domain.FieldError{{
		Pointer: "/cursor", Code: "bad_cursor",
		Text: domain.Text{ZH: "分页游标无效", EN: "not a cursor of this list"},
	}},
}

// list says which list a cursor belongs to, so that a cursor of another is refused.
type list byte

const (
	listPublic list = 1 + iota
	listOwnProducts
	listReviewQueue
	listReviewDecided
	listBookings
	listHistory
)

// cursor is the last row of a page, as the list's order sees it. A list that does not use a field leaves it zero.
type cursor struct {
	pinned bool
	// at is in microseconds since 1970, or a position.
	at int64
	id uuid.UUID
	// revision tells apart the rows of one subject, where a list has several.
	revision uint32
}

func cursorAt(pinned bool, at time.Time, id uuid.UUID) cursor {
	return cursor{pinned: pinned, at: at.UnixMicro(), id: id}
}

func (c cursor) time() time.Time { return time.UnixMicro(c.at).UTC() }

const cursorSize = 1 + 1 + 8 + 16 + 4 + 4

func (c cursor) encode(of list) string {
	b := make([]byte, 0, cursorSize)
	b = append(b, byte(of), 0)
	if c.pinned {
		b[1] = 1
	}
	b = binary.BigEndian.AppendUint64(b, uint64(c.at)) //nolint:gosec // the bits are kept
	b = append(b, c.id[:]...)
	b = binary.BigEndian.AppendUint32(b, c.revision)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

// Times a timestamptz can hold; beyond them a query would fail on a made-up cursor.
var (
	minMicros = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxMicros = int64(math.MaxInt64)
)

// decodeCursor is ErrBadCursor for anything that encode did not make for the same list.
func decodeCursor(s string, of list) (cursor, error) {
	var c cursor
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != cursorSize || list(b[0]) != of || b[1] > 1 ||
		crc32.ChecksumIEEE(b[:cursorSize-4]) != binary.BigEndian.Uint32(b[cursorSize-4:]) {
		return c, ErrBadCursor
	}
	c.pinned = b[1] == 1
	c.at = int64(binary.BigEndian.Uint64(b[2:])) //nolint:gosec // the bits are kept
	c.id = uuid.UUID(b[10:26])
	c.revision = binary.BigEndian.Uint32(b[26:])
	if c.at < minMicros || c.at > maxMicros {
		return c, ErrBadCursor
	}
	return c, nil
}

// where collects the conditions of a query. Conditions are constants; each ? in one takes the next argument.
type where struct {
	conditions []string
	args       []any
}

func (w *where) and(condition string, args ...any) {
	for _, arg := range args {
		if s, ok := arg.(string); ok {
			arg = storable(s)
		}
		w.args = append(w.args, arg)
		condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.conditions = append(w.conditions, condition)
}

func (w *where) sql() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}

// storable replaces what PostgreSQL refuses in a text, so that such a filter matches nothing and is no error.
func storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// one collects the only row of a query; ErrNotFound when there is none.
func one[T any](rows pgx.Rows) (T, error) {
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	if errors.Is(err, pgx.ErrNoRows) {
		return row, domain.ErrNotFound
	}
	return row, err
}

// utc puts times that came from the database, which arrive in the machine's own zone, into UTC.
func utc(times ...*time.Time) {
	for _, t := range times {
		if t != nil {
			*t = t.UTC()
		}
	}
}
