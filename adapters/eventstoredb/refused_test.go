package eventstoredb_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/domain"
)

// Everything that the server can answer to an append, a read of the log or a subscription, by its exception header or by the
// sentence alone, and what the port has for it. Where nothing was done the caller is told so.
func TestWhatTheServerSaysIsTold(t *testing.T) {
	const internal = "internal"
	for name, tt := range map[string]struct {
		effect        esdbtest.Effect
		append_, read string
	}{
		"access-denied":   {esdbtest.Refuse(codes.PermissionDenied, "Access Denied", "exception", "access-denied"), "refused", "refused"},
		"unauthenticated": {esdbtest.Refuse(codes.Unauthenticated, "Unauthenticated"), "refused", "refused"},
		"stream-deleted": {
			esdbtest.Refuse(codes.FailedPrecondition, "Event stream 's' is deleted.", "exception", "stream-deleted", "stream-name", "s"), internal, internal,
		},
		"invalid-transaction": {esdbtest.Refuse(codes.InvalidArgument, "Invalid Transaction", "exception", "invalid-transaction"), internal, internal},
		"missing-required-metadata-property": {
			esdbtest.Refuse(codes.InvalidArgument, "Required Metadata Property 'type' is missing", "exception", "missing-required-metadata-property"), internal, internal,
		},
		"maximum-append-size-exceeded": {
			esdbtest.Refuse(codes.InvalidArgument, "Maximum Append Size of 9 Exceeded.", "exception", "maximum-append-size-exceeded"), "too large", internal,
		},
		"maximum-append-event-size-exceeded": {
			esdbtest.Refuse(codes.InvalidArgument, "Event with Id: x, Size: 10, exceeds Maximum Append Event Size of 9.",
				"exception", "maximum-append-event-size-exceeded"), "too large", internal,
		},
		"too large for gRPC": {esdbtest.Refuse(codes.ResourceExhausted, "grpc: received message larger than max (2 vs. 1)"), "too large", internal},
		"not ready":          {esdbtest.NotReady(), "unavailable", "unavailable"},
		"too busy":           {esdbtest.TooBusy(), "unavailable", "unavailable"},
		"no leader":          {esdbtest.Refuse(codes.Unknown, "No leader info available in response"), "unavailable", "unavailable"},
		"timed out":          {esdbtest.AbortBefore(), "unknown outcome", "unavailable"},
		"a fault of its own": {esdbtest.Refuse(codes.Unknown, "Exception was thrown by handler."), "unknown outcome", "unavailable"},
		"an unknown result":  {esdbtest.Refuse(codes.Unknown, "Unexpected OperationResult: 99"), "unknown outcome", "unavailable"},
		"an invalid combination": {
			esdbtest.Refuse(codes.InvalidArgument, "The combination of (x) is invalid."), internal, internal,
		},
		"not implemented": {esdbtest.Refuse(codes.Unimplemented, "unknown method"), internal, internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := esdbtest.Start(t)
			// What the server says for good is told at once; what may pass is tried again for as long as a call may take.
			patient := connected(t, eventstoredb.Config{ConnectionString: server.ConnectionString(), Timeout: time.Minute})
			hasty := connected(t, eventstoredb.Config{ConnectionString: server.ConnectionString(), Timeout: 2 * time.Second})
			told := func(want string) *eventstoredb.Store {
				if want == "unavailable" || want == "unknown outcome" || want == "refused" {
					return hasty
				}
				return patient
			}
			for _, m := range []esdbtest.Method{esdbtest.Append, esdbtest.Read, esdbtest.Subscribe} {
				server.Inject(esdbtest.Fault{Method: m, Effect: tt.effect})
			}
			_, err := told(tt.append_).Append(t.Context(), domain.Stream("storetest", uuid.New()), domain.NoStream(), newEvents(1))
			if got := saidOf(err); got != tt.append_ {
				t.Errorf("an append: %s (%v), want %s", got, err, tt.append_)
			}
			for _, err := range told(tt.read).ReadAll(t.Context(), 0, domain.Forward, 1) {
				if got := saidOf(err); got != tt.read {
					t.Errorf("a read: %s (%v), want %s", got, err, tt.read)
				}
			}
			for _, err := range told(tt.read).Subscribe(t.Context(), 0) {
				if got := saidOf(err); got != tt.read {
					t.Errorf("a subscription: %s (%v), want %s", got, err, tt.read)
				}
			}
		})
	}
}

func saidOf(err error) string {
	for said, is := range map[string]error{
		"unknown outcome": domain.ErrOutcomeUnknown, "too large": domain.ErrTooLarge, "conflict": domain.ErrConflict,
	} {
		if errors.Is(err, is) {
			return said
		}
	}
	switch {
	case err == nil:
		return "nothing"
	case errors.Is(err, domain.ErrRefused):
		return "refused"
	case errors.Is(err, domain.ErrUnavailable):
		return "unavailable"
	}
	return "internal"
}

// A single event beyond the server's limit for each is too large, whatever the server takes in one append.
func TestAnEventBeyondTheServersLimit(t *testing.T) {
	server := esdbtest.Start(t, esdbtest.Options{MaxEventBytes: 1000})
	s := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
	large := newEvents(2)
	large[1].Data = []byte(`"` + strings.Repeat("x", 1000) + `"`)
	if _, err := s.Append(t.Context(), domain.Stream("storetest", uuid.New()), domain.NoStream(), large); !errors.Is(err, domain.ErrTooLarge) {
		t.Fatal(err)
	}
}

// lines are what a store logged, a line each.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, string(b))
	return len(b), nil
}

func (l *lines) with(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.all {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// told waits until the log has a text, which it is told of a moment after the state has changed, and counts how often.
func (l *lines) told(t *testing.T, text string) int {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); l.with(text) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not told: %s", l)
		}
	}
	return l.with(text)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.all, "")
}

// secured is a server with TLS and users, and the connection string of its administrator.
func secured(t testing.TB) (*esdbtest.Server, string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	check(t, err)
	file := filepath.Join(t.TempDir(), "ca.crt")
	check(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	server := esdbtest.Start(t, esdbtest.Options{
		TLS:   &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}, MinVersion: tls.VersionTLS12},
		Users: map[string]string{"admin": "first"},
	})
	return server, server.ConnectionString() + "&tlsCAFile=" + file
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// until waits until the store is in a state.
func until(t *testing.T, s *eventstoredb.Store, want eventstoredb.State) eventstoredb.Health {
	t.Helper()
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		now := s.Health()
		if now.State == want {
			return now
		}
		if time.Now().After(end) {
			t.Fatalf("it is %v, want %v", now, want)
		}
	}
}

func watched(t *testing.T, config eventstoredb.Config) (*eventstoredb.Store, *lines) {
	t.Helper()
	said := &lines{}
	config.Logger = slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelInfo}))
	s := open(t, config)
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { s.Watch(ctx) })
	t.Cleanup(func() { cancel(); watching.Wait() })
	return s, said
}

// A password that the server does not take any more is told by its name, in errors and in the log, there once; with the
// password back everything goes on by itself, subscriptions too.
func TestAChangedPassword(t *testing.T) {
	server, address := secured(t)
	s, said := watched(t, eventstoredb.Config{ConnectionString: address, Timeout: time.Minute})
	until(t, s, eventstoredb.Well)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	seen := make(chan uuid.UUID, 100)
	var reading sync.WaitGroup
	for range 5 {
		reading.Go(func() {
			after := domain.Position(0)
			for ctx.Err() == nil {
				for e, err := range s.Subscribe(ctx, after) {
					if err != nil {
						break
					}
					after = e.Position
					seen <- e.ID
				}
			}
		})
	}
	defer reading.Wait()
	defer cancel()
	one := func() (uuid.UUID, error) {
		events := newEvents(1)
		_, err := s.Append(ctx, domain.Stream("storetest", uuid.New()), domain.NoStream(), events)
		return events[0].ID, err
	}
	awaited := func(id uuid.UUID) {
		for range 5 {
			select {
			case got := <-seen:
				if got != id {
					t.Fatalf("a subscriber got %s, want %s", got, id)
				}
			case <-ctx.Done():
				t.Fatal("a subscriber got nothing")
			}
		}
	}
	id, err := one()
	check(t, err)
	awaited(id)

	server.SetPassword("admin", "second")
	server.DropConnections() // the subscriptions are open, and nobody asks again who they are
	until(t, s, eventstoredb.Refused)
	if _, err := one(); !errors.Is(err, domain.ErrRefused) || !errors.Is(err, domain.ErrUnavailable) {
		t.Fatalf("an append: %v", err)
	}
	for _, err := range s.ReadStream(ctx, domain.Stream("storetest", uuid.New()), 0, domain.Forward, 1) {
		if !errors.Is(err, domain.ErrRefused) {
			t.Fatalf("a read: %v", err)
		}
	}
	for range 20 {
		_, _ = one()
	}
	if h := until(t, s, eventstoredb.Refused); h.Err == nil || h.Since.IsZero() {
		t.Error(h)
	}
	if n := said.told(t, "refuses this node"); n != 1 || strings.Contains(said.String(), "first") {
		t.Errorf("it is told %d times: %s", n, said)
	}

	server.SetPassword("admin", "first")
	until(t, s, eventstoredb.Well)
	id, err = one()
	check(t, err)
	awaited(id)
	if n := said.told(t, "takes our credentials again"); n != 1 {
		t.Errorf("its end is told %d times: %s", n, said)
	}
}

// Who may not write at all is refused, though it may read; who may not write one stream only is told so there, and the store
// is well.
func TestRightsThatWereTakenAway(t *testing.T) {
	server := esdbtest.Start(t)
	s, _ := watched(t, eventstoredb.Config{ConnectionString: server.ConnectionString(), Timeout: time.Minute})
	until(t, s, eventstoredb.Well)
	append_ := func() error {
		_, err := s.Append(t.Context(), domain.Stream("storetest", uuid.New()), domain.NoStream(), newEvents(1))
		return err
	}
	denied := esdbtest.Refuse(codes.PermissionDenied, "Access Denied", "exception", "access-denied")
	server.Inject(esdbtest.Fault{Method: esdbtest.Append, Times: 1, Effect: denied})
	if err := append_(); !errors.Is(err, domain.ErrRefused) {
		t.Fatal(err)
	}
	check(t, append_())
	until(t, s, eventstoredb.Well)

	taken := server.Inject(esdbtest.Fault{Method: esdbtest.Append, Effect: denied})
	if err := append_(); !errors.Is(err, domain.ErrRefused) {
		t.Fatal(err)
	}
	until(t, s, eventstoredb.Refused)
	for _, err := range s.ReadAll(t.Context(), 0, domain.Forward, 1) {
		check(t, err)
	}
	taken()
	until(t, s, eventstoredb.Well)
	check(t, append_())
}

// Without a leader, and without any node, the store is away, and comes back by itself.
func TestAStoreThatIsAway(t *testing.T) {
	server := esdbtest.Start(t)
	s, said := watched(t, eventstoredb.Config{ConnectionString: server.ConnectionString() + "&maxDiscoverAttempts=2", Timeout: 300 * time.Millisecond})
	until(t, s, eventstoredb.Well)
	over := server.Inject(esdbtest.Fault{Method: esdbtest.Read, Effect: esdbtest.Refuse(codes.Unknown, "No leader info available in response")})
	until(t, s, eventstoredb.Away)
	over()
	until(t, s, eventstoredb.Well)
	server.Stop()
	if h := until(t, s, eventstoredb.Away); h.Err == nil {
		t.Error(h)
	}
	check(t, server.Start())
	until(t, s, eventstoredb.Well)
	// Also a look that takes too long on a busy machine is told: never twice in a row, without that it is over in between.
	if away, over := said.with("EventStoreDB is away"), said.with("takes our credentials again"); away < 2 || over < away-1 {
		t.Errorf("it is told %d times, and its end %d times: %s", away, over, said)
	}
}

// A certificate that nobody trusts any more is a store that is away, and the error says why; one that the file has by then is
// taken without a restart.
func TestATrustThatChanged(t *testing.T) {
	first, address := secured(t)
	file := address[strings.LastIndex(address, "=")+1:]
	s, _ := watched(t, eventstoredb.Config{ConnectionString: address + "&maxDiscoverAttempts=2", Timeout: time.Second})
	until(t, s, eventstoredb.Well)
	second, other := secured(t)
	renewed, err := os.ReadFile(other[strings.LastIndex(other, "=")+1:])
	check(t, err)
	at := first.Addr()
	first.Stop()
	forward(t, at, second.Addr())
	second.SetPassword("admin", "first")
	if h := until(t, s, eventstoredb.Away); h.Err == nil {
		t.Error(h)
	}
	for !strings.Contains(s.Health().Err.Error(), "x509") {
		time.Sleep(10 * time.Millisecond)
	}
	check(t, os.WriteFile(file, renewed, 0o600))
	until(t, s, eventstoredb.Well)
}

// forward passes connections to an address on to another until the test ends.
func forward(t *testing.T, from, to string) {
	t.Helper()
	var listener net.Listener
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", from); err == nil {
			break
		}
	}
	check(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			d, err := new(net.Dialer).Dial("tcp", to)
			if err != nil {
				c.Close()
				continue
			}
			go pipe(c, d)
			go pipe(d, c)
		}
	}()
}

func pipe(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}
