package models_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/modeltest"
	"waybill/projections/reporting"
)

// TestQueriesOfTheDocument runs each question of docs/reporting.md as it stands there.
func TestQueriesOfTheDocument(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/reporting.md")
	if err != nil {
		t.Fatal(err)
	}
	queries := regexp.MustCompile("(?ms)^```sql\n(.*?)^```").FindAllStringSubmatch(string(page), -1)
	want := []string{
		"2026|11|product|3|240|4320\n2026|11|provider|1|1|1",
		domaintest.Reviewer.String() + "|4|1|0.2500",
		"product|1|1\nproduct|2|1\nprovider|1|1",
		"incomplete|信息不完整|1|1.0000\nmisleading|夸大或误导性宣传|1|1.0000",
		"2|2|2|1|1|1|1",
		domaintest.ID("v").String() + "|三亚海丰国际物流有限公司|2|1|0.5000|60",
		"2026-11-26|新加坡|sea|1\n2026-11-27|新加坡|sea|1\n2026-11-28|新加坡|sea|1\n2026-11-29|新加坡|sea|1",
		"false|2|0|1|0\ntrue|5|5|1|1",
		"provider|" + domaintest.ID("w").String() + "||1|",
		"2026|11|海运|新加坡|2",
		"reporting_v1|0|2026-11-29T04:00:00Z|2026.0",
	}
	if len(queries) != len(want) {
		t.Fatalf("%d queries, want %d", len(queries), len(want))
	}
	pool := viewed(t)
	if err := modeltest.Apply(t.Context(), pool, reporting.Model, aWeek(t).Log); err != nil {
		t.Fatal(err)
	}
	for i, query := range queries {
		rows, _ := pool.Query(t.Context(), query[1])
		lines, err := pgx.CollectRows(rows, rowOf)
		got := strings.Join(lines, "\n")
		if err != nil || got != want[i] && (!strings.HasSuffix(want[i], "|") || !strings.HasPrefix(got, want[i])) {
			t.Errorf("%s%v\n got\n%s\nwant\n%s", query[1], err, got, want[i])
		}
	}
}

// TestClocksThatDiffer: what ended before it began took no time, and what has not ended has no figure.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	pool := viewed(t)
	h := modeltest.NewHistory()
	at := h.At
	h.AddAt(domain.Stream(booking.Category, domaintest.ID("b")), at, booking.Requested{ProductID: domaintest.ID("q")})
	h.AddAt(domain.Stream(booking.Category, domaintest.ID("b")), at.Add(-time.Hour), booking.Replied{Number: 1, Text: "好"})
	h.AddAt(domain.Stream(booking.Category, domaintest.ID("c")), at, booking.Requested{ProductID: domaintest.ID("q")})
	if err := modeltest.Apply(t.Context(), pool, reporting.Model, h.Log); err != nil {
		t.Fatal(err)
	}
	got := shown(t, pool, "bookings", []string{"minutes_to_reply", "working_minutes_to_reply", "provider_id", "mode"})
	if strings.Join(got, " ") != "-|-|00000000-0000-0000-0000-000000000000|- 0|0|00000000-0000-0000-0000-000000000000|-" {
		t.Errorf("%q", got)
	}
}

// aWeek is one, from Monday to Sunday: two products, one rejected first and one approved late; a booking
// that was replied to, and one that was not.
func aWeek(t *testing.T) *modeltest.History {
	h := modeltest.NewHistory()
	h.Actor = domain.Actor{ID: domaintest.Reviewer, Role: domain.RoleReviewer}
	v, q := domaintest.ID("v"), domaintest.ID("q")
	add := func(at string, category string, name string, fact domain.Event) {
		t.Helper()
		when, err := time.Parse(time.RFC3339, "2026-11-"+at+":00+08:00")
		if err != nil {
			t.Fatal(err)
		}
		h.AddAt(domain.Stream(category, domaintest.ID(name)), when.UTC(), fact)
	}
	profile, content := domaintest.Profile("三亚"), domaintest.Content("海运专线")
	add("23T09:00", provider.Category, "v", provider.Applied{Revision: 1, Profile: profile})
	add("23T09:01", provider.Category, "v", provider.Approved{Revision: 1})
	add("23T10:00", product.Category, "p", product.Submitted{ProviderID: v, Revision: 1, Content: content, Place: 1880252})
	add("23T11:00", product.Category, "q", product.Submitted{ProviderID: v, Revision: 1, Content: content, Place: 1880252})
	reasons := []domain.Reason{{Code: "incomplete"}, {Code: "misleading"}, {Code: "incomplete"}}
	add("23T14:00", product.Category, "p", product.Rejected{Revision: 1, Reasons: reasons})
	add("23T14:30", product.Category, "p", product.Revised{Revision: 2, Content: content, Place: 1880252})
	add("23T16:30", product.Category, "p", product.Approved{Revision: 2})
	add("24T12:00", provider.Category, "w", provider.Applied{Revision: 1, Profile: profile})
	add("26T11:00", product.Category, "q", product.Approved{Revision: 1})
	add("26T11:00", product.Category, "q", product.Listed{})
	inquiry := booking.Requested{ProductID: q, ProductRevision: 1, ProviderID: v, EnterpriseID: domaintest.ID("e")}
	add("27T23:00", booking.Category, "b", inquiry)
	add("28T00:30", booking.Category, "b", booking.Replied{Number: 1, Text: "好"})
	add("29T12:00", booking.Category, "c", inquiry)
	return h
}
