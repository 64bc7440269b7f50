package history

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/projections"
)

// Spans say between which positions the events of each minute, hour and day lie, by their own times, so that a stretch of time is a
// stretch of positions. Later events may carry earlier times: spans overlap.

// sizes of spans, in seconds; days are those of Asia/Shanghai.
var sizes = [...]int64{60, 60 * 60, 24 * 60 * 60}

// beginOf is where the span of a size begins that a time is in, in seconds since 1970.
func beginOf(t time.Time, size int64) int64 {
	const east = 8 * 60 * 60
	s := t.Unix() + east
	begin := s - s%size
	if s%size < 0 {
		begin -= size
	}
	return begin - east
}

type span struct {
	size, begin int64
}

// spans are those of a batch: the least and greatest position of each.
type spans map[span][2]int64

func (s spans) add(at time.Time, position int64) {
	for _, size := range sizes {
		key := span{size, beginOf(at, size)}
		if of, ok := s[key]; !ok {
			s[key] = [2]int64{position, position}
		} else {
			s[key] = [2]int64{min(of[0], position), max(of[1], position)}
		}
	}
}

func (s spans) queue(batch *pgx.Batch) {
	var begins, sizes, firsts, lasts []int64
	for of, positions := range s {
		sizes, begins = append(sizes, of.size), append(begins, of.begin)
		firsts, lasts = append(firsts, positions[0]), append(lasts, positions[1])
	}
	batch.Queue(`INSERT INTO spans (size, begins, first, last) SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[])
		ON CONFLICT (size, begins) DO UPDATE SET first = least(spans.first, excluded.first), last = greatest(spans.last, excluded.last)`,
		sizes, begins, firsts, lasts)
}

// Of all spans that begin at a time or later: those of the minutes of its hour, of the hours of its day, and of days. $1 is the minute,
// $2 the next hour, $3 the next day.
const (
	sinceMinute = `(size = 60 AND begins >= $1 AND begins < $2
		OR size = 3600 AND begins >= $2 AND begins < $3 OR size = 86400 AND begins >= $3)`
	// Of all that begin before: $1 is the minute after, $2 the hour it is in, $3 the day.
	untilMinute = `(size = 60 AND begins >= $2 AND begins < $1
		OR size = 3600 AND begins >= $3 AND begins < $2 OR size = 86400 AND begins < $3)`
)

// between bounds the positions of the events of a stretch of time, to about a minute; there are none if first > last.
func between(ctx context.Context, db projections.Querier, from, to *time.Time) (first, last int64, err error) {
	first, last = 0, maxPosition
	if from != nil {
		const hour, day = 60 * 60, 24 * 60 * 60
		err = db.QueryRow(ctx, `SELECT coalesce(min(first), $4) FROM `+tableSpans+` WHERE `+sinceMinute,
			beginOf(*from, 60), beginOf(*from, hour)+hour, beginOf(*from, day)+day, maxPosition).Scan(&first)
	}
	if to != nil && err == nil {
		err = db.QueryRow(ctx, `SELECT coalesce(max(last), -1) FROM `+tableSpans+` WHERE `+untilMinute,
			beginOf(*to, 60)+60, beginOf(*to, 60*60), beginOf(*to, 24*60*60)).Scan(&last)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("spans: %w", err)
	}
	return first, last, nil
}

// PositionAt is the position before the first event, of any kind, whose own time is later than t; the newest if there is none, and 0
// before all. Times count in microseconds. What is promised of a time that lies in the past of every event to come is that the answer
// stays the same; a later event that carries an earlier time changes nothing about it.
func (q Queries) PositionAt(ctx context.Context, t time.Time) (domain.Position, error) {
	t = projections.Instant(t)
	minute, hour, day := beginOf(t, 60), beginOf(t, 60*60), beginOf(t, 24*60*60)
	var position int64
	// The first event of all spans after the minute, and the first in the minute that is later, which is only looked for before that.
	err := q.DB.QueryRow(ctx, `WITH after AS MATERIALIZED (SELECT min(first) AS first FROM `+tableSpans+` WHERE `+sinceMinute+`),
		within AS MATERIALIZED (SELECT (SELECT e.position FROM `+tableEntries+` e WHERE e.position >= s.first AND e.position <= s.last
			AND e.position < coalesce((SELECT first FROM after), $6) AND e.at > $5 ORDER BY e.position LIMIT 1) AS first
			FROM `+tableSpans+` s WHERE s.size = 60 AND s.begins = $4)
		SELECT coalesce((SELECT e.position FROM `+tableEntries+` e
			WHERE e.position < coalesce(least((SELECT first FROM within), (SELECT first FROM after)), $6)
			ORDER BY e.position DESC LIMIT 1), 0)`,
		minute+60, hour+60*60, day+24*60*60, minute, t, maxPosition).Scan(&position)
	if err != nil {
		return 0, fmt.Errorf("position at a time: %w", err)
	}
	return domain.Position(position), nil //nolint:gosec // positions are not negative
}
