package esdbtest

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
)

// listener knows its connections, so that one or all of them can be cut.
type listener struct {
	net.Listener
	plain  *plainHTTP // nil with TLS
	ready  chan net.Conn
	closed chan struct{}
	once   sync.Once
	err    error // why accepting ended, once closed is closed

	mu   sync.Mutex
	open map[string]*connection // by the client's address
}

func newListener(inner net.Listener, plain *plainHTTP) *listener {
	l := &listener{
		Listener: inner, plain: plain, open: map[string]*connection{},
		ready: make(chan net.Conn), closed: make(chan struct{}),
	}
	go l.accept()
	return l
}

// accept hands on connections when their first bytes are there: gRPC would speak before it knows whom to.
func (l *listener) accept() {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.end(err)
			return
		}
		wrapped := &connection{Conn: c, of: l}
		l.mu.Lock()
		l.open[c.RemoteAddr().String()] = wrapped
		l.mu.Unlock()
		go func() {
			if l.plain != nil && l.plain.took(wrapped) {
				_ = wrapped.Close() // it was answered, or said nothing
				return
			}
			select {
			case l.ready <- wrapped:
			case <-l.closed:
				wrapped.cut()
			}
		}()
	}
}

func (l *listener) end(err error) {
	l.once.Do(func() {
		l.err = err
		close(l.closed)
	})
}

// Accept takes the next connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.closed:
		return nil, l.err
	}
}

// Close ends accepting.
func (l *listener) Close() error {
	l.end(net.ErrClosed)
	return l.Listener.Close()
}

func (l *listener) cutAll() {
	l.mu.Lock()
	all := make([]*connection, 0, len(l.open))
	for _, c := range l.open {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		c.cut()
	}
}

func (l *listener) cut(client string) {
	l.mu.Lock()
	c := l.open[client]
	l.mu.Unlock()
	if c != nil {
		c.cut()
	}
}

// connection takes itself off its listener's list.
type connection struct {
	net.Conn
	of   *listener
	head []byte // was read already
}

// Read begins with what was read already.
func (c *connection) Read(b []byte) (int, error) {
	if len(c.head) > 0 {
		n := copy(b, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

// Close closes the connection in order.
func (c *connection) Close() error {
	c.of.mu.Lock()
	if client := c.RemoteAddr().String(); c.of.open[client] == c {
		delete(c.of.open, client)
	}
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// cut closes it with a reset, so that nothing that is still on its way arrives.
func (c *connection) cut() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a connection that is closed already needs no reset
	}
	_ = c.Close() // it is closed in any case
}

// cut cuts the connection a call came on, and is the error to end the call with, which nobody receives.
func (s *Server) cut(ctx context.Context) error {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	if p, ok := peer.FromContext(ctx); ok && r != nil {
		r.listener.cut(p.Addr.String())
	}
	return fail(codes.Unavailable, "the connection was cut")
}
