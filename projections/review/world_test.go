package review_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/claim"
	"waybill/domain/decision"
	"waybill/domain/domaintest"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/workdays"
	"waybill/projections/modeltest"
)

// world writes a random log: what the deciders of providers and products decide, claims as they come about, and corrections of the calendar.
type world struct {
	*modeltest.History
	providers map[uuid.UUID]provider.State
	products  map[uuid.UUID]product.State
	claims    map[uuid.UUID]claim.Claimed
	calendar  *workdays.Calendar
	before    *workdays.Calendar // the version before, which a command may have been decided by
	claimed   int
	// typed is what the profiles of providers say that they are. So far the rule book knows one; the desk knows many.
	typed string
}

func newWorld() *world {
	return &world{
		History: modeltest.NewHistory(), providers: map[uuid.UUID]provider.State{}, products: map[uuid.UUID]product.State{},
		claims: map[uuid.UUID]claim.Claimed{}, calendar: workdays.Standard(), before: workdays.Standard(), typed: rules.Logistics,
	}
}

// begun is a world in which providers offer products, of which some wait.
func begun(t *rapid.T) *world {
	w := newWorld()
	if !rapid.Bool().Draw(t, "something is there") {
		return w
	}
	profile, content := domaintest.Profile("立足三亚"), domaintest.Content("海运专线")
	for _, name := range []string{"v1", "v2"} {
		v := domaintest.ID(name)
		w.Actor.ID = v
		happens(w, provider.Decider, w.providers, v, provider.Command(provider.Apply{Profile: profile, Facts: domaintest.FactsOfProfile(profile)}), false)
		happens(w, provider.Decider, w.providers, v, provider.Command(provider.Approve{Ruling: domaintest.Ruling(1)}), false)
	}
	for _, name := range []string{"p1", "p2", "p3"} {
		p, v := domaintest.ID(name), domaintest.ID("v1")
		submit := product.Submit{ProviderID: v, Provider: provider.StandingActive, Content: content, Facts: domaintest.FactsOfContent(content)}
		happens(w, product.Decider, w.products, p, product.Command(submit), false)
		if name == "p1" {
			happens(w, product.Decider, w.products, p, product.Command(product.Approve{Ruling: domaintest.Ruling(1)}), false)
		}
	}
	return w
}

func happens[S, C any](w *world, d domain.Decider[S, C], states map[uuid.UUID]S, id uuid.UUID, c C, longAgo bool) {
	happened, err := d.Decide(states[id], c)
	if err != nil {
		return
	}
	if longAgo {
		happened = domaintest.Older(happened...)
	}
	for _, fact := range happened {
		switch profile := fact.(type) {
		case provider.Applied:
			profile.Profile.Type = w.typed
			fact = profile
		case provider.Revised:
			profile.Profile.Type = w.typed
			fact = profile
		}
		states[id] = d.Evolve(states[id], fact)
		w.Add(d.Category, id, fact)
	}
}

var reviewers = []uuid.UUID{domaintest.ID("r1"), domaintest.ID("r2")}

func oneOf[T any](t *rapid.T, what string, of ...T) T { return rapid.SampledFrom(of).Draw(t, what) }

// step draws what happens next.
func (w *world) step(t *rapid.T) {
	w.At = w.At.Add(time.Duration(oneOf(t, "hours later", 0, 0, 1, 9, 30, 100)) * time.Hour)
	w.Actor.ID = oneOf(t, "actor", domaintest.ID("v1"), domaintest.ID("v2"))
	v := domaintest.ID(oneOf(t, "provider", "v1", "v2", "v3"))
	p := domaintest.ID(oneOf(t, "product", "p1", "p2", "p3", "p4", "p5"))
	longAgo := rapid.Bool().Draw(t, "recorded long ago")
	by := oneOf(t, "calendar of the command", w.calendar, w.before)
	at := w.At.Add(time.Second)
	reasons := []domain.Reason{{Code: "other", Note: "重写"}}
	content := domaintest.Content(oneOf(t, "name", "海运专线", "空运专线"))
	profile := domaintest.Profile("立足三亚")
	w.typed = oneOf(t, "type", rules.Logistics, "other")
	if rapid.Bool().Draw(t, "there is something to find") {
		profile.Name = "三亚海丰"
	}
	ofContent, ofProfile := domaintest.FactsOfContent(content), domaintest.FactsOfProfile(profile)
	if rapid.Bool().Draw(t, "the place is not known") {
		ofContent.Place = place.Fact{}
	}
	ofContent.Due, ofProfile.Due = by.Due(at, workdays.ForProduct), by.Due(at, workdays.ForApplication)
	product1, provider1 := w.products[p], w.providers[v]
	owner, standing := w.providers[product1.ProviderID].Standing, provider1.Standing
	if rapid.IntRange(0, 3).Draw(t, "decided before its provider's end, and recorded after it") == 3 {
		owner, standing = provider.StandingActive, provider.StandingActive
	}
	ruling := func(of domain.ContentRevision) decision.Ruling {
		r := domaintest.RulingBy(oneOf(t, "reviewer", reviewers...), of, reasons...)
		r.Note = "与电话核实一致"
		return r
	}
	onProvider := func(c provider.Command) { happens(w, provider.Decider, w.providers, v, c, longAgo) }
	onProduct := func(c product.Command) { happens(w, product.Decider, w.products, p, c, longAgo) }
	decide := func(of uuid.UUID, c func()) {
		w.Actor.ID = oneOf(t, "decides", reviewers...)
		if rapid.IntRange(0, 3).Draw(t, "begun on the claim's stream") == 3 {
			w.begin(of)
		}
		c()
	}
	steps := []func(){
		func() { onProvider(provider.Apply{Profile: profile, Facts: ofProfile}) },
		func() { onProvider(provider.Revise{Profile: profile, Facts: ofProfile}) },
		func() {
			two := rapid.Bool().Draw(t, "two persons")
			decide(v, func() { onProvider(provider.Approve{Ruling: ruling(provider1.Revision), TwoPersons: two}) })
		},
		func() { decide(v, func() { onProvider(provider.Reject{Ruling: ruling(provider1.Revision)}) }) },
		func() {
			onProvider(provider.RevokeApproval{Ruling: ruling(provider1.ApprovedRevision), Due: ofProfile.Due})
		},
		func() { onProvider(provider.Close{Reason: "注销"}) },
		func() {
			onProduct(product.Submit{ProviderID: v, Provider: standing, Content: content, Facts: ofContent})
		},
		func() {
			onProduct(product.Revise{By: product1.ProviderID, Provider: owner, Content: content, Facts: ofContent})
		},
		func() {
			decide(p, func() { onProduct(product.Approve{Ruling: ruling(product1.Revision), Provider: owner}) })
		},
		func() {
			decide(p, func() { onProduct(product.Reject{Ruling: ruling(product1.Revision), Provider: owner}) })
		},
		func() {
			onProduct(product.RevokeApproval{Ruling: ruling(product1.ApprovedRevision), Provider: owner, Due: ofContent.Due})
		},
		func() { onProduct(product.TakeDown{Reason: "投诉"}) },
		func() { onProduct(product.Delete{By: product1.ProviderID}) },
		func() { onProduct(product.EndReview{Provider: w.providers[product1.ProviderID].Standing}) },
		func() {
			of := oneOf(t, "case", v, p)
			if w.products[of].Revision > 0 || w.providers[of].Revision > 0 {
				w.claim(t, of)
			}
		},
		func() { w.correct(t) },
	}
	// Closings and deletions are few.
	often := []int{0, 0, 1, 2, 2, 2, 3, 4, 6, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 10, 10, 11, 13, 14, 14, 14, 14, 15}
	if rapid.IntRange(0, 19).Draw(t, "an end") == 19 {
		often = []int{5, 12}
	}
	steps[rapid.SampledFrom(often).Draw(t, "step")]()
}

// begin is what a decision appends to the claim's stream first.
func (w *world) begin(of uuid.UUID) {
	begun := claim.DecisionBegun{Kind: w.kind(of), Revision: 1, Reviewer: w.Actor.ID}
	if held, ok := w.claims[of]; ok && held.Reviewer == w.Actor.ID {
		begun.Claim = held.Claim
	}
	delete(w.claims, of)
	w.Add(claim.Category, of, begun)
}

func (w *world) kind(of uuid.UUID) string {
	if _, ok := w.providers[of]; ok {
		return provider.Category
	}
	return product.Category
}

// claim claims the case, or does something to the claim that there is.
func (w *world) claim(t *rapid.T, of uuid.UUID) {
	held, is := w.claims[of]
	until := w.At.Add(time.Second + time.Duration(oneOf(t, "minutes", 5, 30, 3000))*time.Minute).Truncate(time.Microsecond)
	end := func(fact domain.Event) {
		delete(w.claims, of)
		w.Add(claim.Category, of, fact)
	}
	if !is || !w.At.Before(held.Until) && rapid.Bool().Draw(t, "claimed again before the clock says so") {
		w.claimed++
		held = claim.Claimed{
			Claim: domaintest.ID(fmt.Sprint("claim", w.claimed)), Kind: w.kind(of), Revision: 1, Reviewer: oneOf(t, "claims", reviewers...), Until: until,
		}
		w.claims[of] = held
		w.Add(claim.Category, of, held)
		return
	}
	switch oneOf(t, "what becomes of the claim", "renewed", "released", "expired", "taken over") {
	case "renewed":
		held.Until = until
		w.claims[of] = held
		w.Add(claim.Category, of, claim.Renewed{Claim: held.Claim, Until: until})
	case "released":
		end(claim.Released{Claim: held.Claim})
	case "expired":
		end(claim.Expired{Claim: held.Claim})
	default:
		end(claim.TakenOver{Claim: held.Claim, Reason: "请假"})
	}
}

// correct turns some days of the next weeks round.
func (w *world) correct(t *rapid.T) {
	var c workdays.Correction
	c.Notice = "国办发明电"
	today := workdays.DayOf(w.At)
	for _, after := range rapid.SliceOfNDistinct(rapid.IntRange(-2, 20), 1, 5, rapid.ID[int]).Draw(t, "days") {
		day := today + workdays.Day(after)
		c.Days = append(c.Days, workdays.Special{Day: day, Working: !w.calendar.Working(day), Name: domain.Text{ZH: "台风", EN: "Typhoon"}})
	}
	if _, last := w.calendar.Years(); today.Year() > last || rapid.Bool().Draw(t, "a further year") {
		c.Through = last + 1
		c.Days = append(c.Days, workdays.Special{
			Day: workdays.Date(last+1, time.January, 1), Name: domain.Text{ZH: "元旦", EN: "New Year's Day"},
		})
	}
	next, err := w.calendar.With(&c)
	if err != nil {
		return
	}
	w.before, w.calendar = w.calendar, next
	w.Add(calendar.Category, calendar.ID, calendar.Corrected{Version: next.Version(), Correction: c})
}

// raw is the JSON of a value, as an event has it.
func raw(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}
