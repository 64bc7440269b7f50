package commands_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/commands"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
)

// dayOff is a correction that makes the next working day that has none before it a day off; the tests of a store may make many.
func (w *world) dayOff() workdays.Correction {
	w.t.Helper()
	days, err := w.Calendar(w.t.Context())
	ok(w.t, err)
	d := workdays.Date(2026, time.March, 2)
	for ; !days.Working(d); d++ {
	}
	return workdays.Correction{
		Days:   []workdays.Special{{Day: d, Name: domain.Text{ZH: "台风停工", EN: "Typhoon"}}},
		Notice: "国办发明电〔2026〕9号",
	}
}

// special is a day of a correction.
func special(t testing.TB, date string, working bool) workdays.Special {
	t.Helper()
	d, err := workdays.ParseDay(date)
	ok(t, err)
	return workdays.Special{Day: d, Working: working, Name: domain.Text{ZH: "节", EN: "Feast"}}
}

// moment is a time of day in Beijing.
func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04:05 -0700", text+" +0800")
	ok(t, err)
	return at
}

func at(req commands.Request, when time.Time) commands.Request {
	req.At = when
	return req
}

// promised is what the last submission of a stream says.
func (w *world) promised(category string, id uuid.UUID) (due workdays.Due) {
	w.t.Helper()
	for _, recorded := range w.events(domain.Stream(category, id)) {
		fact, err := map[string]domain.Types{product.Category: product.Types, provider.Category: provider.Types}[category].Decode(recorded.Type, recorded.Data)
		ok(w.t, err)
		switch e := fact.(type) {
		case product.Submitted:
			due = e.Due
		case product.Revised:
			due = e.Due
		case provider.Applied:
			due = e.Due
		case provider.Revised:
			due = e.Due
		}
	}
	return due
}

// TestSubmissionsSayWhenTheyAreDue has the calendar's turns: a weekend, a spring festival with a Saturday that is made up for, midnight, the
// year's end, and a year that nobody knows.
func TestSubmissionsSayWhenTheyAreDue(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		submitted            string
		product, application string // the days at whose end they are due
		estimated            string // which of them are
	}{
		{"2026-11-23 12:00:00", "2026-11-24", "2026-11-25", ""},
		{"2026-11-27 23:59:59", "2026-11-30", "2026-12-01", ""}, // a Friday
		{"2026-11-28 00:00:00", "2026-11-30", "2026-12-01", ""}, // the Saturday after it
		{"2026-02-12 10:00:00", "2026-02-13", "2026-02-14", ""}, // the Saturday is made up
		{"2026-02-13 10:00:00", "2026-02-14", "2026-02-24", ""},
		{"2026-02-14 10:00:00", "2026-02-24", "2026-02-25", ""},
		{"2026-02-17 10:00:00", "2026-02-24", "2026-02-25", ""}, // in the festival
		{"2025-12-31 10:00:00", "2026-01-04", "2026-01-05", ""}, // a Sunday is made up
		{"2026-12-30 10:00:00", "2026-12-31", "2027-01-01", "application"},
		{"2026-12-31 23:59:59", "2027-01-01", "2027-01-04", "product application"},
	} {
		when := moment(t, c.submitted)
		code := domaintest.FreshCode()
		owner := w.enterprise(code)
		must[provider.State](t)(w.ApplyAsProvider(t.Context(), at(as(owner), when), profile(code)))
		apply := w.promised(provider.Category, owner)
		must[provider.State](t)(w.ApproveProvider(t.Context(), at(staff(), when), owner, commands.Decision{Revision: 1}))
		id := must[product.State](t)(w.SubmitProduct(t.Context(), at(as(owner), when), content())).ID
		submit := w.promised(product.Category, id)
		estimated := ""
		if submit.Estimated {
			estimated = "product "
		}
		if apply.Estimated {
			estimated += "application"
		}
		if submit.Day().String() != c.product || apply.Day().String() != c.application || estimated != c.estimated || submit.Calendar != "2026.0" {
			t.Errorf("%s: a product is due %+v, an application %+v, want %+v", c.submitted, submit, apply, c)
		}
		later := when.AddDate(0, 0, 7) // a revision starts the clock again (Q11)
		must[product.State](t)(w.ReviseProduct(t.Context(), at(as(owner), later), id, content()))
		must[provider.State](t)(w.ReviseApplication(t.Context(), at(as(owner), later), profile(code)))
		standard := workdays.Standard()
		if got := w.promised(product.Category, id); !reflect.DeepEqual(got, standard.Due(later, workdays.ForProduct)) {
			t.Errorf("a revision of %s is due %+v", later, got)
		}
		if got := w.promised(provider.Category, owner); !reflect.DeepEqual(got, standard.Due(later, workdays.ForApplication)) {
			t.Errorf("a revision of %s is due %+v", later, got)
		}
	}
}

// TestACorrectionIsForWhatComesAfterIt, on every node at once; what was promised stays as it was.
func TestACorrectionIsForWhatComesAfterIt(t *testing.T) {
	w := newWorld(t)
	elsewhere := commands.New(w.store, domaintest.Sources())
	owner := w.provider(w.codeA)
	friday := moment(t, "2026-03-13 10:00:00")
	submit := func(s *commands.Service) uuid.UUID {
		return must[product.State](t)(s.SubmitProduct(t.Context(), at(as(owner), friday), content())).ID
	}
	before := submit(w.Service)
	change := workdays.Correction{Days: []workdays.Special{special(t, "2026-03-14", true), special(t, "2026-03-16", false)}, Notice: "n"}
	corrected := must[calendar.State](t)(elsewhere.CorrectCalendar(t.Context(), staff(), change))
	if corrected.State.Calendar().Version() != "2026.1" || corrected.ID != calendar.ID {
		t.Errorf("%+v", corrected)
	}
	for name, c := range map[string]struct {
		id   uuid.UUID
		want string
	}{
		"before": {before, "2026-03-16 2026.0"}, "after": {submit(w.Service), "2026-03-14 2026.1"}, "elsewhere": {submit(elsewhere), "2026-03-14 2026.1"},
	} {
		if due := w.promised(product.Category, c.id); fmt.Sprint(due.Day(), " ", due.Calendar) != c.want {
			t.Errorf("%s: due %+v, want %s", name, due, c.want)
		}
	}
	if preview := must[product.State](t)(w.Preview().SubmitProduct(t.Context(), at(as(owner), friday), content())); preview.State.Revision != 1 {
		t.Errorf("%+v", preview)
	}
	_, err := w.CorrectCalendar(t.Context(), staff(), change)
	wantRefusal(t, err, domain.ErrInvalid)
	replayed, err := w.Replay(t.Context(), domain.Stream(calendar.Category, calendar.ID), commands.Until{})
	ok(t, err)
	if state, is := replayed.State.(calendar.State); !is || state.Calendar().Version() != "2026.1" {
		t.Errorf("%+v", replayed)
	}
}

// TestTheCalendarIsReadOn: however many corrections there were, knowing the calendar reads from the last one on; and the answer is never
// behind the log, however many ask and correct at once.
func TestTheCalendarIsReadOn(t *testing.T) {
	w := newWorld(t)
	elsewhere := commands.New(w.store, domaintest.Sources())
	var all sync.WaitGroup
	for range 5 {
		change := w.dayOff()
		must[calendar.State](t)(elsewhere.CorrectCalendar(t.Context(), staff(), change))
		for range 4 {
			all.Go(func() {
				days, err := w.Calendar(context.Background())
				if err != nil || days.Working(change.Days[0].Day) {
					t.Errorf("behind the log: %v", err)
				}
			})
		}
		all.Wait()
	}
	w.store.reads.Store(0)
	days, err := w.Calendar(t.Context())
	if reads := w.store.reads.Load(); err != nil || days.Version() != "2026.5" || reads != 1 {
		t.Errorf("%s after %d reads: %v", days.Version(), reads, err)
	}
}

// TestAnotherLogIsReadFromTheStart: of what a backup brought back, nothing is known, however long the history is.
func TestAnotherLogIsReadFromTheStart(t *testing.T) {
	w := newWorld(t)
	corrected := func(day string) domain.EventStore {
		of := newWorld(t)
		c := workdays.Correction{Days: []workdays.Special{special(t, day, false)}, Notice: "n"}
		must[calendar.State](t)(of.CorrectCalendar(t.Context(), staff(), c))
		return of.store.EventStore
	}
	empty := w.store.EventStore
	for _, c := range []struct {
		log     domain.EventStore
		version workdays.Version
		off     string
	}{{corrected("2026-06-02"), "2026.1", "2026-06-02"}, {corrected("2026-06-03"), "2026.1", "2026-06-03"}, {empty, "2026.0", ""}} {
		w.store.EventStore = c.log
		days, err := w.Calendar(t.Context())
		if err != nil || days.Version() != c.version {
			t.Fatalf("%v, %v, want %s", days, err, c.version)
		}
		for _, day := range []string{"2026-06-02", "2026-06-03"} {
			if days.Working(special(t, day, false).Day) == (day == c.off) {
				t.Errorf("%s, where %q is off: %s", c.version, c.off, day)
			}
		}
	}
}

// TestTwoOperatorsCorrectAtOnce: neither correction is lost, and the same one is made once.
func TestTwoOperatorsCorrectAtOnce(t *testing.T) {
	w := newWorld(t)
	change := w.dayOff()
	other := workdays.Correction{Days: []workdays.Special{special(t, "2026-06-06", true)}, Notice: "n"}
	var all sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		all.Go(func() {
			c := change
			if i == 0 {
				c = other
			}
			_, errs[i] = w.CorrectCalendar(context.Background(), staff(), c)
		})
	}
	all.Wait()
	done := 0
	for _, err := range errs {
		if err == nil {
			done++
		} else if !errors.Is(err, domain.ErrInvalid) {
			t.Error(err)
		}
	}
	days, err := w.Calendar(t.Context())
	ok(t, err)
	if done != 2 || days.Version() != "2026.2" || days.Working(change.Days[0].Day) || !days.Working(other.Days[0].Day) {
		t.Errorf("%d were made: %s", done, days.Version())
	}
}
