package modeltest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Explaining asks for the plan of each query, too, and counts the rows that it looks at.
type Explaining struct {
	*pgxpool.Pool
	T testing.TB
	// Rows are those of all queries so far, Plan is the last one's.
	Rows float64
	Plan string
}

// Query implements projections.Querier.
func (e *Explaining) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	e.explain(ctx, sql, args)
	return e.Pool.Query(ctx, sql, args...)
}

// QueryRow implements projections.Querier.
func (e *Explaining) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	e.explain(ctx, sql, args)
	return e.Pool.QueryRow(ctx, sql, args...)
}

func (e *Explaining) explain(ctx context.Context, sql string, args []any) {
	e.T.Helper()
	if err := e.Pool.QueryRow(ctx, "EXPLAIN (ANALYZE, FORMAT JSON) "+sql, args...).Scan(&e.Plan); err != nil {
		e.T.Fatalf("%v\n%s", err, sql)
	}
	var plans []struct{ Plan map[string]any }
	if err := json.Unmarshal([]byte(e.Plan), &plans); err != nil {
		e.T.Fatal(err)
	}
	e.Rows += lookedAt(plans[0].Plan)
}

func lookedAt(node map[string]any) float64 {
	number := func(name string) float64 { n, _ := node[name].(float64); return n }
	rows := 0.0
	if node["Relation Name"] != nil {
		rows = (number("Actual Rows") + number("Rows Removed by Filter") + number("Rows Removed by Index Recheck")) * number("Actual Loops")
	}
	below, _ := node["Plans"].([]any)
	for _, n := range below {
		if node, ok := n.(map[string]any); ok {
			rows += lookedAt(node)
		}
	}
	return rows
}
