package webhooks

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/domain/webhook"
	"waybill/projections"
)

// Hook is one webhook as its owner and operators see it.
type Hook struct {
	ID uuid.UUID
	// Owner is the provider's id; the nil id of an operator's.
	Owner    uuid.UUID
	URL      string
	Types    []string
	Label    string
	Standing webhook.Standing
	// Reason is why it is paused, or was removed.
	Reason string
	// Position is that of the registration.
	Position     domain.Position
	RegisteredAt time.Time
	// RotatedAt is since when the newest secret signs, and RetiresAt until when earlier ones sign as well.
	RotatedAt time.Time
	RetiresAt *time.Time
	EndedAt   *time.Time
	Revision  domain.Revision
}

// Wants reports whether it is to be told of events of a type.
func (h Hook) Wants(eventType string) bool { return webhook.Target{Types: h.Types}.Wants(eventType) }

// Filter narrows the list; empty fields do not. Owner is a provider, or the nil id for the operators' own.
type Filter struct {
	Owner    *uuid.UUID
	Standing webhook.Standing
	After    string
	Limit    int
	Total    bool
}

// Queries reads the webhooks.
type Queries struct{ DB projections.Querier }

const columns = `id, owner, url, types, label, standing, reason, position, registered_at, rotated_at, retires_at, ended_at, revision`

// newest is the list of webhooks.
var newest = projections.Newest[Hook]{
	List: projections.ListWebhooks, Name: "webhooks", Table: tableHooks, Columns: columns, At: "registered_at", ID: "id",
	Place: func(h Hook) (time.Time, uuid.UUID) { return h.RegisteredAt, h.ID },
}

func hooks(rows pgx.Rows) ([]Hook, error) {
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[Hook])
	utc(all)
	return all, err
}

func utc(all []Hook) {
	for i := range all {
		projections.UTC(&all[i].RegisteredAt, &all[i].RotatedAt, all[i].RetiresAt, all[i].EndedAt)
	}
}

// Hook is one webhook; ErrNotFound when there is none.
func (q Queries) Hook(ctx context.Context, id uuid.UUID) (Hook, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+columns+` FROM `+tableHooks+` WHERE id = $1`, id)
	all, err := hooks(rows)
	if err != nil {
		return Hook{}, fmt.Errorf("webhook: %w", err)
	}
	if len(all) == 0 {
		return Hook{}, domain.ErrNotFound
	}
	return all[0], nil
}

// Hooks lists webhooks, newest first.
func (q Queries) Hooks(ctx context.Context, f Filter) (projections.Page[Hook], error) {
	var n projections.Narrow
	standing := projections.By{SQL: "standing", Values: []any{string(webhook.Active), string(webhook.OnHold), string(webhook.Ended)}}
	if f.Standing != "" {
		standing.Values = []any{string(f.Standing)}
	}
	if f.Owner != nil {
		n.By = []projections.By{standing, {SQL: "owner", Values: []any{*f.Owner}}}
	} else if f.Standing != "" {
		n.By = []projections.By{standing}
	}
	page, err := newest.Page(ctx, q.DB, n, f.After, f.Limit, f.Total)
	utc(page.Rows)
	return page, err
}

// Told are the webhooks of some owners that were registered before a position and are not removed, of owners who are not closed, in the
// order of their ids.
func (q Queries) Told(ctx context.Context, before domain.Position, owners []uuid.UUID) ([]Hook, error) {
	rows, _ := q.DB.Query(ctx, `SELECT `+columns+` FROM `+tableHooks+` h WHERE owner = ANY ($1) AND position < $2 AND standing <> 'removed'
		AND NOT EXISTS (SELECT FROM `+tableOwners+` o WHERE o.id = h.owner AND o.closed) ORDER BY id`, owners, before)
	all, err := hooks(rows)
	if err != nil {
		return nil, fmt.Errorf("webhooks of owners: %w", err)
	}
	return all, nil
}

// Held are the ids of those that get nothing for the time being: they are paused, or their provider is suspended.
func (q Queries) Held(ctx context.Context) ([]string, error) {
	rows, _ := q.DB.Query(ctx, `SELECT id::text FROM `+tableHooks+` WHERE standing = 'paused'
		UNION SELECT h.id::text FROM `+tableOwners+` o JOIN `+tableHooks+` h ON h.owner = o.id WHERE o.suspended AND h.standing <> 'removed'`)
	held, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("paused webhooks: %w", err)
	}
	return held, nil
}

// Standing is whether a provider is suspended or closed, as far as its webhooks go.
func (q Queries) Standing(ctx context.Context, owner uuid.UUID) (suspended, closed bool, err error) {
	err = q.DB.QueryRow(ctx, `SELECT coalesce(bool_or(suspended), false), coalesce(bool_or(closed), false) FROM `+tableOwners+` WHERE id = $1`,
		owner).Scan(&suspended, &closed)
	return suspended, closed, err
}
