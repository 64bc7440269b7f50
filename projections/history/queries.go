package history

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/projections"
)

// Entry is one event as the audit history shows it (R44).
type Entry struct {
	Position  domain.Position
	Stream    domain.StreamName
	Kind      string // the stream's category
	SubjectID uuid.UUID
	Revision  domain.Revision // stream revision
	Type      string
	EventID   uuid.UUID
	ActorID   uuid.UUID // zero for the system
	Role      domain.Role
	At        time.Time
	// CorrelationID ties together everything that one outside request set off.
	CorrelationID uuid.UUID
	RequestID     string
	// ContentRevision is the submission or decision's revision; 0 where there is none.
	ContentRevision domain.ContentRevision
	// Changes is a JSON array of Change. Blanked is set once the product was deleted: the fields stay named, and the
	// content values and the notes of reasons are gone.
	Changes json.RawMessage
	Blanked bool
	// Reasons are those of a rejection, or one with only a note, or none.
	Reasons []domain.Reason
}

// Filter narrows the history; empty and nil fields do not. From is inclusive, To exclusive.
type Filter struct {
	Stream domain.StreamName
	Kind   string
	Type   string
	// Actor, when it is the nil id, is the system.
	Actor      *uuid.UUID
	From       *time.Time
	To         *time.Time
	After      string
	Descending bool
	Limit      int
	// Total asks for Page.Total.
	Total bool
}

// Queries reads the audit history.
type Queries struct{ DB projections.Querier }

// Query lists events, oldest first unless Descending.
func (q Queries) Query(ctx context.Context, f Filter) (projections.Page[Entry], error) {
	var none projections.Page[Entry]
	w := projections.Where{}
	if f.Stream != "" {
		id, err := f.Stream.ID()
		if err != nil {
			if f.Total {
				none.Total = &projections.Count{}
			}
			return none, nil //nolint:nilerr // no such stream: no events
		}
		w.And("subject_id = ?", id)
		w.And("kind = ?", f.Stream.Category())
	}
	if f.Kind != "" {
		w.And("kind = ?", f.Kind)
	}
	if f.Type != "" {
		w.And("type = ?", f.Type)
	}
	if f.Actor != nil {
		w.And("actor_id = ?", *f.Actor)
	}
	if f.From != nil {
		w.And("at >= ?", *f.From)
	}
	if f.To != nil {
		w.And("at < ?", *f.To)
	}
	total, err := projections.Total(ctx, q.DB, f.Total, `SELECT FROM `+tableEntries+w.SQL(), w.Args...)
	if err != nil {
		return none, err
	}
	compare, order := ">", "ASC"
	if f.Descending {
		compare, order = "<", "DESC"
	}
	if f.After != "" {
		c, err := projections.DecodeCursor(f.After, projections.ListHistory)
		if err != nil {
			return none, err
		}
		w.And("position "+compare+" ?", c.At)
	}
	size := projections.PageSize(f.Limit)
	rows, _ := q.DB.Query(ctx, `SELECT `+entryColumns+` FROM `+tableEntries+w.SQL()+
		` ORDER BY position `+order+projections.LimitClause(size), w.Args...)
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByName[Entry])
	if err != nil {
		return none, fmt.Errorf("history: %w", err)
	}
	for i := range entries {
		projections.UTC(&entries[i].At)
		entries[i].Stream = domain.Stream(entries[i].Kind, entries[i].SubjectID)
	}
	page := projections.Cut(entries, size, cursorOf)
	page.Total = total
	return page, nil
}

func cursorOf(e Entry) string {
	return projections.Cursor{At: int64(e.Position)}.Encode(projections.ListHistory) //nolint:gosec // positions fit a bigint
}

const entryColumns = `position, '' AS stream, kind, subject_id, revision, type, event_id, actor_id, role, at, correlation_id,
	request_id, content_revision, changes, blanked, reasons`
