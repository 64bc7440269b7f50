package main

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"waybill/adapters/postgres"
	courier "waybill/adapters/webhooks"
	"waybill/http/api"
	"waybill/projections/probe"
	"waybill/projections/reactions"
	"waybill/projections/runtime"
)

// outside is how the node reaches the receivers of webhooks.
func (a *app) outside(registry prometheus.Registerer) (outside reactions.Outside, stop func()) {
	sending := courier.New(courier.Config{Rules: a.cfg.Webhooks})
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "waybill_webhook_attempt_seconds", Help: "What deliveries to webhooks took, by what came of them: delivered, failed or gone.",
		Buckets: prometheus.ExponentialBuckets(0.01, 2, 11),
	}, []string{"result"})
	registry.MustRegister(seconds, probe.InTime(webhookMetrics{a.deliveries()}))
	return reactions.Outside{
		Courier: sending, Secrets: postgres.NewWebhookSecrets(a.pool),
		Observe: func(result string, took time.Duration) { seconds.WithLabelValues(result).Observe(took.Seconds()) },
	}, sending.Close
}

// deliveries are those to webhooks.
func (a *app) deliveries() *runtime.Deliveries {
	return runtime.NewDeliveries(a.pool, a.store, reactions.Webhooks, reactions.WebhooksStored)
}

// webhooks is what the API needs of them.
func (a *app) webhooks(outside reactions.Outside) *api.Webhooks {
	return &api.Webhooks{
		Secrets: outside.Secrets, Deliveries: a.deliveries(),
		Test: func(ctx context.Context, hook, message uuid.UUID, at time.Time) error {
			return reactions.SendTest(ctx, a.commands, outside, hook, message, at)
		},
	}
}

// webhookMetrics count what waits for webhooks when they are asked for, so that every node shows it.
type webhookMetrics struct{ deliveries *runtime.Deliveries }

// countTimeout bounds what a scrape waits for the database.
const countTimeout = 2 * time.Second

var (
	describeWebhookWaiting = prometheus.NewDesc("waybill_webhook_objects_waiting",
		"Objects of which something waits to be delivered to a webhook, up to 10,000; those of paused webhooks too.", nil, nil)
	describeWebhookFailing = prometheus.NewDesc("waybill_webhook_objects_failing",
		"Those of them whose last attempt failed.", nil, nil)
	describeWebhookGivenUp = prometheus.NewDesc("waybill_webhook_given_up",
		"Deliveries to webhooks that were given up and are neither resent nor skipped, up to 10,000.", nil, nil)
)

// Describe implements prometheus.Collector.
func (webhookMetrics) Describe(out chan<- *prometheus.Desc) {
	out <- describeWebhookWaiting
	out <- describeWebhookFailing
	out <- describeWebhookGivenUp
}

// Collect implements prometheus.Collector.
func (m webhookMetrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	waiting, failing, givenUp, err := m.deliveries.Waiting(ctx)
	if err != nil {
		return // no figure is better than an old one
	}
	out <- prometheus.MustNewConstMetric(describeWebhookWaiting, prometheus.GaugeValue, float64(waiting))
	out <- prometheus.MustNewConstMetric(describeWebhookFailing, prometheus.GaugeValue, float64(failing))
	out <- prometheus.MustNewConstMetric(describeWebhookGivenUp, prometheus.GaugeValue, float64(givenUp))
}
