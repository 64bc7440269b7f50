// Package pgtest gives each test a PostgreSQL database of its own.
//
// All test processes of a user share one throw-away cluster, in memory where there is plenty: the first to need it starts
// it, and it is stopped and its folder removed a few seconds after the last has ended, however it ended. With
// WAYBILL_TEST_DATABASE_URL set, databases are made on that server instead; its role must be allowed to create them.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/embedded"
)

// bound is how long a step may take before the test fails: only what is stuck takes as long.
const bound = 3 * time.Minute

// connections is the size of a test's pool. A test that needs more opens a pool of its own on URL.
const connections = 20

// Database makes a database for one test, a copy of a template that migrate filled once in this process, and drops it
// at the end of the test. name tells migrations apart and shows in the database's name; a nil migrate leaves it empty.
func Database(t testing.TB, name string, migrate func(context.Context, *pgxpool.Pool) error) *pgxpool.Pool {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	admin, err := server(ctx)
	if err != nil {
		t.Fatal(err)
	}
	template := "template0"
	if migrate != nil {
		if template, err = admin.template(ctx, name, migrate); err != nil {
			t.Fatal(err)
		}
	}
	db := unique(name)
	if err := admin.create(ctx, db, template); err != nil {
		t.Fatal(err)
	}
	pool, err := admin.open(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Dropped first: that ends sessions which the test left behind, so that Close need not wait for them.
		ctx, cancel := context.WithTimeout(context.Background(), bound)
		defer cancel()
		if err := admin.drop(ctx, db); err != nil {
			t.Error(err)
		}
		closed := make(chan struct{})
		go func() { pool.Close(); close(closed) }()
		select {
		case <-closed:
		case <-time.After(bound):
			t.Errorf("pgtest: %d connections of the test's pool were never released", pool.Stat().AcquiredConns())
		}
	})
	return pool
}

// Available is nil when Database has a server to make databases on, and else says what is missing.
func Available() error {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	if _, err := server(ctx); errors.Is(err, embedded.ErrNoBinaries) {
		return fmt.Errorf("%w (or WAYBILL_TEST_DATABASE_URL)", err)
	}
	return nil
}

// URL is the connection string of a test's database, for a second pool or another process.
func URL(pool *pgxpool.Pool) string { return pool.Config().ConnString() }

// AsAdmin runs statements in a test's database with the rights of whoever makes the databases, and skips a test where those may not.
func AsAdmin(t testing.TB, pool *pgxpool.Pool, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound) // a cleanup has no other
	defer cancel()
	admin, err := server(ctx)
	if err != nil {
		t.Fatal(err)
	}
	config := admin.pool.Config().ConnConfig.Copy()
	config.Database = pool.Config().ConnConfig.Database
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == "42501" {
		t.Skipf("WAYBILL_TEST_DATABASE_URL has no rights for it: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// cluster is the server that databases are made on.
type cluster struct {
	pool *pgxpool.Pool
	// url is that of any of its databases, as their owner: tests have no more rights than the portal has.
	url *url.URL

	mu        sync.Mutex
	templates map[string]func() (string, error)
}

var (
	started sync.Mutex
	running *cluster
)

// server starts or joins the shared cluster. A failure is not kept: the next test tries again.
func server(ctx context.Context) (*cluster, error) {
	started.Lock()
	defer started.Unlock()
	if running != nil {
		return running, nil
	}
	owner := os.Getenv("WAYBILL_TEST_DATABASE_URL")
	admin := owner
	if owner == "" {
		dir, err := shared(parent())
		if err != nil {
			return nil, err
		}
		s, err := embedded.Start(ctx, embedded.Options{Dir: dir})
		if err != nil {
			return nil, err
		}
		// It is never closed: nothing tells us that the last test of this process has ended. The reaper sees it.
		if err := reap(dir); err != nil {
			return nil, errors.Join(err, s.Close())
		}
		owner, admin = s.URL(), s.AdminURL()
	}
	base, err := url.Parse(owner)
	if err != nil || base.Scheme == "" || base.User == nil {
		return nil, errors.New("pgtest: WAYBILL_TEST_DATABASE_URL is not a postgres:// URL with a user")
	}
	config, err := pgxpool.ParseConfig(admin)
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	config.MaxConns = 4
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	running = &cluster{pool: pool, url: base, templates: map[string]func() (string, error){}}
	return running, nil
}

// shared is the folder of the shared cluster: of a fixed name, so that all processes of a user meet there. Where somebody else has
// taken that name, it is one of our own that only we know how to find.
func shared(parent string) (string, error) {
	name := fmt.Sprintf("waybill-test-%d", os.Geteuid())
	dir := filepath.Join(parent, name)
	if err := os.Mkdir(dir, 0o700); err == nil || ours(dir) {
		return dir, nil
	}
	others, err := filepath.Glob(dir + "-own-*")
	if err != nil {
		return "", fmt.Errorf("pgtest: %w", err)
	}
	for _, other := range others {
		if ours(other) {
			return other, nil
		}
	}
	return os.MkdirTemp(parent, name+"-own-*")
}

// ours reports whether a folder is one that we made.
func ours(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() {
		return false
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(owner.Uid) == os.Geteuid()
}

// parent is the folder for the shared cluster: in memory where the machine has plenty, since making and dropping databases
// is file work, which costs a disk up to three times as much. TMPDIR overrules it.
func parent() string {
	const memory, room = "/dev/shm", 8 << 30
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(memory, &fs) == nil && fs.Blocks*uint64(fs.Bsize) >= room {
		return memory
	}
	return os.TempDir()
}

// template makes the template of that name once; tests that ask meanwhile wait for it.
func (c *cluster) template(ctx context.Context, name string, migrate func(context.Context, *pgxpool.Pool) error) (string, error) {
	c.mu.Lock()
	once, ok := c.templates[name]
	if !ok {
		once = sync.OnceValues(func() (string, error) {
			db := unique(name + "_template")
			if err := c.create(ctx, db, "template0"); err != nil {
				return "", err
			}
			pool, err := c.open(ctx, db)
			if err != nil {
				return "", err
			}
			err = migrate(ctx, pool)
			pool.Close()
			if err != nil {
				return "", fmt.Errorf("pgtest: migrate %s: %w", name, errors.Join(err, c.drop(ctx, db)))
			}
			return db, nil
		})
		c.templates[name] = once
	}
	c.mu.Unlock()
	return once()
}

func (c *cluster) create(ctx context.Context, db, template string) error {
	// By copying files: the server's default writes each page to the log as well.
	sql := fmt.Sprintf("CREATE DATABASE %s OWNER %s TEMPLATE %s STRATEGY file_copy",
		pgx.Identifier{db}.Sanitize(), pgx.Identifier{c.url.User.Username()}.Sanitize(), pgx.Identifier{template}.Sanitize())
	for {
		_, err := c.pool.Exec(ctx, sql)
		var pgErr *pgconn.PgError
		if errors.As(err, &pgErr) && pgErr.Code == "55006" && ctx.Err() == nil {
			continue // the template's last session is still leaving; the server has waited 5 s already
		}
		if err != nil {
			return fmt.Errorf("pgtest: create database: %w", err)
		}
		return nil
	}
}

func (c *cluster) drop(ctx context.Context, db string) error {
	if _, err := c.pool.Exec(ctx, "DROP DATABASE "+pgx.Identifier{db}.Sanitize()+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("pgtest: drop database: %w", err)
	}
	return nil
}

func (c *cluster) open(ctx context.Context, db string) (*pgxpool.Pool, error) {
	u := *c.url
	u.Path = "/" + db
	config, err := pgxpool.ParseConfig(u.String())
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	config.MaxConns = connections
	postgres.Configure(config.ConnConfig)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	return pool, nil
}

func unique(name string) string {
	return fmt.Sprintf("test_%.30s_%s", name, strings.ToLower(rand.Text()[:12]))
}
