// Package feed is a read model: what happened, in the order in which it happened, once for each of those who may know of it.
package feed

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
	"waybill/projections"
)

const (
	schema = "feed_v1"

	// The tables as queries reach them.
	tableItems  = schema + ".items"
	tableParked = schema + ".parked"
)

// Model is one row for each event and scope in which it may be seen (rules.go), which names the one before it there. While a stream is
// parked, nothing is shown that comes after its event: who follows the feed would be past it when it comes.
var Model = projections.ReadModel{
	Name:       "feed",
	Schema:     schema,
	Applies:    applies(),
	PassesOver: projections.TypesOf(hidden...),
	DDL: `
CREATE TABLE items (
	position  bigint NOT NULL,
	audience  text COLLATE "C" NOT NULL, -- all, review, provider, enterprise
	owner     uuid NOT NULL, -- the provider or the enterprise; the nil id where it is nobody's own
	previous  bigint NOT NULL, -- of the one before in the scope; 0 of the first
	event_id  uuid NOT NULL,
	type      text COLLATE "C" NOT NULL,
	kind      text COLLATE "C" NOT NULL,
	object_id uuid NOT NULL,
	revision  bigint NOT NULL,
	at        timestamptz NOT NULL,
	data      json NOT NULL,
	PRIMARY KEY (position, audience, owner)
);
CREATE TABLE scopes (
	audience text COLLATE "C" NOT NULL,
	owner    uuid NOT NULL,
	last     bigint NOT NULL,
	PRIMARY KEY (audience, owner)
);
-- Whose a product or a booking is, and where the feed repeats what somebody said of it, which goes when it is deleted.
CREATE TABLE objects (
	id         uuid NOT NULL,
	kind       text COLLATE "C" NOT NULL,
	provider   uuid NOT NULL,
	enterprise uuid NOT NULL,
	noted      bigint[] NOT NULL,
	PRIMARY KEY (id, kind)
);
-- Streams that stand still. Up to the position, everything is there.
CREATE TABLE parked (
	stream text COLLATE "C" PRIMARY KEY,
	until  bigint NOT NULL
);`,
	Indexes: `
CREATE INDEX items_scope ON items (audience, owner, position);`,
	Apply:     apply,
	SetParked: setParked,
}

func applies() []string {
	facts := make([]domain.Event, len(rules))
	for i, r := range rules {
		facts[i] = r.fact
	}
	return projections.TypesOf(facts...)
}

// setParked holds the feed before the first event of a stream that is parked: up to there, all that is not parked itself is applied.
func setParked(ctx context.Context, tx pgx.Tx, streams []domain.StreamName, parked bool) error {
	names := make([]string, len(streams))
	for i, s := range streams {
		names[i] = string(s)
	}
	sql := `DELETE FROM parked WHERE stream = ANY ($1)`
	if parked {
		sql = `INSERT INTO parked (stream, until) SELECT stream, min(position) - 1 FROM projections.dead_letters
			WHERE projection = current_schema() AND stream = ANY ($1) GROUP BY stream ON CONFLICT DO NOTHING`
	}
	if _, err := tx.Exec(ctx, sql, names); err != nil {
		return fmt.Errorf("hold the feed: %w", err)
	}
	return nil
}
