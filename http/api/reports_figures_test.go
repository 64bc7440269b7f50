package api_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"waybill/domain/booking"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
)

// group is a row in the making: what it is of, and its figures now and in the period before.
type group struct {
	key         []string
	now, before m
}

// table gathers groups by what they are of. columns are the names of key's parts, and figures of what counts.
type table struct {
	columns []string
	groups  map[string]*group
	empty   func() m
}

func newTable(empty func() m, columns ...string) *table {
	return &table{columns: columns, groups: map[string]*group{}, empty: empty}
}

// at is the figures of a row, in one of the two periods.
func (t *table) at(before bool, key ...string) m {
	name := strings.Join(key, "\x00")
	g := t.groups[name]
	if g == nil {
		g = &group{key: key, now: t.empty(), before: t.empty()}
		t.groups[name] = g
	}
	if before {
		return g.before
	}
	return g.now
}

// rows are in the order of what they are of.
func (t *table) rows(finish func(figures m)) []m {
	all := []m{}
	groups := []*group{}
	for _, g := range t.groups {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *group) int { return slices.CompareFunc(a.key, b.key, inOrder) })
	for _, g := range groups {
		row := m{}
		for i, name := range t.columns {
			row[name] = g.key[i]
		}
		for prefix, figures := range map[string]m{"": g.now, "before_": g.before} {
			finish(figures)
			for name, value := range figures {
				row[prefix+name] = value
			}
		}
		all = append(all, row)
	}
	return all
}

// inOrder compares what rows are of: providers before products, numbers as such, and anything else as text.
func inOrder(a, b string) int {
	kinds := []string{product.Category, provider.Category}
	x, errX := strconv.Atoi(a)
	y, errY := strconv.Atoi(b)
	return cmp.Or(cmp.Compare(slices.Index(kinds, b), slices.Index(kinds, a)),
		map[bool]int{true: cmp.Compare(x, y)}[errX == nil && errY == nil], strings.Compare(a, b))
}

// both asks of the period, and of the one before.
func (q question) both(ask func(q question, before bool)) {
	ask(q, false)
	ask(q.earlier(), true)
}

// everyDay gives each day of the period its row, and shift brings a day of the period before to the row that it stands in.
func (q question) everyDay(row func(day workdays.Day)) {
	for d := q.from; d <= q.to; d++ {
		row(d)
	}
}

func (q question) shift(day workdays.Day, before bool) string {
	if before {
		day += q.to - q.from + 1
	}
	return day.String()
}

func list(figures m, name string) []float64 {
	values, _ := figures[name].([]float64)
	return values
}

func add(figures m, name string, n float64) {
	was, _ := figures[name].(float64)
	figures[name] = was + n
}

func turnaround(log []happening, q question) []m {
	log = upTo(log, q.position)
	c, s := calendarAt(log), tell(log)
	empty := func() m {
		return m{"decided": 0.0, "breaches": 0.0, "since_revision": []float64{}, "since_first": []float64{}}
	}
	t := newTable(empty, "group")
	switch q.by {
	case "all":
		t.at(false, "all")
	case "kind":
		for _, kind := range []string{provider.Category, product.Category} {
			if q.asks(kind) {
				t.at(false, kind)
			}
		}
	case "day":
		q.everyDay(func(d workdays.Day) { t.at(false, d.String()) })
	}
	q.both(func(q question, before bool) {
		for _, v := range s.verdicts {
			if !q.in(v.day) || !q.asks(v.kind) {
				continue
			}
			days := map[string]int{product.Category: 1, provider.Category: 2}[v.kind]
			for _, key := range v.groups(q, before) {
				f := t.at(before, key)
				add(f, "decided", 1)
				if !v.at.Before(dueAfter(c, v.revision, days)) {
					add(f, "breaches", 1)
				}
				f["since_revision"] = append(list(f, "since_revision"), minutes(working(c, v.revision, v.at)))
				f["since_first"] = append(list(f, "since_first"), minutes(working(c, v.first, v.at)))
			}
		}
	})
	return t.rows(func(f m) {
		decided, _ := f["decided"].(float64)
		breaches, _ := f["breaches"].(float64)
		f["breach_rate"] = rate(breaches, decided)
		for _, name := range []string{"since_revision", "since_first"} {
			f[name+"_median"], f[name+"_p90"] = least(list(f, name), 50), least(list(f, name), 90)
			delete(f, name)
		}
	})
}

// groups are those that a decision counts in.
func (v verdict) groups(q question, before bool) []string {
	switch q.by {
	case "kind":
		return []string{v.kind}
	case "reviewer":
		return []string{v.reviewer}
	case "round":
		return []string{fmt.Sprint(v.round)}
	case "day":
		return []string{q.shift(v.day, before)}
	case "reason":
		return v.named()
	}
	return []string{"all"}
}

// named are the reasons of a rejection, each once.
func (v verdict) named() (codes []string) {
	for _, r := range v.reasons {
		if !slices.Contains(codes, r.Code) {
			codes = append(codes, r.Code)
		}
	}
	return codes
}

func rejections(log []happening, q question) []m {
	s := tell(upTo(log, q.position))
	t := newTable(func() m { return m{"count": 0.0, "rejections": 0.0} }, "kind", "reason")
	total := map[string]float64{}
	q.both(func(q question, before bool) {
		for _, v := range s.verdicts {
			if q.in(v.day) && q.asks(v.kind) && !v.approved {
				total[fmt.Sprint(v.kind, before)]++
				for _, code := range v.named() {
					add(t.at(before, v.kind, code), "count", 1)
				}
			}
		}
	})
	for _, g := range t.groups {
		g.now["rejections"], g.before["rejections"] = total[fmt.Sprint(g.key[0], false)], total[fmt.Sprint(g.key[0], true)]
	}
	return t.rows(func(f m) {
		named, _ := f["count"].(float64)
		all, _ := f["rejections"].(float64)
		f["rate"] = rate(named, all)
	})
}

func funnel(log []happening, q question) (rows []m) {
	s := tell(upTo(log, q.position))
	count := func(q question, kind string, is func(*matter) bool) (n float64) {
		for _, one := range s.matters {
			if one.kind == kind && q.in(one.firstDay) && is(one) {
				n++
			}
		}
		return n
	}
	type stage struct {
		name string
		is   func(*matter) bool
	}
	any := func(*matter) bool { return true }
	stages := []stage{
		{"submitted", any},
		{"decided", func(m *matter) bool { return m.decided }},
		{"approved", func(m *matter) bool { return m.approved }},
		{"approved_at_first", func(m *matter) bool { return m.firstTry }},
	}
	of := map[string][]stage{
		provider.Category: append(slices.Clone(stages), stage{"product_submitted", func(m *matter) bool { return m.offered }},
			stage{"product_listed", func(m *matter) bool { return m.shown }}),
		product.Category: append(slices.Clone(stages), stage{"listed", func(m *matter) bool { return m.shown }},
			stage{"booked", func(m *matter) bool { return m.booked }}, stage{"replied_to", func(m *matter) bool { return m.replied }}),
	}
	for _, kind := range []string{provider.Category, product.Category} {
		if !q.asks(kind) {
			continue
		}
		for _, stage := range of[kind] {
			row := m{"kind": kind, "stage": stage.name}
			q.both(func(q question, before bool) {
				prefix := map[bool]string{true: "before_"}[before]
				n := count(q, kind, stage.is)
				row[prefix+"count"], row[prefix+"rate"] = n, rate(n, count(q, kind, any))
			})
			rows = append(rows, row)
		}
	}
	return rows
}

var closings = []booking.CloseReason{booking.Withdrawn, booking.ProductDeleted, booking.ProviderClosed, booking.EnterpriseClosed}

func bookings(log []happening, q question) []m {
	log = upTo(log, q.position)
	c, s := calendarAt(log), tell(log)
	t := newTable(func() m {
		f := m{"requested": 0.0, "replied": 0.0, "closed": 0.0, "reply": []float64{}, "working_reply": []float64{}}
		for _, reason := range closings {
			f["closed_"+string(reason)] = 0.0
		}
		return f
	}, "group")
	switch q.by {
	case "all":
		t.at(false, "all")
	case "day":
		q.everyDay(func(d workdays.Day) { t.at(false, d.String()) })
	}
	q.both(func(q question, before bool) {
		for _, b := range s.bookings {
			if !q.in(b.day) {
				continue
			}
			f := t.at(before, map[string]string{
				"all": "all", "day": q.shift(b.day, before), "provider": b.ProviderID.String(),
				"mode": string(b.content.Mode), "destination": b.content.Destination.Country,
			}[q.by])
			add(f, "requested", 1)
			if !b.reply.IsZero() {
				add(f, "replied", 1)
				f["reply"] = append(list(f, "reply"), minutes(b.reply.Sub(b.at)))
				f["working_reply"] = append(list(f, "working_reply"), minutes(working(c, b.at, b.reply)))
			}
			if b.closed != "" {
				add(f, "closed", 1)
				add(f, "closed_"+string(b.closed), 1)
			}
		}
	})
	return t.rows(func(f m) {
		requested, _ := f["requested"].(float64)
		replied, _ := f["replied"].(float64)
		f["reply_rate"] = rate(replied, requested)
		for _, name := range []string{"reply", "working_reply"} {
			f[name+"_median"], f[name+"_p90"] = least(list(f, name), 50), least(list(f, name), 90)
			delete(f, name)
		}
	})
}

func listings(log []happening, q question) []m {
	s := tell(upTo(log, q.position))
	columns := map[string][]string{
		"all": {"day", "destination", "mode"}, "day": {"day"}, "mode": {"day", "mode"}, "destination": {"day", "destination"},
	}[q.by]
	t := newTable(func() m { return m{"products": 0.0} }, columns...)
	// Whatever has a product at the end of a day of either period has a row for every day; by day alone, every day has one.
	of := map[place]bool{}
	cut := func(p place) place {
		if !slices.Contains(columns, "destination") {
			p.destination = ""
		}
		if !slices.Contains(columns, "mode") {
			p.mode = ""
		}
		return p
	}
	count := func(d workdays.Day, at place) float64 {
		return s.standing(d, func(p place) bool { return p.pending == "" && cut(p) == at })
	}
	if q.by == "day" {
		of[place{}] = true
	}
	for _, m := range s.moves {
		at := cut(m.place)
		if m.pending != "" || of[at] {
			continue
		}
		q.both(func(q question, _ bool) { q.everyDay(func(d workdays.Day) { of[at] = of[at] || count(d, at) != 0 }) })
	}
	for at, shown := range of {
		if !shown {
			continue
		}
		q.both(func(q question, before bool) {
			q.everyDay(func(d workdays.Day) {
				key := []string{q.shift(d, before)}
				if slices.Contains(columns, "destination") {
					key = append(key, at.destination)
				}
				if slices.Contains(columns, "mode") {
					key = append(key, at.mode)
				}
				add(t.at(before, key...), "products", count(d, at))
			})
		})
	}
	return t.rows(func(m) {})
}

// counted names what a day counts.
var counted = map[string]string{
	"provider-applied.v1": "applications_submitted", "provider-revised.v1": "applications_submitted",
	"product-submitted.v1": "products_submitted", "product-revised.v1": "products_submitted",
	"provider-approved.v1": "applications_approved", "product-approved.v1": "products_approved",
	"provider-rejected.v1": "applications_rejected", "product-rejected.v1": "products_rejected",
	"provider-approval-revoked.v1": "applications_revoked", "product-approval-revoked.v1": "products_revoked",
	"product-listed.v1": "products_listed", "product-unlisted.v1": "products_unlisted", "product-taken-down.v1": "products_taken_down",
	"product-deleted.v1": "products_deleted", "booking-requested.v1": "bookings_requested", "booking-replied.v1": "bookings_replied",
}

func daily(log []happening, q question) []m {
	log = upTo(log, q.position)
	t := newTable(func() m {
		f := m{"applications_pending": 0.0, "products_pending": 0.0}
		for _, name := range counted {
			f[name] = 0.0
		}
		return f
	}, "day")
	s := tell(log)
	q.both(func(q question, before bool) {
		q.everyDay(func(d workdays.Day) {
			f := t.at(before, q.shift(d, before))
			f["applications_pending"] = s.standing(d, func(p place) bool { return p.pending == provider.Category })
			f["products_pending"] = s.standing(d, func(p place) bool { return p.pending == product.Category })
		})
		for _, h := range log {
			if name := counted[h.fact.EventType()]; name != "" && q.in(h.day) {
				add(t.at(before, q.shift(h.day, before)), name, 1)
			}
		}
	})
	return t.rows(func(m) {})
}
