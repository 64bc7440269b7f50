package gazetteer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"waybill/adapters/gazetteer"
	"waybill/domain/place"
)

// Nearest is what looking at every city says.
func TestNearestProperty(t *testing.T) {
	g := world(t)
	type city struct {
		id    int64
		at    place.Point
		reach float64
	}
	var all []city
	g.Cities(func(id int64, at place.Point, people uint32) {
		all = append(all, city{id, at, gazetteer.Reach(people)})
	})
	rapid.Check(t, func(t *rapid.T) {
		at := place.Point{
			Latitude: rapid.Float64Range(-90, 90).Draw(t, "latitude"), Longitude: rapid.Float64Range(-180, 180).Draw(t, "longitude"),
		}
		switch rapid.IntRange(0, 3).Draw(t, "where") {
		case 0: // beside a city
			c := all[rapid.IntRange(0, len(all)-1).Draw(t, "city")]
			at = place.Point{Latitude: max(-90, min(90, c.at.Latitude+at.Latitude/900)), Longitude: max(-180, min(180, c.at.Longitude+at.Longitude/900))}
		case 1: // beside the antimeridian
			at.Longitude = 180 - at.Longitude/1000
			if at.Longitude > 180 {
				at.Longitude -= 360
			}
		case 2: // beside a pole
			at.Latitude = 90 - (at.Latitude+90)/100
		}
		near := g.Nearest(at, 5)
		if len(near) != 5 {
			t.Fatalf("%d are near %v", len(near), at)
		}
		var best []float64
		for _, c := range all {
			if left := place.Distance(at, c.at) - c.reach; len(best) < len(near) || left < best[len(best)-1] {
				i, _ := slices.BinarySearch(best, left)
				best = slices.Insert(best, i, left)
				best = best[:min(len(best), len(near))]
			}
		}
		for i, n := range near {
			j := slices.IndexFunc(all, func(c city) bool { return c.id == n.ID })
			if left := place.Distance(at, all[j].at) - all[j].reach; left != best[i] {
				t.Errorf("%v: number %d is %s with %.6f km left; there is one with %.6f", at, i, n.Name.EN, left, best[i])
			}
		}
	})
}

// Every place is found by each of its names, however they are written.
func TestSearchProperty(t *testing.T) {
	g := world(t)
	all := g.Search("", "", 50_000)
	rapid.Check(t, func(t *rapid.T) {
		p := all[rapid.IntRange(0, len(all)-1).Draw(t, "place")]
		name := rapid.SampledFrom([]string{p.Name.ZH, p.Name.EN}).Draw(t, "name")
		written := rapid.SampledFrom([]func(string) string{
			strings.ToUpper, strings.ToLower, strings.TrimSpace, wide, func(s string) string { return "  " + strings.ReplaceAll(s, " ", "-") + "." },
		}).Draw(t, "written")
		found := g.Search(written(name), p.Country.Code, 1000)
		if !slices.ContainsFunc(found, func(f place.Place) bool { return f.ID == p.ID }) {
			t.Errorf("%q in %s does not find %+v", written(name), p.Country.Code, p)
		}
		if fact := g.Find(p.Country.Name.ZH, written(name), p.Point); fact.Distance > 0.1 || !fact.Known() {
			t.Errorf("%q in %s is not found where it is: %+v", written(name), p.Country.Name.ZH, fact)
		}
	})
}

// wide are full-width letters.
func wide(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r + 0xfee0
		}
		return r
	}, s)
}

func TestFold(t *testing.T) {
	for _, same := range [][]string{
		{"haiphong", "Hai Phong", "HẢI PHÒNG", "Hải-Phòng", "ｈａｉ　ｐｈｏｎｇ", "Ha\u0309i Pho\u0300ng", "hai.phong!"},
		{"lodz", "Łódź"},
		{"malmo", "Malmø", "Malmö"},
		{"strasse", "Straße"},
		{"istanbul", "İstanbul", "ıstanbul"},
		{"danang", "Đà Nẵng"},
		{"三亚", " 三 亚 ", "三·亚"},
		{"", " ", "-·,.!"},
	} {
		for _, s := range same {
			if got := gazetteer.Fold(s); got != same[0] {
				t.Errorf("%q is %q, want %q", s, got, same[0])
			}
		}
	}
}

// FuzzSearch asks for whatever there is: no panic, nothing above the limit, no place twice, and what begins so among them.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{
		"海防", "haifang", "hf", "Hai Phong", "HẢI PHÒNG", "ｈａｉｐｈｏｎｇ", "符拉迪沃斯托克", "haishenwai", "越南海防", "三亚市", "", " ", "!!!", "市", "\x00", "\xff\xfe",
		"a", "S", "Łódź", "İ", "ǅ", "ﷺ", "가", "e\u0301\u0301\u0301", strings.Repeat("a", 300),
	} {
		f.Add(s, "", uint8(10))
		f.Add(s, "CN", uint8(3))
		f.Add(s, "越南", uint8(0))
	}
	g := world(f)
	f.Fuzz(func(t *testing.T, text, country string, limit uint8) {
		found := g.Search(text, country, int(limit))
		if len(found) > int(limit) {
			t.Fatalf("%d found, limit %d", len(found), limit)
		}
		seen := map[int64]bool{}
		for _, p := range found {
			if seen[p.ID] || !utf8.ValidString(p.Name.ZH) || p.Name.EN == "" || !p.Point.Valid() {
				t.Errorf("%q in %q: %+v", text, country, p)
			}
			seen[p.ID] = true
		}
		if again := gazetteer.Fold(gazetteer.Fold(text)); again != gazetteer.Fold(text) {
			t.Errorf("%q is %q folded, and %q folded twice", text, gazetteer.Fold(text), again)
		}
		fact := g.Find(country, text, place.Point{})
		if _, ok := g.Place(fact.ID); ok != fact.Known() {
			t.Errorf("%q in %q: %+v", text, country, fact)
		}
	})
}

func TestDataThatIsBroken(t *testing.T) {
	const good = "1\tcity\tVN\t1\t2\t3\tA\t甲:jia\t\n"
	if _, err := gazetteer.Parse(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, to string }{
		{"\tA\t", "\t"}, {"\tA\t", "\tA\t\t"}, {"city", "village"}, {"VN", "XX"}, {"1\tcity", "x\tcity"}, {"\t1\t", "\tx\t"}, {"\t2\t", "\t\t"}, {"\t3\t", "\t-3\t"},
	} {
		if _, err := gazetteer.Parse(strings.Replace(good, c.from, c.to, 1)); err == nil {
			t.Errorf("%q for %q is taken", c.to, c.from)
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := gazetteer.LoadAnew(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	g := world(b)
	for _, text := range []string{"s", "san", "海防", "hf", "haiphong", "越南海防"} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				g.Search(text, "", 10)
			}
		})
	}
}

func BenchmarkNearest(b *testing.B) {
	g := world(b)
	for _, at := range []place.Point{{Latitude: 18.25, Longitude: 109.5}, {Latitude: -90}, {Latitude: 50, Longitude: 8}, {Latitude: -40, Longitude: -130}} {
		b.Run(fmt.Sprint(at), func(b *testing.B) {
			for b.Loop() {
				g.Nearest(at, 5)
			}
		})
	}
}
