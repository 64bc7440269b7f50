package logcopy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"waybill/cmd/logcopy/logtest"
	"waybill/domain"
)

func TestCopyKeepsEverything(t *testing.T) {
	t.Parallel()
	log := logtest.Odd(1500)
	from, to := filled(t, log), openDB(t)
	report := mustCopy(t, from, to)
	if want := fmt.Sprintf("copied    %s events", thousands(uint64(len(log)))); !strings.Contains(report, want) {
		t.Errorf("no %q in:\n%s", want, report)
	}
	logtest.Expect(t, to, log, true)

	more := logtest.Random(500, 20)
	logtest.Import(t, from.EventStore, more)
	if _, _, err := copyOnce(t.Context(), t, from, to, true); err == nil || !strings.Contains(err.Error(), "the source has more") {
		t.Errorf("verify-only of a copy that is behind: %v", err)
	}
	report = mustCopy(t, from, to)
	if want := fmt.Sprintf("copied    500 events in .*; %s were there before", thousands(uint64(len(log)))); !regexp.MustCompile(want).MatchString(report) {
		t.Errorf("no %q in:\n%s", want, report)
	}
	logtest.Expect(t, to, append(log, more...), true)

	again, _, err := copyOnce(t.Context(), t, to, from, true)
	if err != nil {
		t.Fatal(err)
	}
	if logtest.Digest(t, again) != logtest.Digest(t, report) {
		t.Errorf("the digest of the copy is another:\n%s%s", report, again)
	}
}

// A log that grows while it is copied is copied as far as it has grown.
func TestCopyOfLogInUse(t *testing.T) {
	t.Parallel()
	log := logtest.Random(6000, 50)
	from, to := filled(t, log[:1000]), openDB(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for rest := log[1000:]; len(rest) > 0; rest = rest[50:] {
			if _, err := from.EventStore.(importer).Import(t.Context(), rest[:50]); err != nil {
				t.Error(err)
			}
		}
	}()
	mustCopy(t, from, to)
	<-done
	mustCopy(t, from, to)
	logtest.Expect(t, to, log, true)
}

func TestCopyRefusesAnotherLog(t *testing.T) {
	t.Parallel()
	log := logtest.Random(400, 20)
	from := filled(t, log)
	changed := func(change func(*domain.RecordedEvent)) []domain.RecordedEvent {
		other := append([]domain.RecordedEvent(nil), log[:300]...)
		change(&other[299])
		return other
	}
	for name, c := range map[string]struct {
		held []domain.RecordedEvent
		want string
	}{
		"something else":    {logtest.Random(1, 1), "event 1 is .* differs in its stream"},
		"the same, then":    {append(append([]domain.RecordedEvent(nil), log[:250]...), logtest.Random(1, 1)...), "event 251 is .* differs in its stream"},
		"more":              {append(append([]domain.RecordedEvent(nil), log...), logtest.Random(1, 1)...), "holds more than the source's 400 events, first copied-"},
		"another id":        {changed(func(e *domain.RecordedEvent) { e.ID = uuid.New() }), "event 300 is .* differs in its id"},
		"another type":      {changed(func(e *domain.RecordedEvent) { e.Type = "other" }), `event 300 is .* differs in its type: "copied-..v1" and "other"`},
		"other bytes":       {changed(func(e *domain.RecordedEvent) { e.Data = []byte("other") }), "event 300 is .* differs in its data"},
		"other metadata":    {changed(func(e *domain.RecordedEvent) { e.Metadata = []byte("other") }), "event 300 is .* differs in its metadata"},
		"its beginning cut": {[]domain.RecordedEvent{{ID: log[1].ID, Stream: log[1].Stream, Type: log[1].Type, Data: log[1].Data, Metadata: log[1].Metadata}}, "event 1 is "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := filled(t, c.held)
			for _, verifyOnly := range []bool{false, true} {
				_, _, err := copyOnce(t.Context(), t, from, to, verifyOnly)
				if !errors.Is(err, errOtherLog) || !regexp.MustCompile(c.want).MatchString(err.Error()) {
					t.Errorf("got %v, want %s", err, c.want)
				}
			}
			logtest.Expect(t, to, c.held, false)
		})
	}
}

// withHoles is a log from which events were removed, as EventStoreDB removes them from a truncated stream.
type withHoles struct {
	domain.EventStore
	gone func(domain.RecordedEvent) bool
}

func (s withHoles) ReadAll(ctx context.Context, at domain.Position, dir domain.Direction, limit int) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		for e, err := range s.EventStore.ReadAll(ctx, at, dir, limit) {
			if (err != nil || !s.gone(e)) && !yield(e, err) {
				return
			}
		}
	}
}

// justAppends is a store without Import.
type justAppends struct{ domain.EventStore }

func TestCopyRefusesHoles(t *testing.T) {
	t.Parallel()
	log := logtest.Random(2000, 20)
	victim := log[1000].Stream
	from := filled(t, log)
	for name, gone := range map[string]func(domain.RecordedEvent) bool{
		"its beginning": func(e domain.RecordedEvent) bool { return e.Revision < 3 },
		"its middle":    func(e domain.RecordedEvent) bool { return e.Revision == 7 },
	} {
		for _, how := range []string{"import", "append"} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				holed := &opened{EventStore: withHoles{from.EventStore, func(e domain.RecordedEvent) bool { return e.Stream == victim && gone(e) }}}
				to := openDB(t)
				if how == "append" {
					to.EventStore = justAppends{to.EventStore}
				}
				_, _, err := copyOnce(t.Context(), t, holed, to, false)
				if err == nil || !strings.Contains(err.Error(), string(victim)) || !strings.Contains(err.Error(), "truncated") {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}
