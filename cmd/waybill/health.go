package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"waybill/adapters/eventstoredb"
	"waybill/http/ready"
)

// states are how an EventStoreDB can be doing, as /readyz and the metric name it.
var states = map[eventstoredb.State]string{
	eventstoredb.Well: ready.OK, eventstoredb.Away: ready.Unavailable, eventstoredb.Refused: ready.Refused,
}

// watchLog looks after an EventStoreDB until stop, and returns what tells how it is doing; nil when the database keeps the log.
func (a *app) watchLog(ctx context.Context) (log func() (state string, why error), stop func()) {
	remote := a.appends.remote
	if remote == nil {
		return nil, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		remote.Watch(ctx)
	}()
	return func() (string, error) { return stateOf(remote.Health()) }, func() { cancel(); <-ended }
}

// stateOf is what is said of a store. One that nobody has looked at yet has not answered either.
func stateOf(h eventstoredb.Health) (state string, why error) {
	if said, known := states[h.State]; known {
		return said, h.Err
	}
	return ready.Unavailable, h.Err
}

var describeState = prometheus.NewDesc("waybill_eventstore_state",
	"1 for how EventStoreDB is doing as this node sees it: ok, unavailable, or refused when it refuses this node's credentials.",
	[]string{"state"}, nil)

// collectState has one figure for each state.
func (m *appendMetrics) collectState(c chan<- prometheus.Metric) {
	now, _ := stateOf(m.remote.Health())
	for _, state := range states {
		value := 0.0
		if state == now {
			value = 1
		}
		c <- prometheus.MustNewConstMetric(describeState, prometheus.GaugeValue, value, state)
	}
}
