package http_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"waybill/http"
)

// TestOnlyTrustedProxiesSayWhereARequestIsFrom, and what it is called.
func TestOnlyTrustedProxiesSayWhereARequestIsFrom(t *testing.T) {
	w := start(t)
	w.Echo.GET("/it", func(c echo.Context) error { return c.String(200, http.CallOf(c).Client.String()) })
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		client     string
		trusted    bool
	}{
		{"a proxy", "192.0.2.1:7", []string{"198.51.100.9"}, "198.51.100.9", true},
		{"a proxy, after what the client wrote", "192.0.2.1:7", []string{"10.0.0.1, 198.51.100.9"}, "198.51.100.9", true},
		{"the same in two lines", "192.0.2.1:7", []string{"10.0.0.1", "198.51.100.9"}, "198.51.100.9", true},
		{"two proxies", "192.0.2.1:7", []string{"10.0.0.1, 198.51.100.9, 2001:db8::5"}, "198.51.100.9", true},
		{"with ports", "192.0.2.1:7", []string{"198.51.100.9:55, [2001:db8::5]:77"}, "198.51.100.9", true},
		{"IPv4 in IPv6", "[::ffff:192.0.2.1]:7", []string{"::ffff:198.51.100.9"}, "198.51.100.9", true},
		{"a proxy that says nothing", "192.0.2.1:7", nil, "192.0.2.1", true},
		{"a proxy that says nonsense", "192.0.2.1:7", []string{"198.51.100.9, unknown"}, "192.0.2.1", true},
		{"proxies alone", "192.0.2.1:7", []string{"2001:db8::5"}, "2001:db8::5", true},
		{"a stranger", "198.51.100.9:7", []string{"10.0.0.1"}, "198.51.100.9", false},
		{"a stranger beside a proxy", "192.0.2.2:7", []string{"10.0.0.1"}, "192.0.2.2", false},
		{"this machine", "127.0.0.1:7", []string{"10.0.0.1"}, "127.0.0.1", false},
		{"a socket", "@", []string{"10.0.0.1"}, "invalid IP", false},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/it", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = c.peer, c.forwarded
		r.Header.Set("X-Request-Id", "abc-123")
		got := httptest.NewRecorder()
		w.log.Reset()
		w.ServeHTTP(got, r)
		if got.Body.String() != c.client || (got.Header().Get("X-Request-Id") == "abc-123") != c.trusted {
			t.Errorf("%s: from %s, called %s", c.name, got.Body, got.Header().Get("X-Request-Id"))
		}
		if logged := strings.Contains(w.log.String(), "client="+c.client+" "); logged != (c.client != "invalid IP") && !strings.HasSuffix(w.log.String(), "client="+c.client+"\n") {
			t.Errorf("%s: logged as %s", c.name, w.log)
		}
	}
}
