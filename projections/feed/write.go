package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/product"
	"waybill/projections"
)

// columns are the columns of the rows of one batch.
type columns struct {
	positions, previous, revisions []int64
	audiences, types, kinds, data  []string
	owners, events, objects        projections.Keys
	at                             []time.Time
}

// add returns the row's number.
func (c *columns) add(e projections.Event, s Scope, previous int64, data string) int {
	id, _ := e.Stream.ID()                               // apply has tried it
	c.positions = append(c.positions, int64(e.Position)) //nolint:gosec // fits a bigint
	c.revisions = append(c.revisions, int64(e.Revision)) //nolint:gosec // fits a bigint
	c.audiences = append(c.audiences, string(s.Audience))
	c.owners, c.previous = append(c.owners, s.Owner), append(c.previous, previous)
	c.events, c.types = append(c.events, e.ID), append(c.types, e.Type)
	c.kinds, c.objects = append(c.kinds, e.Stream.Category()), append(c.objects, id)
	c.at, c.data = append(c.at, e.Meta.At), append(c.data, data)
	return len(c.positions) - 1
}

func (b *batch) write(ctx context.Context, tx pgx.Tx) error {
	if err := b.blankStored(ctx, tx); err != nil {
		return err
	}
	var w pgx.Batch
	c := &b.rows
	w.Queue(`INSERT INTO items (position, audience, owner, previous, event_id, type, kind, object_id, revision, at, data)
		SELECT position, audience, owner, previous, event_id, type, kind, object_id, revision, at, data::json
		FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::bigint[], $5::uuid[], $6::text[], $7::text[], $8::uuid[], $9::bigint[],
			$10::timestamptz[], $11::text[])
			AS n (position, audience, owner, previous, event_id, type, kind, object_id, revision, at, data)`,
		c.positions, c.audiences, c.owners, c.previous, c.events, c.types, c.kinds, c.objects, c.revisions, c.at, c.data)
	// A late row goes between its neighbours.
	for _, row := range b.late {
		args := []any{c.audiences[row], c.owners[row], c.positions[row]}
		w.Queue(`UPDATE items SET previous = coalesce((SELECT max(position) FROM items WHERE audience = $1 AND owner = $2 AND position < $3), 0)
			WHERE audience = $1 AND owner = $2 AND position = $3`, args...)
		w.Queue(`UPDATE items SET previous = $3 WHERE audience = $1 AND owner = $2
			AND position = (SELECT min(position) FROM items WHERE audience = $1 AND owner = $2 AND position > $3)`, args...)
	}
	var (
		audiences []string
		owners    projections.Keys
		last      []int64
	)
	for s := range b.moved {
		audiences, owners, last = append(audiences, string(s.Audience)), append(owners, s.Owner), append(last, b.last[s])
	}
	w.Queue(`INSERT INTO scopes (audience, owner, last) SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[])
		ON CONFLICT (audience, owner) DO UPDATE SET last = excluded.last`, audiences, owners, last)
	b.queueObjects(&w)
	if err := tx.SendBatch(ctx, &w).Close(); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

func (b *batch) queueObjects(w *pgx.Batch) {
	var (
		ids, providers, enterprises projections.Keys
		kinds, noted                []string
	)
	for _, o := range b.objects {
		if !o.changed {
			continue
		}
		list, _ := json.Marshal(projections.OrEmpty(o.noted)) // numbers
		list[0], list[len(list)-1] = '{', '}'
		ids, kinds, noted = append(ids, o.id), append(kinds, o.kind), append(noted, string(list))
		providers, enterprises = append(providers, o.provider), append(enterprises, o.enterprise)
	}
	if len(ids) == 0 {
		return
	}
	w.Queue(`INSERT INTO objects (id, kind, provider, enterprise, noted)
		SELECT id, kind, provider, enterprise, noted::bigint[]
		FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[]) AS n (id, kind, provider, enterprise, noted)
		ON CONFLICT (id, kind) DO UPDATE SET provider = excluded.provider, enterprise = excluded.enterprise, noted = excluded.noted`,
		ids, kinds, providers, enterprises, noted)
}

// blankStored takes what somebody said out of rows that earlier batches wrote. Deletions are rare: it takes a round trip of its own.
func (b *batch) blankStored(ctx context.Context, tx pgx.Tx) error {
	if len(b.blanked) == 0 {
		return nil
	}
	type key struct {
		Position int64
		Audience string
		Owner    uuid.UUID
		Data     string
	}
	rows, _ := tx.Query(ctx, `SELECT position, audience, owner, data::text AS data FROM items WHERE position = ANY ($1)`, b.blanked)
	stored, err := pgx.CollectRows(rows, pgx.RowToStructByName[key])
	if err != nil {
		return fmt.Errorf("rows of a deleted product: %w", err)
	}
	var w pgx.Batch
	for _, r := range stored {
		data, err := blank(r.Data)
		if err != nil {
			return err
		}
		w.Queue(`UPDATE items SET data = $4::text::json WHERE position = $1 AND audience = $2 AND owner = $3`, r.Position, r.Audience, r.Owner, data)
	}
	if err := tx.SendBatch(ctx, &w).Close(); err != nil {
		return fmt.Errorf("blank: %w", err)
	}
	return nil
}

// blank is the data of a product's event without what somebody said, as compiled.data makes it when it blanks.
func blank(data string) (string, error) {
	var said struct {
		Revision json.RawMessage `json:"revision,omitempty"`
		Reasons  []domain.Reason `json:"reasons,omitempty"`
		DueAt    string          `json:"due_at,omitempty"`
	}
	if err := json.Unmarshal([]byte(data), &said); err != nil {
		return "", fmt.Errorf("data of %s: %w", product.Category, err)
	}
	said.Reasons = withoutNotes(said.Reasons)
	left, err := json.Marshal(said)
	return string(left), err
}
