package figures_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/workdays"
	"waybill/projections/figures"
)

// in reports whether a day is of the period, or of the one before.
func in(f figures.Filter, d workdays.Day) (now, before bool) {
	length := f.To - f.From + 1
	return d >= f.From && d <= f.To, d >= f.From-length && d < f.From
}

// both gives each of a pair what belongs to it.
func both[S, T any](f figures.Filter, all []S, day func(S) workdays.Day, figure func([]S) T) figures.Pair[T] {
	var now, before []S
	for _, s := range all {
		isNow, isBefore := in(f, day(s))
		if isNow {
			now = append(now, s)
		}
		if isBefore {
			before = append(before, s)
		}
	}
	return figures.Pair[T]{Now: figure(now), Before: figure(before)}
}

// rows are by the keys of all, each with those that have it.
func rows[S, T any](f figures.Filter, all []S, day func(S) workdays.Day, keys func(S) []string, figure func([]S) T) []figures.Row[T] {
	length := f.To - f.From + 1
	keysOf := func(s S) []string {
		switch f.By {
		case figures.ByAll:
			return []string{""}
		case figures.ByDay:
			d := day(s)
			if d < f.From {
				d += length
			}
			return []string{d.String()}
		}
		return keys(s)
	}
	found := map[string]bool{}
	switch f.By {
	case figures.ByAll:
		found[""] = true
	case figures.ByDay:
		for d := f.From; d <= f.To; d++ {
			found[d.String()] = true
		}
	case figures.ByKind:
		for _, kind := range []string{"provider", "product"} {
			if f.Kind == "" || f.Kind == kind {
				found[kind] = true
			}
		}
	}
	for _, s := range all {
		if now, before := in(f, day(s)); now || before {
			for _, key := range keysOf(s) {
				found[key] = true
			}
		}
	}
	order := slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		if f.By == figures.ByKind {
			return strings.Compare(b, a)
		}
		if f.By == figures.ByRound {
			return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
		}
		return strings.Compare(a, b)
	})
	out := []figures.Row[T]{}
	for _, key := range order {
		var of []S
		for _, s := range all {
			if slices.Contains(keysOf(s), key) {
				of = append(of, s)
			}
		}
		out = append(out, figures.Row[T]{Key: key, Pair: both(f, of, day, figure)})
	}
	return out
}

func minutes(d time.Duration) int {
	whole := int(d / time.Minute)
	if d%time.Minute > 0 {
		whole++
	}
	return max(whole, 0)
}

func spread(took []int) figures.Spread {
	if len(took) == 0 {
		return figures.Spread{}
	}
	slices.Sort(took)
	within := func(part float64) int {
		for i, v := range took {
			if float64(i+1) >= part*float64(len(took))-1e-9 {
				return v
			}
		}
		panic("unreachable")
	}
	return figures.Spread{N: len(took), Median: within(0.5), P90: within(0.9)}
}

func (n *naive) stamp(at domain.Position) figures.Stamp {
	return figures.Stamp{Position: at, Calendar: n.calendar.Calendar().Version()}
}

func (n *naive) turnaround(f figures.Filter) []figures.Row[figures.Turnaround] {
	c := n.calendar.Calendar()
	var all []decided
	for _, d := range n.decisions {
		if f.Kind == "" || f.Kind == d.kind {
			all = append(all, d)
		}
	}
	return rows(f, all, func(d decided) workdays.Day { return workdays.DayOf(d.at) }, func(d decided) []string {
		switch f.By {
		case figures.ByKind:
			return []string{d.kind}
		case figures.ByReviewer:
			return []string{d.reviewer.String()}
		case figures.ByRound:
			return []string{fmt.Sprint(d.round)}
		}
		return d.reasons
	}, func(of []decided) figures.Turnaround {
		var since, first []int
		var t figures.Turnaround
		for _, d := range of {
			t.Decided++
			days := map[string]int{"provider": 2, "product": 1}[d.kind]
			if !d.at.Before(c.Due(d.since, days).At) {
				t.Breaches++
			}
			since, first = append(since, minutes(c.Between(d.since, d.at))), append(first, minutes(c.Between(d.first, d.at)))
		}
		t.SinceRevision, t.SinceFirst = spread(since), spread(first)
		return t
	})
}

func (n *naive) funnel(f figures.Filter) (out []figures.FunnelRow) {
	for _, kind := range []string{"provider", "product"} {
		if f.Kind != "" && f.Kind != kind {
			continue
		}
		stages := figures.ProviderStages
		if kind == "product" {
			stages = figures.ProductStages
		}
		count := func(stage figures.Stage) figures.Pair[int] {
			all := slices.DeleteFunc(slices.Collect(maps.Values(n.cohorts)), func(c *cohort) bool { return c.kind != kind || !c.stages[stage] })
			return both(f, all, func(c *cohort) workdays.Day { return c.day }, func(of []*cohort) int { return len(of) })
		}
		for _, stage := range stages {
			out = append(out, figures.FunnelRow{Kind: kind, Stage: stage, Pair: count(stage), Of: count(figures.Submitted)})
		}
	}
	return out
}

func (n *naive) refused(f figures.Filter) (out []figures.RejectionRow) {
	for _, kind := range []string{"provider", "product"} {
		rejected := slices.DeleteFunc(slices.Clone(n.decisions), func(d decided) bool { return d.kind != kind || d.outcome != "rejected" })
		day := func(d decided) workdays.Day { return workdays.DayOf(d.at) }
		count := func(of []decided) int { return len(of) }
		for _, reason := range []string{"blurred", "incomplete", "other"} {
			named := slices.DeleteFunc(slices.Clone(rejected), func(d decided) bool { return !slices.Contains(d.reasons, reason) })
			row := figures.RejectionRow{Kind: kind, Reason: reason, Pair: both(f, named, day, count), Of: both(f, rejected, day, count)}
			if (f.Kind == "" || f.Kind == kind) && row.Now+row.Before > 0 {
				out = append(out, row)
			}
		}
	}
	return out
}

func (n *naive) booked(f figures.Filter) []figures.Row[figures.Bookings] {
	c := n.calendar.Calendar()
	return rows(f, slices.Collect(maps.Values(n.bookings)), func(b *asked) workdays.Day { return workdays.DayOf(b.at) }, func(b *asked) []string {
		key := b.ProviderID.String()
		switch f.By {
		case figures.ByMode:
			key = string(b.content.Mode)
		case figures.ByDestination:
			key = b.content.Destination.Country
		}
		if key == "" {
			return nil
		}
		return []string{key}
	}, func(of []*asked) (r figures.Bookings) {
		var clock, working []int
		for _, b := range of {
			r.Requested++
			if b.reply != nil {
				r.Replied++
				clock, working = append(clock, minutes(b.reply.Sub(b.at))), append(working, minutes(c.Between(b.at, *b.reply)))
			}
			switch b.closed {
			case booking.Withdrawn:
				r.Closed.Withdrawn++
			case booking.ProductDeleted:
				r.Closed.ProductDeleted++
			case booking.ProviderClosed:
				r.Closed.ProviderClosed++
			case booking.EnterpriseClosed:
				r.Closed.EnterpriseClosed++
			}
		}
		r.ToReply, r.ToReplyWorking = spread(clock), spread(working)
		return r
	})
}

func level(changes []change, day workdays.Day, keep func(string) bool) (sum int) {
	for _, c := range changes {
		if c.day <= day && keep(c.key) {
			sum += c.n
		}
	}
	return sum
}

func (n *naive) listings(f figures.Filter) (out []figures.ListingRow) {
	length := f.To - f.From + 1
	countries, modes := []string{"新加坡", "泰国"}, []string{"air", "sea"}
	slices.Sort(countries)
	if f.By == figures.ByDay || f.By == figures.ByMode {
		countries = []string{""}
	}
	if f.By == figures.ByDay || f.By == figures.ByDestination {
		modes = []string{""}
	}
	var list []figures.ListingRow
	some := map[string]bool{}
	for d := f.From; d <= f.To; d++ {
		for _, country := range countries {
			for _, mode := range modes {
				keep := func(key string) bool { return strings.HasPrefix(key, country) && strings.HasSuffix(key, mode) }
				row := figures.ListingRow{
					Day: d, Destination: country, Mode: mode,
					Pair: figures.Pair[int]{Now: level(n.public, d, keep), Before: level(n.public, d-length, keep)},
				}
				if row.Now != 0 || row.Before != 0 || f.By == figures.ByDay {
					some[country+mode] = true
				}
				list = append(list, row)
			}
		}
	}
	for _, row := range list {
		if some[row.Destination+row.Mode] {
			out = append(out, row)
		}
	}
	return out
}

func (n *naive) daily(f figures.Filter) (out []figures.Row[figures.Daily]) {
	day := func(d workdays.Day) (r figures.Daily) {
		of := func(kind, what string) int { return n.days[fmt.Sprint(d, kind, what)] }
		reviewed := func(kind string) figures.Reviewed {
			return figures.Reviewed{
				Submitted: of(kind, "submitted"), Approved: of(kind, "approved"), Rejected: of(kind, "rejected"), Revoked: of(kind, "revoked"),
				Pending: level(n.pending, d, func(key string) bool { return key == kind }),
			}
		}
		return figures.Daily{
			Provider: reviewed("provider"), Product: reviewed("product"), Listed: of("product", "listed"), Unlisted: of("product", "unlisted"),
			TakenDown: of("product", "taken down"), Deleted: of("product", "deleted"), Requested: of("booking", "requested"), Replied: of("booking", "replied"),
		}
	}
	for d := f.From; d <= f.To; d++ {
		out = append(out, figures.Row[figures.Daily]{Key: d.String(), Pair: figures.Pair[figures.Daily]{Now: day(d), Before: day(d - (f.To - f.From + 1))}})
	}
	return out
}
