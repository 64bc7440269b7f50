package api_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	nethttp "net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// TestHeadIsGetWithoutItsContent: the same status and header, and how long the content is (RFC 9110, 9.3.2).
func TestHeadIsGetWithoutItsContent(t *testing.T) {
	h := startHostile(t)
	targets := map[string]as{"/docs/swagger-ui-bundle.js": {}, "/docs/nothing.js": {}, "/nowhere": {}, "/api/v1/products/x": {}}
	for _, r := range h.routes() {
		if r.method == "GET" {
			targets[h.target(r)] = h.caller(r)
			if r.path != "/metrics" {
				targets[h.target(r)+"?surprise=1"] = h.caller(r)
			}
		}
	}
	for target, who := range targets {
		h.whileSteady(who, target, func(get answer) []string {
			wrong := headDiffers(target, get, h.do(who, "HEAD", target, nil, "Accept-Encoding", "identity"))
			if tag := get.header.Get("ETag"); tag != "" {
				if known := h.do(who, "HEAD", target, nil, "If-None-Match", tag); known.status != 304 {
					wrong = append(wrong, fmt.Sprintf("%d for the tag it has", known.status))
				}
			}
			return wrong
		})
	}
	if log := h.log.String(); !strings.Contains(log, "method=HEAD route=/api/v1/products ") {
		t.Error("the log does not tell a HEAD from a GET")
	}
}

// headDiffers says what of a HEAD is not as in its GET, but for the content.
func headDiffers(target string, get, head answer) (wrong []string) {
	if head.status != get.status || len(head.body) != 0 {
		wrong = append(wrong, fmt.Sprintf("%d with %d bytes, and for GET %d", head.status, len(head.body), get.status))
	}
	for _, header := range []nethttp.Header{get.header, head.header} {
		header.Del("Date")
		header.Del("X-Request-Id")
		if target == "/metrics" || target == "/readyz" || strings.HasSuffix(target, "/read-models") { // they move on
			header.Del("Content-Length")
		}
		if strings.HasPrefix(target, exportPath) && get.status == 200 { // each is another one, and a GET is recorded
			for _, name := range []string{"Waybill-Export", "Waybill-Position", "Link", "Content-Disposition", "Trailer", "Content-Length"} {
				header.Del(name)
			}
		}
	}
	if !maps.EqualFunc(get.header, head.header, slices.Equal) {
		wrong = append(wrong, fmt.Sprintf("%v, and for GET %v", head.header, get.header))
	}
	return wrong
}

func TestHomeLeadsToTheDocumentation(t *testing.T) {
	w := start(t)
	if got := w.do(as{}, "GET", "/", nil).is(303); got.header.Get("Location") != "/docs" {
		t.Errorf("Location %q", got.header.Get("Location"))
	}
}

func TestOptionsSayWhatIsAllowed(t *testing.T) {
	w := start(t)
	allowed := map[string][]string{}
	for _, r := range w.routes() {
		allowed[r.path] = append(allowed[r.path], r.method)
	}
	for path, methods := range allowed {
		got := w.do(as{}, "OPTIONS", (route{path: path}).with(uuid.NewString()), nil).is(204)
		if slices.Contains(methods, "GET") {
			methods = append(methods, "HEAD")
		}
		allow := strings.Split(got.header.Get("Allow"), ", ")
		for _, method := range methods {
			if !slices.Contains(allow, method) {
				t.Errorf("%s: Allow %q lacks %s", path, allow, method)
			}
		}
		if len(allow) != len(methods)+1 { // OPTIONS itself
			t.Errorf("%s: Allow %q, want %q", path, allow, methods)
		}
	}
}

// TestABodyWhereNoneIsTakenIsRefused, whatever is in it and however it is sent.
func TestABodyWhereNoneIsTakenIsRefused(t *testing.T) {
	h := startHostile(t)
	tried := 0
	for _, r := range h.routes() {
		if r.op.RequestBody != nil {
			continue
		}
		tried++
		for _, body := range []any{m{}, "{}", " ", "null", m{"pinned": false}, "x"} {
			h.do(h.caller(r), r.method, h.address(r), body).refuses(400, "unexpected_body")
		}
		for _, content := range []string{"", "x"} { // in chunks, without a length
			request, err := nethttp.NewRequestWithContext(t.Context(), r.method, h.url+h.address(r), io.MultiReader(strings.NewReader(content)))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+h.caller(r).token)
			if got := h.send(request); (got.status == 400) != (content != "") {
				t.Errorf("%s with %q in chunks: %d %.200s", r, content, got.status, got.body)
			}
		}
	}
	if tried < 30 {
		t.Errorf("only %d operations were tried", tried)
	}
}

// TestValidJSONIsTaken, in each of the forms that it and its header can have.
func TestValidJSONIsTaken(t *testing.T) {
	h := startHostile(t)
	approve := func() string {
		revised := h.do(h.callers["provider"], "PUT", "/api/v1/provider/products/"+h.product, content()).is(200)
		return fmt.Sprint(revised.at("revision"))
	}
	target := "/api/v1/review/products/" + h.product + "/approve"
	for _, form := range []string{"%s", "%s.0", "%se0", "%s0e-1", "%sE+0", "%s.00e0", "%s00.0E-2"} {
		h.do(h.callers["reviewer"], "POST", target, `{"revision": `+fmt.Sprintf(form, approve())+` }`).is(200)
	}
	for _, header := range [][]string{
		{"Content-Type", "application/json"},
		{"Content-Type", "application/json; charset=UTF-8"},
		{"Content-Type", "Application/JSON;charset=utf-8"},
		{"Content-Type", `application/json; charset="Utf-8"`},
		{"Content-Type", "application/json;"},
		{"Content-Type", "application/json; charset=utf8"},
		{"Content-Encoding", "identity"},
		{"Content-Encoding", "Identity"},
	} {
		h.do(h.callers["reviewer"], "POST", target, `{"revision":`+approve()+`}`, header...).is(200)
	}
	for _, number := range []string{"1.5", "1e-1", "1e10", "2147483648", "21474836480e-1", "1e999999999999999999", "0.1e0", `"1"`, "true"} {
		got := h.do(h.callers["reviewer"], "POST", target, `{"revision":`+number+`}`).refuses(422, "invalid_input")
		if got.mistakes()["/revision"] != "wrong_type" {
			t.Errorf("%s: %s", number, got.body)
		}
	}
	for _, number := range []string{"0", "0.0", "-0", "-1.0", "0e5"} {
		got := h.do(h.callers["reviewer"], "POST", target, `{"revision":`+number+`}`).refuses(422, "invalid_input")
		if got.mistakes()["/revision"] != "required" {
			t.Errorf("%s: %s", number, got.body)
		}
	}
}

// TestWhatIsNoJSONIsNamed, also where it cannot be seen.
func TestWhatIsNoJSONIsNamed(t *testing.T) {
	h := startHostile(t)
	for body, words := range map[string][]string{
		"\xef\xbb\xbf{}": {"byte-order mark", "字节顺序标记"}, "\xff\xfe{\x00}\x00": {"UTF-16", "UTF-16"}, "\xfe\xff\x00{\x00}": {"UTF-16", "UTF-16"},
		"{\"text\":\"\xff\"}": {"at byte 10", "第10字节"}, `{"text":}`: {"at byte 9", "第9字节"},
	} {
		got := h.do(h.callers["provider"], "POST", "/api/v1/provider/products", body).refuses(400, "malformed_json")
		if !strings.Contains(got.text("messages", "en"), words[0]) || !strings.Contains(got.text("messages", "zh"), words[1]) {
			t.Errorf("%q: %s", body, got.body)
		}
	}
	got := h.do(h.callers["auditor"], "GET", "/api/v1/audit/events?from=2026-03-02T00:00:00+08:00", nil).refuses(422, "invalid_input")
	if got.mistakes()["from"] != "bad_time" || !strings.Contains(got.text("errors", 0, "messages", "en"), "%2B") {
		t.Errorf("got %s", got.body)
	}
	h.do(h.callers["auditor"], "GET", "/api/v1/audit/events?from=2026-03-02T00:00:00%2B08:00", nil).is(200)
}

// TestARefusalDoesNotWaitForTheBody that the caller would only send when told to go on.
func TestARefusalDoesNotWaitForTheBody(t *testing.T) {
	h := startHostile(t)
	for path, status := range map[string]int{"/api/v1/provider/products/" + h.product + "/pin": 400, "/api/v1/nothing": 404} {
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(h.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\nContent-Length: 1000\r\n\r\n",
			path, h.callers["provider"].token)
		line, err := bufio.NewReader(conn).ReadString('\n')
		if want := "HTTP/1.1 " + strconv.Itoa(status); err != nil || !strings.HasPrefix(line, want) {
			t.Errorf("%s: %q %v, want %s", path, line, err, want)
		}
	}
}

// times calls found with every value of a JSON text whose name is that of a time.
func times(value any, found func(name, text string)) {
	switch value := value.(type) {
	case m:
		for name, inner := range value {
			if text, ok := inner.(string); ok && (name == "at" || strings.HasSuffix(name, "_at")) {
				found(name, text)
			}
			times(inner, found)
		}
	case []any:
		for _, inner := range value {
			times(inner, found)
		}
	}
}

// TestTimesAreInTheirOrderAsTexts: RFC 3339 in UTC, always with microseconds.
func TestTimesAreInTheirOrderAsTexts(t *testing.T) {
	h := startHostile(t)
	h.do(h.callers["provider"], "POST", "/api/v1/provider/bookings/"+h.booking+"/reply", m{"text": "可安排。"}).is(200)
	read := h.do(h.callers["enterprise"], "PUT", "/api/v1/bookings/"+h.booking+"/read", nil).is(200)
	form, names := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$`), map[string]bool{}
	for _, r := range h.routes() {
		if r.method != "GET" || r.op.Extensions["x-read-model"] == nil {
			continue
		}
		got := h.do(h.caller(r), "GET", h.target(r), nil, "Waybill-Position", read.position())
		if media := got.header.Get("Content-Type"); !strings.Contains(media, "json") || strings.Contains(media, "jsonl") {
			continue // an image, or a file
		}
		times(got.at(), func(name, text string) {
			names[name] = true
			if !form.MatchString(text) {
				t.Errorf("%s: %s %q", r, name, text)
			}
		})
	}
	if len(names) < 8 {
		t.Errorf("only %v were seen", names)
	}
}
