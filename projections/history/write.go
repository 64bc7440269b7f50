package history

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/projections"
)

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
	batch.Queue(`DELETE FROM texts WHERE position = ANY ($1)`, positions)
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
