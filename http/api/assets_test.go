package api_test

import (
	"compress/gzip"
	"fmt"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAssetsAreSentAsTheyAreStored to those who take that, and inflated to the others, each under a tag of its own.
func TestAssetsAreSentAsTheyAreStored(t *testing.T) {
	w := start(t)
	const bundle = "/docs/swagger-ui-bundle.js"
	plain := w.do(as{}, "GET", bundle, nil, "Accept-Encoding", "identity").is(200)
	tags := map[string]string{"": plain.header.Get("ETag")}
	for accept, coding := range map[string]string{
		"gzip": "gzip", "br, gzip;q=0.5": "gzip", "GZIP": "gzip", "*": "gzip", "x-gzip": "gzip", "gzip;q=1.000": "gzip", "*;q=0, gzip": "gzip",
		"br": "", "gzip;q=0": "", "gzip; q=0.0, *": "", "*;q=0": "", "identity": "", "gzip;q=x": "",
	} {
		got := w.do(as{}, "GET", bundle, nil, "Accept-Encoding", accept).is(200)
		if got.header.Get("Content-Encoding") != coding || !strings.Contains(got.header.Get("Vary"), "Accept-Encoding") ||
			got.header.Get("Content-Length") != fmt.Sprint(len(got.body)) {
			t.Errorf("%q: %v", accept, got.header)
		}
		body := string(got.body)
		if coding == "gzip" {
			unpacked, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			raw, err := io.ReadAll(unpacked)
			if err != nil {
				t.Fatal(err)
			}
			body = string(raw)
		}
		if body != string(plain.body) {
			t.Errorf("%q: other content", accept)
		}
		if tag := got.header.Get("ETag"); tags[coding] == "" {
			tags[coding] = tag
		} else if tags[coding] != tag {
			t.Errorf("%q: ETag %s, want %s", accept, tag, tags[coding])
		}
		w.do(as{}, "GET", bundle, nil, "Accept-Encoding", accept, "If-None-Match", tags[coding]).is(304)
	}
	if tags[""] == tags["gzip"] || !strings.HasPrefix(tags[""], `"`) {
		t.Errorf("tags %q", tags)
	}
	for path, media := range map[string]string{
		"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript", "favicon-32x32.png": "image/png", "oauth2-redirect.html": "text/html",
	} {
		if got := w.do(as{}, "GET", "/docs/"+path, nil).is(200).header.Get("Content-Type"); !strings.HasPrefix(got, media) {
			t.Errorf("%s as %q", path, got)
		}
	}
	for _, path := range []string{"nothing.js", "swagger-ui.css.gz", "../openapi.yaml", "swagger-ui.css/", "static"} {
		w.do(as{}, "GET", "/docs/"+path, nil).refuses(404, "unknown_route")
	}
	w.do(as{}, "GET", "/docs/", nil).is(200)
}

func BenchmarkAsset(b *testing.B) {
	w := start(b)
	for _, accept := range []string{"gzip", "identity"} {
		b.Run(accept, func(b *testing.B) {
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), nethttp.MethodGet, "/docs/swagger-ui-bundle.js", nil)
				r.Header.Set("Accept-Encoding", accept)
				recorded := httptest.NewRecorder()
				recorded.Body = nil
				w.web.ServeHTTP(recorded, r)
			}
		})
	}
}
