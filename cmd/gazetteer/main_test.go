package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"waybill/domain/place"
)

// table is a bit of OpenCC's.
const table = "# a comment\n臺\t台\n灣\t湾\n東\t东\n聖\t圣\n橫\t横\n參\t参\n"

// row is a line of GeoNames' table.
func row(id, name, names, feature, country, people string) string {
	f := make([]string, columns)
	f[columnID], f[columnName], f[columnASCII], f[columnNames] = id, name, name, names
	f[columnLatitude], f[columnLongitude] = "20.864812", "106.683449"
	f[columnFeature], f[columnCountry], f[columnPopulation] = feature, country, people
	return strings.Join(f, "\t") + "\n"
}

func read(t *testing.T, chosen [][]string, raw string) []entry {
	t.Helper()
	c, err := newChinese([]byte(table), chosen)
	if err != nil {
		t.Fatal(err)
	}
	all, err := readCities([]byte(raw), c)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTheChineseName has the names that the data mixes, and the one that is shown.
func TestTheChineseName(t *testing.T) {
	for _, c := range []struct {
		name, names, country string
		want, pinyin         string
	}{
		{"Haiphong", "Hai Phong,hai fang shi,海防市", "VN", "海防", "hai fang"},
		{"Taipei", "tai bei,台北市,臺北市", "TW", "台北", "tai bei"},
		{"Yokohama", "横浜,横浜市,横滨市,橫濱", "JP", "横滨", "heng bin"},
		{"Santiago", "圣地亚哥,聖地牙哥", "CL", "圣地亚哥", "sheng di ya ge"},
		{"Seoul", "首尔,首尔特别市", "KR", "首尔", "shou er"},
		{"Chongqing", "chong qing,重庆,重庆市", "CN", "重庆", "chong qing"},
		{"Panyu", "番禺", "CN", "番禺", "pan yu"},
		{"Turpan", "吐鲁番", "CN", "吐鲁番", "tu lu fan"},
		{"Kunshan", "昆山,昆山市,玉山,玉山镇", "CN", "昆山", "kun shan"},
		{"Bonn", "ボン,본,Бонн", "DE", "", ""},
		{"Nowhere", "", "DE", "", ""},
	} {
		all := read(t, nil, row("1", c.name, c.names, "PPL", c.country, "100000"))
		if len(all) != 1 {
			t.Fatalf("%s: %d entries", c.name, len(all))
		}
		var got name
		if len(all[0].chinese) > 0 {
			got = all[0].chinese[0]
		}
		if got.text != c.want || got.pinyin != c.pinyin {
			t.Errorf("%s: %s, want %s %s", c.name, got, c.want, c.pinyin)
		}
	}
}

func TestWhatIsAmended(t *testing.T) {
	raw := row("1", "Vladivostok", "hai can wai,海参崴,海參崴", "PPLA", "RU", "500") + row("2", "Here", "", "PPL", "XK", "2000") + row("3", "Gone", "", "PPLW", "RU", "9")
	all := read(t, [][]string{{"1", "符拉迪沃斯托克", "600000"}}, raw)
	if len(all) != 2 || all[1].country != "RS" {
		t.Fatalf("got %+v", all)
	}
	v := all[0]
	if v.weight != 600_000 || v.chinese[0].text != "符拉迪沃斯托克" || v.chinese[1] != (name{"海参崴", "hai shen wai"}) || !slices.Contains(v.others, "海參崴") {
		t.Errorf("got %+v", v)
	}
	c, err := newChinese([]byte(table), [][]string{{"77", "乌有"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := readCities([]byte(raw), c); err != nil {
		t.Fatal(err)
	}
	if err := c.unused(); err == nil {
		t.Error("a name for no place is taken")
	}
}

// Names in Latin letters are kept of places of some size, without what is written as another is, and without transcriptions.
func TestFurtherNames(t *testing.T) {
	const names = "HPH,Hai Phong,Hải Phòng,Hajfong,hayfwngh,Хайфон,Haiphong (Vietnam)"
	all := read(t, nil, row("1", "Haiphong", names, "PPL", "VN", "600000")+row("2", "Haiphong", names, "PPL", "VN", "2000"))
	if got := strings.Join(all[0].others, "|"); got != "HPH|Hajfong" {
		t.Errorf("got %s", got)
	}
	if len(all[1].others) != 0 {
		t.Errorf("got %s", all[1].others)
	}
}

// TestTheSameBytes: the same entries in any order are the same file.
func TestTheSameBytes(t *testing.T) {
	all := []entry{
		{id: 2, kind: place.City, country: "VN", latitude: 20.86481, longitude: 106.68345, weight: 5, english: "B", chinese: []name{{"乙", "yi"}}},
		{id: 1, kind: place.City, country: "VN", latitude: -20, longitude: 106.5, weight: 5, english: "A", others: []string{"X", "Y"}},
		{id: 3, kind: place.Port, country: "CN", weight: 9, english: "C"},
	}
	first, err := pack(slices.Clone(all))
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(all)
	second, err := pack(all)
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("they differ, %v", err)
	}
	if all[0].id != 3 || all[1].id != 1 || all[2].id != 2 {
		t.Errorf("the weightiest are not first: %+v", all)
	}
}

func TestAPackageThatIsAnother(t *testing.T) {
	if _, err := cities.Read(t.TempDir(), "package/cities1000.txt"); err == nil {
		t.Error("a package that is not there is read")
	}
}
