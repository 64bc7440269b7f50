package api_test

import (
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	filestore "waybill/adapters/media"
	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/webhook"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
)

// startTelling is a world that tells webhooks on this machine.
func startTelling(t *testing.T, options ...func(*runtime.Config)) *world {
	t.Helper()
	sources := func(*filestore.Library) commands.Sources {
		s := domaintest.Sources()
		s.Webhooks = loopback
		return s
	}
	w := startOn(t, sources, append(options, func(c *runtime.Config) {
		c.Reactions = reactions.All(commands.New(c.Store, sources(nil)), c.Pool, outsideOf(c.Pool))
	})...)
	w.eventually("the reaction is set to work", func() (begun bool) {
		err := w.pool.QueryRow(t.Context(), `SELECT coalesce(bool_or(begun_at IS NOT NULL), false) FROM projections.checkpoints
			WHERE projection = $1`, reactions.WebhooksStored).Scan(&begun)
		if err != nil {
			t.Fatal(err)
		}
		return begun
	})
	return w
}

const (
	ownHooks = "/api/v1/provider/webhooks"
	allHooks = "/api/v1/operator/webhooks"
)

// TestWebhooksOverTheAPI: from the registration over deliveries that fail and are resent to the end.
func TestWebhooksOverTheAPI(t *testing.T) {
	w := startTelling(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner := w.provider(reviewer)
	var (
		mu     sync.Mutex
		got    []string
		status atomic.Int64
		verify atomic.Pointer[standardwebhooks.Webhook]
	)
	status.Store(204)
	receiver := httptest.NewServer(nethttp.HandlerFunc(func(rw nethttp.ResponseWriter, r *nethttp.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := verify.Load().Verify(body, r.Header); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if status.Load() == 204 {
			mu.Lock()
			got = append(got, r.Header.Get("webhook-id"))
			mu.Unlock()
		}
		rw.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(receiver.Close)
	took := func(id string) (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, one := range got {
			if one == id {
				n++
			}
		}
		return n
	}

	target := m{"url": receiver.URL + "/in", "types": []string{"product-submitted.v1", "product-approved.v1"}, "label": " 订单系统 "}
	made := w.do(owner, "POST", ownHooks, target, "Idempotency-Key", "a").is(201)
	id, secret := made.text("id"), made.text("secret")
	at := ownHooks + "/" + id
	if made.header.Get("Location") != at || !strings.HasPrefix(secret, "whsec_") || made.text("owner") != owner.id.String() ||
		made.text("label") != "订单系统" || made.text("state") != "active" {
		t.Errorf("registered: %s", made.body)
	}
	again := w.do(owner, "POST", ownHooks, target, "Idempotency-Key", "a").is(201)
	if string(again.body) != string(made.body) || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("again: %s", again.body)
	}
	w.do(owner, "POST", ownHooks, with(target, "label", "x"), "Idempotency-Key", "a").refuses(409, "idempotency_key_reused")
	shown := w.do(owner, "GET", at, nil, "Waybill-Position", made.position()).is(200)
	if strings.Contains(string(shown.body), "secret\"") || shown.text("url") != target["url"] || shown.header.Get("ETag") == "" {
		t.Errorf("shown: %s", shown.body)
	}
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	verify.Store(verifier)

	// A test, also of what does not answer.
	if sent := w.do(owner, "POST", at+"/test", nil).is(200); sent.at("delivered") != true || took(sent.text("message_id")) != 1 {
		t.Errorf("test: %s", sent.body)
	}
	status.Store(503)
	if sent := w.do(operator, "POST", allHooks+"/"+id+"/test", nil).is(200); sent.at("delivered") != false || sent.text("error") != "status 503" {
		t.Errorf("test: %s", sent.body)
	}

	// A delivery that is given up, and resent.
	product := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201)
	given := at + "/deliveries?state=given_up"
	w.eventually("given up", func() bool { return w.do(owner, "GET", given, nil).is(200).count("items") == 1 })
	letter := w.do(owner, "GET", given, nil).is(200)
	event := letter.text("items", 0, "event_id")
	if letter.text("items", 0, "object_id") != product.text("id") || letter.text("items", 0, "error") != "status 503" ||
		letter.number("items", 0, "tries") != 2 || took(event) != 0 {
		t.Errorf("given up: %s", letter.body)
	}
	w.do(w.provider(reviewer), "POST", at+"/deliveries/"+event+"/resend", nil).refuses(404, "not_found")
	status.Store(204)
	before := w.countEvents("dead-letters-retried.v1")
	resent := w.do(owner, "POST", at+"/deliveries/"+event+"/resend", nil, "Idempotency-Key", "r").is(200)
	if resent.text("state") != "due" {
		t.Errorf("resent: %s", resent.body)
	}
	w.eventually("resent", func() bool {
		return took(event) == 1 && w.do(owner, "GET", at+"/deliveries?state=done", nil).is(200).count("items") == 1
	})
	if now := w.do(owner, "POST", at+"/deliveries/"+event+"/resend", nil, "Idempotency-Key", "r").is(200); now.text("state") != "done" {
		t.Errorf("the same request resent it again: %s", now.body)
	}
	if after := w.countEvents("dead-letters-retried.v1"); after != before+1 {
		t.Errorf("%d events say that it was resent", after-before)
	}
	w.do(operator, "POST", allHooks+"/"+id+"/deliveries/"+event+"/resend", nil).is(200)
	w.eventually("sent again by the operator, with the same id", func() bool { return took(event) == 2 })
	w.do(owner, "POST", at+"/deliveries/"+uuid.NewString()+"/resend", nil).refuses(404, "not_found")

	// Another secret, at once.
	rotated := w.do(owner, "POST", at+"/secret", m{"overlap_seconds": 0}, "Idempotency-Key", "s", "If-Match", made.header.Get("ETag")).is(200)
	if second := rotated.text("secret"); second == secret || !strings.HasPrefix(second, "whsec_") {
		t.Errorf("rotated: %d characters", len(second))
	}
	rotate := func() answer {
		return w.do(owner, "POST", at+"/secret", m{"overlap_seconds": 0}, "Idempotency-Key", "s", "If-Match", made.header.Get("ETag")).is(200)
	}
	if same := rotate(); string(same.body) != string(rotated.body) {
		t.Error("a repeated rotation is answered otherwise")
	}
	if first := w.do(owner, "POST", ownHooks, target, "Idempotency-Key", "a").is(201); first.text("secret") != "" {
		t.Error("a secret that retired is shown again")
	}
	const age = `UPDATE access.webhook_secrets SET created_at = created_at - $1::interval`
	for _, by := range []string{"25 hours", "-25 hours"} {
		if _, err := w.pool.Exec(t.Context(), age, by); err != nil {
			t.Fatal(err)
		}
		if shown := rotate().text("secret") != ""; shown != (by == "-25 hours") {
			t.Errorf("older by %s, the secret is shown: %v", by, shown)
		}
	}
	if verifier, err = standardwebhooks.NewWebhook(rotated.text("secret")); err != nil {
		t.Fatal(err)
	}
	verify.Store(verifier)
	if sent := w.do(owner, "POST", at+"/test", nil).is(200); sent.at("delivered") != true {
		t.Errorf("test with the new secret: %s", sent.body)
	}
	w.do(owner, "PUT", at, with(target, "label", "y"), "If-Match", made.header.Get("ETag")).refuses(412, "precondition_failed")

	paused := w.do(owner, "POST", at+"/pause", m{"reason": "停机"}).is(200)
	if page := w.do(owner, "GET", ownHooks+"?state=paused&total=true", nil, "Waybill-Position", paused.position()).is(200); page.count("items") != 1 ||
		page.number("total") != 1 || page.text("items", 0, "reason") != "停机" {
		t.Errorf("paused: %s", page.body)
	}
	w.do(owner, "POST", at+"/resume", nil).is(200)
	w.do(operator, "POST", allHooks+"/"+id+"/remove", m{"reason": "投诉"}).is(200)
	w.do(owner, "POST", at+"/resume", nil).refuses(409, "webhook_removed")
	if rotate().text("secret") != "" {
		t.Error("the secret of a webhook that was removed is shown again")
	}
	w.do(owner, "POST", at+"/test", nil).refuses(409, "webhook_removed")
	for _, hidden := range []string{secret, rotated.text("secret"), "whsec_"} {
		if strings.Contains(w.log.String(), hidden) {
			t.Error("a secret is in the log")
		}
	}
}

// TestWebhooksAreTheirOwners: another provider does not learn that there is one, and an operator changes none but the operators'.
func TestWebhooksAreTheirOwners(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	ann, ben := w.provider(reviewer), w.provider(reviewer)
	target := m{"url": "https://erp.example.com/in"}
	made := w.do(ann, "POST", ownHooks, target).is(201)
	general := w.do(operator, "POST", allHooks, target).is(201)
	id := made.text("id")
	tried := func(who as, base, id string, refuses func(answer)) {
		for path, body := range map[string]any{
			"": nil, "/secret": m{}, "/pause": m{"reason": "x"}, "/resume": nil, "/remove": m{"reason": "x"}, "/test": nil,
			"/deliveries": nil, "/deliveries/" + uuid.NewString() + "/resend": nil,
		} {
			method := "POST"
			if path == "" || path == "/deliveries" {
				method = "GET"
			}
			refuses(w.do(who, method, base+"/"+id+path, body, "Waybill-Position", general.position()))
		}
		refuses(w.do(who, "PUT", base+"/"+id, target))
	}
	notFound := func(a answer) { t.Helper(); a.refuses(404, "not_found") }
	tried(ben, ownHooks, id, notFound)
	tried(ann, ownHooks, general.text("id"), notFound)
	tried(ann, ownHooks, uuid.NewString(), notFound)
	if page := w.do(ben, "GET", ownHooks, nil, "Waybill-Position", general.position()).is(200); page.count("items") != 0 {
		t.Errorf("another's: %s", page.body)
	}
	if page := w.do(operator, "GET", allHooks+"?owner="+ann.id.String(), nil).is(200); page.count("items") != 1 || page.text("items", 0, "id") != id {
		t.Errorf("of one provider: %s", page.body)
	}
	if page := w.do(operator, "GET", allHooks, nil).is(200); page.count("items") != 2 || page.text("items", 0, "owner") != "" {
		t.Errorf("all: %s", page.body)
	}
	w.do(operator, "PUT", allHooks+"/"+id, target).refuses(403, "forbidden")
	w.do(operator, "POST", allHooks+"/"+id+"/secret", m{}).refuses(403, "forbidden")
	w.do(operator, "POST", allHooks+"/"+id+"/pause", m{"reason": "投诉"}).is(200)
	w.do(ann, "POST", allHooks, target).refuses(403, "forbidden")
	w.do(reviewer, "GET", allHooks, nil).refuses(403, "forbidden")

	// What leads inside is not told from what is not there.
	for url, want := range map[string]string{
		"http://erp.example.com": "scheme", "https://10.0.0.1": "host", "https://localhost": "host", "https://u:p@erp.example.com": "user_info",
		"https://erp.example.com/?key=1": "query", "https://erp.example.com:22": "port",
	} {
		refused := w.do(ann, "POST", ownHooks, m{"url": url}).refuses(422, "invalid_input")
		if refused.mistakes()["/url"] != want {
			t.Errorf("%s: %s", url, refused.body)
		}
	}
	// A webhook of what its owner is never told of would be silent.
	for _, silent := range []struct {
		who        as
		base, name string
	}{{ann, ownHooks, "case-claimed.v1"}, {ann, ownHooks, "account-opened.v1"}, {operator, allHooks, "record-opened.v1"}} {
		types := m{"url": target["url"], "types": []string{"product-approved.v1", silent.name}}
		if got := w.do(silent.who, "POST", silent.base, types).refuses(422, "invalid_input"); got.mistakes()["/types/1"] != "not_told" {
			t.Errorf("%s: %s", silent.name, got.body)
		}
	}
	w.do(ann, "PUT", ownHooks+"/"+id, m{"url": target["url"], "types": []string{"case-claimed.v1"}}).refuses(422, "invalid_input")
	for range webhook.MaxHooks - 1 {
		w.do(ann, "POST", ownHooks, target).is(201)
	}
	w.do(ann, "POST", ownHooks, target).refuses(409, "webhook_limit_reached")
}
