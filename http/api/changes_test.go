package api_test

import (
	"fmt"
	"strings"
	"testing"

	"waybill/domain"
)

// TestChanges: a reviewer sees what a revision changed since the last approved and the last rejected one, with the reasons of the
// rejection beside the fields that they point at.
func TestChanges(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	id := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id")
	own, review := "/api/v1/provider/products/"+id, "/api/v1/review/products/"+id
	read := func(query, position string) answer {
		t.Helper()
		return w.do(reviewer, "GET", review+"/changes"+query, nil, "Waybill-Position", position).is(200)
	}
	revise := func(fields ...any) string {
		t.Helper()
		c := content()
		for i := 0; i < len(fields); i += 2 {
			c = with(c, fmt.Sprint(fields[i]), fields[i+1])
		}
		return w.do(owner, "PUT", own, c).is(200).position()
	}
	// A first submission is compared with nothing.
	first := read("", w.do(reviewer, "POST", review+"/approve", m{"revision": 1}).is(200).position())
	if first.at("approved") != nil || first.at("rejected") != nil || first.at("item", "revision") != 1. {
		t.Errorf("first: %s", first.body)
	}

	// Then one that is rejected, and one that is superseded: neither approved nor rejected.
	other := "sha256:" + strings.Repeat("0", 64)
	revise("brief", "全国最低价，每周三、周六开航", "cover", other)
	w.do(reviewer, "POST", review+"/reject", m{"revision": 2, "reasons": []m{
		{"code": "misleading", "field": "/brief"}, {"code": "image_unclear", "field": "/cover"}, {"code": "other", "note": "请补充资质"},
	}}).is(200)
	revise("brief", "待定")
	position := revise("cover", other, "details", []string{other, image}, "tags", []string{"冷链"}, "destination",
		m{"country": "越南", "city": "海防", "latitude": 20.9449, "longitude": 106.6881, "crs": "WGS-84"})

	got := read("", position)
	approved, rejected := fieldsIn(t, got, "approved"), fieldsIn(t, got, "rejected")
	if got.at("item", "revision") != 4. || got.at("approved", "revision") != 1. || got.at("rejected", "revision") != 2. ||
		got.text("approved", "decided_by") != reviewer.id.String() || got.text("rejected", "decided_at") == "" {
		t.Errorf("compared with %s", got.body)
	}
	for _, c := range []struct {
		name  string
		of    map[string]m
		field string
		want  string
	}{
		{"the brief is as it was approved", approved, "/brief", "<nil>"},
		{"and not as it was rejected", rejected, "/brief", "map[after:每周三、周六开航 before:全国最低价，每周三、周六开航 changed:true kind:text " +
			"label:map[en:product brief zh:产品简介] parts:[map[op:deleted text:全国最低价，] map[op:equal text:每周三、周六开航]] pointer:/brief " +
			"reasons:[map[code:misleading field:/brief text:map[en:misleading claim zh:夸大或误导性宣传]]]]"},
		{"a reason at what did not change", rejected, "/cover", "map[after:" + other + " before:" + other + " changed:false kind:image " +
			"label:map[en:cover image zh:产品封面图] pointer:/cover reasons:[map[code:image_unclear field:/cover " +
			"text:map[en:image is not legible zh:图片不清晰]]]]"},
		{"images", approved, "/details", "map[changed:true items:[map[after_place:1 fate:added value:" + other + "] map[after_place:2 " +
			"before_place:1 fate:kept value:" + image + "]] kind:images label:map[en:detail images zh:详情图] pointer:/details]"},
		{"tags", approved, "/tags", "map[changed:true items:[map[before_place:1 fate:removed value:拼箱] map[after_place:1 before_place:2 " +
			"fate:kept value:冷链]] kind:tags label:map[en:product tags zh:产品标签] pointer:/tags]"},
		{"coordinates", approved, "/destination/latitude", "map[after_spot:map[crs:WGS-84 latitude:20.9449 longitude:106.6881 " +
			"point:map[latitude:20.9449 longitude:106.6881]] before_spot:map[crs:WGS-84 latitude:20.8449 longitude:106.6881 " +
			"point:map[latitude:20.8449 longitude:106.6881]] changed:true distance_km:11.12 kind:coordinates " +
			"label:map[en:coordinates zh:坐标] pointer:/destination/latitude]"},
		{"nothing else", approved, "/name", "<nil>"},
	} {
		shown := "<nil>"
		if f, ok := c.of[c.field]; ok {
			shown = fmt.Sprint(f)
		}
		if shown != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, shown, c.want)
		}
	}
	if got.count("rejected", "reasons") != 1 || got.text("rejected", "reasons", 0, "note") != "请补充资质" {
		t.Errorf("reasons about the whole: %s", got.body)
	}

	// Any revision can be asked for, and a revision is not compared with itself or a later one.
	if second := read("?revision=2", position); second.at("rejected") != nil || second.at("approved", "revision") != 1. {
		t.Errorf("second: %s", second.body)
	}
	w.do(reviewer, "GET", review+"/changes?revision=5", nil).refuses(404, "not_found")
	w.do(reviewer, "GET", review+"/changes", nil, "If-None-Match", got.header.Get("ETag")).is(304)
	w.do(owner, "GET", review+"/changes", nil).refuses(403, "forbidden")

	// What is judged again because its approval was revoked shows why, at its fields; a later revision is compared with it.
	w.do(reviewer, "POST", review+"/approve", m{"revision": 4}).is(200)
	revise("brief", "每日开航")
	w.do(reviewer, "POST", review+"/revoke-approval", m{"revision": 4, "reasons": []m{{"code": "duplicate"}, {"code": "misleading", "field": "/tags"}}}).is(200)
	position = revise("brief", "每日准点开航", "cover", other)
	again := read("", position)
	if again.at("revoked", "revision") != 4. || again.at("approved", "revision") != 1. || again.at("rejected", "revision") != 2. ||
		again.text("revoked", "reasons", 0, "code") != "duplicate" || again.text("revoked", "decided_by") != reviewer.id.String() {
		t.Errorf("after a revocation: %s", again.body)
	}
	revoked := fieldsIn(t, again, "revoked")
	if len(revoked) != 4 || revoked["/brief"]["before"] != "每周三、周六开航" || fmt.Sprint(revoked["/tags"]["reasons"]) == "<nil>" {
		t.Errorf("compared with the revoked one: %v", revoked)
	}
	position = w.do(reviewer, "POST", review+"/approve", m{"revision": 6}).is(200).position()
	if done := read("", position); done.at("revoked") != nil || done.at("approved", "revision") != 1. {
		t.Errorf("decided: %s", done.body)
	}
	position = w.do(reviewer, "POST", review+"/revoke-approval", m{"revision": 6, "reasons": []m{{"code": "misleading", "field": "/brief"}}}).is(200).position()
	self := read("", position)
	if only := fieldsIn(t, self, "revoked"); self.at("revoked", "revision") != 6. || len(only) != 1 || only["/brief"]["changed"] != false {
		t.Errorf("judged again: %s", self.body)
	}

	// Of an application likewise.
	provider := "/api/v1/review/providers/" + owner.id.String()
	profile := w.profile()
	position = w.do(owner, "PUT", "/api/v1/provider/application", with(profile, "introduction", "专注东南亚航线的冷链物流。")).is(200).position()
	application := w.do(reviewer, "GET", provider+"/changes", nil, "Waybill-Position", position).is(200)
	introduction := fieldsIn(t, application, "approved")["/introduction"]
	if len(fieldsIn(t, application, "approved")) != 1 || fmt.Sprint(introduction["parts"]) != "[map[op:equal text:专注东南亚航线的] "+
		"map[op:deleted text:跨境] map[op:inserted text:冷链] map[op:equal text:物流。]]" {
		t.Errorf("application: %s", application.body)
	}
}

// fieldsIn is the fields of a comparison by their pointers.
func fieldsIn(t *testing.T, a answer, with string) map[string]m {
	t.Helper()
	all := map[string]m{}
	for i := range a.count(with, "fields") {
		f, _ := a.at(with, "fields", i).(m)
		all[a.text(with, "fields", i, "pointer")] = f
	}
	return all
}
