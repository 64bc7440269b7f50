package runtime

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

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

var (
	describeReplicaUp = prometheus.NewDesc("waybill_replica_up",
		"1 when the read replica answers as a standby, 0 when it does not.", nil, nil)
	describeReplicaLag = prometheus.NewDesc("waybill_replica_lag_seconds",
		"Age of the oldest event that the read replica does not show yet.", []string{"projection"}, nil)
)

var _ prometheus.Collector = (*Replica)(nil)

// Describe implements prometheus.Collector.
func (r *Replica) Describe(out chan<- *prometheus.Desc) {
	out <- describeReplicaUp
	out <- describeReplicaLag
}

// Collect implements prometheus.Collector.
func (r *Replica) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(r.ctx, statusTimeout)
	defer cancel()
	up := 0.0
	if _, err := r.ask(ctx); err == nil {
		up = 1
	}
	out <- prometheus.MustNewConstMetric(describeReplicaUp, prometheus.GaugeValue, up)
	all, err := r.Status(ctx)
	if err != nil {
		return // no figure is better than an old one
	}
	for _, s := range all {
		out <- prometheus.MustNewConstMetric(describeReplicaLag, prometheus.GaugeValue, s.Lag.Seconds(), s.Name)
	}
}
