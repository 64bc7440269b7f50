package models_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/decision"
	"waybill/domain/domaintest"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections/modeltest"
)

// world is the write side, folded with the deciders alone: what the read models must agree with.
type world struct {
	*modeltest.History
	providers map[uuid.UUID]provider.State
	products  map[uuid.UUID]product.State
	bookings  map[uuid.UUID]booking.State
	created   map[uuid.UUID]time.Time
	tried     map[string]bool // the commands that were; nil for who does not ask
	longAgo   bool            // what is submitted now does not say where its destination is
	calendar  calendar.State
}

// try lets a decider decide, and records what happened when it does not refuse.
func try[S, C any](w *world, d domain.Decider[S, C], states map[uuid.UUID]S, id uuid.UUID, c C) {
	if w.tried != nil {
		w.tried[fmt.Sprintf("%T", c)] = true
	}
	happened, err := d.Decide(states[id], c)
	if err != nil {
		return
	}
	w.Actor = actorOf(c)
	for _, fact := range w.recorded(happened) {
		states[id] = d.Evolve(states[id], fact)
		w.Add(d.Category, id, fact)
	}
}

// recorded are facts as another binary recorded them: long ago without a point, or with one that this binary would not find.
func (w *world) recorded(facts []domain.Event) []domain.Event {
	if w.longAgo {
		facts = domaintest.Older(facts...)
	}
	for i, fact := range facts {
		switch e := fact.(type) {
		case product.Submitted:
			e.Point = elsewhere(e.Point)
			facts[i] = e
		case product.Revised:
			e.Point = elsewhere(e.Point)
			facts[i] = e
		case product.PlaceMatched:
			e.Point = elsewhere(e.Point)
			facts[i] = e
		}
	}
	return facts
}

func elsewhere(p place.Point) place.Point {
	if !p.IsZero() {
		p.Latitude += 0.01
	}
	return p
}

// point is where the approved content of a product is, as its events say.
func (w *world) point(id uuid.UUID) place.Point {
	var (
		latest, live place.Point
		s            product.State
	)
	for _, e := range w.Log {
		if e.Stream != domain.Stream(product.Category, id) {
			continue
		}
		s = product.Evolve(s, e.Fact)
		switch e.Fact.(type) {
		case product.Submitted, product.Revised, product.PlaceMatched:
			latest = s.Point
		}
		if s.Revision == s.ApprovedRevision {
			live = latest
		}
	}
	if live.IsZero() {
		return s.Approved.Destination.Point()
	}
	return live
}

func (w *world) provider(id uuid.UUID, c provider.Command) {
	try(w, provider.Decider, w.providers, id, c)
}

func (w *world) product(id uuid.UUID, c product.Command) { try(w, product.Decider, w.products, id, c) }

func (w *world) booking(id uuid.UUID, c booking.Command) { try(w, booking.Decider, w.bookings, id, c) }

// ruling is the reviewer's on an application.
func (w *world) ruling(applicant uuid.UUID, revision domain.ContentRevision, reasons ...domain.Reason) decision.Ruling {
	r := domaintest.Ruling(revision, reasons...)
	r.Submitter.ID = applicant
	return r
}

// step draws one command. Names are few, so that most commands meet something that is there.
func (w *world) step(t *rapid.T) {
	if rapid.IntRange(0, 29).Draw(t, "the calendar is corrected") == 0 {
		w.correct(t)
		return
	}
	p := domaintest.ID(rapid.SampledFrom([]string{"p1", "p2", "p3"}).Draw(t, "product"))
	v := domaintest.ID(rapid.SampledFrom([]string{"v1", "v2"}).Draw(t, "provider"))
	b := domaintest.ID(rapid.SampledFrom([]string{"b1", "b2", "b3"}).Draw(t, "booking"))
	// Mostly the owner acts.
	by := w.products[p].ProviderID
	standing := w.providers[by].Standing
	reasons := []domain.Reason{{Code: "other", Field: "/name", Note: "重写"}}
	name := rapid.SampledFrom([]string{"海运专线", "空运专线", "铁路专线"}).Draw(t, "name")
	c := domaintest.Content(name)
	c.Tags = rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"清关", "拼箱", "ＦＣＬ", "fcl"}), 0, 4, rapid.ID[string]).Draw(t, "tags")
	c.Mode = rapid.SampledFrom([]product.Mode{product.Sea, product.Air}).Draw(t, "mode")
	c.Destination = rapid.SampledFrom([]product.Destination{
		c.Destination,
		{Country: "新加坡", City: "裕廊", Latitude: 1.3, Longitude: 103.7, CRS: "WGS-84"},
		{Country: "斐济", City: "苏瓦", Latitude: -18.1, Longitude: 180, CRS: "WGS-84"},
		{Country: "中国", City: "上海", Latitude: 31.17530398364597, Longitude: 121.531541859215, CRS: "GCJ-02"},
	}).Draw(t, "destination")
	w.longAgo = rapid.Bool().Draw(t, "recorded long ago")
	profile, known := domaintest.Profile(name), domaintest.FactsOfContent(c)
	if rapid.Bool().Draw(t, "there is something to find") {
		profile.Name, known.Place = "三亚海丰", place.Fact{}
	}
	facts := domaintest.FactsOfProfile(profile)
	facts.Due, known.Due = w.promise(t, workdays.ForApplication), w.promise(t, workdays.ForProduct)
	steps := []func(){
		func() { w.provider(v, provider.Apply{Profile: profile, Facts: facts}) },
		func() { w.provider(v, provider.Revise{Profile: profile, Facts: facts}) },
		func() {
			w.provider(v, provider.Approve{Ruling: w.ruling(v, w.providers[v].Revision)})
		},
		func() {
			w.provider(v, provider.Reject{Ruling: w.ruling(v, w.providers[v].Revision, reasons...)})
		},
		func() { w.provider(v, provider.Suspend{Reason: "复核"}) },
		func() { w.provider(v, provider.Reinstate{Reason: "复核通过"}) },
		func() { w.provider(v, provider.Close{Reason: "注销"}) },
		func() {
			if w.products[p].Revision == 0 {
				w.created[p] = w.At.Add(time.Second).Truncate(time.Microsecond)
			}
			w.product(p, product.Submit{ProviderID: v, Provider: w.providers[v].Standing, Content: c, Facts: known})
		},
		func() { w.product(p, product.Revise{By: by, Provider: standing, Content: c, Facts: known}) },
		func() {
			w.product(p, product.Approve{Ruling: domaintest.Ruling(w.products[p].Revision)})
		},
		func() {
			w.product(p, product.Reject{Ruling: domaintest.Ruling(w.products[p].Revision, reasons...)})
		},
		func() { w.product(p, product.Publish{By: by, Provider: standing}) },
		func() { w.product(p, product.Unpublish{By: by}) },
		func() { w.product(p, product.Pin{By: by, Provider: standing}) },
		func() { w.product(p, product.Unpin{By: by}) },
		func() { w.product(p, product.Delete{By: by}) },
		func() { w.product(p, product.TakeDown{Reason: "投诉"}) },
		func() {
			// Deciders that look at an older product let a booking follow its deletion.
			s := booking.Requested{
				ProductID: p, ProductRevision: 1, ProductName: name, ProviderID: by,
				EnterpriseID: domaintest.ID("enterprise"), EnterpriseName: "海南椰风贸易有限公司",
				Inquiry: domaintest.Inquiry(name),
			}
			w.booking(b, booking.Request{Snapshot: s, Available: w.products[p].Revision > 0, At: w.At})
		},
		func() {
			w.booking(b, booking.Reply{By: w.bookings[b].Request.ProviderID, Text: name})
		},
		func() { w.booking(b, booking.MarkRead{By: domaintest.ID("enterprise")}) },
		func() { w.booking(b, booking.Withdraw{By: domaintest.ID("enterprise")}) },
		func() { w.booking(b, booking.Close{Reason: booking.ProductDeleted}) },
		func() { w.provider(v, provider.EndReview{}) },
		func() { w.provider(v, provider.SetPinLimit{Limit: new(int), Reason: "首页位置有限"}) },
		func() { w.provider(v, provider.SetPinLimit{Reason: "不再限制"}) },
		func() { w.product(p, product.EndReview{Provider: standing}) },
		func() { w.booking(b, booking.Close{Reason: booking.EnterpriseClosed}) },
		func() { w.product(p, product.MatchPlace{Revision: w.products[p].Revision, Place: known.Place}) },
		func() { // 28
			w.provider(v, provider.Approve{Ruling: w.ruling(v, w.providers[v].Revision), TwoPersons: true})
		},
		func() {
			r := w.ruling(v, w.providers[v].Revision)
			r.Reviewer.ID, r.Note = domaintest.ID("another reviewer"), "电话核实过"
			w.provider(v, provider.Approve{Ruling: r, TwoPersons: true})
		},
		func() {
			w.provider(v, provider.RevokeApproval{Ruling: w.ruling(v, w.providers[v].ApprovedRevision, reasons...), Due: facts.Due})
		},
		func() {
			r := domaintest.Ruling(w.products[p].ApprovedRevision, reasons...)
			r.Note = "投诉的专线"
			w.product(p, product.RevokeApproval{Ruling: r, Due: known.Due})
		},
	}
	// Review and display are drawn more often than the ends of things.
	weights := []int{0, 0, 2, 2, 2, 0, 1, 3, 4, 5, 5, 6, 7, 7, 8, 9, 9, 9, 10, 8, 9, 11, 11, 12, 13, 13, 14, 15, 16, 16, 17, 17, 18, 19, 20, 8, 9, 21, 22, 23, 24, 25, 26, 27, 27, 28, 29, 30, 31, 31}
	steps[rapid.SampledFrom(weights).Draw(t, "command")]()
}
