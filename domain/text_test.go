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
		"as it is":              {"三亚", "三亚", ""},
		"trimmed":               {" \t　三亚\r\n", "三亚", ""},
		"composed":              {"e\u0301", "é", ""},
		"lines":                 {"一\r\n二", "一\n二", ""},
		"counted in characters": {strings.Repeat("𠮷", 5), "", ""},
		"too long":              {"一二三四五六", "", " too_long"},
		"empty":                 {"", "", " required"},
		"ideographic spaces":    {"　　", "", " required"},
		"of no width":           {"\u200b\u2060\ufeff", "", " required"},
		"no width within":       {"三\u200b亚", "三亚", ""},
		"NUL":                   {"a\x00", "", " control_characters"},
		"tab within":            {"a\tb", "", " control_characters"},
		"old line end":          {"a\rb", "", " control_characters"},
		"not UTF-8":             {"a\xc3", "", " control_characters"},
		"line separator":        {"a\u2028b", "", " control_characters"},
		"turned around":         {"a\u202eb", "", " control_characters"},
		"joined emoji":          {"👨‍👩‍👧", "", ""},
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

func TestReasons(t *testing.T) {
	for name, test := range map[string]struct {
		reasons []domain.Reason
		want    string
	}{
		"none":          {nil, "/reasons required"},
		"one":           {[]domain.Reason{{Code: "incomplete"}}, ""},
		"unknown":       {[]domain.Reason{{Code: "incomplete"}, {Code: "boring"}}, "/reasons/1/code unknown_code"},
		"bare other":    {[]domain.Reason{{Code: "other", Note: " "}}, "/reasons/0/note required"},
		"other":         {[]domain.Reason{{Code: "other", Note: "请补充"}}, ""},
		"field":         {[]domain.Reason{{Code: "incomplete", Field: "/details/2"}}, ""},
		"not a pointer": {[]domain.Reason{{Code: "incomplete", Field: "name"}}, "/reasons/0/field bad_pointer"},
		"long note":     {[]domain.Reason{{Code: "incomplete", Note: strings.Repeat("字", 501)}}, "/reasons/0/note too_long"},
		"20":            {many(20), ""},
		"21":            {many(21), "/reasons too_many"},
	} {
		t.Run(name, func(t *testing.T) {
			clean, err := domain.CleanReasons(test.reasons)
			if got := decidertest.Mistakes(err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if err == nil && len(clean) != len(test.reasons) {
				t.Errorf("%d of %d reasons left", len(clean), len(test.reasons))
			}
		})
	}
}

func many(n int) []domain.Reason {
	reasons := make([]domain.Reason, n)
	for i := range reasons {
		reasons[i].Code = "incomplete"
	}
	return reasons
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
