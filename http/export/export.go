// Package export writes what a filter finds in the history as a file, and says what identifies it.
package export

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/url"
	"time"

	"waybill/domain"
	"waybill/domain/audit"
	"waybill/domain/workdays"
	"waybill/http/tabular"
	"waybill/projections"
	"waybill/projections/history"
)

// Columns are those of every export. What they mean is in docs/audit.md.
var Columns = []tabular.Column{
	{Name: "position", Kind: tabular.Integer},
	{Name: "at", Kind: tabular.Instant},
	{Name: "kind", Kind: tabular.Text},
	{Name: "subject_id", Kind: tabular.Text},
	{Name: "revision", Kind: tabular.Integer},
	{Name: "type", Kind: tabular.Text},
	{Name: "actor_id", Kind: tabular.Text},
	{Name: "actor_role", Kind: tabular.Text},
	{Name: "provider_id", Kind: tabular.Text},
	{Name: "content_revision", Kind: tabular.Integer},
	{Name: "changes", Kind: tabular.JSON},
	{Name: "reasons", Kind: tabular.JSON},
	{Name: "blanked", Kind: tabular.Bool},
	{Name: "event_id", Kind: tabular.Text},
	{Name: "correlation_id", Kind: tabular.Text},
	{Name: "request_id", Kind: tabular.Text},
}

// ErrTooManyRows refuses an Excel file of more rows than a sheet has.
var ErrTooManyRows = &domain.Error{
	Kind: domain.KindInvalid, Code: "too_many_rows",
	Text: domain.Text{
		ZH: fmt.Sprintf("超过 Excel 工作表的 %d 行，请改用 format=csv", tabular.MaxExcelRows),
		EN: fmt.Sprintf("more rows than the %d of an Excel sheet; ask for format=csv", tabular.MaxExcelRows),
	},
	Fields: []domain.FieldError{{
		Pointer: "format", Code: "too_many_for_excel", Text: domain.Text{ZH: "行数过多，请改用 csv", EN: "too many rows; ask for csv"},
	}},
}

// Check refuses, before anything is written, what the format cannot hold.
func Check(ctx context.Context, whole *history.Whole, f tabular.Format) error {
	if f != tabular.Excel {
		return nil
	}
	if more, err := whole.More(ctx, tabular.MaxExcelRows); err != nil || !more {
		return err
	}
	return ErrTooManyRows
}

// Write writes the whole as a file, row after row, and calls progress, if it is given, now and then with the rows so far and the position
// of the last. What it returns describes the file, but for the query. After an error there is no file.
func Write(ctx context.Context, to io.Writer, f tabular.Format, whole *history.Whole,
	progress func(rows int64, at domain.Position),
) (audit.Exported, error) {
	counted := &counter{to: to, sum: sha256.New()}
	out, err := tabular.NewWriter(counted, f, Columns)
	if err != nil {
		return audit.Exported{}, err
	}
	rows := int64(0)
	var row history.Row
	provider, revision := any(nil), any(nil)
	err = whole.Each(ctx, func(r *history.Row) error {
		row = *r
		if provider = nil; row.Provider() != nil {
			provider = &row.ProviderID
		}
		if revision = nil; row.ContentRevision > 0 {
			revision = row.ContentRevision
		}
		if rows++; progress != nil && rows%1000 == 0 {
			progress(rows, domain.Position(row.Position)) //nolint:gosec // positions are not negative
		}
		return out.Row(&row.Position, &row.At, &row.Kind, &row.SubjectID, &row.Revision, &row.Type, &row.ActorID, &row.Role,
			provider, revision, &row.Changes, &row.Reasons, &row.Blanked, &row.EventID, &row.CorrelationID, &row.RequestID)
	})
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return audit.Exported{}, err
	}
	return audit.Exported{
		Format: string(f), Position: whole.Position(), Rows: rows, Bytes: counted.bytes, SHA256: hex.EncodeToString(counted.sum.Sum(nil)),
	}, nil
}

type counter struct {
	to    io.Writer
	sum   hash.Hash
	bytes int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.bytes += int64(n)
	c.sum.Write(p[:n])
	return n, err
}

// Query is a filter as the query of a URL, in the order of the names: what was asked for.
func Query(f history.Filter) string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("stream", string(f.Stream))
	set("kind", f.Kind)
	set("type", f.Type)
	set("role", string(f.Role))
	set("decision", string(f.Decision))
	set("reason", f.Reason)
	set("request_id", f.RequestID)
	set("q", f.Text)
	for name, at := range map[string]*time.Time{"from": f.From, "to": f.To} {
		if at != nil {
			q.Set(name, at.UTC().Format(projections.TimeLayout))
		}
	}
	if f.Actor != nil {
		q.Set("actor", f.Actor.String())
	}
	if f.Provider != nil {
		q.Set("provider", f.Provider.String())
	}
	if f.EventID != nil {
		q.Set("event_id", f.EventID.String())
	}
	if f.CorrelationID != nil {
		q.Set("correlation_id", f.CorrelationID.String())
	}
	return q.Encode()
}

// Days narrows a filter to days of Asia/Shanghai, both included; nil does not.
func Days(f *history.Filter, from, to *workdays.Day) {
	if from != nil {
		if start := from.Start(); f.From == nil || start.After(*f.From) {
			f.From = &start
		}
	}
	if to != nil {
		if end := (*to + 1).Start(); f.To == nil || end.Before(*f.To) {
			f.To = &end
		}
	}
}

// Name is what a file of an export is called.
func Name(position domain.Position, f tabular.Format) string {
	return fmt.Sprintf("waybill-history-%d%s", position, f.Extension())
}
