package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"waybill/adapters/eventstoredb"
	"waybill/adapters/postgres"
)

// appendMetrics shows how the event store is doing: the group committer of PostgreSQL, or the calls to an EventStoreDB.
type appendMetrics struct {
	events, seconds prometheus.Histogram
	failed          prometheus.Counter
	remote          *eventstoredb.Store // whose connection and subscriptions are among the figures; nil for PostgreSQL
}

var (
	describeRestarts = prometheus.NewDesc("waybill_eventstore_client_restarts_total",
		"Times a lost client of EventStoreDB was replaced.", nil, nil)
	describeCaughtUp = prometheus.NewDesc("waybill_subscription_caught_up",
		"1 when all of this node's subscriptions to EventStoreDB have caught up with the log.", nil, nil)
	describeSubscriptionLag = prometheus.NewDesc("waybill_subscription_lag_seconds",
		"For how long the subscription that is furthest behind has not caught up; 0 when all have.", nil, nil)
	describeWaiting = prometheus.NewDesc("waybill_subscription_waiting_events",
		"Events received from EventStoreDB and not taken yet, all subscriptions together.", nil, nil)
	describePassedOver = prometheus.NewDesc("waybill_eventstore_foreign_events_total",
		"Events of others' streams that EventStoreDB sent and that were passed over.", nil, nil)
	describeDrops = prometheus.NewDesc("waybill_subscription_drops",
		"Times the open subscriptions were dropped and taken up again.", nil, nil)
)

func newAppendMetrics() *appendMetrics {
	return &appendMetrics{
		events: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "waybill_append_batch_events",
			Help:    "Events that one append wrote: a transaction of the group committer, or a call to EventStoreDB.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "waybill_append_seconds", Help: "From sending an append to its durable commit.",
			Buckets: prometheus.ExponentialBuckets(0.000_25, 2, 14),
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waybill_append_failures_total",
			Help: "Appends that failed; those refused on their expected revision are not among them.",
		}),
	}
}

func (m *appendMetrics) observe(b postgres.Batch) { m.took(b.Events, b.Took, b.Err) }

func (m *appendMetrics) observeCall(a eventstoredb.Appended) { m.took(a.Events, a.Took, a.Err) }

func (m *appendMetrics) took(events int, took time.Duration, err error) {
	if err != nil {
		m.failed.Inc()
		return
	}
	m.events.Observe(float64(events))
	m.seconds.Observe(took.Seconds())
}

// Describe implements prometheus.Collector.
func (m *appendMetrics) Describe(d chan<- *prometheus.Desc) {
	m.events.Describe(d)
	m.seconds.Describe(d)
	m.failed.Describe(d)
	for _, desc := range []*prometheus.Desc{
		describeRestarts, describeCaughtUp, describeSubscriptionLag, describeWaiting, describeDrops, describePassedOver,
	} {
		d <- desc
	}
}

// Collect implements prometheus.Collector.
func (m *appendMetrics) Collect(c chan<- prometheus.Metric) {
	m.events.Collect(c)
	m.seconds.Collect(c)
	m.failed.Collect(c)
	if m.remote == nil {
		return
	}
	caughtUp, lag, waiting, drops := 1.0, 0.0, 0, 0
	for _, s := range m.remote.Subscriptions() {
		if !s.CaughtUp {
			caughtUp = 0
		}
		lag = max(lag, s.Lag.Seconds())
		waiting += s.Waiting
		drops += s.Drops
	}
	c <- prometheus.MustNewConstMetric(describeRestarts, prometheus.CounterValue, float64(m.remote.Restarts()))
	c <- prometheus.MustNewConstMetric(describePassedOver, prometheus.CounterValue, float64(m.remote.PassedOver()))
	for desc, value := range map[*prometheus.Desc]float64{
		describeCaughtUp: caughtUp, describeSubscriptionLag: lag, describeWaiting: float64(waiting), describeDrops: float64(drops),
	} {
		c <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
}
