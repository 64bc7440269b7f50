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
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// silence is how long a server may say nothing while it is waited for, before it is asked whether it is at it still.
	silence = 3 * time.Second
	// probeTimeout is how long that question may take.
	probeTimeout = 2 * time.Second
	// greeting is how long a server may say nothing to one who is not in a session yet.
	greeting = 10 * time.Second
	// onTheWay is how long an answer may take that the server has given.
	onTheWay = time.Second
	// maxWritten bounds what is written in one piece, which must be taken within takes.
	maxWritten = 64 << 10
	takes      = 20 * time.Second
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

// busy reports whether the server of a connection is at its statement now, and not waiting for the client. An answer of a server that
// cannot say, such as that it takes no more connections, passes for yes.
func (w *watch) busy(c *watched, pid uint32) bool {
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
	return now.mute || !now.gone && now.busy[pid]
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
	wrote         time.Time
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
	for {
		n, err, over := c.read(p, patience)
		if over {
			return n, err
		}
		c.mu.Lock()
		pid, sending := c.pid, time.Since(c.wrote) < patience
		c.mu.Unlock()
		if sending {
			continue // as COPY does: it is not the server's turn
		}
		if pid != 0 {
			patience = silence
			if c.watch.busy(c, pid) {
				continue
			}
			if n, err, over := c.read(p, onTheWay); over { // it may have answered just now
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
		c.mu.Unlock()
	}
	return written, nil
}
