package docs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// odd is the name of a folder that a script must treat as one word, whatever it does with it.
const odd = "-it's $HOME & a `b` \"c\" %f \\d 备份"

// bare runs scripts as cron and systemd do: a PATH of two folders and nothing else, another working folder, dash for sh, a copy of
// the script that stands alone.
type bare struct {
	t     testing.TB
	dir   string // where everybody may look, and its user may write
	user  uint32 // 0 when we are nobody else's
	umask string
	env   []string
}

// scratch is a folder that other users can enter, unlike t.TempDir; in memory where there is room, for databases are copied in it.
func scratch(t testing.TB) string {
	t.Helper()
	const memory, room = "/dev/shm", 4 << 30
	parent := ""
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(memory, &fs) == nil && fs.Bavail*uint64(fs.Bsize) > room {
		parent = memory
	}
	dir, err := os.MkdirTemp(parent, "waybill-deploy-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// bareAs prepares runs as a user, which only root can choose.
func bareAs(t testing.TB, user uint32, umask string, env ...string) *bare {
	t.Helper()
	b := &bare{t: t, dir: scratch(t), umask: umask, env: env}
	if os.Geteuid() == 0 {
		b.user = user
	}
	b.give(b.dir)
	return b
}

// eachUser runs a test as root, if that is us, and as an ordinary user.
func eachUser(t *testing.T, do func(t *testing.T, user uint32, umask string)) {
	t.Helper()
	t.Run("ordinary user", func(t *testing.T) { do(t, nobody, "022") })
	if os.Geteuid() == 0 {
		t.Run("root", func(t *testing.T) { do(t, 0, "077") })
	}
}

const nobody = 65534

func (b *bare) give(paths ...string) {
	b.t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	for _, path := range paths {
		if err := os.Chown(path, int(b.user), int(b.user)); err != nil {
			b.t.Fatal(err)
		}
	}
}

// write makes a file of the user's own, which others cannot read.
func (b *bare) write(name, content string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.give(path)
	return path
}

// folder makes one of the user's own.
func (b *bare) folder(name string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.MkdirAll(path, 0o700); err != nil {
		b.t.Fatal(err)
	}
	b.give(path)
	return path
}

func (b *bare) command(script string, args ...string) *exec.Cmd {
	b.t.Helper()
	copied := filepath.Join(b.dir, "a script's "+strings.ReplaceAll(script, "/", " "))
	if err := os.WriteFile(copied, []byte(readFile(b.t, "docs/deploy/"+script)), 0o755); err != nil {
		b.t.Fatal(err)
	}
	shell := "/bin/dash"
	if _, err := os.Stat(shell); err != nil {
		shell = "/bin/sh"
	}
	run := append([]string{shell, "-c", "umask " + b.umask + "; exec " + shell + ` "$@"`, "sh", copied}, args...)
	stands := "/"
	if b.user != 0 { // as after `su` of root, which leaves the user in a folder that it cannot enter
		stands = b.t.TempDir()
		if err := os.Chmod(stands, 0o700); err != nil {
			b.t.Fatal(err)
		}
		id := strconv.Itoa(int(b.user))
		run = append([]string{"setpriv", "--reuid", id, "--regid", id, "--clear-groups", "--"}, run...)
	}
	cmd := exec.Command(run[0], run[1:]...)
	cmd.Env = append([]string{"PATH=/usr/bin:/bin"}, b.env...)
	cmd.Dir = stands
	return cmd
}

// run returns what the script wrote, standard output and error apart.
func (b *bare) run(script string, args ...string) (out, said string, err error) {
	b.t.Helper()
	cmd := b.command(script, args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// must is run for what has to work, with nothing to say about it.
func (b *bare) must(script string, args ...string) string {
	b.t.Helper()
	out, said, err := b.run(script, args...)
	if err != nil {
		b.t.Fatalf("%s %q: %v\n%s%s", script, args, err, out, said)
	}
	return out
}

// refused is run for what must fail, saying so in a sentence of the script's own at the end.
func (b *bare) refused(want, script string, args ...string) {
	b.t.Helper()
	out, said, err := b.run(script, args...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() <= 0 || !strings.Contains(said, want) {
		b.t.Errorf("%s %q: %v, want %q\n%s%s", script, args, err, want, out, said)
	}
}

// small mounts a file system of so many megabytes, for a disk that is soon full; only root can.
func small(t testing.TB, at string, megabytes int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", at, "tmpfs", 0, fmt.Sprintf("size=%dm", megabytes)); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(at, syscall.MNT_DETACH) })
}

func names(t testing.TB, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), ".") {
			all = append(all, entry.Name())
		}
	}
	return all
}
