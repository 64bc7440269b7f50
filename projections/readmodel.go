package projections

import (
	"context"

	"github.com/jackc/pgx/v5"

	"waybill/domain"
)

// ReadModel is one set of tables that a projector keeps equal to a fold of the log.
type ReadModel struct {
	// Name is what people type: "listing".
	Name string
	// Schema holds the tables: the name and a version, "listing_v1". A read model whose tables or meaning change gets the next.
	Schema string
	// Applies and PassesOver are the stored names of the event types it knows, each in one of them: those that Apply gets, and
	// those that mean nothing to it. Together they are all types of the log, so that a new one is a decision in every model.
	Applies, PassesOver []string
	// DDL makes the tables and their keys, unqualified: it runs with search_path set to the target schema.
	DDL string
	// Indexes makes the secondary indexes, unqualified; a rebuild runs it after the bulk of the events.
	Indexes string
	// Apply writes one batch, in order, in the runtime's transaction, with search_path set: SQL stays unqualified, and
	// the same tables are reached in a rebuild. It may run again on the same events after a rollback, and on a part of
	// them when it failed; a failure that is not transient parks the stream of the event that causes it.
	Apply func(ctx context.Context, tx pgx.Tx, events []Event) error
	// SetParked is told, in the same transaction, which streams stand still from now on because an event of theirs could not
	// be applied (parked), and which go on again (not parked); each may be told twice. A model whose tables are public
	// withholds what depends on a parked stream; nil for the others.
	SetParked func(ctx context.Context, tx pgx.Tx, streams []domain.StreamName, parked bool) error
	// Views are what others than Waybill may read of the tables, in SQL; nil for none.
	Views *Views
}

// Views are a promise to whoever reads the database: a schema whose name stays the same whatever version of the model fills it, and
// across rebuilds.
type Views struct {
	// Schema is theirs alone. It has no version.
	Schema string
	// DDL makes them and their comments. It is unqualified: what it makes goes into the views' schema, and the tables that it names are
	// found in the model's. No view has the name of a table. It is also their version: other text is made anew at the next start.
	DDL string
	// Reader is the database role that may read them, and nothing else, where there is such a role.
	Reader string
}

// TypesOf lists the stored names of events, for ReadModel.Applies and PassesOver.
func TypesOf(facts ...domain.Event) []string {
	names := make([]string, len(facts))
	for i, fact := range facts {
		names[i] = fact.EventType()
	}
	return names
}
