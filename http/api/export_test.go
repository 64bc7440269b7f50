package api_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	nethttp "net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/google/uuid"
	"github.com/xuri/excelize/v2"

	"waybill/domain"
	"waybill/http/tabular"
	"waybill/projections/runtimetest"
)

// The specification's checker takes the files as they are.
func init() {
	for _, f := range tabular.Formats {
		media, _, _ := strings.Cut(f.ContentType(), ";")
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}
}

const exportPath = "/api/v1/audit/export"

// file is an export as it came over the wire.
type file struct {
	answer
	trailer nethttp.Header
}

func (w *world) export(who as, query string) file {
	w.t.Helper()
	r, err := nethttp.NewRequestWithContext(context.Background(), nethttp.MethodGet, w.url+exportPath+query, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+who.token)
	response, err := w.client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return file{answer{t: w.t, what: "export" + query, status: response.StatusCode, header: response.Header, body: raw}, response.Trailer}
}

// shown waits until the history shows a position.
func (w *world) shown(who as, position string) {
	w.t.Helper()
	w.do(who, "GET", "/api/v1/audit/events?limit=1", nil, "Waybill-Position", position).is(200)
}

// head is the log's last position.
func (w *world) head() string {
	w.t.Helper()
	head, err := w.commands.Head(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return strconv.FormatUint(uint64(head), 10)
}

// TestAnExportIsTheHistory: in each format it has the rows that the pages of the history have, in their order, as of its position; it is
// recorded, and what is recorded of it is what came.
func TestAnExportIsTheHistory(t *testing.T) {
	w := start(t)
	auditor, reviewer := w.staff(domain.RoleAuditor), w.staff(domain.RoleReviewer)
	owner := w.provider(reviewer)
	product, _ := w.listed(owner, reviewer)
	w.do(owner, "PUT", "/api/v1/provider/products/"+product, with(content(), "name", `=HYPERLINK("http://x")`)).is(200)
	w.do(reviewer, "POST", "/api/v1/review/products/"+product+"/reject", m{"revision": 2, "reasons": []m{{"code": "inconsistent", "field": "/name"}}}).is(200)
	w.do(owner, "DELETE", "/api/v1/provider/products/"+w.do(owner, "POST", "/api/v1/provider/products", content()).is(201).text("id"), nil)
	position := w.head()
	w.shown(auditor, position)
	for _, query := range []string{
		"", "kind=product", "provider=" + owner.id.String(), "decision=rejected", "reason=inconsistent", "actor=" + reviewer.id.String() + "&role=reviewer",
		"q=冷链", "q=没有的字", "to_day=2020-01-01", "kind=product&provider=" + owner.id.String() + "&q=海防",
	} {
		page := w.do(auditor, "GET", "/api/v1/audit/events?limit=100&"+query, nil).is(200)
		var want []string
		for i := range page.count("items") {
			want = append(want, fmt.Sprint(int64(page.at("items", i, "position").(float64)), " ", page.at("items", i, "type"), " ", page.at("items", i, "at")))
		}
		for _, format := range []string{"jsonl", "csv", "xlsx"} {
			got := w.export(auditor, "?as_of="+position+"&format="+format+"&"+query)
			got.is(200)
			want := want
			if format == "xlsx" {
				want = coarse(t, want)
			}
			if rows := rowsOf(t, format, got.body); strings.Join(rows, "\n") != strings.Join(want, "\n") {
				t.Errorf("%s of %q:\n%s\nwant\n%s", format, query, strings.Join(rows, "\n"), strings.Join(want, "\n"))
			}
			sum := sha256.Sum256(got.body)
			if digest := got.trailer.Get("Repr-Digest"); digest != "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":" {
				t.Errorf("%s of %q: trailer %q", format, query, digest)
			}
			id := got.header.Get("Waybill-Export")
			manifest := w.do(auditor, "GET", "/api/v1/audit/exports/"+id, nil, "Waybill-Position", w.head()).is(200)
			if manifest.text("sha256") != hex.EncodeToString(sum[:]) || manifest.text("format") != format || manifest.at("rows") != float64(len(want)) ||
				manifest.at("bytes") != float64(len(got.body)) || fmt.Sprint(manifest.at("position")) != position ||
				manifest.at("actor", "id") != auditor.id.String() || !strings.Contains(got.header.Get("Link"), id) {
				t.Errorf("%s of %q: %s", format, query, manifest.body)
			}
		}
	}
	if got := w.export(auditor, "?format=csv&kind=product"); !bytes.Contains(got.body, []byte(`"[{`)) || bytes.Contains(got.body, []byte(",=")) {
		t.Errorf("%s", got.body)
	}
}

// TestEachExportIsRecorded: also one that is asked for with the key of another, as if it were a write.
func TestEachExportIsRecorded(t *testing.T) {
	w := start(t)
	auditor := w.staff(domain.RoleAuditor)
	w.shown(auditor, w.head())
	recorded := map[string]bool{}
	for _, format := range []string{"jsonl", "csv"} {
		got := w.do(auditor, "GET", exportPath+"?format="+format, nil, "Idempotency-Key", "the same", "If-Match", `"7"`).is(200)
		id := got.header.Get("Waybill-Export")
		manifest := w.do(auditor, "GET", "/api/v1/audit/exports/"+id, nil, "Waybill-Position", w.head()).is(200)
		if sum := sha256.Sum256(got.body); recorded[id] || manifest.text("format") != format || manifest.text("sha256") != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: %s", format, manifest.body)
		}
		recorded[id] = true
	}
}

// coarse are rows with times to a thousandth of a second.
func coarse(t *testing.T, rows []string) (to []string) {
	for _, row := range rows {
		before, text := row[:strings.LastIndex(row, " ")], row[strings.LastIndex(row, " ")+1:]
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		to = append(to, before+" "+at.Round(time.Millisecond).Format("2006-01-02T15:04:05.000Z"))
	}
	return to
}

// rowsOf are position, type and time of the rows of a file.
func rowsOf(t *testing.T, format string, body []byte) (rows []string) {
	t.Helper()
	switch format {
	case "jsonl":
		lines := bufio.NewScanner(bytes.NewReader(body))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var row struct {
				Position int64
				Type, At string
			}
			if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
				t.Fatal(err)
			}
			rows = append(rows, fmt.Sprint(row.Position, " ", row.Type, " ", row.At))
		}
	case "csv":
		read, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range read[1:] {
			at, err := time.Parse(time.RFC3339, row[1])
			if err != nil {
				t.Fatal(err)
			}
			rows = append(rows, row[0]+" "+row[5]+" "+at.UTC().Format("2006-01-02T15:04:05.000000Z"))
		}
	case "xlsx":
		book, err := excelize.OpenReader(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer book.Close()
		read, err := book.GetRows(book.GetSheetName(0), excelize.Options{RawCellValue: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range read[1:] {
			serial, err := strconv.ParseFloat(row[1], 64) // to 15 digits
			if err != nil {
				t.Fatal(err)
			}
			at := time.Date(1899, 12, 30, 0, 0, 0, 0, domain.Beijing).Add(time.Duration(serial * float64(24*time.Hour)))
			rows = append(rows, row[0]+" "+row[5]+" "+at.Round(time.Millisecond).UTC().Format("2006-01-02T15:04:05.000Z"))
		}
	}
	return rows
}

func TestWhatCannotBeExportedIsRefused(t *testing.T) {
	w := start(t)
	auditor, operator := w.staff(domain.RoleAuditor), w.staff(domain.RoleOperator)
	w.shown(auditor, w.head())
	w.do(operator, "GET", exportPath, nil).is(403)
	for query, code := range map[string]string{
		"?as_of=2026-x": "invalid_input", "?to_day=2026-02-30": "invalid_input", "?format=pdf": "invalid_input",
	} {
		got := w.do(auditor, "GET", exportPath+query, nil).is(422)
		if got.text("code") != code || got.header.Get("Waybill-Export") != "" {
			t.Errorf("%s: %s", query, got.body)
		}
	}
	w.do(auditor, "GET", exportPath+"?as_of=99999", nil).refuses(503, "read_model_behind") // as reports say
	w.do(auditor, "GET", "/api/v1/audit/exports/"+uuid.NewString(), nil).is(404)
	// What no export was made of has no record to lead to.
	if got := w.do(auditor, "HEAD", exportPath, nil).is(200); got.header.Get("Waybill-Position") == "" ||
		got.header.Get("Waybill-Export") != "" || got.header.Get("Link") != "" {
		t.Errorf("%v", got.header)
	}
	for accept, want := range map[string]string{
		"text/csv": "text/csv", "*/*": "application/jsonl", "application/jsonl;q=0.5, text/csv": "text/csv", "text/html": "application/jsonl",
	} {
		got := w.do(auditor, "HEAD", exportPath, nil, "Accept", accept).is(200)
		if !strings.HasPrefix(got.header.Get("Content-Type"), want) || got.header.Get("Vary") != "Accept" {
			t.Errorf("%s: %v", accept, got.header)
		}
	}
	if got := w.do(auditor, "GET", "/api/v1/audit/events?kind=audit", nil, "Waybill-Position", w.head()).is(200); got.count("items") != 0 {
		t.Errorf("something was recorded: %s", got.body)
	}
	if got := w.export(auditor, "?as_of=2020-01-01T00:00:00Z"); got.status != 200 || len(got.body) != 0 {
		t.Errorf("before all: %s", got.body)
	}
}

// many puts so many rows into the history that an export of them takes a while.
func (w *world) many(rows int) {
	w.t.Helper()
	if _, err := w.pool.Exec(context.Background(), `INSERT INTO history_v5.entries SELECT 1000000 + i, e.class, e.kind, e.subject_id, e.revision, e.type, e.event_id,
		e.actor_id, e.role, e.at, e.correlation_id, e.request_id, e.provider_id, e.content_revision, json_build_array(json_build_object('field', repeat('x', 500))),
		e.blanked, e.reasons FROM (SELECT * FROM history_v5.entries ORDER BY position LIMIT 1) e, generate_series(1, $1) i`, rows); err != nil {
		w.t.Fatal(err)
	}
}

// free waits until no export goes on and no connection is held.
func (w *world) free(held int32) {
	w.t.Helper()
	runtimetest.Eventually(w.t, "no connection is held", func() bool { return w.pool.Stat().AcquiredConns() <= held })
	runtimetest.Eventually(w.t, "no statement runs", func() bool {
		var running int
		if err := w.pool.QueryRow(context.Background(), `SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%history_v5.entries%'
			AND state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()`).
			Scan(&running); err != nil {
			w.t.Fatal(err)
		}
		return running == 0
	})
}

// TestWhoLeavesAnExportLeavesNothingBehind: the statement ends, the connection is free, nothing is recorded; and as many exports as an
// account has at a time are refused beyond that.
func TestWhoLeavesAnExportLeavesNothingBehind(t *testing.T) {
	w := start(t)
	auditor := w.staff(domain.RoleAuditor)
	w.shown(auditor, w.head())
	w.many(60_000)
	held := w.pool.Stat().AcquiredConns()
	var open []*nethttp.Response
	for range 2 {
		r, err := nethttp.NewRequestWithContext(context.Background(), nethttp.MethodGet, w.url+exportPath, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+auditor.token)
		response, err := w.client.Do(r)
		if err != nil || response.StatusCode != nethttp.StatusOK {
			t.Fatal(err)
		}
		open = append(open, response)
	}
	if got := w.do(auditor, "GET", exportPath, nil); got.status != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("a third: %d %s", got.status, got.body)
	}
	for _, response := range open {
		_ = response.Body.Close()
	}
	w.free(held)
	if got := w.do(auditor, "GET", "/api/v1/audit/events?kind=audit", nil).is(200); got.count("items") != 0 {
		t.Errorf("recorded: %s", got.body)
	}
}

// TestAnExportThatFailsDoesNotLookWhole: whoever reads it sees that it broke off.
func TestAnExportThatFailsDoesNotLookWhole(t *testing.T) {
	w := start(t)
	auditor := w.staff(domain.RoleAuditor)
	w.shown(auditor, w.head())
	w.many(60_000)
	r, err := nethttp.NewRequestWithContext(context.Background(), nethttp.MethodGet, w.url+exportPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+auditor.token)
	response, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := w.pool.Exec(context.Background(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%history_v5.entries e%'
		AND pid <> pg_backend_pid() AND datname = current_database()
		AND backend_type = 'client backend' AND backend_xmin IS NOT NULL`); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, response.Body); !errors.Is(err, io.ErrUnexpectedEOF) || response.Trailer.Get("Repr-Digest") != "" {
		t.Errorf("%d bytes, %v, trailer %v", n, err, response.Trailer)
	}
}

// still is a caller who reads nothing after some pieces.
type still struct {
	*httptest.ResponseRecorder
	pieces, least int
	ahead         time.Duration
}

var errStill = errors.New("i/o timeout")

func (s *still) SetWriteDeadline(t time.Time) error {
	s.ahead = time.Until(t)
	return nil
}

func (s *still) Write(p []byte) (int, error) {
	s.least = max(s.least, len(p))
	if s.ahead < 10*time.Second || s.ahead > 30*time.Second {
		return 0, fmt.Errorf("a piece has %v", s.ahead)
	}
	s.ahead = 0
	if s.pieces--; s.pieces < 0 {
		return 0, errStill
	}
	return s.ResponseRecorder.Write(p)
}

// TestWhoStandsStillIsCutOff: every piece has a time of its own, however long the whole takes; and who takes none any more is cut off.
func TestWhoStandsStillIsCutOff(t *testing.T) {
	w := start(t)
	auditor := w.staff(domain.RoleAuditor)
	w.shown(auditor, w.head())
	w.many(2_000)
	held := w.pool.Stat().AcquiredConns()
	r := httptest.NewRequestWithContext(t.Context(), nethttp.MethodGet, exportPath, nil)
	r.Header.Set("Authorization", "Bearer "+auditor.token)
	caller := &still{ResponseRecorder: httptest.NewRecorder(), pieces: 3}
	func() {
		defer func() {
			if cause := recover(); cause != nethttp.ErrAbortHandler { //nolint:errorlint // the very value
				t.Errorf("it ends with %v", cause)
			}
		}()
		w.web.ServeHTTP(caller, r)
	}()
	if caller.least > 64<<10 {
		t.Errorf("a piece of %d bytes", caller.least)
	}
	w.free(held)
}
