package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	nethttp "net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	filestore "waybill/adapters/media"
	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	courier "waybill/adapters/webhooks"
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/webhook"
	"waybill/http"
	"waybill/http/api"
	"waybill/projections/models"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// world is a whole running server: a database, the event store, the projectors and the API on a loopback port.
type world struct {
	t        testing.TB
	url      string
	web      *http.Web
	pool     *pgxpool.Pool
	registry *prometheus.Registry
	commands *commands.Service
	store    domain.EventStore
	tokens   *postgres.Tokens
	log      *lockedBuffer
	spec     *openapi3.T
	router   routers.Router
	client   *nethttp.Client
	serial   int
	// ahead is how far the server's clock is ahead of the machine's.
	ahead atomic.Int64
	// folder is where images are.
	folder string
	deps   api.Deps
}

// newClient shows every answer as it is, redirections too.
func newClient() *nethttp.Client {
	return &nethttp.Client{
		Timeout:       runtimetest.Patience,
		CheckRedirect: func(*nethttp.Request, []*nethttp.Request) error { return nethttp.ErrUseLastResponse },
	}
}

// start is a world whose commands believe every image and every place.
func start(t testing.TB, options ...func(*runtime.Config)) *world {
	t.Helper()
	return startOn(t, func(*filestore.Library) commands.Sources { return domaintest.Sources() }, options...)
}

// startOn is a world whose commands ask what it is given, which may be the world's own images.
func startOn(t testing.TB, sources func(*filestore.Library) commands.Sources, options ...func(*runtime.Config)) *world {
	t.Helper()
	ctx := context.Background()
	pool := pgtest.Database(t, "http", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return runtime.Prepare(ctx, pool, models.All)
	})
	w := &world{t: t, pool: pool, log: &lockedBuffer{}, tokens: postgres.NewTokens(pool), client: newClient()}
	logger := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	store := newStore(t, pool)
	library := w.library(t)
	w.store, w.commands = store, commands.New(store, sources(library))
	registry := prometheus.NewRegistry()
	config := runtime.Config{
		Pool: pool, Store: store, Models: models.All, Owner: "test", Registerer: registry, MaxWait: runtimetest.Patience,
		LeaseTTL: runtimetest.Lease,
	}
	for _, option := range options {
		option(&config)
	}
	outside := outsideOf(pool)
	hooks := &api.Webhooks{
		Secrets: outside.Secrets, Deliveries: runtime.NewDeliveries(pool, store, reactions.Webhooks, reactions.WebhooksStored),
		Test: func(ctx context.Context, hook, message uuid.UUID, at time.Time) error {
			return reactions.SendTest(ctx, w.commands, outside, hook, message, at)
		},
	}
	runtime, err := runtime.Start(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	w.registry = registry
	w.web, err = http.New(http.Deps{Tokens: w.tokens, Logger: logger, Registry: registry, Clock: w.now})
	if err != nil {
		t.Fatal(err)
	}
	deps := api.Deps{
		Commands: w.commands, Queries: pool, Positions: runtime.Positions(), Status: runtime, Head: w.commands.Head,
		Places: places(t), Images: library, Moves: runtime.Positions(),
	}
	deps.Webhooks = hooks
	w.deps = deps
	if err := api.Mount(w.web, deps); err != nil {
		t.Fatal(err)
	}
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := http.NewServer(w.web)
	go func() { _ = server.Serve(listener) }()
	w.url = "http://" + listener.Addr().String()
	t.Cleanup(func() {
		w.client.CloseIdleConnections()
		_ = server.Close()
		stop, cancel := context.WithTimeout(ctx, runtimetest.Patience)
		defer cancel()
		if err := runtime.Close(stop); err != nil {
			t.Error(err)
		}
		_ = store.Close()
		if t.Failed() {
			t.Log(w.log.String())
		}
	})
	w.loadSpec()
	return w
}

// loopback are the rules of webhooks that lead to a test's own server.
var loopback = webhook.Rules{Plain: true, Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// outsideOf is how webhooks are reached: on this machine alone.
func outsideOf(pool *pgxpool.Pool) reactions.Outside {
	return reactions.Outside{
		Courier: courier.New(courier.Config{Rules: loopback, Timeout: runtimetest.Patience}),
		Secrets: postgres.NewWebhookSecrets(pool), Pauses: []time.Duration{time.Millisecond},
	}
}

// specified is the specification and what finds a request's operation in it, read once for all worlds.
var specified = sync.OnceValues(func() (spec struct {
	*openapi3.T
	routers.Router
}, err error,
) {
	served, err := api.Specification()
	if err != nil {
		return spec, err
	}
	if spec.T, err = openapi3.NewLoader().LoadFromData(served); err != nil {
		return spec, err
	}
	spec.Router, err = gorillamux.NewRouter(spec.T)
	return spec, err
})

func (w *world) loadSpec() {
	w.t.Helper()
	spec, err := specified()
	if err != nil {
		w.t.Fatal(err)
	}
	w.spec, w.router = spec.T, spec.Router
}

// as is a caller: an account and its token. The zero value is nobody.
type as struct {
	id    uuid.UUID
	token string
}

func (w *world) request() commands.Request {
	return commands.Request{ID: uuid.New(), CorrelationID: uuid.New(), Actor: domain.Actor{Role: domain.RoleOperator}, At: w.now()}
}

// now is the time by the server's clock.
func (w *world) now() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) }

// travel sets the server's clock, from where it goes on.
func (w *world) travel(to time.Time) { w.ahead.Store(int64(time.Until(to))) }

// valid is how long a token is, where nothing else is said: longer than any test travels.
const valid = 400 * 24 * time.Hour

// staff opens an account with one staff role and a token for it.
func (w *world) staff(role domain.Role) as {
	w.t.Helper()
	ctx := context.Background()
	out, err := w.commands.OpenAccount(ctx, w.request(), "工作人员")
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.commands.GrantRole(ctx, w.request(), out.ID, role); err != nil {
		w.t.Fatal(err)
	}
	return w.token(out.ID, valid, role)
}

// enterprise opens a certified account with a token for it.
func (w *world) enterprise() as {
	w.t.Helper()
	ctx := context.Background()
	out, err := w.commands.OpenAccount(ctx, w.request(), "企业账号")
	if err != nil {
		w.t.Fatal(err)
	}
	w.serial++
	certified := account.Enterprise{Name: fmt.Sprintf("三亚测试物流%d号公司", w.serial), USCC: w.uscc(), LegalRepresentative: "陈海生"}
	if _, err := w.commands.CertifyAccount(ctx, w.request(), out.ID, certified, "operator"); err != nil {
		w.t.Fatal(err)
	}
	return w.token(out.ID, valid, domain.RoleEnterprise)
}

// uscc is the code of the enterprise opened last.
func (w *world) uscc() string { return domaintest.Code(w.serial) }

func (w *world) token(id uuid.UUID, valid time.Duration, roles ...domain.Role) as {
	w.t.Helper()
	secret, err := w.tokens.Issue(context.Background(), id, roles, "test", w.now().Add(valid))
	if err != nil {
		w.t.Fatal(err)
	}
	return as{id: id, token: string(secret)}
}

// provider is an enterprise whose application a reviewer approved.
func (w *world) provider(reviewer as) as {
	w.t.Helper()
	who := w.enterprise()
	w.do(who, "POST", "/api/v1/provider/application", w.profile()).is(201)
	w.do(reviewer, "POST", "/api/v1/review/providers/"+who.id.String()+"/approve", m{"revision": 1}).is(200)
	return who
}

// listed is a product of a provider's that a reviewer approved, and the position at which it was.
func (w *world) listed(owner, reviewer as) (id, position string) {
	w.t.Helper()
	id = w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	approved := w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/approve", m{"revision": 1}).is(200)
	return id, approved.header.Get("Waybill-Position")
}

type m = map[string]any

const image = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

// profile is a valid application of the enterprise opened last.
func (w *world) profile() m {
	return m{
		"type": "logistics", "name": fmt.Sprintf("三亚测试物流%d号公司", w.serial), "uscc": w.uscc(), "licence": image,
		"legal_representative": "陈海生", "contact": "林晓燕", "address": "海南省三亚市天涯区凤凰路188号", "phone": "0898-88271234",
		"logo": image, "introduction": "专注东南亚航线的跨境物流。",
	}
}

func content() m {
	return m{
		"name": "三亚至海防海运拼箱", "brief": "每周三、周六开航", "tags": []string{"拼箱", "冷链"}, "mode": "sea",
		"destination": m{"country": "越南", "city": "海防", "latitude": 20.8449, "longitude": 106.6881, "crs": "WGS-84"},
		"cover":       image, "details": []string{image},
	}
}

func inquiry(product string) m {
	return m{"product_id": product, "contact_name": "王芳", "phone": "13876543210", "message": "每月两柜椰子制品，请报价。"}
}

// with is a copy of o with one more field.
func with(o m, name string, value any) m {
	c := m{name: value}
	for k, v := range o {
		if k != name {
			c[k] = v
		}
	}
	return c
}

// answer is what the server said, already held against the specification.
type answer struct {
	t      testing.TB
	what   string
	status int
	header nethttp.Header
	body   []byte
}

// do sends a request and holds the answer against the specification. body may be nil, a string sent as it is, or a value.
func (w *world) do(who as, method, path string, body any, headers ...string) answer {
	w.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			w.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	r, err := nethttp.NewRequestWithContext(context.Background(), method, w.url+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if who.token != "" {
		r.Header.Set("Authorization", "Bearer "+who.token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return w.send(r)
}

func (w *world) send(r *nethttp.Request) answer {
	w.t.Helper()
	response, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	a := answer{t: w.t, what: r.Method + " " + r.URL.Path, status: response.StatusCode, header: response.Header, body: raw}
	w.conforms(r, a)
	return a
}

// conforms holds an answer against the specification.
func (w *world) conforms(r *nethttp.Request, a answer) {
	w.t.Helper()
	if a.header.Get("X-Request-Id") == "" {
		w.t.Errorf("%s: no X-Request-Id", a.what)
	}
	if a.status >= 400 {
		if got := a.header.Get("Content-Type"); got != "application/problem+json" && r.Method != nethttp.MethodHead {
			w.t.Errorf("%s: %d as %q", a.what, a.status, got)
		}
	}
	route, params, err := w.router.FindRoute(r)
	if err != nil {
		return // an unknown route, which only the checks above are for
	}
	if a.status >= 400 && a.status != nethttp.StatusMethodNotAllowed && r.Method != nethttp.MethodHead {
		if code := a.text("code"); !listsCode(route.Operation, a.status, code) {
			w.t.Errorf("%s: %d %s is not among the codes that the specification lists for it", a.what, a.status, code)
		}
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 a.status, Header: a.header,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true,
			ExcludeResponseBody: a.status == nethttp.StatusNotModified || !strings.Contains(a.header.Get("Content-Type"), "json"),
		},
	}
	input.SetBodyBytes(a.body)
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		w.t.Errorf("%s: %d does not fit the specification: %v\n%s", a.what, a.status, err, a.body)
	}
}
