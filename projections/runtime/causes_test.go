package runtime

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"

	"waybill/domain/product"
)

// lessThanItsCause is an error that says less than its cause.
type lessThanItsCause struct{ error }

func (lessThanItsCause) Error() string   { return "unreachable" }
func (l lessThanItsCause) Unwrap() error { return l.error }

// What the ledger does not say of a failure is in the log, but for the address.
func TestTheCauseOfAFailureIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reaction := newOutside().tell(FromStart)
	cause := &url.Error{Op: "Post", URL: "https://hook.example/a-token", Err: errors.New("connection refused")}
	reaction.Deliver = func(context.Context, Delivery) error { return &Undelivered{Err: lessThanItsCause{cause}} }
	w.append(someProduct(), product.Listed{})
	var logged lockedBuffer
	w.start(func(c *Config) {
		c.Reactions, c.Logger = []Reaction{reaction}, slog.New(slog.NewTextHandler(&logged, nil))
	})
	w.eventually("given up", func() bool { return strings.Contains(logged.text(), "delivery was given up") })
	if text := logged.text(); !strings.Contains(text, `error=unreachable cause="connection refused"`) || strings.Contains(text, "a-token") {
		t.Error(text)
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
