package esdbtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
)

// plainHTTP answers the few HTTP/1.1 requests that scripts and health checks send to the same port, without TLS only.
type plainHTTP struct {
	version string
}

func (s *Server) plain() *plainHTTP {
	if s.options.TLS != nil {
		return nil
	}
	return &plainHTTP{version: s.options.Version}
}

// took says whether the connection began as an HTTP/1.1 request, and was answered, or ended before it began.
func (p *plainHTTP) took(c *connection) bool {
	head := make([]byte, 4)
	n, err := io.ReadFull(c.Conn, head)
	c.head = head[:n]
	if err != nil {
		return true
	}
	if method := string(head); method == "GET " || method == "HEAD" {
		p.answer(c)
		return true
	}
	return false
}

func (p *plainHTTP) answer(c *connection) {
	req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(bytes.NewReader(c.head), c.Conn)))
	if err != nil {
		return
	}
	resp := &http.Response{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req, Close: true,
		Header: http.Header{}, StatusCode: http.StatusNotFound, Body: http.NoBody,
	}
	switch req.URL.Path {
	case "/health/live", "/health/ready":
		resp.StatusCode = http.StatusNoContent
	case "/info":
		body, _ := json.Marshal(map[string]any{ // texts always can
			"esVersion": p.version, "state": "leader", "features": map[string]bool{"projections": false},
		})
		resp.StatusCode, resp.ContentLength, resp.Body = http.StatusOK, int64(len(body)), io.NopCloser(bytes.NewReader(body))
		resp.Header.Set("Content-Type", "application/json")
	}
	_ = resp.Write(c.Conn) // a client that does not wait for it
}
