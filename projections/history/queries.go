package history

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/workdays"
	"waybill/projections"
)

// Entry is one event as the audit history shows it (R44).
type Entry struct {
	Position  domain.Position
	Stream    domain.StreamName
	Kind      string // the stream's category
	SubjectID uuid.UUID
	Revision  domain.Revision // stream revision
	Type      string
	EventID   uuid.UUID
	ActorID   uuid.UUID // zero for the system
	Role      domain.Role
	At        time.Time
	// CorrelationID ties together everything that one outside request set off.
	CorrelationID uuid.UUID
	RequestID     string
	// ProviderID is whose it is; nil for nobody's.
	ProviderID *uuid.UUID
	// ContentRevision is the submission or decision's revision; 0 where there is none.
	ContentRevision domain.ContentRevision
	// Changes is a JSON array of Change. Blanked is set once the product was deleted: the fields stay named, and the
	// content values and the notes of reasons are gone.
	Changes json.RawMessage
	Blanked bool
	// Reasons are those of a rejection, or one with only a note, or none.
	Reasons []domain.Reason
}

// Queries reads the audit history.
type Queries struct{ DB projections.Querier }

// Query lists events, oldest first unless Descending. However long the log is, it reads a bounded part of it.
func (q Queries) Query(ctx context.Context, f Filter) (projections.Page[Entry], error) {
	var none projections.Page[Entry]
	if f.Total {
		none.Total = &projections.Count{}
	}
	var after *projections.Cursor
	if f.After != "" {
		c, err := projections.DecodeCursor(f.After, projections.ListHistory)
		if err != nil {
			return none, err
		}
		after = &c
	}
	s, ok, err := q.find(ctx, &f)
	if err != nil || !ok {
		return none, err
	}
	page := projections.Page[Entry]{}
	if f.Total {
		total, err := q.count(ctx, &f, s, projections.MaxCount)
		if err != nil {
			return none, err
		}
		page.Total = &total
	}
	if after != nil && f.Descending {
		s.last = min(s.last, after.At-1)
	} else if after != nil {
		s.first = max(s.first, after.At+1)
	}
	size := projections.PageSize(f.Limit)
	var entries []Entry
	if f.searches() {
		entries, err = q.search(ctx, &f, s, size)
	} else {
		sql, args := s.page(f.Descending, projections.LimitClause(size))
		entries, err = q.entries(ctx, sql, args)
	}
	if err != nil {
		return none, err
	}
	cut := projections.Cut(entries, size, cursorOf)
	cut.Total = page.Total
	return cut, nil
}

// find says where the entries of a filter are; not ok when there are none.
func (q Queries) find(ctx context.Context, f *Filter) (s source, ok bool, err error) {
	if _, err := f.Stream.ID(); f.Stream != "" && err != nil {
		return s, false, nil //nolint:nilerr // no such stream: no events
	}
	classes, err := readClasses(ctx, q.DB)
	if err != nil {
		return s, false, err
	}
	s = f.source()
	s.classes = classes.matching(f)
	s.all = len(s.classes) == len(classes)
	if s.first, s.last, err = between(ctx, q.DB, f.From, f.To); err != nil {
		return s, false, err
	}
	return s, len(s.classes) > 0 && s.first <= s.last && s.first < maxPosition, nil
}

func (q Queries) entries(ctx context.Context, sql string, args []any) ([]Entry, error) {
	rows, _ := q.DB.Query(ctx, sql, projections.Planned(args)...)
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByName[Entry])
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	for i := range entries {
		projections.UTC(&entries[i].At)
		entries[i].Stream = domain.Stream(entries[i].Kind, entries[i].SubjectID)
	}
	return entries, nil
}

func cursorOf(e Entry) string {
	return projections.Cursor{At: int64(e.Position)}.Encode(projections.ListHistory) //nolint:gosec // positions fit a bigint
}

const entryColumns = `e.position, '' AS stream, e.kind, e.subject_id, e.revision, e.type, e.event_id, e.actor_id, e.role, e.at,
	e.correlation_id, e.request_id, e.provider_id, e.content_revision, e.changes, e.blanked, e.reasons`

// theirEntries joins the entries e of a table's positions, one by one: where the planner expects many, it would rather read all there are.
func theirEntries(table string) string {
	return ` CROSS JOIN LATERAL (SELECT * FROM ` + tableEntries + ` x WHERE x.position = ` + table + `.position OFFSET 0) e`
}

// page selects entries of the source, in order, at most so many.
func (s *source) page(descending bool, limit string) (string, []any) {
	positions, args := s.positions("$1::bigint", "$2::bigint", []any{s.first, s.last}, descending, limit)
	return `SELECT ` + entryColumns + ` FROM (` + positions + `) p` + theirEntries("p") + order(descending), args
}

// count counts the entries of a source, up to a limit.
func (q Queries) count(ctx context.Context, f *Filter, s source, limit int) (projections.Count, error) {
	var n int
	if f.searches() {
		err := q.days(ctx, f, s, false, func(sql string, args []any, _ *daySpan) (bool, error) {
			var more int
			err := q.DB.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM (%s LIMIT %d) counted`, sql, limit+1-n), projections.Planned(args)...).Scan(&more)
			n += more
			return n > limit, err
		})
		if err != nil {
			return projections.Count{}, err
		}
	} else {
		most := fmt.Sprintf(" LIMIT %d", limit+1)
		sql, args := s.some("$1::bigint", "$2::bigint", []any{s.first, s.last}, false, most, most)
		if err := q.DB.QueryRow(ctx, `SELECT count(*) FROM (`+sql+`) counted`, projections.Planned(args)...).Scan(&n); err != nil {
			return projections.Count{}, fmt.Errorf("count: %w", err)
		}
	}
	return projections.Count{N: min(n, limit), AtLeast: n > limit}, nil
}

// searches reports whether words are looked for in the inverted index.
func (f *Filter) searches() bool { return !f.few() && len(f.words()) > 0 }

// quickWalk is how many rows of texts are looked at before the inverted index is asked: where a page of matches is among them, looking
// up all of a block would take longer.
const quickWalk = 300

// search is a page of what matches words, and one more.
func (q Queries) search(ctx context.Context, f *Filter, s source, size int) ([]Entry, error) {
	limit := size + 1
	sql, args := s.walk(f, fmt.Sprintf(" LIMIT %d", quickWalk), projections.LimitClause(size))
	found, err := q.entries(ctx, sql, args)
	if err != nil || len(found) >= limit {
		return found, err
	}
	found = nil
	err = q.days(ctx, f, s, f.Descending, func(sql string, args []any, next *daySpan) (bool, error) {
		some, err := q.entries(ctx, `SELECT `+entryColumns+` FROM (`+sql+`) p`+theirEntries("p")+
			order(f.Descending)+projections.LimitClause(size), args)
		if found = append(found, some...); err != nil || len(found) < limit {
			return false, err
		}
		inOrder(found, f.Descending)
		last := int64(found[limit-1].Position) //nolint:gosec // fits a bigint
		return next == nil || !f.Descending && last < next.first || f.Descending && last > next.last, nil
	})
	inOrder(found, f.Descending)
	return found[:min(len(found), limit)], err
}

func inOrder(entries []Entry, descending bool) {
	slices.SortFunc(entries, func(a, b Entry) int {
		if descending {
			a, b = b, a
		}
		return cmp.Compare(a.Position, b.Position)
	})
}

// matches adds the words, the checks and the bounds to a select of texts t and entries e. All filters are checked: a source by an index
// of entries is not used.
func (f *Filter) matches(s *source, w *projections.Where) {
	for _, word := range f.words() {
		w.And("strpos(t.text, ?) > 0", word)
	}
	for _, c := range f.checks(true) {
		w.And(c.sql, c.args...)
	}
	if !s.all {
		w.And(fenced("e.class = ANY (?)"), s.classes)
	}
}

func (s *source) walk(f *Filter, length, limit string) (string, []any) {
	inner := projections.Where{}
	if s.first > 0 {
		inner.And("e.position >= ?", s.first)
	}
	if s.last < maxPosition {
		inner.And("e.position <= ?", s.last)
	}
	w := projections.Where{Args: inner.Args}
	f.matches(s, &w)
	return `SELECT ` + entryColumns + ` FROM (SELECT e.position, e.text FROM ` + tableTexts + ` e` + inner.SQL() +
		order(f.Descending) + length + `) t` +
		theirEntries("t") + w.SQL() + order(f.Descending) + limit, w.Args
}

// mostDays is how many days one look-up takes in.
const mostDays = 32

// daySpan is a day by the events' own times, and between which positions its events lie. Days overlap.
type daySpan struct {
	day         workdays.Day
	first, last int64
}

// days calls for one look-up after another, each of more days than the one before, until enough is said; each selects positions of
// matches, in no order. next is the day that the next look-up begins with: nothing that is still to come lies before its first position,
// or descending, behind its last.
func (q Queries) days(ctx context.Context, f *Filter, s source, descending bool,
	found func(sql string, args []any, next *daySpan) (enough bool, err error),
) error {
	by := " ORDER BY first"
	if descending {
		by = " ORDER BY last DESC"
	}
	rows, _ := q.DB.Query(ctx, `SELECT begins, first, last FROM `+tableSpans+`
		WHERE size = 86400 AND last >= $1 AND first <= $2`+by, s.first, s.last)
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d daySpan, err error) {
		var begins int64
		err = row.Scan(&begins, &d.first, &d.last)
		d.day = workdays.DayOf(time.Unix(begins, 0))
		return d, err
	})
	if err != nil {
		return fmt.Errorf("days: %w", err)
	}
	terms := f.terms()
	for n := 1; len(all) > 0; n = min(2*n, mostDays) {
		some := all[:min(n, len(all))]
		var next *daySpan
		if all = all[len(some):]; len(all) > 0 {
			next = &all[0]
		}
		var in projections.Where
		conditions := make([]string, len(some))
		for i, d := range some {
			in.Args = append(in.Args, salted(terms, d.day))
			conditions[i] = fmt.Sprintf("t.terms @> $%d", len(in.Args))
		}
		in.And("(" + strings.Join(conditions, " OR ") + ")")
		if s.first > 0 {
			in.And(fenced("t.position >= ?"), s.first)
		}
		if s.last < maxPosition {
			in.And(fenced("t.position <= ?"), s.last)
		}
		w := projections.Where{Args: in.Args}
		f.matches(&s, &w)
		// The materialised step keeps the planner from walking.
		enough, err := found(`WITH t AS MATERIALIZED (SELECT t.position, t.text FROM `+tableTexts+` t`+in.SQL()+`)
			SELECT e.position FROM t`+theirEntries("t")+w.SQL(), w.Args, next)
		if err != nil || enough {
			return err
		}
	}
	return nil
}
