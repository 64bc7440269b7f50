package figures

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"waybill/domain/product"
	"waybill/domain/provider"
)

// Turnaround is how long the decisions of a period took.
func (q Queries) Turnaround(ctx context.Context, f Filter) (TurnaroundReport, error) {
	return report(ctx, q, f, TurnaroundBy, func(a asOf) (TurnaroundReport, error) { return q.turnaround(ctx, a, f) })
}

func (q Queries) turnaround(ctx context.Context, a asOf, f Filter) (TurnaroundReport, error) {
	type sums struct {
		decided, late             int
		sinceRevision, sinceFirst values
	}
	all := map[string]*Pair[sums]{}
	err := q.cells(ctx, a, f, ofDecisions, func(c *cell) {
		s := of(f, entry(all, f.key(c)), c.day)
		s.decided, s.late = s.decided+c.n, s.late+c.late
		s.sinceRevision.add(c.aIn, c.aOut)
		s.sinceFirst.add(c.bIn, c.bOut)
	}, f.By.label())
	if err != nil {
		return TurnaroundReport{}, err
	}
	r := TurnaroundReport{Stamp: a.Stamp}
	var wrong error
	r.Rows = rowsOf(f, all, func(s *sums) Turnaround {
		wrong = errors.Join(wrong, s.sinceRevision.err, s.sinceFirst.err)
		return Turnaround{Decided: s.decided, Breaches: s.late, SinceRevision: s.sinceRevision.spread(), SinceFirst: s.sinceFirst.spread()}
	})
	return r, wrong
}

// Funnel is how far those got that were first submitted in a period.
func (q Queries) Funnel(ctx context.Context, f Filter) (FunnelReport, error) {
	return report(ctx, q, f, []By{ByAll}, func(a asOf) (FunnelReport, error) { return q.funnel(ctx, a, f) })
}

func (q Queries) funnel(ctx context.Context, a asOf, f Filter) (FunnelReport, error) {
	type stageOf struct {
		kind  string
		stage Stage
	}
	all := map[stageOf]*Pair[int]{}
	err := q.cells(ctx, a, f, ofStages, func(c *cell) {
		*of(f, entry(all, stageOf{c.kind, Stage(c.what)}), c.day) += c.n
	}, ByAll)
	if err != nil {
		return FunnelReport{}, err
	}
	r := FunnelReport{Stamp: a.Stamp}
	for _, kind := range f.kinds() {
		stages := ProviderStages
		if kind == product.Category {
			stages = ProductStages
		}
		whole := *entry(all, stageOf{kind, Submitted})
		for _, stage := range stages {
			r.Rows = append(r.Rows, FunnelRow{Kind: kind, Stage: stage, Pair: *entry(all, stageOf{kind, stage}), Of: whole})
		}
	}
	return r, nil
}

// Rejections is why what was rejected in a period was.
func (q Queries) Rejections(ctx context.Context, f Filter) (RejectionsReport, error) {
	return report(ctx, q, f, []By{ByAll}, func(a asOf) (RejectionsReport, error) { return q.rejections(ctx, a, f) })
}

func (q Queries) rejections(ctx context.Context, a asOf, f Filter) (RejectionsReport, error) {
	whole, rows := map[string]*Pair[int]{}, map[[2]string]*Pair[int]{}
	err := q.cells(ctx, a, f, ofDecisions, func(c *cell) {
		switch {
		case c.what != rejected:
		case c.label == string(ByReason):
			*of(f, entry(rows, [2]string{c.kind, c.key}), c.day) += c.n
		default:
			*of(f, entry(whole, c.kind), c.day) += c.n
		}
	}, ByAll, ByReason)
	if err != nil {
		return RejectionsReport{}, err
	}
	r := RejectionsReport{Stamp: a.Stamp}
	for key, n := range rows {
		r.Rows = append(r.Rows, RejectionRow{Kind: key[0], Reason: key[1], Pair: *n, Of: *entry(whole, key[0])})
	}
	slices.SortFunc(r.Rows, func(a, b RejectionRow) int {
		return cmp.Or(byKind(a.Kind, b.Kind), strings.Compare(a.Reason, b.Reason))
	})
	return r, nil
}

// entry is that of a key, which is made when there is none.
func entry[K comparable, T any](all map[K]*T, key K) *T {
	e, ok := all[key]
	if !ok {
		e = new(T)
		all[key] = e
	}
	return e
}

// rowsOf are the rows of a report by something, in their order.
func rowsOf[S, T any](f Filter, all map[string]*Pair[S], figure func(*S) T) []Row[T] {
	var keys []string
	switch f.By {
	case ByAll:
		keys = []string{""}
	case ByKind:
		keys = f.kinds()
	case ByDay:
		for d := f.From; d <= f.To; d++ {
			keys = append(keys, d.String())
		}
	case ByRound:
		keys = slices.SortedFunc(maps.Keys(all), func(a, b string) int {
			x, _ := strconv.Atoi(a)
			y, _ := strconv.Atoi(b)
			return x - y
		})
	default:
		keys = slices.Sorted(maps.Keys(all))
	}
	rows := make([]Row[T], len(keys))
	for i, key := range keys {
		s := entry(all, key)
		rows[i] = Row[T]{Key: key, Pair: Pair[T]{Now: figure(&s.Now), Before: figure(&s.Before)}}
	}
	return rows
}

func byKind(a, b string) int { return slices.Index(kinds, a) - slices.Index(kinds, b) }

// reviewed is what happened to a kind in a day.
func (d *Daily) reviewed(kind string) *Reviewed {
	if kind == provider.Category {
		return &d.Provider
	}
	return &d.Product
}
