package figures

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"waybill/domain/booking"
	"waybill/domain/workdays"
)

// series is what there is at the end of each day of a period and of the one before, the earliest first.
type series []int

// add counts what happened in a day, or before the first.
func (s series) add(f Filter, d workdays.Day, n int) { s[max(d-f.first(), 0)] += n }

// sum makes what there is of what happened.
func (s series) sum() {
	for i := 1; i < len(s); i++ {
		s[i] += s[i-1]
	}
}

// pair is a day of the period.
func (s series) pair(f Filter, d workdays.Day) Pair[int] {
	return Pair[int]{Now: s[d-f.first()], Before: s[d-f.From]}
}

func seriesOf[K comparable](all map[K]series, f Filter, key K) series {
	s, ok := all[key]
	if !ok {
		s = make(series, 2*f.days())
		all[key] = s
	}
	return s
}

// Listings is what was public at the end of each day of a period.
func (q Queries) Listings(ctx context.Context, f Filter) (ListingsReport, error) {
	f.Kind = ""
	return report(ctx, q, f, ListingsBy, func(a asOf) (ListingsReport, error) { return q.listings(ctx, a, f) })
}

func (q Queries) listings(ctx context.Context, a asOf, f Filter) (ListingsReport, error) {
	all := map[offer]series{}
	if f.By == ByDay {
		seriesOf(all, f, offer{})
	}
	err := q.stocks(ctx, a, f, ofPublic, func(c *cell) {
		key := offer{c.key, c.what}
		if f.By == ByDay || f.By == ByMode {
			key.destination = ""
		}
		if f.By == ByDay || f.By == ByDestination {
			key.mode = ""
		}
		seriesOf(all, f, key).add(f, c.day, c.n)
	})
	if err != nil {
		return ListingsReport{}, err
	}
	for _, s := range all {
		s.sum()
	}
	if f.By != ByDay {
		maps.DeleteFunc(all, func(_ offer, s series) bool { return !slices.ContainsFunc(s, func(n int) bool { return n != 0 }) })
	}
	keys := slices.SortedFunc(maps.Keys(all), func(a, b offer) int {
		return cmp.Or(cmp.Compare(a.destination, b.destination), cmp.Compare(a.mode, b.mode))
	})
	r := ListingsReport{Stamp: a.Stamp}
	for d := f.From; d <= f.To; d++ {
		for _, key := range keys {
			r.Rows = append(r.Rows, ListingRow{Day: d, Destination: key.destination, Mode: key.mode, Pair: all[key].pair(f, d)})
		}
	}
	return r, nil
}

// Daily is what happened in each day of a period.
func (q Queries) Daily(ctx context.Context, f Filter) (DailyReport, error) {
	f.Kind = ""
	return report(ctx, q, f, []By{ByAll}, func(a asOf) (DailyReport, error) { return q.daily(ctx, a, f) })
}

func (q Queries) daily(ctx context.Context, a asOf, f Filter) (DailyReport, error) {
	days := make([]Pair[Daily], f.days())
	err := q.cells(ctx, a, f, ofDays, func(c *cell) {
		d := of(f, &days[f.dayIn(c.day)-f.From], c.day)
		d.count(c)
	}, ByAll)
	if err != nil {
		return DailyReport{}, err
	}
	pending := map[string]series{}
	err = q.stocks(ctx, a, f, ofPending, func(c *cell) { seriesOf(pending, f, c.kind).add(f, c.day, c.n) })
	if err != nil {
		return DailyReport{}, err
	}
	for kind, s := range pending {
		s.sum()
		for i := range days {
			n := s.pair(f, f.From+workdays.Day(i))
			days[i].Now.reviewed(kind).Pending, days[i].Before.reviewed(kind).Pending = n.Now, n.Before
		}
	}
	r := DailyReport{Stamp: a.Stamp, Rows: make([]Row[Daily], len(days))}
	for i, pair := range days {
		r.Rows[i] = Row[Daily]{Key: (f.From + workdays.Day(i)).String(), Pair: pair}
	}
	return r, nil
}

// count counts what happened.
func (d *Daily) count(c *cell) {
	if c.kind == booking.Category {
		switch c.what {
		case requested:
			d.Requested += c.n
		case replied:
			d.Replied += c.n
		}
		return
	}
	switch of := d.reviewed(c.kind); c.what {
	case submitted:
		of.Submitted += c.n
	case approved:
		of.Approved += c.n
	case rejected:
		of.Rejected += c.n
	case revoked:
		of.Revoked += c.n
	case listed:
		d.Listed += c.n
	case unlisted:
		d.Unlisted += c.n
	case takenDown:
		d.TakenDown += c.n
	case deleted:
		d.Deleted += c.n
	}
}
