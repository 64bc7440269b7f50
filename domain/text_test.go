package domain_test

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/decidertest"
)

func TestText(t *testing.T) {
	for name, test := range map[string]struct{ in, out, want string }{
		"as it is":               {"三亚", "三亚", ""},
		"trimmed":                {" \t　三亚\r\n", "三亚", ""},
		"composed":               {"e\u0301", "é", ""},
		"lines":                  {"一\r\n二", "一\n二", ""},
		"counted in characters":  {strings.Repeat("𠮷", 5), "", ""},
		"too long":               {"一二三四五六", "", " too_long"},
		"empty":                  {"", "", " required"},
		"ideographic spaces":     {"　　", "", " required"},
		"of no width":            {"\u200b\u2060\ufeff", "", " required"},
		"no width within":        {"三\u200b亚", "三亚", ""},
		"Hangul filler":          {"\u3164", "", " required"},
		"soft hyphens":           {"\u00ad\u00ad", "", " required"},
		"jamo fillers":           {"\u115f\u1160", "", " required"},
		"halfwidth filler":       {"\uffa0", "", " required"},
		"Khmer vowel":            {"\u17b4", "", " required"},
		"Mongolian separator":    {"\u180e", "", " required"},
		"empty Braille":          {"\u2800", "", " required"},
		"variation selectors":    {"\ufe0f\U000e0100\u180b", "", " required"},
		"tags":                   {"\U000e0001\U000e0041", "", " required"},
		"joiners":                {"\u200d\u200c", "", " required"},
		"invisible times":        {"\u2062", "", " required"},
		"grapheme joiner":        {"\u034f", "", " required"},
		"null notehead":          {"\U0001d159", "", " required"},
		"place of an object":     {"\ufffc", "", " required"},
		"a combining mark":       {"\u0301", "", " required"},
		"a spacing mark":         {"\u093e", "", " required"},
		"an enclosing mark":      {"\u20dd", "", " required"},
		"a private character":    {"\ue000", "", " required"},
		"an unassigned one":      {"\U000e0fff\u0378", "", " required"},
		"a noncharacter":         {"\uffff", "", " required"},
		"private beside others":  {"陈\ue000", "陈\ue000", ""},
		"mark on a letter":       {"q\u0301", "q\u0301", ""},
		"soft hyphen within":     {"三\u00ad亚", "三亚", ""},
		"hidden tags":            {"三亚\U000e0068\U000e0069", "三亚", ""},
		"variant of a character": {"葛\U000e0100", "葛\U000e0100", ""},
		"only invalid":           {"\u202e", "", " control_characters"},
		"line end in disguise":   {"一\r\u200b\n二", "一\n二", ""},
		"NUL":                    {"a\x00", "", " control_characters"},
		"tab within":             {"a\tb", "", " control_characters"},
		"old line end":           {"a\rb", "", " control_characters"},
		"not UTF-8":              {"a\xc3", "", " control_characters"},
		"line separator":         {"a\u2028b", "", " control_characters"},
		"turned around":          {"a\u202eb", "", " control_characters"},
		"joined emoji":           {"👨‍👩‍👧", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var f domain.Fields
			value := test.in
			f.Required("", &value, 5, domain.Text{ZH: "名称", EN: "name"})
			if got := decidertest.Mistakes(f.Err()); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if test.out != "" && value != test.out {
				t.Errorf("cleaned to %q, want %q", value, test.out)
			}
		})
	}
}

// Old logs hold metadata in this shape.
func TestStoredMetadata(t *testing.T) {
	file, err := os.ReadFile("testdata/metadata.v1.json")
	if err != nil {
		t.Fatal(err)
	}
	var stored bytes.Buffer
	if err := json.Compact(&stored, file); err != nil {
		t.Fatal(err)
	}
	m, err := domain.RecordedEvent{Metadata: stored.Bytes()}.DecodeMetadata()
	if err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(m)
	if err != nil || !bytes.Equal(again, stored.Bytes()) {
		t.Errorf("encodes again to\n%s (%v), want\n%s", again, err, stored.Bytes())
	}
	if _, err := (domain.RecordedEvent{Metadata: []byte("{")}).DecodeMetadata(); err == nil {
		t.Error("damaged metadata is accepted")
	}
}

// TestTextOfNothingVisibleIsNone: what may stay empty is empty when nothing shows.
func TestTextOfNothingVisibleIsNone(t *testing.T) {
	var f domain.Fields
	value := " \u3164\u200d "
	if f.Optional("", &value, 5, domain.Text{}); f.Err() != nil || value != "" {
		t.Errorf("got %q, %v", value, f.Err())
	}
}
