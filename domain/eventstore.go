package domain

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"strings"
	"unicode/utf8"
)

// EventStore is the log of everything that happened. Every implementation passes the suite in domain/storetest.
type EventStore interface {
	// Append adds events to the end of stream, all or none, if the stream is at the expected revision.
	//
	// It is idempotent by event id: when the stream already holds exactly these ids in this order, as an append with the
	// same expected revision would have left them, it returns the first append's result again, with Duplicate set.
	// Errors: ErrConflict (the stream is elsewhere; read again), ErrTooLarge, ErrOutcomeUnknown (append the same
	// ids at the same expected revision again), ErrUnavailable (nothing was written), ErrInvalidAppend.
	Append(ctx context.Context, stream StreamName, expected ExpectedRevision, events []NewEvent) (AppendResult, error)

	// ReadStream yields at most limit events of stream: upward from revision from, or with Backward downward from it
	// (End: from the last). A stream that does not exist yields nothing. The first error ends the sequence: ErrStreamDeleted
	// for one that was deleted in the store itself, as far as that can be told.
	ReadStream(ctx context.Context, stream StreamName, from Revision, dir Direction, limit int) iter.Seq2[RecordedEvent, error]

	// ReadAll yields at most limit events of the whole log in commit order: those after a position, or with Backward
	// those before it (LogEnd: from the newest). Positions only grow; an event becomes visible after all before it.
	ReadAll(ctx context.Context, at Position, dir Direction, limit int) iter.Seq2[RecordedEvent, error]

	// Subscribe yields every event after a position, in commit order, and waits for more. It never ends by itself:
	// an error ends it (ErrUnavailable when the store went away, ErrWentBack when it does not have any more what was yielded
	// last), or the context. Subscribing again after the last position yielded goes on with nothing lost and nothing doubled.
	Subscribe(ctx context.Context, after Position) iter.Seq2[RecordedEvent, error]
}

// Position is an event's place in the whole log. It only grows; 0 is before the first event. Gaps are allowed.
type Position uint64

// Revision is an event's number in its stream, from 0: what a store expects, and what ETag and If-Match name. It is never a
// ContentRevision.
type Revision uint64

// LogEnd is past every position: where ReadAll starts when it goes backward.
const LogEnd Position = math.MaxInt64

// Direction is the way a read goes.
type Direction bool

// The two directions.
const (
	Forward  Direction = false
	Backward Direction = true
)

const (
	// End as a revision is past every event of a stream: where ReadStream starts when it goes backward.
	End Revision = math.MaxInt64
	// NoLimit as a limit reads to the end.
	NoLimit = math.MaxInt
)

// Limits every store keeps, so that a log can move from one to another.
const (
	// MaxAppendBytes bounds the data and metadata of one append together: 1 MiB less room for the envelope.
	MaxAppendBytes = 1<<20 - 16<<10
	// MaxAppendEvents bounds the events of one append.
	MaxAppendEvents = 500
	// MaxNameBytes bounds the name of a stream and of an event's type. Both are UTF-8 without zero bytes, and not empty.
	MaxNameBytes = 255
)

// AppendResult says where an append ended up.
type AppendResult struct {
	// Revision is the stream's revision after the append: that of its last event.
	Revision Revision
	// Position is that of the append's last event.
	Position Position
	// Duplicate is set when the events had been there already.
	Duplicate bool
	// Unconfirmed is set by a store that cannot tell a first append from the repetition of one that another process made:
	// also without Duplicate the events may be, with the same ids, that process's. What is stored tells.
	Unconfirmed bool
}

// Errors of an event store; test with errors.Is.
var (
	ErrConflict       = errors.New("stream is not at the expected revision")
	ErrOutcomeUnknown = errors.New("append may or may not have taken effect")
	ErrUnavailable    = errors.New("the store is unavailable")
	ErrTooLarge       = errors.New("append is larger than an event store takes")
	ErrInvalidAppend  = errors.New("append is not valid")
	// ErrRefused is unavailability that does not pass by itself: the store answers, and refuses this process's credentials or
	// what they may do. Nothing was written, as with every ErrUnavailable.
	ErrRefused = fmt.Errorf("%w: it refuses the credentials it is given", ErrUnavailable)
	// ErrWentBack ends a read or a subscription that cannot go on where it was: the store was put back to an older backup, or is
	// another one.
	ErrWentBack = errors.New("the log does not have any more what was read of it")
	// ErrStreamDeleted says that somebody deleted or truncated the stream in the store itself, which Waybill never does.
	ErrStreamDeleted = errors.New("the stream was deleted or truncated in the event store itself")
)

// ExpectedRevision is what an append demands of its stream. The zero value is not valid: it must always be stated.
type ExpectedRevision struct {
	kind     expectedKind
	revision Revision
}

type expectedKind uint8

const (
	expectInvalid expectedKind = iota
	expectExact
	expectNoStream
)

// Exactly demands that the stream's last event has this revision.
func Exactly(revision Revision) ExpectedRevision {
	return ExpectedRevision{kind: expectExact, revision: revision}
}

// NoStream demands that the stream has no event yet.
func NoStream() ExpectedRevision { return ExpectedRevision{kind: expectNoStream} }

// Exact returns the revision that Exactly was given; ok is false for NoStream.
func (e ExpectedRevision) Exact() (revision Revision, ok bool) {
	return e.revision, e.kind == expectExact
}

// String is for messages: "exactly 3" or "no stream".
func (e ExpectedRevision) String() string {
	switch e.kind {
	case expectExact:
		return fmt.Sprintf("exactly %d", e.revision)
	case expectNoStream:
		return "no stream"
	case expectInvalid:
	}
	return "not stated"
}

// CheckAppend is the part of an append's validity that needs no store. Every store calls it first.
func CheckAppend(stream StreamName, expected ExpectedRevision, events []NewEvent) error {
	switch {
	case !ValidName(string(stream)):
		return fmt.Errorf("%w: stream name %q", ErrInvalidAppend, string(stream))
	case expected.kind == expectInvalid:
		return fmt.Errorf("%w: expected revision not stated", ErrInvalidAppend)
	case len(events) == 0:
		return fmt.Errorf("%w: no events", ErrInvalidAppend)
	case len(events) > MaxAppendEvents:
		return fmt.Errorf("%w: %d events, at most %d", ErrTooLarge, len(events), MaxAppendEvents)
	}
	size := 0
	for _, e := range events {
		var nilID [16]byte
		if e.ID == nilID || !ValidName(e.Type) {
			return fmt.Errorf("%w: event %s of type %q", ErrInvalidAppend, e.ID, e.Type)
		}
		size += len(e.Data) + len(e.Metadata)
	}
	if size > MaxAppendBytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, MaxAppendBytes)
	}
	return nil
}

// ValidName reports whether a store takes a name of a stream or of a type.
func ValidName(name string) bool {
	return name != "" && len(name) <= MaxNameBytes && utf8.ValidString(name) && !strings.Contains(name, "\x00")
}
