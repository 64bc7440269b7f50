package embedded

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// child is a server process that we started.
type child struct {
	ended chan struct{} // closed when it has; err is then how
	err   error
}

func watchedChild(cmd *exec.Cmd) *child {
	c := &child{ended: make(chan struct{})}
	go func() {
		if c.err = cmd.Wait(); c.err == nil {
			c.err = errors.New("ended without an error")
		}
		close(c.ended)
	}()
	return c
}

// how is how the server ended, as far as we know.
func (c *child) how() string {
	if c == nil {
		return "another process had started it"
	}
	select {
	case <-c.ended:
		return c.err.Error()
	default:
		return "its processes are gone"
	}
}

const (
	// Between two tries to bring a dead server back.
	firstTry, lastTry = 500 * time.Millisecond, 5 * time.Second
	// remind is how often one cause of failure is told.
	remind = time.Minute
)

// watch brings the server back when it dies under us (killed by hand, for want of memory, on a full disk), on the same port. It
// goes on trying, for what was in the way may end.
func (s *Server) watch(ctx context.Context) {
	var (
		died   bool
		cause  string
		told   rate.Sometimes
		wait   = firstTry
		logged = s.place.logSize()
	)
	for pause(ctx, wait) == nil {
		alive, err := s.revive(ctx, func() {
			if !died {
				died = true
				s.opts.Log.Warn("PostgreSQL has died; starting it again", "dir", s.place.dir, "port", s.listen,
					"why", s.child.how()+"; "+s.place.lastWords(logged))
			}
			logged = s.place.logSize()
		})
		switch {
		case ctx.Err() != nil:
		case err != nil:
			wait = min(2*wait, lastTry)
			if same := numbers.ReplaceAllString(err.Error(), ""); same != cause {
				cause, told = same, rate.Sometimes{Interval: remind}
			}
			told.Do(func() {
				s.opts.Log.Error("PostgreSQL could not be started again; trying on", "dir", s.place.dir, "error", err)
			})
		case alive && died:
			died, cause, wait = false, "", firstTry
			s.opts.Log.Info("PostgreSQL runs again", "dir", s.place.dir, "port", s.listen)
		}
	}
}

// revive starts the server again if it is dead, which it tells first, and reports whether it lives then. While another process is at
// it, that is not known.
func (s *Server) revive(ctx context.Context, dead func()) (alive bool, err error) {
	starting, err := s.place.tryLock(startLock, exclusive)
	if err != nil || starting == nil {
		return false, err
	}
	defer starting.release()
	if alive, err = s.place.alive(); err != nil || alive {
		return alive, err
	}
	dead()
	err = s.ensure(ctx, s.listen)
	return err == nil, err
}

func (p place) logSize() int64 {
	info, err := os.Stat(p.log())
	if err != nil {
		return 0
	}
	return info.Size()
}

var (
	// numbers are what differs in one cause from try to try: process ids.
	numbers = regexp.MustCompile(`\d+`)
	// stamp is what stands before each line of the server's log.
	stamp = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ \S+ \[\d+\] `)
	// telling are lines of a server's log that say why it ends, and ordinary ones that they are easily taken for.
	telling  = regexp.MustCompile(`PANIC:|FATAL:|terminated by signal|shutdown request|[Nn]o space|could not`)
	ordinary = regexp.MustCompile(`FATAL: +(the database system is|terminating connection|database ".*" does not exist|sorry, too many)`)
)

// lastWords are the last lines of the server's log since an offset that say why it ended, in one line.
func (p place) lastWords(since int64) string {
	file, err := os.Open(p.log())
	if err != nil {
		return "nothing in " + p.log()
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.Size() < since { // begun anew
		since = 0
	}
	const most = 64 << 10
	if info != nil {
		since = max(since, info.Size()-most)
	}
	if _, err := file.Seek(since, io.SeekStart); err != nil {
		return "nothing in " + p.log()
	}
	var words []string
	last := ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := stamp.ReplaceAllString(lines.Text(), "")
		if last = line; telling.MatchString(line) && !ordinary.MatchString(line) && (len(words) == 0 || words[len(words)-1] != line) {
			words = append(words, line)
		}
	}
	const few = 3
	if len(words) > few {
		words = words[len(words)-few:]
	}
	if len(words) == 0 && last != "" {
		words = []string{last}
	}
	if len(words) == 0 {
		return "nothing in " + p.log()
	}
	return strings.Join(words, "; ") + " (" + p.log() + ")"
}

// loopback makes sure that this machine reaches itself, which is how a server is reached.
func loopback(ctx context.Context) error {
	const mend = "PostgreSQL is reached at " + host + ", where this machine does not reach itself: " +
		"set its loopback interface up (ip link set lo up), or set DATABASE_URL"
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", net.JoinHostPort(host, "0"))
	if err != nil {
		return fmt.Errorf("embedded: %s: %w", mend, err)
	}
	defer listener.Close() //nolint:errcheck // nobody comes
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp4", listener.Addr().String())
	if err != nil {
		return fmt.Errorf("embedded: %s: %w", mend, err)
	}
	return conn.Close()
}
