package reactions_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	courier "waybill/adapters/webhooks"

	"waybill/adapters/postgres"
	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/webhook"
	"waybill/projections/feed"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// arrival is one request that a receiver got.
type arrival struct {
	Position domain.Position `json:"position"`
	Previous domain.Position `json:"previous"`
	ID       uuid.UUID       `json:"id"`
	Type     string          `json:"type"`
	Kind     string          `json:"kind"`
	ObjectID uuid.UUID       `json:"object_id"`
	Revision domain.Revision `json:"revision"`
	At       time.Time       `json:"at"`
	Data     json.RawMessage `json:"data"`

	hook   string // the last part of the address
	header nethttp.Header
	body   []byte
	took   bool // it was answered with 2xx
}

// receiver is a real server. answer says what it answers, by default 204.
type receiver struct {
	url string

	mu     sync.Mutex
	got    []arrival
	answer func(w nethttp.ResponseWriter, r *nethttp.Request, a arrival) (taken bool)
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	server := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, req *nethttp.Request) {
		body, err := io.ReadAll(req.Body)
		a := arrival{hook: strings.TrimPrefix(req.URL.Path, "/"), header: req.Header, body: body}
		if err != nil || json.Unmarshal(body, &a) != nil {
			t.Errorf("a body that is none: %s", body)
		}
		r.mu.Lock()
		answer := r.answer
		r.mu.Unlock()
		a.took = true
		if answer != nil {
			a.took = answer(w, req, a)
		}
		if a.took {
			r.mu.Lock()
			r.got = append(r.got, a)
			r.mu.Unlock()
			w.WriteHeader(nethttp.StatusNoContent)
		}
	}))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) answers(with func(w nethttp.ResponseWriter, r *nethttp.Request, a arrival) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = with
}

// taken is what a hook got and took, in order.
func (r *receiver) taken(hook string) (all []arrival) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.got {
		if a.hook == hook {
			all = append(all, a)
		}
	}
	return all
}

// hookWorld is a world with receivers.
type hookWorld struct {
	*world
	receiver *receiver
	secrets  *postgres.WebhookSecrets
	outside  reactions.Outside
}

func newHookWorld(t *testing.T) *hookWorld {
	t.Helper()
	w := &hookWorld{world: newWorld(t), receiver: newReceiver(t)}
	rules := webhook.Rules{Plain: true, Private: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	sources := domaintest.Sources()
	sources.Webhooks = rules
	w.service = commands.New(w.store, sources)
	w.secrets = postgres.NewWebhookSecrets(w.pool)
	sending := courier.New(courier.Config{Rules: rules, Timeout: runtimetest.Patience})
	t.Cleanup(sending.Close)
	w.outside = reactions.Outside{
		Courier: sending, Secrets: w.secrets, Pauses: []time.Duration{time.Millisecond, time.Millisecond},
	}
	return w
}

// start sets all to work, as one node.
func (w *hookWorld) start(options ...func(*runtime.Config)) *runtime.Runtime {
	w.t.Helper()
	c := runtime.Config{
		Pool: w.pool, Store: w.store, Models: models, Reactions: reactions.All(w.service, w.pool, w.outside), Owner: "test",
		Logger: runtimetest.Log(w.t), LeaseTTL: runtimetest.Lease,
	}
	for _, option := range options {
		option(&c)
	}
	r, err := runtime.Start(w.t.Context(), c)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { closeRuntime(w.t, r) })
	return r
}

// begun waits until the reaction is set to work.
func (w *hookWorld) begun() {
	w.t.Helper()
	runtimetest.Eventually(w.t, "the reaction begun", func() (yes bool) {
		err := w.pool.QueryRow(w.t.Context(), `SELECT coalesce(bool_or(begun_at IS NOT NULL), false) FROM projections.checkpoints
			WHERE projection = $1`, reactions.WebhooksStored).Scan(&yes)
		if err != nil {
			w.t.Fatal(err)
		}
		return yes
	})
}

func request() commands.Request {
	id := uuid.New()
	return commands.Request{ID: id, Actor: domain.System, CorrelationID: id, At: time.Now()}
}

func by(owner uuid.UUID) webhook.By { return webhook.By{Provider: owner, Operator: owner == uuid.Nil} }

// hook registers a webhook of an owner at the path of a name; it returns its id, and what verifies what it gets.
func (w *hookWorld) hook(owner uuid.UUID, name string, types ...string) (uuid.UUID, *standardwebhooks.Webhook) {
	w.t.Helper()
	req := request()
	out, err := w.service.RegisterWebhook(w.t.Context(), req, by(owner), webhook.Target{URL: w.receiver.url + "/" + name, Types: types})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.ID, w.secret(out.ID, req.NewSecret())
}

func (w *hookWorld) secret(hook, id uuid.UUID) *standardwebhooks.Webhook {
	w.t.Helper()
	kept, err := w.secrets.Make(w.t.Context(), hook, id)
	if err != nil {
		w.t.Fatal(err)
	}
	verifier, err := standardwebhooks.NewWebhook(string(kept.Secret))
	if err != nil {
		w.t.Fatal(err)
	}
	return verifier
}

// feedOf is what the feed of an owner has behind a position.
func (w *hookWorld) feedOf(owner uuid.UUID, after domain.Position) []feed.Item {
	w.t.Helper()
	scope := feed.All()
	if owner != uuid.Nil {
		scope = feed.Provider(owner)
	}
	items, err := feed.Queries{DB: w.pool}.Items(w.t.Context(), scope, after, feed.MaxItems)
	if err != nil {
		w.t.Fatal(err)
	}
	return items
}

// registered is the position of a webhook's registration.
func (w *hookWorld) registered(id uuid.UUID) domain.Position {
	w.t.Helper()
	for e, err := range w.store.ReadStream(w.t.Context(), domain.Stream(webhook.Category, id), 0, domain.Forward, 1) {
		if err != nil {
			w.t.Fatal(err)
		}
		return e.Position
	}
	return 0
}

// settled waits until nothing is owed any more of what is in the log now, but for what is held.
func (w *hookWorld) settled(r *runtime.Runtime) {
	w.t.Helper()
	head := runtimetest.Head(w.t, w.store)
	runtimetest.Eventually(w.t, "everything delivered", func() bool {
		return at(w.t, r, reactions.Webhooks) >= head && w.count("due") == 0
	})
}

// count is how many items of the ledger are in a state.
func (w *hookWorld) count(state string) (n int) {
	w.t.Helper()
	err := w.pool.QueryRow(w.t.Context(), `SELECT count(*) FROM projections.ledger WHERE projection = $1 AND recipient <> '' AND state = $2`,
		reactions.WebhooksStored, state).Scan(&n)
	if err != nil && !errors.Is(err, context.Canceled) {
		w.t.Fatal(err)
	}
	return n
}
