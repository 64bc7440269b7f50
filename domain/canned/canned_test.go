package canned_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/canned"
	"waybill/domain/decidertest"
	"waybill/domain/rules"
)

var unclear = domain.Text{ZH: "营业执照图片不清晰，请重新上传", EN: "The licence cannot be read; upload it again"}

func TestProcess(t *testing.T) {
	long := strings.Repeat("长", canned.MaxText)
	decidertest.Table[canned.State, canned.Command]{
		Decider: canned.Decider,
		Given: map[string][]domain.Event{
			"none": nil,
			"one":  {canned.Set{Code: "image_unclear", Texts: []domain.Text{unclear}}},
			"none any more": {
				canned.Set{Code: "image_unclear", Texts: []domain.Text{unclear}}, canned.Set{Code: "image_unclear", Texts: []domain.Text{}},
			},
		},
		When: map[string]canned.Command{
			"set":               canned.SetTexts{Code: "image_unclear", Texts: []domain.Text{{ZH: " " + unclear.ZH + "\n", EN: unclear.EN}, unclear}},
			"set two":           canned.SetTexts{Code: "image_unclear", Texts: []domain.Text{{ZH: long, EN: "long"}, unclear}},
			"of another":        canned.SetTexts{Code: domain.ReasonOther, Texts: []domain.Text{unclear}},
			"take away":         canned.SetTexts{Code: "image_unclear"},
			"no such code":      canned.SetTexts{Code: "ugly", Texts: []domain.Text{unclear}},
			"Waybill's own":     canned.SetTexts{Code: domain.ReasonProviderClosed, Texts: []domain.Text{unclear}},
			"in one language":   canned.SetTexts{Code: "image_unclear", Texts: []domain.Text{{ZH: "不清晰", EN: "\u200b"}}},
			"too long":          canned.SetTexts{Code: "image_unclear", Texts: []domain.Text{{ZH: long + "长", EN: "long"}}},
			"too many":          canned.SetTexts{Code: "image_unclear", Texts: slices.Repeat([]domain.Text{unclear}, canned.MaxTexts+1)},
			"with what is none": canned.SetTexts{Code: "image_unclear", Texts: []domain.Text{{ZH: "a\u0007", EN: "b"}}},
		},
		Then: `
                  | none           | one            | none any more
set               | texts-set      | -              | texts-set
set two           | texts-set      | texts-set      | texts-set
of another        | texts-set      | texts-set      | texts-set
take away         | -              | texts-set      | -
no such code      | !not_found     | !not_found     | !not_found
Waybill's own     | !not_found     | !not_found     | !not_found
in one language   | !invalid_input | !invalid_input | !invalid_input
too long          | !invalid_input | !invalid_input | !invalid_input
too many          | !invalid_input | !invalid_input | !invalid_input
with what is none | !invalid_input | !invalid_input | !invalid_input
`,
	}.Run(t)
}

// TestMistakes: each mistake is named at its text and language.
func TestMistakes(t *testing.T) {
	_, err := canned.Decide(canned.State{}, canned.SetTexts{Code: "duplicate", Texts: []domain.Text{
		unclear, {EN: "only"}, {ZH: "仅", EN: strings.Repeat("x", canned.MaxText+1)},
	}})
	var refused *domain.Error
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	var got []string
	for _, f := range refused.Fields {
		got = append(got, f.Pointer+" "+f.Code)
	}
	if want := []string{"/texts/1/zh required", "/texts/2/en too_long"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestTexts: after any commands each code has what was set for it last, each text once, and setting one code leaves the others alone.
func TestTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s canned.State
		last := map[string][]domain.Text{}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			code := rapid.SampledFrom(rules.Reasons).Draw(t, "reason").Code
			var texts []domain.Text
			for _, n := range rapid.SliceOfN(rapid.IntRange(1, 4), 0, 4).Draw(t, "texts") {
				texts = append(texts, domain.Text{ZH: fmt.Sprint("文", n), EN: fmt.Sprint("text ", n)})
			}
			facts, err := canned.Decide(s, canned.SetTexts{Code: code, Texts: texts})
			if err != nil {
				t.Fatal(err)
			}
			before := fmt.Sprint(s)
			after := s
			for _, fact := range facts {
				after = canned.Evolve(after, fact)
			}
			if fmt.Sprint(s) != before {
				t.Fatal("the state before was changed")
			}
			s = after
			last[code] = nil
			for _, text := range texts {
				if !slices.Contains(last[code], text) {
					last[code] = append(last[code], text)
				}
			}
			for code, want := range last {
				if got, there := s.Texts[code]; !slices.Equal(got, want) || there != (len(want) > 0) {
					t.Fatalf("%s has %v, want %v", code, got, want)
				}
			}
		}
	})
}
