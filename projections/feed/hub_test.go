package feed_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/adapters/postgres"
	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/domaintest"
	"waybill/domain/provider"
	"waybill/projections"
	"waybill/projections/feed"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// node is one of several that share a database and a log.
type node struct {
	store     domain.EventStore
	positions *runtime.Positions
	hub       *feed.Hub
}

func database(t *testing.T) *pgxpool.Pool {
	return pgtest.Database(t, "feed", func(ctx context.Context, pool *pgxpool.Pool) error {
		if err := postgres.Migrate(ctx, pool); err != nil {
			return err
		}
		return runtime.Prepare(ctx, pool, []projections.ReadModel{feed.Model})
	})
}

// encoded is an item as these tests hand it over. It is large, so that whoever is slow falls behind.
func encoded(i feed.Item) []byte {
	return fmt.Appendf(nil, "%d %d %s%s\n", i.Position, i.Previous, i.Type, strings.Repeat(" ", 20_000))
}

func startNode(t *testing.T, pool *pgxpool.Pool, store domain.EventStore, name string) *node {
	t.Helper()
	r, err := runtime.Start(t.Context(), runtime.Config{
		Pool: pool, Store: store, Models: []projections.ReadModel{feed.Model}, Owner: name, MaxWait: runtimetest.Patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close(context.Background()) })
	return &node{store: store, positions: r.Positions(), hub: feed.NewHub(feed.HubConfig{
		Queries: feed.Queries{DB: pool}, Moves: r.Positions(), Wait: r.Positions().Wait, Encode: encoded,
		Head: func(ctx context.Context) (domain.Position, error) { return runtimetest.Head(t, store), ctx.Err() },
	})}
}

// reader follows one scope and holds each item against the one before.
type reader struct {
	scope feed.Scope
	last  domain.Position
	items int
}

// follow reads until it has what is at a position, or has had so many items; it may stop anywhere and be called again.
func (r *reader) follow(ctx context.Context, h *feed.Hub, most int, over func(event string) bool) (done bool, err error) {
	s, err := h.Subscribe(ctx, r.scope, r.last)
	if err != nil {
		return false, err
	}
	defer s.Close()
	return r.read(ctx, s, most, over)
}

// read is follow of a subscription.
func (r *reader) read(ctx context.Context, s *feed.Subscription, most int, over func(event string) bool) (done bool, err error) {
	for n := 0; n < most; {
		b, err := s.Next(ctx)
		if err != nil {
			return false, err
		}
		if b.Items == 0 {
			select {
			case <-s.Wake():
			case <-ctx.Done():
				return false, fmt.Errorf("%s: stands at %d after %d items: %w", r.scope, r.last, r.items, ctx.Err())
			}
			continue
		}
		text := ""
		for _, chunk := range b.Chunks {
			text += string(chunk)
		}
		got := 0
		for l := range strings.Lines(text) {
			var position, previous domain.Position
			var event string
			if _, err := fmt.Sscan(l, &position, &previous, &event); err != nil {
				return false, err
			}
			if previous != r.last || position <= previous {
				return false, fmt.Errorf("%s: %d is after %d, and came after %d", r.scope, position, previous, r.last)
			}
			r.last, r.items, n, got = position, r.items+1, n+1, got+1
			if over(event) {
				return true, nil
			}
		}
		if got != b.Items || r.last != b.Last {
			return false, fmt.Errorf("%d items up to %d, and it says %d up to %d", got, r.last, b.Items, b.Last)
		}
	}
	return false, nil
}

// TestHub: readers of all scopes on two nodes come and go anywhere, some slow, while events come and the read model is built anew: each
// gets all of its scope, once and in order.
func TestHub(t *testing.T) {
	t.Parallel()
	pool := database(t)
	store := runtimetest.Store(t, pool)
	nodes := []*node{startNode(t, pool, store, "one"), startNode(t, pool, store, "two")}
	ctx, cancel := context.WithTimeout(t.Context(), runtimetest.Patience)
	defer cancel()
	var owners []uuid.UUID
	for i := range 5 {
		owners = append(owners, domaintest.ID(fmt.Sprint("owner", i)))
		runtimetest.Append(t, nodes[0].store, domain.Stream(provider.Category, owners[i]),
			provider.Applied{Revision: 1, Profile: domaintest.Profile("立足三亚")}, provider.Approved{Revision: 1})
	}
	const each = 60
	var writing, reading sync.WaitGroup
	for i, owner := range owners {
		writing.Go(func() {
			for range each {
				runtimetest.Append(t, nodes[i%2].store, domain.Stream(provider.Category, owner),
					provider.Suspended{Reason: "停业"}, provider.Reinstated{Reason: "复业"})
			}
			runtimetest.Append(t, nodes[i%2].store, domain.Stream(provider.Category, owner), provider.Closed{Reason: "停业"})
		})
	}
	writing.Go(func() {
		for range 2 {
			if _, err := runtime.Rebuild(ctx, pool, nodes[0].store, feed.Model, nil); err != nil {
				t.Error(err)
			}
		}
	})
	for n := range 16 {
		scope, want, closes := feed.All(), len(owners)*(2+2*each+1), len(owners)
		if n%3 != 0 {
			scope, want, closes = feed.Provider(owners[n%len(owners)]), 2+2*each+1, 1
		}
		reading.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			r := reader{scope: scope}
			for done := false; !done; {
				most := 1 + random.IntN(200)
				if n%4 == 0 {
					most = 1 << 20 // stays
				}
				var err error
				done, err = r.follow(ctx, nodes[random.IntN(2)].hub, most, func(event string) bool {
					if event == (provider.Closed{}).EventType() {
						closes--
					}
					return closes == 0
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
			if r.items != want {
				t.Errorf("%s has %d items, want %d", r.scope, r.items, want)
			}
		})
	}
	writing.Wait()
	reading.Wait()
	for _, n := range nodes {
		if left := n.hub.Subscribers(); left != 0 {
			t.Errorf("%d subscribers are left", left)
		}
	}
}

// TestWhoFallsBehindMissesNothing: for a reader that takes nothing for a while, more is handed over than is kept for it; it gets all of
// it afterwards.
func TestWhoFallsBehindMissesNothing(t *testing.T) {
	t.Parallel()
	pool := database(t)
	n := startNode(t, pool, runtimetest.Store(t, pool), "one")
	ctx, cancel := context.WithTimeout(t.Context(), runtimetest.Patience)
	defer cancel()
	owner := domain.Stream(provider.Category, domaintest.ID("owner"))
	runtimetest.Append(t, n.store, owner, provider.Applied{Revision: 1, Profile: domaintest.Profile("立足三亚")}, provider.Approved{Revision: 1})
	var readers [2]reader
	var subscriptions [2]*feed.Subscription
	for i := range readers {
		readers[i].scope = feed.All()
		s, err := n.hub.Subscribe(ctx, feed.All(), 0)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		subscriptions[i] = s
	}
	never := func(string) bool { return false }
	const most = 30
	read := func(i, items int) {
		if _, err := readers[i].read(ctx, subscriptions[i], items, never); err != nil {
			t.Fatal(err)
		}
	}
	read(0, 2)
	read(1, 2)
	facts := []domain.Event{provider.Suspended{Reason: "停业"}, provider.Reinstated{Reason: "复业"}}
	for range 4 { // 600 kB each, and one MiB is kept
		runtimetest.Append(t, n.store, owner, slices.Repeat(facts, most/2)...)
		read(0, most)
	}
	read(1, 4*most)
	if readers[1] != readers[0] {
		t.Errorf("%+v, want %+v", readers[1], readers[0])
	}
}

// TestHubOfTablesThatWentBack: tables that lose what was handed over already, as after a crash, and get it again: nobody gets it twice.
func TestHubOfTablesThatWentBack(t *testing.T) {
	t.Parallel()
	pool := database(t)
	n := startNode(t, pool, runtimetest.Store(t, pool), "one")
	ctx, cancel := context.WithTimeout(t.Context(), runtimetest.Patience)
	defer cancel()
	open := func() domain.Position {
		return runtimetest.Append(t, n.store, domain.Stream(account.Category, uuid.New()), account.Opened{DisplayName: "海丰"}).Position
	}
	never := func(string) bool { return false }
	stays := reader{scope: feed.All()}
	for range 3 {
		open()
	}
	if err := n.positions.Wait(ctx, "feed", runtimetest.Head(t, n.store)); err != nil {
		t.Fatal(err)
	}
	if _, err := stays.follow(ctx, n.hub, 3, never); err != nil {
		t.Fatal(err)
	}
	// What the database had at this moment is what it will have again.
	for _, table := range []string{"feed_v1.items", "feed_v1.scopes", "projections.checkpoints"} {
		if _, err := pool.Exec(ctx, `CREATE TABLE saved_`+strings.ReplaceAll(table, ".", "_")+` AS TABLE `+table); err != nil {
			t.Fatal(err)
		}
	}
	s, err := n.hub.Subscribe(ctx, feed.All(), stays.last)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		open()
	}
	if _, err := stays.follow(ctx, n.hub, 2, never); err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM projections.checkpoints FOR UPDATE; DELETE FROM feed_v1.items; DELETE FROM feed_v1.scopes;
			INSERT INTO feed_v1.items SELECT * FROM saved_feed_v1_items; INSERT INTO feed_v1.scopes SELECT * FROM saved_feed_v1_scopes;
			DELETE FROM projections.checkpoints; INSERT INTO projections.checkpoints SELECT * FROM saved_projections_checkpoints;
			UPDATE projections.checkpoints SET epoch = epoch + 2`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		open()
	}
	if _, err := stays.follow(ctx, n.hub, 2, never); err != nil {
		t.Fatal(err)
	}
	got := 0
	last := stays.last
	for got < 4 {
		b, err := s.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got += b.Items
		if b.Items == 0 {
			select {
			case <-s.Wake():
			case <-ctx.Done():
				t.Fatal(ctx.Err())
			}
		}
	}
	if b, err := s.Next(ctx); got != 4 || b.Items != 0 || b.Last != last || err != nil {
		t.Errorf("%d items, and then %+v, %v", got, b, err)
	}
}

// TestHubOfALogThatWentBack: who got what the log does not have any more is told so, and does not wait for what comes instead.
func TestHubOfALogThatWentBack(t *testing.T) {
	t.Parallel()
	pool := database(t)
	n := startNode(t, pool, runtimetest.Store(t, pool), "one")
	ctx, cancel := context.WithTimeout(t.Context(), runtimetest.Patience)
	defer cancel()
	var at domain.Position
	for range 2 {
		at = runtimetest.Append(t, n.store, domain.Stream(account.Category, uuid.New()), account.Opened{DisplayName: "海丰"}).Position
	}
	if err := n.positions.Wait(ctx, "feed", at); err != nil {
		t.Fatal(err)
	}
	moves := make(backwards, 1)
	hub := feed.NewHub(feed.HubConfig{
		Queries: feed.Queries{DB: pool}, Moves: moves, Encode: encoded,
		Head: func(context.Context) (domain.Position, error) { return 0, nil },
	})
	s, err := hub.Subscribe(ctx, feed.All(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	moves <- at - 1 // before the hub's own: so it asks where the log ends
	for {
		b, err := s.Next(ctx)
		if errors.Is(err, feed.ErrWentBack) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if b.Items > 0 {
			continue
		}
		select {
		case <-s.Wake():
		case <-ctx.Done():
			t.Fatal("nobody says so")
		}
	}
}

// backwards says where the feed is as the test says.
type backwards chan domain.Position

func (b backwards) Changed(ctx context.Context, _ string, known domain.Position) (domain.Position, error) {
	select {
	case at := <-b:
		return at, nil
	case <-ctx.Done():
		return known, ctx.Err()
	}
}

// TestParked: nothing is shown beyond an event that the feed cannot read, until it is retried or given up; then what comes is in order.
func TestParked(t *testing.T) {
	t.Parallel()
	pool := database(t)
	n := startNode(t, pool, runtimetest.Store(t, pool), "one")
	ctx, cancel := context.WithTimeout(t.Context(), runtimetest.Patience)
	defer cancel()
	v := uuid.New()
	stream := domain.Stream(provider.Category, v)
	good := runtimetest.Append(t, n.store, stream, provider.Applied{Revision: 1, Profile: domaintest.Profile("立足三亚")}).Position
	if err := n.positions.Wait(ctx, "feed", good); err != nil {
		t.Fatal(err)
	}
	bad := runtimetest.Events(provider.Suspended{Reason: "复核"})
	bad[0].Data = []byte(`{"grounds":"复核"}`)
	parked, err := n.store.Append(ctx, stream, domain.Exactly(0), bad)
	if err != nil {
		t.Fatal(err)
	}
	after := runtimetest.Append(t, n.store, stream, provider.Reinstated{Reason: "复核通过"}).Position
	other := runtimetest.Append(t, n.store, domain.Stream(account.Category, uuid.New()), account.Opened{DisplayName: "海丰"}).Position
	if err := n.positions.Wait(ctx, "feed", other); err != nil {
		t.Fatal(err)
	}
	q := feed.Queries{DB: pool}
	shown := func(when string, want ...domain.Position) {
		t.Helper()
		items, err := q.Items(ctx, feed.All(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []domain.Position
		before := domain.Position(0)
		for _, i := range items {
			if i.Previous != before {
				t.Errorf("%s: %d is after %d, want %d", when, i.Position, i.Previous, before)
			}
			got, before = append(got, i.Position), i.Position
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	shown("parked", good)
	if found, err := runtime.Compare(ctx, pool, n.store, feed.Model); err != nil || len(found.Differences) > 0 {
		t.Errorf("with a parked stream it differs from the log: %+v, %v", found, err)
	}
	if _, err := runtime.Rebuild(ctx, pool, n.store, feed.Model, nil); err != nil {
		t.Fatal(err)
	}
	if found, err := runtime.Compare(ctx, pool, n.store, feed.Model); err != nil || len(found.Differences) > 0 {
		t.Errorf("built anew with a parked stream it differs from the log: %+v, %v", found, err)
	}
	if last, err := q.Last(ctx); err != nil || last > good {
		t.Errorf("built anew, it shows up to %d, %v", last, err)
	}
	if at, err := q.At(ctx, other); err != nil || len(at) != 0 {
		t.Errorf("the event after it: %v, %v", at, err)
	}
	letters := runtime.NewDeadLetters(pool, n.store, []projections.ReadModel{feed.Model}, nil)
	operator := domain.Actor{ID: uuid.New(), Role: domain.RoleOperator}
	if err := letters.Skip(ctx, "feed", stream, parked.Position, "it was a test", operator); err != nil {
		t.Fatal(err)
	}
	if last, err := q.Last(ctx); err != nil || last > good {
		t.Errorf("one of two given up, it shows up to %d, %v", last, err)
	}
	if got, err := letters.Retry(ctx, "feed", stream); err != nil || got != (runtime.Retried{Done: 1}) {
		t.Fatalf("retry: %+v, %v", got, err)
	}
	skipped := runtimetest.Head(t, n.store)
	if err := n.positions.Wait(ctx, "feed", skipped); err != nil {
		t.Fatal(err)
	}
	shown("retried", good, after, other, skipped)
	items, err := q.Items(ctx, feed.Provider(v), 0, 0)
	if err != nil || len(items) != 2 || items[1].Previous != good {
		t.Errorf("the provider's own: %+v, %v", items, err)
	}
}

// TestWhatWaitsForAReaderIsBounded: in runs and in bytes; but one run is always taken, however long.
func TestWhatWaitsForAReaderIsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		runs, size, bytes int
		behind            bool
	}{
		{128, 1, 128, false}, {129, 1, 0, true}, {16, 64 << 10, 1 << 20, false}, {17, 64 << 10, 0, true}, {1, 2 << 20, 2 << 20, false},
	} {
		if bytes, behind := feed.Queued(c.runs, c.size); bytes != c.bytes || behind != c.behind {
			t.Errorf("%d runs of %d: %d bytes wait, behind: %v", c.runs, c.size, bytes, behind)
		}
	}
}
