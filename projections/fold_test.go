package projections_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections"
)

func image(digit string) domain.ImageRef {
	return domain.ImageRef("sha256:" + strings.Repeat(digit, 64))
}

var enterprise = account.Enterprise{Name: "三亚海丰国际物流有限公司", USCC: "91350100M000100Y43", LegalRepresentative: "符海生"}

func profile(introduction string) provider.Profile {
	return provider.Profile{
		Type: provider.Logistics, Name: enterprise.Name, USCC: enterprise.USCC, LegalRepresentative: enterprise.LegalRepresentative,
		Licence: image("1"), Logo: image("2"), Contact: "陈琳", Address: "海南省三亚市吉阳区迎宾路1号", Phone: "0898-88270001",
		Introduction: introduction,
	}
}

func content(name string) product.Content {
	return product.Content{
		Name: name, Brief: "每周两班，含清关", Tags: []string{"海运", "清关"}, Mode: product.Sea,
		Destination: product.Destination{Country: "新加坡", City: "新加坡", Latitude: 1.29, Longitude: 103.85, CRS: "WGS-84"},
		Cover:       image("a"), Details: []domain.ImageRef{image("b"), image("c")},
	}
}

// world is the write side, folded with the deciders alone: what the read models must agree with.
type world struct {
	*history
	providers map[uuid.UUID]provider.State
	products  map[uuid.UUID]product.State
	bookings  map[uuid.UUID]booking.State
	created   map[uuid.UUID]time.Time
}

// try lets a decider decide, and records what happened when it does not refuse.
func try[S, C any](w *world, d domain.Decider[S, C], states map[uuid.UUID]S, id uuid.UUID, c C) {
	happened, err := d.Decide(states[id], c)
	if err != nil {
		return
	}
	for _, fact := range happened {
		states[id] = d.Evolve(states[id], fact)
		w.add(d.Category, id, fact)
	}
}

func (w *world) provider(id uuid.UUID, c provider.Command) {
	try(w, provider.Decider, w.providers, id, c)
}

func (w *world) product(id uuid.UUID, c product.Command) { try(w, product.Decider, w.products, id, c) }

func (w *world) booking(id uuid.UUID, c booking.Command) { try(w, booking.Decider, w.bookings, id, c) }

// step draws one command. Names are few, so that most commands meet something that is there.
func (w *world) step(t *rapid.T) {
	p, v := id(rapid.SampledFrom([]string{"p1", "p2", "p3"}).Draw(t, "product")), id(rapid.SampledFrom([]string{"v1", "v2"}).Draw(t, "provider"))
	b := id(rapid.SampledFrom([]string{"b1", "b2", "b3"}).Draw(t, "booking"))
	// Mostly the owner acts.
	by := w.products[p].ProviderID
	standing := w.providers[by].Standing
	reasons := []domain.Reason{{Code: "other", Field: "/name", Note: "重写"}}
	name := rapid.SampledFrom([]string{"海运专线", "空运专线", "铁路专线"}).Draw(t, "name")
	c := content(name)
	c.Tags = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"清关", "拼箱", "ＦＣＬ", "fcl"}), 0, 4, rapid.ID[string]).Draw(t, "tags")
	c.Mode = rapid.SampledFrom([]product.Mode{product.Sea, product.Air}).Draw(t, "mode")
	steps := []func(){
		func() {
			w.provider(v, provider.Apply{Profile: profile(name), Certified: enterprise})
		},
		func() {
			w.provider(v, provider.Revise{Profile: profile(name), Certified: enterprise})
		},
		func() { w.provider(v, provider.Approve{Revision: w.providers[v].Revision}) },
		func() {
			w.provider(v, provider.Reject{Revision: w.providers[v].Revision, Reasons: reasons})
		},
		func() { w.provider(v, provider.Suspend{Reason: "复核"}) },
		func() { w.provider(v, provider.Reinstate{Reason: "复核通过"}) },
		func() { w.provider(v, provider.Close{Reason: "注销"}) },
		func() {
			if w.products[p].Revision == 0 {
				w.created[p] = w.at.Add(time.Second).Truncate(time.Microsecond)
			}
			w.product(p, product.Submit{ProviderID: v, Provider: w.providers[v].Standing, Content: c})
		},
		func() { w.product(p, product.Revise{By: by, Provider: standing, Content: c}) },
		func() {
			w.product(p, product.Approve{By: id("reviewer"), Revision: w.products[p].Revision})
		},
		func() {
			w.product(p, product.Reject{By: id("reviewer"), Revision: w.products[p].Revision, Reasons: reasons})
		},
		func() { w.product(p, product.List{By: by, Provider: standing}) },
		func() { w.product(p, product.Unlist{By: by}) },
		func() { w.product(p, product.Pin{By: by, Provider: standing}) },
		func() { w.product(p, product.Unpin{By: by}) },
		func() { w.product(p, product.Delete{By: by}) },
		func() {
			// Deciders that look at an older product let a booking follow its deletion.
			s := booking.Requested{
				ProductID: p, ProductRevision: 1, ProductName: name, ProviderID: by, EnterpriseID: id("enterprise"), EnterpriseName: "海南椰风贸易有限公司",
				Inquiry: booking.Inquiry{ContactName: "王敏", Phone: "13800138000", Message: name},
			}
			w.booking(b, booking.Request{Snapshot: s, Available: w.products[p].Revision > 0, At: w.at})
		},
		func() {
			w.booking(b, booking.Reply{By: w.bookings[b].Request.ProviderID, Text: name})
		},
		func() { w.booking(b, booking.MarkRead{By: id("enterprise")}) },
		func() { w.booking(b, booking.Withdraw{By: id("enterprise")}) },
		func() { w.booking(b, booking.Close{Reason: booking.ProductDeleted}) },
	}
	// Review and display are drawn more often than the ends of things.
	weights := []int{0, 0, 2, 2, 2, 0, 1, 3, 4, 5, 5, 6, 7, 7, 8, 9, 9, 9, 10, 8, 9, 11, 11, 12, 13, 13, 14, 15, 16, 16, 17, 18, 19, 20, 8, 9}
	steps[rapid.SampledFrom(weights).Draw(t, "command")]()
}

// TestFold: whatever happened, and however it was cut into batches, the tables are those of one event at a time, and say
// what the deciders' own states say.
func TestFold(t *testing.T) {
	pool := tables(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{
			history: newHistory(), providers: map[uuid.UUID]provider.State{}, products: map[uuid.UUID]product.State{},
			bookings: map[uuid.UUID]booking.State{}, created: map[uuid.UUID]time.Time{},
		}
		// Half of the worlds begin with a provider that can offer.
		if rapid.Bool().Draw(rt, "begun") {
			w.provider(id("v1"), provider.Apply{Profile: profile("立足三亚"), Certified: enterprise})
			w.provider(id("v1"), provider.Approve{Revision: 1})
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			w.step(rt)
		}
		if len(w.log) == 0 {
			return
		}
		cuts := rapid.SliceOfDistinct(rapid.IntRange(1, len(w.log)), rapid.ID[int]).Draw(rt, "cuts")
		slices.Sort(cuts)
		truncate(rt, pool)
		project(rt, pool, w.log, cuts...)
		cut := contents(rt, pool)
		w.check(rt, pool)
		every := make([]int, len(w.log))
		for i := range every {
			every[i] = i + 1
		}
		truncate(rt, pool)
		project(rt, pool, w.log, every...)
		if single := contents(rt, pool); cut != single {
			rt.Fatalf("batches cut at %v:\n%s\none at a time:\n%s", cuts, cut, single)
		}
	})
}

func (w *world) check(t *rapid.T, pool *pgxpool.Pool) {
	ctx := context.Background()
	list, err := projections.ListingQueries{DB: pool}.Page(ctx, projections.ListingFilter{})
	if err != nil {
		t.Fatalf("page: %v", err)
	}
	listed := map[uuid.UUID]projections.Card{}
	for _, card := range list.Rows {
		listed[card.ID] = card
	}
	for name, c := range map[string]struct {
		filter projections.ListingFilter
		keep   func(product.Content) bool
	}{
		"tag": {projections.ListingFilter{Tag: "FCL"}, func(c product.Content) bool {
			return slices.Contains(c.Tags, "fcl") || slices.Contains(c.Tags, "ＦＣＬ")
		}},
		"mode":         {projections.ListingFilter{Mode: product.Air}, func(c product.Content) bool { return c.Mode == product.Air }},
		"text":         {projections.ListingFilter{Text: "空运"}, func(c product.Content) bool { return c.Name == "空运专线" }},
		"tag and mode": {projections.ListingFilter{Tag: "拼箱", Mode: product.Sea}, func(c product.Content) bool { return c.Mode == product.Sea && slices.Contains(c.Tags, "拼箱") }},
	} {
		var want []uuid.UUID
		for _, card := range list.Rows {
			if keep := w.products[card.ID].Approved; c.keep(keep) {
				want = append(want, card.ID)
			}
		}
		equal(t, name, ids(t, pool, c.filter), want)
	}
	for p, s := range w.products {
		w.checkProduct(t, pool, p, s, listed)
	}
	if len(listed) > 0 {
		t.Fatalf("listed, but should not be: %v", listed)
	}
	for v, s := range w.providers {
		a, err := projections.BackofficeQueries{DB: pool}.Application(ctx, v)
		if err != nil {
			t.Fatalf("application: %v", err)
		}
		equal(t, "application", fmt.Sprint(a.ContentRevision, a.Profile, a.Review, a.Reasons, a.Standing, a.StandingReason, a.LiveRevision, a.Mismatches, a.Revision),
			fmt.Sprint(s.Revision, s.Latest, s.Review, s.Reasons, s.Standing, s.StandingReason, s.ApprovedRevision, s.Mismatches, w.last("provider", v)))
		if s.ApprovedRevision > 0 {
			equal(t, "live profile", *a.LiveProfile, s.Approved)
		} else if a.LiveProfile != nil {
			t.Fatalf("a live profile before approval")
		}
		w.checkSubmission(t, pool, "provider", v, s.Revision, string(s.Review), s.Latest)
	}
	for b, s := range w.bookings {
		got, err := projections.BookingQueries{DB: pool}.Get(ctx, s.Request.EnterpriseID, b)
		if err != nil {
			t.Fatalf("booking: %v", err)
		}
		name := s.Request.ProductName
		if w.products[s.Request.ProductID].Deleted {
			name = ""
		}
		var replies []string
		for _, r := range got.Replies {
			replies = append(replies, r.Text)
		}
		equal(t, "booking", fmt.Sprint(got.State, got.CloseReason, got.ProductName, got.ProductDeleted, replies, got.ReadNumber, got.Inquiry, got.Revision),
			fmt.Sprint(s.Status, s.CloseReason, name, name == "", s.Replies, s.ReadNumber, s.Request.Inquiry, w.last("booking", b)))
	}
	entries, err := projections.HistoryQueries{DB: pool}.Query(ctx, projections.HistoryFilter{Limit: projections.MaxPage})
	if err != nil {
		t.Fatalf("history: %v", err)
	}
	for i, e := range entries.Rows {
		if e.Position != w.log[i].Position || e.Stream != w.log[i].Stream || e.Type != w.log[i].Type || e.Revision != w.log[i].Revision {
			t.Fatalf("history row %d: %+v", i, e)
		}
		if e.Kind == "product" && w.products[e.SubjectID].Deleted {
			if text := string(e.Changes) + fmt.Sprint(e.Reasons); strings.Contains(text, "专线") || strings.Contains(text, "重写") || strings.Contains(text, "sha256") {
				t.Fatalf("content of a deleted product in the history: %s", text)
			}
		}
	}
}

func (w *world) checkProduct(t *rapid.T, pool *pgxpool.Pool, p uuid.UUID, s product.State, listed map[uuid.UUID]projections.Card) {
	ctx := context.Background()
	got, err := projections.ListingQueries{DB: pool}.Product(ctx, p)
	if s.Public() && w.providers[s.ProviderID].Standing == provider.StandingActive {
		if err != nil {
			t.Fatalf("public product: %v", err)
		}
		v := w.providers[s.ProviderID].Approved
		want := projections.PublicProduct{
			Card: projections.Card{
				ID: p, ProviderID: s.ProviderID, ProviderName: v.Name, ProviderLogo: v.Logo, Name: s.Approved.Name, Brief: s.Approved.Brief,
				Tags: s.Approved.Tags, Mode: s.Approved.Mode, Destination: s.Approved.Destination, Cover: s.Approved.Cover,
				ContentRevision: s.ApprovedRevision, Pinned: s.Pinned, CreatedAt: w.created[p],
			},
			Details: s.Approved.Details, ProviderIntroduction: v.Introduction,
			Revision: w.last("product", p), ProviderRevision: w.last("provider", s.ProviderID),
		}
		equal(t, "public product", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
		equal(t, "card", fmt.Sprintf("%+v", listed[p]), fmt.Sprintf("%+v", want.Card))
		delete(listed, p)
	} else if !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("a product that is not public: %v", err)
	}
	own, err := projections.BackofficeQueries{DB: pool}.Product(ctx, s.ProviderID, p)
	if s.Deleted {
		if !errors.Is(err, domain.ErrNotFound) {
			t.Fatalf("own deleted product: %v", err)
		}
		if _, err := (projections.ReviewQueries{DB: pool}).Item(ctx, "product", p); !errors.Is(err, domain.ErrNotFound) {
			t.Fatalf("deleted product in the queue: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatalf("own product: %v", err)
	}
	equal(t, "own product", fmt.Sprint(own.ContentRevision, own.Content, own.Review, own.Reasons, own.LiveRevision, own.Listed, own.Pinned, own.CreatedAt, own.Revision),
		fmt.Sprint(s.Revision, s.Latest, s.Review, s.Reasons, s.ApprovedRevision, s.Listed, s.Pinned, w.created[p], w.last("product", p)))
	if s.ApprovedRevision > 0 {
		equal(t, "live content", fmt.Sprint(*own.LiveContent), fmt.Sprint(s.Approved))
	} else if own.LiveContent != nil {
		t.Fatalf("live content before approval")
	}
	w.checkSubmission(t, pool, "product", p, s.Revision, string(s.Review), s.Latest)
}

func (w *world) checkSubmission(t *rapid.T, pool *pgxpool.Pool, kind string, subject uuid.UUID, revision int, state string, content any) {
	item, err := projections.ReviewQueries{DB: pool}.Item(context.Background(), kind, subject)
	if err != nil {
		t.Fatalf("submission: %v", err)
	}
	text, _ := json.Marshal(content)
	equal(t, "submission", fmt.Sprint(item.ContentRevision, item.State, string(item.Content), item.Revision),
		fmt.Sprint(revision, state, string(text), w.last(kind, subject)))
}

// last is the revision of a stream's last event.
func (w *world) last(category string, subject uuid.UUID) uint64 {
	return w.revisions[domain.Stream(category, subject)] - 1
}

func equal[T any](t fataler, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s:\n got %v\nwant %v", what, got, want)
	}
}
