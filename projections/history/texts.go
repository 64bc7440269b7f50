package history

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
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

// blockRows is how many rows of texts share a block. The terms of a row are told from those of other blocks, so that what is looked up
// in the inverted index is a block, however long the log is. Tests have smaller ones.
var blockRows = 32_768

// block is a stretch of texts: those from a position on, up to the next block's.
type block struct {
	number int32
	first  int64
	rows   int
}

// blocks are those that a batch needs: the newest, or more when something older comes, which only happens when a parked stream goes on.
type blocks struct {
	list    []block // ascending
	changed map[int32]bool
}

const selectBlocks = `SELECT number, first, rows FROM %[1]s
	WHERE first >= coalesce((SELECT max(first) FROM %[1]s WHERE first <= $1), 0) ORDER BY first`

func readBlocks(ctx context.Context, db projections.Querier, oldest int64) (*blocks, error) {
	var b blocks
	rows, _ := db.Query(ctx, fmt.Sprintf(selectBlocks, tableBlocks), oldest)
	return &b, b.read(rows)
}

func (b *blocks) read(rows pgx.Rows) (err error) {
	b.changed = map[int32]bool{}
	b.list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (one block, err error) {
		return one, row.Scan(&one.number, &one.first, &one.rows)
	})
	if err != nil {
		return fmt.Errorf("blocks: %w", err)
	}
	return nil
}

// load reads them in the projector's transaction.
func (b *blocks) load(batch *pgx.Batch, oldest int64) {
	batch.Queue(fmt.Sprintf(selectBlocks, "blocks"), oldest).Query(b.read)
}

// of is the block of a position, which gets a row more. The newest, when it is full, is followed by the next.
func (b *blocks) of(position int64) int32 {
	last := len(b.list) - 1
	at := last
	for at > 0 && b.list[at].first > position {
		at--
	}
	switch {
	case last < 0:
		b.list = []block{{}} // it begins before all positions
		at = 0
	case at == last && b.list[last].rows >= blockRows:
		b.list = append(b.list, block{number: b.list[last].number + 1, first: position})
		at++
	}
	b.list[at].rows++
	b.changed[b.list[at].number] = true
	return b.list[at].number
}

func (b *blocks) queue(batch *pgx.Batch) {
	for _, one := range b.list {
		if b.changed[one.number] {
			batch.Queue(`INSERT INTO blocks (number, first, rows) VALUES ($1, $2, $3) ON CONFLICT (number) DO UPDATE SET rows = excluded.rows`,
				one.number, one.first, one.rows)
		}
	}
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

// salted are terms as those of a block are stored.
func salted(terms []int32, block int32) []int32 {
	salt := int32(uint32(block+1) * 0x9E3779B1) //nolint:gosec // the bits are kept
	own := make([]int32, len(terms))
	for i, t := range terms {
		own[i] = t ^ salt
	}
	return own
}

func termOf(id uuid.UUID) string { return string(id[:]) }

// textRow is a row of texts.
type textRow struct {
	position int64
	block    int32
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
