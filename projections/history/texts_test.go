package history_test

import (
	"testing"

	"waybill/domain"
	"waybill/domain/canned"
	"waybill/projections/history"
	"waybill/projections/modeltest"
)

// TestHistoryOfCannedTexts: each row says which texts a reason had before and has now, wherever the log is cut.
func TestHistoryOfCannedTexts(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	one, two := []domain.Text{{ZH: "一", EN: "one"}}, []domain.Text{{ZH: "二", EN: "two"}}
	h.Add("canned", canned.ID, canned.Set{Code: "duplicate", Texts: one}, canned.Set{Code: "other", Texts: two},
		canned.Set{Code: "duplicate", Texts: two}, canned.Set{Code: "duplicate", Texts: []domain.Text{}}, canned.Set{Code: "duplicate", Texts: one})
	modeltest.Project(t, pool, h.Log, 1, 3)
	for i, want := range []string{
		`/texts/duplicate: null → [{"zh":"一","en":"one"}]`,
		`/texts/other: null → [{"zh":"二","en":"two"}]`,
		`/texts/duplicate: [{"zh":"一","en":"one"}] → [{"zh":"二","en":"two"}]`,
		`/texts/duplicate: [{"zh":"二","en":"two"}] → []`,
		`/texts/duplicate: null → [{"zh":"一","en":"one"}]`,
	} {
		modeltest.Equal(t, "row", shown(t, entries(t, pool, history.Filter{Limit: 7})[i]), want)
	}
}
