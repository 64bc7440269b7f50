// Package logtest makes logs with bytes of every kind and holds stores to them, for tests of copies.
package logtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
)

// Random makes a log of so many events, of so many streams that take turns, with bytes of every kind.
func Random(events, streams int) []domain.RecordedEvent {
	names, revisions := make([]domain.StreamName, streams), make([]domain.Revision, streams)
	for i := range names {
		names[i] = domain.Stream("copied", uuid.New())
	}
	log := make([]domain.RecordedEvent, events)
	at := time.Date(2025, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range log {
		s := rand.N(streams)
		if i > 0 && rand.N(3) > 0 { // a run of one stream, so that appends of several come up
			for names[s] != log[i-1].Stream {
				s = (s + 1) % streams
			}
		}
		at = at.Add(rand.N(time.Hour)).Truncate(time.Microsecond)
		log[i] = domain.RecordedEvent{
			ID: uuid.New(), Stream: names[s], Revision: revisions[s], Type: fmt.Sprintf("copied-%d.v1", rand.N(5)),
			Data: randomBytes(rand.N(200)), Metadata: randomBytes(rand.N(3) * 40), RecordedAt: at,
		}
		revisions[s]++
	}
	return log
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.Uint32())
	}
	return b
}

// Odd is a log of so many streams that ends with what is at the limits: the largest event, the most events of an append,
// long names.
func Odd(streams int) []domain.RecordedEvent {
	log := Random(3*streams, streams)
	large, many, long := domain.Stream("large", uuid.New()), domain.Stream("many", uuid.New()), domain.StreamName(strings.Repeat("长-", 63))
	next := func(stream domain.StreamName, revision domain.Revision, name string, data []byte) {
		log = append(log, domain.RecordedEvent{
			ID: uuid.New(), Stream: stream, Revision: revision, Type: name, Data: data, RecordedAt: time.Unix(1_700_000_000, 0).UTC(),
		})
	}
	for i := range domain.Revision(3) {
		next(large, i, "large.v1", randomBytes(domain.MaxAppendBytes))
	}
	for i := range domain.Revision(1201) {
		next(many, i, "many.v1", nil)
	}
	for i := range domain.Revision(600) { // the names alone are more than an append holds
		next(long, i, strings.Repeat("n", domain.MaxNameBytes), randomBytes(1500))
	}
	return log
}

// Import adds a log to a store that has Import.
func Import(t testing.TB, store domain.EventStore, log []domain.RecordedEvent) {
	t.Helper()
	importer, ok := store.(interface {
		Import(ctx context.Context, events []domain.RecordedEvent) (domain.Position, error)
	})
	if !ok {
		t.Fatalf("%T has no Import", store)
	}
	for len(log) > 0 {
		n := min(len(log), 2000)
		if _, err := importer.Import(t.Context(), log[:n]); err != nil {
			t.Fatal(err)
		}
		log = log[n:]
	}
}

// Expect holds a store to a log, event by event; with times, also to when each was recorded.
func Expect(t testing.TB, s domain.EventStore, log []domain.RecordedEvent, times bool) {
	t.Helper()
	i, last := 0, domain.Position(0)
	for got, err := range s.ReadAll(t.Context(), 0, domain.Forward, domain.NoLimit) {
		if err != nil {
			t.Fatal(err)
		}
		if i >= len(log) {
			t.Fatalf("more than the log's %d events: %s@%d", i, got.Stream, got.Revision)
		}
		want := log[i]
		if got.Stream != want.Stream || got.Revision != want.Revision || got.ID != want.ID || got.Type != want.Type ||
			!bytes.Equal(got.Data, want.Data) || !bytes.Equal(got.Metadata, want.Metadata) {
			t.Fatalf("event %d is %s@%d with %d and %d bytes, want %s@%d with %d and %d, or differs in id, type or bytes",
				i, got.Stream, got.Revision, len(got.Data), len(got.Metadata),
				want.Stream, want.Revision, len(want.Data), len(want.Metadata))
		}
		if got.Position <= last || times && !got.RecordedAt.Equal(want.RecordedAt) {
			t.Fatalf("event %d is at position %d after %d, recorded %s, want %s", i, got.Position, last, got.RecordedAt, want.RecordedAt)
		}
		i, last = i+1, got.Position
	}
	if i != len(log) {
		t.Fatalf("%d events, want %d", i, len(log))
	}
}

var digestLine = regexp.MustCompile(`(?m)^sha256 +([0-9a-f]{64})$`)

// Digest takes the digest out of a copy's report.
func Digest(t testing.TB, report string) string {
	t.Helper()
	found := digestLine.FindStringSubmatch(report)
	if found == nil {
		t.Fatalf("no digest in:\n%s", report)
	}
	return found[1]
}
