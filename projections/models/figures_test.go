package models_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/domain/workdays"
	"waybill/projections/figures"
	"waybill/projections/modeltest"
)

// showFigures has the figures say that they show whatever is applied.
func showFigures(t *testing.T, pool *pgxpool.Pool) {
	_, err := pool.Exec(t.Context(), `CREATE SCHEMA projections; CREATE TABLE projections.checkpoints (projection text, position bigint);
		INSERT INTO projections.checkpoints VALUES ('`+figures.Model.Schema+`', 1000000)`)
	if err != nil {
		t.Fatal(err)
	}
}

// checkFigures holds what there is at the end of the last day to the deciders' states.
func (w *world) checkFigures(t *rapid.T, pool *pgxpool.Pool) {
	day := workdays.DayOf(w.At)
	q, f := figures.Queries{DB: pool}, figures.Filter{From: day, To: day}
	daily, err := q.Daily(t.Context(), f)
	if err != nil {
		t.Fatalf("daily: %v", err)
	}
	var want figures.Daily
	for _, s := range w.providers {
		if s.Review == domain.ReviewPending {
			want.Provider.Pending++
		}
	}
	public := map[string]int{}
	for _, s := range w.products {
		if s.Review == domain.ReviewPending && !s.Deleted {
			want.Product.Pending++
		}
		if s.Public(w.providers[s.ProviderID].Standing) {
			public[fmt.Sprint(s.Approved.Destination.Country, s.Approved.Mode)]++
		}
	}
	now := daily.Rows[0].Now
	modeltest.Equal(t, "pending", fmt.Sprint(now.Provider.Pending, now.Product.Pending), fmt.Sprint(want.Provider.Pending, want.Product.Pending))
	listings, err := q.Listings(t.Context(), f)
	if err != nil {
		t.Fatalf("listings: %v", err)
	}
	shown := map[string]int{}
	for _, row := range listings.Rows {
		if row.Now != 0 {
			shown[row.Destination+row.Mode] = row.Now
		}
	}
	modeltest.Equal(t, "public", shown, public)
	funnel, err := q.Funnel(t.Context(), figures.Filter{From: day - 300, To: day})
	if err != nil {
		t.Fatalf("funnel: %v", err)
	}
	for _, row := range funnel.Rows {
		if row.Stage != figures.Submitted {
			continue
		}
		all := len(w.providers)
		if row.Kind == product.Category {
			all = len(w.products)
		}
		modeltest.Equal(t, row.Kind+"s", row.Now, all)
	}
}
