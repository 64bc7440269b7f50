package embedded

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// place is the folder of a cluster and the user its server runs as.
type place struct {
	dir string
	// as is nil when the server runs as ourselves.
	as *syscall.Credential
}

func (p place) data() string     { return filepath.Join(p.dir, "data") }
func (p place) password() string { return filepath.Join(p.dir, "password") }
func (p place) log() string      { return filepath.Join(p.dir, "postgres.log") }

// findPlace settles where the cluster lives. Only root has a choice to make: PostgreSQL refuses to run as root, and the
// user it runs as instead may not be able to enter dir.
func findPlace(dir string) (place, error) {
	if dir == "" {
		return place{}, errors.New("embedded: Options.Dir is empty")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return place{}, fmt.Errorf("embedded: %w", err)
	}
	if dir, err = followed(dir); err != nil {
		return place{}, err
	}
	if os.Geteuid() != 0 {
		return place{dir: dir}, nil
	}
	as, err := unprivileged()
	if err == nil {
		err = missing()
	}
	if err == nil {
		err = mayBecome(as)
	}
	if err != nil {
		return place{}, err
	}
	name := fmt.Sprintf("waybill-%.6x", sha256.Sum256([]byte(dir)))
	candidates := []string{dir, filepath.Join("/var/lib", name), filepath.Join(os.TempDir(), name)}
	for _, c := range candidates { // where the data already is
		p := place{dir: c, as: as}
		if c != dir && p.ours() != nil {
			continue // nobody named it: it was made there to be found
		}
		if info, err := os.Stat(p.data()); err == nil {
			// Whom the data belong to stays so, even if a user named postgres has come since.
			if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
				p.as = &syscall.Credential{Uid: st.Uid, Gid: st.Gid}
			}
			if p.enterable() {
				return p, nil
			}
		}
	}
	for _, c := range candidates {
		p := place{dir: c, as: as}
		if err := p.make(); err != nil {
			if c == dir {
				return place{}, err
			}
			continue
		}
		if p.enterable() {
			return p, nil
		}
		_ = os.Remove(c) // made for the look, if it is empty
	}
	return place{}, fmt.Errorf("embedded: user %d, which would run PostgreSQL for root, can enter none of %q", as.Uid, candidates)
}

// longest is the most bytes that the path of a cluster may have: PostgreSQL has room for 1024, and puts names of its own behind it.
const longest = 800

// followed is where a folder really is that somebody put elsewhere, on another disk perhaps, and left a link to.
func followed(dir string) (string, error) {
	for above := dir; ; above = filepath.Dir(above) { // a data folder may be the link as well
		info, err := os.Lstat(above)
		if err == nil && info.Mode()&os.ModeSymlink != 0 {
			target, err := filepath.EvalSymlinks(above)
			if err != nil {
				return "", fmt.Errorf("embedded: %s is a link to a folder that is not there (is its disk mounted?): %w", above, err)
			}
			if above == dir {
				dir = target
			}
		}
		if err == nil || above == filepath.Dir(above) {
			break
		}
	}
	if len(dir) > longest {
		return "", fmt.Errorf("embedded: the path of the database has %d bytes, and PostgreSQL takes no more than %d: "+
			"choose a shorter folder (WAYBILL_DATA_DIR)", len(dir), longest)
	}
	return dir, nil
}

// unprivileged is the user that runs the server for root.
func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("embedded: PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as")
}

// make creates the folder, or makes sure that it is ours: what another user can write is no place for data.
func (p place) make() error {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	info, err := os.Lstat(p.dir)
	if err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("embedded: %s is not a folder", p.dir)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if ok && int(st.Uid) != os.Geteuid() {
		owner := strconv.Itoa(int(st.Uid))
		if u, err := user.LookupId(owner); err == nil {
			owner = u.Username
		}
		return fmt.Errorf("embedded: the database in %s belongs to user %s: run as that user, or choose another folder", p.dir, owner)
	}
	mode := os.FileMode(0o700)
	if p.as != nil {
		mode = 0o711
	}
	if info.Mode().Perm() == mode {
		return nil
	}
	if err := os.Chmod(p.dir, mode); err != nil {
		return fmt.Errorf("embedded: %w", err)
	}
	return nil
}

// ours refuses a folder that somebody else made, or could exchange.
func (p place) ours() error {
	info, err := os.Lstat(p.dir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); !info.IsDir() || !ok || int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("embedded: %s is not our own folder", p.dir)
	}
	return nil
}

// enterable asks the system itself, by a child that changes user first and folder then.
func (p place) enterable() bool {
	if p.as == nil {
		return true
	}
	self, err := exec.LookPath("true")
	if err != nil {
		return false
	}
	cmd := exec.Command(self)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	return cmd.Run() == nil
}

// give hands a file or folder to the server's user.
func (p place) give(path string) error {
	if p.as == nil {
		return nil
	}
	if err := os.Lchown(path, int(p.as.Uid), int(p.as.Gid)); err != nil {
		return fmt.Errorf("embedded: root may not give files to PostgreSQL's user (capability CHOWN): run Waybill as an ordinary user, "+
			"or set DATABASE_URL: %w", err)
	}
	return nil
}
