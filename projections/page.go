package projections

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
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
	// Total is how many rows the whole list has; nil when the filter does not ask.
	Total *Count
}

// MaxPage is the most rows a page holds; DefaultPage is what a limit of 0 gives.
const (
	MaxPage     = 100
	DefaultPage = 20
)

// PageSize is how many rows the page of a limit holds.
func PageSize(limit int) int {
	if limit <= 0 {
		return DefaultPage
	}
	return min(limit, MaxPage)
}

// LimitClause fetches a row more than the page holds, to know whether there is a next one. The limits are few and
// literal: with a parameter the planner assumes a tenth of the table, and every page would be planned afresh.
func LimitClause(size int) string {
	switch {
	case size <= 20:
		return " LIMIT 21"
	case size <= 50:
		return " LIMIT 51"
	}
	return " LIMIT 101"
}

// Cut makes a page of the rows that a query with LimitClause gave.
func Cut[T any](rows []T, size int, cursor func(T) string) Page[T] {
	if len(rows) <= size {
		return Page[T]{Rows: rows}
	}
	return Page[T]{Rows: rows[:size], Next: cursor(rows[size-1])}
}

// Where collects the conditions of a query and their arguments.
type Where struct {
	conditions []string
	// Args are the arguments, in the order of their numbers.
	Args []any
}

// And adds a condition. It is a constant; each ? in it takes the next argument.
func (w *Where) And(condition string, args ...any) {
	for _, arg := range args {
		if s, ok := arg.(string); ok {
			arg = Storable(s)
		}
		w.Args = append(w.Args, arg)
		condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(w.Args)), 1)
	}
	w.conditions = append(w.conditions, condition)
}

// SQL is the WHERE clause, with a space before it; empty without conditions.
func (w *Where) SQL() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.conditions, " AND ")
}
