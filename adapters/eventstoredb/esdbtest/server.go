// Package esdbtest is a server that speaks EventStoreDB's gRPC protocol, in the process of a test or by itself on a laptop.
// It answers as the real server does, keeps everything in memory, in a file too when told so, and fails on demand. It is
// no database: nothing of it was made to lose nothing.
//
// It follows EventStoreDB 24.10.14, the newest of the long-term release 24.10, and what older or newer servers say
// otherwise to a client of ours it says, too, when Options name their version. KurrentDB 26.0, the long-term release after
// it, has the same messages.
package esdbtest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
)

// What holds when Options do not say otherwise.
const (
	DefaultVersion        = "24.10.14"
	DefaultMaxAppendBytes = 1 << 20
)

// Options of a server. The zero value is a server for a test: on a free port of the loopback, in memory, without TLS.
type Options struct {
	Listen         string            // host:port; "127.0.0.1:0" when empty
	Advertise      string            // the host that clients are told, when it is not the one that is listened on
	Version        string            // three integers, or clients do not connect; DefaultVersion when empty
	MaxAppendBytes int               // of one append, as the server counts them; DefaultMaxAppendBytes when 0
	MaxEventBytes  int               // of each event of an append; no limit when 0, as by the real server's default
	Clock          func() time.Time  // when events are created, and how old they are; time.Now when nil
	Data           string            // a folder to keep the log in; in memory only when empty
	TLS            *tls.Config       // with the server's certificate; plain text when nil
	Users          map[string]string // passwords by login; everybody may do everything when empty. "admin" is the administrator.
	Logger         *slog.Logger      // silent when nil
}

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Version == "" {
		o.Version = DefaultVersion
	}
	if o.MaxAppendBytes == 0 {
		o.MaxAppendBytes = DefaultMaxAppendBytes
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// maxRequest is the largest message a client may send; the real server takes a little more than 16 MiB.
const maxRequest = 17 << 20

// Server is one node: by itself, or of a cluster. Its methods may be called from everywhere at any time.
type Server struct {
	options Options
	log     *log
	faults  faults
	id      uuid.UUID
	cluster *Cluster // nil for a server by itself
	users   atomic.Pointer[map[string]string]
	owner   bool // it closes the log

	mu      sync.Mutex
	addr    string // what it listens on, from the first Start on
	running *run   // nil while stopped
}

// run is the time from a Start to a Stop.
type run struct {
	listener *listener
	grpc     *grpc.Server
	done     chan struct{}
}

// New makes a server that is not yet listening. It reads the data folder if there is one.
func New(options Options) (*Server, error) {
	options = options.withDefaults()
	l, err := openLog(options)
	if err != nil {
		return nil, err
	}
	s := newServer(options, l)
	s.owner = true
	return s, nil
}

func newServer(options Options, l *log) *Server {
	s := &Server{options: options, log: l, id: uuid.New()}
	s.users.Store(&options.Users)
	return s
}

// Start listens and serves in the background. After Stop it does so on the same address, with the data kept.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return errors.New("the server is running")
	}
	address, patience := s.addr, 30*time.Second // a connection of somebody's may have got the port meanwhile
	if address == "" {
		address, patience = s.options.Listen, 500*time.Millisecond
	}
	inner, err := listen(address, patience)
	if err != nil {
		return err
	}
	s.addr = inner.Addr().String()
	r := &run{listener: newListener(inner, s.plain()), grpc: s.newGRPC(), done: make(chan struct{})}
	s.running = r
	go func() {
		defer close(r.done)
		if err := r.grpc.Serve(r.listener); err != nil && !errors.Is(err, net.ErrClosed) {
			s.options.Logger.Error("serving ended", "error", err)
		}
	}()
	s.options.Logger.Info("listening", "address", s.addr, "version", s.options.Version, "records", s.log.count())
	return nil
}

// listen asks again for a while: an address that was just given up may not be free at once.
func listen(address string, patience time.Duration) (net.Listener, error) {
	config := net.ListenConfig{}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		inner, err := config.Listen(context.Background(), "tcp", address)
		if _, port, _ := net.SplitHostPort(address); err == nil || port == "0" || time.Now().After(end) {
			return inner, err
		}
	}
}

func (s *Server) newGRPC() *grpc.Server {
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec()),
		grpc.WaitForHandlers(true), // after Stop nothing is appended any more
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.MaxSendMsgSize(1<<31 - 1),
		// Clients ping every ten seconds; gRPC's own rule would take that for an attack.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Millisecond, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(s.unary),
		grpc.StreamInterceptor(s.streaming),
	}
	if s.options.TLS != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.options.TLS)))
	}
	g := grpc.NewServer(options...)
	streams.RegisterStreamsServer(g, service{Server: s})
	serverfeatures.RegisterServerFeaturesServer(g, features{Server: s})
	gossip.RegisterGossipServer(g, gossiper{Server: s})
	return g
}

func (s *Server) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	_, err := s.authenticate(ctx)
	if err == nil {
		var resp any
		if resp, err = next(ctx, req); err == nil {
			return resp, nil
		}
	}
	s.failed(ctx, info.FullMethod, err)
	return nil, err
}

func (s *Server) streaming(srv any, call grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	ctx := call.Context()
	_, err := s.authenticate(ctx)
	if err == nil {
		err = next(srv, call)
	}
	s.failed(ctx, info.FullMethod, err)
	return err
}

func (s *Server) failed(ctx context.Context, method string, err error) {
	if err == nil {
		return
	}
	sendTrailer(ctx, err)
	s.options.Logger.Debug("call failed", "method", method, "error", err)
}

// storageFailed is for an append that could not be kept: it has no effect.
func (s *Server) storageFailed(err error) error {
	s.options.Logger.Error("append", "error", err)
	return fail(codes.Unknown, "Exception was thrown by handler.")
}

// Stop ends as a crash does: connections are cut, and what was under way may have happened or not. The data stay, but not
// the cache of ids that makes appends with any revision idempotent.
func (s *Server) Stop() {
	s.mu.Lock()
	r := s.running
	s.running = nil
	s.mu.Unlock()
	if r == nil {
		return
	}
	_ = r.listener.Close() // it is closed in any case
	r.listener.cutAll()
	r.grpc.Stop()
	<-r.done
	if s.cluster == nil || s.isLeader() {
		s.log.forgetIDs()
	}
}

func (l *log) forgetIDs() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.recent.clear()
}

// Restart is Stop and Start.
func (s *Server) Restart() error {
	s.Stop()
	return s.Start()
}

// Close stops the server for good.
func (s *Server) Close() error {
	s.Stop()
	if s.owner {
		return s.log.close()
	}
	return nil
}

// Addr is the address that was listened on last, host:port; empty before the first Start.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// advertised is the address clients are told.
func (s *Server) advertised() (host, port string) {
	host, port, err := net.SplitHostPort(s.Addr())
	if err != nil {
		return "", ""
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	if s.options.Advertise != "" {
		host = s.options.Advertise
	}
	return host, port
}

// ConnectionString is what a client of this server is given. With TLS the certificate is to be trusted by other means;
// credentials, when there are users, are the administrator's.
func (s *Server) ConnectionString() string { return connectionString(s.options, s) }

func connectionString(o Options, servers ...*Server) string {
	addresses := make([]string, len(servers))
	for i, s := range servers {
		addresses[i] = net.JoinHostPort(s.advertised())
	}
	login := ""
	if password, ok := o.Users["admin"]; ok && o.TLS != nil {
		login = "admin:" + password + "@"
	}
	return fmt.Sprintf("esdb://%s%s?tls=%t", login, strings.Join(addresses, ","), o.TLS != nil)
}

// DropConnections cuts all TCP connections and goes on serving.
func (s *Server) DropConnections() {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	if r != nil {
		r.listener.cutAll()
	}
}

// Connections counts the TCP connections that are open; a client's end shows when the server has noticed it.
func (s *Server) Connections() int {
	s.mu.Lock()
	r := s.running
	s.mu.Unlock()
	if r == nil {
		return 0
	}
	r.listener.mu.Lock()
	defer r.listener.mu.Unlock()
	return len(r.listener.open)
}
