package listing

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain/place"
	"waybill/projections"
)

// Map is what a part of the map shows: every public product of a filter in Area once, by itself or in a cluster.
type Map struct {
	// Area is what was asked for, widened to whole cells.
	Area Box
	// Pins are those by themselves, each at its Point.
	Pins     []Card
	Clusters []Cluster
	// Total is how many products that is.
	Total int
	// Estimate says that the numbers come from a sample of one product in 64: a cluster of n is off by some 8 times the root of n, and
	// one of fewer than 64 may be missing. Otherwise they are exact.
	Estimate bool
}

// Cluster is all products of one cell.
type Cluster struct {
	Count int
	// Middle is the mean of their places, in WGS-84.
	Middle place.Point
	Box    Box
}

const (
	// maxPins is how many products are shown by themselves.
	maxPins = 100
	// fewProducts is how many products are looked at one by one, and fewSampled how many of the sample stand for them. More are expected
	// from luck at times, but not manyProducts.
	fewProducts  = 1000
	fewSampled   = fewProducts / sampleShare
	manyProducts = 8 * fewProducts
)

// Map shows a box at a zoom level of the usual maps (tiles of 256 pixels, of which level 0 has one): clusters of 64 by 64 pixels, or of
// the smallest size that needs no more than 1,024 of them. Up to 100 products are shown by themselves; so are those that
// are the only ones of their cells, up to 100, where the box has at most 1,000 products.
//
// It is exact where there is no filter but modes and country, where the box has at most 1,000 products, and where few products of the
// whole list match; otherwise an estimate. A box that has more products is not divided below level 15, 1.2 km at the equator.
func (q Queries) Map(ctx context.Context, f Filter, b Box, zoom int) (Map, error) {
	f.After = ""
	s, err := newSearch(f)
	if err != nil {
		return Map{}, err
	}
	m, err := q.draw(ctx, s, patchOf(b, zoom), b)
	if err != nil {
		return m, fmt.Errorf("map: %w", err)
	}
	return m, nil
}

func (q Queries) draw(ctx context.Context, s search, p patch, b Box) (Map, error) {
	coarse := p
	if p.level > finest {
		coarse = b.patch(finest)
	}
	matching, all, err := q.cells(ctx, s, coarse)
	if err != nil {
		return Map{}, err
	}
	if all <= fewProducts || p.level > coarse.level {
		if here, complete, err := q.within(ctx, s, p); err != nil || complete {
			return q.show(ctx, p, here, err)
		}
	}
	if s.simple() {
		return q.simply(ctx, s, p, coarse, matching)
	}
	rare, err := q.rare(ctx, s)
	if err != nil {
		return Map{}, err
	}
	var sample []tally
	if !rare {
		if sample, err = q.sampled(ctx, s, coarse); err != nil {
			return Map{}, err
		}
	}
	if total(sample) <= fewSampled {
		if few, err := q.everywhere(ctx, s, manyProducts); err != nil || len(few) <= manyProducts {
			return q.show(ctx, p, few, err)
		}
		if sample, err = q.sampled(ctx, s, coarse); err != nil {
			return Map{}, err
		}
	}
	m := clustered(coarse, sample, sampleShare)
	m.Estimate = true
	return m, nil
}

// simply shows what the counts of cells know all of: one by one where that is little, and little of the whole list.
func (q Queries) simply(ctx context.Context, s search, p, coarse patch, matching []tally) (Map, error) {
	if n := total(matching); n == 0 || n > maxPins {
		return clustered(coarse, matching, 1), nil
	}
	var (
		w projections.Where
		n int
	)
	w.And("p.level = 0")
	s.plainly(&w)
	err := q.DB.QueryRow(ctx, `SELECT coalesce(sum(p.n), 0)::bigint FROM `+tableCells+` p`+w.SQL(), w.Args...).Scan(&n)
	if err != nil || n > fewProducts {
		return clustered(coarse, matching, 1), err
	}
	few, err := q.everywhere(ctx, s, fewProducts)
	return q.show(ctx, p, few, err)
}

// rare reports whether few can match a search, for all that the inverted index knows.
func (q Queries) rare(ctx context.Context, s search) (bool, error) {
	if len(s.terms()) == 0 {
		return false, nil
	}
	n, err := q.haveTerms(ctx, s)
	return n <= fewSampled, err
}

// tally is how many products a cell has, and the sums of their columns and rows.
type tally struct {
	column, row int
	n           int
	x, y        int64
}

func total(tallies []tally) int {
	n := 0
	for _, t := range tallies {
		n += t.n
	}
	return n
}

// simple reports whether there is no filter but those that the counts of cells know.
func (s search) simple() bool {
	return s.provider == nil && s.city == "" && len(s.tags)+len(s.words) == 0
}

// cells counts in the cells of a patch, of level 15 or above, how many products match, as far as the counts know the filter, and how
// many there are in all.
func (q Queries) cells(ctx context.Context, s search, p patch) (matching []tally, all int, err error) {
	level := finest
	for _, l := range slices.Backward(cellLevels) {
		if l >= p.level {
			level = l
		}
	}
	first, last := p.ranges()
	for i := range first {
		first[i] >>= 2 * (depth - level)
		last[i] >>= 2 * (depth - level)
	}
	w := projections.Where{Args: []any{first, last, level, 2 * (level - p.level)}}
	if len(s.modes) > 0 {
		w.And("c.mode = ANY (?)", s.modes)
	}
	if s.country != "" {
		w.And("c.country_key = ?", s.country)
	}
	filter := ""
	if len(w.Args) > 4 {
		filter = ` FILTER (` + w.SQL() + `)`
	}
	rows, err := q.DB.Query(ctx, `SELECT c.cell >> $4::integer, coalesce(sum(c.n)`+filter+`, 0)::bigint,
			coalesce(sum(c.x)`+filter+`, 0)::bigint, coalesce(sum(c.y)`+filter+`, 0)::bigint, sum(c.n)::bigint
		FROM unnest($1::bigint[], $2::bigint[]) r (first, last)
			JOIN `+tableCells+` c ON c.level = $3::smallint AND c.cell BETWEEN r.first AND r.last
		GROUP BY 1`, w.Args...)
	if err != nil {
		return nil, 0, err
	}
	var (
		t    tally
		cell int64
		here int
	)
	_, err = pgx.ForEachRow(rows, []any{&cell, &t.n, &t.x, &t.y, &here}, func() error {
		t.column, t.row = int(together(cell)), int(together(cell>>1))
		if all += here; t.n > 0 {
			matching = append(matching, t)
		}
		return nil
	})
	return matching, all, err
}

// sampled counts the products of the sample that match, by the cells of a patch's level; also those that are not in it.
func (q Queries) sampled(ctx context.Context, s search, p patch) ([]tally, error) {
	w := projections.Where{Args: []any{depth - p.level}}
	s.plainly(&w)
	rows, err := q.DB.Query(ctx, `SELECT p.x >> $1::integer, p.y >> $1::integer, count(*), sum(p.x), sum(p.y)
		FROM `+tableSample+` p`+w.SQL()+` GROUP BY 1, 2`, w.Args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (t tally, err error) {
		return t, row.Scan(&t.column, &t.row, &t.n, &t.x, &t.y)
	})
}

// found is a product that matches, and where it is.
type found struct {
	id uuid.UUID
	at spot
}

// within finds the matching products of a patch; not all of them where it has more than fewProducts, matching or not. Order and limit
// of each range are literal, so that the planner goes by the index of cells.
func (q Queries) within(ctx context.Context, s search, p patch) (matching []found, all bool, err error) {
	first, last := p.ranges()
	w := projections.Where{Args: []any{first, last, fewProducts + 1}}
	s.plainly(&w)
	rows, err := q.DB.Query(ctx, `WITH here AS MATERIALIZED (
			SELECT p.* FROM unnest($1::bigint[], $2::bigint[]) r (first, last) CROSS JOIN LATERAL (
				SELECT p.id, p.x, p.y, p.provider_id, p.mode, p.country_key, p.city_key, p.tag_keys, p.text FROM `+tableProducts+` p
				WHERE p.public AND p.cell BETWEEN r.first AND r.last ORDER BY p.cell LIMIT 1001) p
			LIMIT $3)
		SELECT counted.n < $3, p.id, coalesce(p.x, 0), coalesce(p.y, 0)
		FROM (SELECT count(*) AS n FROM here) counted LEFT JOIN (SELECT p.id, p.x, p.y FROM here p`+w.SQL()+`) p ON true`, w.Args...)
	if err != nil {
		return nil, false, err
	}
	var (
		id *uuid.UUID
		at spot
	)
	_, err = pgx.ForEachRow(rows, []any{&all, &id, &at.x, &at.y}, func() error {
		if id != nil {
			matching = append(matching, found{*id, at})
		}
		return nil
	})
	return matching, all, err
}

// everywhere finds the matching products of the whole list, more than so many when there are more.
func (q Queries) everywhere(ctx context.Context, s search, most int) ([]found, error) {
	sql, w := s.matches("p.id, p.x, p.y")
	return q.find(ctx, sql+fmt.Sprintf(" LIMIT %d", most+1), w.Args...)
}

func (q Queries) find(ctx context.Context, sql string, args ...any) ([]found, error) {
	rows, err := q.DB.Query(ctx, sql, projections.Planned(args)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (f found, err error) {
		return f, row.Scan(&f.id, &f.at.x, &f.at.y)
	})
}

// show puts products on the map, by themselves or in clusters, as far as they are in the patch. It returns err when there is one.
func (q Queries) show(ctx context.Context, p patch, all []found, err error) (Map, error) {
	if err != nil {
		return Map{}, err
	}
	type cell struct{ column, row int }
	byCell := map[cell][]found{}
	n, alone := 0, 0
	for _, f := range all {
		c := cell{column: int(f.at.x) >> (depth - p.level), row: int(f.at.y) >> (depth - p.level)}
		if !p.holds(c.column, c.row) {
			continue
		}
		byCell[c] = append(byCell[c], f)
		n++
		switch len(byCell[c]) {
		case 1:
			alone++
		case 2:
			alone--
		}
	}
	var (
		pins     projections.Keys
		together []tally
	)
	for c, in := range byCell {
		t := tally{column: c.column, row: c.row, n: len(in)}
		apart := n <= maxPins || t.n == 1 && alone <= maxPins
		for _, f := range in {
			t.x, t.y = t.x+int64(f.at.x), t.y+int64(f.at.y)
			if apart {
				pins = append(pins, f.id)
			}
		}
		if !apart {
			together = append(together, t)
		}
	}
	m := clustered(p, together, 1)
	if m.Pins, err = q.pins(ctx, pins); err != nil {
		return m, err
	}
	m.Total += len(m.Pins)
	return m, nil
}

// pins are the products of some ids that are public still, in the list's order.
func (q Queries) pins(ctx context.Context, ids projections.Keys) ([]Card, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := q.DB.Query(ctx, `SELECT `+cardColumns+` FROM `+tableProducts+` p JOIN `+tableProviders+` v ON v.id = p.provider_id
		WHERE p.public AND p.id = ANY ($1)`+listOrder, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (pin Card, err error) {
		err = row.Scan(pin.targets()...)
		projections.UTC(&pin.CreatedAt)
		return pin, err
	})
}

// clustered makes a cluster of each tally that is in the patch, each of its products standing for so many.
func clustered(p patch, tallies []tally, share int) Map {
	m := Map{Area: p.box()}
	slices.SortFunc(tallies, func(a, b tally) int { return cmp.Or(cmp.Compare(a.row, b.row), cmp.Compare(a.column, b.column)) })
	for _, t := range tallies {
		if !p.holds(t.column, t.row) {
			continue
		}
		// The middle of a grid square, not its corner.
		x, y := float64(t.x)/float64(t.n)+0.5, float64(t.y)/float64(t.n)+0.5
		m.Clusters = append(m.Clusters, Cluster{
			Count: t.n * share, Middle: place.Point{Latitude: latitude(y), Longitude: longitude(x)}, Box: boxOf(p.level, t.column, t.row),
		})
		m.Total += t.n * share
	}
	return m
}
