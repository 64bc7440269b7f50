package models_test

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/product"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections"
	"waybill/projections/dues"
	"waybill/projections/modeltest"
)

// promise is when a submission that comes next is due: by the log's calendar, or by the one before that its command still knew.
func (w *world) promise(t *rapid.T, days int) workdays.Due {
	known := w.calendar.Calendar()
	if rapid.IntRange(0, 2).Draw(t, "its command is late") == 0 {
		known = workdays.Standard()
	}
	return known.Due(w.At.Add(time.Second), days)
}

// correct changes days around now, and lets time pass.
func (w *world) correct(t *rapid.T) {
	w.At = w.At.Add(time.Duration(rapid.IntRange(0, 30).Draw(t, "hours")) * time.Hour)
	c := w.calendar.Calendar()
	first := workdays.DayOf(w.At) + workdays.Day(rapid.IntRange(-3, 6).Draw(t, "first day"))
	correction := workdays.Correction{Notice: "国办发明电〔2026〕9号"}
	for i := range rapid.IntRange(1, 3).Draw(t, "days") {
		d := first + workdays.Day(i)
		correction.Days = append(correction.Days, workdays.Special{Day: d, Working: !c.Working(d), Name: domain.Text{ZH: "节", EN: "Feast"}})
	}
	if w.tried != nil {
		w.tried["calendar.Correct"] = true
	}
	happened, err := calendar.Decide(w.calendar, calendar.Correct{Correction: correction})
	if err != nil {
		return // of a year that the calendar does not know
	}
	for _, fact := range happened {
		w.calendar = calendar.Evolve(w.calendar, fact)
		w.Add(calendar.Category, calendar.ID, fact)
	}
}

// due is when the log says that a case is due: by the calendar of its end while it pends, by that of the decision after it.
func (w *world) due(stream domain.StreamName, days int) (from, at time.Time, estimated bool) {
	var (
		known   calendar.State
		pending bool
		latest  domain.ContentRevision
	)
	begin := func(e projections.Event) { from, pending = projections.EventTime(e), true }
	for _, e := range w.Log {
		switch fact := e.Fact.(type) {
		case calendar.Corrected:
			known = calendar.Evolve(known, fact)
		case product.Submitted, provider.Applied:
			if e.Stream == stream {
				begin(e)
				latest = 1
			}
		case product.Revised, provider.Revised:
			if e.Stream == stream {
				begin(e)
				latest++
			}
		case product.ApprovalRevoked:
			if e.Stream == stream && fact.Revision == latest {
				begin(e)
			}
		case provider.ApprovalRevoked:
			if e.Stream == stream && fact.Revision == latest {
				begin(e)
			}
		case product.Approved, product.Rejected, provider.Approved, provider.Rejected:
			pending = pending && e.Stream != stream
		}
		if pending {
			due := known.Calendar().Due(from, days)
			at, estimated = due.At, due.Estimated
		}
	}
	return from, at, estimated
}

// checkDue holds what a read model shows to the log.
func (w *world) checkDue(t *rapid.T, category string, id uuid.UUID, got dues.Promise) {
	days := map[string]int{product.Category: workdays.ForProduct, provider.Category: workdays.ForApplication}[category]
	from, at, estimated := w.due(domain.Stream(category, id), days)
	modeltest.Equal(t, category+" is due", fmt.Sprint(got.DueFrom.UTC(), got.DueAt.UTC(), got.DueEstimated), fmt.Sprint(from, at, estimated))
}
