package listing

import (
	"context"
	"fmt"

	"waybill/projections"
)

// Page lists public products, pinned ones first, then the newest, by time of first submission (R34).
//
// Without a filter, or with one of mode, country, city, tag and provider, the page is a stretch of an index in the list's order; with
// several modes, of as many stretches merged. What one provider has is walked through. With text or several other filters there are two
// ways, and neither is good for all: what is common is found by walking such an index and checking, what is rare by the inverted index
// and sorting. A short walk finds what is very common; then a sample of the products tells which way to go. A walk that still does not
// get there is given up.
func (q Queries) Page(ctx context.Context, f Filter) (projections.Page[Card], error) {
	s, err := newSearch(f)
	if err != nil {
		return projections.Page[Card]{}, err
	}
	size := projections.PageSize(f.Limit)
	var cards []Card
	switch {
	case !s.compound():
		cards, err = q.cards(ctx, size, s.stretch)
	case s.provider != nil:
		cards, err = q.cards(ctx, size, s.walk(""))
	default:
		cards, err = q.search(ctx, size, s)
	}
	if err != nil {
		return projections.Page[Card]{}, fmt.Errorf("public listing: %w", err)
	}
	page := projections.Cut(cards, size, func(c Card) string {
		return projections.CursorAt(c.Pinned, c.CreatedAt, c.ID).Encode(projections.ListPublic)
	})
	from, w := s.matches("")
	page.Total, err = projections.Total(ctx, q.DB, f.Total, from, w.Args...)
	return page, err
}

func (q Queries) search(ctx context.Context, size int, s search) ([]Card, error) {
	cards, err := q.cards(ctx, size, s.walk(shortWalk))
	if err != nil || len(cards) > size {
		return cards, err
	}
	sampled, err := q.haveTerms(ctx, s)
	if err != nil {
		return nil, err
	}
	if sampled >= common {
		if cards, err = q.cards(ctx, size, s.walk(longWalk)); err != nil || len(cards) > size {
			return cards, err
		}
	}
	return q.cards(ctx, size, s.lookUp)
}

// haveTerms is how many of the sample have all terms of a search, up to common.
func (q Queries) haveTerms(ctx context.Context, s search) (n int, err error) {
	sql, args := s.sample()
	return n, q.DB.QueryRow(ctx, sql, args...).Scan(&n)
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
