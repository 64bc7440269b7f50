package compare_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/projections/compare"
)

func raw(t testing.TB, content any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func revisions(t testing.TB, kind string, before, after any, reasons ...domain.Reason) compare.Comparison {
	t.Helper()
	c, err := compare.Revisions(kind, raw(t, before), raw(t, after), reasons)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// shown is a change in one line.
func shown(c compare.Change) string {
	var b strings.Builder
	fmt.Fprint(&b, c.Pointer, ":")
	for _, p := range c.Parts {
		b.WriteString(map[compare.Op]string{compare.Equal: " ", compare.Deleted: " -", compare.Inserted: " +"}[p.Op] + p.Text)
	}
	for _, i := range c.Items {
		fmt.Fprintf(&b, " %s %s %d>%d", i.Value, i.Fate, i.Was, i.Is)
	}
	if c.BeforeSpot != nil {
		fmt.Fprint(&b, " ", *c.BeforeSpot, *c.AfterSpot)
	}
	if c.Parts == nil && c.Items == nil && c.BeforeSpot == nil {
		fmt.Fprint(&b, " ", c.Before, ">", c.After)
	}
	for _, r := range c.Reasons {
		fmt.Fprint(&b, " !", r.Code)
	}
	if !c.Changed {
		b.WriteString(" =")
	}
	return b.String()
}

func all(c compare.Comparison) []string {
	lines := []string{}
	for _, change := range c.Changes {
		lines = append(lines, shown(change))
	}
	for _, r := range c.Reasons {
		lines = append(lines, "!"+r.Code)
	}
	return lines
}

func TestProducts(t *testing.T) {
	before := product.Content{
		Name: "三亚至海防海运拼箱", Brief: "每周三、周六开航", Tags: []string{"拼箱", "冷链"}, Mode: product.Sea,
		Destination: product.Destination{Country: "越南", City: "海防", Latitude: 20.8449, Longitude: 106.6881, CRS: "WGS-84"},
		Cover:       "sha256:a", Details: []domain.ImageRef{"1", "2", "3"},
	}
	for name, c := range map[string]struct {
		change  func(*product.Content)
		reasons []domain.Reason
		want    []string
	}{
		"nothing": {func(*product.Content) {}, nil, []string{}},
		"a long text": {
			func(c *product.Content) { c.Brief = "每周二、周六准点开航" }, nil,
			[]string{"/brief: 每周 -三 +二 、周六 +准点 开航"},
		},
		"a choice": {func(c *product.Content) { c.Mode = product.Rail }, nil, []string{"/mode: sea>rail"}},
		"an image": {func(c *product.Content) { c.Cover = "sha256:b" }, nil, []string{"/cover: sha256:a>sha256:b"}},
		"images added, removed and moved": {
			func(c *product.Content) { c.Details = []domain.ImageRef{"3", "1", "4"} }, nil,
			[]string{"/details: 3 moved 3>1 1 kept 1>2 2 removed 2>0 4 added 0>3"},
		},
		"tags":                {func(c *product.Content) { c.Tags = []string{"冷链", "整箱"} }, nil, []string{"/tags: 拼箱 removed 1>0 冷链 kept 2>1 整箱 added 0>2"}},
		"no tags":             {func(c *product.Content) { c.Tags = nil }, nil, []string{"/tags: 拼箱 removed 1>0 冷链 removed 2>0"}},
		"coordinates are one": {func(c *product.Content) { c.Destination.Longitude = 107 }, nil, []string{"/destination/latitude: {20.8449 106.6881 WGS-84} {20.8449 107 WGS-84}"}},
		"another map": {
			func(c *product.Content) { c.Destination.CRS = "GCJ-02" }, nil,
			[]string{"/destination/latitude: {20.8449 106.6881 WGS-84} {20.8449 106.6881 GCJ-02}"},
		},
		"reasons beside their fields": {
			func(c *product.Content) { c.Name = "三亚至海防海运整箱" },
			[]domain.Reason{
				{Code: "misleading", Field: "/name"},
				{Code: "image_unclear", Field: "/details/1"},
				{Code: "wrong_destination", Field: "/destination/longitude"},
				{Code: "other", Note: "请补充"},
			},
			[]string{
				"/name: 三亚至海防海运 -拼 +整 箱 !misleading",
				"/destination/latitude: {20.8449 106.6881 WGS-84} {20.8449 106.6881 WGS-84} !wrong_destination =",
				"/details: 1 kept 1>1 2 kept 2>2 3 kept 3>3 !image_unclear =", "!other",
			},
		},
		"a reason about a whole part": {
			func(*product.Content) {},
			[]domain.Reason{{Code: "wrong_destination", Field: "/destination"}},
			[]string{
				"/destination/country: 越南>越南 !wrong_destination =", "/destination/city: 海防>海防 !wrong_destination =",
				"/destination/latitude: {20.8449 106.6881 WGS-84} {20.8449 106.6881 WGS-84} !wrong_destination =",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			after := before
			c.change(&after)
			if got := all(revisions(t, product.Category, before, after, c.reasons...)); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestApplications(t *testing.T) {
	before := domaintest.Profile("三亚南海国际物流有限公司")
	after := before
	after.Phone, after.Introduction = "0898-88271235", "Freight to ports in Vietnam\n每日发车"
	before.Introduction = "Freight to all cities of Vietnam\n每周发车"
	got := all(revisions(t, provider.Category, before, after))
	want := []string{
		"/phone: 0898- -" + strings.TrimPrefix(before.Phone, "0898-") + " +88271235",
		"/introduction: Freight to  -all cities of +ports in  Vietnam\n每 -周 +日 发车",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	// A type that is not in the book any more is compared by the form that it is judged by.
	after.Type = "gone"
	if got := all(revisions(t, provider.Category, before, after)); got[0] != "/type: logistics>gone" || len(got) != 3 {
		t.Error(got)
	}
}

func TestNoForm(t *testing.T) {
	sound := raw(t, domaintest.Content("专线"))
	for _, broken := range []string{``, `[]`, `{"name": 1}`, `{"tags": "x"}`, `{"details": [1]}`, `{"destination": {"latitude": "20"}}`} {
		if _, err := compare.Revisions(product.Category, json.RawMessage(broken), sound, nil); err == nil {
			t.Errorf("%s was compared", broken)
		}
	}
	// A field that an older form had not is empty there.
	c, err := compare.Revisions(product.Category, json.RawMessage(`{}`), sound, nil)
	if err != nil || len(c.Changes) != 9 {
		t.Error(len(c.Changes), err)
	}
}

// TestTexts: whatever two texts are, the parts make both, a part is never empty, equal ones never follow each other, and no character is cut.
func TestTexts(t *testing.T) {
	texts := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("三亚 ab,\n❤️👩‍👩‍👧🇨🇳é")), 0, 40, -1))
	rapid.Check(t, func(t *rapid.T) {
		before, after := product.Content{Name: texts.Draw(t, "before")}, product.Content{Name: texts.Draw(t, "after")}
		a, _ := json.Marshal(before)
		b, _ := json.Marshal(after)
		c, err := compare.Revisions(product.Category, a, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = json.Unmarshal(a, &before) // as JSON has it
		_ = json.Unmarshal(b, &after)
		if before.Name == after.Name {
			if len(c.Changes) != 0 {
				t.Fatal(c)
			}
			return
		}
		var was, is strings.Builder
		last := compare.Op("")
		for _, p := range c.Changes[0].Parts {
			if p.Text == "" || (p.Op == last) {
				t.Fatalf("parts %+v", c.Changes[0].Parts)
			}
			last = p.Op
			if p.Op != compare.Inserted {
				was.WriteString(p.Text)
			}
			if p.Op != compare.Deleted {
				is.WriteString(p.Text)
			}
		}
		if was.String() != before.Name || is.String() != after.Name {
			t.Fatalf("%q and %q of %q and %q", was.String(), is.String(), before.Name, after.Name)
		}
	})
}

// TestWholeCharacters: what is shown as one character is changed as one.
func TestWholeCharacters(t *testing.T) {
	for _, c := range [][3]string{
		{"👩‍👩‍👧门到门", "👩‍👩‍👦门到门", "/name: -👩‍👩‍👧 +👩‍👩‍👦 门到门"},
		{"🇨🇳到🇻🇳", "🇨🇳到🇹🇭", "/name: 🇨🇳到 -🇻🇳 +🇹🇭"},
		{"🇨🇳到港", "🇨🇦到港", "/name: -🇨🇳 +🇨🇦 到港"},
		{"cafe\u0301 店", "cafe 店", "/name: -cafe\u0301 +cafe  店"},
		{"甲快 到", "甲 慢到", "/name: 甲 -快   +慢 到"},
		{"express lane", "expressway", "/name: -express lane +expressway"},
		{"两天 到", "两天到", "/name: 两天 -  到"},
	} {
		got := revisions(t, product.Category, product.Content{Name: c[0]}, product.Content{Name: c[1]})
		if shown(got.Changes[0]) != c[2] {
			t.Errorf("got %q, want %q", shown(got.Changes[0]), c[2])
		}
	}
}

// TestLists: each place of both lists is in the comparison once, and the later list is read off in its order; what stands in both lists
// equally often was neither added nor removed.
func TestLists(t *testing.T) {
	lists := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		before, after := lists.Draw(t, "before"), lists.Draw(t, "after")
		a, _ := json.Marshal(product.Content{Tags: before})
		b, _ := json.Marshal(product.Content{Tags: after})
		c, err := compare.Revisions(product.Category, a, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(before, after) {
			return
		}
		was, is := make([]string, len(before)), []string{}
		count := map[string]int{}
		for _, i := range c.Changes[0].Items {
			if i.Was > 0 {
				if was[i.Was-1] != "" {
					t.Fatalf("place %d twice", i.Was)
				}
				was[i.Was-1] = i.Value
			}
			if i.Is > 0 {
				is = append(is, i.Value)
				if i.Is != len(is) {
					t.Fatalf("%v stands after %d", i, len(is))
				}
			}
			switch i.Fate {
			case compare.Added:
				count[i.Value]++
			case compare.Removed:
				count[i.Value]--
			case compare.Kept, compare.Moved:
			}
		}
		if !slices.Equal(was, before) || !slices.Equal(is, after) {
			t.Fatalf("%v and %v of %v and %v", was, is, before, after)
		}
		for _, v := range before {
			count[v]++
		}
		for _, v := range after {
			count[v]--
		}
		for v, n := range count {
			if n != 0 {
				t.Fatalf("%s is off by %d: %+v", v, n, c.Changes[0].Items)
			}
		}
		for _, i := range c.Changes[0].Items {
			for _, j := range c.Changes[0].Items {
				if i.Value == j.Value && i.Fate == compare.Added && j.Fate == compare.Removed {
					t.Fatalf("%s was added and removed", i.Value)
				}
			}
		}
	})
}

func BenchmarkProducts(b *testing.B) {
	before := domaintest.Content("三亚至海防海运拼箱")
	after := before
	before.Brief, after.Brief = strings.Repeat("每周三、周六开航", 7), strings.Repeat("每周二、周日开航", 7)
	x, y := raw(b, before), raw(b, after)
	for b.Loop() {
		if _, err := compare.Revisions(product.Category, x, y, nil); err != nil {
			b.Fatal(err)
		}
	}
}
