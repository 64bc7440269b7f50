package runtime

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"waybill/projections/probe"
)

// metrics counts what this node's projectors and reactions do.
type metrics struct {
	batchEvents, batchSeconds *prometheus.HistogramVec
	retries, deadLetters      *prometheus.CounterVec
	outdated                  *prometheus.GaugeVec
}

func newMetrics(
	registerer prometheus.Registerer, status func(context.Context) ([]Status, error), writable func(context.Context) error,
) (*metrics, error) {
	label := perProjection
	m := &metrics{
		batchEvents: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "waybill_projection_batch_events", Help: "Events of the model in one transaction.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 7),
		}, label),
		batchSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "waybill_projection_apply_seconds", Help: "Time from the start of a batch's transaction to its commit.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2.5, 10),
		}, label),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waybill_projection_retries_total", Help: "Batches, reactions and turns of jobs tried again after a passing error.",
		}, label),
		deadLetters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waybill_projection_dead_letters_total", Help: "Events parked by this node since it started.",
		}, label),
		outdated: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "waybill_projection_outdated",
			Help: "1 while this node stays out because the log has events that only a newer version knows.",
		}, label),
	}
	if registerer == nil {
		return m, nil
	}
	all := probe.InTime(&statusCollector{status: status, writable: writable})
	for _, c := range []prometheus.Collector{m.batchEvents, m.batchSeconds, m.retries, m.deadLetters, m.outdated, all} {
		if err := registerer.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) applied(name string, events int, took time.Duration) {
	m.batchEvents.WithLabelValues(name).Observe(float64(events))
	m.batchSeconds.WithLabelValues(name).Observe(took.Seconds())
}

func (m *metrics) retried(name string) { m.retries.WithLabelValues(name).Inc() }

func (m *metrics) parked(name string) { m.deadLetters.WithLabelValues(name).Inc() }

// statusCollector reads the lag when it is asked for, so that every node shows that of all projections and jobs.
type statusCollector struct {
	status   func(context.Context) ([]Status, error)
	writable func(context.Context) error
}

// statusTimeout bounds what a scrape waits for the database.
const statusTimeout = 2 * time.Second

var (
	perProjection = []string{"projection"}

	describeLagEvents = prometheus.NewDesc("waybill_projection_lag_events",
		"Events of the log not applied yet.", perProjection, nil)
	describeLag = prometheus.NewDesc("waybill_projection_lag_seconds",
		"Age of the oldest event not applied yet.", perProjection, nil)
	describePosition = prometheus.NewDesc("waybill_projection_position",
		"Position up to which events are applied.", perProjection, nil)
	describeParked = prometheus.NewDesc("waybill_projection_parked_streams",
		"Streams that stand still for a dead letter.", perProjection, nil)
	describeAnotherLog = prometheus.NewDesc("waybill_projection_another_log",
		"1 when it was built from another log than the event store holds, 0 when not.", perProjection, nil)
	describeHeld = prometheus.NewDesc("waybill_projection_active",
		"1 when a node works on it, 0 when none does.", perProjection, nil)
	describeWritable = prometheus.NewDesc("waybill_database_writable",
		"1 when the database takes writes, 0 when it is read-only.", nil, nil)

	perJob = []string{"name"} // "job" is the scrape's

	describeJobLag = prometheus.NewDesc("waybill_clock_lag_seconds",
		"Age of the first moment of a job that is due and not done.", perJob, nil)
	describeJobHeld = prometheus.NewDesc("waybill_clock_active",
		"1 when a node does the jobs of the clock, 0 when none does.", perJob, nil)
)

// Describe implements prometheus.Collector.
func (c *statusCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		describeLagEvents, describeLag, describePosition, describeParked, describeAnotherLog, describeHeld, describeJobLag, describeJobHeld,
		describeWritable,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *statusCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	switch err := c.writable(ctx); {
	case errors.Is(err, ErrReadOnly):
		out <- prometheus.MustNewConstMetric(describeWritable, prometheus.GaugeValue, 0)
	case err == nil:
		out <- prometheus.MustNewConstMetric(describeWritable, prometheus.GaugeValue, 1)
	}
	all, err := c.status(ctx)
	if err != nil {
		return // no figure is better than an old one, and the scrape's other figures are good
	}
	for _, s := range all {
		held := 0.0
		if s.Holder != "" {
			held = 1
		}
		figures := map[*prometheus.Desc]float64{
			describeLagEvents: float64(s.LagEvents), describeLag: s.Lag.Seconds(), describePosition: float64(s.Position),
			describeParked: float64(s.Parked), describeHeld: held, describeAnotherLog: 0,
		}
		if s.AnotherLog {
			figures[describeAnotherLog] = 1
		}
		if s.Job {
			figures = map[*prometheus.Desc]float64{describeJobLag: s.Lag.Seconds(), describeJobHeld: held}
		}
		for d, v := range figures {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, s.Name)
		}
	}
}
