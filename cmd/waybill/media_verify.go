package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	filestore "waybill/adapters/media"
	"waybill/cmd/config"
	"waybill/projections/pictures"
)

type mediaVerifyCommand struct{}

// Help is shown by waybill media verify --help.
func (mediaVerifyCommand) Help() string {
	return `It reads every image once. It fails when one has other bytes than its digest says, or when something in the log refers to one
that is not there, and names them. Files that belong to nothing are named too; they are no failure: the collection removes them.`
}

var errImages = errors.New("images are missing or damaged: put them back from a backup, by the same names")

// Run is called by kong.
func (mediaVerifyCommand) Run(ctx context.Context, cfg config.Config, out io.Writer) error {
	return withImages(ctx, cfg, true, func(a *app, i *images) error {
		found, err := a.collector(i).Verify(ctx, func(visit func(string) error) error { return a.eachReference(ctx, visit) })
		if err != nil {
			return err
		}
		for what, names := range map[string][]string{"damaged": found.Damaged, "missing": found.Missing, "orphan": found.Orphans} {
			for _, name := range names {
				fmt.Fprintf(out, "%s  %s\n", what, name)
			}
		}
		fmt.Fprintf(out, "%d images with %d bytes in %s: %d damaged, %d missing, %d orphans\n",
			found.Images, found.Bytes, i.files.Place(), len(found.Damaged), len(found.Missing), len(found.Orphans))
		if !found.Sound() {
			return errImages
		}
		return nil
	})
}

// eachReference calls visit with every digest that something which is not deleted refers to, once for each.
func (a *app) eachReference(ctx context.Context, visit func(string) error) error {
	const page = 1000
	var last pictures.Use
	seen := ""
	for {
		uses, err := pictures.Queries{DB: a.pool}.Uses(ctx, last, page)
		if err != nil {
			return err
		}
		for _, u := range uses {
			if u.Gone || u.Digest == seen {
				continue
			}
			seen = u.Digest
			if err := visit(u.Digest); err != nil {
				return err
			}
		}
		if len(uses) < page {
			return nil
		}
		last = uses[len(uses)-1]
	}
}

// mediaMetrics shows what is kept and what was collected.
type mediaMetrics struct {
	removed *prometheus.CounterVec
	failed  prometheus.Counter
	last    prometheus.Gauge
}

func newMediaMetrics(registry prometheus.Registerer) *mediaMetrics {
	m := &mediaMetrics{
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "waybill_media_collected_total", Help: "What this node's collections of images have removed.",
		}, []string{"what"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "waybill_media_collection_failures_total",
			Help: "Collections of images that stopped early, as while a read model is behind.",
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "waybill_media_collection_time_seconds",
			Help: "When this node, or another at its time, last collected images to the end.",
		}),
	}
	registry.MustRegister(m.removed, m.failed, m.last)
	return m
}

func (m *mediaMetrics) collected(done filestore.Collected, err error) {
	for what, n := range map[string]int{"uploads": done.Uploads, "images": done.Images, "strays": done.Strays} {
		m.removed.WithLabelValues(what).Add(float64(n))
	}
	if err != nil {
		m.failed.Inc()
		return
	}
	m.last.Set(float64(time.Now().Unix()))
}
