package reports

import (
	"context"

	"waybill/http/tabular"
	"waybill/projections/figures"
)

// figure is a column of a report, and its value.
type figure struct {
	name  string
	kind  tabular.Kind
	value any // nil is none
}

func count(name string, n int) figure { return figure{name, tabular.Integer, n} }

// share is a part of a whole, from 0 to 1.
func share(name string, part, whole int) figure {
	tenThousandths, ok := figures.Rate(part, whole)
	if !ok {
		return figure{name, tabular.Number, nil}
	}
	return figure{name, tabular.Number, float64(tenThousandths) / 10_000}
}

// spread is a median and a ninth decile, in minutes.
func spread(name string, s figures.Spread) []figure {
	median, p90 := figure{name + "_median", tabular.Integer, s.Median}, figure{name + "_p90", tabular.Integer, s.P90}
	if s.N == 0 {
		median.value, p90.value = nil, nil
	}
	return []figure{median, p90}
}

func together(groups ...[]figure) (all []figure) {
	for _, g := range groups {
		all = append(all, g...)
	}
	return all
}

// key is a column that says what a row is of.
type key struct {
	name, value string
	day         bool
}

// add adds a row: what it is of, its figures, and those of the period before.
func (r *Report) add(of []key, now, before []figure) {
	row := make([]any, 0, len(of)+len(now)+len(before))
	for _, k := range of {
		row = append(row, k.value)
	}
	for _, f := range together(now, before) {
		row = append(row, f.value)
	}
	r.Rows = append(r.Rows, row)
}

// head names the columns.
func (r *Report) head(of []key, now []figure) {
	for _, k := range of {
		kind := tabular.Text
		if k.day {
			kind = tabular.Day
		}
		r.Columns = append(r.Columns, tabular.Column{Name: k.name, Kind: kind})
	}
	for _, prefix := range []string{"", "before_"} {
		for _, f := range now {
			r.Columns = append(r.Columns, tabular.Column{Name: prefix + f.name, Kind: f.kind})
		}
	}
}

// ask fills in the columns and the rows. The columns are the same however many rows there are.
func (r *Report) ask(ctx context.Context, q figures.Queries, f figures.Filter) (figures.Stamp, error) {
	switch r.Name {
	case Turnaround:
		report, err := q.Turnaround(ctx, f)
		grouped(r, report.Rows, turnaroundOf)
		return report.Stamp, err
	case Funnel:
		report, err := q.Funnel(ctx, f)
		r.funnel(report.Rows)
		return report.Stamp, err
	case Rejections:
		report, err := q.Rejections(ctx, f)
		r.rejections(report.Rows)
		return report.Stamp, err
	case Bookings:
		report, err := q.Bookings(ctx, f)
		grouped(r, report.Rows, bookingsOf)
		return report.Stamp, err
	case Listings:
		report, err := q.Listings(ctx, f)
		r.listings(report.Rows)
		return report.Stamp, err
	case Daily:
		report, err := q.Daily(ctx, f)
		r.daily(report.Rows)
		return report.Stamp, err
	}
	return figures.Stamp{}, errName
}

// grouped are rows by what the report is by.
func grouped[T any](r *Report, rows []figures.Row[T], of func(T) []figure) {
	var none T
	r.head([]key{{name: "group"}}, of(none))
	for _, row := range rows {
		name := row.Key
		if r.By == All {
			name = All
		}
		r.add([]key{{"group", name, false}}, of(row.Now), of(row.Before))
	}
}

func turnaroundOf(t figures.Turnaround) []figure {
	return together(
		[]figure{count("decided", t.Decided)},
		spread("since_revision", t.SinceRevision), spread("since_first", t.SinceFirst),
		[]figure{count("breaches", t.Breaches), share("breach_rate", t.Breaches, t.Decided)},
	)
}

func bookingsOf(b figures.Bookings) []figure {
	closed := b.Closed.Withdrawn + b.Closed.ProductDeleted + b.Closed.ProviderClosed + b.Closed.EnterpriseClosed
	return together(
		[]figure{count("requested", b.Requested), count("replied", b.Replied), share("reply_rate", b.Replied, b.Requested)},
		spread("reply", b.ToReply), spread("working_reply", b.ToReplyWorking),
		[]figure{
			count("closed", closed), count("closed_withdrawn", b.Closed.Withdrawn),
			count("closed_product_deleted", b.Closed.ProductDeleted), count("closed_provider_closed", b.Closed.ProviderClosed),
			count("closed_enterprise_closed", b.Closed.EnterpriseClosed),
		},
	)
}

func (r *Report) funnel(rows []figures.FunnelRow) {
	of := func(n, whole int) []figure { return []figure{count("count", n), share("rate", n, whole)} }
	keys := func(f figures.FunnelRow) []key {
		return []key{{"kind", f.Kind, false}, {"stage", string(f.Stage), false}}
	}
	r.head(keys(figures.FunnelRow{}), of(0, 0))
	for _, row := range rows {
		r.add(keys(row), of(row.Now, row.Of.Now), of(row.Before, row.Of.Before))
	}
}

func (r *Report) rejections(rows []figures.RejectionRow) {
	of := func(n, whole int) []figure {
		return []figure{count("count", n), count("rejections", whole), share("rate", n, whole)}
	}
	keys := func(j figures.RejectionRow) []key { return []key{{"kind", j.Kind, false}, {"reason", j.Reason, false}} }
	r.head(keys(figures.RejectionRow{}), of(0, 0))
	for _, row := range rows {
		r.add(keys(row), of(row.Now, row.Of.Now), of(row.Before, row.Of.Before))
	}
}

// listings have the columns alone that the report is by.
func (r *Report) listings(rows []figures.ListingRow) {
	of := func(n int) []figure { return []figure{count("products", n)} }
	keys := func(l figures.ListingRow) []key {
		all := []key{{"day", l.Day.String(), true}}
		if r.By == All || r.By == string(figures.ByDestination) {
			all = append(all, key{"destination", l.Destination, false})
		}
		if r.By == All || r.By == string(figures.ByMode) {
			all = append(all, key{"mode", l.Mode, false})
		}
		return all
	}
	r.head(keys(figures.ListingRow{}), of(0))
	for _, row := range rows {
		r.add(keys(row), of(row.Now), of(row.Before))
	}
}

func (r *Report) daily(rows []figures.Row[figures.Daily]) {
	reviewed := func(prefix string, of figures.Reviewed) []figure {
		return []figure{
			count(prefix+"_submitted", of.Submitted), count(prefix+"_approved", of.Approved), count(prefix+"_rejected", of.Rejected),
			count(prefix+"_revoked", of.Revoked), count(prefix+"_pending", of.Pending),
		}
	}
	of := func(d figures.Daily) []figure {
		return together(reviewed("applications", d.Provider), reviewed("products", d.Product), []figure{
			count("products_listed", d.Listed), count("products_unlisted", d.Unlisted), count("products_taken_down", d.TakenDown),
			count("products_deleted", d.Deleted), count("bookings_requested", d.Requested), count("bookings_replied", d.Replied),
		})
	}
	r.head([]key{{name: "day", day: true}}, of(figures.Daily{}))
	for _, row := range rows {
		r.add([]key{{"day", row.Key, true}}, of(row.Now), of(row.Before))
	}
}
