// Package embedded runs a PostgreSQL server as a child, for machines that have no database service.
//
// A cluster lives in one folder. Any number of processes may Start the same folder at once: the first starts the
// server, the others join it, and the last Close stops it. A server left behind by killed processes is found and
// used again; one that was itself killed recovers at the next Start.
package embedded

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"
)

// Options says where the cluster lives and what it may lose.
type Options struct {
	// Dir holds the cluster; it is made when missing. See [Server.Dir] for the folder that was used in the end.
	Dir string
	// Durable keeps every acknowledged commit through a crash of the machine. Without it the cluster is for tests:
	// fast, sound through a crash of any process, made anew when it cannot be recovered. A cluster stays what it was
	// made as: one for tests is refused here with Durable set, a durable one remains so without.
	Durable bool
	// Binaries is the folder with postgres and initdb. Empty: the environment variable WAYBILL_POSTGRES_BINARIES,
	// else the newest found on the machine.
	Binaries string
	// Log receives what the server does; nil discards it.
	Log *slog.Logger
}

// Server is this process's use of a running cluster.
type Server struct {
	opts  Options
	place place
	users *lock
	// What ensure found; the watcher's own once Start has returned.
	port int
	pass string
	// child is the server process, when we started it.
	child *child
	// The same for everybody, settled by Start.
	url, adminURL string
	listen        int
	started       bool

	stop    context.CancelFunc
	watched sync.WaitGroup
	once    sync.Once
	closed  error
}

// Start joins the cluster in opts.Dir when one runs there, and otherwise starts it: after initdb on first use, after
// recovery when it was killed. ctx bounds the start only.
func Start(ctx context.Context, opts Options) (*Server, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	where, err := findPlace(opts.Dir)
	if err != nil {
		return nil, err
	}
	if err := loopback(ctx); err != nil {
		return nil, err
	}
	s := &Server{opts: opts, place: where}
	starting, err := where.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer starting.release()
	if s.users, err = where.lock(ctx, usersLock, shared); err != nil {
		return nil, err
	}
	if err := s.ensure(ctx, 0); err != nil {
		s.users.release()
		return nil, err
	}
	rolePass, err := s.settle(ctx)
	if err != nil {
		return nil, errors.Join(err, s.leaving(ctx))
	}
	s.url, s.listen = connString(s.port, role, rolePass, database), s.port
	s.adminURL = connString(s.port, administrator, s.pass, database)
	watch, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.watched.Go(func() { s.watch(watch) })
	return s, nil
}

// URL is the connection string of the cluster's database, with a role that owns it and is no superuser. It contains the
// password: do not log it. It stays the same while the Server is open.
func (s *Server) URL() string { return s.url }

// AdminURL is URL with the cluster's superuser, for what the database's owner may not do.
func (s *Server) AdminURL() string { return s.adminURL }

// Dir is the folder the cluster really lives in: Options.Dir, unless the server's user cannot enter that.
func (s *Server) Dir() string { return s.place.dir }

// Port is the TCP port on the loopback interface.
func (s *Server) Port() int { return s.listen }

// Started reports whether Start had to start the server, so that nobody else was using the cluster.
func (s *Server) Started() bool { return s.started }

// Close leaves the cluster; the last process to leave stops it and waits for that. Closing twice is harmless.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.stop()
		s.watched.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		s.closed = s.leave(ctx)
	})
	return s.closed
}

func (s *Server) leave(ctx context.Context) error {
	starting, err := s.place.enter(ctx)
	if err != nil {
		s.users.release()
		return err
	}
	defer starting.release()
	return s.leaving(ctx)
}

// leaving is leave for who holds the start lock.
func (s *Server) leaving(ctx context.Context) error {
	defer s.users.release()
	if !s.users.upgrade() {
		return nil // others are still using it
	}
	s.opts.Log.Debug("stopping PostgreSQL", "dir", s.place.dir)
	return s.place.halt(ctx)
}

// StopUnused waits until nobody has used the cluster in dir for the given time, then stops it and removes its folder
// with all that it holds. It is how a throw-away cluster outlives the processes that share it, but not for long.
// When another process already waits for that, it returns at once.
func StopUnused(ctx context.Context, dir string, idle time.Duration) error {
	where, err := findPlace(dir)
	if err != nil {
		return err
	}
	waiting, err := where.tryLock(reaperLock, exclusive)
	if errors.Is(err, os.ErrNotExist) || err == nil && waiting == nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer waiting.release()
	free := time.Now()
	for {
		if err := pause(ctx, min(idle, 200*time.Millisecond)); err != nil {
			return err
		}
		done, err := where.discard(ctx, time.Since(free) >= idle)
		switch {
		case done || errors.Is(err, os.ErrNotExist):
			return nil
		case errors.Is(err, errInUse):
			free = time.Now()
		case err != nil:
			return err
		}
	}
}

var errInUse = errors.New("embedded: the cluster is in use")

// discard stops the cluster and removes its folder if nobody uses it; with really unset it only looks.
func (p place) discard(ctx context.Context, really bool) (bool, error) {
	if _, err := os.Stat(p.dir); err != nil {
		return false, err
	}
	starting, err := p.tryLock(startLock, exclusive)
	if err != nil {
		return false, err
	}
	if starting == nil {
		return false, errInUse
	}
	defer starting.release()
	users, err := p.tryLock(usersLock, exclusive)
	if err != nil {
		return false, err
	}
	if users == nil {
		return false, errInUse
	}
	defer users.release()
	if !really {
		return false, nil
	}
	if err := p.halt(ctx); err != nil {
		return false, err
	}
	// The start lock goes with the folder: whoever waits for it notices that and begins again (place.enter).
	return true, os.RemoveAll(p.dir)
}

func connString(port int, user, pass, db string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(user, pass),
		Host:     net.JoinHostPort(host, strconv.Itoa(port)),
		Path:     "/" + db,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// pause waits a moment between two looks at something that gives no signal.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}
