package postgres_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Every connection is configured and every transaction says what it relies on, so that no setting of role, database or server does: what
// makes connections stands here, with why it may, and no transaction begins without a word.
func TestSourcesSayWhatTheyRelyOn(t *testing.T) {
	t.Parallel()
	connects := map[string]string{
		"adapters/postgres/eventstore.go":       "the pool's own settings, and the store's",
		"adapters/postgres/pooler.go":           "is given what is configured",
		"adapters/postgres/lost.go":             "configured",
		"adapters/postgres/embedded/cluster.go": "the administrator of the embedded server",
		"adapters/postgres/embedded/role.go":    "the administrator of the embedded server",
		"adapters/postgres/pgtest/pgtest.go":    "configured, and the administrator of the tests' server",
		"adapters/postgres/pgtest/standby.go":   "the tests' own servers",
		"adapters/postgres/pgtest/shm.go":       "the tests' own servers",
		"adapters/postgres/pgtest/own.go":       "the tests' own servers",
		"adapters/postgres/pgtest/clock.go":     "the tests' own servers",
		"cmd/waybill/app.go":                    "configured",
		"cmd/bench/bench.go":                    "configured",
		"cmd/bench/report.go":                   "describes the server as it is",
		"adapters/postgres/watch.go":            "asks what a server is busy with, and relies on no setting",
		"cmd/preflight/site.go":                 "sees the settings as they are",
		"projections/runtime/writable.go":       "the pool's own settings",
		"projections/runtime/held.go":           "the pool's own settings",
		"projections/modeltest/recorder.go":     "the pool's own settings",
		"projections/modeltest/work.go":         "the pool's own settings",
		"projections/runtime/positions.go":      "the pool's own settings",
		"projections/runtime/replica.go":        "configured by ReplicaConfig.Session",
	}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "bin" || d.Name() == "var") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			called, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			of, _ := called.X.(*ast.Ident)
			at := files.Position(call.Pos())
			switch what := called.Sel.Name; {
			case of != nil && (of.Name == "pgx" || of.Name == "pgconn" || of.Name == "pgxpool") &&
				(strings.HasPrefix(what, "Connect") || strings.HasPrefix(what, "New") && of.Name == "pgxpool"):
				if connects[filepath.ToSlash(name)] == "" {
					t.Errorf("%s:%d makes connections: have postgres.Configure set them up, and name it here", name, at.Line)
				}
			case of != nil && of.Name == "pgx" && what == "BeginFunc", what == "Begin" && isPool(called.X), what == "BeginTx" && emptyOptions(call):
				if !strings.HasPrefix(name, "cmd/bench") && !strings.Contains(name, "test/") {
					t.Errorf("%s:%d begins a transaction of whatever isolation the session has: say which", name, at.Line)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// emptyOptions reports whether the options of a transaction say nothing.
func emptyOptions(call *ast.CallExpr) bool {
	options, ok := call.Args[len(call.Args)-1].(*ast.CompositeLit)
	return ok && len(options.Elts) == 0
}

// isPool reports whether something is called a pool.
func isPool(x ast.Expr) bool {
	of, ok := x.(*ast.SelectorExpr)
	return ok && of.Sel.Name == "pool"
}
