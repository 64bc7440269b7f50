package figures_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections/modeltest"
)

// world writes random logs of what may happen, with a clock that jumps forward, and at times back.
type world struct {
	*modeltest.History
	providers map[uuid.UUID]provider.State
	products  map[uuid.UUID]product.State
	bookings  map[uuid.UUID]booking.State
	calendar  calendar.State
}

func newWorld() *world {
	return &world{
		History: modeltest.NewHistory(), providers: map[uuid.UUID]provider.State{}, products: map[uuid.UUID]product.State{},
		bookings: map[uuid.UUID]booking.State{},
	}
}

// happen records facts of one command: at the same time, as the store would have them.
func (w *world) happen(category string, id uuid.UUID, facts ...domain.Event) {
	for _, fact := range facts {
		w.AddAt(domain.Stream(category, id), w.At, fact)
		switch category {
		case provider.Category:
			w.providers[id] = provider.Evolve(w.providers[id], fact)
		case product.Category:
			w.products[id] = product.Evolve(w.products[id], fact)
		case booking.Category:
			w.bookings[id] = booking.Evolve(w.bookings[id], fact)
		}
	}
}

func oneOf[T any](t *rapid.T, what string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, what)
}

func someReasons(t *rapid.T) []domain.Reason {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) domain.Reason {
		return domain.Reason{Code: oneOf(t, "code", "blurred", "incomplete", "other"), Field: oneOf(t, "field", "/name", "/brief")}
	}), 1, 3).Draw(t, "reasons")
}

// move moves the clock.
func (w *world) move(t *rapid.T) {
	w.At = w.At.Add(oneOf(t, "later", time.Duration(0), time.Second, time.Minute, 59*time.Minute, 5*time.Hour, 24*time.Hour, 73*time.Hour,
		-time.Minute, -26*time.Hour))
}

// who has somebody act: mostly a reviewer where one does.
func (w *world) who(t *rapid.T) {
	w.Actor = oneOf(t, "actor", domain.Actor{ID: domaintest.ID("r1"), Role: domain.RoleReviewer}, domain.Actor{ID: domaintest.ID("r2"), Role: domain.RoleReviewer},
		domain.Actor{ID: domaintest.ID("r1"), Role: domain.RoleReviewer}, domain.System)
}

// step is one thing that happens, if it can.
func (w *world) step(t *rapid.T) {
	w.move(t)
	w.who(t)
	switch kind := rapid.IntRange(0, 39).Draw(t, "about"); {
	case kind == 0:
		w.correct(t)
	case kind < 12:
		w.stepProvider(t)
	case kind < 30:
		w.stepProduct(t)
	default:
		w.stepBooking(t)
	}
}

func (w *world) correct(t *rapid.T) {
	c := w.calendar.Calendar()
	first := workdays.DayOf(w.At) + workdays.Day(rapid.IntRange(-20, 6).Draw(t, "first day"))
	correction := workdays.Correction{Notice: "国办发明电〔2026〕9号"}
	for i := range rapid.IntRange(1, 4).Draw(t, "days") {
		d := first + workdays.Day(i)
		correction.Days = append(correction.Days, workdays.Special{Day: d, Working: !c.Working(d), Name: domain.Text{ZH: "节", EN: "Feast"}})
	}
	happened, err := calendar.Decide(w.calendar, calendar.Correct{Correction: correction})
	if err != nil {
		return // of a year that the calendar does not know
	}
	for _, fact := range happened {
		w.calendar = calendar.Evolve(w.calendar, fact)
		w.AddAt(domain.Stream(calendar.Category, calendar.ID), w.At, fact)
	}
}

func (w *world) stepProvider(t *rapid.T) {
	v := domaintest.ID(oneOf(t, "provider", "v1", "v2", "v3"))
	s := w.providers[v]
	profile := domaintest.Profile("立足三亚")
	do := func(facts ...domain.Event) { w.happen(provider.Category, v, facts...) }
	if s.Standing == "" {
		do(provider.Applied{Revision: 1, Profile: profile})
		return
	}
	if s.Standing == provider.StandingClosed {
		return
	}
	pending, active := s.Review == domain.ReviewPending, s.Standing == provider.StandingActive
	for _, of := range rapid.Permutation([]struct {
		may   bool
		facts []domain.Event
	}{
		{true, []domain.Event{provider.Revised{Revision: s.Revision + 1, Profile: profile}}},
		{pending, []domain.Event{provider.Approved{Revision: s.Revision}}},
		{pending, []domain.Event{provider.Approved{Revision: s.Revision}}},
		{pending, []domain.Event{provider.Rejected{Revision: s.Revision, Reasons: someReasons(t)}}},
		{pending, []domain.Event{provider.FirstApproved{Revision: s.Revision, Reviewer: w.Actor.ID}}},
		{s.ApprovedRevision > 0, []domain.Event{provider.ApprovalRevoked{Revision: s.ApprovedRevision, Reasons: domaintest.Unfit}}},
		{active, []domain.Event{provider.Suspended{Reason: "复核"}}},
		{s.Standing == provider.StandingSuspended && s.ApprovedRevision > 0, []domain.Event{provider.Reinstated{Reason: "复核通过"}}},
		{s.Standing == provider.StandingSuspended && s.ApprovedRevision > 0, []domain.Event{provider.Reinstated{Reason: "复核通过"}}},
		{rapid.IntRange(0, 9).Draw(t, "closes") == 0, []domain.Event{provider.Closed{Reason: "注销"}}},
	}).Draw(t, "what") {
		if of.may {
			do(of.facts...)
			return
		}
	}
}

func (w *world) stepProduct(t *rapid.T) {
	p, v := domaintest.ID(oneOf(t, "product", "p1", "p2", "p3", "p4", "p5")), domaintest.ID(oneOf(t, "owner", "v1", "v2", "stranger"))
	c := domaintest.Content("专线")
	c.Mode, c.Destination.Country = oneOf(t, "mode", product.Sea, product.Air), oneOf(t, "country", "泰国", "新加坡")
	s := w.products[p]
	do := func(facts ...domain.Event) { w.happen(product.Category, p, facts...) }
	if s.Revision == 0 {
		do(product.Submitted{ProviderID: v, Revision: 1, Content: c})
		return
	}
	if s.Deleted {
		return
	}
	pending, live := s.Review == domain.ReviewPending, s.ApprovedRevision > 0
	approval := []domain.Event{product.Approved{Revision: s.Revision}}
	if !live && s.TakenDown == nil {
		approval = append(approval, product.Listed{})
	}
	for _, of := range rapid.Permutation([]struct {
		may   bool
		facts []domain.Event
	}{
		{true, []domain.Event{product.Revised{Revision: s.Revision + 1, Content: c}}},
		{pending, approval},
		{pending, approval},
		{pending, []domain.Event{product.Rejected{Revision: s.Revision, Reasons: someReasons(t)}}},
		{live, []domain.Event{product.ApprovalRevoked{Revision: s.ApprovedRevision, Reasons: domaintest.Unfit}}},
		{live && !s.Listed, []domain.Event{product.Listed{}}},
		{live && !s.Listed, []domain.Event{product.Listed{}}},
		{s.Listed, []domain.Event{product.Unlisted{}}},
		{live && s.TakenDown == nil, []domain.Event{product.TakenDown{Revision: s.Revision, Reason: "投诉"}}},
		{true, []domain.Event{product.Pinned{}}},
		{rapid.IntRange(0, 4).Draw(t, "deleted") == 0, []domain.Event{product.Deleted{}}},
	}).Draw(t, "what") {
		if of.may {
			do(of.facts...)
			return
		}
	}
}

func (w *world) stepBooking(t *rapid.T) {
	b := domaintest.ID(fmt.Sprint("b", rapid.IntRange(1, 12).Draw(t, "booking")))
	s := w.bookings[b]
	switch s.Status {
	case "":
		p := domaintest.ID(oneOf(t, "product", "p1", "p2", "p3", "p4", "p5", "nowhere"))
		of := w.products[p]
		w.happen(booking.Category, b, booking.Requested{
			ProductID: p, ProductRevision: domain.ContentRevision(rapid.IntRange(1, max(1, int(of.Revision))).Draw(t, "revision")),
			ProviderID: of.ProviderID, EnterpriseID: domaintest.ID("enterprise"),
		})
	case booking.StatusAwaitingReply:
		if rapid.Bool().Draw(t, "replied") {
			w.happen(booking.Category, b, booking.Replied{Number: 1, Text: "好"})
			return
		}
		w.happen(booking.Category, b, booking.Closed{Reason: oneOf(t, "reason", booking.Withdrawn, booking.ProductDeleted,
			booking.ProviderClosed, booking.EnterpriseClosed)})
	case booking.StatusReplied:
		w.happen(booking.Category, b, booking.Read{Number: 1})
	case booking.StatusClosed:
	}
}
