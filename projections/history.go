package projections

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
)

// Entry is one event as the audit history shows it (R44).
type Entry struct {
	Position  domain.Position
	Stream    domain.StreamName
	Kind      string // the stream's category
	SubjectID uuid.UUID
	Revision  uint64 // stream revision
	Type      string
	EventID   uuid.UUID
	ActorID   uuid.UUID // zero for the system
	Role      domain.Role
	At        time.Time
	// CorrelationID ties together everything that one outside request set off.
	CorrelationID uuid.UUID
	RequestID     string
	// ContentRevision is the submission or decision's revision; 0 where there is none.
	ContentRevision int
	// Changes is a JSON array of Change. Blanked is set once the product was deleted: the fields stay named, and the
	// content values and the notes of reasons are gone.
	Changes json.RawMessage
	Blanked bool
	// Reasons are those of a rejection, or one with only a note, or none.
	Reasons []domain.Reason
}

// HistoryFilter narrows the history; zero fields do not. From is inclusive, To exclusive.
type HistoryFilter struct {
	Stream     domain.StreamName
	Kind       string
	Type       string
	Actor      uuid.UUID
	From       time.Time
	To         time.Time
	After      string
	Descending bool
	Limit      int
}

// HistoryQueries reads the audit history.
type HistoryQueries struct{ DB Querier }

// Query lists events, oldest first unless Descending.
func (q HistoryQueries) Query(ctx context.Context, f HistoryFilter) (Page[Entry], error) {
	var none Page[Entry]
	w := where{}
	if f.Stream != "" {
		id, err := f.Stream.ID()
		if err != nil {
			return none, nil //nolint:nilerr // no such stream: no events
		}
		w.and("subject_id = ?", id)
		w.and("kind = ?", f.Stream.Category())
	}
	if f.Kind != "" {
		w.and("kind = ?", f.Kind)
	}
	if f.Type != "" {
		w.and("type = ?", f.Type)
	}
	if f.Actor != uuid.Nil {
		w.and("actor_id = ?", f.Actor)
	}
	if !f.From.IsZero() {
		w.and("at >= ?", f.From)
	}
	if !f.To.IsZero() {
		w.and("at < ?", f.To)
	}
	compare, order := ">", "ASC"
	if f.Descending {
		compare, order = "<", "DESC"
	}
	if f.After != "" {
		c, err := decodeCursor(f.After, listHistory)
		if err != nil {
			return none, err
		}
		w.and("position "+compare+" ?", c.at)
	}
	size := pageSize(f.Limit)
	rows, _ := q.DB.Query(ctx, `SELECT `+entryColumns+` FROM history_v1.entries`+w.sql()+
		` ORDER BY position `+order+limitClause(size), w.args...)
	entries, err := pgx.CollectRows(rows, pgx.RowToStructByName[Entry])
	if err != nil {
		return none, fmt.Errorf("history: %w", err)
	}
	for i := range entries {
		utc(&entries[i].At)
		entries[i].Stream = domain.Stream(entries[i].Kind, entries[i].SubjectID)
	}
	return cut(entries, size, func(e Entry) string {
		return cursor{at: int64(e.Position)}.encode(listHistory) //nolint:gosec // positions fit a bigint
	}), nil
}

const entryColumns = `position, '' AS stream, kind, subject_id, revision, type, event_id, actor_id, role, at, correlation_id,
	request_id, content_revision, changes, blanked, reasons`
