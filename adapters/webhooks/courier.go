// Package webhooks sends what webhooks are told of, to public addresses alone, signed by the Standard Webhooks scheme.
package webhooks

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"waybill/domain/webhook"
)

// Bounds of one attempt.
const (
	connectTimeout = 5 * time.Second
	pingAfter      = 5 * time.Second // of silence
	wholeTimeout   = 15 * time.Second
	// maxAnswer is how much of an answer is read. What it says is of no interest, only that it ends.
	maxAnswer = 64 << 10
	// longestWait bounds what a receiver may ask for with Retry-After.
	longestWait = time.Hour
)

// Config is how a Courier sends.
type Config struct {
	// Rules say what is allowed of addresses, as they do when a webhook is registered.
	Rules webhook.Rules
	// Roots are who may sign certificates; nil for the system's.
	Roots *x509.CertPool
	// Timeout bounds an attempt; 0 is 15 seconds.
	Timeout time.Duration
}

// Courier sends messages. It is safe for concurrent use.
type Courier struct {
	client  *nethttp.Client
	timeout time.Duration
}

// New is a courier that follows no redirection, asks no proxy, and connects to what guard allows.
func New(c Config) *Courier {
	if c.Timeout <= 0 {
		c.Timeout = wholeTimeout
	}
	dialer := &net.Dialer{Timeout: connectTimeout, Control: guard(c.Rules)}
	transport := &nethttp.Transport{
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: c.Timeout,
		// A connection that is kept is to an address that was looked at when it was made.
		MaxIdleConns: 100, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: 16 << 10, DisableCompression: true, ForceAttemptHTTP2: true,
		// A request's time-out does not end a connection of HTTP/2, which would be used again and again.
		HTTP2: &nethttp.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: connectTimeout},
	}
	return &Courier{
		client: &nethttp.Client{
			Transport:     transport,
			CheckRedirect: func(*nethttp.Request, []*nethttp.Request) error { return nethttp.ErrUseLastResponse },
		},
		timeout: c.Timeout,
	}
}

// Close ends the connections that are kept.
func (c *Courier) Close() { c.client.CloseIdleConnections() }

// guard looks at each address at the moment of connecting to it, whatever name led there and however often that changes.
func guard(rules webhook.Rules) func(network, address string, conn syscall.RawConn) error {
	public := ssrf.New(ssrf.WithPorts(rules.Ports()...))
	return func(network, address string, conn syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: %w", ssrf.ErrInvalidHostPort, err)
		}
		plain := at.Addr().Unmap().WithZone("")
		if at.Addr().Zone() == "" && slices.ContainsFunc(rules.Private, func(p netip.Prefix) bool { return p.Contains(plain) }) {
			return nil
		}
		return public.Safe(network, address, conn)
	}
}

// Send delivers a message. Every error is a *webhook.Failure: only an answer of 2xx that comes in time and as a whole is none.
func (c *Courier) Send(ctx context.Context, m webhook.Message) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	signature, err := sign(m)
	if err != nil {
		return &webhook.Failure{Word: webhook.WordNoSecret, Cause: err}
	}
	request, err := nethttp.NewRequestWithContext(ctx, nethttp.MethodPost, m.URL, bytes.NewReader(m.Body))
	if err != nil {
		return &webhook.Failure{Word: webhook.WordUnreachable, Cause: err}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "Waybill-Webhooks/1")
	request.Header.Set(standardwebhooks.HeaderWebhookID, m.ID.String())
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(m.At.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	answer, err := c.client.Do(request)
	if err != nil {
		return &webhook.Failure{Word: wordOf(err), Cause: err}
	}
	defer answer.Body.Close()
	if answer.StatusCode == nethttp.StatusSwitchingProtocols {
		// Its body is the connection itself, which no deadline of the request ends.
		return &webhook.Failure{Word: statusWord(answer.StatusCode)}
	}
	_, broken := io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer))
	switch code := answer.StatusCode; {
	case code >= 300 && code < 400:
		return &webhook.Failure{Word: webhook.WordRedirected}
	case code == nethttp.StatusGone:
		return &webhook.Failure{Word: statusWord(code), Gone: true}
	case code < 200 || code >= 300:
		return &webhook.Failure{Word: statusWord(code), After: retryAfter(answer.Header)}
	case broken != nil && wordOf(broken) == webhook.WordTimedOut:
		return &webhook.Failure{Word: webhook.WordTimedOut, Cause: broken}
	case broken != nil:
		return &webhook.Failure{Word: webhook.WordBroken, Cause: broken}
	}
	return nil
}

// sign is the header with one signature for each secret, the newest first.
func sign(m webhook.Message) (string, error) {
	if len(m.Secrets) == 0 {
		return "", errors.New("no secret to sign with")
	}
	signatures := make([]string, len(m.Secrets))
	for i, secret := range m.Secrets {
		signer, err := standardwebhooks.NewWebhook(string(secret))
		if err != nil {
			return "", errors.New("a secret is damaged") // the error would repeat a part of it
		}
		if signatures[i], err = signer.Sign(m.ID.String(), m.At, m.Body); err != nil {
			return "", errors.New("signing failed")
		}
	}
	return strings.Join(signatures, " "), nil
}

func statusWord(code int) string { return "status " + strconv.Itoa(code) }

// wordOf tells apart what whoever registered the address can do something about, and nothing else: that an address is not allowed is
// the same as that nobody answers there.
func wordOf(err error) string {
	var (
		timeout    net.Error
		record     tls.RecordHeaderError
		alert      tls.AlertError
		unverified *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP), errors.Is(err, ssrf.ErrProhibitedPort), errors.Is(err, ssrf.ErrProhibitedNetwork):
		return webhook.WordUnreachable
	case errors.As(err, &timeout) && timeout.Timeout():
		return webhook.WordTimedOut
	case errors.As(err, &unverified), errors.As(err, &record), errors.As(err, &alert):
		return webhook.WordTLS
	}
	return webhook.WordUnreachable
}

// retryAfter reads seconds, or a date, which is held against the date of the answer: both are the receiver's clock. 0 for anything else.
func retryAfter(headers nethttp.Header) time.Duration {
	header := headers.Get("Retry-After")
	wait := time.Duration(0)
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := nethttp.ParseTime(header); err == nil {
		if now, err := nethttp.ParseTime(headers.Get("Date")); err == nil {
			wait = at.Sub(now)
		}
	}
	return min(max(wait, 0), longestWait)
}
