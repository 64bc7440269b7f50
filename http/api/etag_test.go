package api_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"waybill/domain"
)

// TestATagCoversAllThatIsShown: what another stream has changed is shown, and no 304 hides it; the tag that the read gave still
// names the object's own revision to a write.
func TestATagCoversAllThatIsShown(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner := w.provider(reviewer)
	profile, enterprise := w.profile(), w.enterprise()
	product, _ := w.listed(owner, reviewer)
	booked := w.do(enterprise, "POST", "/api/v1/bookings", inquiry(product)).is(201)
	booking := booked.text("id")
	pending := w.do(owner, "POST", "/api/v1/provider/products", content()).is(201)
	renamed := func() answer {
		w.do(owner, "PUT", "/api/v1/provider/application", with(profile, "name", "新的名称")).is(200)
		return w.do(reviewer, "POST", "/api/v1/review/providers/"+owner.id.String()+"/approve", m{"revision": 2}).is(200)
	}
	position := pending.position()
	for _, c := range []struct {
		name   string
		who    as
		path   string
		change func() answer
	}{
		{"a public product's provider", as{}, "/api/v1/products/" + product, renamed},
		{"a submission's provider", reviewer, "/api/v1/review/products/" + pending.text("id"), func() answer {
			w.do(owner, "PUT", "/api/v1/provider/application", profile).is(200)
			return w.do(reviewer, "POST", "/api/v1/review/providers/"+owner.id.String()+"/approve", m{"revision": 3}).is(200)
		}},
		{"an application's standing", owner, "/api/v1/provider/application", func() answer {
			return w.do(operator, "POST", "/api/v1/operator/providers/"+owner.id.String()+"/suspend", m{"reason": "测试"}).is(200)
		}},
		{"the name of a booked product, for the enterprise", enterprise, "/api/v1/bookings/" + booking, func() answer {
			w.do(operator, "POST", "/api/v1/operator/providers/"+owner.id.String()+"/reinstate", m{"reason": "测试"}).is(200)
			return w.do(owner, "DELETE", "/api/v1/provider/products/"+product, nil).is(200)
		}},
	} {
		before := w.do(c.who, "GET", c.path, nil, "Waybill-Position", position).is(200)
		tag := before.header.Get("ETag")
		w.do(c.who, "GET", c.path, nil, "If-None-Match", tag).is(304)
		position = c.change().position()
		after := w.do(c.who, "GET", c.path, nil, "Waybill-Position", position, "If-None-Match", tag)
		if after.status != 200 || string(after.body) == string(before.body) || after.header.Get("ETag") == tag {
			t.Errorf("%s: %d with ETag %s after %s\n%s", c.name, after.status, after.header.Get("ETag"), tag, after.body)
		}
	}
	// The same in the other side's view, whose tag is still good for a reply: the booking itself has not changed.
	other, _ := w.listed(owner, reviewer)
	booked = w.do(enterprise, "POST", "/api/v1/bookings", inquiry(other)).is(201)
	received := "/api/v1/provider/bookings/" + booked.text("id")
	before := w.do(owner, "GET", received, nil, "Waybill-Position", booked.position()).is(200)
	replied := w.do(owner, "POST", received+"/reply", m{"text": "可安排。"}, "If-Match", before.header.Get("ETag")).is(200)
	before = w.do(owner, "GET", received, nil, "Waybill-Position", replied.position()).is(200)
	deleted := w.do(owner, "DELETE", "/api/v1/provider/products/"+other, nil).is(200)
	tag := before.header.Get("ETag")
	w.do(owner, "GET", received, nil, "Waybill-Position", deleted.position(), "If-None-Match", tag).is(200)
	w.do(enterprise, "PUT", "/api/v1/bookings/"+booked.text("id")+"/read", nil, "If-Match", tag).is(200)
}

// TestConditions: where a tag is given, both conditions are looked at; a write that looks at neither refuses them.
func TestConditions(t *testing.T) {
	h := startHostile(t)
	text := m{"texts": []m{{"zh": "请补充", "en": "please add to it"}}} // before there is one, there is no tag
	h.do(h.callers["operator"], "PUT", "/api/v1/operator/review-texts/other", text).is(200)
	shape := regexp.MustCompile(`^"([0-9]+-)?[A-Za-z0-9_-]{16}"$`)
	for _, r := range h.routes() {
		target, who := h.address(r), h.caller(r)
		if r.method != "GET" {
			for _, condition := range []string{"If-Match", "If-None-Match"} {
				if slices.ContainsFunc(r.op.Parameters, func(p *openapi3.ParameterRef) bool { return p.Value.Name == condition }) {
					continue
				}
				got := h.do(who, r.method, target, r.example(), condition, "*").refuses(422, "invalid_input")
				if got.mistakes()[condition] != "unknown_parameter" {
					t.Errorf("%s with %s: %s", r, condition, got.body)
				}
			}
			continue
		}
		h.whileSteady(who, target, func(read answer) (wrong []string) {
			tag := read.header.Get("ETag")
			if ok := r.op.Responses.Value("200"); ok != nil && read.status == 200 && tag == "" && ok.Value.Headers["ETag"] != nil {
				return []string{"no ETag"}
			}
			if tag == "" {
				return nil
			}
			if !shape.MatchString(tag) {
				wrong = append(wrong, "ETag "+tag)
			}
			for list, status := range map[string]int{
				tag: 304, "W/" + tag: 304, `"x", W/"y",` + tag: 304, "*": 304, `"x"`: 200, strings.Trim(tag, `"`): 200, "W/" + tag[1:]: 200,
			} {
				again := h.do(who, "GET", target, nil, "If-None-Match", list)
				if again.status != status || again.header.Get("ETag") != tag || (status == 304 && len(again.body) != 0) {
					wrong = append(wrong, fmt.Sprintf("with If-None-Match %s: %d %s", list, again.status, again.header))
				}
			}
			for list, status := range map[string]int{tag: 200, `"x"`: 412} {
				if back := h.do(who, "GET", target, nil, "If-Match", list); back.status != status {
					wrong = append(wrong, fmt.Sprintf("with If-Match %s: %d %s", list, back.status, back.body))
				}
			}
			return wrong
		})
	}
}
