package rules_test

import (
	"strings"
	"testing"

	"waybill/domain"
	"waybill/domain/decidertest"
	"waybill/domain/rules"
)

func TestReasons(t *testing.T) {
	for name, test := range map[string]struct {
		reasons []domain.Reason
		want    string
	}{
		"none":                   {nil, "/reasons required"},
		"one":                    {[]domain.Reason{{Code: "incomplete"}}, ""},
		"unknown":                {[]domain.Reason{{Code: "incomplete"}, {Code: "boring"}}, "/reasons/1/code unknown_code"},
		"bare other":             {[]domain.Reason{{Code: "other", Note: " "}}, "/reasons/0/note required"},
		"other":                  {[]domain.Reason{{Code: "other", Note: "请补充"}}, ""},
		"field":                  {[]domain.Reason{{Code: "incomplete", Field: "/details/2"}}, ""},
		"field within":           {[]domain.Reason{{Code: "incomplete", Field: "/destination/city"}}, ""},
		"a whole array":          {[]domain.Reason{{Code: "incomplete", Field: "/details"}}, ""},
		"beyond the end":         {[]domain.Reason{{Code: "incomplete", Field: "/details/3"}}, "/reasons/0/field unknown_field"},
		"not an index":           {[]domain.Reason{{Code: "incomplete", Field: "/details/-"}}, "/reasons/0/field unknown_field"},
		"another spelling":       {[]domain.Reason{{Code: "incomplete", Field: "/details/01"}}, "/reasons/0/field unknown_field"},
		"index past all numbers": {[]domain.Reason{{Code: "incomplete", Field: "/details/99999999999999999999"}}, "/reasons/0/field unknown_field"},
		"no such field":          {[]domain.Reason{{Code: "incomplete", Field: "/Name"}}, "/reasons/0/field unknown_field"},
		"below a text":           {[]domain.Reason{{Code: "incomplete", Field: "/name/0"}}, "/reasons/0/field unknown_field"},
		"the empty name":         {[]domain.Reason{{Code: "incomplete", Field: "/"}}, "/reasons/0/field unknown_field"},
		"no such field within":   {[]domain.Reason{{Code: "incomplete", Field: "/destination/"}}, "/reasons/0/field unknown_field"},
		"Waybill's own":          {[]domain.Reason{{Code: domain.ReasonProviderClosed}}, "/reasons/0/code unknown_code"},
		"not a pointer":          {[]domain.Reason{{Code: "incomplete", Field: "name"}}, "/reasons/0/field bad_pointer"},
		"long note":              {[]domain.Reason{{Code: "incomplete", Note: strings.Repeat("字", 501)}}, "/reasons/0/note too_long"},
		"20":                     {many(20), ""},
		"21":                     {many(21), "/reasons too_many"},
	} {
		t.Run(name, func(t *testing.T) {
			clean, err := rules.CleanReasons(test.reasons, reviewed{Details: []string{"a", "b", "c"}})
			if got := decidertest.Mistakes(err); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if err == nil && len(clean) != len(test.reasons) {
				t.Errorf("%d of %d reasons left", len(clean), len(test.reasons))
			}
		})
	}
}

// reviewed is content as a reviewer sees it.
type reviewed struct {
	Name        string   `json:"name"`
	Details     []string `json:"details"`
	Destination struct {
		City string `json:"city,omitempty"`
	} `json:"destination"`
}

func many(n int) []domain.Reason {
	reasons := make([]domain.Reason, n)
	for i := range reasons {
		reasons[i].Code = "incomplete"
	}
	return reasons
}
