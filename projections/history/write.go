package history

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/projections"
)

func (r *columns) add(e projections.Event, s *subject, c *changes, reasons []domain.Reason) error {
	if c.err != nil {
		return fmt.Errorf("%s@%d: %w", e.Stream, e.Revision, c.err)
	}
	var reasonsJSON string
	if len(reasons) > 0 {
		b, err := json.Marshal(reasons)
		if err != nil {
			return fmt.Errorf("%s@%d: %w", e.Stream, e.Revision, err)
		}
		reasonsJSON = string(b)
	}
	r.positions = append(r.positions, int64(e.Position)) //nolint:gosec // fits a bigint
	r.revisions = append(r.revisions, int64(e.Revision)) //nolint:gosec // fits a bigint
	r.kinds, r.subjects = append(r.kinds, s.kind), append(r.subjects, s.id)
	r.types, r.events = append(r.types, e.Type), append(r.events, e.ID)
	r.actors, r.roles = append(r.actors, e.Meta.Actor.ID), append(r.roles, string(e.Meta.Actor.Role))
	r.at = append(r.at, e.Meta.At)
	r.correlations, r.requests = append(r.correlations, e.Meta.CorrelationID), append(r.requests, e.Meta.RequestID)
	r.contentRevisions = append(r.contentRevisions, int32(c.revision)) //nolint:gosec // revisions count from 1
	r.changes, r.blanked, r.reasons = append(r.changes, c.json()), append(r.blanked, false), append(r.reasons, reasonsJSON)
	return nil
}

func (r *columns) queue(batch *pgx.Batch) {
	batch.Queue(`INSERT INTO entries (position, kind, subject_id, revision, type, event_id, actor_id, role, at,
			correlation_id, request_id, content_revision, changes, blanked, reasons)
		SELECT position, kind, subject_id, revision, type, event_id, actor_id, role, at,
			correlation_id, request_id, content_revision, changes::json, blanked, nullif(reasons, '')::json
		FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::bigint[], $5::text[], $6::uuid[], $7::uuid[], $8::text[],
			$9::timestamptz[], $10::uuid[], $11::text[], $12::integer[], $13::text[], $14::boolean[], $15::text[])
			AS n (position, kind, subject_id, revision, type, event_id, actor_id, role, at,
				correlation_id, request_id, content_revision, changes, blanked, reasons)`,
		r.positions, r.kinds, r.subjects, r.revisions, r.types, r.events, r.actors, r.roles, r.at,
		r.correlations, r.requests, r.contentRevisions, r.changes, r.blanked, r.reasons)
}

func queueSubjects(batch *pgx.Batch, subjects map[domain.StreamName]*subject) error {
	var (
		ids, gone     projections.Keys
		kinds, states []string
		contents      []string
	)
	for _, s := range subjects {
		if s.gone {
			gone = append(gone, s.id)
			continue
		}
		state, err := json.Marshal(s.state)
		if err != nil {
			return fmt.Errorf("state: %w", err)
		}
		var content string
		if s.contentChanged {
			content = s.content.json()
		}
		ids, kinds = append(ids, s.id), append(kinds, s.kind)
		states, contents = append(states, string(state)), append(contents, content)
	}
	if len(gone) > 0 {
		batch.Queue(`DELETE FROM subjects WHERE id = ANY ($1) AND kind = 'product'`, gone)
	}
	batch.Queue(`INSERT INTO subjects (id, kind, state, content)
		SELECT id, kind, state::json, nullif(content, '')::json FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) AS n (id, kind, state, content)
		ON CONFLICT (id, kind) DO UPDATE SET state = excluded.state, content = coalesce(excluded.content, subjects.content)`,
		ids, kinds, states, contents)
	return nil
}

// blankStored blanks rows that earlier batches wrote. Deletions are rare: it takes a round trip of its own.
func blankStored(ctx context.Context, tx pgx.Tx, positions []int64) error {
	if len(positions) == 0 {
		return nil
	}
	type row struct {
		Position int64
		Changes  string
		Reasons  string
	}
	rows, _ := tx.Query(ctx, `SELECT position, changes::text, coalesce(reasons::text, '') AS reasons FROM entries WHERE position = ANY ($1)`, positions)
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return fmt.Errorf("rows of a deleted product: %w", err)
	}
	var batch pgx.Batch
	for _, r := range stored {
		changes, reasons, err := blank(r.Changes, r.Reasons)
		if err != nil {
			return err
		}
		batch.Queue(`UPDATE entries SET changes = $2::text::json, reasons = nullif($3, '')::json, blanked = true WHERE position = $1`, r.Position, changes, reasons)
	}
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("blank: %w", err)
	}
	return nil
}
