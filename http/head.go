package http

import (
	"context"
	nethttp "net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

type headKey struct{}

// serveHead responds to a HEAD as to the GET that it asks about, without the content (RFC 9110, 9.3.2). Every read is routed,
// guarded and rendered once, as a GET; only the log and the metrics still see a HEAD.
func (w *Web) serveHead(writer nethttp.ResponseWriter, r *nethttp.Request) {
	get := r.WithContext(context.WithValue(r.Context(), headKey{}, true))
	get.Method = nethttp.MethodGet
	if get.Header.Get("Range") != "" {
		get.Header = get.Header.Clone()
		get.Header.Del("Range") // it is for GET alone (RFC 9110, 14.2)
	}
	counting := &headWriter{ResponseWriter: writer}
	w.Echo.ServeHTTP(counting, get)
	counting.finish()
}

// methodOf is the method that the request came with.
func methodOf(r *nethttp.Request) string {
	if head, _ := r.Context().Value(headKey{}).(bool); head {
		return nethttp.MethodHead
	}
	return r.Method
}

// AsksForHead reports whether a request, which looks like a GET, came as a HEAD: what costs much need not be made for it.
func AsksForHead(r *nethttp.Request) bool { return methodOf(r) == nethttp.MethodHead }

// headWriter counts the content instead of sending it, and sends the header at the end.
type headWriter struct {
	nethttp.ResponseWriter
	status int
	size   int
}

func (h *headWriter) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

func (h *headWriter) Write(p []byte) (int, error) {
	h.WriteHeader(nethttp.StatusOK)
	h.size += len(p)
	return len(p), nil
}

func (h *headWriter) finish() {
	h.WriteHeader(nethttp.StatusOK)
	empty := h.status == nethttp.StatusNoContent || h.status == nethttp.StatusNotModified
	streamed := h.Header().Get("Trailer") != "" // nobody knows how long it would be
	if !empty && !streamed && h.Header().Get("Content-Length") == "" {
		h.Header().Set("Content-Length", strconv.Itoa(h.size))
	}
	h.ResponseWriter.WriteHeader(h.status)
}

// allowHead adds HEAD to what a response allows, wherever it has GET.
func allowHead(header nethttp.Header) {
	allow := header.Get("Allow")
	if strings.Contains(allow, nethttp.MethodGet) && !strings.Contains(allow, nethttp.MethodHead) {
		header.Set("Allow", allow+", "+nethttp.MethodHead)
	}
}

// Respond sends a whole response, and how long it is.
func Respond(c echo.Context, status int, media string, content []byte) error {
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(content)))
	return c.Blob(status, media, content)
}
