package api_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/workdays"
)

// TestWorkload: operators see what each reviewer did, those too who did nothing, and those who are reviewers no more.
func TestWorkload(t *testing.T) {
	const path = "/api/v1/operator/reviewers/workload"
	w := start(t)
	operator, busy, former, idle := w.staff(domain.RoleOperator), w.staff(domain.RoleReviewer), w.staff(domain.RoleReviewer), w.staff(domain.RoleReviewer)
	owner := w.provider(busy)
	w.listed(owner, busy)
	id := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	w.do(former, "POST", "/api/v1/review/products/"+id+"/reject", m{"revision": 1, "reasons": []m{{"code": "inconsistent", "field": "/name"}}}).is(200)
	revoked, err := w.commands.RevokeRole(context.Background(), w.request(), former.id, domain.RoleReviewer, "调岗")
	if err != nil {
		t.Fatal(err)
	}
	position := fmt.Sprint(revoked.Position)
	get := func(query string) answer {
		return w.do(operator, "GET", path+"?"+query, nil, "Waybill-Position", position).is(200)
	}
	got := get("")
	today := workdays.DayOf(time.Now())
	if from, to := got.text("from"), got.text("to"); to != today.String() && to != (today-1).String() || got.text("calendar") == "" {
		t.Errorf("%s to %s: %s", from, to, got.body)
	}
	want := []m{
		{"reviewer": busy.id.String(), "name": "工作人员", "active": true, "decided": 2.0, "approved": 2.0, "rejected": 0.0},
		{"reviewer": former.id.String(), "name": "工作人员", "active": false, "decided": 1.0, "approved": 0.0, "rejected": 1.0},
		{"reviewer": idle.id.String(), "name": "工作人员", "active": true, "decided": 0.0, "approved": 0.0, "rejected": 0.0},
	}
	if got.count("items") != len(want) {
		t.Fatalf("want %d reviewers: %s", len(want), got.body)
	}
	for i, each := range want {
		for name, value := range each {
			have := got.at("items", i, name)
			if have == nil {
				have = got.at("items", i, "work", name)
			}
			if have != value {
				t.Errorf("%d, %s: %v, want %v", i, name, have, value)
			}
		}
	}
	if got.at("everybody", "decided") != 3.0 || got.at("everybody", "from_submission", "decisions") != 3.0 || got.at("everybody", "from_claim") != nil {
		t.Errorf("everybody: %s", got.body)
	}
	if got.at("items", 2, "work", "from_submission") != nil {
		t.Errorf("nobody waited for the idle: %s", got.body)
	}
	if products := get("kind=product"); products.at("items", 0, "work", "decided") != 1.0 || products.at("everybody", "decided") != 2.0 {
		t.Errorf("of products: %s", products.body)
	}
	// Who is a reviewer no more, and did nothing then, is not there.
	if before := get("from=2026-01-01&to=2026-01-31"); before.count("items") != 2 || before.at("everybody", "decided") != 0.0 || before.text("from") != "2026-01-01" {
		t.Errorf("before: %s", before.body)
	}
	get("from=2024-01-01&to=2024-12-31") // a leap year
	for query, field := range map[string]string{
		"from=2026-02-29&to=2026-03-01": "from", "from=2026-2-1": "from", "to=yesterday": "to", "to=2026-13-01": "to", "from=": "from",
		"from=2026-03-02&to=2026-03-01": "to", "from=2024-01-01&to=2025-01-01": "from", "from=9999-12-31": "to", "kind=booking": "kind",
		"cursor=x": "cursor",
	} {
		refused := w.do(operator, "GET", path+"?"+query, nil).refuses(422, "invalid_input")
		if refused.text("errors", 0, "parameter") != field {
			t.Errorf("%s: %s", query, refused.body)
		}
	}
	for _, who := range []as{busy, owner, w.staff(domain.RoleAuditor)} {
		w.do(who, "GET", path, nil).refuses(403, "forbidden")
	}
}
