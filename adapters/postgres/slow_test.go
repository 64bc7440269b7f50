package postgres_test

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/linktest"
	"waybill/adapters/postgres"
	"waybill/domain"
)

// large is an append that is as large as one may be.
func large(stream domain.StreamName) (domain.StreamName, []domain.NewEvent) {
	data := fmt.Sprintf(`{"a":"%s"}`, bytes.Repeat([]byte("x"), domain.MaxAppendBytes-64))
	return stream, []domain.NewEvent{{ID: uuid.New(), Type: "tested.v1", Data: []byte(data), Metadata: []byte(`{}`)}}
}

// TestSlowLink has the way to the server carry 200 kB a second, after a fifth of a second. What takes long because it is large is not taken
// for silence: neither what is sent nor what is read.
func TestSlowLink(t *testing.T) {
	if testing.Short() {
		t.Skip("what a slow link carries takes minutes; make test waits for it")
	}
	t.Parallel()
	const rate, delay = 200_000, 100 * time.Millisecond
	for name, check := range map[string]func(*testing.T, *linktest.Link, *pgxpool.Pool, *pgxpool.Pool){
		"an append": func(t *testing.T, _ *linktest.Link, pool, _ *pgxpool.Pool) {
			s := postgres.NewEventStore(pool)
			defer s.Close()
			stream, events := large("slow-1")
			if _, err := s.Append(soon(t), stream, domain.NoStream(), events); err != nil {
				t.Error(err)
			}
		},
		"several appends": func(t *testing.T, _ *linktest.Link, pool, _ *pgxpool.Pool) {
			s := postgres.NewEventStore(pool)
			defer s.Close()
			var all sync.WaitGroup
			for i := range 5 {
				all.Go(func() {
					stream, events := large(domain.StreamName(fmt.Sprintf("slow-%d", i)))
					eventually(t, "an append", func() bool {
						_, err := s.Append(soon(t), stream, domain.NoStream(), events)
						return err == nil
					})
				})
			}
			all.Wait()
		},
		"an import beside appends": func(t *testing.T, _ *linktest.Link, pool, plain *pgxpool.Pool) {
			s, other := postgres.NewEventStore(pool), postgres.NewEventStore(plain)
			defer s.Close()
			defer other.Close()
			var events []domain.RecordedEvent
			for i := range 5 {
				stream, news := large(domain.StreamName(fmt.Sprintf("slow-%d", i)))
				events = append(events, domain.RecordedEvent{
					Stream: stream, ID: news[0].ID, Type: news[0].Type, Data: news[0].Data, Metadata: news[0].Metadata, RecordedAt: time.Now(),
				})
			}
			ctx, cancel := context.WithCancel(soon(t))
			var all sync.WaitGroup
			defer all.Wait()
			defer cancel()
			all.Go(func() {
				for i := 0; ctx.Err() == nil; i++ { // those that wait too long are told so
					stream, events := anEvent(domain.StreamName(fmt.Sprintf("beside-%d", i)))
					_, _ = other.Append(ctx, stream, domain.NoStream(), events)
				}
			})
			if _, err := s.Import(soon(t), events); err != nil {
				t.Error(err)
			}
		},
		"a read, with stalls": func(t *testing.T, link *linktest.Link, pool, plain *pgxpool.Pool) {
			other := postgres.NewEventStore(plain)
			defer other.Close()
			for i := range 2 {
				stream, events := large(domain.StreamName(fmt.Sprintf("slow-%d", i)))
				if _, err := other.Append(t.Context(), stream, domain.NoStream(), events); err != nil {
					t.Fatal(err)
				}
			}
			s := postgres.NewEventStore(pool)
			defer s.Close()
			stop := stalling(link)
			defer stop()
			n := 0
			for _, err := range s.ReadAll(soon(t), 0, domain.Forward, domain.NoLimit) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != 2 {
				t.Errorf("%d events", n)
			}
		},
		"an append, with stalls": func(t *testing.T, link *linktest.Link, pool, _ *pgxpool.Pool) {
			s := postgres.NewEventStore(pool)
			defer s.Close()
			stop := stalling(link)
			defer stop()
			stream, events := large("slow-1")
			if _, err := s.Append(soon(t), stream, domain.NoStream(), events); err != nil {
				t.Error(err)
			}
		},
		"a long statement": func(t *testing.T, _ *linktest.Link, pool, _ *pgxpool.Pool) {
			if _, err := pool.Exec(soon(t), `select pg_sleep($1)`, (2*postgres.Silence + time.Second).Seconds()); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			link, pool, plain := overLink(t)
			link.Slow(rate, delay)
			check(t, link, pool, plain)
		})
	}
}

// stalling has a link stand still for 3 s out of 5, until stop.
func stalling(link *linktest.Link) (stop func()) {
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		ticker := time.NewTicker(5 * time.Second)
		defer ticker.Stop()
		for {
			link.Stall(3 * time.Second)
			select {
			case <-ticker.C:
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		all.Wait()
	}
}
