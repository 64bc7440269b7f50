package api_test

import (
	"net/url"
	"strings"
	"testing"

	"waybill/domain"
)

// nothing are texts that look empty.
var nothing = []string{"\u3164", "\u00ad", "\u115f\u1160", "\u17b4", "\u180e", "\u2800", "\ufe0f", "\U000e0041", "\u200d", "\u0301", "\ue000", " \u200b\ufeff"}

// TestEveryTypedTextShowsSomething: a text field that is required wants something visible.
func TestEveryTypedTextShowsSomething(t *testing.T) {
	h := startHostile(t)
	owner, reviewer, operator, enterprise := h.callers["provider"], h.callers["reviewer"], h.callers["operator"], h.callers["enterprise"]
	applicant := h.enterprise()
	profile := h.profile()
	provider := "/api/v1/operator/providers/" + h.victim
	destination := content()["destination"].(m) //nolint:forcetypeassert // it is one
	for _, blank := range nothing {
		for pointer, send := range map[string]func() answer{
			"/name": func() answer { return h.do(owner, "POST", "/api/v1/provider/products", with(content(), "name", blank)) },
			"/brief": func() answer {
				return h.do(owner, "POST", "/api/v1/provider/products", with(content(), "brief", blank))
			},
			"/destination/country": func() answer {
				return h.do(owner, "POST", "/api/v1/provider/products", with(content(), "destination", with(destination, "country", blank)))
			},
			"/destination/city": func() answer {
				return h.do(owner, "POST", "/api/v1/provider/products", with(content(), "destination", with(destination, "city", blank)))
			},
			"/legal_representative": func() answer {
				return h.do(applicant, "POST", "/api/v1/provider/application", with(profile, "legal_representative", blank))
			},
			"/contact": func() answer {
				return h.do(applicant, "POST", "/api/v1/provider/application", with(profile, "contact", blank))
			},
			"/address": func() answer {
				return h.do(applicant, "POST", "/api/v1/provider/application", with(profile, "address", blank))
			},
			"/introduction": func() answer {
				return h.do(applicant, "POST", "/api/v1/provider/application", with(profile, "introduction", blank))
			},
			"/contact_name": func() answer {
				return h.do(enterprise, "POST", "/api/v1/bookings", with(inquiry(h.product), "contact_name", blank))
			},
			"/message": func() answer {
				return h.do(enterprise, "POST", "/api/v1/bookings", with(inquiry(h.product), "message", blank))
			},
			"/text": func() answer {
				return h.do(owner, "POST", "/api/v1/provider/bookings/"+h.booking+"/reply", m{"text": blank})
			},
			"/reason": func() answer { return h.do(operator, "POST", provider+"/suspend", m{"reason": blank}) },
		} {
			if got := send().refuses(422, "invalid_input").mistakes(); got[pointer] != "required" || len(got) != 1 {
				t.Errorf("%s of %+q: %v", pointer, blank, got)
			}
		}
		if _, err := h.commands.OpenAccount(t.Context(), h.request(), blank); err == nil {
			t.Errorf("an account is called %+q", blank)
		}
		id := h.do(owner, "POST", "/api/v1/provider/products", with(content(), "tags", []string{blank, "冷链"})).is(201).text("id")
		reject := m{"revision": 1, "reasons": []m{{"code": "other", "note": blank}}}
		if got := h.do(reviewer, "POST", "/api/v1/review/products/"+id+"/reject", reject).refuses(422, "invalid_input").mistakes(); got["/reasons/0/note"] != "required" {
			t.Errorf("a note of %+q: %v", blank, got)
		}
		if own := h.do(reviewer, "POST", "/api/v1/review/products/"+id+"/approve", m{"revision": 1}).is(200); own.text("review") != "approved" {
			t.Errorf("approved %s", own.body)
		}
		for _, name := range []string{"q", "tag", "country", "city"} {
			got := h.do(as{}, "GET", "/api/v1/products?"+name+"="+url.QueryEscape(blank), nil)
			if got.refuses(422, "invalid_input").mistakes()[name] != "too_short" {
				t.Errorf("%s=%+q is %s", name, blank, got.body)
			}
		}
	}
}

// TestSearchComparesWhatShows: a word is found however it was pasted, and no word of a search is left out.
func TestSearchComparesWhatShows(t *testing.T) {
	w := start(t)
	reviewer := w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	given := with(content(), "name", "一二三四五六七八九十海运")
	id := w.do(owner, "POST", "/api/v1/provider/products", given).is(201).text("id")
	position := w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/approve", m{"revision": 1}).is(200).position()
	for query, found := range map[string]int{
		"q=海\u200b运": 1, "q=\ufeff海运": 1, "q=海运\u2060": 1, "q=\u200e海运\u200f": 1, "q=海\u00ad运\ufe0f": 1, "q=\u202a海运\u202c": 1,
		"tag=\u200b冷链": 1, "tag=冷\ufeff链": 1, "country=越\u2060南": 1, "city=\u200b海防\u200b": 1, "tag=冷\u200d链": 1,
		"q=一 二 三 四 五 六 七 八": 1, "q=一 二 三 四 五 六 七 八 九 十": 1, "q=一 二 三 四 五 六 七 八 无": 0, "q=一 二 三 四 五 六 七 八 九 十 无": 0,
		"q=" + strings.Repeat("海 ", 29) + "运": 1, "q=" + strings.Repeat("海\u200b", 59): 0, "tag=" + strings.Repeat("\u200b", 60) + "冷链": 1,
	} {
		name, value, _ := strings.Cut(query, "=")
		got := w.do(as{}, "GET", "/api/v1/products?"+name+"="+url.QueryEscape(value), nil, "Waybill-Position", position).is(200)
		if got.count("items") != found {
			t.Errorf("%+q finds %d, want %d", query, got.count("items"), found)
		}
	}
}

// TestNoFilterOfNothing: a filter of which nothing is left when it is compared is refused, on every list: it would filter nothing.
func TestNoFilterOfNothing(t *testing.T) {
	w := start(t)
	operator, owner := w.staff(domain.RoleOperator), w.provider(w.staff(domain.RoleReviewer))
	for _, list := range []struct {
		who     as
		address string
		filters []string
	}{
		{as{}, "/api/v1/products", []string{"q", "tag", "country", "city"}},
		{owner, "/api/v1/provider/products", []string{"q"}},
		{operator, "/api/v1/operator/providers", []string{"q", "uscc"}},
		{operator, "/api/v1/operator/accounts", []string{"q", "uscc"}},
	} {
		for _, filter := range list.filters {
			for _, blank := range append([]string{"", " ", "\u200e", "\u202e\u202c", "\u2066\u2069", "\u061c", "\u200f\u200d"}, nothing...) {
				got := w.do(list.who, "GET", list.address+"?"+filter+"="+url.QueryEscape(blank), nil)
				if got.status != 422 || got.mistakes()[filter] != "too_short" {
					t.Errorf("%s by %s=%+q: %d %s", list.address, filter, blank, got.status, got.body)
				}
			}
		}
	}
}
