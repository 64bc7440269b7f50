package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// trusted refuses a file or folder that somebody besides root and ourselves could have put there, or could exchange: it and every
// folder above it must be root's or our own, and nobody else may write to it. Where anybody may make files, as in /tmp, what is
// ours is safe as long as only owners may remove them.
func trusted(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	for ; ; path = filepath.Dir(path) {
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if err := trustedInfo(path, info); err != nil {
			return err
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

func trustedInfo(path string, info os.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("nobody knows whose %s is", path)
	}
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid()) //nolint:gosec // ids are never negative here
	if st.Uid != 0 && st.Uid != uid {
		return fmt.Errorf("%s belongs to user %d", path, st.Uid)
	}
	const groupWrites, othersWrite = 0o020, 0o002
	ownGroup := st.Gid == 0 || st.Gid == gid && gid == uid // a group of that user alone
	writable := info.Mode().Perm()&othersWrite != 0 || info.Mode().Perm()&groupWrites != 0 && !ownGroup
	onlyOwnersRemove := info.IsDir() && info.Mode()&os.ModeSticky != 0
	if writable && !onlyOwnersRemove {
		return fmt.Errorf("others may write to %s", path)
	}
	return nil
}

// moduleRoot is the folder of Waybill's sources that wd is in; empty when it is in none.
func moduleRoot(wd string) string {
	for ; ; wd = filepath.Dir(wd) {
		if _, err := os.Stat(filepath.Join(wd, "go.mod")); err == nil {
			return wd
		}
		if wd == filepath.Dir(wd) {
			return ""
		}
	}
}
