package listing_test

import (
	"fmt"
	"testing"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/listing"
	"waybill/projections/modeltest"
)

// TestRevokedApprovalsLeaveTheList: a product whose approval was revoked, or its provider's, is nowhere, and comes back with the next
// approval just as it was; no revision of before does.
func TestRevokedApprovalsLeaveTheList(t *testing.T) {
	pool := modeltest.Tables(t)
	v, p, q := domaintest.ID("v"), domaintest.ID("p"), domaintest.ID("q")
	shown := func() string {
		page, err := listing.Queries{DB: pool}.Page(t.Context(), listing.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, card := range page.Rows {
			names = append(names, fmt.Sprintf("%s %d %s %v %t", card.Name, card.ContentRevision, card.ProviderName, card.Point, card.Pinned))
		}
		return fmt.Sprint(names, modeltest.Shown(t, pool, listing.Filter{}), modeltest.Listed(t, pool, listing.Filter{Tags: []string{"海运"}}))
	}
	h := modeltest.NewHistory()
	h.Activate(v)
	h.Offer(p, v, h.At, domaintest.Content("海运专线"), product.Unpinned{})
	listed := len(h.Log)
	project := func() {
		for cut := range len(h.Log) {
			modeltest.Truncate(t, pool)
			modeltest.Project(t, pool, h.Log, cut+1)
		}
	}
	project()
	before, nothing := shown(), "[] [] []"
	h.Add("product", p, product.Pinned{}, product.ApprovalRevoked{Revision: 1}) // which ends the pin
	project()
	modeltest.Equal(t, "revoked", shown(), nothing)
	h.Add("product", p, product.Approved{Revision: 1}, product.Listed{})
	project()
	modeltest.Equal(t, "approved again", shown(), before)
	h.Add("provider", v, provider.ApprovalRevoked{Revision: 1})
	project()
	modeltest.Equal(t, "its provider's revoked", shown(), nothing)
	h.Add("provider", v, provider.Approved{Revision: 1})
	project()
	modeltest.Equal(t, "its provider's approved again", shown(), before)

	// A later revision waits: the earlier one does not come back when the later is rejected.
	h.Log = h.Log[:listed]
	h.Next[domain.Stream("product", p)], h.Next[domain.Stream("provider", v)] = 4, 2
	h.Add("product", p, product.Revised{Revision: 2, Content: domaintest.Content("改名后的专线")}, product.ApprovalRevoked{Revision: 1},
		product.Rejected{Revision: 2}, product.Revised{Revision: 3, Content: domaintest.Content("又改名的专线")})
	h.Offer(q, v, h.At, domaintest.Content("另一专线"))
	project()
	if got := shown(); got == before || got == nothing {
		t.Errorf("got %s", got)
	}
	if _, err := (listing.Queries{DB: pool}).Product(t.Context(), p); err == nil {
		t.Error("an earlier revision went live")
	}
}
