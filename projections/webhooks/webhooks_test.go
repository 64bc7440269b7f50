package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/domaintest"
	"waybill/domain/provider"
	"waybill/domain/webhook"
	"waybill/projections/modeltest"
	"waybill/projections/webhooks"
)

var rules = webhook.Rules{Types: []string{"product-approved.v1", "booking-requested.v1"}}

func draw(t *rapid.T, at time.Time) webhook.Command {
	by := rapid.SampledFrom([]webhook.By{{Provider: domaintest.ID("a")}, {Provider: domaintest.ID("b")}, {Operator: true}}).Draw(t, "by")
	target := webhook.Target{
		URL:   rapid.SampledFrom([]string{"https://a.example.com", "https://b.example.com/x"}).Draw(t, "url"),
		Types: rapid.SampledFrom([][]string{nil, {"product-approved.v1"}, rules.Types}).Draw(t, "types"),
		Label: rapid.SampledFrom([]string{"", "订单系统"}).Draw(t, "label"),
	}
	overlap := rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "overlap")
	return rapid.SampledFrom([]webhook.Command{
		webhook.Register{By: by, Target: target, Secret: uuid.New(), Rules: rules},
		webhook.Register{By: by, Target: target, Secret: uuid.New(), Rules: rules},
		webhook.Change{By: by, Target: target, Rules: rules},
		webhook.RotateSecret{By: by, Secret: uuid.New(), Overlap: overlap, At: at},
		webhook.Pause{By: by, Reason: "停机"},
		webhook.Resume{By: by},
		webhook.Remove{By: by, Reason: "下线"},
	}).Draw(t, "command")
}

// TestWebhooks: whatever happened to webhooks and their owners, however it was cut into batches, the model says what the fold of the
// write side says, and who is told of what comes next follows from that.
func TestWebhooks(t *testing.T) {
	pool := modeltest.Tables(t)
	q, ctx := webhooks.Queries{DB: pool}, context.Background()
	rapid.Check(t, func(t *rapid.T) {
		modeltest.Truncate(t, pool)
		h := modeltest.NewHistory()
		states, position := map[uuid.UUID]webhook.State{}, map[uuid.UUID]domain.Position{}
		suspended, closed := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			owner := domaintest.ID(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "owner"))
			switch rapid.IntRange(0, 14).Draw(t, "what") {
			case 0:
				h.Add(provider.Category, owner, provider.Suspended{Reason: "复核"})
				suspended[owner] = true
			case 1:
				h.Add(provider.Category, owner, provider.Reinstated{Reason: "无误"})
				suspended[owner] = false
			case 2:
				h.Add(account.Category, owner, account.Closed{Reason: "注销"})
				closed[owner] = true
			default:
				id := domaintest.ID(rapid.SampledFrom([]string{"h1", "h2", "h3"}).Draw(t, "hook"))
				facts, err := webhook.Decide(states[id], draw(t, time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)))
				if err != nil {
					continue
				}
				for _, fact := range facts {
					states[id] = webhook.Evolve(states[id], fact)
					h.Add(webhook.Category, id, fact)
					if _, ok := fact.(webhook.Registered); ok {
						position[id] = h.Log[len(h.Log)-1].Position
					}
				}
			}
		}
		cuts := rapid.SliceOfNDistinct(rapid.IntRange(0, len(h.Log)), 0, 3, rapid.ID[int]).Draw(t, "cuts")
		slices.Sort(cuts)
		start := 0
		for _, end := range append(cuts, len(h.Log)) {
			if err := modeltest.Apply(ctx, pool, webhooks.Model, h.Log[start:end]); err != nil {
				t.Fatal(err)
			}
			start = end
		}
		var held []string
		for id, want := range states {
			got, err := q.Hook(ctx, id)
			if err != nil {
				if want.Exists() || !errors.Is(err, domain.ErrNotFound) {
					t.Fatal(err)
				}
				continue
			}
			have := fmt.Sprint(got.Owner, got.URL, got.Types, got.Label, got.Standing, got.Reason, got.RetiresAt != nil)
			if text := fmt.Sprint(want.Owner, want.URL, want.Types, want.Label, want.Standing, want.Reason, len(want.Retiring) > 0); have != text {
				t.Fatalf("got %s, want %s", have, text)
			}
			for _, before := range []domain.Position{position[id], position[id] + 1} {
				told, err := q.Told(ctx, before, []uuid.UUID{want.Owner, uuid.Nil})
				if err != nil {
					t.Fatal(err)
				}
				is := slices.ContainsFunc(told, func(h webhooks.Hook) bool { return h.ID == id })
				if is != (before > position[id] && want.Standing != webhook.Ended && !closed[want.Owner]) {
					t.Fatalf("%+v is told of what happened at %d: %v", got, before, is)
				}
			}
			if want.Standing == webhook.OnHold || want.Standing == webhook.Active && suspended[want.Owner] {
				held = append(held, id.String())
			}
		}
		got, err := q.Held(ctx)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		slices.Sort(held)
		if !slices.Equal(got, held) {
			t.Fatalf("held are %v, want %v", got, held)
		}
	})
}
