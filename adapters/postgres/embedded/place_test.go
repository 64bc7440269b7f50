package embedded_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"waybill/adapters/postgres/embedded"
)

// TestFoldersOfEveryKind: whatever stands in the name of a folder, and wherever it leads.
func TestFoldersOfEveryKind(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"-it's $HOME & a `b` \"c\" %f \\d; #1:2 备份", strings.Repeat("long", 60)} {
		dir := filepath.Join(filepath.Dir(folder(t)), name)
		if err := os.Rename(durable.copy(t), dir); err != nil {
			t.Fatal(err)
		}
		s := start(t, embedded.Options{Dir: dir, Durable: true})
		if !answers(s) || s.Dir() != dir {
			t.Errorf("%s: runs in %s", name, s.Dir())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Run("made there", func(t *testing.T) {
		dir := filepath.Join(filepath.Dir(folder(t)), "a 'new' one, $1")
		s := start(t, embedded.Options{Dir: dir})
		if !answers(s) {
			t.Error("no answer")
		}
	})
	t.Run("link", func(t *testing.T) {
		real := durable.copy(t)
		link := filepath.Join(filepath.Dir(folder(t)), "link")
		if err := os.Symlink(real, link); err != nil {
			t.Fatal(err)
		}
		first := start(t, embedded.Options{Dir: link, Durable: true})
		second := start(t, embedded.Options{Dir: real, Durable: true}) // the same one
		if !answers(first) || second.URL() != first.URL() {
			t.Errorf("%s and %s", first.Dir(), second.Dir())
		}
	})
	t.Run("link to nowhere", func(t *testing.T) {
		link := filepath.Join(filepath.Dir(folder(t)), "link")
		if err := os.Symlink(link+"-gone", link); err != nil {
			t.Fatal(err)
		}
		if _, err := embedded.Start(t.Context(), embedded.Options{Dir: link}); err == nil || !strings.Contains(err.Error(), "is its disk mounted?") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("too long", func(t *testing.T) {
		above := filepath.Join(t.TempDir(), "data")
		if err := os.Symlink("/nowhere", above); err != nil {
			t.Fatal(err)
		}
		_, err := embedded.Start(t.Context(), embedded.Options{Dir: filepath.Join(above, "postgres")})
		if err == nil || !strings.Contains(err.Error(), above+" is a link to a folder that is not there") {
			t.Errorf("a link above: %v", err)
		}
		dir := filepath.Join(filepath.Dir(folder(t)), strings.Repeat(strings.Repeat("long", 60)+"/", 4))
		if _, err := embedded.Start(t.Context(), embedded.Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "choose a shorter folder") {
			t.Errorf("got %v", err)
		}
	})
}

// within runs this test binary as a user of a cluster, under a program that takes something away from it, and returns what it said.
func within(t *testing.T, dir string, take ...string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can take that away")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath(take[0]); err != nil {
		if os.Getenv("WAYBILL_TEST_FAULTS") != "" {
			t.Fatalf("%s is missing: install Debian's package util-linux", take[0])
		}
		t.Skipf("needs %s, of Debian's package util-linux", take[0])
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, take[0], append(take[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("it cannot be taken away here: %v: %s", err, out)
	}
	cmd := exec.CommandContext(ctx, take[0], append(take[1:], self)...)
	cmd.Env = append(os.Environ(), helper+"="+dir)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("it did not give up: %s", out)
	}
	if err == nil {
		t.Errorf("it worked: %s", out)
	}
	return string(out)
}

func TestFaultNoLoopback(t *testing.T) {
	t.Parallel()
	if said := within(t, durable.copy(t), "unshare", "--net"); !strings.Contains(said, "ip link set lo up") {
		t.Error(said)
	}
}

// A root that is not all of root, as in a container.
func TestFaultRootWithoutItsRights(t *testing.T) {
	t.Parallel()
	for name, take := range map[string][]string{
		"SETGID, SETUID": {"setpriv", "--bounding-set", "-setuid,-setgid"},
		"CHOWN":          {"setpriv", "--bounding-set", "-chown"},
		"DAC_OVERRIDE":   {"setpriv", "--bounding-set", "-dac_override"},
		"KILL":           {"setpriv", "--bounding-set", "-kill"},
		"namespace":      {"unshare", "--user", "--map-root-user"},
	} {
		t.Run(name, func(t *testing.T) {
			if said := within(t, folder(t), take...); !strings.Contains(said, "run Waybill as an ordinary user, or set DATABASE_URL") || !strings.Contains(said, name) {
				t.Error(said)
			}
		})
	}
}
