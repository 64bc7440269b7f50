package api_test

import (
	"fmt"
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/calendar"
	"waybill/domain/workdays"
)

// beijing is a time of day there.
func beijing(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", text, domain.Beijing)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// correct corrects the log's calendar: the days are named as 2026-02-24, and a make-up day as +2026-02-14. It returns the position.
func (w *world) correct(days ...string) string {
	w.t.Helper()
	correction := workdays.Correction{Notice: "国办发明电〔2026〕9号"}
	for _, text := range days {
		working := text[0] == '+'
		if working {
			text = text[1:]
		}
		d, err := workdays.ParseDay(text)
		if err != nil {
			w.t.Fatal(err)
		}
		name := domain.Text{ZH: "延长假期", EN: "Longer holiday"}
		correction.Days = append(correction.Days, workdays.Special{Day: d, Working: working, Name: name})
		correction.Through = max(correction.Through, d.Year())
	}
	if correction.Through <= 2026 {
		correction.Through = 0
	}
	out, err := w.commands.CorrectCalendar(w.t.Context(), w.request(), correction)
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(out.Position)
}

// due is what an answer says about when something is due, in short, as a day in Beijing at whose end it is.
func due(a answer, path ...any) string {
	at, err := time.Parse(time.RFC3339, a.text(append(path, "due_at")...))
	if err != nil {
		return err.Error()
	}
	short := at.Add(-time.Nanosecond).In(domain.Beijing).Format(time.DateOnly)
	for _, flag := range []string{"due_estimated", "overdue"} {
		if a.at(append(path, flag)...) == true {
			short += " " + flag
		}
	}
	return short
}

// TestEverybodySeesOneDate: whoever submitted, the operator and the reviewer, from the submission over a correction of the calendar and the
// end of the term to the decision, which keeps it.
func TestEverybodySeesOneDate(t *testing.T) {
	w := start(t)
	w.travel(beijing(t, "2026-02-02 10:00"))
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner := w.provider(reviewer)

	w.travel(beijing(t, "2026-02-13 10:00")) // a Friday; the Saturday is made up, and then there are nine days off
	applicant := w.enterprise()
	const application, products = "/api/v1/provider/application", "/api/v1/provider/products"
	preview := w.do(applicant, "POST", application+"?mode=preview", w.profile()).is(200)
	applied := w.do(applicant, "POST", application, w.profile()).is(201)
	submitted := w.do(owner, "POST", products, content()).is(201)
	id := submitted.text("id")
	if due(preview) != "2026-02-24" || due(applied) != "2026-02-24" || due(submitted) != "2026-02-14" {
		t.Errorf("preview %s, application %s, product %s", preview.body, applied.body, submitted.body)
	}
	look := func(when, position, wantApplication, wantProduct string) {
		t.Helper()
		for _, c := range []struct {
			who  as
			path string
			in   []any
			want string
		}{
			{applicant, application, nil, wantApplication},
			{operator, "/api/v1/operator/providers/" + applicant.id.String(), nil, wantApplication},
			{reviewer, "/api/v1/review/providers/" + applicant.id.String(), []any{"item"}, wantApplication},
			{owner, products + "/" + id, nil, wantProduct},
			{owner, products, []any{"items", 0}, wantProduct},
			{operator, "/api/v1/operator/products/" + id, nil, wantProduct},
			{reviewer, "/api/v1/review/products/" + id, []any{"item"}, wantProduct},
		} {
			got := w.do(c.who, "GET", c.path, nil, "Waybill-Position", position).is(200)
			if due(got, c.in...) != c.want {
				t.Errorf("%s: %s is due %s, want %s", when, c.path, due(got, c.in...), c.want)
			}
		}
	}
	look("submitted", submitted.position(), "2026-02-24", "2026-02-14")

	// The Saturday is given back, and the holiday grows by two days. Both cases are open.
	before := w.do(owner, "GET", products+"/"+id, nil).is(200).header.Get("ETag")
	corrected := w.correct("2026-02-14", "2026-02-24", "2026-02-25")
	look("corrected", corrected, "2026-02-27", "2026-02-26")
	w.do(owner, "GET", products+"/"+id, nil, "If-None-Match", before).is(200)
	year := w.do(as{}, "GET", "/api/v1/calendar/2026", nil).is(200)
	if year.text("version") != "2026.1" || year.at("working_days") != 245.0 {
		t.Errorf("%s", year.body)
	}

	w.travel(beijing(t, "2026-02-26 23:59"))
	look("the last minute", corrected, "2026-02-27", "2026-02-26")
	w.travel(beijing(t, "2026-02-27 00:00"))
	look("over", corrected, "2026-02-27", "2026-02-26 overdue")
	w.do(reviewer, "POST", "/api/v1/review/providers/"+applicant.id.String()+"/approve", m{"revision": 1}).is(200)
	w.travel(beijing(t, "2026-02-28 09:00"))
	decided := w.do(reviewer, "POST", "/api/v1/review/products/"+id+"/approve", m{"revision": 1}).is(200)
	look("decided", decided.position(), "2026-02-27", "2026-02-26 overdue")

	again := w.correct("+2026-02-24", "+2026-02-25") // what was judged stays as it was
	look("corrected once more", again, "2026-02-27", "2026-02-26 overdue")
}

// TestTheYearsEnd: what is due in a year that the calendar does not know is estimated, until a correction brings the year.
func TestTheYearsEnd(t *testing.T) {
	w := start(t)
	w.travel(beijing(t, "2026-12-31 10:00")) // a Thursday
	reviewer := w.staff(domain.RoleReviewer)
	applicant := w.enterprise()
	applied := w.do(applicant, "POST", "/api/v1/provider/application", w.profile()).is(201)
	see := func(position string) [2]string {
		own := w.do(applicant, "GET", "/api/v1/provider/application", nil, "Waybill-Position", position).is(200)
		inReview := w.do(reviewer, "GET", "/api/v1/review/providers/"+applicant.id.String(), nil, "Waybill-Position", position).is(200)
		return [2]string{due(own), due(inReview, "item")}
	}
	const estimated, known = "2027-01-04 due_estimated", "2027-01-05"
	if due(applied) != estimated || see(applied.position()) != [2]string{estimated, estimated} {
		t.Errorf("estimated: %s", applied.body)
	}
	if year := w.do(as{}, "GET", "/api/v1/calendar/2027", nil).is(200); year.at("estimated") != true {
		t.Errorf("%s", year.body)
	}
	if got := see(w.correct("2027-01-01")); got != [2]string{known, known} {
		t.Errorf("once the year is known: %v", got)
	}
	if year := w.do(as{}, "GET", "/api/v1/calendar/2027", nil).is(200); year.at("estimated") != false || year.text("version") != "2026.1" {
		t.Errorf("%s", year.body)
	}
}

// TestTheCalendarInTheHistory: who corrected it, and what it was, for the auditor.
func TestTheCalendarInTheHistory(t *testing.T) {
	w := start(t)
	auditor := w.staff(domain.RoleAuditor)
	position := w.correct("2026-02-24")
	stream := string(domain.Stream(calendar.Category, calendar.ID))
	events := w.do(auditor, "GET", "/api/v1/audit/events?stream="+stream, nil, "Waybill-Position", position).is(200)
	if events.count("items") != 1 || events.text("items", 0, "type") != "calendar-corrected.v1" || events.text("items", 0, "actor", "role") != "operator" {
		t.Errorf("%s", events.body)
	}
}
