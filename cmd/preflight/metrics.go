package preflight

import "github.com/prometheus/client_golang/prometheus"

// Metrics count the warnings of each check, as they were at the start.
func (r Report) Metrics() prometheus.Collector {
	warnings := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "waybill_preflight_warnings",
		Help: "What the checks before the start warned of, by check; the log says it in words.",
	}, []string{"check"})
	for check, count := range r.Warnings() {
		warnings.WithLabelValues(check).Set(float64(count))
	}
	return warnings
}
