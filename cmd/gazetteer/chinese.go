package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/mozillazg/go-pinyin"
	"golang.org/x/text/encoding/simplifiedchinese"

	"waybill/adapters/gazetteer"
)

// chinese chooses among the Chinese names that GeoNames has for a place: simplified, traditional and Japanese ones, in no order.
type chinese struct {
	simplified map[rune]rune
	// chosen are the names in names.tsv that nothing in the data leads to, by id, and people where it is wrong about them.
	chosen map[int64]string
	people map[int64]int
	used   map[int64]bool
}

func newChinese(table []byte, chosen [][]string) (*chinese, error) {
	c := &chinese{simplified: map[rune]rune{}, chosen: map[int64]string{}, people: map[int64]int{}, used: map[int64]bool{}}
	for from, to := range japanese {
		c.simplified[from] = to
	}
	for line := range strings.Lines(string(table)) {
		from, to, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if f := []rune(from); ok && len(f) == 1 {
			c.simplified[f[0]] = []rune(to)[0]
		}
	}
	for _, row := range chosen {
		id, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("names.tsv: %w", err)
		}
		c.chosen[id] = row[1]
		if len(row) > 2 {
			if c.people[id], err = strconv.Atoi(row[2]); err != nil {
				return nil, fmt.Errorf("names.tsv: %s: %w", row[1], err)
			}
		}
	}
	return c, nil
}

// japanese are characters of Japanese names that the table from traditional ones lacks.
var japanese = map[rune]rune{
	'浜': '滨', '沢': '泽', '広': '广', '桜': '樱', '亜': '亚', '塩': '盐', '豊': '丰', '姫': '姬', '戸': '户', '済': '济', '児': '儿', '覇': '霸',
	'壌': '壤', '亀': '龟', '辺': '边', '竜': '龙', '気': '气', '鉄': '铁', '駅': '驿', '斎': '斋', '芸': '艺', '鶏': '鸡', '黒': '黑',
}

// unused refuses a name that was chosen for no place.
func (c *chinese) unused() error {
	for id, s := range c.chosen {
		if !c.used[id] {
			return fmt.Errorf("names.tsv: no place has the id %d of %s", id, s)
		}
	}
	return nil
}

// isHan reports a text of Chinese characters, with the signs that stand between the parts of a name.
func isHan(s string) bool {
	han := false
	for _, r := range s {
		if unicode.Is(unicode.Han, r) && r != '々' && r != 'ヶ' {
			han = true
		} else if !strings.ContainsRune("·・-－—（）", r) {
			return false
		}
	}
	return han
}

// isSimplified reports a text that GB 2312 has, whose characters are simplified ones and those that never had another form.
func isSimplified(s string) bool {
	_, err := simplifiedchinese.HZGB2312.NewEncoder().String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Han, r) {
			return r
		}
		return -1
	}, s))
	return err == nil
}

func (c *chinese) simplify(s string) string {
	return strings.Map(func(r rune) rune {
		if to, ok := c.simplified[r]; ok {
			return to
		}
		return r
	}, s)
}

var signs = strings.NewReplacer("・", "·", "－", "-", "—", "-")

// candidate is a Chinese name and what speaks for it.
type candidate struct {
	text   string
	score  float64
	pinyin string
}

// choose sets the Chinese names of a place, and returns all that there are in Chinese characters.
func (c *chinese) choose(e *entry, names, latin []string) []string {
	var han []string
	var all []candidate
	find := func(text string) *candidate {
		for i := range all {
			if all[i].text == text {
				return &all[i]
			}
		}
		all = append(all, candidate{text: text})
		return &all[len(all)-1]
	}
	for _, s := range names {
		if !isHan(s) {
			continue
		}
		han = append(han, s)
		simple := signs.Replace(c.simplify(s))
		stem := simple
		for _, end := range []string{"特别市", "广域市", "市"} {
			if rest, ok := strings.CutSuffix(simple, end); ok && len([]rune(rest)) > 1 {
				stem = rest
				break
			}
		}
		found := find(stem)
		found.score += 0.5 // each form that says the same
		if simple == signs.Replace(s) && isSimplified(s) {
			found.score += 4
		}
		if stem != simple {
			found.score++ // it is a city there
		}
	}
	if text, ok := c.chosen[e.id]; ok {
		c.used[e.id] = true
		if people, ok := c.people[e.id]; ok {
			e.weight = people
		}
		find(text).score += math.MaxInt16
	}
	for i := range all {
		found := &all[i]
		found.score -= unlikely(found.text)
		var spoken bool
		if found.pinyin, spoken = c.spoken(found.text, latin); spoken && slices.Contains([]string{"CN", "HK", "MO", "TW"}, e.country) {
			found.score += 2
			if f := gazetteer.Fold(e.english); f == strings.ReplaceAll(found.pinyin, " ", "") {
				found.score += 2
			}
		}
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return strings.Compare(a.text, b.text)
	})
	for _, found := range all {
		e.chinese = append(e.chinese, name{found.text, found.pinyin})
	}
	return han
}

// unlikely is what speaks against a name: that of a district, or one with characters that are rare in the names of the mainland.
func unlikely(s string) float64 {
	against := 0.0
	for _, end := range []string{"区", "镇", "街道", "乡", "村", "城", "郡", "府", "省", "州", "特别市", "广域市"} {
		if strings.HasSuffix(s, end) && len([]rune(s)) > 2 {
			against += 2
		}
	}
	for _, r := range s {
		if strings.ContainsRune(taiwanese, r) {
			against++
		}
	}
	return against
}

// taiwanese are characters that transcriptions outside of the mainland use.
const taiwanese = "敦咯佬喏碧俾烏狄柯菈妮吋埠冈讷芮俄薩瓊"

// first are the readings, in names of places, of characters whose first reading in the dictionary is another.
var first = map[rune]string{
	'厦': "xia", '都': "du", '长': "chang", '長': "chang", '重': "chong", '藏': "zang", '的': "de", '番': "fan", '冰': "bing", '什': "shi", '呵': "he",
	'柏': "bo",
}

// known are names that no reading of single characters gets right, and nothing in Latin letters says how they are read.
var known = map[string]string{"海参崴": "hai shen wai"}

// readings are how a character may be read, the usual one first.
func readings(r rune) []string {
	args := pinyin.NewArgs()
	args.Heteronym = true
	all := pinyin.SinglePinyin(r, args)
	if usual, ok := first[r]; ok {
		all = append([]string{usual}, all...)
	}
	return all
}

// pinyin is how a name is read: as one of the names in Latin letters has it, and otherwise each character as usual.
func (c *chinese) pinyin(s string, latin []string) string {
	read, _ := c.spoken(s, latin)
	return read
}

// spoken is pinyin, and whether a name in Latin letters has it so.
func (*chinese) spoken(s string, latin []string) (string, bool) {
	if read, ok := known[s]; ok {
		return read, true
	}
	var usual []string
	var all [][]string
	for _, r := range s {
		if read := readings(r); len(read) > 0 {
			all = append(all, read)
			usual = append(usual, read[0])
		}
	}
	for _, l := range latin {
		key := gazetteer.Fold(l)
		if read, ok := align(all, key); ok {
			return strings.Join(read, " "), true
		}
	}
	return strings.Join(usual, " "), false
}

// align finds the readings that make up a text, which may say "shi" (city) after them.
func align(all [][]string, text string) ([]string, bool) {
	if len(all) == 0 {
		return nil, text == "" || text == "shi"
	}
	for _, read := range all[0] {
		if rest, ok := strings.CutPrefix(text, strings.ReplaceAll(read, "v", "u")); ok {
			if more, ok := align(all[1:], rest); ok {
				return append([]string{read}, more...), true
			}
		}
	}
	return nil, false
}
