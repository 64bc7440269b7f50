package dues_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"waybill/adapters/postgres/pgtest"
	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/dues"
)

// desk is a model with two kinds of cases in one table: pending from the submission of a product or an application to its approval.
var desk = dues.Applying(fold,
	dues.Table{Name: "cases", ID: "id", Open: "open AND kind = 'product'", Days: workdays.ForProduct},
	dues.Table{Name: "cases", ID: "id", Open: "open AND kind = 'provider'", Days: workdays.ForApplication},
)

func fold(ctx context.Context, tx pgx.Tx, events []projections.Event, c *workdays.Calendar) error {
	for _, e := range events {
		id, err := e.Stream.ID()
		if err != nil {
			return err
		}
		var said workdays.Due
		days := workdays.ForProduct
		switch fact := e.Fact.(type) {
		case product.Submitted:
			said = fact.Due
		case provider.Applied:
			said, days = fact.Due, workdays.ForApplication
		case calendar.Corrected:
			return errors.New("a correction is none of the fold's business")
		default:
			if _, err := tx.Exec(ctx, `UPDATE cases SET open = false WHERE id = $1`, id); err != nil {
				return err
			}
			continue
		}
		p := dues.Of(c, said, projections.EventTime(e), days)
		if _, err := tx.Exec(ctx, `INSERT INTO cases (id, kind, open, `+dues.ColumnNames+`) VALUES ($1, $2, true, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET open = true, due_from = $3, due_at = $4, due_estimated = $5, due_calendar = $6`,
			id, e.Stream.Category(), p.DueFrom, p.DueAt, p.DueEstimated, p.DueCalendar); err != nil {
			return err
		}
	}
	return nil
}

func tables(t testing.TB) *pgxpool.Pool {
	return pgtest.Database(t, "dues", func(ctx context.Context, pool *pgxpool.Pool) error {
		_, err := pool.Exec(ctx, dues.DDL+`CREATE TABLE cases (id uuid PRIMARY KEY, kind text NOT NULL, open boolean NOT NULL,`+dues.Columns+`)`)
		return err
	})
}

// row is a case as the test expects it.
type row struct {
	ID   uuid.UUID
	Kind string
	Open bool
	dues.Promise
}

func rows(t interface{ Fatal(...any) }, pool *pgxpool.Pool) map[uuid.UUID]row {
	found, _ := pool.Query(context.Background(), `SELECT id, kind, open, `+dues.ColumnNames+` FROM cases`)
	list, err := pgx.CollectRows(found, pgx.RowToStructByName[row])
	if err != nil {
		t.Fatal(err)
	}
	all := map[uuid.UUID]row{}
	for _, r := range list {
		projections.UTC(&r.DueFrom, &r.DueAt)
		all[r.ID] = r
	}
	return all
}

// log writes events.
type log struct {
	events    []projections.Event
	revisions map[domain.StreamName]domain.Revision
	calendar  *workdays.Calendar
}

func newLog() *log {
	return &log{revisions: map[domain.StreamName]domain.Revision{}, calendar: workdays.Standard()}
}

func (l *log) add(at time.Time, category, name string, fact domain.Event) {
	stream := domain.Stream(category, domaintest.ID(category+name))
	l.events = append(l.events, projections.Event{
		RecordedEvent: domain.RecordedEvent{Stream: stream, Revision: l.revisions[stream], Type: fact.EventType()},
		Fact:          fact, Meta: domain.Metadata{At: at},
	})
	l.revisions[stream]++
}

// correct adds a correction.
func (l *log) correct(at time.Time, through int, days ...workdays.Special) {
	correction := workdays.Correction{Through: through, Days: days, Notice: "n"}
	l.calendar = l.calendar.After(correction)
	l.add(at, calendar.Category, "", calendar.Corrected{Version: l.calendar.Version(), Correction: correction})
}

func (l *log) project(pool *pgxpool.Pool, cuts ...int) error {
	start := 0
	for _, end := range append(slices.Clone(cuts), len(l.events)) {
		if err := pgx.BeginFunc(context.Background(), pool, func(tx pgx.Tx) error {
			return desk(context.Background(), tx, l.events[start:end])
		}); err != nil {
			return fmt.Errorf("events %d to %d: %w", start, end, err)
		}
		start = end
	}
	return nil
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return when.UTC()
}

func day(t testing.TB, date string, working bool) workdays.Special {
	t.Helper()
	d, err := workdays.ParseDay(date)
	if err != nil {
		t.Fatal(err)
	}
	return workdays.Special{Day: d, Working: working, Name: domain.Text{ZH: "节", EN: "Feast"}}
}

// TestACorrectionMovesOpenCases: the spring festival grows while cases are open, as it did in 2020; what was decided keeps its date, and
// what the correction is not about its version too.
func TestACorrectionMovesOpenCases(t *testing.T) {
	pool := tables(t)
	l := newLog()
	friday := at(t, "2026-02-13T10:00:00+08:00") // the Saturday after it is made up, the nine days after that are off
	l.add(friday, "product", "open", product.Submitted{})
	l.add(friday, "product", "decided", product.Submitted{})
	l.add(friday, "provider", "open", provider.Applied{})
	l.add(friday.AddDate(0, 0, 5), "product", "holiday", product.Submitted{})
	l.add(friday.AddDate(0, 0, -7), "product", "overdue", product.Submitted{})
	l.add(at(t, "2026-12-31T10:00:00+08:00"), "product", "estimated", product.Submitted{})
	l.add(friday, "product", "decided", product.Approved{})
	l.correct(friday.AddDate(0, 0, 6), 0, day(t, "2026-02-24", false), day(t, "2026-02-25", false), day(t, "2026-02-14", false))
	l.add(friday.AddDate(0, 0, 6), "product", "later", product.Submitted{Due: workdays.Standard().Due(friday.AddDate(0, 0, 6), 1)})
	if err := l.project(pool); err != nil {
		t.Fatal(err)
	}
	all := rows(t, pool)
	for name, want := range map[string]string{
		"product open":      "2026-02-26 2026.1",
		"product decided":   "2026-02-14 2026.0",
		"provider open":     "2026-02-27 2026.1",
		"product holiday":   "2026-02-26 2026.1",
		"product overdue":   "2026-02-09 2026.0",
		"product estimated": "2027-01-01 2026.1 estimated",
		"product later":     "2026-02-26 2026.1", // its command did not know yet
	} {
		var category, id string
		if _, err := fmt.Sscan(name, &category, &id); err != nil {
			t.Fatal(err)
		}
		r := all[domaintest.ID(category+id)]
		got := fmt.Sprint(r.Due().Day(), " ", r.DueCalendar)
		if r.DueEstimated {
			got += " estimated"
		}
		if got != want {
			t.Errorf("%s: due %s, want %s", name, got, want)
		}
	}
}

// TestALargeCorrection moves more cases than one statement takes.
func TestALargeCorrection(t *testing.T) {
	pool := tables(t)
	l := newLog()
	submitted := at(t, "2026-03-12T10:00:00+08:00")
	const many = 2500
	for i := range many {
		l.add(submitted, "product", fmt.Sprint(i), product.Submitted{})
	}
	l.correct(submitted, 0, day(t, "2026-03-13", false))
	l.correct(submitted, 0, day(t, "2026-03-16", false))
	if err := l.project(pool); err != nil {
		t.Fatal(err)
	}
	all := rows(t, pool)
	for id, r := range all {
		if r.Due() != l.calendar.Due(submitted, 1) {
			t.Fatalf("%s: %+v", id, r)
		}
	}
	if len(all) != many {
		t.Errorf("%d cases", len(all))
	}
}

func TestACorrectionOfAnotherVersionIsRefused(t *testing.T) {
	pool := tables(t)
	l := newLog()
	l.correct(at(t, "2026-03-12T10:00:00+08:00"), 0, day(t, "2026-03-13", false))
	l.correct(at(t, "2026-03-12T10:00:00+08:00"), 0, day(t, "2026-03-16", false))
	l.events = l.events[1:] // the first is lost
	if err := l.project(pool); err == nil {
		t.Error("a correction is left out, and nobody says so")
	}
}

// TestDuesAreAFold: however the log is cut into batches, each case is due as an independent fold of the events says.
func TestDuesAreAFold(t *testing.T) {
	pool := tables(t)
	rapid.Check(t, func(t *rapid.T) {
		if _, err := pool.Exec(context.Background(), `DELETE FROM cases; DELETE FROM corrections`); err != nil {
			t.Fatal(err)
		}
		l, want := newLog(), map[uuid.UUID]row{}
		now := workdays.Date(2026, time.February, 10).Start()
		for range rapid.IntRange(1, 40).Draw(t, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "hours")) * time.Hour)
			category := rapid.SampledFrom([]string{"product", "provider"}).Draw(t, "kind")
			name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
			id, days := domaintest.ID(category+name), workdays.ForProduct
			submitted := func(d workdays.Due) domain.Event { return product.Submitted{Due: d} }
			decided := domain.Event(product.Approved{})
			if category == "provider" {
				days, decided = workdays.ForApplication, provider.Approved{}
				submitted = func(d workdays.Due) domain.Event { return provider.Applied{Due: d} }
			}
			switch rapid.SampledFrom([]string{"submit", "submit", "decide", "correct"}).Draw(t, "what") {
			case "submit":
				due := l.calendar.Due(now, days)
				said := rapid.SampledFrom([]workdays.Due{due, {}, workdays.Standard().Due(now, days)}).Draw(t, "said")
				l.add(now, category, name, submitted(said))
				want[id] = row{id, category, true, dues.Promise{DueFrom: now, DueAt: due.At, DueEstimated: due.Estimated, DueCalendar: due.Calendar}}
			case "decide":
				l.add(now, category, name, decided)
				if r, ok := want[id]; ok {
					r.Open = false
					want[id] = r
				}
			case "correct":
				first := rapid.IntRange(-10, 10).Draw(t, "first day")
				var changed []workdays.Special
				for i := range rapid.IntRange(1, 4).Draw(t, "days") {
					d := workdays.DayOf(now) + workdays.Day(first+2*i)
					changed = append(changed, workdays.Special{Day: d, Working: !l.calendar.Working(d), Name: domain.Text{ZH: "节", EN: "Feast"}})
				}
				before := l.calendar
				l.correct(now, 0, changed...)
				for id, r := range want {
					days := workdays.ForProduct
					if r.Kind == "provider" {
						days = workdays.ForApplication
					}
					switch due := l.calendar.Due(r.DueFrom, days); {
					case !r.Open:
					case (workdays.Correction{Days: changed}).Touches(r.DueFrom, r.Due()):
						r.DueAt, r.DueEstimated, r.DueCalendar = due.At, due.Estimated, due.Calendar
						want[id] = r
					case due.At != r.DueAt:
						t.Fatalf("%s is due %v by %s and %v by %s, untouched", id, r.DueAt, before.Version(), due.At, due.Calendar)
					}
				}
			}
		}
		cuts := rapid.SliceOfDistinct(rapid.IntRange(0, len(l.events)), rapid.ID[int]).Draw(t, "cuts")
		slices.Sort(cuts)
		if err := l.project(pool, cuts...); err != nil {
			t.Fatal(err)
		}
		if got := rows(t, pool); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
	})
}
