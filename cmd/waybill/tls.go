package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificateLook bounds how often the files of a certificate are looked at.
const certificateLook = time.Second

// certificates serves the certificate of two files, and the new one soon after they change.
type certificates struct {
	cert, key string
	log       *slog.Logger
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	state   [2]fileState // of the files that current came from
	looked  time.Time
	failure string // that was logged last
}

type fileState struct {
	modified time.Time
	size     int64
}

// loadCertificates fails when the files hold no certificate with its key.
func loadCertificates(cert, key string, log *slog.Logger) (*certificates, error) {
	c := &certificates{cert: cert, key: key, log: log, now: time.Now}
	state, err := c.stat()
	if err != nil {
		return nil, err
	}
	loaded, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("WAYBILL_TLS_CERT and WAYBILL_TLS_KEY: %w", err)
	}
	c.current, c.state, c.looked = &loaded, state, c.now()
	return c, nil
}

// config has a server use them.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(), nil },
	}
}

// get is the certificate as it is now. While the files do not fit together, as in the middle of their exchange, it is the
// one before.
func (c *certificates) get() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= certificateLook {
		c.looked = now
		c.reload()
	}
	return c.current
}

func (c *certificates) reload() {
	state, err := c.stat()
	if err == nil && state == c.state {
		return
	}
	var loaded tls.Certificate
	if err == nil {
		loaded, err = tls.LoadX509KeyPair(c.cert, c.key)
	}
	if err != nil {
		if err.Error() != c.failure {
			c.failure = err.Error()
			c.log.Error("the certificate cannot be loaded anew; the one before stays in use", "error", err)
		}
		return
	}
	c.current, c.state, c.failure = &loaded, state, ""
	c.log.Info("a new certificate is in use", "names", loaded.Leaf.DNSNames, "until", loaded.Leaf.NotAfter)
}

func (c *certificates) stat() (state [2]fileState, err error) {
	for i, name := range []string{c.cert, c.key} {
		info, err := os.Stat(name)
		if err != nil {
			return state, fmt.Errorf("certificate: %w", err)
		}
		state[i] = fileState{info.ModTime(), info.Size()}
	}
	return state, nil
}
