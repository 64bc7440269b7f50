package projections

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"

	"waybill/domain"
)

// ByIndex is a statement that makes the others of its transaction use keys. Their plans are cached, and those made while a
// table was small, or before it was analysed, would scan it whole ever after.
const ByIndex = `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
	set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)`

// Keys are UUIDs as arguments of a batch: pgx encodes them as they are, but a []uuid.UUID by way of text, one by one.
type Keys [][16]byte

// KeysOf are the ids of the streams that are of one of the categories; others have no row in the caller's tables.
func KeysOf(streams []domain.StreamName, categories ...string) Keys {
	var keys Keys
	for _, stream := range streams {
		if id, err := stream.ID(); err == nil && slices.Contains(categories, stream.Category()) {
			keys = append(keys, id)
		}
	}
	return keys
}

// SubjectsOf lists the aggregates of a batch by category. A name without an id is left to the fold to report.
func SubjectsOf(events []Event) map[string]Keys {
	ids, seen := map[string]Keys{}, map[domain.StreamName]bool{}
	for _, e := range events {
		if seen[e.Stream] {
			continue
		}
		seen[e.Stream] = true
		if id, err := e.Stream.ID(); err == nil {
			ids[e.Stream.Category()] = append(ids[e.Stream.Category()], id)
		}
	}
	return ids
}

// EventTime is the Instant at which an event happened.
func EventTime(e Event) time.Time { return Instant(e.Meta.At) }

// Instant is a time in the precision in which the tables keep it.
func Instant(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// TimeLayout is a time in UTC as answers write it: RFC 3339 with microseconds, always 27 characters, so that the order of the texts is
// that of the times.
const TimeLayout = "2006-01-02T15:04:05.000000Z"

// One collects the only row of a query; domain.ErrNotFound when there is none.
func One[T any](rows pgx.Rows) (T, error) {
	row, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[T])
	if errors.Is(err, pgx.ErrNoRows) {
		return row, domain.ErrNotFound
	}
	return row, err
}

// UTC puts times that came from the database, which arrive in the machine's own zone, into UTC; nil ones are passed over.
func UTC(times ...*time.Time) {
	for _, t := range times {
		if t != nil {
			*t = t.UTC()
		}
	}
}

// OrEmpty is an empty slice for none: what the tables hold is never null.
func OrEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// FoldText brings text to the form in which it is searched and compared, stored text and what is asked for alike: cleaned as what is
// typed, width and compatibility forms unified (NFKC), without all that shows nothing, lower case, single spaces.
func FoldText(s string) string {
	s = norm.NFKC.String(Storable(domain.CleanText(s)))
	s = strings.Map(func(r rune) rune {
		if domain.Ignorable(r) {
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(strings.ToLower(s)), " ")
}

// Storable replaces what PostgreSQL refuses in a text, so that such a filter matches nothing and is no error.
func Storable(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
