package clock

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"waybill/domain/digest"
	"waybill/projections/review"
	"waybill/projections/runtime"
)

const (
	// overdueEvery is how often somebody looks whether cases are overdue. They become so at midnight in Beijing.
	overdueEvery = time.Minute
	// overdueAgain is how long the log is silent about cases that were overdue before.
	overdueAgain = time.Hour
)

// overdue warns in the log of cases that nobody decided in time (R41, R43): when there are more than before, once an hour as long as
// there are any, and no more often.
func overdue(desk review.Queries, log *slog.Logger) runtime.Job {
	var w warning // the jobs of one node take their turns one after the other
	return runtime.Job{
		Name: "overdue_warning", StoredName: "clock_overdue_warning", Every: overdueEvery, Needs: []string{review.Model.Name},
		Do: func(ctx context.Context, turn runtime.Turn) error {
			found, err := desk.Open(ctx, turn.Now)
			if err == nil {
				w.say(ctx, log, counted(found), turn.Now)
			}
			return err
		},
	}
}

// warning is what the log was told last.
type warning struct {
	overdue int
	at      time.Time
}

func (w *warning) say(ctx context.Context, log *slog.Logger, cases []digest.Kind, now time.Time) {
	all, attrs := 0, []any{}
	var oldest *time.Time
	for _, k := range cases {
		all += k.Overdue
		attrs = append(attrs, k.Kind, k.Overdue)
		if k.Overdue > 0 && (oldest == nil || k.Oldest.Before(*oldest)) {
			oldest = k.Oldest
		}
	}
	switch {
	case all == 0 && w.overdue == 0:
		return
	case all == 0:
		log.InfoContext(ctx, "no case is overdue any more")
	case all > w.overdue, now.Sub(w.at).Abs() >= overdueAgain: // also when the clock went back
		if oldest != nil {
			attrs = append(attrs, "oldest_due", oldest.UTC().Format(time.RFC3339))
		}
		log.WarnContext(ctx, "cases are overdue: nobody decided them in time", attrs...)
	default:
		w.overdue = all // so that one more is told again
		return
	}
	*w = warning{all, now}
}

// metrics show what awaits the reviewers, on every node, as of when they are asked for.
type metrics struct {
	desk review.Queries
	now  func() time.Time
}

// metricsTimeout bounds what a scrape waits for the database.
const metricsTimeout = 2 * time.Second

var (
	perKind = []string{"kind"}

	describeOpen = prometheus.NewDesc("waybill_review_open",
		"Cases that await a decision.", perKind, nil)
	describeOverdue = prometheus.NewDesc("waybill_review_overdue",
		"Cases that await a decision and were due before.", perKind, nil)
	describeOldest = prometheus.NewDesc("waybill_review_oldest_overdue_seconds",
		"For how long the first of the overdue cases is; 0 without any.", perKind, nil)
)

// Metrics are the figures of the desk.
func Metrics(desk review.Queries, now func() time.Time) prometheus.Collector {
	return metrics{desk, now}
}

// Describe implements prometheus.Collector.
func (m metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{describeOpen, describeOverdue, describeOldest} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m metrics) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsTimeout)
	defer cancel()
	now := m.now()
	found, err := m.desk.Open(ctx, now)
	if err != nil {
		return // no figure is better than an old one, and the scrape's other figures are good
	}
	for _, k := range counted(found) {
		age := 0.0
		if k.Overdue > 0 && k.Oldest != nil {
			age = max(0, now.Sub(*k.Oldest).Seconds())
		}
		for d, v := range map[*prometheus.Desc]float64{
			describeOpen: float64(k.Open), describeOverdue: float64(k.Overdue), describeOldest: age,
		} {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, k.Kind)
		}
	}
}
