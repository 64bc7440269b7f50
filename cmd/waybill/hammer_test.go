package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	nethttp "net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/commands"
	"waybill/domain/media"
	"waybill/domain/provider"
	"waybill/domain/uscc"
)

// hammer is a number of clients that write to a server that may go away at any time. Each write carries an Idempotency-Key
// and is sent again with the same key until it is acknowledged; some are sent once and left at that.
type hammer struct {
	t        testing.TB
	env      environ
	client   *nethttp.Client
	url      atomic.Pointer[string]
	reviewer caller
	pairs    []pair
	setup    domain.Position // the log's head before the first write
	exports  int             // those that came through whole

	stopping atomic.Bool
	acked    atomic.Int64
	mu       sync.Mutex
	writes   []*write
	visible  []write // acknowledged pins, which a reader who names their position must see
}

type caller struct {
	id    uuid.UUID
	token string
}

// pair is a provider and an enterprise that books its products.
type pair struct{ provider, buyer caller }

// write is one write, however often it was sent.
type write struct {
	what    string
	request uuid.UUID // the causation id of its events
	events  int       // how many it makes
	sent    int
	acked   bool
	answer
}

// answer is the acknowledgement.
type answer struct {
	id       uuid.UUID
	revision domain.Revision
	position uint64
}

// newHammer makes accounts for a number of clients, before anything serves.
func newHammer(t testing.TB, env environ, clients int) *hammer {
	t.Helper()
	transport := &nethttp.Transport{
		MaxIdleConns: 4 * clients, MaxIdleConnsPerHost: 4 * clients, IdleConnTimeout: time.Minute, DisableCompression: true,
	}
	h := &hammer{t: t, env: env, client: &nethttp.Client{Timeout: 20 * time.Second, Transport: transport}, pairs: make([]pair, clients)}
	t.Cleanup(h.client.CloseIdleConnections)
	env.inspect(t, func(ctx context.Context, a *app) error {
		images, err := a.openImages(ctx, true)
		if err != nil {
			return err
		}
		defer images.files.Close()
		a.takeSubmissions(images.library, nil)
		reviewer, err := h.open(ctx, a, "审核员")
		if err != nil {
			return err
		}
		if _, err := a.commands.GrantRole(ctx, anOperator(), reviewer, domain.RoleReviewer); err != nil {
			return err
		}
		if h.reviewer, err = h.token(ctx, a, reviewer, domain.RoleReviewer); err != nil {
			return err
		}
		for i := range h.pairs {
			if h.pairs[i].provider, err = h.enterprise(ctx, a, 2*i); err != nil {
				return err
			}
			if h.pairs[i].buyer, err = h.enterprise(ctx, a, 2*i+1); err != nil {
				return err
			}
			if err := images.upload(ctx, h.pairs[i].provider.id); err != nil {
				return err
			}
			if err := h.admit(ctx, a, h.pairs[i].provider.id); err != nil {
				return err
			}
		}
		h.setup, err = head(ctx, a)
		return err
	})
	return h
}

// anOperator is a request of somebody who may do everything.
func anOperator() commands.Request {
	return newRequest(domain.Actor{ID: uuid.New(), Role: domain.RoleOperator})
}

func (h *hammer) open(ctx context.Context, a *app, name string) (uuid.UUID, error) {
	opened, err := a.commands.OpenAccount(ctx, anOperator(), name)
	return opened.ID, err
}

func (h *hammer) enterprise(ctx context.Context, a *app, number int) (caller, error) {
	id, err := h.open(ctx, a, fmt.Sprintf("三亚测试物流%d号公司", number))
	if err != nil {
		return caller{}, err
	}
	if _, err := a.commands.CertifyAccount(ctx, anOperator(), id, certified(number), "operator"); err != nil {
		return caller{}, err
	}
	return h.token(ctx, a, id, domain.RoleEnterprise)
}

func certified(number int) account.Enterprise {
	code := fmt.Sprintf("91460200MA%07d", number)
	return account.Enterprise{
		Name: fmt.Sprintf("三亚测试物流%d号公司", number), USCC: code + string(uscc.CheckCharacter(code)), LegalRepresentative: "陈海生",
	}
}

func (h *hammer) token(ctx context.Context, a *app, id uuid.UUID, role domain.Role) (caller, error) {
	secret, err := a.issue(ctx, anOperator(), id, role, time.Hour, "test")
	return caller{id, string(secret)}, err
}

// admit makes an enterprise a provider.
func (h *hammer) admit(ctx context.Context, a *app, id uuid.UUID) error {
	state, err := a.commands.Account(ctx, id)
	if err != nil {
		return err
	}
	request := anOperator()
	request.Actor = domain.Actor{ID: id, Role: domain.RoleEnterprise}
	_, err = a.commands.ApplyAsProvider(ctx, request, provider.Profile{
		Type: "logistics", Name: state.Enterprise.Name, USCC: state.Enterprise.USCC, LegalRepresentative: state.Enterprise.LegalRepresentative,
		Licence: image(media.Licence), Logo: image(media.Logo), Contact: "林晓燕", Address: "海南省三亚市天涯区凤凰路188号", Phone: "0898-88271234",
		Introduction: "专注东南亚航线的跨境物流。",
	})
	if err != nil {
		return err
	}
	_, err = a.commands.ApproveProvider(ctx, anOperator(), id, commands.Decision{Revision: 1})
	return err
}

// to directs the clients to a server.
func (h *hammer) to(n *node) { h.url.Store(&n.url) }

// during keeps the clients at work while f runs, and until what they have begun then is acknowledged.
func (h *hammer) during(f func()) {
	h.t.Helper()
	h.stopping.Store(false)
	var clients sync.WaitGroup
	defer func() { // also when f gives up
		h.stopping.Store(true)
		clients.Wait()
	}()
	for _, p := range h.pairs {
		clients.Go(func() {
			for n := 0; !h.stopping.Load() && h.story(p, n); n++ {
			}
		})
	}
	for range 2 {
		clients.Go(h.watch)
	}
	f()
}

// progress waits until so many more writes were acknowledged.
func (h *hammer) progress(writes int) {
	h.t.Helper()
	want := h.acked.Load() + int64(writes)
	eventually(h.t, fmt.Sprintf("%d acknowledged writes", writes), func() bool { return h.acked.Load() >= want || h.t.Failed() })
	if h.t.Failed() {
		h.t.FailNow()
	}
}

// story is a product's: submitted, revised, approved, pinned, booked and replied to; every third is then booked again and
// deleted. It is false when something went wrong.
func (h *hammer) story(p pair, n int) bool {
	const products = "/api/v1/provider/products"
	submitted := h.write("submit", p.provider, "POST", products, someContent("三亚至海防海运拼箱"), 1)
	own := products + "/" + submitted.id.String()
	public := "/api/v1/products/" + submitted.id.String()
	review := "/api/v1/review/products/" + submitted.id.String()
	h.abandon("submit", p.provider, "POST", products, someContent("无人等待结果"), 1)
	h.write("revise", p.provider, "PUT", own, someContent("三亚至海防快船"), 1)
	approved := h.write("approve", h.reviewer, "POST", review+"/approve", map[string]any{"revision": 2}, 2)
	h.sees(public, approved.position, nethttp.StatusOK, `"name":"三亚至海防快船"`)
	pinned := h.write("pin", p.provider, "PUT", own+"/pin", nil, 1)
	h.sees(public, pinned.position, nethttp.StatusOK, `"pinned":true`)
	inquiry := map[string]any{"product_id": submitted.id, "contact_name": "王芳", "phone": "13876543210", "message": "每月两柜，请报价。"}
	booked := h.write("book", p.buyer, "POST", "/api/v1/bookings", inquiry, 1)
	reply := map[string]any{"text": "可以，周三截载。"}
	h.write("reply", p.provider, "POST", "/api/v1/provider/bookings/"+booked.id.String()+"/reply", reply, 1)
	if n%3 != 0 {
		h.mu.Lock()
		h.visible = append(h.visible, pinned)
		h.mu.Unlock()
		return !h.t.Failed()
	}
	h.abandon("revise", p.provider, "PUT", own, someContent("又一版"), 1)
	h.write("book", p.buyer, "POST", "/api/v1/bookings", inquiry, 1)
	deleted := h.write("delete", p.provider, "DELETE", own, nil, 1)
	h.sees(public, deleted.position, nethttp.StatusNotFound, "")
	return !h.t.Failed()
}

func someContent(name string) map[string]any {
	return map[string]any{
		"name": name, "brief": "每周三、周六开航", "tags": []string{"拼箱", "冷链"}, "mode": "sea",
		"destination": map[string]any{"country": "越南", "city": "海防", "latitude": 20.8449, "longitude": 106.6881, "crs": "WGS-84"},
		"cover":       image(media.Cover), "details": []domain.ImageRef{image(media.Detail)},
	}
}

// requestSpace is the name space of the ids that the API makes of Idempotency-Keys. It must never change: a client may
// send a request again after an upgrade.
var requestSpace = uuid.MustParse("b7a5a3f1-64a7-5c51-8f1d-0d8f0f6d9b42")

func (h *hammer) begin(what string, who caller, method, path, key string, events int) *write {
	w := &write{what: what, events: events, request: uuid.NewSHA1(requestSpace, []byte(who.id.String()+"\n"+method+" "+path+"\n"+key))}
	h.mu.Lock()
	h.writes = append(h.writes, w)
	h.mu.Unlock()
	return w
}

// write sends a write until it is acknowledged, and returns the acknowledgement.
func (h *hammer) write(what string, who caller, method, path string, body any, events int) write {
	if h.t.Failed() {
		return write{}
	}
	key := uuid.NewString()
	w := h.begin(what, who, method, path, key, events)
	for deadline := time.Now().Add(patience); ; {
		w.sent++
		got, status, text, err := h.send(h.t.Context(), who, method, path, body, "Idempotency-Key", key)
		switch {
		case err == nil && status < 300:
			h.mu.Lock()
			w.acked, w.answer = true, got
			h.mu.Unlock()
			h.acked.Add(1)
			return *w
		case err == nil && status != nethttp.StatusServiceUnavailable:
			h.t.Errorf("%s (sent %d times): %d %s", what, w.sent, status, text)
			return *w
		case time.Now().After(deadline):
			h.t.Errorf("%s was not acknowledged in %v: %d %s %v", what, patience, status, text, err)
			return *w
		}
		time.Sleep(rand.N(20 * time.Millisecond))
	}
}

// abandon sends a write once, hangs up, and never learns what became of it.
func (h *hammer) abandon(what string, who caller, method, path string, body any, events int) {
	if h.t.Failed() {
		return
	}
	key := uuid.NewString()
	w := h.begin("abandoned "+what, who, method, path, key, events)
	w.sent = 1
	ctx, cancel := context.WithTimeout(h.t.Context(), rand.N(4*time.Millisecond))
	defer cancel()
	_, status, text, err := h.send(ctx, who, method, path, body, "Idempotency-Key", key)
	if err == nil && status >= 300 && status != nethttp.StatusServiceUnavailable {
		h.t.Errorf("abandoned %s: %d %s", what, status, text)
	}
}

// sees reads what the caller has written, naming its position: it may have to ask again, but it never sees less.
func (h *hammer) sees(path string, position uint64, want int, text string) {
	if h.t.Failed() {
		return
	}
	for deadline := time.Now().Add(patience); ; {
		_, status, got, err := h.send(h.t.Context(), caller{}, "GET", path, nil, "Waybill-Position", fmt.Sprint(position))
		switch {
		case err == nil && status == want && strings.Contains(got, text):
			return
		case err == nil && status != nethttp.StatusServiceUnavailable:
			h.t.Errorf("a read that named position %d got %d %s, want %d %s", position, status, got, want, text)
			return
		case time.Now().After(deadline):
			h.t.Errorf("not to be read in %v at position %d: %d %s %v", patience, position, status, got, err)
			return
		}
		time.Sleep(rand.N(20 * time.Millisecond))
	}
}

// watch reads the newest pinned products over and over: what was seen once must not be gone later.
func (h *hammer) watch() {
	for !h.stopping.Load() && !h.t.Failed() {
		h.mu.Lock()
		newest := h.visible[max(0, len(h.visible)-3):]
		h.mu.Unlock()
		for _, w := range newest {
			h.sees("/api/v1/products/"+w.id.String(), w.position, nethttp.StatusOK, `"pinned":true`)
		}
		time.Sleep(10 * time.Millisecond) // more often, it would mostly keep the writers from the processor
	}
}

func (h *hammer) send(ctx context.Context, who caller, method, path string, body any, header, value string) (got answer, status int, text string, err error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return got, 0, "", err
	}
	if body == nil {
		raw = nil
	}
	r, err := nethttp.NewRequestWithContext(ctx, method, *h.url.Load()+path, bytes.NewReader(raw))
	if err != nil {
		return got, 0, "", err
	}
	r.Header.Set(header, value)
	r.Header.Set("Content-Type", "application/json")
	if who.token != "" {
		r.Header.Set("Authorization", "Bearer "+who.token)
	}
	response, err := h.client.Do(r)
	if err != nil {
		return got, 0, "", err
	}
	defer response.Body.Close()
	raw, err = io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= 300 || method == nethttp.MethodGet {
		return got, response.StatusCode, string(raw), err
	}
	var about struct{ ID uuid.UUID }
	_, err1 := fmt.Sscanf(response.Header.Get("ETag"), `"%d"`, &got.revision)
	_, err2 := fmt.Sscan(response.Header.Get("Waybill-Position"), &got.position)
	if err := errors.Join(json.Unmarshal(raw, &about), err1, err2); err != nil {
		h.t.Errorf("%s %s: %v: %s", method, path, err, raw)
	}
	got.id = about.ID
	return got, response.StatusCode, "", nil
}
