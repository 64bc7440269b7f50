package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// The locks of a cluster. Kernel locks (flock), so that the death of a process releases what it held.
const (
	// startLock is held while a process starts or stops the server, or looks whether it runs.
	startLock = "start.lock"
	// usersLock is shared by all processes that use the cluster; who can have it alone is the last.
	usersLock = "users.lock"
	// serverLock is inherited by the server and its children: it is held exactly as long as one of them lives.
	// Unlike a process id it cannot be taken for another's.
	serverLock = "server.lock"
	// reaperLock is held by the one process that waits to remove the cluster.
	reaperLock = "reaper.lock"
)

const (
	shared    = syscall.LOCK_SH
	exclusive = syscall.LOCK_EX
)

type lock struct{ file *os.File }

func (l *lock) release() { _ = l.file.Close() }

// upgrade reports whether a shared lock could be made exclusive at once. When not, it may be lost.
func (l *lock) upgrade() bool {
	return syscall.Flock(int(l.file.Fd()), exclusive|syscall.LOCK_NB) == nil
}

// tryLock returns nil when another holds the lock.
func (p place) tryLock(name string, how int) (*lock, error) {
	f, err := os.OpenFile(filepath.Join(p.dir, name), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("embedded: %w", err)
	}
	for {
		switch err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); {
		case err == nil:
			return &lock{f}, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			_ = f.Close()
			return nil, nil
		default:
			_ = f.Close()
			return nil, fmt.Errorf("embedded: lock %s: %w", f.Name(), err)
		}
	}
}

// lock waits for a lock until ctx ends.
func (p place) lock(ctx context.Context, name string, how int) (*lock, error) {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		l, err := p.tryLock(name, how)
		if l != nil || err != nil {
			return l, err
		}
		if err := pause(ctx, wait); err != nil {
			return nil, fmt.Errorf("embedded: waiting for %s: %w", filepath.Join(p.dir, name), err)
		}
	}
}

// enter makes the folder when missing and takes its start lock.
func (p place) enter(ctx context.Context) (*lock, error) {
	for {
		if err := p.make(); err != nil {
			return nil, err
		}
		l, err := p.lock(ctx, startLock, exclusive)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		// Whoever held it before us may have removed the folder: then what we hold is a lock on nothing.
		held, err1 := l.file.Stat()
		named, err2 := os.Stat(filepath.Join(p.dir, startLock))
		if err1 == nil && err2 == nil && os.SameFile(held, named) {
			return l, nil
		}
		l.release()
	}
}
