package logcopy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/cmd/logcopy/logtest"
	"waybill/cmd/progress"
	"waybill/domain"
)

// What a copy that is interrupted anywhere leaves is a beginning of the log, and the next goes on from there.
func TestCopyInterrupted(t *testing.T) {
	t.Parallel()
	log := logtest.Random(4000, 100)
	from := filled(t, log)
	for _, how := range []string{"import", "append"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			to := openDB(t)
			if how == "append" {
				to.EventStore = justAppends{to.EventStore}
			}
			interrupted := 0
			for range 25 {
				ctx, cancel := context.WithCancel(t.Context())
				counted := &cancelling{EventStore: from.EventStore, cancel: cancel}
				counted.left.Store(int64(rand.N(len(log))))
				_, _, err := copyOnce(ctx, t, &opened{EventStore: counted}, to, false)
				cancel()
				if err == nil {
					break
				}
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				interrupted++
			}
			t.Logf("interrupted %d times", interrupted)
			mustCopy(t, from, to)
			logtest.Expect(t, to, log, how == "import")
		})
	}
}

// cancelling ends the copy when so many of its events were read.
type cancelling struct {
	domain.EventStore
	left   atomic.Int64
	cancel func()
}

func (s *cancelling) ReadAll(ctx context.Context, at domain.Position, dir domain.Direction, limit int) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		for e, err := range s.EventStore.ReadAll(ctx, at, dir, limit) {
			if s.left.Add(-1) == 0 {
				s.cancel()
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// A database that ends all sessions again and again is waited for, and every write happens once.
func TestCopyWaitsForDatabase(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"import", "append"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			log := logtest.Random(6000, 100)
			from, to := filled(t, log), openDB(t)
			if how == "append" {
				to.EventStore = justAppends{to.EventStore}
			}
			ended := 0
			cut := &meddled{EventStore: from.EventStore, every: 300, times: 20, meddle: func() {
				ended += endSessions(t, from.pool) + endSessions(t, to.pool)
			}}
			_, notes, err := copyOnce(t.Context(), t, &opened{EventStore: cut}, to, false)
			if err != nil {
				t.Fatalf("%v\n%s", err, notes)
			}
			t.Logf("%d sessions were ended, %d notes", ended, strings.Count(notes, "\n"))
			if ended < cut.times/2 { // between two sessions there may be none
				t.Error("hardly any session was ended")
			}
			logtest.Expect(t, to, log, how == "import")
		})
	}
}

// meddled does something each time that so many more of its events were read, and so many times.
type meddled struct {
	domain.EventStore
	every, times int
	meddle       func()

	mu         sync.Mutex
	read, done int
}

func (s *meddled) ReadAll(ctx context.Context, at domain.Position, dir domain.Direction, limit int) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		for e, err := range s.EventStore.ReadAll(ctx, at, dir, limit) {
			s.mu.Lock()
			if s.read++; s.read >= s.every*(s.done+1) && s.done < s.times {
				s.done++
				s.meddle()
			}
			s.mu.Unlock()
			if !yield(e, err) {
				return
			}
		}
	}
}

// endSessions ends every session on the pool's database but its own, which is not of the pool: that one may be ended already.
func endSessions(t testing.TB, pool *pgxpool.Pool) (ended int) {
	t.Helper()
	conn, err := pgx.ConnectConfig(t.Context(), pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&ended); err != nil {
		t.Fatal(err)
	}
	return ended
}

// lossy has taken effect when it says that it may have, every other time.
type lossy struct {
	domain.EventStore
	calls atomic.Int64
}

func (s *lossy) Append(ctx context.Context, stream domain.StreamName, expected domain.ExpectedRevision, events []domain.NewEvent) (domain.AppendResult, error) {
	switch s.calls.Add(1) % 4 {
	case 0:
		return domain.AppendResult{}, domain.ErrOutcomeUnknown
	case 2:
		if result, err := s.EventStore.Append(ctx, stream, expected, events); err != nil {
			return result, err
		}
		return domain.AppendResult{}, domain.ErrOutcomeUnknown
	}
	return s.EventStore.Append(ctx, stream, expected, events)
}

func (s *lossy) Import(ctx context.Context, events []domain.RecordedEvent) (domain.Position, error) {
	switch s.calls.Add(1) % 4 {
	case 0:
		return 0, domain.ErrOutcomeUnknown
	case 2:
		if position, err := s.EventStore.(importer).Import(ctx, events); err != nil {
			return position, err
		}
		return 0, domain.ErrOutcomeUnknown
	}
	return s.EventStore.(importer).Import(ctx, events)
}

func TestCopySendsAgain(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"import", "append"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			log := logtest.Random(1500, 100)
			if how == "append" {
				log = log[:100]
			}
			from, to := filled(t, log), openDB(t)
			unsure := &opened{EventStore: &lossy{EventStore: to.EventStore}}
			if how == "append" {
				unsure.EventStore = justAppends{unsure.EventStore}
			}
			mustCopy(t, from, unsure)
			logtest.Expect(t, to, log, how == "import")
		})
	}
}

// patchy breaks its reads off.
type patchy struct{ domain.EventStore }

func (s patchy) ReadAll(ctx context.Context, at domain.Position, dir domain.Direction, limit int) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		left := rand.N(300)
		for e, err := range s.EventStore.ReadAll(ctx, at, dir, limit) {
			if left--; left < 0 {
				e, err = domain.RecordedEvent{}, domain.ErrUnavailable
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func TestCopyReadsOn(t *testing.T) {
	t.Parallel()
	log := logtest.Random(1500, 50)
	from, to := filled(t, log), filled(t, log)
	if _, notes, err := copyOnce(t.Context(), t, &opened{EventStore: patchy{from.EventStore}}, &opened{EventStore: patchy{to.EventStore}}, true); err != nil {
		t.Errorf("%v\n%s", err, notes)
	}
}

func TestCopyGivesUpInTheEnd(t *testing.T) {
	t.Parallel()
	k := newCopier(filled(t, logtest.Random(10, 1)).EventStore, away{})
	k.patience = 50 * time.Millisecond
	k.progress = progress.New(discard(t))
	defer k.progress.Close()
	if _, err := k.run(t.Context(), false); !errors.Is(err, domain.ErrUnavailable) || !strings.Contains(err.Error(), "the target has not answered for 50ms") {
		t.Error(err)
	}
}

// away is a store that does not answer.
type away struct{ domain.EventStore }

func (away) ReadAll(context.Context, domain.Position, domain.Direction, int) iter.Seq2[domain.RecordedEvent, error] {
	return func(yield func(domain.RecordedEvent, error) bool) {
		yield(domain.RecordedEvent{}, fmt.Errorf("%w: gone fishing", domain.ErrUnavailable))
	}
}

// TestCertificatesDoNotPass: nobody waits for minutes for one that is not trusted.
func TestCertificatesDoNotPass(t *testing.T) {
	t.Parallel()
	away := fmt.Errorf("read the log: %w: %s", domain.ErrUnavailable, "connection refused")
	untrusted := fmt.Errorf("read the log: %w: %s", domain.ErrUnavailable, "tls: failed to verify certificate: x509: certificate signed by unknown authority")
	if !passes(away) || passes(untrusted) {
		t.Errorf("away passes: %v, untrusted passes: %v", passes(away), passes(untrusted))
	}
}
