package api_test

import (
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// withReactions sets the side effects to work too.
func withReactions(c *runtime.Config) {
	c.Reactions = reactions.All(commands.New(c.Store, domaintest.Sources()), c.Pool)
}

// eventually asks again until the answer is as it should be.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	runtimetest.Eventually(w.t, what, holds)
}

// TestNoCaseOutlivesItsParties: whatever is open when a party to it ends, ends too, and says why; meanwhile nothing shows what
// nobody can decide, and nothing says what is not so.
func TestNoCaseOutlivesItsParties(t *testing.T) {
	w := start(t, withReactions)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner := w.provider(reviewer)
	product, _ := w.listed(owner, reviewer)
	w.do(owner, "PUT", "/api/v1/provider/products/"+product, with(content(), "brief", "每周三开航")).is(200)
	fresh := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	applicant := w.enterprise()
	w.do(applicant, "POST", "/api/v1/provider/application", w.profile()).is(201)
	enterprise := w.enterprise()
	booking := w.do(enterprise, "POST", "/api/v1/bookings", inquiry(product)).is(201).text("id")

	var closed answer
	for _, who := range []as{applicant, owner} {
		closed = w.do(operator, "POST", "/api/v1/operator/providers/"+who.id.String()+"/close", m{"reason": "注销"}).is(200)
	}
	queue := w.do(reviewer, "GET", "/api/v1/review/queue", nil, "Waybill-Position", closed.position()).is(200)
	if queue.count("items") != 0 {
		t.Errorf("the queue shows what nobody can decide: %s", queue.body)
	}
	for path, revision := range map[string]int{
		"products/" + product: 2, "products/" + fresh: 1, "providers/" + applicant.id.String(): 1,
	} {
		at := "/api/v1/review/" + path
		w.do(reviewer, "POST", at+"/approve", m{"revision": revision}).refuses(403, "provider_closed")
		w.do(reviewer, "POST", at+"/reject", m{"revision": revision, "reasons": []m{{"code": "incomplete"}}}).refuses(403, "provider_closed")
		w.eventually(path+" ends with a reason", func() bool {
			a := w.do(reviewer, "GET", at, nil).is(200)
			return a.text("item", "state") == "rejected" && a.text("item", "reasons", 0, "code") == "provider_closed" &&
				a.text("item", "reasons", 0, "text", "zh") != ""
		})
		w.do(reviewer, "POST", at+"/approve", m{"revision": revision}).refuses(403, "provider_closed")
	}
	if a := w.do(applicant, "GET", "/api/v1/provider/application", nil).is(200); a.text("review") != "rejected" || a.text("standing_reason") != "注销" {
		t.Errorf("application %s", a.body)
	}
	var told answer
	w.eventually("the enterprise is told", func() bool {
		told = w.do(enterprise, "GET", "/api/v1/bookings/"+booking, nil).is(200)
		return told.text("state") == "closed"
	})
	if told.text("close_reason") != "provider_closed" || told.at("replies", 0, "system") != true || told.text("replies", 0, "text") == "" {
		t.Errorf("booking %s", told.body)
	}
	w.do(enterprise, "PUT", "/api/v1/bookings/"+booking+"/read", nil).is(200)
}

func TestNobodyRepliesToAnEnterpriseThatIsClosed(t *testing.T) {
	w := start(t, withReactions)
	reviewer := w.staff(domain.RoleReviewer)
	owner, enterprise := w.provider(reviewer), w.enterprise()
	product, _ := w.listed(owner, reviewer)
	booked := w.do(enterprise, "POST", "/api/v1/bookings", inquiry(product)).is(201)
	booking := booked.text("id")
	if _, err := w.commands.CloseAccount(t.Context(), w.request(), enterprise.id, "注销"); err != nil {
		t.Fatal(err)
	}
	at := "/api/v1/provider/bookings/" + booking
	if a := w.do(owner, "POST", at+"/reply", m{"text": "可安排周六班次。"}).is(409); a.text("code") != "enterprise_closed" && a.text("code") != "booking_closed" {
		t.Errorf("reply %s", a.body)
	}
	w.eventually("the provider sees why", func() bool {
		a := w.do(owner, "GET", at, nil, "Waybill-Position", booked.position()).is(200)
		return a.text("state") == "closed" && a.text("close_reason") == "enterprise_closed" && a.count("replies") == 0
	})
}

// TestListedIsWhatThePublicSees: while the provider is suspended, no answer calls a product listed.
func TestListedIsWhatThePublicSees(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner := w.provider(reviewer)
	fresh := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	product, position := w.listed(owner, reviewer)
	at := "/api/v1/provider/products/" + product
	before := w.do(owner, "GET", at, nil, "Waybill-Position", position).is(200)
	suspend := "/api/v1/operator/providers/" + owner.id.String()
	w.do(operator, "POST", suspend+"/suspend", m{"reason": "复核"}).is(200)
	approve := []string{"Idempotency-Key", "approve-it-once"}
	approved := w.do(reviewer, "POST", "/api/v1/review/products/"+fresh+"/approve", m{"revision": 1}, approve...).is(200)
	if approved.text("display") != "unlisted" || approved.at("withheld") != true {
		t.Errorf("approved %s", approved.body)
	}
	list := w.do(owner, "GET", "/api/v1/provider/products?display=unlisted", nil, "Waybill-Position", approved.position()).is(200)
	if list.count("items") != 2 || list.text("items", 0, "display") != "unlisted" || list.at("items", 0, "withheld") != true {
		t.Errorf("own products %s", list.body)
	}
	if listed := w.do(owner, "GET", "/api/v1/provider/products?display=listed", nil).is(200); listed.count("items") != 0 {
		t.Errorf("listed %s", listed.body)
	}
	// A representation that changed has another tag, and that tag is good for a write.
	withheld := w.do(owner, "GET", at, nil, "If-None-Match", before.header.Get("ETag")).is(200)
	if withheld.text("display") != "unlisted" {
		t.Errorf("own product %s", withheld.body)
	}
	if pinned := w.do(owner, "DELETE", at+"/pin", nil, "If-Match", withheld.header.Get("ETag")).is(200); pinned.text("display") != "unlisted" {
		t.Errorf("unpinned %s", pinned.body)
	}
	reinstated := w.do(operator, "POST", suspend+"/reinstate", m{"reason": "复核通过"}).is(200)
	if again := w.do(owner, "GET", at, nil, "Waybill-Position", reinstated.position()).is(200); again.text("display") != "listed" || again.at("withheld") != nil {
		t.Errorf("reinstated %s", again.body)
	}
	// The same request again is answered the same.
	if again := w.do(reviewer, "POST", "/api/v1/review/products/"+fresh+"/approve", m{"revision": 1}, approve...).is(200); string(again.body) != string(approved.body) {
		t.Errorf("again %s, first %s", again.body, approved.body)
	}
	if a := w.do(owner, "GET", "/api/v1/provider/application", nil, "Waybill-Position", reinstated.position()).is(200); a.at("standing_reason") != nil {
		t.Errorf("an active provider with the reason %v", a.at("standing_reason"))
	}
}

// TestWhatNobodyKnowsOfIsNotFound: to book a product that never was public is answered like one that does not exist.
func TestWhatNobodyKnowsOfIsNotFound(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner, enterprise := w.provider(reviewer), w.enterprise()
	pending := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	rejected := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	w.do(reviewer, "POST", "/api/v1/review/products/"+rejected+"/reject", m{"revision": 1, "reasons": []m{{"code": "incomplete"}}}).is(200)
	deleted := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	w.do(owner, "DELETE", "/api/v1/provider/products/"+deleted, nil).is(200)
	for _, id := range []string{uuid.NewString(), pending, rejected, deleted} {
		w.do(enterprise, "POST", "/api/v1/bookings", inquiry(id)).refuses(404, "not_found")
	}
	w.do(owner, "POST", "/api/v1/bookings", inquiry(pending)).refuses(409, "own_product")
	// Whoever has the page of one that was public still open learns why.
	for _, end := range []func(id string){
		func(id string) { w.do(owner, "DELETE", "/api/v1/provider/products/"+id+"/listing", nil).is(200) },
		func(id string) { w.do(owner, "DELETE", "/api/v1/provider/products/"+id, nil).is(200) },
		func(string) {
			w.do(operator, "POST", "/api/v1/operator/providers/"+owner.id.String()+"/suspend", m{"reason": "复核"}).is(200)
		},
	} {
		id, _ := w.listed(owner, reviewer)
		end(id)
		w.do(enterprise, "POST", "/api/v1/bookings", inquiry(id)).refuses(409, "product_not_available")
	}
}

// TestReasonsNameWhatWasReviewed: the field of a reason is in the form of that kind, and an element is one that was submitted.
func TestReasonsNameWhatWasReviewed(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner, applicant := w.provider(reviewer), w.enterprise()
	product := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	w.do(applicant, "POST", "/api/v1/provider/application", w.profile()).is(201)
	for path, fields := range map[string]map[string]bool{
		"products/" + product: {
			"/name": true, "/tags/1": true, "/destination": true, "/destination/crs": true, "/details/0": true,
			"/tags/2": false, "/details/1": false, "/destination/town": false, "/licence": false, "/pinned": false, "/": false,
		},
		"providers/" + applicant.id.String(): {"/licence": true, "/uscc": true, "/cover": false, "/licence/0": false, "/mode": false},
	} {
		for field, good := range fields {
			// The other reason is never good: nothing is decided.
			reasons := m{"revision": 1, "reasons": []m{{"code": "incomplete", "field": field}, {"code": "boring"}}}
			got := w.do(reviewer, "POST", "/api/v1/review/"+path+"/reject", reasons).refuses(422, "invalid_input").mistakes()
			if (got["/reasons/0/field"] == "") != good {
				t.Errorf("%s of %s: %v", field, path, got)
			}
		}
	}
}
