package embedded_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"waybill/adapters/postgres/embedded"
)

func TestInterruptedInitdb(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	half := filepath.Join(dir, "new-half")
	if err := os.MkdirAll(half, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, embedded.Options{Dir: dir})
	if !answers(s) {
		t.Error("no answer")
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("the half made folder is still there")
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	dir := durable.copy(t)
	first := start(t, embedded.Options{Dir: dir})
	port := first.Port()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	other := start(t, embedded.Options{Dir: durable.copy(t)})
	if err := os.WriteFile(filepath.Join(dir, "port"), []byte(strconv.Itoa(other.Port())), 0o600); err != nil {
		t.Fatal(err)
	}
	again := start(t, embedded.Options{Dir: dir})
	if again.Port() == other.Port() || !answers(again) || !answers(other) {
		t.Errorf("ports %d, then %d beside %d", port, again.Port(), other.Port())
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	t.Run("no binaries", func(t *testing.T) {
		_, err := embedded.Start(t.Context(), embedded.Options{Dir: folder(t), Binaries: t.TempDir()})
		if !errors.Is(err, embedded.ErrNoBinaries) || !strings.Contains(err.Error(), "make postgres") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("data of another version", func(t *testing.T) {
		dir := durable.copy(t)
		if err := os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("12\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, Durable: true})
		if err == nil || !strings.Contains(err.Error(), "written by PostgreSQL 12") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("durable on a test cluster", func(t *testing.T) {
		dir := volatile.copy(t)
		s := start(t, embedded.Options{Dir: dir})
		for _, running := range []bool{true, false} {
			if _, err := embedded.Start(t.Context(), embedded.Options{Dir: dir, Durable: true}); err == nil ||
				!strings.Contains(err.Error(), "for tests") {
				t.Errorf("running=%v: got %v", running, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("not durable on a durable cluster", func(t *testing.T) {
		s := start(t, embedded.Options{Dir: durable.copy(t)})
		if got := value(t, s.URL(), "SHOW fsync"); got != "on" {
			t.Errorf("fsync is %s", got)
		}
	})
	t.Run("given up while waiting", func(t *testing.T) {
		dir := folder(t)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(dir, "start.lock"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := embedded.Start(ctx, embedded.Options{Dir: dir}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("folder of another user", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("only root can give a folder away")
		}
		dir := folder(t)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(dir, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		_, err := embedded.Start(t.Context(), embedded.Options{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), "belongs to user nobody") {
			t.Errorf("got %v", err)
		}
		if err := os.Chown(dir, 0, 0); err != nil {
			t.Fatal(err)
		}
	})
}

func TestBrokenTestClusterIsMadeAnew(t *testing.T) {
	t.Parallel()
	dir := volatile.copy(t)
	s := start(t, embedded.Options{Dir: dir})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "data", "global", "pg_control")); err != nil {
		t.Fatal(err)
	}
	if again := start(t, embedded.Options{Dir: dir}); !answers(again) {
		t.Error("no answer")
	}
}

func TestFolderThatTheServerCannotEnter(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("the server runs as ourselves")
	}
	parent := filepath.Dir(folder(t))
	if err := os.Chmod(parent, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "closed")
	var moved string
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if err := embedded.StopUnused(ctx, dir, 0); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(moved); err == nil {
			t.Errorf("%s is still there", moved)
		}
	})
	s := start(t, embedded.Options{Dir: dir})
	moved = s.Dir()
	if strings.HasPrefix(moved, parent) || !answers(s) {
		t.Fatalf("runs in %s", moved)
	}
	keep(t, s.URL(), "here")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	// Opening the folder later does not hide the data.
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	again := start(t, embedded.Options{Dir: dir})
	if got := value(t, again.URL(), "SELECT v FROM kept"); got != "here" || again.Dir() != moved {
		t.Errorf("got %q in %s", got, again.Dir())
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}
