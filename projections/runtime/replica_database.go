package runtime

import (
	"context"

	"waybill/domain"
	"waybill/projections"
)

// databaseIdentity tells a database from every other, and a standby from what writes to it.
type databaseIdentity struct {
	cluster  int64
	database uint32
	standby  bool
}

func databaseOf(ctx context.Context, db projections.Querier) (databaseIdentity, error) {
	var is databaseIdentity
	err := db.QueryRow(ctx, `SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()), pg_is_in_recovery()
		FROM pg_control_system()`).Scan(&is.cluster, &is.database, &is.standby)
	return is, err
}

// mirroredBy is nil when the other is a standby of this database. What it is instead passes for an outage when it shows
// only later: the place may be put right while we run.
func (i databaseIdentity) mirroredBy(other databaseIdentity) error {
	switch {
	case !other.standby:
		return errPromoted
	case other.cluster != i.cluster:
		return notReplica("it is a standby of another cluster")
	case other.database != i.database:
		return notReplica("it is another database of the same cluster")
	}
	return nil
}

var errPromoted = notReplica("it is no standby: it takes writes of its own")

func notReplica(why string) error { return notReplicaError{why} }

// notReplicaError is an ErrNotReplica, and an outage to those who meet it later. It says the first alone.
type notReplicaError struct{ why string }

func (e notReplicaError) Error() string { return ErrNotReplica.Error() + ": " + e.why }

func (e notReplicaError) Unwrap() []error { return []error{ErrNotReplica, domain.ErrUnavailable} }
