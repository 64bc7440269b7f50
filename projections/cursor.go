package projections

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"math"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// ErrBadCursor refuses a cursor that no page of this list gave.
var ErrBadCursor = &domain.Error{
	Kind: domain.KindInvalid, Code: "bad_cursor",
	Text: domain.Text{ZH: "分页游标无效，请从第一页重新开始", EN: "this cursor is not from this list; start again without one"},
	Fields: []domain.FieldError{{
		Pointer: "/cursor", Code: "bad_cursor",
		Text: domain.Text{ZH: "分页游标无效", EN: "not a cursor of this list"},
	}},
}

// List says which list a cursor belongs to, so that a cursor of another is refused.
type List byte

// The lists. Their numbers are in cursors that callers hold.
const (
	ListPublic List = 1 + iota
	ListOwnProducts
	ListReviewQueue
	ListReviewDecided
	ListBookings
	ListHistory
	ListApplications
	ListAccounts
)

// Lists of webhooks, and of what each got and is to get.
const (
	ListWebhooks   List = 20
	ListDeliveries List = 21
)

// Cursor is the last row of a page, as the list's order sees it. A list that does not use a field leaves it zero.
type Cursor struct {
	Pinned bool
	// At is in microseconds since 1970, or a position. Then is the second time of a list that is ordered by two.
	At, Then int64
	ID       uuid.UUID
	// Revision tells apart the rows of one subject, where a list has several.
	Revision uint32
}

// CursorAt is the cursor of a row that its list orders by time.
func CursorAt(pinned bool, at time.Time, id uuid.UUID) Cursor {
	return Cursor{Pinned: pinned, At: at.UnixMicro(), ID: id}
}

// Time is At of a list that is ordered by time.
func (c Cursor) Time() time.Time { return time.UnixMicro(c.At).UTC() }

const (
	cursorSize = 1 + 1 + 8 + 16 + 4 + 4
	thenSize   = 8
)

// Encode makes the text that callers send back for the next page.
func (c Cursor) Encode(of List) string {
	b := make([]byte, 0, cursorSize+thenSize)
	b = append(b, byte(of), 0)
	if c.Pinned {
		b[1] = 1
	}
	b = binary.BigEndian.AppendUint64(b, uint64(c.At)) //nolint:gosec // the bits are kept
	b = append(b, c.ID[:]...)
	b = binary.BigEndian.AppendUint32(b, c.Revision)
	if layouts[of].then {
		b = binary.BigEndian.AppendUint64(b, uint64(c.Then)) //nolint:gosec // the bits are kept
	}
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

// layout is what a list's cursors may hold, each field bounded by its column: a query would fail on a made-up cursor that goes beyond.
type layout struct {
	least, most      int64 // of At, and of Then
	pinned, id, then bool  // whether the list uses them
	revisions        uint32
}

// Times that every timestamptz and every client can hold, in microseconds.
var (
	firstTime = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	lastTime  = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro() - 1
)

// layouts are those of all lists; a list that is not here has no cursors.
var layouts = map[List]layout{
	ListPublic:        {least: firstTime, most: lastTime, pinned: true, id: true},
	ListOwnProducts:   {least: firstTime, most: lastTime, id: true},
	ListReviewQueue:   {least: firstTime, most: lastTime, id: true, then: true},
	ListReviewDecided: {least: firstTime, most: lastTime, id: true, revisions: math.MaxInt32},
	ListBookings:      {least: firstTime, most: lastTime, id: true},
	ListHistory:       {least: 0, most: math.MaxInt64},
	ListApplications:  {least: firstTime, most: lastTime, id: true},
	ListAccounts:      {least: firstTime, most: lastTime, id: true},
	ListWebhooks:      {least: firstTime, most: lastTime, id: true},
	ListDeliveries:    {least: 0, most: math.MaxInt64},
}

func (l layout) holds(c Cursor) bool {
	within := func(at int64) bool { return at >= l.least && at <= l.most }
	return within(c.At) && (!l.then || within(c.Then)) && (l.pinned || !c.Pinned) && (l.id || c.ID == uuid.Nil) && c.Revision <= l.revisions
}

// DecodeCursor is ErrBadCursor for anything that Encode did not make for the same list, and for what its columns cannot hold.
func DecodeCursor(s string, of List) (Cursor, error) {
	var c Cursor
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	l, ok := layouts[of]
	size := cursorSize
	if l.then {
		size += thenSize
	}
	if err != nil || !ok || len(b) != size || List(b[0]) != of || b[1] > 1 ||
		crc32.ChecksumIEEE(b[:size-4]) != binary.BigEndian.Uint32(b[size-4:]) {
		return c, ErrBadCursor
	}
	c.Pinned = b[1] == 1
	c.At = int64(binary.BigEndian.Uint64(b[2:])) //nolint:gosec // the bits are kept
	c.ID = uuid.UUID(b[10:26])
	c.Revision = binary.BigEndian.Uint32(b[26:])
	if l.then {
		c.Then = int64(binary.BigEndian.Uint64(b[30:])) //nolint:gosec // the bits are kept
	}
	if !l.holds(c) {
		return Cursor{}, ErrBadCursor
	}
	return c, nil
}
