package media_test

import (
	"context"
	nethttp "net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"waybill/adapters/linktest"
	"waybill/adapters/media"
)

// TestSilentBucket has the way to a server of S3 go silent under the connection that is kept, before an answer and in the middle of one.
// What is asked for comes over another, while nothing ever closes the old one.
func TestSilentBucket(t *testing.T) {
	t.Parallel()
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	var asked atomic.Int64
	server := httptest.NewServer(nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		asked.Add(1)
		if r.URL.Path != "/bucket/some/sha256/e3/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(nethttp.StatusOK)
	}))
	t.Cleanup(server.Close)
	link, through := linktest.To(t, server.URL)
	files, err := media.OpenFiles(t.Context(), "s3://bucket?region=x&prefix=some/&anonymous=true&use_path_style=true&endpoint="+url.QueryEscape(through))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for range 2 {
		if has, err := files.Has(ctx, digest); !has || err != nil {
			t.Fatalf("got %v, %v", has, err)
		}
		link.Silence()
	}
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}
