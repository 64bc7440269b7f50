package projections

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// ReadModel is one set of tables that a projector keeps equal to a fold of the log.
type ReadModel struct {
	// Name is what people type: "listing".
	Name string
	// Schema holds the tables: "listing_v1". A read model whose tables or meaning change gets a new one.
	Schema string
	// Categories are the stream categories it reads; nil is all of them.
	Categories []string
	// DDL makes the tables and their keys, unqualified: it runs with search_path set to the target schema.
	DDL string
	// Indexes makes the secondary indexes, unqualified; a rebuild runs it after the bulk of the events.
	Indexes string
	// Apply writes one batch, in order, in the runtime's transaction, with search_path set: SQL stays unqualified, and
	// the same tables are reached in a rebuild. It may run again on the same events after a rollback, and on a part of
	// them when it failed; a failure that is not transient parks the stream of the event that causes it.
	Apply func(ctx context.Context, tx pgx.Tx, events []Event) error
}
