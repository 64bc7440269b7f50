package modeltest

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Work is what a query looks at.
type Work struct {
	// Rows are those of tables, also those that a filter leaves out, and the entries of indexes that bitmaps are made of.
	Rows float64
	// Blocks are those of tables and indexes, each as often as it is looked at.
	Blocks float64
	// Plan is one line for each step: what it reads, how, and how much.
	Plan string
}

// Plans explains queries on a connection, each with a plan for its arguments or, if Generic, with the one for all arguments that
// PostgreSQL may turn to after five executions.
type Plans struct {
	T       testing.TB
	Conn    *pgx.Conn
	Generic bool
}

// NewPlans explains on a connection of its own.
func NewPlans(t testing.TB, pool *pgxpool.Pool, generic bool) *Plans {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &Plans{T: t, Conn: conn, Generic: generic}
}

// Work runs a query, or a change that is taken back, and returns what it looked at.
func (p *Plans) Work(s Statement) Work {
	p.T.Helper()
	ctx := p.T.Context()
	tx, err := p.Conn.Begin(ctx)
	if err != nil {
		p.T.Fatal(err)
	}
	defer func() {
		if err := tx.Rollback(context.WithoutCancel(ctx)); err != nil {
			p.T.Error(err)
		}
	}()
	if s.Path != "" {
		if _, err := tx.Exec(ctx, `SET LOCAL search_path = `+s.Path); err != nil {
			p.T.Fatal(err)
		}
	}
	name := fnv.New64a()
	_, _ = name.Write([]byte(s.Path + s.SQL))
	prepared, err := p.Conn.Prepare(ctx, fmt.Sprintf("explained_%x", name.Sum64()), s.SQL)
	if err != nil {
		p.T.Fatalf("%v\n%s", err, s.SQL)
	}
	sql := `EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT JSON) EXECUTE ` + prepared.Name
	if literals := p.literals(prepared.ParamOIDs, s.Args); len(literals) > 0 {
		sql += "(" + strings.Join(literals, ", ") + ")"
	}
	mode := "force_custom_plan"
	if p.Generic && !s.always() {
		mode = "force_generic_plan"
	}
	if !strings.HasPrefix(s.SQL, "SELECT count(*) FROM (") || !strings.Contains(s.SQL, " LIMIT 10001") {
		return p.explain(sql, mode, "on", "on")
	}
	// How much of a table a bounded count reads is for the planner to weigh, and a table that is not much larger it had rather read
	// whole. What counts is that there is a way which does not grow.
	least := p.explain(sql, mode, "off", "on")
	if other := p.explain(sql, mode, "off", "off"); other.Rows < least.Rows {
		least = other
	}
	return least
}

func (p *Plans) explain(sql, mode, seqscan, bitmapscan string) (w Work) {
	p.T.Helper()
	ctx := p.T.Context()
	if _, err := p.Conn.Exec(ctx, `SELECT set_config('plan_cache_mode', $1, true), set_config('enable_seqscan', $2, true),
		set_config('enable_bitmapscan', $3, true)`, mode, seqscan, bitmapscan); err != nil {
		p.T.Fatal(err)
	}
	var explained []byte
	if err := p.Conn.QueryRow(ctx, sql, pgx.QueryExecModeSimpleProtocol).Scan(&explained); err != nil {
		p.T.Fatalf("%v\n%s", err, sql)
	}
	var plans []struct{ Plan map[string]any }
	if err := json.Unmarshal(explained, &plans); err != nil {
		p.T.Fatal(err)
	}
	w.Plan = outline(plans[0].Plan, "")
	w.Rows = lookedAt(plans[0].Plan)
	for _, name := range []string{"Shared Hit Blocks", "Shared Read Blocks"} {
		n, _ := plans[0].Plan[name].(float64)
		w.Blocks += n
	}
	return w
}

// literals are arguments as SQL writes them.
func (p *Plans) literals(types []uint32, args []any) []string {
	literals := make([]string, len(types))
	args = args[len(args)-len(types):] // what stands before them tells how the query is run
	for i, oid := range types {
		text, err := p.Conn.TypeMap().Encode(oid, pgtype.TextFormatCode, args[i], []byte{}) // not nil, which is NULL
		if err != nil {
			p.T.Fatal(err)
		}
		if text == nil {
			literals[i] = "NULL"
			continue
		}
		literals[i] = "'" + strings.ReplaceAll(string(text), "'", "''") + "'"
		if strings.Contains(string(text), `\`) {
			literals[i] = "E" + strings.ReplaceAll(literals[i], `\`, `\\`)
		}
	}
	return literals
}

// outline is a plan, a line for each step.
func outline(node map[string]any, indent string) string {
	line := fmt.Sprintf("%s%v", indent, node["Node Type"])
	for _, name := range []string{"Relation Name", "Index Name"} {
		if node[name] != nil {
			line += fmt.Sprintf(" %v", node[name])
		}
	}
	line += fmt.Sprintf(": %v rows of %v, %v times", node["Actual Rows"], node["Plan Rows"], node["Actual Loops"])
	for _, name := range []string{"Rows Removed by Filter", "Rows Removed by Index Recheck", "Shared Hit Blocks", "Index Cond", "Filter"} {
		if v := node[name]; v != nil && v != 0.0 {
			line += fmt.Sprintf("; %s %v", strings.ToLower(name), v)
		}
	}
	below, _ := node["Plans"].([]any)
	for _, n := range below {
		if node, ok := n.(map[string]any); ok {
			line += "\n" + outline(node, indent+"  ")
		}
	}
	return line
}
