package history_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/account"
	"waybill/domain/booking"
	"waybill/domain/domaintest"
	"waybill/domain/media"
	"waybill/domain/operation"
	"waybill/domain/place"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/rules"
	"waybill/domain/uscc"
	"waybill/projections"
	"waybill/projections/history"
	"waybill/projections/modeltest"
)

func entries(t modeltest.Fataler, pool *pgxpool.Pool, f history.Filter) []history.Entry {
	t.Helper()
	var list []history.Entry
	for {
		page, err := history.Queries{DB: pool}.Query(context.Background(), f)
		if err != nil {
			t.Fatalf("history of %+v: %v", f, err)
		}
		list = append(list, page.Rows...)
		if page.Next == "" {
			return list
		}
		f.After = page.Next
	}
}

// TestHistoryChanges: each row says what it changed, from what to what, and nothing else.
func TestHistoryChanges(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	renamed := domaintest.Content("空运 \"专线\" <1>")
	renamed.Tags = nil
	note := []domain.Reason{{Code: "other", Field: "/name", Note: "请补充"}}
	token := account.Token{
		ID: domaintest.ID("t"), Label: "值班", Roles: []domain.Role{domain.RoleAuditor}, ExpiresAt: time.Date(2027, 1, 2, 3, 4, 5, 678_900_999, time.UTC),
	}
	h.Add("account", domaintest.ID("a"), account.Opened{DisplayName: "海丰"},
		account.Certified{Enterprise: domaintest.Enterprise, Source: "operator"},
		account.RoleGranted{Role: domain.RoleReviewer}, account.RoleRevoked{Role: domain.RoleReviewer, Reason: "离职"},
		account.TokenIssued(token), account.TokenRevoked{ID: token.ID, Label: token.Label, Roles: token.Roles, ExpiresAt: token.ExpiresAt, Reason: "遗失"})
	h.Add("provider", domaintest.ID("a"), provider.Applied{Revision: 1, Profile: domaintest.Profile("旧"), Mismatches: []string{"/name"}},
		provider.Approved{Revision: 1}, provider.Revised{Revision: 2, Profile: domaintest.Profile("新")},
		provider.Rejected{Revision: 2, Reasons: note}, provider.Suspended{Reason: "复核"})
	h.Add("product", domaintest.ID("p"), product.Submitted{ProviderID: domaintest.ID("a"), Revision: 1, Content: domaintest.Content("海运专线")},
		product.Approved{Revision: 1}, product.Listed{}, product.Pinned{}, product.Revised{Revision: 2, Content: renamed},
		product.Approved{Revision: 2}, product.Unlisted{})
	h.Add("uscc", domaintest.ID("u"), uscc.Reserved{ProviderID: domaintest.ID("a")}, uscc.Confirmed{ProviderID: domaintest.ID("a")})
	h.Add("uscc", domaintest.ID("taken over"), uscc.Reserved{ProviderID: domaintest.ID("a")}, uscc.Confirmed{ProviderID: domaintest.ID("a")},
		uscc.Reserved{ProviderID: domaintest.ID("b")})
	h.Add("booking", domaintest.ID("b"), booking.Requested{
		ProductID: domaintest.ID("p"), ProductRevision: 2, ProductName: "海运专线", ProviderID: domaintest.ID("a"),
		EnterpriseID: domaintest.ID("e"), EnterpriseName: "椰风",
		Inquiry: domaintest.Inquiry("询价"),
	}, booking.Replied{Number: 1, Text: "可以"}, booking.Read{Number: 1}, booking.Closed{Reason: booking.ProviderClosed})
	h.Add("operation", domaintest.ID("o"),
		operation.DeadLetterSkipped{ReadModel: "listing", Stream: "product-x", Revision: 3, Position: 9, Reason: "坏数据"})
	h.Add("operation", domaintest.ID("r"), operation.DeadLettersRetried{ReadModel: "listing", Stream: "product-x", Position: 9, Letters: 2})
	modeltest.Project(t, pool, h.Log, 3, 4, 9, 15)

	quote := func(u uuid.UUID) string { return `"` + u.String() + `"` }
	shownToken := `{"id":` + quote(token.ID) + `,"label":"值班","roles":["auditor"],"expires_at":"2027-01-02T03:04:05.678900Z"}`
	want := []struct{ kind, changes, reasons string }{
		{"account-opened.v1", `/display_name: null → "海丰"`, ""},
		{"account-certified.v1", `/enterprise/name: null → "三亚海丰国际物流有限公司", /enterprise/uscc: null → "91350100M000100Y43", ` +
			`/enterprise/legal_representative: null → "符海生", /source: null → "operator"`, ""},
		{"account-role-granted.v1", `/roles: null → ["reviewer"]`, ""},
		{"account-role-revoked.v1", `/roles: ["reviewer"] → []`, "[{  离职}]"},
		{"account-token-issued.v1", `/token: null → ` + shownToken, ""},
		{"account-token-revoked.v1", `/token: ` + shownToken + ` → null`, "[{  遗失}]"},
		{"provider-applied.v1", "/profile/… ×10, " + `/mismatches: null → ["/name"], /review: null → "pending", /standing: null → "applicant"`, ""},
		{"provider-approved.v1", `/review: "pending" → "approved", /live_revision: 0 → 1, /standing: "applicant" → "active"`, ""},
		{"provider-revised.v1", `/profile/introduction: "旧" → "新", /review: "approved" → "pending"`, ""},
		{"provider-rejected.v1", `/review: "pending" → "rejected"`, "[{other /name 请补充}]"},
		{"provider-suspended.v1", `/standing: "active" → "suspended"`, "[{  复核}]"},
		{"product-submitted.v1", "/provider_id: null → " + quote(domaintest.ID("a")) + ", /content/… ×11, " + `/review: null → "pending"`, ""},
		{"product-approved.v1", `/review: "pending" → "approved", /live_revision: 0 → 1`, ""},
		{"product-listed.v1", `/listed: false → true`, ""},
		{"product-pinned.v1", `/pinned: false → true`, ""},
		{"product-revised.v1", `/content/name: "海运专线" → "空运 \"专线\" \u003c1\u003e", /content/tags: ["海运","清关"] → null, /review: "approved" → "pending"`, ""},
		{"product-approved.v1", `/review: "pending" → "approved", /live_revision: 1 → 2`, ""},
		{"product-unlisted.v1", `/listed: true → false`, ""},
		{"uscc-reserved.v1", "/holder: null → " + quote(domaintest.ID("a")), ""},
		{"uscc-confirmed.v1", `/confirmed: false → true`, ""},
		{"uscc-reserved.v1", "/holder: null → " + quote(domaintest.ID("a")), ""},
		{"uscc-confirmed.v1", `/confirmed: false → true`, ""},
		{"uscc-reserved.v1", "/holder: " + quote(domaintest.ID("a")) + " → " + quote(domaintest.ID("b")) + `, /confirmed: true → false`, ""},
		{"booking-requested.v1", "/product_id: null → " + quote(domaintest.ID("p")) + ", /provider_id: null → " + quote(domaintest.ID("a")) + ", /enterprise_id: null → " + quote(domaintest.ID("e")) +
			`, /inquiry/contact_name: null → "王敏", /inquiry/phone: null → "13800138000", /inquiry/message: null → "询价", /state: null → "awaiting_reply"`, ""},
		{"booking-replied.v1", `/replies/1: null → "可以", /state: "awaiting_reply" → "replied"`, ""},
		{"booking-read.v1", `/read_number: 0 → 1`, ""},
		{"booking-closed.v1", `/state: "replied" → "closed", /close_reason: null → "provider_closed"`, "[{provider_closed  }]"},
		{"dead-letter-skipped.v1", `/read_model: null → "listing", /stream: null → "product-x", /revision: null → 3, /position: null → 9`, "[{  坏数据}]"},
		{"dead-letters-retried.v1", `/read_model: null → "listing", /stream: null → "product-x", /position: null → 9, /letters: null → 2`, ""},
	}
	got := entries(t, pool, history.Filter{Limit: 7})
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i, w := range want {
		e, recorded := got[i], h.Log[i]
		reasons := ""
		if e.Reasons != nil {
			reasons = fmt.Sprint(e.Reasons)
		}
		modeltest.Equal(t, "row", fmt.Sprint(e.Type, " ", shown(t, e), " ", reasons), fmt.Sprint(w.kind, " ", w.changes, " ", w.reasons))
		modeltest.Equal(t, "who and when", fmt.Sprint(e.Position, e.Stream, e.Revision, e.EventID, e.ActorID, e.Role, e.At,
			e.CorrelationID, e.RequestID),
			fmt.Sprint(recorded.Position, recorded.Stream, recorded.Revision, recorded.ID, recorded.Meta.Actor.ID, recorded.Meta.Actor.Role,
				recorded.Meta.At.Truncate(time.Microsecond), recorded.Meta.CorrelationID, recorded.Meta.RequestID))
	}
}

// TestHistoryOfALastRole: who held a role and holds none any more is told from who never held one, wherever the log is cut.
func TestHistoryOfALastRole(t *testing.T) {
	for _, cut := range []int{1, 2, 3, 4} {
		pool := modeltest.Tables(t)
		h := modeltest.NewHistory()
		h.Add("account", domaintest.ID("a"), account.Opened{DisplayName: "海丰"},
			account.RoleGranted{Role: domain.RoleReviewer}, account.RoleRevoked{Role: domain.RoleReviewer},
			account.RoleGranted{Role: domain.RoleAuditor}, account.RoleGranted{Role: domain.RoleOperator})
		modeltest.Project(t, pool, h.Log, cut)
		for i, want := range []string{
			`/display_name: null → "海丰"`, `/roles: null → ["reviewer"]`, `/roles: ["reviewer"] → []`, `/roles: [] → ["auditor"]`, `/roles: ["auditor"] → ["auditor","operator"]`,
		} {
			modeltest.Equal(t, "row", shown(t, entries(t, pool, history.Filter{Limit: 7})[i]), want)
		}
	}
}

// TestHistorySaysUnderWhichRules: each submission has the version of the rule book that judged it, and what that found; what was measured
// of its images is not among the changes.
func TestHistorySaysUnderWhichRules(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	found := func(version int, code, field string) rules.Verdict {
		return rules.Verdict{
			Rules: version, Findings: []rules.Finding{{Code: code, Field: field}}, Images: []media.Image{{Digest: string(domaintest.Image("1"))}},
		}
	}
	h.Add("provider", domaintest.ID("a"),
		provider.Applied{Revision: 1, Profile: domaintest.Profile("旧"), Verdict: found(1, "image_small", "/licence")},
		provider.Revised{Revision: 2, Profile: domaintest.Profile("旧"), Verdict: found(2, "differs_from_certified", "/name")})
	h.Add("product", domaintest.ID("p"),
		product.Submitted{ProviderID: domaintest.ID("a"), Revision: 1, Content: domaintest.Content("专线"), Verdict: found(1, "place_far", "/destination/latitude")},
		product.Revised{Revision: 2, Content: domaintest.Content("专线"), Verdict: rules.Verdict{Rules: 2}})
	modeltest.Project(t, pool, h.Log, 2)
	for i, want := range []string{
		`/rules: null → 1, /findings: null → [{"code":"image_small","field":"/licence"}]`,
		`/rules: null → 2, /findings: null → [{"code":"differs_from_certified","field":"/name"}]`,
		`/rules: null → 1, /findings: null → [{"code":"place_far","field":"/destination/latitude"}]`,
		`/rules: null → 2`,
	} {
		got := shown(t, entries(t, pool, history.Filter{Limit: 7})[i])
		if !strings.Contains(got, want) || strings.Contains(got, "images") {
			t.Errorf("row %d: %s, want %s in it", i, got, want)
		}
	}
}

// shown writes changes the way people read them; a whole new content is only counted.
func shown(t modeltest.Fataler, e history.Entry) string {
	var parts []string
	whole := 0
	prefix := ""
	changes := decodeChanges(t, e)
	for _, c := range changes {
		top, _, nested := strings.Cut(c.Field[1:], "/")
		if nested && string(c.Before) == "null" && (top == "content" || top == "profile") {
			whole++
			if prefix = "/" + top + "/…"; whole > 1 {
				continue
			}
			parts = append(parts, prefix)
			continue
		}
		parts = append(parts, fmt.Sprintf("%s: %s → %s", c.Field, c.Before, c.After))
	}
	if i := slices.Index(parts, prefix); i >= 0 {
		parts[i] = fmt.Sprintf("%s ×%d", prefix, whole)
	}
	return strings.Join(parts, ", ")
}

// TestHistoryOfDeleted: who, when, what and the reason codes stay; the words of the content and of the notes go, in
// whichever batch they came. Another product keeps its own.
func TestHistoryOfDeleted(t *testing.T) {
	h := modeltest.NewHistory()
	note := []domain.Reason{{Code: "other", Field: "/name", Note: "请改名"}}
	h.Add("product", domaintest.ID("p"), product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("旧名")},
		product.Rejected{Revision: 1, Reasons: note}, product.Revised{Revision: 2, Content: domaintest.Content("新名")})
	h.Add("product", domaintest.ID("other"), product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("别的")})
	h.Add("product", domaintest.ID("p"), product.Deleted{})
	pool := modeltest.Tables(t)
	for cut := range len(h.Log) {
		t.Run(fmt.Sprint("cut at ", cut), func(t *testing.T) {
			modeltest.Truncate(t, pool)
			for _, batch := range [][]projections.Event{h.Log[:cut], h.Log[cut:]} {
				if err := modeltest.Apply(context.Background(), pool, history.Model, batch); err != nil {
					t.Fatal(err)
				}
			}
			of := entries(t, pool, history.Filter{Stream: domain.Stream("product", domaintest.ID("p"))})
			modeltest.Equal(t, "rows", len(of), 4)
			for _, e := range of[:3] {
				text := string(e.Changes) + fmt.Sprint(e.Reasons)
				if !e.Blanked || strings.Contains(text, "名") || strings.Contains(text, "sha256") {
					t.Errorf("revision %d: blanked %t, %s", e.Revision, e.Blanked, text)
				}
			}
			modeltest.Equal(t, "reason codes", fmt.Sprint(of[1].Reasons), "[{other /name }]")
			modeltest.Equal(t, "the field stays named", decodeChanges(t, of[2])[0].Field, "/content/name")
			kept := entries(t, pool, history.Filter{Stream: domain.Stream("product", domaintest.ID("other"))})
			if !strings.Contains(string(kept[0].Changes), "别的") {
				t.Error("another product lost its content")
			}
			for _, text := range []string{"旧名", "新名", "请改名"} {
				if all := modeltest.Contents(t, pool); strings.Contains(all, text) {
					t.Errorf("%s is still in the tables", text)
				}
			}
		})
	}
}

// TestHistoryOfAMatch: where a destination was matched to be is content, which goes with the product.
func TestHistoryOfAMatch(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	p := domaintest.ID("p")
	h.Add("product", p, product.Submitted{ProviderID: domaintest.ID("a"), Revision: 1, Content: domaintest.Content("专线")},
		product.PlaceMatched{Revision: 1, Place: 7, Point: place.Point{Latitude: 1.29, Longitude: 103.85}},
		product.Revised{Revision: 2, Content: domaintest.Content("专线")}, product.PlaceMatched{Revision: 2, Point: place.Point{Latitude: 2, Longitude: 3}})
	modeltest.Project(t, pool, h.Log, 1, 3)
	want := []string{
		`[{"field":"/content/destination/point","before":null,"after":{"latitude":1.29,"longitude":103.85}},{"field":"/content/destination/place","before":null,"after":7}]`,
		`[{"field":"/content/destination/point","before":null,"after":{"latitude":2,"longitude":3}}]`,
	}
	for i, e := range entries(t, pool, history.Filter{Type: "product-place-matched.v1"}) {
		if got := string(e.Changes); got != want[i] || int(e.ContentRevision) != i+1 {
			t.Errorf("revision %d: %s, want %s", e.ContentRevision, got, want[i])
		}
	}
	h.Add("product", p, product.Deleted{})
	modeltest.Truncate(t, pool)
	modeltest.Project(t, pool, h.Log, 1, 4)
	for _, e := range entries(t, pool, history.Filter{Type: "product-place-matched.v1"}) {
		for _, c := range decodeChanges(t, e) {
			if c.Before != nil || c.After != nil || !e.Blanked {
				t.Errorf("a deleted product still has %s: %s", c.Field, c.After)
			}
		}
	}
}

func TestHistoryFilters(t *testing.T) {
	pool := modeltest.Tables(t)
	h := modeltest.NewHistory()
	for i := range 30 {
		h.Actor.ID = domaintest.ID(fmt.Sprint("actor", i%3))
		h.Add("product", domaintest.ID(fmt.Sprint(i)),
			product.Submitted{ProviderID: domaintest.ID("v"), Revision: 1, Content: domaintest.Content("专线")}, product.Rejected{Revision: 1})
		h.Add("account", domaintest.ID(fmt.Sprint(i)), account.Opened{})
	}
	modeltest.Project(t, pool, h.Log, 50)
	from, to := h.Log[10].Meta.At.Truncate(time.Microsecond), h.Log[40].Meta.At
	for name, c := range map[string]struct {
		filter history.Filter
		keep   func(projections.Event) bool
	}{
		"all":    {history.Filter{}, func(projections.Event) bool { return true }},
		"stream": {history.Filter{Stream: h.Log[6].Stream}, func(e projections.Event) bool { return e.Stream == h.Log[6].Stream }},
		"kind":   {history.Filter{Kind: "account"}, func(e projections.Event) bool { return e.Stream.Category() == "account" }},
		"type":   {history.Filter{Type: "product-rejected.v1"}, func(e projections.Event) bool { return e.Type == "product-rejected.v1" }},
		"actor":  {history.Filter{Actor: new(domaintest.ID("actor1"))}, func(e projections.Event) bool { return e.Meta.Actor.ID == domaintest.ID("actor1") }},
		"time": {history.Filter{From: &from, To: &to}, func(e projections.Event) bool {
			return !e.Meta.At.Before(from) && e.Meta.At.Truncate(time.Microsecond).Before(to.Truncate(time.Microsecond))
		}},
		"everything": {
			history.Filter{Kind: "product", Type: "product-rejected.v1", Actor: new(domaintest.ID("actor2")), From: &from, To: &to},
			func(e projections.Event) bool {
				return e.Type == "product-rejected.v1" && e.Meta.Actor.ID == domaintest.ID("actor2") && !e.Meta.At.Before(from) && e.Meta.At.Before(to)
			},
		},
		"nothing":      {history.Filter{Kind: "x\x00"}, func(projections.Event) bool { return false }},
		"not a stream": {history.Filter{Stream: "product"}, func(projections.Event) bool { return false }},
	} {
		var want []domain.Position
		for _, e := range h.Log {
			if c.keep(e) {
				want = append(want, e.Position)
			}
		}
		for _, descending := range []bool{false, true} {
			t.Run(fmt.Sprint(name, descending), func(t *testing.T) {
				f := c.filter
				f.Descending, f.Limit = descending, 7
				var got []domain.Position
				for _, e := range entries(t, pool, f) {
					got = append(got, e.Position)
				}
				wanted := slices.Clone(want)
				if descending {
					slices.Reverse(wanted)
				}
				modeltest.Equal(t, "positions", got, wanted)
			})
		}
	}
}

func decodeChanges(t modeltest.Fataler, e history.Entry) []history.Change {
	t.Helper()
	var changes []history.Change
	if err := json.Unmarshal(e.Changes, &changes); err != nil {
		t.Fatalf("changes: %v", err)
	}
	return changes
}
