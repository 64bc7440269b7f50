package main

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/calendar"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/figures"
)

const (
	// figuresSpan is how many days the log of the reports spans.
	figuresSpan = 3 * 365
	// figuresBatch is how many events a transaction applies, as in a rebuild.
	figuresBatch = 5000
	// newestTarget and pastTarget are in milliseconds.
	newestTarget, pastTarget = 50, 1000
)

// reports measures the queries of the reports, on a log that the read model's own Apply was given, without a store.
func (b *bench) reports(ctx context.Context) error {
	d, err := b.database(ctx, "bench_reports")
	if err != nil {
		return err
	}
	w := newFiguresWorld(b.size.reportEvents)
	began := time.Now()
	ends, err := w.apply(ctx, d, b.progress)
	if err != nil {
		return err
	}
	perSecond := float64(b.size.reportEvents) / time.Since(began).Seconds()
	if _, err := d.pool.Exec(ctx, `VACUUM (ANALYZE)`); err != nil {
		return err
	}
	var size string
	err = d.pool.QueryRow(ctx, `SELECT pg_size_pretty(sum(pg_total_relation_size(schemaname || '.' || tablename))) FROM pg_tables WHERE schemaname = $1`,
		figures.Model.Schema).Scan(&size)
	if err != nil {
		return err
	}
	b.report.line("Figures: %s events of %d days were applied at %.0f events/s, in batches of %d; their tables take %s.",
		grouped(float64(b.size.reportEvents)), figuresSpan, perSecond, figuresBatch, size)
	if err := b.measureReports(ctx, figures.Queries{DB: d.pool}, ends); err != nil {
		return err
	}
	began = time.Now()
	if err := w.correct(ctx, d); err != nil {
		return err
	}
	b.report.line("A correction of a day in the middle of them took %.2f s.", time.Since(began).Seconds())
	return nil
}

// askedReport is a report that is measured.
type askedReport struct {
	name string
	ask  func(context.Context, figures.Filter) error
}

func reportsOf(q figures.Queries) []askedReport {
	all := []askedReport{
		{"funnel", answered(q.Funnel)}, {"rejections", answered(q.Rejections)}, {"daily", answered(q.Daily)},
	}
	add := func(name string, by []figures.By, ask func(context.Context, figures.Filter) error) {
		for _, by := range by {
			all = append(all, askedReport{name + " by " + cmp.Or(string(by), "nothing"), func(ctx context.Context, f figures.Filter) error {
				f.By = by
				return ask(ctx, f)
			}})
		}
	}
	add("turnaround", figures.TurnaroundBy, answered(q.Turnaround))
	add("bookings", figures.BookingsBy, answered(q.Bookings))
	add("listings", figures.ListingsBy, answered(q.Listings))
	return all
}

// answered leaves out what a report says.
func answered[R any](ask func(context.Context, figures.Filter) (R, error)) func(context.Context, figures.Filter) error {
	return func(ctx context.Context, f figures.Filter) error {
		_, err := ask(ctx, f)
		return err
	}
}

// measureReports asks for each report as of the newest position, of a day's end and of any, for months and, as of the newest, a year.
func (b *bench) measureReports(ctx context.Context, q figures.Queries, ends []domain.Position) error {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // any periods
	last := len(ends) - 1
	rows := [][]string{{"report", "a month, newest", "a month, a day's end", "a month, any position", "a year, newest"}}
	for _, report := range reportsOf(q) {
		row := []string{report.name}
		for _, c := range []struct {
			days   int
			target float64
			asOf   func(day int) domain.Position
		}{
			{30, newestTarget, func(int) domain.Position { return 0 }},
			{30, newestTarget, func(day int) domain.Position { return ends[day] }},
			{30, pastTarget, func(day int) domain.Position {
				return ends[day-1] + domain.Position(r.Int64N(int64(ends[day]-ends[day-1])+1)) //nolint:gosec // positions of a bench
			}},
			{365, 0, func(int) domain.Position { return 0 }},
		} {
			var took []float64
			for range b.size.reportRounds {
				day := 2*c.days + r.IntN(max(1, last-2*c.days))
				to := firstReportDay + workdays.Day(day)
				began := time.Now()
				f := figures.Filter{From: to - workdays.Day(c.days) + 1, To: to, AsOf: c.asOf(min(day, last))}
				if err := report.ask(ctx, f); err != nil {
					return fmt.Errorf("%s: %w", report.name, err)
				}
				took = append(took, float64(time.Since(began).Microseconds())/1000)
			}
			cell := fmt.Sprintf("%.1f ms", median(took))
			if c.target > 0 {
				cell = b.report.most(report.name+" "+rows[0][len(row)], median(took), c.target, "%.1f ms")
			}
			row = append(row, cell+fmt.Sprintf(", at most %.0f", slices.Max(took)))
		}
		rows = append(rows, row)
	}
	b.report.table("Reports of periods anywhere in three years, each with the period before, from the read model", rows)
	return nil
}

// firstReportDay is when the log of the reports begins.
var firstReportDay = workdays.Date(2024, time.January, 2)

// figuresWorld is a log that is made as it is read: products that are submitted, decided, revised, listed and booked.
type figuresWorld struct {
	r         *rand.Rand
	events    int
	providers []uuid.UUID
	active    []bool
	lives     int
	due       lifeQueue
	revisions map[domain.StreamName]domain.Revision
	position  domain.Position
	batch     []projections.Event
}

// life is what happens next to a product or booking, and when.
type life struct {
	at       time.Time
	id       uuid.UUID
	owner    int
	revision domain.ContentRevision
	next     func(*figuresWorld, *life)
}

type lifeQueue []*life

func (q lifeQueue) Len() int           { return len(q) }
func (q lifeQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q lifeQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }
func (q *lifeQueue) Push(x any) {
	if l, ok := x.(*life); ok {
		*q = append(*q, l)
	}
}

func (q *lifeQueue) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// eventsOfALife is about how many events a product has, with its bookings.
const eventsOfALife = 16

func newFiguresWorld(events int) *figuresWorld {
	w := &figuresWorld{
		r:      rand.New(rand.NewPCG(7, 9)), //nolint:gosec // any log
		events: events, revisions: map[domain.StreamName]domain.Revision{},
	}
	w.lives = max(events/eventsOfALife, 1)
	for range max(20, min(2000, events/1000)) {
		w.providers, w.active = append(w.providers, w.id()), append(w.active, true)
	}
	return w
}

func (w *figuresWorld) id() uuid.UUID {
	id, _ := uuid.NewRandomFromReader(readerOf{w.r})
	return id
}

// readerOf reads random bytes.
type readerOf struct{ *rand.Rand }

func (r readerOf) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r.Uint32()) //nolint:gosec // the lowest byte
	}
	return len(p), nil
}

func (w *figuresWorld) record(category string, id uuid.UUID, at time.Time, by domain.Actor, facts ...domain.Event) {
	stream := domain.Stream(category, id)
	for _, fact := range facts {
		w.position++
		w.batch = append(w.batch, projections.Event{
			RecordedEvent: domain.RecordedEvent{
				Stream: stream, Revision: w.revisions[stream], Position: w.position, Type: fact.EventType(),
			},
			Fact: fact, Meta: domain.Metadata{Actor: by, At: at},
		})
		w.revisions[stream]++
	}
}

func (w *figuresWorld) later(l *life, within time.Duration, next func(*figuresWorld, *life)) {
	l.at, l.next = l.at.Add(time.Duration(float64(within)*w.r.ExpFloat64())), next
	heap.Push(&w.due, l)
}

func (w *figuresWorld) reviewer() domain.Actor {
	return domain.Actor{ID: uuid.UUID{15: byte(1 + w.r.IntN(40))}, Role: domain.RoleReviewer} //nolint:gosec // at most 40
}

var (
	benchModes     = []product.Mode{product.Sea, product.Air, product.Land, product.Rail}
	benchReasons   = []string{"blurred", "incomplete", "expired", "inconsistent", "forbidden", "other"}
	benchCountries = func() (all []string) {
		for i := range 60 {
			all = append(all, fmt.Sprintf("国家%02d", i))
		}
		return all
	}()
)

func (w *figuresWorld) content() product.Content {
	return product.Content{
		Mode:        benchModes[w.r.IntN(len(benchModes))],
		Destination: product.Destination{Country: benchCountries[w.r.IntN(len(benchCountries))]},
	}
}

func submitLife(w *figuresWorld, l *life) {
	l.revision++
	owner := domain.Actor{ID: w.providers[l.owner], Role: domain.RoleProvider}
	if l.revision == 1 {
		w.record(product.Category, l.id, l.at, owner, product.Submitted{ProviderID: owner.ID, Revision: 1, Content: w.content()})
	} else {
		w.record(product.Category, l.id, l.at, owner, product.Revised{Revision: l.revision, Content: w.content()})
	}
	w.later(l, 20*time.Hour, decideLife)
}

func decideLife(w *figuresWorld, l *life) {
	if w.r.IntN(4) == 0 {
		reasons := []domain.Reason{{Code: benchReasons[w.r.IntN(len(benchReasons))]}}
		w.record(product.Category, l.id, l.at, w.reviewer(), product.Rejected{Revision: l.revision, Reasons: reasons})
		w.later(l, 72*time.Hour, submitLife)
		return
	}
	w.record(product.Category, l.id, l.at, w.reviewer(), product.Approved{Revision: l.revision}, product.Listed{})
	for range 5 {
		b := &life{at: l.at, id: l.id, owner: l.owner, revision: l.revision}
		w.later(b, 45*24*time.Hour, bookLife)
	}
	w.later(l, 90*24*time.Hour, endLife)
}

func endLife(w *figuresWorld, l *life) {
	owner := domain.Actor{ID: w.providers[l.owner], Role: domain.RoleProvider}
	w.record(product.Category, l.id, l.at, owner, product.Unlisted{}, product.Deleted{})
	delete(w.revisions, domain.Stream(product.Category, l.id))
}

func bookLife(w *figuresWorld, l *life) {
	asked := booking.Requested{ProductID: l.id, ProductRevision: l.revision, ProviderID: w.providers[l.owner], EnterpriseID: uuid.UUID{1}}
	l.id = w.id()
	w.record(booking.Category, l.id, l.at, domain.Actor{ID: uuid.UUID{1}, Role: domain.RoleEnterprise}, asked)
	w.later(l, 6*time.Hour, func(w *figuresWorld, l *life) {
		owner := domain.Actor{ID: w.providers[l.owner], Role: domain.RoleProvider}
		if w.r.IntN(6) == 0 {
			w.record(booking.Category, l.id, l.at, owner, booking.Closed{Reason: booking.Withdrawn})
		} else {
			w.record(booking.Category, l.id, l.at, owner, booking.Replied{Number: 1, Text: "好"})
		}
		delete(w.revisions, domain.Stream(booking.Category, l.id))
	})
}

// apply has the read model apply the log; it returns the last position of each day.
func (w *figuresWorld) apply(ctx context.Context, d *database, progress func(string, ...any)) (ends []domain.Position, err error) {
	at := firstReportDay.Start()
	for _, v := range w.providers {
		w.record(provider.Category, v, at, domain.Actor{ID: v, Role: domain.RoleEnterprise}, provider.Applied{Revision: 1})
		w.record(provider.Category, v, at, w.reviewer(), provider.Approved{Revision: 1})
	}
	every := figuresSpan * 24 * time.Hour / time.Duration(w.lives)
	started := 0
	day := firstReportDay
	for int(w.position) < w.events { //nolint:gosec // a bench's
		if born := at.Add(time.Duration(started) * every); len(w.due) == 0 || w.due[0].at.After(born) {
			started++
			submitLife(w, &life{at: born, id: w.id(), owner: w.r.IntN(len(w.providers))})
		} else {
			w.live()
		}
		for now := workdays.DayOf(w.batch[len(w.batch)-1].Meta.At); day < now; day++ {
			ends = append(ends, w.position-1)
			w.suspend(now.Start())
		}
		if len(w.batch) >= figuresBatch {
			if err := w.flush(ctx, d); err != nil {
				return nil, err
			}
			if w.position/1_000_000 != (w.position-figuresBatch)/1_000_000 {
				progress("reports: %s events", grouped(float64(w.position)))
			}
		}
	}
	return append(ends, w.position), w.flush(ctx, d)
}

// live has happen what is due first.
func (w *figuresWorld) live() {
	if l, ok := heap.Pop(&w.due).(*life); ok {
		l.next(w, l)
	}
}

// suspend suspends a provider, or ends its suspension.
func (w *figuresWorld) suspend(at time.Time) {
	i := w.r.IntN(len(w.providers))
	fact := domain.Event(provider.Suspended{Reason: "复核"})
	if !w.active[i] {
		fact = provider.Reinstated{Reason: "复核通过"}
	}
	w.active[i] = !w.active[i]
	w.record(provider.Category, w.providers[i], at, domain.Actor{ID: uuid.UUID{2}, Role: domain.RoleOperator}, fact)
}

// correct tells that a day long past was none.
func (w *figuresWorld) correct(ctx context.Context, d *database) error {
	for day := firstReportDay + figuresSpan/2; ; day++ {
		if !workdays.Standard().Working(day) {
			continue
		}
		off := workdays.Special{Day: day, Name: domain.Text{ZH: "台风停工", EN: "Typhoon"}}
		w.record(calendar.Category, calendar.ID, time.Now(), domain.Actor{ID: uuid.UUID{2}, Role: domain.RoleOperator},
			calendar.Corrected{Version: "2026.1", Correction: workdays.Correction{Days: []workdays.Special{off}}})
		return w.flush(ctx, d)
	}
}

func (w *figuresWorld) flush(ctx context.Context, d *database) error {
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SET LOCAL synchronous_commit = off; SET LOCAL search_path = `+figures.Model.Schema)
		if err != nil {
			return err
		}
		if err := figures.Model.Apply(ctx, tx, w.batch); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE projections.checkpoints SET position = $1 WHERE projection = $2`, w.position, figures.Model.Schema)
		return err
	})
	w.batch = w.batch[:0]
	return err
}
