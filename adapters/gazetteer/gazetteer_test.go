package gazetteer_test

import (
	"bytes"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"waybill/adapters/gazetteer"
	"waybill/domain/place"
)

func world(t testing.TB) *gazetteer.Gazetteer {
	t.Helper()
	g, err := gazetteer.Load()
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestSearch has what people type, and what must be among the first that are found.
func TestSearch(t *testing.T) {
	g := world(t)
	for _, c := range []struct {
		text, country string
		// first is the English name of what is found first; empty for nothing. within are names among the first ten.
		first  string
		within []string
	}{
		{text: "海防", first: "Haiphong", within: []string{"Haiphong Port"}},
		{text: "haifang", first: "Haiphong"},
		{text: "haif", within: []string{"Haiphong", "Haifa"}},
		{text: "hf", first: "Hefei", within: []string{"Haiphong"}},
		{text: "hf", country: "VN", first: "Haiphong"},
		{text: "Hai Phong", first: "Haiphong"},
		{text: "hai-phong", first: "Haiphong"},
		{text: "HẢI PHÒNG", first: "Haiphong"},
		{text: "Hải Phòng", first: "Haiphong"},
		{text: "ｈａｉｐｈｏｎｇ", first: "Haiphong"},
		{text: "VNHPH", first: "Haiphong Port"},
		{text: "胡志明", first: "Ho Chi Minh City"},
		{text: "胡志明市", first: "Ho Chi Minh City"},
		{text: "huzhiming", first: "Ho Chi Minh City"},
		{text: "hzm", first: "Ho Chi Minh City"},
		{text: "saigon", first: "Ho Chi Minh City"},
		{text: "吉莱港", first: "Cat Lai Port, Ho Chi Minh City"},
		{text: "曼谷", first: "Bangkok"},
		{text: "mangu", first: "Bangkok"},
		{text: "mg", first: "Bangkok"},
		{text: "bang", within: []string{"Bangkok"}},
		{text: "新加坡", first: "Singapore", within: []string{"Singapore Port"}},
		{text: "鹿特丹", first: "Rotterdam", within: []string{"Rotterdam Port"}},
		{text: "万象", first: "Vientiane", within: []string{"Vientiane Railway Station"}},
		{text: "wanxiang", within: []string{"Vientiane"}},
		{text: "vientiane", first: "Vientiane"},
		{text: "河内", first: "Hanoi"},
		{text: "Hà Nội", first: "Hanoi"},
		{text: "雅加达", first: "Jakarta"},
		{text: "符拉迪沃斯托克", first: "Vladivostok"},
		{text: "海参崴", first: "Vladivostok"},
		{text: "haishenwai", first: "Vladivostok"},
		{text: "三亚", first: "Sanya", within: []string{"Sanya Port"}},
		{text: "三亚市", first: "Sanya"},
		{text: "sanya", first: "Sanya"},
		{text: "SYX", first: "Sanya"},
		{text: "台北", first: "Taipei"},
		{text: "臺北", first: "Taipei"},
		{text: "香港", first: "Hong Kong"},
		{text: "hongkong", first: "Hong Kong"},
		{text: "重庆", first: "Chongqing"},
		{text: "chongqing", first: "Chongqing"},
		{text: "cq", first: "Chongqing"},
		{text: "长沙", first: "Changsha"},
		{text: "cs", within: []string{"Changsha"}},
		{text: "喀什", first: "Kashgar"},
		{text: "kashi", first: "Kashgar"},
		{text: "sao paulo", first: "São Paulo"},
		{text: "Łódź", first: "Łódź"},
		{text: "lodz", first: "Łódź"},
		{text: "københavn", first: "Copenhagen"},
		{text: "xi'an", first: "Xi’an"},
		{text: "xian", first: "Xi’an"},
		{text: "阿拉山口", within: []string{"Alashankou Railway Station"}},
		{text: "磨憨", first: "Mohan Railway Station"},
		{text: "越南海防", first: "Haiphong"},
		{text: "Haiphong, Vietnam", first: "Haiphong"},
		{text: "越南", first: "Ho Chi Minh City", within: []string{"Hanoi", "Haiphong"}},
		{text: "vietnam", first: "Ho Chi Minh City"},
		{text: "海防", country: "越南", first: "Haiphong"},
		{text: "海防", country: "Viet Nam", first: "Haiphong"},
		{text: "海防", country: "vn", first: "Haiphong"},
		{text: "海防", country: "TH"},
		{text: "香港", country: "CN", first: "Hong Kong"},
		{text: "台北", country: "中国", first: "Taipei"},
		{text: "三亚", country: "HK"},
		{text: "", country: "LA", first: "Vientiane", within: []string{"Pakse", "Savannakhet"}},
		{text: "  ", country: "中国香港", first: "Hong Kong"},
		{text: "", first: "Shanghai"},
		{text: "!!!"},
		{text: "市"},
		{text: "qqqqqqqq"},
		{text: "海防", country: "亚特兰蒂斯"},
		{text: strings.Repeat("a", 5000)},
		{text: "\x00\xff\xfe"},
	} {
		found := g.Search(c.text, c.country, 10)
		var names []string
		for _, p := range found {
			names = append(names, p.Name.EN)
		}
		switch {
		case c.first == "" && c.within == nil && len(found) > 0 && c.text != "市":
			t.Errorf("%q in %q: %v, want nothing", c.text, c.country, names)
		case c.first != "" && (len(names) == 0 || names[0] != c.first):
			t.Errorf("%q in %q: %v, want %s first", c.text, c.country, names, c.first)
		}
		for _, want := range c.within {
			if !slices.Contains(names, want) {
				t.Errorf("%q in %q: %v, want %s among them", c.text, c.country, names, want)
			}
		}
	}
}

func TestSearchKeepsItsLimit(t *testing.T) {
	g := world(t)
	for _, limit := range []int{-1, 0, 1, 3, 50} {
		for _, text := range []string{"", "s", "san", "三"} {
			found := g.Search(text, "", limit)
			if len(found) > max(0, limit) {
				t.Errorf("%q: %d found, limit %d", text, len(found), limit)
			}
			seen := map[int64]bool{}
			for _, p := range found {
				if seen[p.ID] {
					t.Errorf("%q: %s is there twice", text, p.Name.EN)
				}
				seen[p.ID] = true
			}
		}
	}
}

// TestNearest clicks near cities.
func TestNearest(t *testing.T) {
	g := world(t)
	for _, c := range []struct {
		at   place.Point
		want string
	}{
		{place.Point{Latitude: 20.8449, Longitude: 106.6881}, "Haiphong"},
		{place.Point{Latitude: 10.80, Longitude: 106.65}, "Ho Chi Minh City"},
		{place.Point{Latitude: 13.75, Longitude: 100.5}, "Bangkok"},
		{place.Point{Latitude: 1.30, Longitude: 103.82}, "Singapore"},
		{place.Point{Latitude: 51.92, Longitude: 4.48}, "Rotterdam"},
		{place.Point{Latitude: 17.96, Longitude: 102.61}, "Vientiane"},
		{place.Point{Latitude: 21.03, Longitude: 105.85}, "Hanoi"},
		{place.Point{Latitude: -6.20, Longitude: 106.85}, "Jakarta"},
		{place.Point{Latitude: 43.12, Longitude: 131.90}, "Vladivostok"},
		{place.Point{Latitude: 18.2528, Longitude: 109.512}, "Sanya"},
		{place.Point{Latitude: 25.04, Longitude: 121.56}, "Taipei"},
		{place.Point{Latitude: 22.28, Longitude: 114.16}, "Hong Kong"},
		{place.Point{Latitude: -17, Longitude: 179.99}, "Labasa"},
		{place.Point{Latitude: -17, Longitude: -179.99}, "Labasa"},
		{place.Point{Latitude: 64.7, Longitude: 180}, "Anadyr"},
		{place.Point{Latitude: 64.7, Longitude: -180}, "Anadyr"},
		{place.Point{Latitude: 90, Longitude: 0}, "Longyearbyen"},
		{place.Point{Latitude: 90, Longitude: 133}, "Longyearbyen"},
		{place.Point{Latitude: -90, Longitude: 77}, "McMurdo Station"},
	} {
		near := g.Nearest(c.at, 3)
		if len(near) != 3 || near[0].Name.EN != c.want {
			t.Errorf("%v: %v, want %s", c.at, near, c.want)
			continue
		}
		for _, n := range near {
			if n.Kind != place.City || n.Distance != place.Distance(c.at, n.Point) {
				t.Errorf("%v: %+v", c.at, n)
			}
		}
	}
	if near := g.Nearest(place.Point{Latitude: 91}, 3); near != nil {
		t.Errorf("of no point: %v", near)
	}
	if near := g.Nearest(place.Point{}, 0); near != nil {
		t.Errorf("none of them: %v", near)
	}
}

func TestFind(t *testing.T) {
	g := world(t)
	haiphong := place.Point{Latitude: 20.8449, Longitude: 106.6881}
	for _, c := range []struct {
		country, city string
		at            place.Point
		id            int64
		least, most   float64 // kilometres
	}{
		{"越南", "海防", haiphong, 1581298, 2, 3},
		{"越南", "海防市", haiphong, 1581298, 2, 3},
		{"Vietnam", "Hai Phong", haiphong, 1581298, 2, 3},
		{"VN", "haifang", haiphong, 1581298, 2, 3},
		{"越南", "海防", place.Point{Latitude: 18.25, Longitude: 109.5}, 1581298, 400, 450},
		{"越南", "海防港", haiphong, 1000000025, 2, 4},
		{"中国", "香港", place.Point{Latitude: 22.28, Longitude: 114.17}, 1819729, 0, 1},
		{"中国香港", "香港", place.Point{Latitude: 22.28, Longitude: 114.17}, 1819729, 0, 1},
		{"中国台湾", "高雄", place.Point{Latitude: 22.6163, Longitude: 120.3133}, 1673820, 0, 1},
		{"台湾", "高雄", place.Point{Latitude: 22.6163, Longitude: 120.3133}, 1673820, 0, 1},
		{"中国", "海口", place.Point{Latitude: 20.04, Longitude: 110.34}, 1809078, 0, 2},
		{"中国", "海口", place.Point{Latitude: 24.78, Longitude: 102.58}, 1809077, 0, 2}, // a town of the same name in Yunnan
		{"泰国", "海防", haiphong, 0, 0, 0},
		{"越南", "hf", haiphong, 0, 0, 0},
		{"越南", "海", haiphong, 0, 0, 0},
		{"越南", "", haiphong, 0, 0, 0},
		{"", "海防", haiphong, 0, 0, 0},
		{"亚特兰蒂斯", "海防", haiphong, 0, 0, 0},
	} {
		fact := g.Find(c.country, c.city, c.at)
		if fact.ID != c.id || fact.Distance < c.least || fact.Distance > c.most {
			t.Errorf("%s, %s at %v: %+v, want %d", c.country, c.city, c.at, fact, c.id)
		}
	}
}

func TestPlace(t *testing.T) {
	g := world(t)
	p, ok := g.Place(1796556)
	if !ok || p.Name.ZH != "三亚" || p.Name.EN != "Sanya" || p.Country.Code != "CN" || p.Kind != place.City || !p.Point.Valid() {
		t.Errorf("got %+v", p)
	}
	p, ok = g.Place(1000000025)
	if !ok || p.Kind != place.Port || p.Country.Name.ZH != "越南" {
		t.Errorf("got %+v", p)
	}
	for _, id := range []int64{0, -1, 7, 1 << 62} {
		if p, ok := g.Place(id); ok {
			t.Errorf("%d: %+v", id, p)
		}
	}
}

func TestCountries(t *testing.T) {
	g := world(t)
	all := g.Countries()
	if len(all) != 249 || !slices.IsSortedFunc(all, func(a, b place.Country) int { return strings.Compare(a.Code, b.Code) }) {
		t.Errorf("there are %d, or they are not in order; ISO 3166-1 has 249", len(all))
	}
	names := map[string]string{}
	for _, c := range all {
		if names[c.Name.ZH] != "" || names[c.Name.EN] != "" || c.Name.ZH == "" || c.Name.EN == "" {
			t.Errorf("%+v has the name of another, or none", c)
		}
		names[c.Name.ZH], names[c.Name.EN] = c.Code, c.Code
	}
	for code, want := range map[string]string{"TW": "中国台湾", "HK": "中国香港", "MO": "中国澳门", "CN": "中国", "VN": "越南", "LA": "老挝"} {
		if names[want] != code {
			t.Errorf("%s is not %s", code, want)
		}
	}
	for name, want := range map[string]string{
		"台湾": "TW", "香港": "HK", "Macau": "MO", "美国": "US", "USA": "US", "印尼": "ID", "Viet Nam": "VN", "uk": "GB", "韩国": "KR", "cn": "CN", "Côte d’Ivoire": "CI",
	} {
		if c, ok := g.Country(name); !ok || c.Code != want {
			t.Errorf("%s is %+v, want %s", name, c, want)
		}
	}
}

// TestHubs holds the hand-kept table to the data beside it: every port and rail hub is near a city, of its country unless it is at a border.
func TestHubs(t *testing.T) {
	g := world(t)
	raw, err := os.ReadFile("hubs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for line := range strings.Lines(string(raw)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if ids[f[0]] {
			t.Errorf("%s is there twice", f[0])
		}
		ids[f[0]] = true
		found := g.Search(f[4], f[2], 1)
		if len(found) != 1 || found[0].ID < 1_000_000_000 || found[0].Name.ZH != f[3] {
			t.Errorf("%s is not found by its name: %v", f[4], found)
			continue
		}
		if !slices.ContainsFunc(g.Nearest(found[0].Point, 30), func(n place.Near) bool {
			return n.Distance < 30 || (n.Country.Code == f[2] && n.Distance < 120)
		}) {
			t.Errorf("%s at %v has no city of %s near it", f[4], found[0].Point, f[2])
		}
	}
	if len(ids) < 150 {
		t.Errorf("there are %d", len(ids))
	}
}

// TestSize bounds what everybody has to fetch, and what a server has to hold.
func TestSize(t *testing.T) {
	packed, err := os.ReadFile("places.tsv.gz")
	if err != nil {
		t.Fatal(err)
	}
	if len(packed) > 4<<20 {
		t.Errorf("places.tsv.gz has %d bytes", len(packed))
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	g, err := gazetteer.LoadAnew()
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 40<<20 {
		t.Errorf("%d bytes are held", held)
	}
	runtime.KeepAlive(g)
}

func TestAttribution(t *testing.T) {
	file, err := os.ReadFile("ATTRIBUTION.md")
	if err != nil {
		t.Fatal(err)
	}
	said := world(t).Attribution()
	for _, want := range []string{"GeoNames", "https://www.geonames.org", "CC BY 4.0"} {
		if !bytes.Contains(file, []byte(want)) || !strings.Contains(said.ZH, want) || !strings.Contains(said.EN, want) {
			t.Errorf("%s is missing", want)
		}
	}
}
