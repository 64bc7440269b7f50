package webhooks

import (
	"crypto/x509"
	nethttp "net/http"
	"net/http/httptest"
	"testing"
	"time"

	"waybill/adapters/linktest"
)

// TestSilentReceiver has the way to a receiver go silent under a connection that is kept, of either version of HTTP. Deliveries go on over
// another one, while nothing ever closes the old one.
func TestSilentReceiver(t *testing.T) {
	t.Parallel()
	for version, second := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
				if r.Proto != version {
					t.Errorf("got %s", r.Proto)
				}
				w.WriteHeader(nethttp.StatusNoContent)
			}))
			server.EnableHTTP2 = second
			server.StartTLS()
			t.Cleanup(server.Close)
			link, url := linktest.To(t, server.URL)
			roots := x509.NewCertPool()
			roots.AddCert(server.Certificate())
			c := New(Config{Rules: loopback, Roots: roots, Timeout: 5 * time.Second})
			t.Cleanup(c.Close)
			if err := c.Send(t.Context(), message(url)); err != nil {
				t.Fatal(err)
			}
			link.Silence()
			failed := 0
			for end := time.Now().Add(patience); c.Send(t.Context(), message(url)) != nil; failed++ {
				if time.Now().After(end) {
					t.Fatalf("%d deliveries failed", failed)
				}
			}
			if failed == 0 {
				t.Error("the way was not silent")
			}
		})
	}
}
