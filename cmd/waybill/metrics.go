package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"waybill/adapters/postgres"
)

// appendMetrics shows how the group committer is doing.
type appendMetrics struct {
	events, seconds prometheus.Histogram
	failed          prometheus.Counter
}

func newAppendMetrics() *appendMetrics {
	return &appendMetrics{
		events: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "waybill_append_batch_events", Help: "Events that one transaction of the group committer wrote.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "waybill_append_seconds", Help: "From sending a batch of appends to its durable commit.",
			Buckets: prometheus.ExponentialBuckets(0.000_25, 2, 14),
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waybill_append_failures_total", Help: "Batches of appends that did not commit.",
		}),
	}
}

func (m *appendMetrics) observe(b postgres.Batch) {
	if b.Err != nil {
		m.failed.Inc()
		return
	}
	m.events.Observe(float64(b.Events))
	m.seconds.Observe(b.Took.Seconds())
}

// Describe implements prometheus.Collector.
func (m *appendMetrics) Describe(d chan<- *prometheus.Desc) {
	m.events.Describe(d)
	m.seconds.Describe(d)
	m.failed.Describe(d)
}

// Collect implements prometheus.Collector.
func (m *appendMetrics) Collect(c chan<- prometheus.Metric) {
	m.events.Collect(c)
	m.seconds.Collect(c)
	m.failed.Collect(c)
}
