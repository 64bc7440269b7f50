package api_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/audit"
	"waybill/domain/commands"
	"waybill/domain/decision"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/workdays"
)

// TestWhatWasDeletedIsOpenedWithAReason: only by the auditor who gave a reason, for a time, and each opening is in the history, where the
// values stay blanked.
func TestWhatWasDeletedIsOpenedWithAReason(t *testing.T) {
	w := start(t)
	reviewer, auditor, other := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor), w.staff(domain.RoleAuditor)
	owner, buyer := w.provider(reviewer), w.enterprise()
	id, _ := w.listed(owner, reviewer)
	booked := w.do(buyer, "POST", "/api/v1/bookings", inquiry(id)).is(201).text("id")
	base, opening := "/api/v1/audit/product/"+id, m{"kind": "product", "id": id, "reason": "投诉核查"}
	const openings = "/api/v1/audit/openings"
	w.do(auditor, "POST", openings, opening).refuses(409, "not_deleted")
	w.do(auditor, "POST", openings, with(opening, "id", uuid.NewString())).refuses(404, "not_found")
	for pointer, wrong := range map[string]m{"/kind": with(opening, "kind", "claim"), "/id": with(opening, "id", "1")} {
		if got := w.do(auditor, "POST", openings, wrong).refuses(422, "invalid_input"); got.mistakes()[pointer] == "" {
			t.Errorf("%s is not named: %s", pointer, got.body)
		}
	}
	made := w.do(auditor, "GET", base+"?revision=1", nil).is(200).text("decision")
	before := w.do(auditor, "GET", base+"/timeline", nil, "Waybill-Position", w.last()).is(200)
	w.do(owner, "DELETE", "/api/v1/provider/products/"+id, nil).is(200)

	paths := []string{base + "?revision=0", base, base + "?position=1", base + "/timeline", base + "/changes?from=0&to=1", made}
	refused := func(who as) {
		t.Helper()
		for _, path := range paths {
			w.do(who, "GET", path, nil).refuses(403, "opening_needed")
		}
	}
	refused(auditor)
	w.do(auditor, "POST", openings, with(opening, "reason", " ")).refuses(422, "invalid_input")
	refused(auditor)
	about := "/api/v1/audit/booking/" + booked
	if got := w.do(auditor, "GET", about+"?revision=0", nil).is(200); got.at("blanked") != true || got.text("state", "request", "product_name") != "" ||
		got.text("event", "data", "product_name") != "" || got.text("state", "request", "product_id") != id {
		t.Errorf("a booking names what was deleted: %s", got.body)
	}

	opened := w.do(auditor, "POST", openings, opening, "Idempotency-Key", "once").is(201)
	until, err := time.Parse(time.RFC3339, opened.text("until"))
	if err != nil || until.Sub(w.now()) > audit.Lease || opened.text("reason") != "投诉核查" || opened.text("url") != base {
		t.Errorf("opened: %v, %s", err, opened.body)
	}
	if again := w.do(auditor, "POST", openings, opening, "Idempotency-Key", "once").is(201); string(again.body) != string(opened.body) ||
		again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the same request opened again: %s", again.body)
	}
	refused(other)
	for _, path := range paths {
		if got := w.do(auditor, "GET", path, nil); got.status != 200 && path != base+"?position=1" {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	if got := w.do(auditor, "GET", about, nil).is(200); got.at("blanked") != nil || got.text("state", "request", "product_name") == "" {
		t.Errorf("the booking of an opened product: %s", got.body)
	}
	told := w.do(auditor, "GET", base+"/timeline", nil, "Waybill-Position", w.last()).is(200)
	for i := range before.count("items") {
		if !reflect.DeepEqual(told.at("items", i), before.at("items", i)) {
			t.Errorf("step %d was told as %v, and is now as %v", i, before.at("items", i), told.at("items", i))
		}
	}
	if n := told.count("items"); n != before.count("items")+1 || told.text("items", n-1, "type") != "product-deleted.v1" {
		t.Errorf("told: %s", told.body)
	}
	seen := w.do(auditor, "GET", made, nil).is(200)
	if seen.text("content", "name") != "三亚至海防海运拼箱" || seen.text("images", 0, "digest") != image || seen.at("images", 0, "url") != nil {
		t.Errorf("the decision: %s", seen.body)
	}

	rows := w.do(auditor, "GET", "/api/v1/audit/events?stream=product-"+id, nil, "Waybill-Position", w.last()).is(200)
	if rows.at("items", 0, "blanked") != true || rows.text("items", 0, "changes", 0, "after") != "" && rows.text("items", 0, "changes", 1, "after") != "" {
		t.Errorf("the history is not blanked any more: %s", rows.body)
	}
	rows = w.do(auditor, "GET", "/api/v1/audit/events?kind=audit", nil, "Waybill-Position", w.last()).is(200)
	if rows.count("items") != 1 || rows.text("items", 0, "reasons", 0, "note") != "投诉核查" || rows.text("items", 0, "actor", "id") != auditor.id.String() {
		t.Errorf("openings in the history: %s", rows.body)
	}

	w.travel(until.Add(-time.Minute))
	w.do(auditor, "GET", base, nil).is(200)
	w.travel(until)
	refused(auditor)
	w.do(auditor, "POST", openings, with(opening, "reason", "再次核查")).is(201)
	w.do(auditor, "GET", base+"?revision=0", nil).is(200)
}

// TestAnOpeningIsKnownToEveryNode: it is in the log, and in no node's memory.
func TestAnOpeningIsKnownToEveryNode(t *testing.T) {
	w := start(t)
	auditor, owner := w.staff(domain.RoleAuditor), w.provider(w.staff(domain.RoleReviewer))
	id := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	w.do(owner, "DELETE", "/api/v1/provider/products/"+id, nil).is(200)
	w.do(auditor, "POST", "/api/v1/audit/openings", m{"kind": "product", "id": id, "reason": "核查"}).is(201)
	another := commands.New(w.store, commands.Sources{})
	stream := domain.Stream(product.Category, uuid.MustParse(id))
	if deleted, err := another.CheckOpen(t.Context(), auditor.id, stream, w.now()); err != nil || !deleted {
		t.Errorf("on another node: %v, %v", deleted, err)
	}
	if _, err := another.CheckOpen(t.Context(), owner.id, stream, w.now()); err == nil {
		t.Error("it is open to others")
	}
}

// last is the position of the log's last event.
func (w *world) last() string {
	w.t.Helper()
	head, err := w.commands.Head(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(head)
}

func TestWhatIsAskedOfAReplay(t *testing.T) {
	w := start(t)
	auditor, owner := w.staff(domain.RoleAuditor), w.provider(w.staff(domain.RoleReviewer))
	base := "/api/v1/audit/provider/" + owner.id.String()
	for _, query := range []string{"revision=0&position=1", "revision=0&at=2026-03-02T08:00:00Z", "position=5&at=2026-03-02T08:00:00Z"} {
		if got := w.do(auditor, "GET", base+"?"+query, nil).refuses(422, "invalid_input"); len(got.mistakes()) != 1 {
			t.Errorf("%s: %s", query, got.body)
		}
	}
	for _, path := range []string{
		"/api/v1/audit/provider/" + uuid.NewString(), "/api/v1/audit/claim/" + owner.id.String(), "/api/v1/audit/provider/nobody",
		base + "?revision=99", base + "/changes?from=0&to=99", base + "?at=2000-01-01T00:00:00Z", base + "/decisions/" + uuid.NewString(),
		"/api/v1/audit/product/" + uuid.NewString() + "/timeline",
	} {
		w.do(auditor, "GET", path, nil).refuses(404, "not_found")
	}
	for _, path := range []string{base + "?position=99999", base + "/changes?from=0&to_position=99999"} {
		w.do(auditor, "GET", path, nil).refuses(503, "read_model_behind") // it may still come to mean something else
	}
	first := w.do(auditor, "GET", base+"?revision=0", nil).is(200).text("event", "id")
	w.do(auditor, "GET", base+"/decisions/"+first, nil).refuses(404, "not_found") // a submission is none
	whole := w.do(auditor, "GET", base+"/changes", nil).is(200)
	if whole.at("from", "revision") != 0.0 || whole.at("to", "id") != w.do(auditor, "GET", base, nil).is(200).at("event", "id") {
		t.Errorf("without ends: %s", whole.body)
	}
	for query, named := range map[string]string{
		"from=0&to=1&to_position=5": "to_position", "from_position=5&from_at=2030-03-02T08:00:00Z&to=1": "from_at",
	} {
		got := w.do(auditor, "GET", base+"/changes?"+query, nil).refuses(422, "invalid_input")
		if mistakes := got.mistakes(); len(mistakes) != 1 || mistakes[named] == "" {
			t.Errorf("%s: %s", query, got.body)
		}
	}
	w.do(auditor, "GET", base+"/timeline?cursor=AAAA", nil).refuses(422, "invalid_input")
}

// TestADecisionIsExamined: what was seen is shown as it was, whatever happened since, with the working time by the calendar of then.
func TestADecisionIsExamined(t *testing.T) {
	w := start(t)
	w.travel(beijing(t, "2030-03-11 09:00"))
	reviewer, operator, auditor := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator), w.staff(domain.RoleAuditor)
	owner := w.provider(reviewer)
	w.travel(beijing(t, "2030-03-15 17:00")) // a Friday
	id := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	base := "/api/v1/audit/product/" + id
	w.travel(beijing(t, "2030-03-18 09:00")) // the Monday after
	claimed := w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/claim", m{"revision": 1}).is(200).text("claim")
	w.travel(beijing(t, "2030-03-18 09:00").Add(10 * time.Minute))
	w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/approve", m{"revision": 1, "note": "电话核实过"}).is(200)
	saturday, err := workdays.ParseDay("2030-03-16")
	if err != nil {
		t.Fatal(err)
	}
	correction := workdays.Correction{Through: 2030, Notice: "测试通知", Days: []workdays.Special{{
		Day: saturday, Working: true, Name: domain.Text{ZH: "补班", EN: "make-up"},
	}}}
	for year := 2027; year < 2030; year++ {
		correction.Days = append(correction.Days, workdays.Special{Day: workdays.Date(year, 1, 1), Name: domain.Text{ZH: "元旦", EN: "New Year"}})
	}
	before, err := w.commands.Calendar(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.commands.CorrectCalendar(t.Context(), w.request(), correction); err != nil {
		t.Fatal(err)
	}
	w.do(owner, "PUT", "/api/v1/provider/products/"+id, with(content(), "name", "三亚至海防快线")).is(200)
	w.do(operator, "POST", "/api/v1/operator/products/"+id+"/take-down", m{"reason": "投诉属实"}).is(200)
	w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/revoke-approval", m{"revision": 1, "reasons": []m{{"code": "misleading", "field": "/brief"}}}).is(200)
	w.do(owner, "DELETE", "/api/v1/provider/products/"+id, nil)
	w.do(auditor, "POST", "/api/v1/audit/openings", m{"kind": "product", "id": id, "reason": "复核"}).is(201)

	x := w.do(auditor, "GET", w.do(auditor, "GET", base+"?revision=1", nil).is(200).text("decision"), nil).is(200)
	digest, err := decision.Digest(contentOf(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		what      string
		got, want any
	}{
		{"verb", x.at("verb"), "approved"},
		{"recorded", x.at("recorded"), true},
		{"intact", x.at("intact"), true},
		{"digest", x.at("digest"), digest},
		{"note", x.at("note"), "电话核实过"},
		{"content", x.at("content", "name"), "三亚至海防海运拼箱"},
		{"images", x.count("images"), 1},
		{"rules", x.at("rules") != nil, true},
		{"submission", x.at("submission", "revision"), float64(0)},
		{"reviewer", x.at("event", "actor", "id"), reviewer.id.String()},
		{"claim", x.at("claim", "id"), claimed},
		{"calendar", x.at("calendar"), string(before.Version())},
		{"counted by", x.at("counted_by"), string(before.Version())},
		{"waited", hours(x, "waited_seconds"), "64h"}, // 7 of Friday, the weekend, and 9 of Monday
		{"waited in working time", hours(x, "waited_working_seconds"), "16h"},
		{"claimed", hours(x, "claimed_seconds"), "0h"},
		{"aftermath", typesOf(x, "aftermath"), "product-listed.v1 product-revised.v1 product-taken-down.v1 product-approval-revoked.v1"},
		{"reason of what undid it", x.at("aftermath", 3, "reasons", 0, "code"), "misleading"},
	} {
		if !reflect.DeepEqual(row.got, row.want) {
			t.Errorf("%s: %v, want %v\n%s", row.what, row.got, row.want, x.body)
		}
	}
	if n := x.number("claimed_working_seconds"); n < 590 || n > 660 {
		t.Errorf("%d seconds from the claim", n)
	}
	undone := w.do(auditor, "GET", x.text("aftermath", 3, "url"), nil).is(200)
	y := w.do(auditor, "GET", undone.text("decision"), nil).is(200)
	if y.text("verb") != "approval_revoked" || y.text("content", "name") != "三亚至海防海运拼箱" || y.at("waited_seconds") != nil ||
		y.text("counted_by") == string(before.Version()) || typesOf(y, "aftermath") != "product-deleted.v1" {
		t.Errorf("the revocation: %s", y.body)
	}
}

func hours(a answer, name string) string { return fmt.Sprintf("%dh", a.number(name)/3600) }

func typesOf(a answer, name string) string {
	all := ""
	for i := range a.count(name) {
		if i > 0 {
			all += " "
		}
		all += a.text(name, i, "type")
	}
	return all
}

// contentOf is content as the log has it.
func contentOf(t *testing.T) product.Content {
	t.Helper()
	raw, err := json.Marshal(content())
	if err != nil {
		t.Fatal(err)
	}
	var c product.Content
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestADecisionFromBeforeItWasRecorded shows what the log has, and says that the decision itself does not tell.
func TestADecisionFromBeforeItWasRecorded(t *testing.T) {
	w := start(t)
	id, owner, reviewer := uuid.New(), uuid.New(), uuid.New()
	stream := domain.Stream(product.Category, id)
	old := domaintest.Older(
		product.Submitted{ProviderID: owner, Revision: 1, Content: domaintest.Content("海运专线")},
		product.Rejected{Revision: 1, Reasons: []domain.Reason{{Code: "other", Field: "/name", Note: "重写"}}},
		product.Revised{Revision: 2, Content: domaintest.Content("空运专线")},
		product.Approved{Revision: 2}, product.Listed{},
	)
	var events []domain.NewEvent
	for i, fact := range old {
		data, err := json.Marshal(fact)
		if err != nil {
			t.Fatal(err)
		}
		meta, err := json.Marshal(domain.Metadata{
			Actor: domain.Actor{ID: reviewer, Role: domain.RoleReviewer}, At: beijing(t, "2026-03-02 09:00").Add(time.Duration(i) * time.Hour), CausationID: uuid.New(),
			CorrelationID: uuid.New(), Schema: domain.MetadataSchema,
		})
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, domain.NewEvent{ID: uuid.New(), Type: fact.EventType(), Data: data, Metadata: meta})
	}
	if _, err := w.store.Append(t.Context(), stream, domain.NoStream(), events); err != nil {
		t.Fatal(err)
	}
	auditor := w.staff(domain.RoleAuditor)
	base := "/api/v1/audit/product/" + id.String() + "/decisions/"
	x := w.do(auditor, "GET", base+events[1].ID.String(), nil).is(200)
	if x.at("recorded") != false || x.at("intact") != nil || x.text("verb") != "rejected" || x.text("reasons", 0, "note") != "重写" ||
		x.text("content", "name") != "海运专线" || x.count("images") == 0 || x.text("images", 0, "url") == "" || x.at("claim") != nil ||
		x.number("waited_seconds") != 3600 || x.number("waited_working_seconds") != 3600 || typesOf(x, "aftermath") != "product-revised.v1" {
		t.Errorf("the rejection: %s", x.body)
	}
	x = w.do(auditor, "GET", base+events[3].ID.String(), nil).is(200)
	if x.text("content", "name") != "空运专线" || x.number("revision") != 2 || typesOf(x, "aftermath") != "product-listed.v1" {
		t.Errorf("the approval: %s", x.body)
	}
}
