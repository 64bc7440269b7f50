package history_test

import (
	"fmt"
	"testing"

	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/projections/history"
	"waybill/projections/modeltest"
)

// BenchmarkApply applies a thousand events of 200 products, as a rebuild does.
func BenchmarkApply(b *testing.B) {
	pool, h := modeltest.Tables(b), modeltest.NewHistory()
	for i := range 200 {
		content := domaintest.Content(fmt.Sprint("三亚至曼谷冷链海运专线", i))
		h.Add("product", domaintest.ID(fmt.Sprint(i)), product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: content},
			product.Approved{Revision: 1}, product.Listed{}, product.Pinned{}, product.Revised{Revision: 2, Content: domaintest.Content("新名")})
	}
	for b.Loop() {
		b.StopTimer()
		modeltest.Truncate(b, pool)
		b.StartTimer()
		if err := modeltest.Apply(b.Context(), pool, history.Model, h.Log); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(h.Log)*b.N)/b.Elapsed().Seconds(), "events/s")
}
