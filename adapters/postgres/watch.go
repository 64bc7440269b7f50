package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// silence is how long a server may say nothing while it is waited for, before it is asked whether it is at it still.
	silence = 3 * time.Second
	// probeTimeout is how long that question may take, which a slow link carries to and fro six times.
	probeTimeout = 5 * time.Second
	// greeting is how long a server may say nothing to one who is not in a session yet.
	greeting = 10 * time.Second
	// onTheWay is how long an answer may take that the server has given.
	onTheWay = time.Second
	// maxWritten bounds what is written in one piece, which must be taken within takes.
	maxWritten = 64 << 10
	takes      = 20 * time.Second
	// slowest is how many bytes a second a link carries at least. What was written is on its way for so long, whatever the kernel took of
	// it at once.
	slowest = 100_000
	// maxBuffered is how much of it is on its way at once, at most: more no kernel takes before the peer's has some.
	maxBuffered = 4 << 20
	// unheard is how often nobody may answer while a link has much to carry, which holds up the questions too.
	unheard = 3
)

// courtesies have the server notice within seconds that the client's machine is gone, and end what it was at: it frees the locks then.
// The last bounds how long a client may take nothing of what the server has for it.
const courtesies = `set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3; ` +
	`set client_connection_check_interval = '5s'; set tcp_user_timeout = '60s'; `

// keepAlive is the same for the client, where the other machine's kernel does not answer either.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}

// watch makes connections that notice when their peer is gone without a word. The protocol knows no sign of life, and how long a
// statement takes nobody knows. So when a server is silent for too long, it is asked over another connection whether it is at this
// one's statement; when it is not, or nobody answers, the connection is closed. Whoever waits for what may never come, such as a
// notification, must do so with a deadline below silence.
type watch struct {
	config *pgconn.Config // for the connections that ask
	dial   pgconn.DialFunc
	lost   func()
	heard  atomic.Int64 // when anything came over any connection, in Unix nanoseconds

	asking sync.Mutex
	asked  map[string]look // by address
}

// look is which sessions of a server were at something, at one moment.
type look struct {
	begun time.Time
	busy  map[uint32]bool
	gone  bool // nobody answered
	mute  bool // it cannot be known
}

// dialed is a DialFunc.
func (w *watch) dialed(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := w.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetKeepAliveConfig(keepAlive) // where the system has none, silence does it
	}
	return &watched{Conn: conn, watch: w, network: network, address: address}, nil
}

// introduce learns what the server calls a new session, and asks the courtesies of it. A server that does not know them all grants none.
func (w *watch) introduce(ctx context.Context, conn *pgconn.PgConn) error {
	const who = `select pg_backend_pid()`
	answers, err := conn.Exec(ctx, courtesies+who).ReadAll()
	var refused *pgconn.PgError
	if errors.As(err, &refused) && !conn.IsClosed() {
		answers, err = conn.Exec(ctx, who).ReadAll()
	}
	if err != nil {
		return err
	}
	pid, err := strconv.ParseUint(string(answers[len(answers)-1].Rows[0][0]), 10, 32)
	if err != nil {
		return fmt.Errorf("pg_backend_pid: %w", err)
	}
	raw := conn.Conn()
	for {
		if c, ok := raw.(*watched); ok {
			c.mu.Lock()
			c.pid = uint32(pid)
			c.mu.Unlock()
			return nil
		}
		under, ok := raw.(interface{ NetConn() net.Conn }) // TLS
		if !ok {
			return nil // somebody's own kind of connection, which is not watched
		}
		raw = under.NetConn()
	}
}

// ask asks the server of a connection whether it is at its statement now, and not waiting for the client; gone says that nobody is heard.
// An answer of a server that cannot say, such as that it takes no more connections, passes for yes; so does none, when other connections
// are heard of: the link has much to carry.
func (w *watch) ask(c *watched, pid uint32) (busy, gone bool) {
	since := time.Now()
	w.asking.Lock()
	defer w.asking.Unlock()
	now, known := w.asked[c.address]
	if !known || now.begun.Before(since) {
		now = w.look(c)
		if w.asked == nil {
			w.asked = map[string]look{}
		}
		w.asked[c.address] = now
	}
	if now.gone && w.heard.Load() > now.begun.UnixNano() {
		return true, false
	}
	return now.mute || now.busy[pid], now.gone
}

func (w *watch) look(c *watched) look {
	now := look{begun: time.Now(), busy: map[uint32]bool{}}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	config := w.config.Copy()
	// The same server, whatever others the configuration names.
	config.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) { return w.dial(ctx, c.network, c.address) }
	config.ValidateConnect, config.AfterConnect = nil, nil
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		var refused *pgconn.PgError
		now.mute = errors.As(err, &refused)
		now.gone = !now.mute
		return now
	}
	defer conn.Close(ctx) //nolint:errcheck // it was for one question
	// What may not be seen, or is not recorded, has no state.
	answer := conn.ExecParams(ctx, `select pid from pg_stat_activity
		where coalesce(state, '') <> 'idle' and wait_event_type is distinct from 'Client'`, nil, nil, nil, nil).Read()
	now.mute = answer.Err != nil // as when a pooler has no session left
	for _, row := range answer.Rows {
		if pid, err := strconv.ParseUint(string(row[0]), 10, 32); err == nil {
			now.busy[uint32(pid)] = true
		}
	}
	return now
}

// hear takes note of what came over a connection.
func (w *watch) hear(n int) {
	if n > 0 {
		w.heard.Store(time.Now().UnixNano())
	}
}

// errSilent is the end of a connection whose server is gone without a word.
var errSilent = fmt.Errorf("the server has said nothing for too long, and is not at it any more: %w", io.ErrUnexpectedEOF)

// watched is a connection to a server that may go without a word.
type watched struct {
	net.Conn
	watch            *watch
	network, address string

	mu  sync.Mutex
	pid uint32 // 0 until the session is there
	// The caller's deadlines. The ends that this one sets by itself come before them.
	reads, writes time.Time
	// wrote is when something was written last, and arrives when the slowest link has carried all of it.
	wrote, arrives time.Time
}

// SetDeadline implements net.Conn, also while others read or write.
func (c *watched) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *watched) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads = t
	return c.Conn.SetReadDeadline(t)
}

// SetWriteDeadline implements net.Conn.
func (c *watched) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = t
	return c.Conn.SetWriteDeadline(t)
}

// Read implements net.Conn.
func (c *watched) Read(p []byte) (int, error) {
	c.mu.Lock()
	patience := silence
	if c.pid == 0 {
		patience = greeting
	}
	c.mu.Unlock()
	for nobody := 0; ; {
		n, err, over := c.read(p, patience)
		if over {
			c.watch.hear(n)
			return n, err
		}
		c.mu.Lock()
		pid, sending, arriving := c.pid, time.Since(c.wrote) < patience, time.Now().Before(c.arrives)
		c.mu.Unlock()
		if sending {
			continue // as COPY does: it is not the server's turn
		}
		if pid != 0 {
			patience = silence
			busy, gone := c.watch.ask(c, pid)
			if nobody++; !gone {
				nobody = 0
			}
			if busy || arriving && nobody < unheard {
				continue
			}
			if n, err, over := c.read(p, onTheWay); over { // it may have answered just now
				c.watch.hear(n)
				return n, err
			}
		}
		_ = c.Close()
		c.watch.lost()
		return 0, errSilent
	}
}

// read waits for so long, or until the caller's deadline; over is false when the former came first.
func (c *watched) read(p []byte, patience time.Duration) (n int, err error, over bool) { //nolint:revive // as Read does
	end := time.Now().Add(patience)
	c.mu.Lock()
	if !c.reads.IsZero() && c.reads.Before(end) {
		end = c.reads
	}
	err = c.Conn.SetReadDeadline(end)
	c.mu.Unlock()
	if err != nil {
		return 0, err, true
	}
	n, err = c.Conn.Read(p)
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return n, err, !c.reads.IsZero() && !time.Now().Before(c.reads)
}

// Write implements net.Conn. A server that takes nothing for too long is gone.
func (c *watched) Write(p []byte) (written int, err error) {
	for first := true; first || written < len(p); first = false {
		end := time.Now().Add(takes)
		c.mu.Lock()
		if !c.writes.IsZero() && c.writes.Before(end) {
			end = c.writes
		}
		err = c.Conn.SetWriteDeadline(end)
		c.mu.Unlock()
		if err != nil {
			return written, err
		}
		n, err := c.Conn.Write(p[written:min(written+maxWritten, len(p))])
		if written += n; err != nil {
			return written, err
		}
		c.mu.Lock()
		c.wrote = time.Now()
		if c.arrives.Before(c.wrote) {
			c.arrives = c.wrote
		}
		if next := c.arrives.Add(onALink(n)); next.Before(c.wrote.Add(onALink(maxBuffered))) {
			c.arrives = next
		}
		c.mu.Unlock()
	}
	return written, nil
}

// onALink is how long the slowest link takes for so many bytes.
func onALink(n int) time.Duration { return time.Duration(n) * time.Second / slowest }
