package models_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/projections/feed"
	"waybill/projections/modeltest"
)

// checkFeed holds the feed of every account to the log: what docs/feed.md says that it may see, each item after the one before.
func (w *world) checkFeed(t *rapid.T, pool *pgxpool.Pool) {
	want := map[feed.Scope][]string{}
	previous := map[feed.Scope]domain.Position{}
	for _, e := range w.Log {
		id, err := e.Stream.ID()
		if err != nil {
			t.Fatalf("stream: %v", err)
		}
		scopes := []feed.Scope{feed.All()}
		what := strings.TrimSuffix(e.Type, ".v1")
		switch e.Stream.Category() {
		case "provider":
			if what != "provider-first-approved" {
				scopes = append(scopes, feed.Provider(id))
			}
		case "product":
			scopes = append(scopes, feed.Provider(w.products[id].ProviderID))
		case "booking":
			r := w.bookings[id].Request
			scopes = append(scopes, feed.Provider(r.ProviderID), feed.Enterprise(r.EnterpriseID))
		}
		switch what {
		case "product-listed", "product-unlisted", "product-pinned", "product-unpinned", "product-taken-down",
			"provider-suspended", "provider-reinstated", "provider-closed", "provider-pin-limit-set":
		default:
			if c := e.Stream.Category(); c == "provider" || c == "product" || c == "calendar" {
				scopes = append(scopes, feed.Review())
			}
		}
		for _, s := range scopes {
			want[s] = append(want[s], fmt.Sprintf("%d<%d %s %s@%d %s", e.Position, previous[s], e.Type, e.Stream, e.Revision, e.ID))
			previous[s] = e.Position
		}
	}
	accounts := []feed.Scope{feed.All(), feed.Review()}
	for s := range want {
		if s.Owner != uuid.Nil {
			accounts = append(accounts, feed.Provider(s.Owner), feed.Enterprise(s.Owner))
		}
	}
	for _, s := range accounts {
		items, err := feed.Queries{DB: pool}.Items(context.Background(), s, 0, feed.MaxItems)
		if err != nil {
			t.Fatalf("feed: %v", err)
		}
		var got []string
		for _, i := range items {
			got = append(got, fmt.Sprintf("%d<%d %s %s-%s@%d %s", i.Position, i.Previous, i.Type, i.Kind, i.ObjectID, i.Revision, i.EventID))
			gone := i.Kind == "product" && w.products[i.ObjectID].Deleted
			if text := string(i.Data); strings.Contains(text, "专线") || strings.Contains(text, "sha256") || (gone && strings.Contains(text, "重写")) {
				t.Fatalf("content in the feed: %s", text)
			}
		}
		if !slices.Equal(got, want[s]) {
			modeltest.Equal(t, "feed of "+s.String(), strings.Join(got, "\n"), strings.Join(want[s], "\n"))
		}
	}
}
