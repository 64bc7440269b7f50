package pictures_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/modeltest"
	"waybill/projections/pictures"
)

// TestWhoseImages: one row for each thing that happens, and what is seen of a product's cover, a logo and a licence after it: p by the public,
// o by the owner as its own, u by those who see what is used, and n for a licence that is used by nothing else.
func TestWhoseImages(t *testing.T) {
	pool := modeltest.Tables(t)
	q := pictures.Queries{DB: pool}
	h := modeltest.NewHistory()
	v, p, other := domaintest.ID("v"), domaintest.ID("p"), domaintest.ID("other")
	profile, content := domaintest.Profile("立足三亚"), domaintest.Content("专线")
	next := content
	next.Cover = domaintest.Image("next")
	sight := func(digest domain.ImageRef) (s string) {
		t.Helper()
		got, err := q.Sight(context.Background(), string(digest), v)
		if err != nil {
			t.Fatal(err)
		}
		strangers, err := q.Sight(context.Background(), string(digest), other)
		if err != nil || strangers.Own || strangers.Public != got.Public || strangers.Used != got.Used {
			t.Errorf("a stranger's sight: %+v %v", strangers, err)
		}
		for _, one := range []struct {
			is   bool
			mark string
		}{{got.Public, "p"}, {got.Own, "o"}, {got.UsedOpenly, "u"}, {got.Used && !got.UsedOpenly, "n"}, {!got.GoneAt.IsZero(), "g"}} {
			if one.is {
				s += one.mark
			}
		}
		return s
	}
	for i, c := range []struct {
		stream               string
		id                   uuid.UUID
		fact                 domain.Event
		cover, logo, licence string
	}{
		{"provider", v, provider.Applied{Revision: 1, Profile: profile}, "", "ou", "on"},
		{"provider", v, provider.Approved{Revision: 1}, "", "pou", "on"},
		{"product", p, product.Submitted{ProviderID: v, Revision: 1, Content: content}, "ou", "pou", "on"},
		{"product", p, product.Approved{Revision: 1}, "ou", "pou", "on"},
		{"product", p, product.Listed{}, "pou", "pou", "on"},
		{"product", p, product.Revised{Revision: 2, Content: next}, "pou", "pou", "on"},
		{"product", p, product.Approved{Revision: 2}, "ou", "pou", "on"},
		{"product", p, product.Revised{Revision: 3, Content: content}, "ou", "pou", "on"},
		{"product", p, product.Approved{Revision: 3}, "pou", "pou", "on"},
		{"product", p, product.Unlisted{}, "ou", "pou", "on"},
		{"product", p, product.Listed{}, "pou", "pou", "on"},
		{"provider", v, provider.Suspended{Reason: "复核"}, "ou", "ou", "on"},
		{"provider", v, provider.Reinstated{Reason: "通过"}, "pou", "pou", "on"},
		{"product", p, product.TakenDown{Revision: 3, Reason: "投诉"}, "ou", "pou", "on"},
		{"product", p, product.Deleted{}, "g", "pou", "on"},
		{"provider", v, provider.Closed{Reason: "注销"}, "g", "ou", "on"},
	} {
		h.Add(c.stream, c.id, c.fact)
		modeltest.Project(t, pool, h.Log[i:])
		modeltest.Equal(t, c.fact.EventType(), sight(content.Cover)+" "+sight(profile.Logo)+" "+sight(profile.Licence),
			c.cover+" "+c.logo+" "+c.licence)
	}
	// What is deleted is seen by nobody, and kept.
	referenced, err := q.Referenced(context.Background(), []string{string(content.Cover), string(next.Cover), string(domaintest.Image("none"))})
	if err != nil || len(referenced) != 2 {
		t.Errorf("referenced: %v, %v", referenced, err)
	}
	step := modeltest.Contents(t, pool)
	modeltest.Truncate(t, pool)
	modeltest.Project(t, pool, h.Log)
	modeltest.Equal(t, "in one batch", modeltest.Contents(t, pool), step)
}

// TestParkedIsNotPublic: while the stream of a product or of its provider is parked, nothing of it is public; its owner still sees it.
func TestParkedIsNotPublic(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	v, p := domaintest.ID("v"), domaintest.ID("p")
	content := domaintest.Content("专线")
	h.Add("provider", v, provider.Applied{Revision: 1, Profile: domaintest.Profile("立足三亚")})
	h.Add("provider", v, provider.Approved{Revision: 1})
	h.Add("product", p, product.Submitted{ProviderID: v, Revision: 1, Content: content})
	h.Add("product", p, product.Approved{Revision: 1})
	h.Add("product", p, product.Listed{})
	modeltest.Project(t, pool, h.Log)
	for _, stream := range []domain.StreamName{domain.Stream("provider", v), domain.Stream("product", p)} {
		for _, parked := range []bool{true, false} {
			err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), "SET LOCAL search_path = "+pictures.Model.Schema); err != nil {
					return err
				}
				return pictures.Model.SetParked(t.Context(), tx, []domain.StreamName{stream, "uscc-none"}, parked)
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := pictures.Queries{DB: pool}.Sight(t.Context(), string(content.Cover), v)
			if err != nil || got.Public == parked || !got.Own {
				t.Errorf("%s parked %v: %+v, %v", stream, parked, got, err)
			}
		}
	}
}
