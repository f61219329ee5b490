package cli

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// metrics is the registry of a serving process: Go, the process, the read
// snapshots, and the deltas. The server adds its own.
func (h *house) metrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, m := range []struct {
		name, help string
		value      func() float64
		counter    bool
	}{
		{"larder_snapshot_packages", "Packages held in memory.", func() float64 { return float64(h.catalog.Stats().Packages) }, false},
		{"larder_snapshot_bytes", "Bytes that packages in memory take.", func() float64 { return float64(h.catalog.Stats().Bytes) }, false},
		{"larder_snapshot_hits_total", "Packages answered from memory.", func() float64 { return float64(h.catalog.Stats().Hits) }, true},
		{"larder_snapshot_misses_total", "Packages read from the database.", func() float64 { return float64(h.catalog.Stats().Misses) }, true},
		{"larder_snapshot_evictions_total", "Packages dropped to make room.", func() float64 { return float64(h.catalog.Stats().Evictions) }, true},
		{"larder_images_pushed_total", "Manifests of images pushed.", func() float64 { return float64(h.catalog.Stats().ImagesPushed) }, true},
		{"larder_deltas_made_total", "Deltas made.", func() float64 { return float64(h.deltas.Stats().Made) }, true},
		{"larder_deltas_refused_total", "Deltas not worth having, or beyond the limits.", func() float64 { return float64(h.deltas.Stats().Refused) }, true},
		{"larder_deltas_failed_total", "Attempts at deltas that failed and may succeed later.", func() float64 { return float64(h.deltas.Stats().Failed) }, true},
		{"larder_deltas_seconds_total", "Time spent on deltas.", func() float64 { return h.deltas.Stats().Time.Seconds() }, true},
	} {
		if m.counter {
			r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: m.name, Help: m.help}, m.value))
		} else {
			r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: m.name, Help: m.help}, m.value))
		}
	}
	return r
}
