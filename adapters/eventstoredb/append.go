package eventstoredb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/google/uuid"
	"google.golang.org/grpc/metadata"

	"waybill/domain"
)

// maxServerBytes is what EventStoreDB takes in one append by default: data, metadata, and the types in UTF-16.
const maxServerBytes = 1 << 20

// Append implements domain.EventStore. While the outcome of an attempt is unknown, or the store is away, it sends the same
// ids at the same expected revision again, for two time-outs at most.
//
// The server answers an append that it has already like a new one. One that this process can know of gets Duplicate; for
// what another node may have appended a moment ago, every result is Unconfirmed.
func (s *Store) Append(
	ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent,
) (domain.AppendResult, error) {
	if err := errors.Join(domain.CheckAppend(stream, expected, events), s.checkName(stream)); err != nil {
		return domain.AppendResult{}, err
	}
	if size := serverBytes(events); size > maxServerBytes {
		return domain.AppendResult{}, fmt.Errorf("%w: %d bytes as EventStoreDB counts them, at most %d",
			domain.ErrTooLarge, size, maxServerBytes)
	}
	started := time.Now()
	landed := s.flights.take(flight{stream, events[0].ID})
	defer landed()
	result, err := s.appendAt(ctx, stream, expected, events)
	s.report(started, events, err)
	if err != nil {
		return domain.AppendResult{}, fmt.Errorf("append to %s expecting %s: %w", stream, expected, err)
	}
	return result, nil
}

// report lets the observer know; the server did its work also when it refused a revision.
func (s *Store) report(started time.Time, events []domain.NewEvent, err error) {
	if errors.Is(err, domain.ErrConflict) {
		err = nil
	}
	s.observe(Appended{Events: len(events), Took: time.Since(started), Err: err})
}

// appendAt appends at a stated revision or to no stream.
func (s *Store) appendAt(
	ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent,
) (domain.AppendResult, error) {
	seen := s.seen.Load()
	written, err := s.send(ctx, stream, expected, events)
	switch {
	case errors.Is(err, domain.ErrConflict):
		return s.refused(ctx, stream, expected, events, seen)
	case err != nil:
		return domain.AppendResult{}, err
	}
	if written.CommitPosition <= seen { // or 0: the server may leave it out for what it has already
		return s.refused(ctx, stream, expected, events, seen)
	}
	s.sawUpTo(written.CommitPosition)
	if _, exact := expected.Exact(); !exact && written.NextExpectedVersion >= uint64(len(events)) {
		// It was there and is deleted, so that its revisions go on: nobody knew what it had been.
		return domain.AppendResult{}, domain.ErrStreamDeleted
	}
	return domain.AppendResult{
		Revision: domain.Revision(written.NextExpectedVersion), Position: domain.Position(written.CommitPosition), Unconfirmed: true,
	}, nil
}

// answerSlack is what a call gets beyond its own deadline: past it the client is not waiting for the server.
const answerSlack = time.Second

// send tries until the server has decided. It returns domain.ErrConflict when the stream is elsewhere.
func (s *Store) send(
	ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent,
) (*esdb.WriteResult, error) {
	options := esdb.AppendToStreamOptions{ExpectedRevision: revisionOf(expected), Deadline: &s.timeout}
	data := eventData(events)
	attempt := func(ctx context.Context, client *esdb.Client) (*esdb.WriteResult, error) {
		return client.AppendToStream(onLeader(ctx), s.named(stream), options, data...)
	}
	var wait backoff
	mayBeDone := false
	for end := time.Now().Add(s.patience()); ; {
		written, err := call(ctx, s.nodes, s.timeout+answerSlack, attempt)
		if err == nil {
			return written, nil
		}
		why := judge(err)
		s.noteRefusal(err, true)
		if why == conflict {
			return nil, domain.ErrConflict
		}
		mayBeDone = mayBeDone || why == unknown
		hopeless := why == fatal || why == denied || errors.Is(err, domain.ErrUnavailable) || time.Now().After(end)
		if hopeless || !wait.sleep(ctx.Done()) {
			return nil, s.explained(failed(err, mayBeDone))
		}
	}
}

// failed is the last attempt's error as the port has it: whatever it was, an earlier attempt may have been written.
func failed(err error, mayBeDone bool) error {
	switch {
	case mayBeDone:
		return fmt.Errorf("%w: %w", domain.ErrOutcomeUnknown, err)
	case streamDeleted(err):
		return fmt.Errorf("%w: %w", domain.ErrStreamDeleted, err)
	case tooLarge(err):
		return fmt.Errorf("%w: %w", domain.ErrTooLarge, err)
	case judge(err) == denied:
		return fmt.Errorf("%w: %w", domain.ErrRefused, err)
	case judge(err) == fatal:
		return fmt.Errorf("refused by EventStoreDB: %w", err)
	}
	return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
}

// refused finds out what an append that was not the first, or too late, met: its own events, whose result it returns, or
// others. What it reads cannot change any more, since streams only grow. Events after what had been seen when the append
// began are of an attempt of its own.
func (s *Store) refused(
	ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent, seen uint64,
) (domain.AppendResult, error) {
	first := domain.Revision(0)
	if revision, ok := expected.Exact(); ok {
		first = min(revision, domain.End-1) + 1
	}
	var last domain.RecordedEvent
	n := 0
	for e, err := range s.ReadStream(ctx, stream, first, domain.Forward, len(events)) {
		if err != nil {
			// This append wrote nothing, but an earlier one with the same ids may have.
			return domain.AppendResult{}, fmt.Errorf("looking for what is stored: %w: %w", domain.ErrOutcomeUnknown, err)
		}
		if e.ID != events[n].ID {
			return domain.AppendResult{}, domain.ErrConflict
		}
		last = e
		n++
	}
	if n < len(events) {
		return domain.AppendResult{}, domain.ErrConflict
	}
	duplicate := uint64(last.Position) <= seen
	if duplicate {
		shrank, err := s.shrank(ctx, seen)
		if err != nil {
			return domain.AppendResult{}, fmt.Errorf("looking for what is stored: %w: %w", domain.ErrOutcomeUnknown, err)
		}
		duplicate = !shrank
	}
	return domain.AppendResult{Revision: last.Revision, Position: last.Position, Duplicate: duplicate, Unconfirmed: true}, nil
}

// onLeader asks for an answer of the leader: a follower would pass a write on, and read what is not the latest. (The
// client's own option for it never reaches the wire.)
func onLeader(ctx context.Context) context.Context {
	return metadata.NewOutgoingContext(ctx, requiresLeader)
}

var requiresLeader = metadata.Pairs("requires-leader", "true")

func revisionOf(expected domain.ExpectedRevision) esdb.ExpectedRevision {
	if revision, ok := expected.Exact(); ok {
		return esdb.Revision(uint64(min(revision, domain.End)))
	}
	return esdb.NoStream{}
}

func eventData(events []domain.NewEvent) []esdb.EventData {
	data := make([]esdb.EventData, len(events))
	for i, e := range events {
		kind := esdb.ContentTypeBinary
		if bytes.HasPrefix(e.Data, []byte{'{'}) && bytes.HasSuffix(e.Data, []byte{'}'}) {
			kind = esdb.ContentTypeJson // a label: the server's own pages show it as text
		}
		data[i] = esdb.EventData{EventID: e.ID, EventType: e.Type, ContentType: kind, Data: e.Data, Metadata: e.Metadata}
	}
	return data
}

// serverBytes is the size of an append as the server counts it.
func serverBytes(events []domain.NewEvent) int {
	size := 0
	for _, e := range events {
		size += len(e.Data) + len(e.Metadata)
		for _, r := range e.Type {
			size += 2 * utf16.RuneLen(r)
		}
	}
	return size
}

// flights keeps two appends of the same events from being under way at once in this process: the second comes after the
// first, and so knows that its events were there.
type flights struct {
	mu     sync.Mutex
	flying map[flight]chan struct{}
}

type flight struct {
	stream domain.StreamName
	first  uuid.UUID
}

// take waits until no append of the same events is under way; landed ends this one.
func (f *flights) take(key flight) (landed func()) {
	f.mu.Lock()
	for other, flying := f.flying[key]; flying; other, flying = f.flying[key] {
		if other == nil { // made by the first who waits: hardly ever is one needed
			other = make(chan struct{})
			f.flying[key] = other
		}
		f.mu.Unlock()
		<-other // its time is bounded
		f.mu.Lock()
	}
	if f.flying == nil {
		f.flying = map[flight]chan struct{}{}
	}
	f.flying[key] = nil
	f.mu.Unlock()
	return func() {
		f.mu.Lock()
		waited := f.flying[key]
		delete(f.flying, key)
		f.mu.Unlock()
		if waited != nil {
			close(waited)
		}
	}
}
