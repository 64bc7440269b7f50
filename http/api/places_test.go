package api_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestPlacesAreFound(t *testing.T) {
	w := start(t)
	for _, c := range []struct {
		query string
		zh    string // of the first; empty for none
		code  string
	}{
		{"q=海防", "海防", "VN"},
		{"q=haifang", "海防", "VN"},
		{"q=hf&country=VN", "海防", "VN"},
		{"q=Hai Phong", "海防", "VN"},
		{"q=ｈａｉ ｐｈｏｎｇ", "海防", "VN"},
		{"q=海\u200b防", "海防", "VN"},
		{"q=曼谷&country=泰国", "曼谷", "TH"},
		{"q=曼谷&country=vietnam", "", ""},
		{"q=高雄&country=CN", "高雄", "TW"},
		{"country=LA", "万象", "LA"},
		{"q=qqqqqq", "", ""},
		{"q=!!", "", ""},
	} {
		name, value, _ := strings.Cut(c.query, "=")
		value, rest, more := strings.Cut(value, "&")
		target := "/api/v1/places?" + name + "=" + url.QueryEscape(value)
		if more {
			name, value, _ = strings.Cut(rest, "=")
			target += "&" + name + "=" + url.QueryEscape(value)
		}
		got := w.do(as{}, "GET", target, nil).is(200)
		if got.text("items", 0, "name", "zh") != c.zh || got.text("items", 0, "country", "code") != c.code {
			t.Errorf("%s: %.300s", c.query, got.body)
		}
		if !strings.Contains(got.text("attribution", "en"), "GeoNames") || !strings.Contains(got.text("attribution", "zh"), "CC BY 4.0") {
			t.Errorf("%s: attributed to %s", c.query, got.text("attribution", "en"))
		}
	}
	if got := w.do(as{}, "GET", "/api/v1/places?q=s&limit=50", nil).is(200).count("items"); got != 50 {
		t.Errorf("%d are found", got)
	}
	if got := w.do(as{}, "GET", "/api/v1/places?q=s", nil).is(200).count("items"); got != 10 {
		t.Errorf("%d are found", got)
	}
	for query, want := range map[string]string{"limit=51": "limit", "limit=0": "limit", "country=亚特兰蒂斯": "country", "q=": "q"} {
		name, value, _ := strings.Cut(query, "=")
		got := w.do(as{}, "GET", "/api/v1/places?"+name+"="+url.QueryEscape(value), nil).refuses(422, "invalid_input")
		if got.mistakes()[want] == "" {
			t.Errorf("%s: %s", query, got.body)
		}
	}
}

func TestAPlaceAndItsCountry(t *testing.T) {
	w := start(t)
	port := w.do(as{}, "GET", "/api/v1/places?q=VNHPH", nil).is(200)
	if got := port.text("items", 0, "kind"); got != "port" {
		t.Errorf("got %s", port.body)
	}
	id := fmt.Sprintf("%.0f", port.at("items", 0, "id"))
	got := w.do(as{}, "GET", "/api/v1/places/"+id, nil).is(200)
	if got.text("place", "name", "en") != "Haiphong Port" || got.text("place", "country", "name", "zh") != "越南" {
		t.Errorf("got %s", got.body)
	}
	for _, id := range []string{"1", "999999999999", "0", "-1", "1.0", "x"} {
		w.do(as{}, "GET", "/api/v1/places/"+id, nil).refuses(404, "not_found")
	}
	countries := w.do(as{}, "GET", "/api/v1/countries", nil).is(200)
	if n := countries.count("items"); n != 249 {
		t.Errorf("%d countries", n)
	}
	for _, want := range []string{"中国台湾", "中国香港", "中国澳门"} {
		if !strings.Contains(string(countries.body), want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// TestAClickOnTheMap: the point comes back in WGS-84, whatever the map speaks, with the cities nearest to it.
func TestAClickOnTheMap(t *testing.T) {
	w := start(t)
	for _, c := range []struct{ lat, lng, crs, zh, latitude, longitude string }{
		{"20.8449", "106.6881", "WGS-84", "海防", "20.8449", "106.6881"},
		{"20.8449", "106.6881", "GCJ-02", "海防", "20.8449", "106.6881"}, // outside of China nothing is shifted
		{"20.8449", "106.6881", "BD-09", "海防", "20.8449", "106.6881"},
		{"31.17530398364597", "121.531541859215", "GCJ-02", "上海", "31.1774276", "121.5272106"},
		{"-17", "180", "WGS-84", "Labasa", "-17", "180"},
		{"-17", "-180", "WGS-84", "Labasa", "-17", "-180"},
		{"90", "0", "WGS-84", "朗伊尔城", "90", "0"},
		{"-90.0", "-0", "WGS-84", "麦克默多站", "-90", "-0"},
		{"1e1", "1E-7", "WGS-84", "", "10", "1e-07"},
		{"5.60000000000000000001", "-0.2", "WGS-84", "阿克拉", "5.6", "-0.2"},
	} {
		query := url.Values{"lat": {c.lat}, "lng": {c.lng}, "crs": {c.crs}}
		got := w.do(as{}, "GET", "/api/v1/places/nearest?"+query.Encode(), nil).is(200)
		if zh := got.text("items", 0, "place", "name", "zh"); c.zh != "" && zh != c.zh {
			t.Errorf("%v: %s, want %s", query, zh, c.zh)
		}
		if at := fmt.Sprint(got.at("point", "latitude"), " ", got.at("point", "longitude")); at != c.latitude+" "+c.longitude {
			t.Errorf("%v: at %s, want %s %s", query, at, c.latitude, c.longitude)
		}
		if got.count("items") != 5 || got.at("items", 0, "distance_km") == nil || got.text("attribution", "zh") == "" {
			t.Errorf("%v: %s", query, got.body)
		}
	}
}

// TestNumbersThatAreNone: what is no number, or none that is allowed, is said to be so.
func TestNumbersThatAreNone(t *testing.T) {
	w := start(t)
	for value, code := range map[string]string{
		"NaN": "bad_number", "nan": "bad_number", "Inf": "bad_number", "-Infinity": "bad_number", "0x1p3": "bad_number", "1_0": "bad_number", "+1": "bad_number",
		".5": "bad_number", "5.": "bad_number", "05": "bad_number", "1,5": "bad_number", " 1": "bad_number", "1 ": "bad_number", "１": "bad_number", "": "bad_number",
		"18°15′": "bad_number", "18.25N": "bad_number", "1e": "bad_number", "--1": "bad_number",
		"1e400": "out_of_range", "-1e400": "out_of_range", "1e2": "out_of_range", "90.0000001": "out_of_range", "91": "out_of_range", "-91": "out_of_range",
		strings.Repeat("9", 41): "too_long", "0." + strings.Repeat("0", 400): "too_long",
	} {
		query := url.Values{"lat": {value}, "lng": {"0"}, "crs": {"WGS-84"}}
		got := w.do(as{}, "GET", "/api/v1/places/nearest?"+query.Encode(), nil).refuses(422, "invalid_input").mistakes()
		if len(got) != 1 || got["lat"] != code {
			t.Errorf("%.50q: %v, want %s", value, got, code)
		}
	}
	got := w.do(as{}, "GET", "/api/v1/places/nearest?lat=91&lng=-181&crs=EPSG:4326", nil).refuses(422, "invalid_input").mistakes()
	if got["lat"] != "out_of_range" || got["lng"] != "out_of_range" || got["crs"] != "unknown_value" {
		t.Errorf("got %v", got)
	}
	got = w.do(as{}, "GET", "/api/v1/places/nearest", nil).refuses(422, "invalid_input").mistakes()
	if got["lat"] != "required" || got["lng"] != "required" || got["crs"] != "required" {
		t.Errorf("got %v", got)
	}
}
