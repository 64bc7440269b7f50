package models_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/decidertest"
	"waybill/domain/decision"
	"waybill/domain/domaintest"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/projections"
	"waybill/projections/backoffice"
	"waybill/projections/bookings"
	"waybill/projections/history"
	"waybill/projections/listing"
	"waybill/projections/modeltest"
	"waybill/projections/pictures"
	"waybill/projections/review"
)

// TestFold: whatever happened, and however it was cut into batches, the tables are those of one event at a time, and say
// what the deciders' own states say.
func TestFold(t *testing.T) {
	pool := modeltest.Tables(t)
	showFigures(t, pool)
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{
			History: modeltest.NewHistory(), providers: map[uuid.UUID]provider.State{}, products: map[uuid.UUID]product.State{},
			bookings: map[uuid.UUID]booking.State{}, created: map[uuid.UUID]time.Time{},
		}
		// Few random histories get far: two in three begin with a provider that can offer, one in three with its product listed.
		v, p := domaintest.ID("v1"), domaintest.ID("p1")
		begun := rapid.SampledFrom([]string{"nothing", "provider", "product"}).Draw(rt, "begun")
		if begun != "nothing" {
			profile := domaintest.Profile("立足三亚")
			w.provider(v, provider.Apply{Profile: profile, Facts: domaintest.FactsOfProfile(profile)})
			w.provider(v, provider.Approve{Ruling: w.ruling(v, 1)})
		}
		if begun == "product" {
			w.created[p] = w.At.Add(time.Second).Truncate(time.Microsecond)
			c := domaintest.Content("海运专线")
			w.product(p, product.Submit{ProviderID: v, Provider: w.providers[v].Standing, Content: c, Facts: domaintest.FactsOfContent(c)})
			w.product(p, product.Approve{Ruling: domaintest.Ruling(1)})
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			w.step(rt)
		}
		if len(w.Log) == 0 {
			return
		}
		cuts := rapid.SliceOfDistinct(rapid.IntRange(1, len(w.Log)), rapid.ID[int]).Draw(rt, "cuts")
		slices.Sort(cuts)
		modeltest.Truncate(rt, pool)
		modeltest.Project(rt, pool, w.Log, cuts...)
		cut := modeltest.Contents(rt, pool)
		w.check(rt, pool)
		every := make([]int, len(w.Log))
		for i := range every {
			every[i] = i + 1
		}
		modeltest.ProjectBeside(rt, pool, w.Log, every...)
		if single := modeltest.ContentsBeside(rt, pool); cut != single {
			rt.Fatalf("batches cut at %v:\n%s\none at a time, in other schemas:\n%s", cuts, cut, single)
		}
	})
}

// TestFoldKnowsEveryCommand: what no step of TestFold does is tried by nothing that holds the read models to the deciders.
func TestFoldKnowsEveryCommand(t *testing.T) {
	w := &world{
		History: modeltest.NewHistory(), providers: map[uuid.UUID]provider.State{}, products: map[uuid.UUID]product.State{},
		bookings: map[uuid.UUID]booking.State{}, created: map[uuid.UUID]time.Time{}, tried: map[string]bool{},
	}
	rapid.Check(t, func(rt *rapid.T) {
		for range 60 {
			w.step(rt)
		}
	})
	for _, aggregate := range []string{provider.Category, product.Category, booking.Category, calendar.Category} {
		for _, name := range decidertest.CommandTypes(t, "../../domain/"+aggregate) {
			if !w.tried[aggregate+"."+name] {
				t.Errorf("no step of TestFold is a %s.%s: add one, and its weight", aggregate, name)
			}
		}
	}
}

func (w *world) check(t *rapid.T, pool *pgxpool.Pool) {
	ctx := context.Background()
	list, err := listing.Queries{DB: pool}.Page(ctx, listing.Filter{})
	if err != nil {
		t.Fatalf("page: %v", err)
	}
	listed := map[uuid.UUID]listing.Card{}
	for _, card := range list.Rows {
		listed[card.ID] = card
	}
	for name, c := range map[string]struct {
		filter listing.Filter
		keep   func(product.Content) bool
	}{
		"tag": {listing.Filter{Tags: []string{"FCL"}}, func(c product.Content) bool {
			return slices.Contains(c.Tags, "fcl") || slices.Contains(c.Tags, "ＦＣＬ")
		}},
		"mode":       {listing.Filter{Modes: []product.Mode{product.Air}}, func(c product.Content) bool { return c.Mode == product.Air }},
		"text":       {listing.Filter{Text: "空运"}, func(c product.Content) bool { return c.Name == "空运专线" }},
		"everything": {listing.Filter{}, func(product.Content) bool { return true }},
		"modes":      {listing.Filter{Modes: []product.Mode{product.Air, product.Land}}, func(c product.Content) bool { return c.Mode == product.Air }},
		"tags": {listing.Filter{Tags: []string{"清关", "拼箱"}}, func(c product.Content) bool {
			return slices.Contains(c.Tags, "清关") && slices.Contains(c.Tags, "拼箱")
		}},
		"country and city": {listing.Filter{Country: "新加坡", City: "新加坡"}, func(c product.Content) bool { return c.Destination.City == "新加坡" }},
		"tag and mode": {listing.Filter{Tags: []string{"拼箱"}, Modes: []product.Mode{product.Sea}}, func(c product.Content) bool {
			return c.Mode == product.Sea && slices.Contains(c.Tags, "拼箱")
		}},
	} {
		var want []uuid.UUID
		for _, card := range list.Rows {
			if keep := w.products[card.ID].Approved; c.keep(keep) {
				want = append(want, card.ID)
			}
		}
		modeltest.Equal(t, name, modeltest.Listed(t, pool, c.filter), want)
		modeltest.Equal(t, name+", on the map", modeltest.Shown(t, pool, c.filter), want)
	}
	for p, s := range w.products {
		w.checkProduct(t, pool, p, s, listed)
	}
	if len(listed) > 0 {
		t.Fatalf("listed, but should not be: %v", listed)
	}
	for v, s := range w.providers {
		a, err := backoffice.Queries{DB: pool}.Application(ctx, v)
		if err != nil {
			t.Fatalf("application: %v", err)
		}
		modeltest.Equal(t, "application", fmt.Sprint(a.ContentRevision, a.Profile, a.Review, a.Reasons, a.Standing, a.StandingReason,
			a.LiveRevision, a.Mismatches, a.Verdict, a.Revision, a.PinLimit != nil),
			fmt.Sprint(s.Revision, s.Latest, s.Review, s.Reasons, s.Standing, s.StandingReason,
				s.ApprovedRevision, s.Mismatches, s.Verdict, w.last("provider", v), s.PinLimit != nil))
		modeltest.Equal(t, "certified", *a.Certified, domaintest.Enterprise)
		w.checkDue(t, "provider", v, a.Promise)
		checkRevoked(t, a.Revoked, s.Revoked)
		if s.ApprovedRevision > 0 {
			modeltest.Equal(t, "live profile", *a.LiveProfile, s.Approved)
		} else if a.LiveProfile != nil {
			t.Fatalf("a live profile before approval")
		}
		w.checkSubmission(t, pool, "provider", v, s.Revision, string(s.Review), s.Latest, s.Verdict, 0, place.Point{})
	}
	w.checkPictures(t, pool)
	w.checkWorkload(t, pool)
	w.checkFigures(t, pool)
	for b, s := range w.bookings {
		got, err := bookings.Queries{DB: pool}.Get(ctx, s.Request.EnterpriseID, b)
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
		modeltest.Equal(t, "booking", fmt.Sprint(got.State, got.CloseReason, got.ProductName, got.ProductDeleted, replies,
			got.ReadNumber, got.Inquiry, got.Revision),
			fmt.Sprint(s.Status, s.CloseReason, name, name == "", s.Replies, s.ReadNumber, s.Request.Inquiry, w.last("booking", b)))
	}
	entries, err := history.Queries{DB: pool}.Query(ctx, history.Filter{Limit: projections.MaxPage})
	if err != nil {
		t.Fatalf("history: %v", err)
	}
	for i, e := range entries.Rows {
		if e.Position != w.Log[i].Position || e.Stream != w.Log[i].Stream || e.Type != w.Log[i].Type || e.Revision != w.Log[i].Revision {
			t.Fatalf("history row %d: %+v", i, e)
		}
		if e.Kind == "product" && w.products[e.SubjectID].Deleted {
			text := string(e.Changes) + fmt.Sprint(e.Reasons)
			for _, content := range []string{"专线", "重写", "sha256"} {
				if strings.Contains(text, content) {
					t.Fatalf("content of a deleted product in the history: %s", text)
				}
			}
		}
	}
}

func (w *world) checkProduct(t *rapid.T, pool *pgxpool.Pool, p uuid.UUID, s product.State, listed map[uuid.UUID]listing.Card) {
	ctx := context.Background()
	got, err := listing.Queries{DB: pool}.Product(ctx, p)
	if s.Public(w.providers[s.ProviderID].Standing) {
		if err != nil {
			t.Fatalf("public product: %v", err)
		}
		v := w.providers[s.ProviderID].Approved
		want := listing.Product{
			Card: listing.Card{
				ID: p, ProviderID: s.ProviderID, ProviderName: v.Name, ProviderLogo: v.Logo, Name: s.Approved.Name, Brief: s.Approved.Brief,
				Tags: s.Approved.Tags, Mode: s.Approved.Mode, Destination: s.Approved.Destination, Cover: s.Approved.Cover, Point: w.point(p),
				ContentRevision: s.ApprovedRevision, Pinned: s.Pinned, CreatedAt: w.created[p],
			},
			Details: s.Approved.Details, ProviderIntroduction: v.Introduction,
			Revision: w.last("product", p), ProviderRevision: w.last("provider", s.ProviderID),
		}
		modeltest.Equal(t, "public product", fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want))
		modeltest.Equal(t, "card", fmt.Sprintf("%+v", listed[p]), fmt.Sprintf("%+v", want.Card))
		delete(listed, p)
	} else if !errors.Is(err, domain.ErrNotFound) {
		t.Fatalf("a product that is not public: %v", err)
	}
	own, err := backoffice.Queries{DB: pool}.Product(ctx, s.ProviderID, p)
	if s.Deleted {
		if !errors.Is(err, domain.ErrNotFound) {
			t.Fatalf("own deleted product: %v", err)
		}
		if _, err := (review.Queries{DB: pool}).Item(ctx, "product", p); !errors.Is(err, domain.ErrNotFound) {
			t.Fatalf("deleted product in the queue: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatalf("own product: %v", err)
	}
	modeltest.Equal(t, "own product", fmt.Sprint(own.ContentRevision, own.Content, own.Review, own.Reasons, own.LiveRevision, own.Verdict,
		own.Listed, own.Pinned, own.CreatedAt, own.Revision),
		fmt.Sprint(s.Revision, s.Latest, s.Review, s.Reasons, s.ApprovedRevision, s.Verdict, s.Listed, s.Pinned, w.created[p], w.last("product", p)))
	w.checkDue(t, "product", p, own.Promise)
	modeltest.Equal(t, "taken down", own.TakenDown, s.TakenDown)
	if (own.TakenDownAt != nil) != (s.TakenDown != nil) {
		t.Fatalf("taken down at %v, %+v", own.TakenDownAt, s.TakenDown)
	}
	checkRevoked(t, own.Revoked, s.Revoked)
	if s.ApprovedRevision > 0 {
		modeltest.Equal(t, "live content", fmt.Sprint(*own.LiveContent), fmt.Sprint(s.Approved))
	} else if own.LiveContent != nil {
		t.Fatalf("live content before approval")
	}
	w.checkSubmission(t, pool, "product", p, s.Revision, string(s.Review), s.Latest, s.Verdict, s.Place, s.Point)
}

func checkRevoked(t *rapid.T, shown *backoffice.Revocation, want *decision.Revocation) {
	if (shown != nil) != (want != nil) || (shown != nil && fmt.Sprint(shown.Revocation) != fmt.Sprint(*want)) {
		t.Fatalf("revoked: %+v, want %+v", shown, want)
	}
}

// checkPictures holds what is seen of every image to the states of all that may show it.
func (w *world) checkPictures(t *rapid.T, pool *pgxpool.Pool) {
	type viewer struct {
		digest domain.ImageRef
		owner  uuid.UUID
	}
	public, own := map[domain.ImageRef]bool{}, map[viewer]bool{}
	for v, s := range w.providers {
		own[viewer{s.Latest.Licence, v}], own[viewer{s.Latest.Logo, v}] = true, true
		if s.ApprovedRevision > 0 && s.Standing == provider.StandingActive {
			public[s.Approved.Logo] = true
		}
	}
	for _, s := range w.products {
		for _, d := range append([]domain.ImageRef{s.Latest.Cover}, s.Latest.Details...) {
			own[viewer{d, s.ProviderID}] = own[viewer{d, s.ProviderID}] || !s.Deleted
		}
		if s.Public(w.providers[s.ProviderID].Standing) {
			for _, d := range append([]domain.ImageRef{s.Approved.Cover}, s.Approved.Details...) {
				public[d] = true
			}
		}
	}
	for of := range own {
		if of.digest == "" {
			continue // of a deleted product
		}
		got, err := pictures.Queries{DB: pool}.Sight(context.Background(), string(of.digest), of.owner)
		if err != nil {
			t.Fatalf("sight: %v", err)
		}
		modeltest.Equal(t, "sight of "+string(of.digest), fmt.Sprint(got.Public, got.Own), fmt.Sprint(public[of.digest], own[of]))
	}
}

func (w *world) checkSubmission(t *rapid.T, pool *pgxpool.Pool, kind string, subject uuid.UUID,
	revision domain.ContentRevision, state string, content any,
	verdict rules.Verdict, entry int64, at place.Point,
) {
	item, err := review.Queries{DB: pool}.Item(context.Background(), kind, subject)
	if err != nil {
		t.Fatalf("submission: %v", err)
	}
	text, _ := json.Marshal(content)
	var shown place.Point
	if item.Point != nil {
		shown = *item.Point
	}
	modeltest.Equal(t, "submission", fmt.Sprint(item.ContentRevision, item.State, string(item.Content), item.Verdict, item.Place, shown, item.Revision),
		fmt.Sprint(revision, state, string(text), verdict, entry, at, w.last(kind, subject)))
}

// last is the revision of a stream's last event.
func (w *world) last(category string, subject uuid.UUID) domain.Revision {
	return w.Next[domain.Stream(category, subject)] - 1
}
