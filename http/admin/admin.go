// Package admin is what a node shows to those who operate it, on an address of its own that strangers do not reach: its
// health by name, its metrics, and its profiles.
package admin

import (
	"encoding/json"
	nethttp "net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"waybill/http/ready"
	"waybill/projections/runtime"
)

// Deps is what the handler shows. Both are required.
type Deps struct {
	Ready   ready.Checker
	Metrics prometheus.Gatherer
}

// Handler serves /livez, /readyz, /metrics and /debug/pprof/ to whoever reaches it. Health and metrics are there within a second,
// whatever hangs; the collectors must be (see probe.InTime).
func Handler(d Deps) nethttp.Handler {
	d.Ready = d.Ready.InTime()
	mux := nethttp.NewServeMux()
	mux.HandleFunc("GET /livez", func(w nethttp.ResponseWriter, _ *nethttp.Request) {
		write(w, nethttp.StatusOK, health{Status: ready.OK})
	})
	mux.HandleFunc("GET /readyz", d.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(d.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// NewServer is a server for the handler. A profile may take minutes.
func NewServer(handler nethttp.Handler) *nethttp.Server {
	return &nethttp.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 5 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
}

type health struct {
	Status string `json:"status"`
	// AgeSeconds is how old what is told is, where a part has not answered in time.
	AgeSeconds  float64 `json:"age_seconds,omitempty"`
	Parts       []part  `json:"parts,omitempty"`
	ReadModels  []model `json:"read_models,omitempty"`
	ReadReplica []model `json:"read_replica,omitempty"`
}

type part struct {
	Part   string `json:"part"`
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
}

type model struct {
	Name       string  `json:"name"`
	Position   uint64  `json:"position"`
	Head       uint64  `json:"head,omitempty"`
	LagEvents  uint64  `json:"lag_events"`
	LagSeconds float64 `json:"lag_seconds"`
	Parked     int     `json:"parked"`
	AnotherLog bool    `json:"another_log,omitempty"`
	Holder     string  `json:"holder,omitempty"`
}

func (d Deps) readyz(w nethttp.ResponseWriter, r *nethttp.Request) {
	report := d.Ready.Check(r.Context())
	shown, status := health{Status: ready.OK, AgeSeconds: report.Age.Seconds()}, nethttp.StatusOK
	shown.ReadModels, shown.ReadReplica = models(report.Models), models(report.Replica)
	if !report.Ready() {
		shown.Status, status = "not_ready", nethttp.StatusServiceUnavailable
	}
	for _, p := range report.Parts {
		shown.Parts = append(shown.Parts, part{Part: p.Name, Status: p.State, Detail: p.Detail})
	}
	write(w, status, shown)
}

func models(all []runtime.Status) []model {
	shown := make([]model, len(all))
	for i, m := range all {
		shown[i] = model{
			Name: m.Name, Position: uint64(m.Position), Head: uint64(m.Head), LagEvents: uint64(m.LagEvents), LagSeconds: m.Lag.Seconds(),
			Parked: m.Parked, Holder: m.Holder, AnotherLog: m.AnotherLog,
		}
	}
	return shown
}

func write(w nethttp.ResponseWriter, status int, body any) {
	raw, err := json.MarshalIndent(body, "", "  ")
	if err != nil {
		nethttp.Error(w, err.Error(), nethttp.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(raw, '\n'))
}
