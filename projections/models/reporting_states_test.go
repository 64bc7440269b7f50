package models_test

import (
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
)

// public is how the public sees a product; the zero value when it does not.
type public struct {
	revision domain.ContentRevision
	pinned   bool
}

// states replays the deciders, and counts what is public and pending after each event, and what happens in each day.
func (c counting) states(w *world) {
	providers, products := map[uuid.UUID]provider.State{}, map[uuid.UUID]product.State{}
	stretches, numbers := map[uuid.UUID]stretchSeen{}, map[uuid.UUID]int{}
	days := map[workdays.Day]map[string]int{}
	replied := map[domain.StreamName]bool{}
	for _, e := range c.log {
		id, _ := e.Stream.ID()
		on := workdays.DayOf(e.Meta.At)
		if days[on] == nil {
			days[on] = map[string]int{}
		}
		switch e.Stream.Category() {
		case provider.Category:
			providers[id] = provider.Evolve(providers[id], e.Fact)
		case product.Category:
			products[id] = product.Evolve(products[id], e.Fact)
		}
		for _, name := range happened(e.Fact, e.Meta.Actor.Role == domain.RoleReviewer, replied[e.Stream]) {
			days[on][name]++
		}
		if _, ok := e.Fact.(booking.Replied); ok {
			replied[e.Stream] = true
		}
		pending, shown := map[string]int{}, 0
		for _, s := range providers {
			if s.Review == domain.ReviewPending {
				pending["applications"]++
			}
		}
		for p, s := range products {
			if s.Review == domain.ReviewPending && !s.Deleted {
				pending["products"]++
			}
			var now public
			if s.Public(providers[s.ProviderID].Standing) {
				now = public{s.ApprovedRevision, s.Pinned}
				shown++
			}
			if was := stretches[p]; was.public != now {
				end := at(e)
				c.stretch(w, p, was, &end)
				if now.revision > 0 {
					numbers[p]++
				}
				stretches[p] = stretchSeen{now, at(e), numbers[p]}
			}
		}
		days[on]["applications_pending"], days[on]["products_pending"] = pending["applications"], pending["products"]
		days[on]["products_public"] = shown
	}
	for p, was := range stretches {
		c.stretch(w, p, was, nil)
	}
	c.daily(days)
	c.dimensions(providers, products)
}

type stretchSeen struct {
	public
	from   time.Time
	number int
}

func (c counting) stretch(w *world, p uuid.UUID, s stretchSeen, to *time.Time) {
	if s.revision == 0 {
		return
	}
	stream := domain.Stream(product.Category, p)
	content := c.content(stream, s.revision)
	city := any("")
	if c.gazetteer(stream, s.revision) != 0 {
		city = content.Destination.City
	}
	var toDay any
	if to != nil {
		toDay = day(*to)
	}
	c.add("listings", p, s.number, w.products[p].ProviderID, s.revision, s.pinned, s.from, day(s.from), to, toDay, content.Mode,
		content.Destination.Country, city)
}

// gazetteer is the entry of a revision's destination, as the log says at its end.
func (c counting) gazetteer(stream domain.StreamName, revision domain.ContentRevision) (entry int64) {
	for _, e := range c.log {
		if e.Stream != stream {
			continue
		}
		switch f := e.Fact.(type) {
		case product.Submitted:
			if f.Revision == revision {
				entry = f.Place
			}
		case product.Revised:
			if f.Revision == revision {
				entry = f.Place
			}
		case product.PlaceMatched:
			if f.Revision == revision {
				entry = f.Place
			}
		}
	}
	return entry
}

// happened names what an event counts as in its day.
func happened(fact domain.Event, reviewed, repliedBefore bool) []string {
	kind := "products_"
	switch fact.(type) {
	case provider.Applied, provider.Revised, provider.Approved, provider.Rejected, provider.ApprovalRevoked:
		kind = "applications_"
	}
	switch name := what(fact); name {
	case "submitted", "approved", "revoked", "deleted":
		return []string{kind + name}
	case "rejected":
		if reviewed {
			return []string{kind + "rejected"}
		}
		return []string{kind + "rejected", kind + "ended"}
	}
	switch fact.(type) {
	case product.Listed:
		return []string{"products_listed"}
	case product.Unlisted:
		return []string{"products_unlisted"}
	case product.TakenDown:
		return []string{"products_taken_down"}
	case booking.Requested:
		return []string{"bookings_requested"}
	case booking.Replied:
		if !repliedBefore {
			return []string{"bookings_replied"}
		}
	case booking.Closed:
		return []string{"bookings_closed"}
	}
	return nil
}

// daily are the days from the first in which something was counted to that of the last event.
func (c counting) daily(days map[workdays.Day]map[string]int) {
	last := c.lastAt()
	if last == nil {
		return
	}
	var first workdays.Day
	for d, counts := range days {
		for name, n := range counts {
			if n > 0 && (first == 0 || d < first) && name != "" {
				first = d
			}
		}
	}
	if first == 0 {
		return
	}
	pending, products, shown := 0, 0, 0
	for d := first; d <= workdays.DayOf(*last); d++ {
		on := days[d]
		if on != nil {
			pending, products, shown = on["applications_pending"], on["products_pending"], on["products_public"]
		}
		c.add("daily", d, on["applications_submitted"], on["applications_approved"], on["applications_rejected"], on["applications_ended"],
			on["applications_revoked"], on["products_submitted"], on["products_approved"], on["products_rejected"], on["products_ended"],
			on["products_revoked"], on["products_listed"], on["products_unlisted"], on["products_taken_down"], on["products_deleted"],
			on["bookings_requested"], on["bookings_replied"], on["bookings_closed"], pending, products, shown)
	}
}

func (c counting) dimensions(providers map[uuid.UUID]provider.State, products map[uuid.UUID]product.State) {
	first := func(id uuid.UUID, category string, names ...string) (when any, of string) {
		for _, e := range c.log {
			if e.Stream != domain.Stream(category, id) {
				continue
			}
			for _, name := range names {
				if what(e.Fact) == name {
					if name == "rejected" && e.Meta.Actor.Role != domain.RoleReviewer {
						return at(e), "ended"
					}
					return at(e), name
				}
			}
			if _, listed := e.Fact.(product.Listed); listed && names[0] == "listed" {
				return at(e), "listed"
			}
		}
		return nil, ""
	}
	for id, s := range providers {
		submitted, _ := first(id, provider.Category, "submitted")
		decided, outcome := first(id, provider.Category, "approved", "rejected")
		approved, _ := first(id, provider.Category, "approved")
		name := ""
		if s.Standing == provider.StandingActive && s.ApprovedRevision > 0 {
			name = s.Approved.Name
		}
		c.add("providers", id, name, s.Latest.Type, s.Standing, submitted, day(submitted.(time.Time)), decided, outcome, approved)
	}
	for id, s := range products {
		submitted, _ := first(id, product.Category, "submitted")
		_, outcome := first(id, product.Category, "approved", "rejected")
		approved, _ := first(id, product.Category, "approved")
		listed, _ := first(id, product.Category, "listed")
		deleted, _ := first(id, product.Category, "deleted")
		c.add("products", id, s.ProviderID, submitted, outcome, approved, listed, s.Public(providers[s.ProviderID].Standing), s.Pinned, deleted)
	}
}
