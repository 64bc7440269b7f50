package modeltest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Statement is what a database was asked, with its arguments.
type Statement struct {
	SQL  string
	Args []any
	// Path is the search_path of the transaction, as SQL writes it; empty for the database's own.
	Path string
}

// always reports whether a query is planned for its arguments each time.
func (s Statement) always() bool {
	return len(s.Args) > 0 && s.Args[0] == any(pgx.QueryExecModeCacheDescribe)
}

// Planned reports whether it is one that PostgreSQL plans, and not of those that begin, set or end something.
func (s Statement) Planned() bool {
	verb, _, _ := strings.Cut(strings.TrimLeft(strings.ToUpper(s.SQL), " \t\n("), " ")
	switch strings.TrimSpace(verb) {
	case "SELECT", "WITH", "INSERT", "UPDATE", "DELETE":
		return true
	}
	return false
}

// Recorder is a pgx tracer that keeps the statements of its connections until they are taken, those of batches too.
type Recorder struct {
	mu   sync.Mutex
	seen []Statement
	path map[*pgx.Conn]string
}

var (
	_ pgx.QueryTracer = (*Recorder)(nil)
	_ pgx.BatchTracer = (*Recorder)(nil)
)

// TraceQueryStart implements pgx.QueryTracer.
func (r *Recorder) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.note(conn, data.SQL, data.Args)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*Recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (*Recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (r *Recorder) TraceBatchQuery(_ context.Context, conn *pgx.Conn, data pgx.TraceBatchQueryData) {
	r.note(conn, data.SQL, data.Args)
}

// TraceBatchEnd implements pgx.BatchTracer.
func (*Recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

const setsPath = "SET LOCAL search_path = "

func (r *Recorder) note(conn *pgx.Conn, sql string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.path == nil {
		r.path = map[*pgx.Conn]string{}
	}
	if _, path, ok := strings.Cut(sql, setsPath); ok {
		path, _, _ = strings.Cut(path, ";")
		r.path[conn] = path
	}
	if verb := strings.ToLower(sql); verb == "commit" || verb == "rollback" {
		delete(r.path, conn)
	}
	r.seen = append(r.seen, Statement{SQL: sql, Args: args, Path: r.path[conn]})
}

// Take returns the statements since the last call.
func (r *Recorder) Take() []Statement {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// Pool returns another pool on the database of a test's, whose statements are recorded.
func (r *Recorder) Pool(t testing.TB, of *pgxpool.Pool) *pgxpool.Pool {
	t.Helper()
	config := of.Config()
	config.ConnConfig.Tracer = r
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}
