package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// binaries is an installed PostgreSQL.
type binaries struct {
	dir   string
	major int
}

// ErrNoBinaries says that the machine has no PostgreSQL server that could be run.
var ErrNoBinaries = errors.New("embedded: no PostgreSQL server found on this machine: " +
	"run `make postgres`, or set DATABASE_URL to a running one")

// oldest is the first major version that Waybill is tested with.
const oldest = 15

// findBinaries takes the newest server that p's user can run, or the newest of the given major version when that is
// not 0: data are only readable by the version that wrote them.
func (p place) findBinaries(given string, major int) (binaries, error) {
	dirs, named := []string{given}, true
	if given == "" {
		if env := os.Getenv("WAYBILL_POSTGRES_BINARIES"); env != "" {
			dirs = []string{env}
		} else {
			dirs, named = p.candidates(), false
		}
	}
	var found []binaries
	for i, dir := range dirs {
		if !named {
			// What is trusted is what is run: a link may lead elsewhere by then.
			var err error
			if dir, err = filepath.EvalSymlinks(dir); err == nil {
				err = p.trusts(dir)
			}
			if err != nil {
				dirs[i] += ": " + err.Error()
				continue
			}
		}
		if b, ok := p.probe(dir); ok && !slices.Contains(found, b) {
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		return binaries{}, fmt.Errorf("%w (looked in %s)", ErrNoBinaries, strings.Join(dirs, ", "))
	}
	slices.SortStableFunc(found, func(a, b binaries) int { return cmp.Compare(b.major, a.major) })
	for _, b := range found {
		if b.major == major {
			return b, nil
		}
	}
	if major != 0 {
		return binaries{}, fmt.Errorf("embedded: the data in %s were written by PostgreSQL %d, but only version %d is installed (%s)",
			p.dir, major, found[0].major, found[0].dir)
	}
	if found[0].major < oldest {
		return binaries{}, fmt.Errorf("embedded: PostgreSQL %d or later is needed; found %d (%s)", oldest, found[0].major, found[0].dir)
	}
	return found[0], nil
}

// candidates lists the folders where a server may be: on the PATH, where distributions put it, and where
// `make postgres` unpacks it.
func (p place) candidates() []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	patterns := []string{
		"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
		"/usr/pgsql-*/bin",                  // PGDG on Red Hat, SUSE
		"/usr/lib/postgresql*/bin",          // SUSE
		"/usr/libexec/postgresql*",          // Alpine
		"/usr/local/pgsql/bin",              // from source
		"/opt/homebrew/opt/postgresql*/bin", // Homebrew
		"/usr/local/opt/postgresql*/bin",
		filepath.Join("/var/lib/waybill-postgres", installed), // `make postgres` as root
	}
	// `make postgres` as anybody else. Tests run in the folder of their package, somewhere below the checkout; no further up.
	if wd, err := os.Getwd(); err == nil {
		if root := moduleRoot(wd); root != "" {
			patterns = append(patterns, filepath.Join(root, "var", "postgres-binaries", installed))
		}
	}
	for _, pattern := range patterns {
		if m, err := filepath.Glob(pattern); err == nil {
			dirs = append(dirs, m...)
		}
	}
	return dirs
}

// trusts refuses to run programs that were found, not named, where others than root and ourselves could have put them.
func (p place) trusts(dir string) error {
	paths := append(binaries{dir: dir}.libraryDirs(), dir, filepath.Join(dir, "postgres"), filepath.Join(dir, "initdb"))
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			continue // probe says that it is not there
		}
		if err := trusted(path); err != nil {
			return err
		}
	}
	return nil
}

// installed is where Debian puts a server below the root of the file system.
const installed = "usr/lib/postgresql/*/bin"

var versionLine = regexp.MustCompile(`^postgres \(PostgreSQL\) (\d+)`)

// probe runs the server for its version, as the user that would run it.
func (p place) probe(dir string) (binaries, bool) {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return binaries{}, false
	}
	out, err := p.command(binaries{dir: dir}, "postgres", "--version").Output()
	if err != nil {
		return binaries{}, false
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		return binaries{}, false
	}
	major, err := strconv.Atoi(string(m[1]))
	return binaries{dir: dir, major: major}, err == nil
}

// command prepares a program of the server to run as the server's user, in a session of its own (the terminal's Ctrl-C
// is not for it) and with nothing of our environment (no PGPORT, no TZ).
func (p place) command(b binaries, program string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(b.dir, program), args...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + b.dir + ":/usr/bin:/bin", "LC_ALL=C", "HOME=/"}
	if libs := b.libraries(); libs != "" {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+libs)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: p.as}
	return cmd
}

// libraries lists the folders of the shared libraries that were unpacked beside the server.
func (b binaries) libraries() string { return strings.Join(b.libraryDirs(), ":") }

func (b binaries) libraryDirs() []string {
	root, ok := strings.CutSuffix(filepath.Dir(filepath.Dir(b.dir)), "/usr/lib/postgresql")
	if !ok || root == "" {
		return nil
	}
	var dirs []string
	for _, pattern := range []string{"/usr/lib/*-linux-gnu*", "/lib/*-linux-gnu*"} {
		m, _ := filepath.Glob(root + pattern)
		dirs = append(dirs, m...)
	}
	return dirs
}
