package reports_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"waybill/domain"
	"waybill/domain/booking"
	"waybill/domain/domaintest"
	"waybill/domain/product"
	"waybill/domain/workdays"
	"waybill/http/reports"
	"waybill/http/tabular"
	"waybill/projections/figures"
	"waybill/projections/modeltest"
)

// tables are those of all read models, with a checkpoint of the figures.
func tables(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := modeltest.Tables(t)
	_, err := pool.Exec(t.Context(), `CREATE SCHEMA projections; CREATE TABLE projections.checkpoints (projection text, position bigint);
		INSERT INTO projections.checkpoints VALUES ('`+figures.Model.Schema+`', 0)`)
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

// TestEveryReport of a small world: in all formats, each the same whenever it is written.
func TestEveryReport(t *testing.T) {
	pool := tables(t)
	h := modeltest.NewHistory()
	h.Activate(domaintest.Owner)
	h.Actor = domain.Actor{ID: domaintest.Reviewer, Role: domain.RoleReviewer}
	h.Offer(domaintest.ID("p"), domaintest.Owner, h.At, domaintest.Content("海运"))
	h.Add(product.Category, domaintest.ID("q"), product.Submitted{ProviderID: domaintest.Owner, Revision: 1, Content: domaintest.Content("空运")},
		product.Rejected{Revision: 1, Reasons: domaintest.Unfit})
	h.Add(booking.Category, domaintest.ID("b"), domaintest.Requested(domaintest.ID("p")), booking.Replied{Number: 1, Text: "可以"})
	modeltest.Project(t, pool, h.Log)
	if _, err := pool.Exec(t.Context(), `UPDATE projections.checkpoints SET position = $1`, len(h.Log)); err != nil {
		t.Fatal(err)
	}
	day := workdays.DayOf(h.At)
	for _, name := range reports.Names {
		bys := name.By()
		if bys == nil {
			bys = []string{""}
		}
		for _, by := range bys {
			f := figures.Filter{From: day - 6, To: day, By: figures.By(by)}
			report, err := reports.Make(t.Context(), figures.Queries{DB: pool}, name, f)
			if err != nil {
				t.Fatal(err)
			}
			if report.Position != domain.Position(len(h.Log)) || len(report.Rows) == 0 || report.Calendar != workdays.Standard().Version() {
				t.Errorf("%s by %s: %+v", name, by, report)
			}
			for _, format := range reports.Formats {
				var first, again bytes.Buffer
				if err := report.Write(&first, format); err != nil {
					t.Fatal(err)
				}
				if report, err = reports.Make(t.Context(), figures.Queries{DB: pool}, name, f); err != nil {
					t.Fatal(err)
				}
				if err := report.Write(&again, format); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(first.Bytes(), again.Bytes()) {
					t.Errorf("%s by %s as %s is another one each time", name, by, format)
				}
				sum := sha256.Sum256(first.Bytes())
				if format == tabular.JSONLines && hex.EncodeToString(sum[:]) != report.SHA256 {
					t.Errorf("%s by %s: %s is not of %s", name, by, report.SHA256, first.Bytes())
				}
				if format == tabular.Excel {
					checkTimeless(t, first.Bytes())
				}
			}
		}
	}
}

// checkTimeless sees that a workbook does not say when it was written.
func checkTimeless(t *testing.T, workbook []byte) {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(workbook), int64(len(workbook)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.File {
		if f.Modified.Year() > 1980 {
			t.Errorf("%s is of %s", f.Name, f.Modified)
		}
		if !strings.HasPrefix(f.Name, "docProps/") {
			continue
		}
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(content)
		if err != nil || bytes.Contains(raw, []byte(time.Now().UTC().Format("2006-"))) {
			t.Errorf("%s: %s, %v", f.Name, raw, err)
		}
	}
}

// TestNoSuchReport: what a report is not by is refused, and one of a position that is not shown says so.
func TestNoSuchReport(t *testing.T) {
	pool := tables(t)
	q := figures.Queries{DB: pool}
	day := workdays.Date(2026, time.March, 1)
	for _, c := range []struct {
		name reports.Name
		f    figures.Filter
	}{
		{reports.Turnaround, figures.Filter{From: day, To: day, By: figures.ByMode}},
		{reports.Bookings, figures.Filter{From: day, To: day, By: figures.ByReviewer}},
		{"sales", figures.Filter{From: day, To: day}},
		{reports.Daily, figures.Filter{From: day, To: day - 1}},
		{reports.Daily, figures.Filter{From: day, To: day, AsOf: 9}},
	} {
		if report, err := reports.Make(t.Context(), q, c.name, c.f); err == nil {
			t.Errorf("%s of %+v: %+v", c.name, c.f, report)
		}
	}
}
