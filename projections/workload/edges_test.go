package workload_test

import (
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/workdays"
	"waybill/projections/modeltest"
	"waybill/projections/workload"
)

// TestALaterRevisionGoesOnWaiting when the approval before it is revoked; and midnight belongs to the day that begins.
func TestALaterRevisionGoesOnWaiting(t *testing.T) {
	pool := modeltest.Tables(t)
	d := &desk{History: modeltest.NewHistory(), t: t}
	owner := domain.Actor{ID: domaintest.ID("v"), Role: domain.RoleEnterprise}
	d.on("2026-11-26 20:00", owner, product.Category, "p", product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("海运")})
	d.on("2026-11-26 21:00", reviewer("chen"), product.Category, "p", product.Approved{Revision: 1})
	d.on("2026-11-26 22:00", owner, product.Category, "p", product.Revised{Revision: 2, Content: domaintest.Content("海运")})
	d.on("2026-11-26 23:00", reviewer("lin"), product.Category, "p", product.ApprovalRevoked{Revision: 1, Reasons: domaintest.Unfit})
	d.on("2026-11-27 00:00", reviewer("lin"), product.Category, "p", product.Approved{Revision: 2})
	project(t, pool, d.Log)
	for day, want := range map[int][2]any{26: {1, time.Hour}, 27: {1, 2 * time.Hour}} {
		of := workdays.Date(2026, time.November, day)
		r, err := workload.Queries{DB: pool}.Report(t.Context(), workload.Filter{From: of, To: of}, workdays.Standard())
		if err != nil {
			t.Fatal(err)
		}
		modeltest.Equal(t, of.String(), [2]any{r.Everybody.Approved, r.Everybody.FromSubmission.Median}, want)
	}
}
