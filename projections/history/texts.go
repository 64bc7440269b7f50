package history

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/workdays"
	"waybill/projections"
)

// typed reports whether a field holds what people typed and may be looked for: names, descriptions, tags, messages, notes. What
// identifies a natural person does not: contacts, telephone numbers and legal representatives are found by nobody.
func typed(field string) bool {
	switch top, rest, _ := strings.Cut(field[1:], "/"); top {
	case "content":
		return rest == "name" || rest == "brief" || rest == "tags" || rest == "destination/country" || rest == "destination/city"
	case "profile":
		return rest == "name" || rest == "uscc" || rest == "address" || rest == "introduction"
	case "enterprise":
		return rest == "name" || rest == "uscc"
	case "inquiry":
		return rest == "message" || rest == "goods" || rest == "weight_volume" || rest == "origin"
	case "target":
		return rest == "url" || rest == "label"
	case "replies", "display_name", "note", "texts", "token":
		return true
	}
	return false
}

// typedText adds the texts of a JSON value, each one a line. Of an object its label and its two languages count.
func typedText(lines []string, value []byte) ([]string, error) {
	if len(value) == 0 || value[0] != '"' && value[0] != '[' && value[0] != '{' {
		return lines, nil
	}
	if value[0] == '"' {
		var s string
		if err := json.Unmarshal(value, &s); err != nil {
			return nil, fmt.Errorf("text: %w", err)
		}
		return append(lines, s), nil
	}
	var v any
	if err := json.Unmarshal(value, &v); err != nil {
		return nil, fmt.Errorf("texts: %w", err)
	}
	list, _ := v.([]any)
	if object, ok := v.(map[string]any); ok {
		list = []any{object}
	}
	for _, one := range list {
		switch one := one.(type) {
		case string:
			lines = append(lines, one)
		case map[string]any:
			for _, name := range []string{"label", "zh", "en"} {
				if s, ok := one[name].(string); ok {
					lines = append(lines, s)
				}
			}
		}
	}
	return lines, nil
}

// textOf is what is looked for in a row: what was typed, on lines of their own; empty for nothing.
func textOf(c *changes, reasons []domain.Reason) string {
	lines := c.typed
	for _, r := range reasons {
		if r.Note != "" {
			lines = append(lines, r.Note)
		}
	}
	return strings.Trim(projections.SearchText(lines...), "\n")
}

// The kinds of terms beside those of text.
const (
	termKind     byte = 'k'
	termType     byte = 't'
	termRole     byte = 'r'
	termDecision byte = 'd'
	termActor    byte = 'a'
	termProvider byte = 'p'
	termReason   byte = 'c'
	termSubject  byte = 's'
)

// salted are terms as those of a day are stored.
func salted(terms []int32, day workdays.Day) []int32 { return projections.Salted(terms, int(day)) }

func termOf(id uuid.UUID) string { return string(id[:]) }

// textRow is a row of texts.
type textRow struct {
	position int64
	day      workdays.Day
	text     string
	terms    []int32
}

// termsOf are the terms by which a row is found, with the values of the other filters.
func termsOf(text string, of class, subject, actor uuid.UUID, provider *uuid.UUID, codes []string) []int32 {
	t := make(projections.Terms, 0, 2*len(text)/3+12)
	t.AddText(text)
	t.Add(termKind, of.kind)
	t.Add(termType, of.typ)
	t.Add(termRole, of.role)
	t.Add(termSubject, termOf(subject))
	t.Add(termActor, termOf(actor))
	if provider != nil {
		t.Add(termProvider, termOf(*provider))
	}
	for decision, types := range decided {
		if slices.Contains(types, of.typ) {
			t.Add(termDecision, string(decision))
		}
	}
	for _, code := range codes {
		t.Add(termReason, code)
	}
	return t.List()
}

// terms are those that every match of a filter with a text has.
func (f *Filter) terms() []int32 {
	var t projections.Terms
	for _, word := range f.words() {
		t.AddWord(word)
	}
	for kind, value := range map[byte]string{
		termKind: f.Kind, termType: f.Type, termRole: string(f.Role), termDecision: string(f.Decision), termReason: f.Reason,
	} {
		if value != "" {
			t.Add(kind, value)
		}
	}
	if id, err := f.Stream.ID(); err == nil {
		t.Add(termSubject, termOf(id))
		t.Add(termKind, f.Stream.Category())
	}
	if f.Actor != nil {
		t.Add(termActor, termOf(*f.Actor))
	}
	if f.Provider != nil {
		t.Add(termProvider, termOf(*f.Provider))
	}
	return t.List()
}

// words are those of the text, folded.
func (f *Filter) words() []string {
	words := strings.Fields(projections.FoldText(f.Text))
	slices.Sort(words)
	return slices.Compact(words)
}

// maxPosition bounds every position.
const maxPosition int64 = math.MaxInt64
