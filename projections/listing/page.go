package listing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"waybill/projections"
)

// Page lists public products, pinned ones first, then the newest, by time of first submission (R34).
//
// Without a filter, or with one of mode, country, city and tag, the page is a stretch of an index in the list's order.
// With text or several filters there are two ways, and neither is good for all: what is common is found by walking such
// an index and checking, what is rare by the inverted index and sorting. A short walk finds what is very common; then a
// sample of the products tells which way to go. A walk that still does not get there is given up.
func (q Queries) Page(ctx context.Context, f Filter) (projections.Page[Card], error) {
	s, err := newSearch(f)
	if err != nil {
		return projections.Page[Card]{}, err
	}
	size := projections.PageSize(f.Limit)
	var cards []Card
	if s.compound() {
		cards, err = q.search(ctx, size, s)
	} else {
		cards, err = q.cards(ctx, size, s.stretch)
	}
	if err != nil {
		return projections.Page[Card]{}, fmt.Errorf("public listing: %w", err)
	}
	page := projections.Cut(cards, size, func(c Card) string {
		return projections.CursorAt(c.Pinned, c.CreatedAt, c.ID).Encode(projections.ListPublic)
	})
	from, w := s.counted()
	page.Total, err = projections.Total(ctx, q.DB, f.Total, from, w.Args...)
	return page, err
}

func (q Queries) search(ctx context.Context, size int, s search) ([]Card, error) {
	cards, err := q.cards(ctx, size, s.walk(shortWalk))
	if err != nil || len(cards) > size {
		return cards, err
	}
	sql, args := s.sample()
	var common bool
	if err := q.DB.QueryRow(ctx, sql, args...).Scan(&common); err != nil {
		return nil, err
	}
	if common {
		if cards, err = q.cards(ctx, size, s.walk(longWalk)); err != nil || len(cards) > size {
			return cards, err
		}
	}
	return q.cards(ctx, size, s.lookUp)
}

func (q Queries) cards(ctx context.Context, size int, build func(limit string) (string, []any)) ([]Card, error) {
	sql, args := build(projections.LimitClause(size))
	rows, err := q.DB.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	cards := make([]Card, 0, size+1)
	var c Card
	targets := c.targets()
	for rows.Next() {
		c.Tags = nil
		if err := rows.Scan(targets...); err != nil {
			rows.Close()
			return nil, err
		}
		projections.UTC(&c.CreatedAt)
		cards = append(cards, c)
	}
	return cards, rows.Err()
}

// search is a filter in the form in which it is compared.
type search struct {
	mode, country, city, tag string
	words                    []string
	after                    *projections.Cursor
}

func newSearch(f Filter) (search, error) {
	fold := projections.FoldText
	s := search{mode: string(f.Mode), country: fold(f.Country), city: fold(f.City), tag: fold(f.Tag)}
	s.words = strings.Fields(fold(f.Text))
	slices.Sort(s.words)
	s.words = slices.Compact(s.words)
	if f.After != "" {
		c, err := projections.DecodeCursor(f.After, projections.ListPublic)
		if err != nil {
			return s, err
		}
		s.after = &c
	}
	return s, nil
}

// compound reports whether no single index gives the list.
func (s search) compound() bool {
	filters := len(s.words)
	for _, value := range []string{s.mode, s.country, s.city, s.tag} {
		if value != "" {
			filters++
		}
	}
	return filters > 1 || len(s.words) > 0
}

const (
	listOrder = ` ORDER BY p.pinned DESC, p.created_at DESC, p.id DESC`
	tagOrder  = ` ORDER BY t.pinned DESC, t.created_at DESC, t.id DESC`
)

const (
	// One of sampleShare products is in the sample; with sampleCommon of them a filter is common. Looking up the 4,096
	// that it stands for then takes about as long as walking until a page of them is found, at a million products.
	sampleShare  = 64
	sampleCommon = ` LIMIT 64`

	shortWalk = ` LIMIT 300`
	longWalk  = ` LIMIT 12000`
)

// stretch reads the page from the one index that gives it.
func (s search) stretch(limit string) (string, []any) {
	from, w := s.along()
	if s.tag != "" {
		return `SELECT ` + cardColumns + ` FROM (` + from + limit + `) t JOIN ` + tableProducts + ` p ON p.id = t.id
			JOIN ` + tableProviders + ` v ON v.id = p.provider_id` + tagOrder, w.Args
	}
	return `SELECT ` + cardColumns + ` FROM (` + from + limit + `) p JOIN ` + tableProviders + ` v ON v.id = p.provider_id` + listOrder, w.Args
}

// walk reads so much of the index of the narrowest filter, in the list's order, and checks the other filters.
func (s search) walk(length string) func(limit string) (string, []any) {
	return func(limit string) (string, []any) {
		from, w := s.along()
		check := projections.Where{Args: w.Args}
		if s.tag != "" {
			s.check(&check, s.city, s.country, s.mode, "")
			return `SELECT ` + cardColumns + ` FROM (` + from + length + `) t JOIN ` + tableProducts + ` p ON p.id = t.id
				JOIN ` + tableProviders + ` v ON v.id = p.provider_id` + check.SQL() + tagOrder + limit, check.Args
		}
		switch {
		case s.city != "":
			s.check(&check, "", s.country, s.mode, "")
		case s.country != "":
			s.check(&check, "", "", s.mode, "")
		default:
			s.check(&check, "", "", "", "")
		}
		return `SELECT ` + cardColumns + ` FROM (SELECT * FROM (` + from + length + `) p` + check.SQL() + limit + `) p
			JOIN ` + tableProviders + ` v ON v.id = p.provider_id` + listOrder, check.Args
	}
}

// counted selects all products of the search, whatever page of them was asked for: by the one index that has them or by the inverted one.
func (s search) counted() (string, projections.Where) {
	var w projections.Where
	switch {
	case s.compound():
		w.And("t.terms @> ?", s.terms())
		w.And("t.public")
		s.check(&w, s.city, s.country, s.mode, s.tag)
		return `SELECT FROM ` + tableTerms + ` t JOIN ` + tableProducts + ` p ON p.id = t.id` + w.SQL(), w
	case s.tag != "":
		w.And("t.tag = ?", s.tag)
		return `SELECT FROM ` + tableTags + ` t` + w.SQL(), w
	}
	w.And("p.public")
	s.narrowest(&w)
	return `SELECT FROM ` + tableProducts + ` p` + w.SQL(), w
}

// along selects the products of the narrowest filter behind the cursor, in the list's order.
func (s search) along() (string, projections.Where) {
	var w projections.Where
	if s.tag != "" {
		w.And("t.tag = ?", s.tag)
		s.rest(&w, "t")
		return `SELECT t.id, t.pinned, t.created_at FROM ` + tableTags + ` t` + w.SQL() + tagOrder, w
	}
	w.And("p.public")
	s.narrowest(&w)
	s.rest(&w, "p")
	return `SELECT * FROM ` + tableProducts + ` p` + w.SQL() + listOrder, w
}

// narrowest adds the one filter that an index serves.
func (s search) narrowest(w *projections.Where) {
	switch {
	case s.city != "":
		w.And("p.city_key = ?", s.city)
	case s.country != "":
		w.And("p.country_key = ?", s.country)
	case s.mode != "":
		w.And("p.mode = ?", s.mode)
	}
}

// rest adds that the rows come after the cursor. Behind the pinned ones it says so in as many words: of
// (pinned, …) < (false, …) the planner expects nothing to be left, and plans accordingly.
func (s search) rest(w *projections.Where, table string) {
	switch {
	case s.after == nil:
	case s.after.Pinned:
		w.And("("+table+".pinned, "+table+".created_at, "+table+".id) < (true, ?, ?)", s.after.Time(), [16]byte(s.after.ID))
	default:
		w.And("NOT "+table+".pinned AND ("+table+".created_at, "+table+".id) < (?, ?)", s.after.Time(), [16]byte(s.after.ID))
	}
}

// check adds filters, in a form that no index serves: the planner would think a city's index better than what is there.
func (s search) check(w *projections.Where, city, country, mode, tag string) {
	if city != "" {
		w.And("p.city_key || '' = ?", city)
	}
	if country != "" {
		w.And("p.country_key || '' = ?", country)
	}
	if mode != "" {
		w.And("p.mode || '' = ?", mode)
	}
	if tag != "" {
		w.And("? = ANY (p.tag_keys)", tag)
	}
	for _, word := range s.words {
		w.And("strpos(p.text, ?) > 0", word)
	}
}

// terms are what every match has in the inverted index.
func (s search) terms() []int32 {
	var t terms
	for _, word := range s.words {
		t.addWord(word)
	}
	for kind, value := range map[byte]string{termMode: s.mode, termCountry: s.country, termCity: s.city, termTag: s.tag} {
		if value != "" {
			t.add(kind, value)
		}
	}
	return t.list()
}

// sample asks whether the sample holds many that have all terms.
func (s search) sample() (string, []any) {
	return `SELECT count(*) = 64 FROM (
		SELECT FROM ` + tableTerms + ` t WHERE t.sampled AND t.public AND t.terms @> $1` + sampleCommon + `) s`, []any{s.terms()}
}

// lookUp finds all matches by the inverted index, sorts them, and checks them until there is a page: two terms may share a
// hash, and the terms of a longer word may stand apart. The materialised step keeps the planner from walking.
func (s search) lookUp(limit string) (string, []any) {
	var w projections.Where
	w.And("t.terms @> ?", s.terms())
	w.And("t.public")
	s.rest(&w, "t")
	check := projections.Where{Args: w.Args}
	s.check(&check, s.city, s.country, s.mode, s.tag)
	return `WITH found AS MATERIALIZED (SELECT t.id, t.pinned, t.created_at FROM ` + tableTerms + ` t` + w.SQL() + `)
		SELECT ` + cardColumns + ` FROM (SELECT * FROM found t` + tagOrder + `) t JOIN ` + tableProducts + ` p ON p.id = t.id
		JOIN ` + tableProviders + ` v ON v.id = p.provider_id` + check.SQL() + tagOrder + limit, check.Args
}
