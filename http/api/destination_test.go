package api_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/projections/runtime"
	"waybill/projections/runtimetest"
)

// TestDestinationOnAnyMap: what a Chinese map gave stays as it was, and beside it everybody finds where that is in WGS-84 (Q24).
func TestDestinationOnAnyMap(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	clicked := m{"country": "中国", "city": "上海", "latitude": 31.17530398364597, "longitude": 121.531541859215, "crs": "GCJ-02"}
	body := with(content(), "destination", clicked)
	check := func(what string, a answer, at ...any) {
		t.Helper()
		point, ok := a.at(append(at, "point")...).(map[string]any)
		if !ok || math.Abs(point["latitude"].(float64)-31.1774276) > 1e-5 || math.Abs(point["longitude"].(float64)-121.5272106) > 1e-5 {
			t.Errorf("%s: at %v in %s", what, point, a.body)
		}
	}
	check("preview", w.do(owner, "POST", "/api/v1/provider/products?mode=preview", body).is(200))
	id := w.do(owner, "POST", "/api/v1/provider/products", body).is(201).text("id")
	position := w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/approve", m{"revision": 1}).is(200).position()
	get := func(who as, path string) answer {
		return w.do(who, "GET", path, nil, "Waybill-Position", position).is(200)
	}
	check("review", get(reviewer, "/api/v1/review/products/"+id))
	check("list", get(as{}, "/api/v1/products"), "items", 0)
	check("map", get(as{}, "/api/v1/products/map"), "products", 0, "product")
	public := get(as{}, "/api/v1/products/"+id)
	check("detail", public)
	if got := fmt.Sprint(public.at("destination")); got != fmt.Sprint(map[string]any(clicked)) {
		t.Errorf("what the map gave became %s", got)
	}
}

// TestOlderProductsAreMatched: a product from before that was recorded is on the map at once, and its reviewer sees its place as soon as it
// is matched. Nothing is found in it after the fact.
func TestOlderProductsAreMatched(t *testing.T) {
	var store domain.EventStore
	w := start(t, withReactions, func(c *runtime.Config) { store = c.Store })
	reviewer := w.staff(domain.RoleReviewer)
	owner, id := w.provider(reviewer), uuid.New()
	runtimetest.Append(t, store, domain.Stream(product.Category, id), product.Submitted{ProviderID: owner.id, Revision: 1, Content: domaintest.Content("专线")},
		product.Approved{Revision: 1}, product.Listed{})
	w.eventually("the product is public", func() bool { return w.do(as{}, "GET", "/api/v1/products/"+id.String(), nil).status == 200 })
	if public := w.do(as{}, "GET", "/api/v1/products/"+id.String(), nil); public.at("point", "latitude") != 1.29 {
		t.Errorf("the public sees %s", public.body)
	}
	var review answer
	w.eventually("it is matched", func() bool {
		review = w.do(reviewer, "GET", "/api/v1/review/products/"+id.String(), nil)
		return review.status == 200 && review.at("place") != nil
	})
	if review.at("place") != float64(domaintest.Place.ID) || review.at("point", "longitude") != 103.85 || review.at("item", "findings") != nil {
		t.Errorf("the reviewer sees %s", review.body)
	}
	auditor := w.staff(domain.RoleAuditor)
	w.eventually("the history has it", func() bool {
		return w.do(auditor, "GET", "/api/v1/audit/events?type=product-place-matched.v1", nil).is(200).count("items") == 1
	})
}
