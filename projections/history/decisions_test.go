package history_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/decision"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/history"
	"waybill/projections/modeltest"
)

// TestHistoryOfDecisions: an auditor reads what a decision says beside its outcome, what a first approval is, and what a revocation takes
// away.
func TestHistoryOfDecisions(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	v, p := domaintest.ID("v"), domaintest.ID("p")
	reasons := []domain.Reason{{Code: "misleading", Field: "/brief"}}
	record := decision.Record{Note: "电话核实过", Seen: &decision.Seen{Digest: "ab12", Claim: uuid.MustParse("1b0d7f0e-3b0a-4c59-8a55-7f8b3b1c2d3e")}}
	h.Add("provider", v, provider.Applied{Revision: 1, Profile: domaintest.Profile("一")},
		provider.FirstApproved{Revision: 1, Reviewer: domaintest.Reviewer, Record: record}, provider.Approved{Revision: 1, Record: record},
		provider.ApprovalRevoked{Revision: 1, Reasons: reasons},
		provider.FirstApproved{Revision: 1, Reviewer: domaintest.Reviewer}, provider.Rejected{Revision: 1, Reasons: reasons})
	h.Add("product", p, product.Submitted{ProviderID: v, Revision: 1, Content: domaintest.Content("海运专线")},
		product.Approved{Revision: 1, Record: record}, product.Listed{}, product.Pinned{},
		product.Revised{Revision: 2, Content: domaintest.Content("海运专线")}, product.ApprovalRevoked{Revision: 1, Reasons: reasons, Record: record})
	seen := `/note: null → "电话核实过", /seen: null → {"digest":"ab12","claim":"1b0d7f0e-3b0a-4c59-8a55-7f8b3b1c2d3e"}`
	want := map[int]string{
		1:  seen + `, /first_approved: false → true`,
		2:  seen + `, /review: "pending" → "approved", /first_approved: true → false, /live_revision: 0 → 1, /standing: "applicant" → "active"`,
		3:  `/review: "approved" → "pending", /live_revision: 1 → 0, /standing: "active" → "applicant"`,
		4:  `/first_approved: false → true`,
		5:  `/review: "pending" → "rejected", /first_approved: true → false`,
		7:  seen + `, /review: "pending" → "approved", /live_revision: 0 → 1`,
		11: seen + `, /live_revision: 1 → 0, /listed: true → false, /pinned: true → false`,
	}
	for cut := range len(h.Log) {
		modeltest.Truncate(t, pool)
		modeltest.Project(t, pool, h.Log, cut+1)
		got := entries(t, pool, history.Filter{})
		for i, changes := range want {
			modeltest.Equal(t, got[i].Type, shown(t, got[i]), changes)
		}
		modeltest.Equal(t, "reasons", fmt.Sprint(got[3].Reasons, got[11].Reasons, got[11].ContentRevision), fmt.Sprint(reasons, reasons, 1))
	}
	h.Add("product", p, product.Deleted{})
	for cut := range len(h.Log) {
		modeltest.Truncate(t, pool)
		modeltest.Project(t, pool, h.Log, cut+1)
		for _, e := range entries(t, pool, history.Filter{Kind: "product"}) {
			if text := string(e.Changes); strings.Contains(text, record.Note) || strings.Contains(text, "ab12") {
				t.Errorf("a deleted product's %s still says %s", e.Type, text)
			}
		}
	}
}
