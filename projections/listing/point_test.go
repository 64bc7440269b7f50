package listing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/projections/listing"
	"waybill/projections/modeltest"
)

// TestAMatchPutsAProductOnTheMap: wherever a match comes among the events of a product, the product is shown and counted as if its
// submission had said where it goes. It is said to be elsewhere than its numbers say, to see what is copied and what is converted.
func TestAMatchPutsAProductOnTheMap(t *testing.T) {
	pool := modeltest.Tables(t)
	there := place.Point{Latitude: 48.1, Longitude: 11.6}
	p := uuid.UUID{15: 1} // which is in the sample
	older := product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("专线")}
	newer := older
	newer.Point = there
	approved, listed, matched := product.Approved{Revision: 1}, product.Listed{}, product.PlaceMatched{Revision: 1, Point: there}
	project := func(cuts []int, facts ...domain.Event) string {
		modeltest.Truncate(t, pool)
		h := modeltest.NewHistory()
		h.Activate(domaintest.ID("v"))
		h.Add(product.Category, p, facts...)
		modeltest.Project(t, pool, h.Log, cuts...)
		return onTheMap(t, pool)
	}
	want := project(nil, newer, approved, listed)
	if public, err := (listing.Queries{DB: pool}).Product(t.Context(), p); err != nil || public.Point != there || public.Destination != older.Content.Destination {
		t.Fatalf("got %+v, %v", public.Card, err)
	}
	if got := project(nil, older, approved, listed); got == want {
		t.Fatal("it is at the same place without a match")
	}
	if public, err := (listing.Queries{DB: pool}).Product(t.Context(), p); err != nil || public.Point != older.Content.Destination.Point() {
		t.Fatalf("got %+v, %v", public.Card, err)
	}
	every := []int{1, 2, 3, 4, 5, 6, 7, 8}
	for name, facts := range map[string][]domain.Event{
		"while it is pending":            {older, matched, approved, listed},
		"while it is approved":           {older, approved, matched, listed},
		"while it is public":             {older, approved, listed, matched},
		"while it is hidden":             {older, approved, listed, product.Unlisted{}, matched, listed},
		"before a revision that waits":   {older, approved, listed, matched, product.Revised{Revision: 2, Content: older.Content}},
		"while it is rejected":           {older, product.Rejected{Revision: 1, Reasons: domaintest.Unfit}, matched, product.Revised{Revision: 2, Content: older.Content, Point: there}, product.Approved{Revision: 2}, listed},
		"and again by another edition":   {older, approved, listed, product.PlaceMatched{Revision: 1, Point: place.Point{Latitude: 5, Longitude: 6}}, matched},
		"before a revision that says it": {older, approved, listed, matched, product.Revised{Revision: 2, Content: older.Content, Point: there}, product.Approved{Revision: 2}},
	} {
		for _, cuts := range [][]int{nil, every[:len(facts)+1], {4}, {5}} {
			if got := project(cuts, facts...); got != want {
				t.Errorf("%s, cut at %v:\n%s\nwant\n%s", name, cuts, got, want)
			}
		}
		if got := project(every[:len(facts)+1], append(facts, product.Deleted{})...); got != "" {
			t.Errorf("%s, and then deleted:\n%s", name, got)
		}
	}
}

// onTheMap is what the tables say of where products are.
func onTheMap(t *testing.T, pool *pgxpool.Pool) string {
	t.Helper()
	var b strings.Builder
	for _, sql := range []string{
		`SELECT format('%s %s %s %s %s', wgs_latitude, wgs_longitude, cell, x, y) FROM products`,
		`SELECT format('%s %s %s %s %s', level, cell, n, x, y) FROM map_cells ORDER BY level, cell`,
		`SELECT format('%s %s', x, y) FROM product_sample`,
	} {
		from := strings.Replace(sql, "FROM ", "FROM "+listing.Model.Schema+".", 1)
		rows, err := pool.Query(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var row string
			if err := rows.Scan(&row); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&b, row)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
