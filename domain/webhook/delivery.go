package webhook

import (
	"regexp"
	"slices"
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

// Words of what is not sent at all, or not yet.
const (
	WordRemoved   = "webhook_removed"
	WordClosed    = "owner_closed"
	WordPaused    = "webhook_paused"
	WordSuspended = "provider_suspended"
	WordBehind    = "feed_behind" // the feed does not show the event
	WordInternal  = "internal"    // Waybill's own trouble
)

var words = []string{
	WordUnreachable, WordTLS, WordTimedOut, WordBroken, WordRedirected, WordNoSecret,
	WordRemoved, WordClosed, WordPaused, WordSuspended, WordBehind,
}

var status = regexp.MustCompile(`^status \d{3}$`)

// Shown is what is shown of why a delivery failed: a word, or what the answer was. Any other error is of Waybill itself and may name what
// is in its network: it is WordInternal. None is shown as none.
func Shown(failure string) string {
	if failure == "" || slices.Contains(words, failure) || status.MatchString(failure) {
		return failure
	}
	return WordInternal
}

func (f *Failure) Error() string { return f.Word }

// Unwrap returns the cause, which is not in the text.
func (f *Failure) Unwrap() error { return f.Cause }
