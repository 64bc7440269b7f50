package projections

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Newest is a list of rows in the order of a time, the newest first, and of their ids within a moment. However many rows there are, and
// whatever a Narrow asks for, a page reads stretches of an index (docs/decisions/0062).
type Newest[T any] struct {
	List List
	// Name is for errors.
	Name string
	// Table and Columns are what rows r are read from, by the names of T's fields; At and ID are the columns of the order.
	Table, Columns, At, ID string
	// Text is what words are looked for in, and terms, the column of MonthTerms, are looked up by. Empty in a list without.
	Text string
	// Owner is the column that says whose a row is: the first of By. Empty in a list of everybody's.
	Owner string
	// Place is where a row stands.
	Place func(T) (at time.Time, id uuid.UUID)
}

// Narrow says which rows of a list are wanted.
type Narrow struct {
	// By are columns of the index that is to be read, which has At and ID behind them.
	By []By
	// Also holds of what is wanted, and of so much of what By leaves that it can be checked row by row.
	Also []Also
	// Nothing is wanted: the conditions exclude each other.
	Nothing bool
	// Words stand each somewhere in the list's Text, without regard to case and width.
	Words string
	// Few says that what By leaves is so little that words are looked for row by row.
	Few bool
}

// By is a column or an expression of an index and the values that are wanted; of several, which are few, each is a stretch of the index.
type By struct {
	SQL    string
	Values []any
	// Term is what MonthTerms had of rows with the only value; empty without such a term.
	Term string
}

// Also is a condition, in which each ? takes the next argument.
type Also struct {
	SQL  string
	Args []any
}

// Planned are arguments of a query that is planned for them, each time. A plan for whatever arguments, which PostgreSQL turns to when it
// thinks it as good, would walk the list for what is rare, or sort all there is of what is common.
func Planned(args []any) []any {
	return append([]any{pgx.QueryExecModeCacheDescribe}, args...)
}

// Page is the stretch behind the cursor after of what is wanted; ErrBadCursor for one of another list.
func (l Newest[T]) Page(ctx context.Context, db Querier, n Narrow, after string, limit int, counted bool) (Page[T], error) {
	var page Page[T]
	var from *Cursor
	if after != "" {
		c, err := DecodeCursor(after, l.List)
		if err != nil {
			return page, err
		}
		from = &c
	}
	var total *Count
	if counted {
		c, err := l.Count(ctx, db, n)
		if err != nil {
			return page, err
		}
		total = &c
	}
	if n.Nothing {
		return Page[T]{Total: total}, nil
	}
	size := PageSize(limit)
	var found []T
	var err error
	if words := l.words(&n); len(words) > 0 {
		found, err = l.search(ctx, db, n, words, from, size)
	} else {
		sql, w := l.stretches(n, from, LimitClause(size), "")
		found, err = l.rows(ctx, db, sql, w.Args)
	}
	if err != nil {
		return page, fmt.Errorf("%s: %w", l.Name, err)
	}
	page = Cut(found, size, func(row T) string {
		at, id := l.Place(row)
		return CursorAt(false, at, id).Encode(l.List)
	})
	page.Total = total
	return page, nil
}

// Count counts what is wanted, up to MaxCount.
func (l Newest[T]) Count(ctx context.Context, db Querier, n Narrow) (Count, error) {
	if n.Nothing {
		return Count{}, nil
	}
	if words := l.words(&n); len(words) > 0 {
		return l.countMatches(ctx, db, n, words)
	}
	var w Where
	parts := l.each(n, nil, &w, "", fmt.Sprintf(" LIMIT %d", MaxCount+1), true)
	return CountRows(ctx, db, `SELECT FROM (`+strings.Join(parts, ` UNION ALL `)+`) counted`, w.Args...)
}

func (l Newest[T]) rows(ctx context.Context, db Querier, from string, args []any) ([]T, error) {
	rows, _ := db.Query(ctx, `SELECT `+l.Columns+` FROM (`+from+`) r`+l.order("r."), Planned(args)...)
	return pgx.CollectRows(rows, pgx.RowToStructByName[T])
}

func (l Newest[T]) order(table string) string {
	return ` ORDER BY ` + table + l.At + ` DESC, ` + table + l.ID + ` DESC`
}

// stretches selects the newest rows of what By leaves, at most so many; of those, if it is given, what a condition holds of.
func (l Newest[T]) stretches(n Narrow, after *Cursor, limit, check string) (string, Where) {
	var w Where
	parts := l.each(n, after, &w, "*", limit, check == "")
	if len(parts) == 1 {
		return parts[0][1 : len(parts[0])-1], w
	}
	return `SELECT * FROM (` + strings.Join(parts, ` UNION ALL `) + `) u` + l.order("u.") + limit, w
}

// each is the stretch of every combination of values. The last column is bounded from both sides and named in the order, as if it could
// have other values: for an equal value and an order by the time alone the planner would walk along all rows in the order of the time,
// where it expects enough of what is wanted among the first, or sort. The columns before it are equal, or the index would be read to the
// end of the first one's value.
func (l Newest[T]) each(n Narrow, after *Cursor, w *Where, columns, limit string, also bool) []string {
	parts := make([]string, 0, 1)
	for _, values := range combinations(n.By) {
		one := Where{Args: w.Args}
		key, marks, order := []string{l.At, l.ID}, []string{"?", "?"}, ""
		var of []any
		for i, by := range n.By {
			if i < len(n.By)-1 {
				one.And(by.SQL+" = ?", values[i])
				continue
			}
			one.And(by.SQL+" >= ?", values[i])
			if after == nil {
				one.And(by.SQL+" <= ?", values[i])
			}
			key, marks, order, of = append([]string{by.SQL}, key...), append(marks, "?"), by.SQL+" DESC, ", values[i:]
		}
		if after != nil {
			one.And(row(key)+" < "+row(marks), append(of, after.Time(), after.ID)...)
		}
		if also {
			for _, a := range n.Also {
				one.And(a.SQL, a.Args...)
			}
		}
		parts = append(parts, `(SELECT `+columns+` FROM `+l.Table+one.SQL()+` ORDER BY `+order+l.At+` DESC, `+l.ID+` DESC`+limit+`)`)
		w.Args = one.Args
	}
	return parts
}

func row(columns []string) string { return "(" + strings.Join(columns, ", ") + ")" }

// combinations are all choices of one value of each column.
func combinations(by []By) [][]any {
	all := [][]any{nil}
	for _, column := range by {
		var longer [][]any
		for _, chosen := range all {
			for _, value := range column.Values {
				longer = append(longer, append(chosen[:len(chosen):len(chosen)], value))
			}
		}
		all = longer
	}
	return all
}

// words are those that are looked up; none when they are looked for row by row, or there are none.
func (l Newest[T]) words(n *Narrow) []string {
	words := strings.Fields(FoldText(n.Words))
	if !n.Few {
		return words
	}
	also := n.Also[:len(n.Also):len(n.Also)]
	for _, word := range words {
		also = append(also, Also{SQL: "strpos(" + l.Text + ", ?) > 0", Args: []any{word}})
	}
	n.Also, n.Words = also, ""
	return nil
}

// The kinds of terms beside those of text: whose a row is, and what a list may be narrowed to.
const (
	termOwner byte = 'o'
	termValue byte = 'v'
)

// MonthTerms are the terms by which a row is found by its texts, those of its month. owner is whose it is in a list that has owners, and
// values are what else the list may be narrowed to, each with the name of what it is of.
func MonthTerms(at time.Time, owner uuid.UUID, values []string, texts ...string) []int32 {
	var t Terms
	for _, text := range texts {
		t.AddText(text)
	}
	if owner != uuid.Nil {
		t.Add(termOwner, string(owner[:]))
	}
	for _, value := range values {
		t.Add(termValue, value)
	}
	return Salted(t.List(), monthOf(at))
}

// monthOf numbers months, in UTC.
func monthOf(at time.Time) int {
	at = at.UTC()
	return at.Year()*12 + int(at.Month()) - 1
}

// quickWalk is how many rows are looked at before the inverted index is asked: among them are those of most words.
const quickWalk = 300

// mostMonths is how many months one look-up takes in: the fewest matches that are sorted for a page are those of one.
const mostMonths = 8

// search is a page of what has words, and one more.
func (l Newest[T]) search(ctx context.Context, db Querier, n Narrow, words []string, after *Cursor, size int) ([]T, error) {
	sql, w := l.stretches(n, after, fmt.Sprintf(" LIMIT %d", quickWalk), "later")
	checked := Where{Args: w.Args}
	l.check(&checked, Narrow{Also: n.Also}, words)
	found, err := l.rows(ctx, db, `SELECT * FROM (`+sql+`) q`+checked.SQL()+l.order("q.")+LimitClause(size), checked.Args)
	if err != nil || len(found) > size {
		return found, err
	}
	found = nil
	err = l.months(ctx, db, n, words, after, func(matches string, args []any) (bool, error) {
		some, err := l.rows(ctx, db, matches+l.order("")+LimitClause(size), args)
		found = append(found, some...)
		return len(found) > size, err
	})
	return found[:min(len(found), size+1)], err
}

func (l Newest[T]) countMatches(ctx context.Context, db Querier, n Narrow, words []string) (Count, error) {
	found := 0
	err := l.months(ctx, db, n, words, nil, func(matches string, args []any) (bool, error) {
		some, err := CountRows(ctx, db, matches, args...)
		if found += some.N; some.AtLeast {
			found++
		}
		return found > MaxCount, err
	})
	return counted(found), err
}

// check adds everything that is wanted, in a form that no index serves.
func (l Newest[T]) check(w *Where, n Narrow, words []string) {
	for _, word := range words {
		w.And("strpos("+l.Text+", ?) > 0", word)
	}
	for _, by := range n.By {
		parts := make([]string, len(by.Values))
		for i := range by.Values {
			parts[i] = by.SQL + " = ?"
		}
		w.And("("+strings.Join(parts, " OR ")+")", by.Values...)
	}
	for _, a := range n.Also {
		w.And(a.SQL, a.Args...)
	}
}

// months calls for one look-up of matches after another, each of older rows, until enough is said.
func (l Newest[T]) months(
	ctx context.Context, db Querier, n Narrow, words []string, after *Cursor,
	look func(matches string, args []any) (enough bool, err error),
) error {
	all, err := l.monthsOf(ctx, db, n, after)
	if err != nil {
		return err
	}
	var t Terms
	for _, word := range words {
		t.AddWord(word)
	}
	if l.Owner != "" {
		owner, _ := n.By[0].Values[0].(uuid.UUID)
		t.Add(termOwner, string(owner[:]))
	}
	for _, by := range n.By {
		if by.Term != "" && len(by.Values) == 1 {
			t.Add(termValue, by.Term)
		}
	}
	terms := t.List()
	for some := 1; len(all) > 0; some = min(2*some, mostMonths) {
		some = min(some, len(all))
		var w Where
		conditions := make([]string, some)
		for i, month := range all[:some] {
			w.Args = append(w.Args, Salted(terms, month))
			conditions[i] = "terms @> $" + strconv.Itoa(len(w.Args))
		}
		w.And("(" + strings.Join(conditions, " OR ") + ")")
		checked := Where{Args: w.Args}
		l.check(&checked, n, words)
		if after != nil {
			checked.And("("+l.At+", "+l.ID+") < (?, ?)", after.Time(), after.ID)
		}
		// The materialised step keeps the planner from walking.
		enough, err := look(`WITH found AS MATERIALIZED (SELECT * FROM `+l.Table+w.SQL()+`) SELECT * FROM found`+checked.SQL(), checked.Args)
		if err != nil || enough {
			return err
		}
		all = all[some:]
	}
	return nil
}

// monthsOf are those in which there are rows, the latest first: one look into an index each.
func (l Newest[T]) monthsOf(ctx context.Context, db Querier, n Narrow, after *Cursor) ([]int, error) {
	var w Where
	own, order := "true", l.At+" DESC"
	if l.Owner != "" {
		w.Args = append(w.Args, n.By[0].Values[0])
		own, order = l.Owner+" >= $1 AND "+l.Owner+" <= $1", l.Owner+" DESC, "+order
	}
	first := ""
	if after != nil {
		w.Args = append(w.Args, after.Time())
		first = " AND " + l.At + " <= $" + strconv.Itoa(len(w.Args))
	}
	of := func(condition string) string {
		return `(SELECT ` + l.At + ` FROM ` + l.Table + ` WHERE ` + own + condition + ` ORDER BY ` + order + ` LIMIT 1)`
	}
	rows, _ := db.Query(ctx, `WITH RECURSIVE latest (at) AS (SELECT `+of(first)+` UNION ALL
			SELECT `+of(` AND `+l.At+` < date_trunc('month', latest.at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'`)+` FROM latest WHERE latest.at IS NOT NULL)
		SELECT at FROM latest WHERE at IS NOT NULL`, Planned(w.Args)...)
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (int, error) {
		var at time.Time
		err := row.Scan(&at)
		return monthOf(at), err
	})
}
