package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"waybill/domain"
	"waybill/domain/provider"
	"waybill/domain/workdays"
	"waybill/projections/figures"
	"waybill/projections/runtime"
)

const reportsPath = "/api/v1/reports/"

// folds are the reports as the test counts them, and what each may be by.
var folds = []struct {
	name   string
	fold   func([]happening, question) []m
	by     []string
	kinded bool
}{
	{"turnaround", turnaround, []string{"all", "kind", "reviewer", "reason", "round", "day"}, true},
	{"funnel", funnel, nil, true},
	{"rejections", rejections, nil, true},
	{"bookings", bookings, []string{"all", "day", "provider", "mode", "destination"}, false},
	{"listings", listings, []string{"all", "day", "mode", "destination"}, false},
	{"daily", daily, nil, false},
}

// address is a question as an address asks it.
func (q question) address(name string) string {
	query := url.Values{"from": {q.from.String()}, "to": {q.to.String()}}
	if q.by != "" {
		query.Set("by", q.by)
	}
	if q.kind != "" {
		query.Set("kind", q.kind)
	}
	if q.position > 0 {
		query.Set("as_of", fmt.Sprint(q.position))
	}
	return reportsPath + name + "?" + query.Encode()
}

// TestReportsAreTheLog: whatever is asked of a random year, as of its end, of the ends of its days and of any position, is what a fold of
// the log says that knows nothing of the read model; and stays so, byte by byte, when more happens, and when the read model is built anew.
func TestReportsAreTheLog(t *testing.T) {
	w := start(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	store := newStore(t, w.pool)
	defer store.Close()
	y := newYear(t, store, seed)
	y.live(2000)
	auditor := w.staff(domain.RoleAuditor)
	early := w.answers(t, auditor, readLog(t, store), 60)
	y.live(2000)
	log := readLog(t, store)
	types := map[string]int{}
	for _, h := range log {
		types[h.fact.EventType()]++
	}
	t.Logf("%v", types)
	t.Logf("%d commands took effect, %d were refused: %d events up to %s", y.done, y.refused, len(log), y.now)
	late := w.answers(t, auditor, log, 120)
	same := func(when string, answers map[string][]byte) {
		for address, content := range answers {
			if again := w.do(auditor, "GET", address, nil).is(200); !bytes.Equal(again.body, content) {
				t.Errorf("%s, %s:\n%s, and before\n%s", when, address, again.body, content)
			}
		}
	}
	same("when more has happened", early)
	if _, err := runtime.Rebuild(t.Context(), w.pool, store, figures.Model, nil); err != nil {
		t.Fatal(err)
	}
	same("built anew", early)
	same("built anew", late)
}

// answers asks many questions as of many positions, and holds each against the fold.
func (w *world) answers(t *testing.T, who as, log []happening, n int) map[string][]byte {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(len(log)), 1))
	last := log[len(log)-1]
	first, end := log[0].day, last.day
	answers := map[string][]byte{}
	for i := range n {
		f := folds[i%len(folds)]
		q := question{position: last.position}
		switch random.IntN(4) {
		case 0: // anywhere
			q.position = log[random.IntN(len(log))].position
		case 1: // the end of a day
			day := first + workdays.Day(random.IntN(int(end-first)+1))
			for _, h := range log {
				if h.day <= day {
					q.position = h.position
				}
			}
		}
		q.from = first + workdays.Day(random.IntN(int(end-first)+1)) - 3
		q.to = q.from + workdays.Day(random.IntN(45))
		if i < len(folds) {
			q.from, q.to = first, end
		}
		if f.by != nil {
			q.by = f.by[random.IntN(len(f.by))]
		}
		if f.kinded && random.IntN(2) == 0 {
			q.kind = []string{"provider", "product"}[random.IntN(2)]
		}
		address := q.address(f.name)
		if at := log[random.IntN(len(log))].at.Add(time.Duration(random.IntN(3)-1) * time.Microsecond); random.IntN(5) == 0 {
			// A time is the position before the first event that is later: what happens later may change which that is.
			if q.position = positionAt(log, at); q.position == 0 {
				continue
			}
			address = strings.Replace(q.address(f.name), fmt.Sprint("as_of=", q.position), "as_of="+url.QueryEscape(at.Format(time.RFC3339Nano)), 1)
			got := w.do(who, "GET", address, nil, "Waybill-Position", fmt.Sprint(last.position)).is(200)
			w.compare(t, got, f.name, q, log, f.fold(log, q))
			continue
		}
		got := w.do(who, "GET", address, nil, "Waybill-Position", fmt.Sprint(last.position)).is(200)
		answers[address] = got.body
		w.compare(t, got, f.name, q, log, f.fold(log, q))
	}
	return answers
}

// positionAt is the position before the first event that is later than a time.
func positionAt(log []happening, at time.Time) (before domain.Position) {
	for _, h := range log {
		if h.at.After(at) {
			return before
		}
		before = h.position
	}
	return before
}

// compare holds an answer against what the fold says.
func (w *world) compare(t *testing.T, got answer, name string, q question, log []happening, want []m) {
	t.Helper()
	var report struct {
		Report, By, Kind, From, To, Calendar, SHA256 string
		Before                                       struct{ From, To string }
		AsOf                                         domain.Position `json:"as_of"`
		Count                                        int
		Rows                                         []m
	}
	if err := json.Unmarshal(got.body, &report); err != nil {
		t.Fatal(err)
	}
	before := q.earlier()
	if report.Report != name || report.By != q.by || report.Kind != q.kind || report.From != q.from.String() || report.To != q.to.String() ||
		report.Before.From != before.from.String() || report.Before.To != before.to.String() || report.Count != len(report.Rows) ||
		report.AsOf != q.position || report.Calendar != string(calendarAt(upTo(log, q.position)).Version()) {
		t.Errorf("%+v is answered with %.400s", q, got.body)
	}
	if len(report.Rows) != len(want) {
		t.Fatalf("%s of %+v: %d rows, want %d\n%v\n%v", name, q, len(report.Rows), len(want), report.Rows, want)
	}
	for i := range want {
		if !reflect.DeepEqual(report.Rows[i], want[i]) {
			t.Fatalf("%s of %+v, row %d:\n%v, want\n%v\n%s", name, q, i, report.Rows[i], want[i], differences(report.Rows[i], want[i]))
		}
	}
}

// differences are the columns in which two rows differ.
func differences(a, b m) string {
	var all []string
	for name := range b {
		if !reflect.DeepEqual(a[name], b[name]) {
			all = append(all, fmt.Sprintf("%s: %v, want %v", name, a[name], b[name]))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// TestReportFormats: in whatever format, an answer says the same of the same position, and its headers what its digests are of.
func TestReportFormats(t *testing.T) {
	w := start(t)
	reviewer, auditor := w.staff(domain.RoleReviewer), w.staff(domain.RoleAuditor)
	owner := w.provider(reviewer)
	_, position := w.listed(owner, reviewer)
	address := reportsPath + "listings?as_of=" + position
	object := w.do(auditor, "GET", address, nil).is(200)
	tags := map[string]bool{}
	for _, one := range []struct{ format, media, ending string }{
		{"json", "application/json", ""},
		{"jsonl", "application/jsonl", ".jsonl"},
		{"csv", "text/csv", ".csv"},
		{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"},
	} {
		got := w.do(auditor, "GET", address+"&format="+one.format, nil).is(200)
		liked := w.do(auditor, "GET", address, nil, "Accept", "text/html;q=0.9, "+one.media+", application/json;q=0.5").is(200)
		again := w.do(auditor, "GET", address+"&format="+one.format, nil).is(200)
		if !bytes.Equal(got.body, liked.body) || !bytes.Equal(got.body, again.body) || liked.header.Get("Vary") == "" {
			t.Errorf("%s: not the same bytes", one.format)
		}
		if media := got.header.Get("Content-Type"); !strings.HasPrefix(media, one.media) {
			t.Errorf("%s is %s", one.format, media)
		}
		name := got.header.Get("Content-Disposition")
		if (one.ending == "") != (name == "") || !strings.HasSuffix(name, "-at-"+position+one.ending) && name != "" {
			t.Errorf("%s is called %q", one.format, name)
		}
		sum := sha256.Sum256(got.body)
		if digest := got.header.Get("Repr-Digest"); digest != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
			t.Errorf("%s: %s", one.format, digest)
		}
		rows := got.header.Get("Waybill-Rows-SHA256")
		if one.format == "jsonl" && rows != hex.EncodeToString(sum[:]) || rows != object.text("sha256") {
			t.Errorf("%s: the rows' digest is %s", one.format, rows)
		}
		if got.header.Get("Waybill-As-Of") != position || got.header.Get("Waybill-Calendar") != object.text("calendar") ||
			got.header.Get("Waybill-Rows") != fmt.Sprint(object.count("rows")) {
			t.Errorf("%s: %v", one.format, got.header)
		}
		tag := got.header.Get("ETag")
		tags[tag] = true
		w.do(auditor, "GET", address+"&format="+one.format, nil, "If-None-Match", tag).is(304)
		if head := w.do(auditor, "HEAD", address+"&format="+one.format, nil).is(200); head.header.Get("ETag") != tag {
			t.Errorf("%s: HEAD has %s", one.format, head.header.Get("ETag"))
		}
	}
	if len(tags) != 4 {
		t.Errorf("tags: %v", tags)
	}
	// The rows of the object are the lines of JSON Lines, byte by byte.
	lines := w.do(auditor, "GET", address+"&format=jsonl", nil).is(200).body
	if !bytes.Contains(object.body, bytes.ReplaceAll(bytes.TrimSpace(lines), []byte("\n"), []byte(",\n"))) {
		t.Errorf("%s\nin\n%s", lines, object.body)
	}
	if empty := w.do(auditor, "GET", reportsPath+"rejections?format=csv", nil).is(200); !strings.Contains(string(empty.body), "before_rejections") {
		t.Errorf("without rows: %q", empty.body)
	}
	// Nothing that names a person or an enterprise.
	for _, path := range []string{"turnaround?by=reviewer", "bookings?by=provider"} {
		if got := w.do(auditor, "GET", reportsPath+path, nil).is(200); bytes.Contains(got.body, []byte("工作人员")) || bytes.Contains(got.body, []byte("公司")) {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	if got := w.do(auditor, "GET", reportsPath+"turnaround?by=reviewer", nil).is(200); !strings.Contains(string(got.body), reviewer.id.String()) {
		t.Errorf("who decided is not there: %s", got.body)
	}
}

// TestReportsAsOf: a position and a time, in the past and not yet there.
func TestReportsAsOf(t *testing.T) {
	w := start(t)
	reviewer, operator := w.staff(domain.RoleReviewer), w.staff(domain.RoleOperator)
	owner := w.provider(reviewer)
	between := time.Now()
	_, position := w.listed(owner, reviewer)
	today := workdays.DayOf(time.Now()).String()
	then := w.do(operator, "GET", reportsPath+"turnaround?as_of="+url.QueryEscape(between.Format(time.RFC3339Nano)), nil, "Waybill-Position", position).is(200)
	now := w.do(operator, "GET", reportsPath+"turnaround", nil, "Waybill-Position", position).is(200)
	if then.at("rows", 0, "decided") != 1.0 || now.at("rows", 0, "decided") != 2.0 || then.text("to") < today {
		t.Errorf("then %s, now %s", then.body, now.body)
	}
	if got := then.header.Get("Waybill-As-Of-Time"); got != between.UTC().Truncate(time.Microsecond).Format("2006-01-02T15:04:05.000000Z") {
		t.Errorf("resolved from %s, not %s", got, between)
	}
	// What was resolved is a position, which says the same from then on.
	frozen := w.do(operator, "GET", reportsPath+"turnaround?as_of="+then.header.Get("Waybill-As-Of"), nil).is(200)
	if !bytes.Equal(frozen.body, then.body) || frozen.header.Get("Waybill-As-Of-Time") != "" {
		t.Errorf("%s, and by its position\n%s", then.body, frozen.body)
	}
	for query, want := range map[string]string{
		"as_of=0": "before_the_log", "as_of=-1": "bad_format", "as_of=yesterday": "bad_format", "as_of=2026-11-26": "bad_position",
		"as_of=": "too_short", "as_of=99999999999999999999": "bad_format", "as_of=2026-03-02T08:00:00+08:00": "bad_position",
		"as_of=9999999999999999999": "bad_position", "as_of=2001-01-01T00:00:00Z": "before_the_log",
		"as_of=1&as_of=2": "repeated_parameter",
		"format=pdf":      "unknown_value", "by=provider": "unknown_value", "kind=booking": "unknown_value", "limit=5": "unknown_parameter",
		"from=2026-02-30": "bad_date", "from=1999-12-31&to=2000-01-01": "out_of_range", "from=2100-01-01&to=2100-01-02": "out_of_range",
		"from=2026-03-02&to=2026-03-01": "bad_range", "from=2024-01-01&to=2025-01-01": "range_too_long",
	} {
		refused := w.do(operator, "GET", reportsPath+"turnaround?"+query, nil).refuses(422, "invalid_input")
		if got := refused.text("errors", 0, "code"); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, path := range []string{"funnel?by=kind", "bookings?kind=product", "listings?by=reviewer", "daily?by=day"} {
		w.do(operator, "GET", reportsPath+path, nil).refuses(422, "invalid_input")
	}
	w.do(operator, "GET", reportsPath+"daily?as_of=999999", nil).refuses(503, "read_model_behind")
	for _, who := range []as{reviewer, owner} {
		w.do(who, "GET", reportsPath+"daily", nil).refuses(403, "forbidden")
	}
}

// TestAReportWaitsForItsPosition: of a position that the log has, and the read model not yet, the answer is late and not an earlier one.
func TestAReportWaitsForItsPosition(t *testing.T) {
	w := start(t)
	auditor := w.staff(domain.RoleAuditor)
	for range 20 {
		who := w.enterprise()
		position := w.do(who, "POST", "/api/v1/provider/application", w.profile()).is(201).position()
		got := w.do(auditor, "GET", reportsPath+"daily?as_of="+position, nil).is(200)
		if got.header.Get("Waybill-As-Of") != position {
			t.Fatalf("as of %s: %s", position, got.body)
		}
	}
	got := w.do(auditor, "GET", reportsPath+"daily", nil).is(200)
	if n := got.count("rows"); n != 30 || got.at("rows", n-1, "applications_submitted") == 0.0 {
		t.Errorf("%s", got.body)
	}
	if _, ok := got.at("rows", 0, "applications_pending").(float64); !ok {
		t.Errorf("%s is not what %ss do", got.body, provider.Category)
	}
}
