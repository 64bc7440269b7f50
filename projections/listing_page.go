package projections

import (
	"context"
	"fmt"
	"strings"
)

// Page lists public products, pinned ones first, then the newest, by time of first submission (R34).
//
// Without a filter, or with one of mode, country, city and tag, the page is a stretch of an index in the list's order.
// With text or several filters there are two ways, and neither is good for all: common words are found by walking such
// an index and checking, rare ones by the inverted index and sorting. So the walk goes first, and gives up after a
// fixed stretch; what is not found there often enough is rare enough to be sorted.
func (q ListingQueries) Page(ctx context.Context, f ListingFilter) (Page[Card], error) {
	var none Page[Card]
	s, err := newListingSearch(f)
	if err != nil {
		return none, err
	}
	size := pageSize(f.Limit)
	cards, err := q.cards(ctx, size, s.walk)
	if err == nil && len(cards) <= size && s.compound() {
		cards, err = q.cards(ctx, size, s.lookUp)
	}
	if err != nil {
		return none, fmt.Errorf("public listing: %w", err)
	}
	return cut(cards, size, func(c Card) string {
		return cursorAt(c.Pinned, c.CreatedAt, c.ID).encode(listPublic)
	}), nil
}

func (q ListingQueries) cards(ctx context.Context, size int, build func(limit string) (string, []any)) ([]Card, error) {
	sql, args := build(limitClause(size))
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
		utc(&c.CreatedAt)
		cards = append(cards, c)
	}
	return cards, rows.Err()
}

// listingSearch is a filter in the form in which it is compared.
type listingSearch struct {
	mode, country, city, tag string
	words                    []string
	after                    *cursor
}

// maxWords bounds the words of a text filter; more are ignored.
const maxWords = 8

func newListingSearch(f ListingFilter) (listingSearch, error) {
	s := listingSearch{mode: string(f.Mode), country: fold(f.Country), city: fold(f.City), tag: fold(f.Tag)}
	s.words = strings.Fields(fold(f.Text))
	s.words = s.words[:min(len(s.words), maxWords)]
	if f.After != "" {
		c, err := decodeCursor(f.After, listPublic)
		if err != nil {
			return s, err
		}
		s.after = &c
	}
	return s, nil
}

// compound reports whether no single index gives the list.
func (s listingSearch) compound() bool {
	filters := len(s.words)
	for _, value := range []string{s.mode, s.country, s.city, s.tag} {
		if value != "" {
			filters++
		}
	}
	return filters > 1 || len(s.words) > 0
}

const (
	listingOrder = ` ORDER BY p.pinned DESC, p.created_at DESC, p.id DESC`
	tagOrder     = ` ORDER BY t.pinned DESC, t.created_at DESC, t.id DESC`
)

// How far a walk goes before it gives up; measured so that both ways cost about the same where they meet.
const (
	walkStretch = ` LIMIT 5000`
	// A walk along a tag fetches each product by itself.
	tagWalkStretch = ` LIMIT 2000`
)

// walk reads the index of the narrowest filter in the list's order and checks the other filters on the way.
func (s listingSearch) walk(limit string) (string, []any) {
	var w, check where
	check.args = nil
	if s.tag != "" {
		w.and("t.tag = ?", s.tag)
		if s.after != nil {
			w.and("(t.pinned, t.created_at, t.id) < (?, ?, ?)", s.after.pinned, s.after.time(), s.after.id)
		}
		stretch := limit
		if s.compound() {
			stretch = tagWalkStretch
		}
		check.args = w.args
		s.check(&check, s.city, s.country, s.mode)
		return `SELECT ` + cardColumns + ` FROM (SELECT t.id, t.pinned, t.created_at FROM listing_v1.product_tags t` + w.sql() +
			tagOrder + stretch + `) t JOIN listing_v1.products p ON p.id = t.id JOIN listing_v1.providers v ON v.id = p.provider_id` +
			check.sql() + tagOrder + limit, check.args
	}
	w.and("p.public")
	city, country, mode := s.city, s.country, s.mode
	switch {
	case city != "":
		w.and("p.city_key = ?", city)
		city = ""
	case country != "":
		w.and("p.country_key = ?", country)
		country = ""
	case mode != "":
		w.and("p.mode = ?", mode)
		mode = ""
	}
	if s.after != nil {
		w.and("(p.pinned, p.created_at, p.id) < (?, ?, ?)", s.after.pinned, s.after.time(), s.after.id)
	}
	if !s.compound() {
		return `SELECT ` + cardColumns + ` FROM listing_v1.products p JOIN listing_v1.providers v ON v.id = p.provider_id` +
			w.sql() + listingOrder + limit, w.args
	}
	check.args = w.args
	s.check(&check, city, country, mode)
	return `SELECT ` + cardColumns + ` FROM (SELECT * FROM (SELECT * FROM listing_v1.products p` + w.sql() + listingOrder + walkStretch +
		`) p` + check.sql() + limit + `) p JOIN listing_v1.providers v ON v.id = p.provider_id` + listingOrder, check.args
}

// check adds the filters that the walked index does not cover.
func (s listingSearch) check(w *where, city, country, mode string) {
	if city != "" {
		w.and("p.city_key = ?", city)
	}
	if country != "" {
		w.and("p.country_key = ?", country)
	}
	if mode != "" {
		w.and("p.mode = ?", mode)
	}
	for _, word := range s.words {
		w.and("strpos(p.text, ?) > 0", word)
	}
}

// lookUp finds all matches by the inverted index and sorts them. The materialised step keeps the planner from walking.
func (s listingSearch) lookUp(limit string) (string, []any) {
	var t terms
	var w where
	for _, word := range s.words {
		t.addWord(word)
	}
	for kind, value := range map[byte]string{termMode: s.mode, termCountry: s.country, termCity: s.city, termTag: s.tag} {
		if value != "" {
			t.add(kind, value)
		}
	}
	w.and("p.public")
	w.and("p.terms @> ?", t.list())
	s.check(&w, s.city, s.country, s.mode)
	if s.tag != "" {
		w.and("? = ANY (p.tag_keys)", s.tag)
	}
	if s.after != nil {
		w.and("(p.pinned, p.created_at, p.id) < (?, ?, ?)", s.after.pinned, s.after.time(), s.after.id)
	}
	return `WITH found AS MATERIALIZED (SELECT p.id, p.pinned, p.created_at FROM listing_v1.products p` + w.sql() + `),
		page AS MATERIALIZED (SELECT * FROM found p` + listingOrder + limit + `)
		SELECT ` + cardColumns + ` FROM page JOIN listing_v1.products p USING (id) JOIN listing_v1.providers v ON v.id = p.provider_id` +
		listingOrder, w.args
}
