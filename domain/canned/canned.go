package canned

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/rules"
)

// Limits of the texts: how many a reason has, and how long each is, in code points.
const (
	MaxTexts = 20
	MaxText  = 200
)

// ID is that of the one stream: a log has one set of texts.
var ID = uuid.MustParse("6d1f1f0e-52a7-5b0e-9c55-4b0a3b1f7a27")

// State is the texts of each code that has some, in the order in which they are offered.
type State struct {
	Texts map[string][]domain.Text `json:"texts,omitempty"`
}

// Command is SetTexts.
type Command interface{ command() }

// SetTexts makes these the texts of a reason's code, in their order; none takes them away. A text that is repeated is dropped, and the
// same texts again change nothing.
type SetTexts struct {
	Code  string
	Texts []domain.Text
}

func (SetTexts) command() {}

// Decider is the texts.
var Decider = domain.Decider[State, Command]{Category: Category, Decide: Decide, Evolve: Evolve, Types: Types}

// Decide refuses with ErrNotFound a code that no reviewer can give, and texts that are too many, too long, or not in both languages.
func Decide(s State, c Command) ([]domain.Event, error) {
	set, ok := c.(SetTexts)
	if !ok {
		return nil, fmt.Errorf("canned: unknown command %T", c)
	}
	if !slices.ContainsFunc(rules.Reasons, func(r rules.Rule) bool { return r.Code == set.Code }) {
		return nil, domain.ErrNotFound
	}
	texts, err := clean(set.Texts)
	if err != nil {
		return nil, err
	}
	if slices.Equal(texts, s.Texts[set.Code]) {
		return nil, nil
	}
	return []domain.Event{Set{Code: set.Code, Texts: texts}}, nil
}

func clean(texts []domain.Text) ([]domain.Text, error) {
	var f domain.Fields
	if len(texts) > MaxTexts {
		f.Add("/texts", "too_many", fmt.Sprintf("每个原因的常用语不能超过%d条", MaxTexts), fmt.Sprintf("at most %d texts for a reason", MaxTexts))
		return nil, f.Err()
	}
	kept := []domain.Text{}
	for i, t := range texts {
		at := fmt.Sprintf("/texts/%d", i)
		f.Required(at+"/zh", &t.ZH, MaxText, domain.Text{ZH: "中文常用语", EN: "text in Chinese"})
		f.Required(at+"/en", &t.EN, MaxText, domain.Text{ZH: "英文常用语", EN: "text in English"})
		if !slices.Contains(kept, t) {
			kept = append(kept, t)
		}
	}
	return kept, f.Err()
}

// Evolve folds one event.
func Evolve(s State, e domain.Event) State {
	set, ok := e.(Set)
	if !ok {
		return s
	}
	texts := maps.Clone(s.Texts)
	if texts == nil {
		texts = map[string][]domain.Text{}
	}
	if len(set.Texts) == 0 {
		delete(texts, set.Code)
	} else {
		texts[set.Code] = set.Texts
	}
	return State{Texts: texts}
}
