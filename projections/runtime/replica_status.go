package runtime

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain"
)

// Status reads how far the replica is with every read model, against the log.
func (r *Replica) Status(ctx context.Context) ([]Status, error) {
	at, err := r.checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	return r.statusAt(ctx, at)
}

// statusAt is Status, of checkpoints that were read.
func (r *Replica) statusAt(ctx context.Context, at map[string]checkpoint) ([]Status, error) {
	log, err := ownLogOf(ctx, r.pool, r.store)
	if err != nil {
		return nil, err
	}
	shown, known := make(map[string]checkpoint, len(r.models)), domain.Position(0)
	for _, m := range r.models {
		if c, ok := at[m.Schema]; ok {
			shown[m.Schema], known = c, max(known, c.position)
		}
	}
	_, instant, err := r.lags.end(ctx, log, known)
	if err != nil {
		return nil, err
	}
	strange, err := strangers(ctx, log, shown)
	if err != nil {
		return nil, fmt.Errorf("the log of the read replica: %w", err)
	}
	all := make([]Status, 0, len(r.models))
	for _, m := range r.models {
		s := Status{Name: m.Name, Position: shown[m.Schema].position, AnotherLog: strange[m.Schema] != nil}
		if s.AnotherLog {
			s.Position = 0 // of this log it shows nothing
		}
		_, first, err := log.behind(ctx, s.Position, s.Position)
		if err != nil {
			return nil, fmt.Errorf("lag of %s on the read replica: %w", m.Name, err)
		}
		s.Lag = r.lags.of(m.Schema, first, instant)
		all = append(all, s)
	}
	return all, nil
}

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
	at, err := r.checkpoints(ctx)
	up := 0.0
	if err == nil {
		up = 1
	}
	out <- prometheus.MustNewConstMetric(describeReplicaUp, prometheus.GaugeValue, up)
	if err != nil {
		return
	}
	all, err := r.statusAt(ctx, at)
	if err != nil {
		return // no figure is better than an old one
	}
	for _, s := range all {
		out <- prometheus.MustNewConstMetric(describeReplicaLag, prometheus.GaugeValue, s.Lag.Seconds(), s.Name)
	}
}
