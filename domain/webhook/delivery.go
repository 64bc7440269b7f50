package webhook

import (
	"time"

	"github.com/google/uuid"
)

// Message is one delivery, ready to be signed and sent.
type Message struct {
	// ID is the same however often the message is sent.
	ID      uuid.UUID
	URL     string
	At      time.Time
	Body    []byte
	Secrets []Secret
}

// Failure is why a message was not delivered, in words that tell whoever registered the address nothing of the network that Waybill is
// in.
type Failure struct {
	// Word is one of those below, or what the answer was: "status 503".
	Word string
	// Gone says that the receiver wants no more.
	Gone bool
	// After is how long the receiver asks to be left alone; 0 when it does not.
	After time.Duration
	// Cause is for the log of the node only.
	Cause error
}

// Words of a Failure.
const (
	WordUnreachable = "unreachable" // no connection, whatever the reason
	WordTLS         = "tls_failed"
	WordTimedOut    = "timed_out"
	WordBroken      = "broken_answer" // it ended before it was whole
	WordRedirected  = "redirected"
	WordNoSecret    = "no_secret" // the secrets are lost; the next rotation makes one
)

func (f *Failure) Error() string { return f.Word }

// Unwrap returns the cause, which is not in the text.
func (f *Failure) Unwrap() error { return f.Cause }
