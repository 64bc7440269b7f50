package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
)

// openDB is a PostgreSQL store on a database of the test's own.
func openDB(t testing.TB) *openedStore {
	t.Helper()
	pool := pgtest.Database(t, "waybill", migrate)
	store := postgres.NewEventStore(pool)
	t.Cleanup(func() { store.Close() })
	return &openedStore{EventStore: store, pool: pool, close: store.Close}
}

// makeLog makes a log of many streams that take turns, with bytes of every kind.
func makeLog(events, streams int) []domain.RecordedEvent {
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

// oddLog ends with what is at the limits: the largest event, the most events of an append, long names.
func oddLog(streams int) []domain.RecordedEvent {
	log := makeLog(3*streams, streams)
	large, many, long := domain.Stream("large", uuid.New()), domain.Stream("many", uuid.New()), domain.StreamName(strings.Repeat("长-", 63))
	next := func(stream domain.StreamName, revision domain.Revision, name string, data []byte) {
		log = append(log, domain.RecordedEvent{ID: uuid.New(), Stream: stream, Revision: revision, Type: name, Data: data, RecordedAt: time.Unix(1_700_000_000, 0).UTC()})
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

// filled imports a log into a new database.
func filled(t testing.TB, log []domain.RecordedEvent) *openedStore {
	t.Helper()
	s := openDB(t)
	importLog(t, s, log)
	return s
}

func importLog(t testing.TB, s *openedStore, log []domain.RecordedEvent) {
	t.Helper()
	for len(log) > 0 {
		n := min(len(log), 2000)
		if _, err := s.EventStore.(importer).Import(t.Context(), log[:n]); err != nil {
			t.Fatal(err)
		}
		log = log[n:]
	}
}

// expectLog holds a store to a log, event by event; with times, also to when each was recorded.
func expectLog(t testing.TB, s domain.EventStore, log []domain.RecordedEvent, times bool) {
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
		if field := difference(&want, &got); field != "" {
			t.Fatalf("event %d, %s@%d, is %s@%d, differing in %s", i, want.Stream, want.Revision, got.Stream, got.Revision, field)
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

// copyOnce copies with small chunks, so that a log has many of them. It answers the report, and the notes.
func copyOnce(ctx context.Context, t testing.TB, from, to *openedStore, verifyOnly bool) (report, notes string, err error) {
	t.Helper()
	k := newCopier(from, to)
	k.chunkEvents, k.chunkBytes = 100, 1<<20
	file, err := os.Create(filepath.Join(t.TempDir(), "progress"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	k.progress = newProgress(file)
	report, err = k.run(ctx, verifyOnly)
	k.progress.close()
	written, readErr := os.ReadFile(file.Name())
	if readErr != nil {
		t.Fatal(readErr)
	}
	return report, string(written), err
}

func mustCopy(t testing.TB, from, to *openedStore) string {
	t.Helper()
	report, notes, err := copyOnce(t.Context(), t, from, to, false)
	if err != nil {
		t.Fatalf("copy: %v\n%s", err, notes)
	}
	return report
}

var digestLine = regexp.MustCompile(`(?m)^sha256 +([0-9a-f]{64})$`)

func digestOf(t testing.TB, report string) string {
	t.Helper()
	found := digestLine.FindStringSubmatch(report)
	if found == nil {
		t.Fatalf("no digest in:\n%s", report)
	}
	return found[1]
}
