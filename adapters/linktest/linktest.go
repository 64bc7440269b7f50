// Package linktest is a way to a server that is slow, stands still now and then, or goes silent: then it takes whatever is sent, delivers
// nothing, and closes nothing.
package linktest

import (
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Link forwards connections to a server, until it is silenced.
type Link struct {
	network, target string
	listener        net.Listener
	swallows        atomic.Bool // new connections too
	there, back     lane

	mu    sync.Mutex
	pairs []*pair
	ended bool
	work  sync.WaitGroup
}

// pair is a connection and the one that it is forwarded to; far is nil where nobody was asked.
type pair struct {
	near, far net.Conn
	silent    atomic.Bool
}

// New makes a link to a server, which is gone with the test.
func New(t testing.TB, network, target string) *Link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &Link{network: network, target: target, listener: listener}
	l.work.Go(l.accept)
	t.Cleanup(l.close)
	return l
}

// To is a link to the server of a URL, and the URL that goes over it.
func To(t testing.TB, rawURL string) (l *Link, through string) {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal("the URL cannot be parsed")
	}
	l = New(t, "tcp", u.Host)
	u.Host = l.Addr()
	return l, u.String()
}

// Addr is where the link begins, as host:port.
func (l *Link) Addr() string { return l.listener.Addr().String() }

// Silence has the connections that there are deliver nothing any more, for ever. New ones work.
func (l *Link) Silence() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.pairs {
		p.silent.Store(true)
	}
}

// Swallow is Silence, and that of the connections to come until Heal.
func (l *Link) Swallow() {
	l.swallows.Store(true)
	l.Silence()
}

// Heal has new connections work again.
func (l *Link) Heal() { l.swallows.Store(false) }

// Slow has all connections together carry so many bytes a second, in each direction, each of which takes so long to arrive. 0 is no limit.
func (l *Link) Slow(bytesPerSecond int, delay time.Duration) {
	l.there.slow(bytesPerSecond, delay)
	l.back.slow(bytesPerSecond, delay)
}

// Stall has nothing arrive for so long, in either direction; all of it arrives afterwards.
func (l *Link) Stall(d time.Duration) {
	l.there.stall(d)
	l.back.stall(d)
}

func (l *Link) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return
		}
		p := &pair{near: near}
		if l.swallows.Load() {
			p.silent.Store(true)
		} else if p.far, err = net.Dial(l.network, l.target); err != nil {
			_ = near.Close()
			continue
		}
		l.mu.Lock()
		if l.ended {
			p.close()
		} else {
			l.pairs = append(l.pairs, p)
		}
		l.mu.Unlock()
		l.work.Go(func() { p.forward(p.far, p.near, &l.there) })
		if p.far != nil {
			l.work.Go(func() { p.forward(p.near, p.far, &l.back) })
		}
	}
}

// forward ends with the connection that it reads from, and closes the other; of a silent pair it closes neither.
func (p *pair) forward(to, from net.Conn, way *lane) {
	arriving := make(chan parcel, underWay)
	var delivered sync.WaitGroup
	delivered.Go(func() { p.deliver(to, arriving) })
	defer delivered.Wait()
	defer close(arriving)
	for {
		buffer := make([]byte, parcelBytes)
		n, err := from.Read(buffer)
		if p.silent.Load() {
			if err != nil {
				return
			}
			continue
		}
		arriving <- parcel{bytes: buffer[:n], at: way.arrival(n), last: err != nil}
		if err != nil {
			return
		}
	}
}

func (p *pair) deliver(to net.Conn, arriving <-chan parcel) {
	broken := false
	for next := range arriving {
		time.Sleep(time.Until(next.at))
		switch {
		case p.silent.Load() || broken:
		case len(next.bytes) > 0:
			_, err := to.Write(next.bytes)
			broken = err != nil
		}
		if next.last && !p.silent.Load() {
			p.close()
		}
	}
}

func (p *pair) close() {
	_ = p.near.Close()
	if p.far != nil {
		_ = p.far.Close()
	}
}

func (l *Link) close() {
	_ = l.listener.Close()
	l.mu.Lock()
	l.ended = true
	for _, p := range l.pairs {
		p.close()
	}
	l.mu.Unlock()
	l.work.Wait()
}
