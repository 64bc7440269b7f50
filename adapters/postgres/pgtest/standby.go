package pgtest

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres/embedded"
)

// Replicated is a PostgreSQL and its streaming standby, both of one test's own and gone with it.
type Replicated struct {
	t testing.TB
	// Primary is the connection string of the one that takes writes, Standby that of the other. Both name the same database.
	Primary, Standby string
	dir              string
	primary, standby *embedded.Server
}

// Replicate starts a cluster, has migrate fill its database, and starts a standby of it, from a copy of its files.
func Replicate(t testing.TB, migrate func(context.Context, *pgxpool.Pool) error) *Replicated {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	r := &Replicated{t: t}
	primary := r.start(ctx, scratch(t, "primary"))
	// An asynchronous commit reaches a standby only when the WAL writer has written it, 200 ms later as a rule.
	if err := execute(ctx, primary.AdminURL(), `ALTER SYSTEM SET wal_writer_delay = '10ms'`); err != nil {
		t.Fatal(err)
	}
	if err := fill(ctx, primary.URL(), migrate); err != nil {
		t.Fatal(err)
	}
	from := primary.Dir()
	// Stopped, so that the copy is whole; what the primary writes from then on is streamed.
	if err := primary.Close(); err != nil {
		t.Fatal(err)
	}
	r.dir = scratch(t, "standby")
	if err := clone(from, r.dir); err != nil {
		t.Fatal(err)
	}
	primary = r.start(ctx, from)
	r.Primary, r.primary = primary.URL(), primary
	if err := follow(r.dir, primary.AdminURL()); err != nil {
		t.Fatal(err)
	}
	r.StartStandby()
	return r
}

// StopStandby stops it as an administrator does; nothing listens then.
func (r *Replicated) StopStandby() {
	r.t.Helper()
	if err := r.standby.Close(); err != nil {
		r.t.Fatal(err)
	}
}

// StartStandby starts it (again), on the port that it had.
func (r *Replicated) StartStandby() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	r.standby = r.start(ctx, r.dir)
	r.Standby = r.standby.URL()
}

// FailOver stops the primary, which hands everything over as it stops, and has the standby take its place.
func (r *Replicated) FailOver() {
	r.t.Helper()
	if err := r.primary.Close(); err != nil {
		r.t.Fatal(err)
	}
	r.OnStandby(`SELECT pg_promote()`)
}

// OnStandby runs a statement there, such as SELECT pg_wal_replay_pause().
func (r *Replicated) OnStandby(sql string) {
	r.t.Helper()
	if err := execute(context.Background(), r.standby.AdminURL(), sql); err != nil {
		r.t.Fatal(err)
	}
}

// OnPrimary runs a statement there, as an administrator.
func (r *Replicated) OnPrimary(sql string) {
	r.t.Helper()
	if err := execute(context.Background(), r.primary.AdminURL(), sql); err != nil {
		r.t.Fatal(err)
	}
}

// Demote has the primary start again as a standby, on its port, that follows nobody: it takes no writes any more.
func (r *Replicated) Demote() {
	r.t.Helper()
	dir := r.primary.Dir()
	if err := r.primary.Close(); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "data", "standby.signal"), nil, 0o644); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	r.primary = r.start(ctx, dir)
}

func (r *Replicated) start(ctx context.Context, dir string) *embedded.Server {
	r.t.Helper()
	s, err := embedded.Start(ctx, embedded.Options{Dir: dir})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = s.Close() })
	return s
}

// scratch is a folder for one cluster, which the server's user can enter. A reaper stops what runs in it and removes it
// when this process is gone before its cleanup.
func scratch(t testing.TB, what string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "waybill-test-"+what+"-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := os.RemoveAll(dir)
		for try := 0; err != nil && try < 500; try++ { // the reaper was just looking into it
			time.Sleep(10 * time.Millisecond)
			err = os.RemoveAll(dir)
		}
		if err != nil {
			t.Error(err)
		}
	})
	if err := reap(dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func fill(ctx context.Context, url string, migrate func(context.Context, *pgxpool.Pool) error) error {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	return migrate(ctx, pool)
}

func execute(ctx context.Context, url, sql string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// clone copies a stopped cluster with its owners, but not what tells of its server.
func clone(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil || name == "port" || strings.HasSuffix(name, ".lock") || strings.HasSuffix(name, ".log") {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		target := filepath.Join(to, name)
		if entry.IsDir() {
			if err := os.MkdirAll(target, info.Mode().Perm()); err != nil {
				return err
			}
			if err := os.Chmod(target, info.Mode().Perm()); err != nil {
				return err
			}
		} else if err := copyFile(path, target, info.Mode().Perm()); err != nil {
			return err
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil
		}
		return os.Lchown(target, int(owner.Uid), int(owner.Gid))
	})
}

func copyFile(from, to string, mode fs.FileMode) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, mode)
}

// follow makes a copy the standby of a primary.
func follow(dir, primary string) error {
	u, err := url.Parse(primary)
	if err != nil {
		return err
	}
	password, _ := u.User.Password()
	data := filepath.Join(dir, "data")
	settings := filepath.Join(data, "postgresql.auto.conf")
	f, err := os.OpenFile(settings, os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "primary_conninfo = 'host=%s port=%s user=%s password=%s'\n",
		u.Hostname(), u.Port(), u.User.Username(), password)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(data, "standby.signal"), nil, 0o644)
}
