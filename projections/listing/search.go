package listing

import (
	"slices"
	"strings"

	"github.com/google/uuid"

	"waybill/projections"
)

// search is a filter in the form in which it is compared.
type search struct {
	modes, tags, words []string // ascending, without doubles
	country, city      string
	provider           *uuid.UUID
	after              *projections.Cursor
}

func newSearch(f Filter) (search, error) {
	fold := projections.FoldText
	s := search{country: fold(f.Country), city: fold(f.City), tags: tagKeys(f.Tags), provider: f.Provider}
	for _, mode := range f.Modes {
		if mode != "" {
			s.modes = append(s.modes, projections.Storable(string(mode)))
		}
	}
	s.words = strings.Fields(fold(f.Text))
	for _, list := range []*[]string{&s.modes, &s.words} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
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
	filters := len(s.tags)
	for _, given := range []bool{len(s.modes) > 0, s.country != "", s.city != "", s.provider != nil} {
		if given {
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
	// One of sampleShare products is in the sample; with so many of them a filter is common. Looking up the 4,096
	// that it stands for then takes about as long as walking until a page of them is found, at a million products.
	sampleShare  = 64
	common       = 64
	sampleCommon = ` LIMIT 64`

	shortWalk = ` LIMIT 300`
	longWalk  = ` LIMIT 12000`
)

// byTag reports whether the index of a tag is the one to go along.
func (s search) byTag() bool { return s.provider == nil && len(s.tags) > 0 }

// stretch reads the page from the one index that gives it.
func (s search) stretch(limit string) (string, []any) {
	from, w := s.along(limit)
	if s.byTag() {
		return `SELECT ` + cardColumns + ` FROM (` + from + `) t JOIN ` + tableProducts + ` p ON p.id = t.id
			JOIN ` + tableProviders + ` v ON v.id = p.provider_id` + tagOrder, w.Args
	}
	if len(s.modes) > 1 {
		from = `SELECT * FROM (` + from + `) p` + listOrder + limit
	}
	return `SELECT ` + cardColumns + ` FROM (` + from + `) p JOIN ` + tableProviders + ` v ON v.id = p.provider_id` + listOrder, w.Args
}

// walk reads so much of the index of the narrowest filter, in the list's order, and checks the other filters.
func (s search) walk(length string) func(limit string) (string, []any) {
	return func(limit string) (string, []any) {
		others := s
		switch {
		case s.provider != nil:
			others.provider = nil
		case s.byTag():
			others.tags = s.tags[1:]
		case s.city != "":
			others.city = ""
		case s.country != "":
			others.country = ""
		case len(s.modes) == 1:
			others.modes = nil
		}
		narrowest := s
		if len(s.modes) > 1 {
			narrowest.modes = nil // checked, not merged
		}
		from, w := narrowest.along(length)
		check := projections.Where{Args: w.Args}
		others.check(&check)
		if s.byTag() {
			return `SELECT ` + cardColumns + ` FROM (` + from + `) t JOIN ` + tableProducts + ` p ON p.id = t.id
				JOIN ` + tableProviders + ` v ON v.id = p.provider_id` + check.SQL() + tagOrder + limit, check.Args
		}
		return `SELECT ` + cardColumns + ` FROM (SELECT * FROM (` + from + `) p` + check.SQL() + limit + `) p
			JOIN ` + tableProviders + ` v ON v.id = p.provider_id` + listOrder, check.Args
	}
}

// matches selects columns of all products p of the search, whatever page of them was asked for: by the one index that has them, by
// their provider's, or by the inverted one.
func (s search) matches(columns string) (string, projections.Where) {
	var w projections.Where
	switch {
	case s.provider != nil || !s.compound() && len(s.tags) == 0:
		w.And("p.public")
		s.narrowest(&w).check(&w)
		return `SELECT ` + columns + ` FROM ` + tableProducts + ` p` + w.SQL(), w
	case s.compound():
		w.And("t.terms @> ?", s.terms())
		w.And("t.public")
		s.check(&w)
		return `SELECT ` + columns + ` FROM ` + tableTerms + ` t JOIN ` + tableProducts + ` p ON p.id = t.id` + w.SQL(), w
	}
	w.And("t.tag = ?", s.tags[0])
	if columns == "" {
		return `SELECT FROM ` + tableTags + ` t` + w.SQL(), w
	}
	return `SELECT ` + columns + ` FROM ` + tableTags + ` t JOIN ` + tableProducts + ` p ON p.id = t.id` + w.SQL(), w
}

// along selects at most so many products of the narrowest filter behind the cursor, in the list's order; of several modes, at most so
// many of each.
func (s search) along(limit string) (string, projections.Where) {
	var w projections.Where
	if s.byTag() {
		w.And("t.tag = ?", s.tags[0])
		s.rest(&w, "t")
		return `SELECT t.id, t.pinned, t.created_at FROM ` + tableTags + ` t` + w.SQL() + tagOrder + limit, w
	}
	if len(s.modes) > 1 {
		all := make([]string, len(s.modes))
		for i, mode := range s.modes {
			one := s
			one.modes = []string{mode}
			of := projections.Where{Args: w.Args}
			all[i] = `(` + one.alongProducts(&of) + limit + `)`
			w.Args = of.Args
		}
		return strings.Join(all, ` UNION ALL `), w
	}
	return s.alongProducts(&w) + limit, w
}

func (s search) alongProducts(w *projections.Where) string {
	w.And("p.public")
	if s.provider != nil {
		// The planner would walk along the list of all, where it expects enough of a provider among the first.
		whose := [16]byte(*s.provider)
		w.And("p.provider_id >= ?", whose)
		if s.after == nil {
			w.And("p.provider_id <= ?", whose)
		} else {
			w.And("(p.provider_id, p.pinned, p.created_at, p.id) < (?, ?, ?, ?)", whose,
				s.after.Pinned, s.after.Time(), [16]byte(s.after.ID))
		}
		return `SELECT * FROM ` + tableProducts + ` p` + w.SQL() + strings.Replace(listOrder, "p.pinned", "p.provider_id DESC, p.pinned", 1)
	}
	s.narrowest(w)
	s.rest(w, "p")
	return `SELECT * FROM ` + tableProducts + ` p` + w.SQL() + listOrder
}

// narrowest adds the one filter that an index of products serves, and returns the others.
func (s search) narrowest(w *projections.Where) search {
	switch {
	case s.provider != nil:
		w.And("p.provider_id = ?", [16]byte(*s.provider))
		s.provider = nil
	case s.city != "":
		w.And("p.city_key = ?", s.city)
		s.city = ""
	case s.country != "":
		w.And("p.country_key = ?", s.country)
		s.country = ""
	case len(s.modes) == 1:
		w.And("p.mode = ?", s.modes[0])
		s.modes = nil
	case len(s.modes) > 1:
		w.And("p.mode = ANY (?)", s.modes)
		s.modes = nil
	}
	return s
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

// check adds all filters, in a form that no index serves: the planner would think a city's index better than what is there.
func (s search) check(w *projections.Where) { s.conditions(w, ` || ''`) }

// plainly adds all filters, for a table that has no index they could be looked up in.
func (s search) plainly(w *projections.Where) { s.conditions(w, "") }

func (s search) conditions(w *projections.Where, fence string) {
	if s.provider != nil {
		w.And("p.provider_id = ?", [16]byte(*s.provider))
	}
	if s.city != "" {
		w.And("p.city_key"+fence+" = ?", s.city)
	}
	if s.country != "" {
		w.And("p.country_key"+fence+" = ?", s.country)
	}
	switch len(s.modes) {
	case 0:
	case 1:
		w.And("p.mode"+fence+" = ?", s.modes[0])
	default:
		w.And("p.mode"+fence+" = ANY (?)", s.modes)
	}
	for _, tag := range s.tags {
		w.And("? = ANY (p.tag_keys)", tag)
	}
	for _, word := range s.words {
		w.And("strpos(p.text, ?) > 0", word)
	}
}

// terms are what every match has in the inverted index.
func (s search) terms() []int32 {
	var t projections.Terms
	for _, word := range s.words {
		t.AddWord(word)
	}
	for kind, value := range map[byte]string{termCountry: s.country, termCity: s.city} {
		if value != "" {
			t.Add(kind, value)
		}
	}
	if len(s.modes) == 1 {
		t.Add(termMode, s.modes[0])
	}
	for _, tag := range s.tags {
		t.Add(termTag, tag)
	}
	return t.List()
}

// sample counts those of the sample that have all terms, up to what makes a filter common.
func (s search) sample() (string, []any) {
	return `SELECT count(*) FROM (
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
	s.check(&check)
	return `WITH found AS MATERIALIZED (SELECT t.id, t.pinned, t.created_at FROM ` + tableTerms + ` t` + w.SQL() + `)
		SELECT ` + cardColumns + ` FROM (SELECT * FROM found t` + tagOrder + `) t JOIN ` + tableProducts + ` p ON p.id = t.id
		JOIN ` + tableProviders + ` v ON v.id = p.provider_id` + check.SQL() + tagOrder + limit, check.Args
}
