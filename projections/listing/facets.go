package listing

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"waybill/projections"
)

// Facets are what the products of a filter have, and how many of them have it: the most common first, at most MaxFacets of each.
type Facets struct {
	Modes, Countries, Cities, Tags []Facet
	// Total is how many products there are.
	Total int
	// Estimate says that the numbers come from a sample of one product in 64, each off by some 8 times its root. Otherwise they are exact.
	Estimate bool
}

// Facet is a value, and how many products the list has if its filter asks for that too.
type Facet struct {
	// Value is as the first product of the list that has it writes it.
	Value string
	Count int
}

// MaxFacets is how many values of one kind Facets has.
const MaxFacets = 50

// Facets counts the products of a filter. It is exact without text, and where few match; else an estimate.
func (q Queries) Facets(ctx context.Context, f Filter) (Facets, error) {
	f.After = ""
	s, err := newSearch(f)
	if err != nil {
		return Facets{}, err
	}
	facets, err := q.facets(ctx, s)
	if err != nil {
		return facets, fmt.Errorf("facets: %w", err)
	}
	return facets, nil
}

// Key is the same for filters that mean the same, apart from cursor, limit and total.
func (f Filter) Key() string {
	f.After = ""
	s, _ := newSearch(f) // only a cursor can be wrong
	return fmt.Sprintf("%q %q %q %q %q %v", s.modes, s.country, s.city, s.tags, s.words, s.provider)
}

func (q Queries) facets(ctx context.Context, s search) (Facets, error) {
	if len(s.words) == 0 {
		return q.count(ctx, s.kept())
	}
	rare, err := q.rare(ctx, s)
	if err != nil {
		return Facets{}, err
	}
	var w projections.Where
	s.plainly(&w)
	sample := ` FROM ` + tableSample + ` p` + w.SQL()
	sampled := 0
	if !rare {
		if err := q.DB.QueryRow(ctx, `SELECT count(*)`+sample, w.Args...).Scan(&sampled); err != nil {
			return Facets{}, err
		}
	}
	if sampled <= fewSampled {
		sql, w := s.matches(alike + `, 1 AS n`)
		return q.count(ctx, source{each: sql, args: w.Args})
	}
	estimate, err := q.count(ctx, source{each: fmt.Sprintf(`SELECT %s, %d AS n`, alike, sampleShare) + sample, args: w.Args})
	estimate.Estimate = true
	return estimate, err
}

// alike is what facets look at.
const alike = `p.mode, p.country_key, p.city_key, p.tag_keys`

// source is where facets are counted: each selects alike and n; places and tags, where they are given, the same added up.
type source struct {
	each         string
	places, tags string
	args         []any
}

// kept is the source that needs the least of what is kept for it: places and tags without the others where no filter asks for both,
// products that are alike, or the products of a provider.
func (s search) kept() source {
	if s.provider != nil {
		sql, w := s.matches(alike + `, 1 AS n`)
		return source{each: sql, args: w.Args}
	}
	// All three have the same names for what they know, so that one condition serves them.
	var w projections.Where
	s.narrowest(&w).check(&w)
	from := source{each: `SELECT ` + alike + `, p.n FROM ` + tableGroups + ` p` + w.SQL(), args: w.Args}
	if len(s.tags) == 0 {
		var level projections.Where
		level.And("p.level = 0")
		s.narrowest(&level).check(&level)
		from.places = `SELECT p.mode, p.country_key, p.city_key, p.n FROM ` + tableCells + ` p` + level.SQL()
		if s.country == "" && s.city == "" {
			from.tags = `SELECT p.tag, p.n FROM ` + tableTagCounts + ` p` + w.SQL()
		}
	}
	return from
}

func (q Queries) count(ctx context.Context, from source) (Facets, error) {
	with := ``
	if from.places == "" {
		from.places = `SELECT mode, country_key, city_key, n FROM each`
	}
	if from.tags == "" {
		with = `each AS MATERIALIZED (` + from.each + `), `
		from.tags = `SELECT unnest(tag_keys) AS tag, n FROM each`
	}
	top := fmt.Sprintf(` GROUP BY 1 ORDER BY n DESC, value LIMIT %d`, MaxFacets)
	// What a value is written like is what the first product of the list that has it says: one look into an index each.
	first := func(column, key string) string {
		return `(SELECT ` + column + ` FROM ` + tableProducts + ` p WHERE p.public AND p.` + key + ` = f.value` + listOrder + ` LIMIT 1)`
	}
	rows, err := q.DB.Query(ctx, `WITH `+with+`places AS MATERIALIZED (
			SELECT mode, country_key, city_key, sum(n) AS n FROM (`+from.places+`) p GROUP BY 1, 2, 3)
		SELECT 'mode' AS kind, f.value, f.n, NULL::text[] FROM (SELECT mode AS value, sum(n)::bigint AS n FROM places`+top+`) f
		UNION ALL SELECT 'country', f.value, f.n, ARRAY[`+first("p.country", "country_key")+`]
			FROM (SELECT country_key AS value, sum(n)::bigint AS n FROM places`+top+`) f
		UNION ALL SELECT 'city', f.value, f.n, ARRAY[`+first("p.city", "city_key")+`]
			FROM (SELECT city_key AS value, sum(n)::bigint AS n FROM places`+top+`) f
		UNION ALL SELECT 'tag', f.value, f.n, (SELECT p.tags FROM (
				SELECT t.id FROM `+tableTags+` t WHERE t.tag = f.value`+tagOrder+` LIMIT 1) t JOIN `+tableProducts+` p ON p.id = t.id)
			FROM (SELECT tag AS value, sum(n)::bigint AS n FROM (`+from.tags+`) t`+top+`) f`, from.args...)
	if err != nil {
		return Facets{}, err
	}
	var (
		facets  Facets
		kind    string
		f       Facet
		written []*string
	)
	lists := map[string]*[]Facet{"mode": &facets.Modes, "country": &facets.Countries, "city": &facets.Cities, "tag": &facets.Tags}
	_, err = pgx.ForEachRow(rows, []any{&kind, &f.Value, &f.Count, &written}, func() error {
		for _, w := range written {
			if w != nil && projections.FoldText(*w) == f.Value {
				f.Value = *w
				break
			}
		}
		if kind == "mode" {
			facets.Total += f.Count
		}
		*lists[kind] = append(*lists[kind], f)
		return nil
	})
	for _, list := range lists {
		slices.SortFunc(*list, func(a, b Facet) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(projections.FoldText(a.Value), projections.FoldText(b.Value)))
		})
	}
	return facets, err
}
