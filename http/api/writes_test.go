package api_test

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"waybill/domain"
	"waybill/projections/runtime"
)

func TestARepeatedRequestIsAnsweredTheSame(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	same := func(first, again answer) {
		t.Helper()
		if first.status != again.status || !bytes.Equal(first.body, again.body) || first.header.Get("ETag") != again.header.Get("ETag") ||
			first.position() != again.position() || first.header.Get("Location") != again.header.Get("Location") {
			t.Errorf("%s: %d %s, then %d %s", first.what, first.status, first.body, again.status, again.body)
		}
		if was, is := first.header.Get("Idempotency-Replayed"), again.header.Get("Idempotency-Replayed"); was != "" || is != "true" {
			t.Errorf("%s: Idempotency-Replayed %q, then %q", first.what, was, is)
		}
	}
	const products = "/api/v1/provider/products"
	submitted := w.do(owner, "POST", products, content(), "Idempotency-Key", "submit 1").is(201)
	product := products + "/" + submitted.text("id")
	revised := w.do(owner, "PUT", product, content(), "Idempotency-Key", "revise", "If-Match", `"0"`).is(200)
	approve := "/api/v1/review/products/" + submitted.text("id") + "/approve"
	approved := w.do(reviewer, "POST", approve, m{"revision": 2}, "Idempotency-Key", "k").is(200)
	pinned := w.do(owner, "PUT", product+"/pin", nil, "Idempotency-Key", "k").is(200)
	unpinned := w.do(owner, "DELETE", product+"/pin", nil, "Idempotency-Key", "k").is(200)
	deleted := w.do(owner, "DELETE", product, nil, "Idempotency-Key", "k").is(200)

	// Much has happened since; each is answered as it was.
	same(submitted, w.do(owner, "POST", products, content(), "Idempotency-Key", "submit 1"))
	same(revised, w.do(owner, "PUT", product, content(), "Idempotency-Key", "revise", "If-Match", `"0"`))
	same(approved, w.do(reviewer, "POST", approve, m{"revision": 2}, "Idempotency-Key", "k"))
	same(pinned, w.do(owner, "PUT", product+"/pin", nil, "Idempotency-Key", "k"))
	same(unpinned, w.do(owner, "DELETE", product+"/pin", nil, "Idempotency-Key", "k"))
	same(deleted, w.do(owner, "DELETE", product, nil, "Idempotency-Key", "k"))

	w.do(owner, "POST", products, with(content(), "name", "另一个产品"), "Idempotency-Key", "submit 1").refuses(409, "idempotency_key_reused")
	if id := w.do(owner, "POST", products, content(), "Idempotency-Key", "submit 2").is(201).text("id"); id == submitted.text("id") {
		t.Error("another key made the same product")
	}
	other := w.provider(reviewer)
	if id := w.do(other, "POST", products, content(), "Idempotency-Key", "submit 1").is(201).text("id"); id == submitted.text("id") {
		t.Error("another account's key made the same product")
	}
}

func TestOneRequestSentByManyAtOnceTakesEffectOnce(t *testing.T) {
	w := start(t)
	owner := w.provider(w.staff(domain.RoleReviewer))
	answers := make([]answer, 12)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			answers[i] = w.do(owner, "POST", "/api/v1/provider/products", content(), "Idempotency-Key", "at-once")
		})
	}
	all.Wait()
	first := 0
	for _, a := range answers {
		if a.is(201).text("id") != answers[0].text("id") || a.position() != answers[0].position() {
			t.Errorf("%s at %s, and %s at %s", a.text("id"), a.position(), answers[0].text("id"), answers[0].position())
		}
		if a.header.Get("Idempotency-Replayed") == "" {
			first++
		}
	}
	if first != 1 {
		t.Errorf("%d answers were not replays", first)
	}
	list := w.do(owner, "GET", "/api/v1/provider/products", nil, "Waybill-Position", answers[0].position()).is(200)
	if list.count("items") != 1 {
		t.Errorf("products %s", list.body)
	}
}

func TestIfMatch(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	id, position := w.listed(owner, reviewer)
	product := "/api/v1/provider/products/" + id
	read := w.do(owner, "GET", product, nil, "Waybill-Position", position).is(200)
	tag := read.header.Get("ETag")
	if !strings.HasPrefix(tag, `"2-`) {
		t.Errorf("ETag %s", tag)
	}
	w.do(owner, "GET", product, nil, "If-None-Match", `"7", W/`+tag).is(304)
	w.do(owner, "GET", product, nil, "If-None-Match", `"7"`).is(200)
	pinned := w.do(owner, "PUT", product+"/pin", nil, "If-Match", tag).is(200)
	w.do(owner, "DELETE", product+"/pin", nil, "If-Match", tag).refuses(412, "precondition_failed")
	w.do(owner, "PUT", product, content(), "If-Match", tag).refuses(412, "precondition_failed")
	unpinned := w.do(owner, "DELETE", product+"/pin", nil, "If-Match", "*").is(200)
	// A proxy that compresses makes a tag weak.
	now := w.do(owner, "GET", product, nil, "Waybill-Position", unpinned.position()).is(200).header.Get("ETag")
	for _, weak := range []string{"W/" + now, "W/" + unpinned.header.Get("ETag")} {
		w.do(owner, "PUT", product+"/listing", nil, "If-Match", weak).is(200)
	}
	w.do(owner, "DELETE", product+"/pin", nil, "If-Match", "W/"+tag).refuses(412, "precondition_failed")
	w.do(owner, "DELETE", product, nil, "If-Match", pinned.header.Get("ETag")).refuses(412, "precondition_failed")
	for _, bad := range []string{"2", `w/"2"`, `W/2`, `"2", "3"`, `"2-"`, `"2-x"`, `"-2"`, `"02"`, `"x"`, `"99999999999999999999"`, `""`} {
		got := w.do(owner, "PUT", product+"/pin", nil, "If-Match", bad).refuses(422, "invalid_input").mistakes()
		if got["If-Match"] != "bad_etag" {
			t.Errorf("If-Match %s: %v", bad, got)
		}
	}
	// A decision's own revision is another thing, also with If-Match.
	revised := w.do(owner, "PUT", product, content()).is(200)
	approve := "/api/v1/review/products/" + id + "/approve"
	w.do(reviewer, "POST", approve, m{"revision": 1}, "If-Match", revised.header.Get("ETag")).refuses(409, "stale_revision")
	w.do(reviewer, "POST", approve, m{"revision": 2}, "If-Match", tag).refuses(412, "precondition_failed")
	w.do(reviewer, "POST", approve, m{"revision": 2}, "If-Match", revised.header.Get("ETag")).is(200)
}

func TestReadYourWrites(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	for range 5 {
		id, position := w.listed(owner, reviewer)
		w.do(as{}, "GET", "/api/v1/products/"+id, nil, "Waybill-Position", position).is(200)
		page := w.do(as{}, "GET", "/api/v1/products?limit=1", nil, "Waybill-Position", position).is(200)
		if page.text("items", 0, "id") != id {
			t.Errorf("newest is %s, want %s", page.text("items", 0, "id"), id)
		}
	}
	w.do(as{}, "GET", "/api/v1/products", nil, "Waybill-Position", "-1").refuses(422, "invalid_input")
	w.do(as{}, "GET", "/api/v1/products", nil, "Waybill-Position", "9223372036854775808").refuses(422, "invalid_input")
}

func TestAReadThatIsAheadOfItsReadModelIsToldToRetry(t *testing.T) {
	w := start(t, func(c *runtime.Config) { c.MaxWait = 20 * time.Millisecond })
	behind := w.do(as{}, "GET", "/api/v1/products", nil, "Waybill-Position", "9223372036854775807").refuses(503, "read_model_behind")
	if behind.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", behind.header.Get("Retry-After"))
	}
}

func TestPaging(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	var position string
	for range 5 {
		_, position = w.listed(owner, reviewer)
	}
	for path, who := range map[string]as{
		"/api/v1/products?": {}, "/api/v1/provider/products?": owner, "/api/v1/review/queue?state=decided&": reviewer,
		"/api/v1/audit/events?kind=product&order=desc&": w.staff(domain.RoleAuditor),
	} {
		seen, cursor := map[string]bool{}, ""
		for pages := 1; ; pages++ {
			page := w.do(who, "GET", path+"limit=2"+cursor, nil, "Waybill-Position", position).is(200)
			for i := range page.count("items") {
				id := page.text("items", i, "id")
				if seen[id] {
					t.Errorf("%s: %s twice", path, id)
				}
				seen[id] = true
			}
			if page.text("next_cursor") == "" {
				if len(seen) < 5 || pages < 3 {
					t.Errorf("%s: %d items on %d pages", path, len(seen), pages)
				}
				break
			}
			cursor = "&cursor=" + page.text("next_cursor")
		}
		if got := w.do(who, "GET", path+"cursor=AAAA", nil).refuses(422, "invalid_input").mistakes(); got["cursor"] != "bad_cursor" {
			t.Errorf("%s: %v", path, got)
		}
	}
}
