package figures

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
)

// Errors of a report that cannot be made; the others are the database's.
var (
	// ErrNotShown is of a position that the read model does not show yet.
	ErrNotShown = errors.New("the figures are not as far as this position yet")
	// ErrFilter is of a period that ends before it begins, or is longer than MaxDays, and of a By or Kind that the report does not have.
	ErrFilter = errors.New("there is no such report")
)

// kinds are in the order of reports.
var kinds = []string{provider.Category, product.Category}

func (f Filter) check(by []By) error {
	switch {
	case f.days() < 1 || f.days() > MaxDays:
		return fmt.Errorf("%w: from %s to %s", ErrFilter, f.From, f.To)
	case !slices.Contains(by, f.By):
		return fmt.Errorf("%w: by %s", ErrFilter, f.By)
	case f.Kind != "" && !slices.Contains(kinds, f.Kind):
		return fmt.Errorf("%w: of %s", ErrFilter, f.Kind)
	case f.AsOf > math.MaxInt64:
		return fmt.Errorf("%w: %d", ErrNotShown, f.AsOf)
	}
	return nil
}

// kinds are those that the filter leaves.
func (f Filter) kinds() []string {
	if f.Kind != "" {
		return []string{f.Kind}
	}
	return kinds
}

// asOf is a position as the tables have it: the sums of the stretches before one, and the facts behind them.
type asOf struct {
	Stamp
	stretch int
	behind  domain.Position
	// tables are which it was read from: a rebuild puts others in their place.
	tables uint32
}

// report reads a report by one of some Bys, again when the tables were exchanged meanwhile: each has stretches of its own.
func report[R any](ctx context.Context, q Queries, f Filter, by []By, read func(asOf) (R, error)) (r R, err error) {
	if err := f.check(by); err != nil {
		return r, err
	}
	a, err := q.at(ctx, f)
	for err == nil {
		if r, err = read(a); err != nil {
			break
		}
		var again asOf
		if again, err = q.at(ctx, f); err == nil && again.tables == a.tables {
			return r, nil
		}
		a = again
	}
	var none R
	return none, err
}

// at resolves the position of a report.
func (q Queries) at(ctx context.Context, f Filter) (a asOf, err error) {
	var shown domain.Position
	err = q.DB.QueryRow(ctx, `SELECT shown, at, coalesce(stretch, 1), coalesce(behind, 0), coalesce(
			(SELECT version FROM `+tableVersions+` WHERE position <= at ORDER BY position DESC LIMIT 1), $2), to_regclass('`+tableFacts+`')::oid
		FROM (SELECT position AS shown, CASE $1::bigint WHEN 0 THEN position ELSE $1 END AS at FROM projections.checkpoints WHERE projection = '`+schema+`') c
		LEFT JOIN LATERAL (SELECT stretch, behind FROM `+tableStretches+` WHERE behind <= at ORDER BY stretch DESC LIMIT 1) s ON true`,
		f.AsOf, workdays.Standard().Version()).Scan(&shown, &a.Position, &a.stretch, &a.behind, &a.Calendar, &a.tables)
	switch {
	case err != nil:
		return a, fmt.Errorf("position of the figures: %w", err)
	case a.Position > shown:
		return a, fmt.Errorf("%w: %d, and they are at %d", ErrNotShown, a.Position, shown)
	}
	return a, nil
}

// cell is a row of cells, or of what the facts behind them sum up to.
type cell struct {
	label           string
	day             workdays.Day
	kind, what, key string
	n, late         int
	aIn, aOut       minutesOf
	bIn, bOut       minutesOf
}

const readColumns = `label, day, kind, what, key, n, late, a_in, a_out, b_in, b_out`

// cellsOf reads the sums of the stretches, and of the facts behind them.
func cellsOf(sums func(facts, where string) string) string {
	return `SELECT ` + readColumns + ` FROM ` + tableCells + ` WHERE measure = $1 AND label = ANY ($2) AND day >= $3 AND day <= $4
			AND stretch < $5 AND (kind = $8 OR $8 = '')
		UNION ALL SELECT ` + readColumns + ` FROM (` + sums(tableFacts, `position > $6 AND position <= $7 AND measure = $1
			AND day >= $3 AND day <= $4 AND (kind = $8 OR $8 = '')`) + `) sums WHERE label = ANY ($2)`
}

var (
	sqlSummed, sqlCounted = cellsOf(sqlSums), cellsOf(sqlCounts)

	// What there was when a stretch ended before the days in question, and what happened since.
	sqlStocks = `SELECT '' AS label, $3::integer - 1 AS day, kind, what, key, n, 0 AS late, NULL::integer[], NULL::integer[], NULL::integer[], NULL::integer[]
			FROM ` + tableStocks + ` WHERE stretch = $8 AND measure = $1
		UNION ALL SELECT ` + readColumns + ` FROM ` + tableCells + ` WHERE measure = $1 AND label = '' AND day >= $2 AND day <= $4
			AND stretch < $5 AND stretch > $8
		UNION ALL SELECT ` + readColumns + ` FROM (` + sqlCounts(tableFacts, `position > $6 AND position <= $7 AND measure = $1 AND day <= $4`) + `) sums`
)

func (q Queries) cells(ctx context.Context, a asOf, f Filter, measure string, each func(*cell), labels ...By) error {
	sql := sqlCounted
	if measure == ofDecisions || measure == ofBookings {
		sql = sqlSummed
	}
	rows, _ := q.DB.Query(ctx, sql, measure, labels, int(f.first()), int(f.To), a.stretch, a.behind, a.Position, f.Kind)
	return eachCell(rows, measure, each)
}

// stocks gives what there was before the days of a filter as of the day before the first of them, and what happened since by its day, which
// may be before that too.
func (q Queries) stocks(ctx context.Context, a asOf, f Filter, measure string, each func(*cell)) error {
	var base int
	var low *int
	err := q.DB.QueryRow(ctx, `SELECT base, (SELECT min(first_day) FROM `+tableStretches+` WHERE stretch > base AND stretch < $2)
		FROM (SELECT coalesce(max(stretch), 0) AS base FROM `+tableStretches+` WHERE stretch < $2 AND through < $1) b`,
		int(f.first()), a.stretch).Scan(&base, &low)
	if err != nil {
		return fmt.Errorf("stretches: %w", err)
	}
	if low == nil {
		low = new(int(f.first()))
	}
	rows, _ := q.DB.Query(ctx, sqlStocks, measure, *low, int(f.first()), int(f.To), a.stretch, a.behind, a.Position, base)
	return eachCell(rows, measure, each)
}

func eachCell(rows pgx.Rows, measure string, each func(*cell)) error {
	defer rows.Close()
	var c cell
	for rows.Next() {
		if err := rows.Scan(&c.label, &c.day, &c.kind, &c.what, &c.key, &c.n, &c.late, nil, nil, nil, nil); err != nil {
			return fmt.Errorf("%s figures: %w", measure, err)
		}
		raw := rows.RawValues()
		c.aIn, c.aOut, c.bIn, c.bOut = raw[7], raw[8], raw[9], raw[10]
		each(&c)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("%s figures: %w", measure, err)
	}
	return nil
}

// label is by what cells are summed up for a report by something.
func (b By) label() By {
	switch b {
	case ByKind, ByDay:
		return ByAll
	default:
		return b
	}
}

// key is the key of a cell in a report by something; a day of the period before has that of the day in the period.
func (f Filter) key(c *cell) string {
	switch f.By {
	case ByAll:
		return ""
	case ByKind:
		return c.kind
	case ByDay:
		return f.dayIn(c.day).String()
	default:
		return c.key
	}
}

func (f Filter) before(d workdays.Day) bool { return d < f.From }

// dayIn is a day of the period, or the one in the period of a day before it.
func (f Filter) dayIn(d workdays.Day) workdays.Day {
	if f.before(d) {
		return d + f.days()
	}
	return d
}

// of is the figure of a pair that a day counts for.
func of[T any](f Filter, p *Pair[T], d workdays.Day) *T {
	if f.before(d) {
		return &p.Before
	}
	return &p.Now
}
