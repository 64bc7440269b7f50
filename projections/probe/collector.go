package probe

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// oldest is how old figures may be that are told again: about as long as an alert takes to notice that they are missing.
const oldest = 30 * time.Second

// collector has another answer in time.
type collector struct {
	prometheus.Collector
	look *Look[[]prometheus.Metric]
}

// InTime is a collector whose figures are asked of something that may hang. Then they are the last ones, and after half a minute there
// are none: no figure is better than an old one. However many scrapes there are, it asks once at a time.
func InTime(c prometheus.Collector) prometheus.Collector {
	return collector{c, New(func(context.Context) ([]prometheus.Metric, error) {
		out := make(chan prometheus.Metric)
		go func() {
			defer close(out)
			c.Collect(out)
		}()
		var all []prometheus.Metric
		for m := range out {
			all = append(all, m)
		}
		return all, nil
	})}
}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) {
	answer := c.look.Now(context.Background())
	if answer.Age() > oldest {
		return
	}
	for _, m := range answer.Value {
		out <- m
	}
}
