package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"waybill/domain"
)

// TestBrowse follows some products through the list, the facets and the map: each shows what the filters leave, and the images' addresses.
func TestBrowse(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	first, second := w.provider(reviewer), w.provider(reviewer)
	var position string
	offer := func(owner as, mode, city string, longitude float64, tags ...string) {
		c := with(with(content(), "mode", mode), "tags", tags)
		c["destination"] = m{"country": "斐济", "city": city, "latitude": -17.5, "longitude": longitude, "crs": "WGS-84"}
		id := w.do(owner, "POST", "/api/v1/provider/products", c).is(201).text("id")
		position = w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/approve", m{"revision": 1}).is(200).position()
	}
	offer(first, "sea", "楠迪", 177.4, "拼箱", "A,B")
	offer(first, "air", "楠迪", 177.4, "拼箱", "冷链")
	offer(first, "rail", "塔韦乌尼", -179.9, "整柜")
	offer(second, "sea", "楠迪", 177.4, "拼箱", "冷链")
	get := func(path, query string) answer {
		t.Helper()
		return w.do(as{}, "GET", "/api/v1/products"+path+"?"+query, nil, "Waybill-Position", position).is(200)
	}
	for query, want := range map[string]int{
		"": 4, "mode=sea": 2, "mode=sea&mode=air": 3, "mode=air&mode=sea&mode=air": 3, "tag=拼箱": 3, "tag=拼箱&tag=冷链": 2, "tag=A,B": 1, "tag=A": 0,
		"provider=" + first.id.String(): 3, "provider=" + second.id.String() + "&mode=air": 0, "city=楠迪&mode=sea&mode=rail": 2,
		"q=海防&tag=拼箱&mode=sea": 2,
	} {
		query = strings.NewReplacer(",", "%2C").Replace(query)
		page, facets, world := get("", query), get("/facets", query), get("/map", query)
		if got := page.count("items"); got != want {
			t.Errorf("%s: %d in the list, want %d", query, got, want)
		}
		if got := facets.number("total"); got != want {
			t.Errorf("%s: facets %s, want %d", query, facets.body, want)
		}
		if got := world.number("total"); got != want || world.count("products") != want {
			t.Errorf("%s: map %s, want %d", query, world.body, want)
		}
	}
	// The date line runs between the two places.
	for box, want := range map[string]int{
		"177,-18,-179,-17": 4, "177,-18,180,-17": 3, "-180,-18,-179,-17": 1, "-170,-18,170,-17": 0, "-180,-90,180,90": 4, "0,-90,180,0": 3,
	} {
		if got := get("/map", "zoom=9&bbox="+url.QueryEscape(box)).number("total"); got != want {
			t.Errorf("%s: %d, want %d", box, got, want)
		}
	}
	shown := get("/map", "mode=rail")
	if shown.at("products", 0, "at", "longitude") != -179.9 || shown.text("products", 0, "product", "thumbnail_url") != "/media/"+image+"?box=120x80" {
		t.Errorf("map %s", shown.body)
	}
	id := shown.text("products", 0, "product", "id")
	detail := w.do(as{}, "GET", "/api/v1/products/"+id, nil).is(200)
	if detail.text("cover_url") != "/media/"+image || detail.text("detail_urls", 0) != "/media/"+image || detail.text("provider", "logo_url") != "/media/"+image {
		t.Errorf("detail %s", detail.body)
	}
	facets := get("/facets", "")
	if facets.text("tags", 0, "value") != "拼箱" || facets.at("tags", 0, "count") != 3.0 {
		t.Errorf("facets %s", facets.body)
	}
	w.do(as{}, "GET", "/api/v1/products/facets", nil, "If-None-Match", facets.header.Get("ETag")).is(304)

	// What is suspended is gone at once from all that was asked before.
	position = w.do(operator, "POST", "/api/v1/operator/providers/"+first.id.String()+"/suspend", m{"reason": "执照过期"}).is(200).position()
	for _, path := range []string{"/facets", "/map"} {
		if got := get(path, "").number("total"); got != 1 {
			t.Errorf("%s has %d of a suspended provider", path, got)
		}
	}
}

// number is a whole number of an answer.
func (a answer) number(path ...any) int {
	a.t.Helper()
	n, ok := a.at(path...).(float64)
	if !ok {
		a.t.Fatalf("%s: no number at %v\n%s", a.what, path, a.body)
	}
	return int(n)
}

// TestHostileFilters: what may be repeated may not be so without end, and each mistake is named.
func TestHostileFilters(t *testing.T) {
	w := start(t)
	many := func(name string, n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("%s=%d", name, i))
		}
		return strings.Join(all, "&")
	}
	for query, want := range map[string]map[string]string{
		"mode=sea&mode=ship": {"mode": "unknown_value"},
		"mode=sea%2Cair":     {"mode": "unknown_value"},
		"mode=":              {"mode": "unknown_value"},
		"mode[]=sea":         {"mode[]": "unknown_parameter"},
		"mode=sea&mode=air&mode=land&mode=rail&mode=sea": {"mode": "too_many"},
		many("tag", 11):                        {"tag": "too_many"},
		"tag=a&tag=":                           {"tag": "too_short"},
		"tag=a&tag=" + strings.Repeat("b", 51): {"tag": "too_long"},
		"tag=a&tag=%00":                        {"tag": "control_characters"},
		"provider=x":                           {"provider": "bad_uuid"},
		"country=a&country=b&city=a&city=b&q=a&q=b":       {"country": "repeated_parameter", "city": "repeated_parameter", "q": "repeated_parameter"},
		"mode=x&tag=&provider=1&surprise=1&country=a&q=b": {"mode": "unknown_value", "tag": "too_short", "provider": "bad_uuid", "surprise": "unknown_parameter"},
	} {
		for _, path := range []string{"", "/facets", "/map"} {
			got := w.do(as{}, "GET", "/api/v1/products"+path+"?"+query, nil).refuses(422, "invalid_input").mistakes()
			for name, code := range want {
				if got[name] != code {
					t.Errorf("%s?%s: %v, want %v", path, query, got, want)
				}
			}
			if len(got) != len(want) {
				t.Errorf("%s?%s: %v, want %v", path, query, got, want)
			}
		}
	}
	for query, want := range map[string]map[string]string{
		"bbox=1,2,3":                          {"bbox": "bad_bbox"},
		"bbox=NaN,0,1,1&zoom=x":               {"bbox": "bad_bbox", "zoom": "out_of_range"},
		"bbox=0,10,1,-10&zoom=23&mode=x":      {"bbox": "empty_bbox", "zoom": "out_of_range", "mode": "unknown_value"},
		"bbox=0,0,1,1&bbox=0,0,1,1":           {"bbox": "repeated_parameter"},
		"bbox=":                               {"bbox": "bad_bbox"},
		"bbox=-181,0,1,1&zoom=-1&cursor=AAAA": {"bbox": "out_of_range", "zoom": "out_of_range", "cursor": "unknown_parameter"},
	} {
		got := w.do(as{}, "GET", "/api/v1/products/map?"+query, nil).refuses(422, "invalid_input").mistakes()
		for name, code := range want {
			if got[name] != code || len(got) != len(want) {
				t.Errorf("%s: %v, want %v", query, got, want)
			}
		}
	}
	for _, zoom := range []int{0, 1, 11, 21, 22} {
		for _, box := range []string{"-180,-90,180,90", "179.999999,-90,-179.999999,90", "0,89.9999999,0.0000001,90", "0,-90,359e0,90"} {
			a := w.do(as{}, "GET", fmt.Sprintf("/api/v1/products/map?zoom=%d&bbox=%s", zoom, box), nil)
			if a.status != 200 && !strings.Contains(box, "e") {
				t.Errorf("%s: %d\n%s", a.what, a.status, a.body)
			}
		}
	}
}
