package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/domain"
	"waybill/http/api"
	"waybill/projections/runtimetest"
)

// message is one server-sent event.
type message struct {
	id, event, data string
}

// reader reads a stream of the feed.
type reader struct {
	t        testing.TB
	response *nethttp.Response
	lines    *bufio.Reader
	cancel   context.CancelFunc
}

// follow opens a stream; last is what Last-Event-ID says, empty for none.
func (w *world) follow(who as, query, last string) *reader {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), runtimetest.Patience)
	w.t.Cleanup(cancel)
	r, err := nethttp.NewRequestWithContext(ctx, "GET", w.url+"/api/v1/events"+query, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+who.token)
	r.Header.Set("Accept", "text/event-stream")
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	response, err := (&nethttp.Client{}).Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != 200 {
		raw, _ := io.ReadAll(response.Body)
		w.t.Fatalf("%d: %s", response.StatusCode, raw)
	}
	return &reader{t: w.t, response: response, lines: bufio.NewReader(response.Body), cancel: cancel}
}

// next is the next event; io.EOF at the end of the stream.
func (r *reader) next() (message, error) {
	var m message
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			return m, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data = value
		case "":
			if m.data != "" {
				return m, nil
			}
		}
	}
}

func (r *reader) must() message {
	r.t.Helper()
	m, err := r.next()
	if err != nil {
		r.t.Fatalf("the stream ended: %v", err)
	}
	return m
}

// TestStream: a stream gives what a page gives, as it comes, in a form that browsers and proxies take.
func TestStream(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	who := w.provider(reviewer)
	r := w.follow(who, "?as=provider", "")
	h := r.response.Header
	if h.Get("Content-Type") != "text/event-stream" || h.Get("Cache-Control") != "no-store" || h.Get("X-Accel-Buffering") != "no" ||
		h.Get("X-Request-Id") == "" || h.Get("ETag") != "" {
		t.Errorf("header: %v", h)
	}
	if coded := r.response.TransferEncoding; len(coded) > 0 {
		t.Errorf("coded as %v: each batch costs three writes instead of one", coded)
	}
	one, two := r.must(), r.must()
	if one.event != "provider-applied.v1" || two.event != "provider-approved.v1" {
		t.Errorf("got %v, %v", one, two)
	}
	product, position := w.listed(who, reviewer)
	for i, want := range w.feed(who, "&as=provider", position)[2:] {
		got := r.must()
		var it item
		if err := json.Unmarshal([]byte(got.data), &it); err != nil {
			t.Fatal(err)
		}
		if got.event != want.Type || got.id != fmt.Sprint(want.Position) || fmt.Sprint(it) != fmt.Sprint(want) || it.ObjectID != product {
			t.Errorf("%d: got %v, want %v", i, got, want)
		}
	}
	w.eventually("what was sent is counted", func() bool {
		return w.measured("waybill_feed_readers") == 1 && w.measured("waybill_feed_sent_total") == 5
	})
	logged := func() int { return strings.Count(w.log.String(), "route=/api/v1/events status=200") }
	w.eventually("the pages are logged", func() bool { return logged() == 3 })
	r.cancel()
	w.eventually("the stream is logged", func() bool { return logged() == 4 })
}

// TestStreamCutAnywhere: whoever comes back with Last-Event-ID, however often and wherever a stream broke off, gets everything once and
// in order, while much happens.
func TestStreamCutAnywhere(t *testing.T) {
	w := start(t)
	auditor := w.staff(domain.RoleAuditor)
	const events = 300
	var writing, readers sync.WaitGroup
	for range 4 {
		writing.Go(func() {
			for range events / 4 {
				if _, err := w.commands.OpenAccount(context.Background(), w.request(), "企业账号"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range 6 {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 7))
			var got []int64
			id := ""
			for over := false; !over; {
				r := w.follow(auditor, "", id)
				for range 1 + random.IntN(40) {
					m, err := r.next()
					if err != nil {
						t.Errorf("the stream ended: %v", err)
						return
					}
					var it item
					if err := json.Unmarshal([]byte(m.data), &it); err != nil {
						t.Error(err)
						return
					}
					if before := int64(0); len(got) > 0 {
						if before = got[len(got)-1]; it.Previous != before {
							t.Errorf("reader %d: %d is after %d, and came after %d", n, it.Position, it.Previous, before)
							return
						}
					}
					got, id = append(got, it.Position), m.id
					if over = it.Type == "account-closed.v1"; over {
						break
					}
				}
				r.cancel()
				_ = r.response.Body.Close()
			}
		})
	}
	writing.Wait()
	last := w.enterprise()
	if _, err := w.commands.CloseAccount(t.Context(), w.request(), last.id, "测试结束"); err != nil {
		t.Error(err)
	}
	readers.Wait()
}

// TestStreamOfNoMoreUse: a stream ends when its token does, and says why.
func TestStreamOfNoMoreUse(t *testing.T) {
	w := start(t)
	operator := w.staff(domain.RoleOperator)
	fast := w.beside(t, func(d *api.Deps) { d.StreamTimes = api.StreamTimes{Check: 20 * time.Millisecond} })
	ctx := t.Context()
	for what, code := range map[string]string{"token": "token_revoked", "role": "token_revoked", "account": "account_closed"} {
		opened, err := w.commands.OpenAccount(ctx, w.request(), "工作人员")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.commands.GrantRole(ctx, w.request(), opened.ID, domain.RoleAuditor); err != nil {
			t.Fatal(err)
		}
		who, token, err := w.issued(opened.ID, domain.RoleAuditor)
		if err != nil {
			t.Fatal(err)
		}
		r := fast.follow(who, "", "")
		r.must()
		switch what {
		case "token":
			_, err = w.commands.RevokeToken(ctx, w.request(), opened.ID, token, "遗失")
		case "role":
			_, err = w.commands.RevokeRole(ctx, w.request(), opened.ID, domain.RoleAuditor, "离职")
		default:
			_, err = w.commands.CloseAccount(ctx, w.request(), opened.ID, "离职")
		}
		if err != nil {
			t.Fatal(err)
		}
		for {
			m, err := r.next()
			if err != nil {
				t.Fatalf("%s: ended without a word: %v", what, err)
			}
			if m.event != "problem" {
				continue
			}
			if !strings.Contains(m.data, code) || m.id != "" {
				t.Errorf("%s: got %v, want %s", what, m, code)
			}
			break
		}
		if _, err := r.next(); err != io.EOF { //nolint:errorlint // the very value
			t.Errorf("after the end: %v", err)
		}
	}
	w.do(operator, "GET", "/api/v1/events", nil).is(200)
}

// TestStreamEnds: a stream has a life, shows that it lives, and ends at once when the server stops.
func TestStreamEnds(t *testing.T) {
	w := start(t)
	auditor := w.staff(domain.RoleAuditor)
	short := w.beside(t, func(d *api.Deps) {
		d.StreamTimes = api.StreamTimes{Life: 300 * time.Millisecond, Heartbeat: 10 * time.Millisecond}
	})
	raw, err := io.ReadAll(short.follow(auditor, "", "").lines)
	if err != nil || !strings.HasPrefix(string(raw), "retry: ") || !strings.Contains(string(raw), "\n:\n") {
		t.Errorf("a short life: %v, %q", err, raw)
	}
	long := w.follow(auditor, "", "")
	long.must()
	waits := make(chan answer)
	go func() { waits <- w.do(auditor, "GET", "/api/v1/events?wait=25&after="+w.head(), nil) }()
	w.eventually("both are there", func() bool { return w.measured("waybill_feed_readers") == 2 })
	w.web.Stop()
	if a := (<-waits).is(200); a.count("items") != 0 {
		t.Errorf("the page: %s", a.body)
	}
	if _, err := io.Copy(io.Discard, long.lines); err != nil {
		t.Errorf("the stream: %v", err)
	}
	w.eventually("all have left", func() bool { return w.measured("waybill_feed_readers") == 0 })
}

// TestStreamLimits: so many streams at once, of all and of one account; who leaves makes room.
func TestStreamLimits(t *testing.T) {
	w := start(t)
	few := w.beside(t, func(d *api.Deps) { d.MaxReaders = 10 })
	one, other := w.staff(domain.RoleAuditor), w.staff(domain.RoleAuditor)
	path := "/api/v1/events?after=" + w.head()
	var first *reader
	for range 8 {
		first = few.follow(one, "", "")
	}
	a := few.do(one, "GET", path, nil, "Accept", "text/event-stream").refuses(429, "too_many_own_readers")
	if a.header.Get("X-Accel-Buffering") != "" {
		t.Error("a refusal is no stream")
	}
	few.do(one, "GET", path, nil).is(200) // who does not wait needs no room
	few.follow(other, "", "")
	few.follow(other, "", "")
	few.do(other, "GET", path+"&wait=1", nil).refuses(503, "too_many_readers")
	first.cancel()
	w.eventually("there is room again", func() bool { return few.do(other, "GET", path+"&wait=1", nil).status == 200 })
}

// TestStreamOfWhoTakesNothing: a reader that stands still is cut off, and the others go on; it may come back for what it missed.
func TestStreamOfWhoTakesNothing(t *testing.T) {
	w := start(t)
	auditor := w.staff(domain.RoleAuditor)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	impatient := w.beside(t, func(d *api.Deps) {
		d.StreamTimes = api.StreamTimes{Write: 200 * time.Millisecond, Heartbeat: time.Millisecond}
	})
	server := httptest.NewUnstartedServer(impatient.web)
	server.Listener = small{listener}
	server.Start()
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetReadBuffer(1 << 10)
	_, err = fmt.Fprintf(conn, "GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nAccept: text/event-stream\r\n\r\n", auditor.token)
	if err != nil {
		t.Fatal(err)
	}
	goes := w.follow(auditor, "", w.head())
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if _, err := w.commands.OpenAccount(context.Background(), w.request(), "企业账号"); err != nil {
					t.Error(err)
				}
			}
		}
	})
	impatient.registry = impatient.web.Registry
	w.eventually("it is cut off", func() bool { return impatient.measured("waybill_feed_cut_off_total") == 1 })
	close(stop)
	writing.Wait()
	goes.must()
	back := w.follow(auditor, "", "1")
	if got := back.must(); got.id != "2" {
		t.Errorf("who comes back gets %v", got)
	}
}

// small makes connections that hold little that was not read.
type small struct{ net.Listener }

func (s small) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetWriteBuffer(1 << 10)
	}
	return conn, err
}
