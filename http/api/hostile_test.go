package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	nethttp "net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
)

// hostile is a world with a caller for every role, and something for them to reach.
type hostile struct {
	*world
	callers                map[string]as
	hook, product, booking string
	// victim is a provider that operators may close.
	victim string
}

func startHostile(t *testing.T) hostile {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner, enterprise := w.provider(reviewer), w.enterprise()
	product, _ := w.listed(owner, reviewer)
	booked := w.do(enterprise, "POST", "/api/v1/bookings", inquiry(product)).is(201)
	hooked := w.do(owner, "POST", "/api/v1/provider/webhooks", m{"url": "https://erp.example.com/in"}).is(201)
	h := hostile{world: w, hook: hooked.text("id"), product: product, booking: booked.text("id"), victim: w.provider(reviewer).id.String(), callers: map[string]as{
		"any": enterprise, "enterprise": enterprise, "provider": owner, "reviewer": reviewer, "public": {},
		"auditor": w.staff(domain.RoleAuditor), "operator": w.staff(domain.RoleOperator),
	}}
	// Nothing moves any more: every read model shows all of it.
	head, err := w.commands.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for role, path := range map[string]string{
		"enterprise": "/api/v1/bookings", "provider": "/api/v1/provider/products", "reviewer": "/api/v1/review/queue",
		"auditor": "/api/v1/audit/events", "operator": "/api/v1/operator/webhooks", "": "/api/v1/products",
	} {
		w.do(h.callers[role], "GET", path, nil, "Waybill-Position", strconv.FormatUint(uint64(head), 10)).is(200)
	}
	return h
}

// whileSteady has what a GET of target returns examined, and reports what is wrong of it; once more when its tag has changed meanwhile,
// as a report's does when the event of an export, or of a reaction, reaches its read model.
func (h hostile) whileSteady(who as, target string, examine func(got answer) (wrong []string)) {
	h.t.Helper()
	for {
		got := h.do(who, "GET", target, nil, "Accept-Encoding", "identity")
		tag := got.header.Get("ETag")
		wrong := examine(got)
		if len(wrong) != 0 && tag != "" && h.do(who, "GET", target, nil, "Accept-Encoding", "identity").header.Get("ETag") != tag {
			continue
		}
		for _, what := range wrong {
			h.t.Errorf("%s: %s", target, what)
		}
		return
	}
}

func (h hostile) caller(r route) as { return h.callers[r.roles[0]] }

// target is a path of the route that leads to something.
func (h hostile) target(r route) string {
	switch {
	case strings.Contains(r.path, "/bookings/"):
		return r.with(h.booking)
	case strings.Contains(r.path, "/products/"), strings.Contains(r.path, "/audit/{kind}/"):
		return r.with(h.product)
	case strings.Contains(r.path, "/webhooks/"):
		return r.with(h.hook)
	case strings.Contains(r.path, "/places/"):
		return r.with("1796556")
	case strings.Contains(r.path, "/calendar/"):
		return r.with("2026")
	case strings.Contains(r.path, "/problems/"):
		return r.with("internal")
	case strings.Contains(r.path, "/media/"):
		return r.with(image)
	}
	return r.with(h.victim)
}

// address is the target with the query parameters that are given, and as their examples those that must be.
func (h hostile) address(r route, given ...string) string {
	query := url.Values{}
	for _, p := range r.op.Parameters {
		if p.Value.In == "query" && p.Value.Required {
			query.Set(p.Value.Name, fmt.Sprint(p.Value.Schema.Value.Example))
		}
	}
	for i := 0; i < len(given); i += 2 {
		query.Set(given[i], given[i+1])
	}
	if len(query) == 0 {
		return h.target(r)
	}
	return h.target(r) + "?" + query.Encode()
}

// harmless checks that whatever was sent is answered, and not as a fault of ours.
func (h hostile) harmless(a answer, what string) {
	h.t.Helper()
	if a.status >= 500 {
		h.t.Errorf("%s with %.200s: %d\n%s", a.what, what, a.status, a.body)
	}
}

// refused is harmless, and not accepted either.
func (h hostile) refused(a answer, what string) {
	h.t.Helper()
	if a.status < 400 || a.status >= 500 {
		h.t.Errorf("%s with %.200s: %d, want a 4xx\n%s", a.what, what, a.status, a.body)
	}
}

var strange = []string{
	"", " ", "0", "-1", "1e999", "99999999999999999999999999", "NaN", "null", "true", "[]", "{}", "'", `"`, `\`, "%", "_",
	"' OR 1=1 --", "'; DROP SCHEMA eventstore CASCADE; --", "1); SELECT pg_sleep(9); --", "$1", "{{7*7}}", "${jndi:x}",
	"../../../etc/passwd", "<script>alert(1)</script>", "\x00", "a\x00b", "\xff\xfe", "\xed\xa0\x80", "\u202e\u200b", "𠮷😀", "\r\nX: y",
	"product-", "product-zzz", "2026-13-45T99:99:99Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59+14:00", "AAAA", "////", strings.Repeat("=", 37),
	strings.Repeat("9", 400), strings.Repeat("海", 700), strings.Repeat("a", 5000),
}

func TestHostilePaths(t *testing.T) {
	h := startHostile(t)
	for _, r := range h.routes() {
		if !strings.Contains(r.path, "{") {
			continue
		}
		for _, word := range slices.Concat(strange, []string{
			h.product + "x", "{" + h.product + "}", "urn:uuid:" + h.product, strings.ReplaceAll(h.product, "-", ""),
		}) {
			h.refused(h.do(h.caller(r), r.method, r.with(url.PathEscape(word)), r.example()), word)
		}
		// An id that is well formed but nobody's. The explanation of a code takes no id.
		h.refused(h.do(h.caller(r), r.method, r.with(uuid.Nil.String()), r.example()), "the nil UUID")
	}
}

func TestHostileQueries(t *testing.T) {
	h := startHostile(t)
	for _, r := range h.routes() {
		target := h.target(r)
		for _, raw := range []string{"surprise=1", "limit=1&limit=2&limit=3", "%zz=1", "a;b", "Limit=1", "limit[]=1", strings.Repeat("x=1&", 1000) + "y"} {
			if r.method == "GET" && r.path != "/metrics" {
				h.refused(h.do(h.caller(r), r.method, target+"?"+raw, nil), raw)
			}
		}
		for _, p := range r.op.Parameters {
			if p.Value.In != "query" {
				continue
			}
			for _, word := range strange {
				a := h.do(h.caller(r), r.method, h.address(r, p.Value.Name, word), nil)
				h.harmless(a, p.Value.Name+"="+word)
				if got := a.status; got == 422 && a.mistakes()[p.Value.Name] == "" {
					t.Errorf("%s with %s=%.100q: the parameter is not named\n%s", r, p.Value.Name, word, a.body)
				}
			}
		}
	}
}

func TestHostileHeaders(t *testing.T) {
	h := startHostile(t)
	names := []string{
		"Idempotency-Key", "If-Match", "If-None-Match", "Waybill-Position", "X-Request-Id", "Accept-Language", "Accept",
		"Authorization", "Content-Encoding", "Transfer-Coding", "Range", "Expect-Ct", "Origin", "Cookie",
	}
	for n, r := range h.routes() {
		if r.path == "/metrics" {
			continue
		}
		for _, name := range names {
			for i, word := range strange {
				// Every word meets every header, on a third of the routes. What the client will not send is left out.
				if (i+n)%3 != 0 || strings.ContainsAny(word, "\x00\r\n") || len(word) > 4000 {
					continue
				}
				// A read does no harm when it is repeated; a write is sent to nobody's object.
				target := h.target(r)
				if r.method != "GET" {
					target = r.with(uuid.NewString())
				}
				h.harmless(h.do(h.caller(r), r.method, target, nil, name, word), name+": "+word)
			}
		}
		if slices.Contains(r.roles, "public") {
			continue
		}
		for _, word := range []string{"Bearer", "Bearer ", "bearer x y", "Basic d2I6d2I=", "Bearer " + strings.Repeat("a", 3000), "Bearer \xff"} {
			h.do(as{}, r.method, r.with(uuid.NewString()), nil, "Authorization", word).is(401)
		}
	}
}

func TestHostileBodies(t *testing.T) {
	h := startHostile(t)
	big := `{"name":"` + strings.Repeat("a", 1<<20) + `"}`
	malformed := map[string]int{
		"": 400, "  \n": 400, "{": 400, "}": 400, `{"a":}`: 400, `{"a":1,}`: 400, "{'a':1}": 400, "nul": 400, `{"a":01}`: 400, `{"a":1}{"b":2}`: 400,
		`{"a":1} x`: 400, "\xef\xbb\xbf{}": 400, "{\"a\":\"\xff\"}": 400, "{\"a\":\"\x00\"}": 400, `{"a":"\ud8"}`: 400, `{"a":NaN}`: 400, `{"a":Infinity}`: 400,
		strings.Repeat("[", 100_000): 400, strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000): 400,
		"null": 422, "1": 422, `"x"`: 422, "[]": 422, "true": 422, `{"surprise":1}`: 422, `{"":1}`: 422, `{"__proto__":{}}`: 422, `{"a\u0000b":1}`: 422, big: 413,
	}
	for _, r := range h.routes() {
		example, ok := r.example().(m)
		if !ok {
			continue
		}
		who, target := h.caller(r), h.target(r)
		for body, status := range malformed {
			if got := h.do(who, r.method, target, body); got.status != status {
				t.Errorf("%s with %.60q: %d, want %d\n%.300s", r, body, got.status, status, got.body)
			}
		}
		for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=gbk", "multipart/form-data", "application/xml", ";;"} {
			h.do(who, r.method, target, example, "Content-Type", media).refuses(415, "unsupported_media_type")
		}
		h.do(who, r.method, target, example, "Content-Encoding", "gzip").refuses(415, "unsupported_media_type")
		// Every field of the example, in turn, something else.
		for pointer, body := range mutations(example) {
			got := h.do(who, r.method, target, body)
			h.harmless(got, pointer+": "+body)
			if strings.HasSuffix(pointer, " twice") || strings.HasSuffix(pointer, " misspelt") {
				at := strings.Fields(pointer)[0]
				if got.status != 422 || got.mistakes()[at] == "" {
					t.Errorf("%s with %s: %d, mistakes %v\n%s", r, pointer, got.status, got.mistakes(), body)
				}
			}
		}
	}
}

// mutations are variants of an example with one field made strange, by what was done where.
func mutations(example m) map[string]string {
	all := map[string]string{}
	text := func(o m) string {
		raw, err := json.Marshal(o)
		if err != nil {
			panic(err)
		}
		return string(raw)
	}
	deep := json.RawMessage(strings.Repeat("[", 30) + strings.Repeat("]", 30))
	huge := json.RawMessage("1e400")
	values := []any{
		nil, 0, -1, 1.5, 1e300, huge, true, "", " ", "x", strings.Repeat("海", 5000),
		[]any{},
		[]any{nil},
		[]any{1, "x", m{}},
		m{},
		m{"x": 1},
		deep,
		"a\u0000b", "\ufffd", "' OR 1=1 --", slices.Repeat([]any{"x"}, 5000), json.RawMessage(`"\ud800"`), json.RawMessage("9007199254740993"), json.RawMessage("2147483648"),
	}
	for _, name := range slices.Sorted(maps.Keys(example)) {
		for i, value := range values {
			all[fmt.Sprintf("/%s = %d", name, i)] = text(with(example, name, value))
		}
		less := maps.Clone(example)
		delete(less, name)
		all["/"+name+" missing"] = text(less)
		value, _ := json.Marshal(example[name]) //nolint:errchkjson // it was JSON
		all["/"+name+" twice"] = fmt.Sprintf(`{"%s":%s,%s`, name, value, text(example)[1:])
		all["/"+strings.ToUpper(name)+" misspelt"] = text(with(less, strings.ToUpper(name), example[name]))
		if nested, ok := example[name].(m); ok {
			for inner, body := range mutations(nested) {
				all["/"+name+inner] = text(with(example, name, json.RawMessage(body)))
			}
		}
	}
	return all
}

// TestMistakesAreAllNamed: one answer names every wrong field, each by its pointer.
func TestMistakesAreAllNamed(t *testing.T) {
	h := startHostile(t)
	owner := h.callers["provider"]
	const products = "/api/v1/provider/products"
	for body, want := range map[string]map[string]string{
		`{}`: {
			"/name": "required", "/brief": "required", "/mode": "unknown_mode", "/destination/country": "required",
			"/destination/city": "required", "/destination/latitude": "required", "/cover": "required", "/details": "required",
		},
		`{"name":1,"mode":null,"tags":{},"destination":{"latitude":"x","longitude":[],"hight":1},"details":[1],"a/b~c":1,"pinned":true}`: {
			"/name": "wrong_type", "/mode": "required", "/tags": "wrong_type", "/destination/latitude": "wrong_type", "/destination/longitude": "wrong_type",
			"/destination/hight": "unknown_field", "/details/0": "wrong_type", "/a~1b~0c": "unknown_field", "/pinned": "unknown_field",
		},
		`{"destination":{"latitude":20}}`: {"/destination/longitude": "required"},
		`[]`:                              {"": "wrong_type"},
	} {
		got := h.do(owner, "POST", products, body).refuses(422, "invalid_input").mistakes()
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
	approve := "/api/v1/review/products/" + h.product + "/approve"
	for _, body := range []string{`{}`, `{"revision":0}`, `{"revision":-1}`, `{"revision":null}`} {
		if got := h.do(h.callers["reviewer"], "POST", approve, body).refuses(422, "invalid_input").mistakes(); got["/revision"] != "required" {
			t.Errorf("%s: %v", body, got)
		}
	}
	got := h.do(h.callers["enterprise"], "POST", "/api/v1/bookings", m{"message": "请报价"}).refuses(422, "invalid_input").mistakes()
	if got["/product_id"] != "required" {
		t.Errorf("got %v", got)
	}
	got = h.do(as{}, "GET", "/api/v1/products?limit=101&mode=ship&colour=red", nil).refuses(422, "invalid_input").mistakes()
	if want := map[string]string{"limit": "out_of_range", "mode": "unknown_value", "colour": "unknown_parameter"}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestABodyThatNeverEndsIsCutOff(t *testing.T) {
	h := startHostile(t)
	r, err := nethttp.NewRequestWithContext(t.Context(), "POST", h.url+"/api/v1/provider/products", endless{})
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+h.callers["provider"].token)
	h.send(r).refuses(413, "body_too_large")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte(" "), len(p))), nil }
