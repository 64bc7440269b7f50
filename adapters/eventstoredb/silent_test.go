package eventstoredb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/eventstoredb/esdbtest"
	"waybill/adapters/linktest"
	"waybill/domain"
)

// TestSilentServer has the way to the server go silent under each kind of call. It is noticed, and goes on over a new connection, while
// nothing ever closes the old one.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	for name, check := range map[string]func(ctx context.Context, t *testing.T, link *linktest.Link, s, direct *eventstoredb.Store){
		"an append": func(ctx context.Context, t *testing.T, link *linktest.Link, s, _ *eventstoredb.Store) {
			write(ctx, t, s, 1)
			link.Silence()
			write(ctx, t, s, 2)
		},
		"reads": func(ctx context.Context, t *testing.T, link *linktest.Link, s, _ *eventstoredb.Store) {
			write(ctx, t, s, 3)
			link.Silence()
			n := 0
			for _, err := range s.ReadAll(ctx, 0, domain.Forward, domain.NoLimit) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n != 3 {
				t.Errorf("%d events", n)
			}
		},
		"a subscription that waits": func(ctx context.Context, t *testing.T, link *linktest.Link, s, direct *eventstoredb.Store) {
			ctx, cancel := context.WithCancel(ctx)
			got := make(chan domain.Position)
			go func() {
				defer close(got)
				for e, err := range s.Subscribe(ctx, 0) {
					if err != nil {
						if ctx.Err() == nil {
							t.Error(err)
						}
						return
					}
					got <- e.Position
				}
			}()
			defer func() {
				for range got {
				}
			}()
			defer cancel()
			for range 2 {
				write(ctx, t, direct, 1)
				select {
				case <-got:
				case <-ctx.Done():
					t.Fatal(ctx.Err())
				}
				link.Silence()
			}
		},
		"all, and those to come": func(ctx context.Context, t *testing.T, link *linktest.Link, s, _ *eventstoredb.Store) {
			write(ctx, t, s, 1)
			link.Swallow()
			events := []domain.NewEvent{{ID: uuid.New(), Type: "tested.v1", Data: []byte(`{}`), Metadata: []byte(`{}`)}}
			_, err := s.Append(ctx, "test-silent", domain.NoStream(), events)
			if !errors.Is(err, domain.ErrUnavailable) && !errors.Is(err, domain.ErrOutcomeUnknown) {
				t.Errorf("got %v", err)
			}
			link.Heal()
			write(ctx, t, s, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := esdbtest.Start(t)
			link := linktest.New(t, "tcp", server.Addr())
			direct := open(t, eventstoredb.Config{ConnectionString: server.ConnectionString()})
			s := open(t, eventstoredb.Config{ConnectionString: strings.Replace(server.ConnectionString(), server.Addr(), link.Addr(), 1)})
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			check(ctx, t, link, s, direct)
		})
	}
}
