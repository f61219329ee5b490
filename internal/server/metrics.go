package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the server's own: what it did per mount. Nothing that a client
// chooses becomes a label.
type metrics struct {
	registry *prometheus.Registry
	running  prometheus.Gauge
	refused  prometheus.Counter
	panics   prometheus.Counter
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	sent     *prometheus.CounterVec
}

// mountMetrics are the series of one mount, looked up once.
type mountMetrics struct {
	requests [6]prometheus.Counter // by the first digit of the status
	duration prometheus.Observer
	sent     prometheus.Counter
}

func newMetrics(registry *prometheus.Registry, version string) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	// The caller's registry may have these already, and then that is that.
	_ = registry.Register(collectors.NewGoCollector())
	_ = registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "larder_build_info", Help: "Always 1; the label says which version runs.",
		ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m := &metrics{
		registry: registry,
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "larder_http_requests_running", Help: "Requests of mounts that are being served.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "larder_http_requests_refused_total", Help: "Requests refused because too many were running.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "larder_http_panics_total", Help: "Requests that ended in a defect of the program.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "larder_http_requests_total", Help: "Requests served, by mount and class of status.",
		}, []string{"mount", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "larder_http_request_seconds", Help: "Time from a request's header to the end of its answer.",
			Buckets: []float64{.0005, .002, .01, .05, .2, 1, 5, 30, 300},
		}, []string{"mount"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "larder_http_sent_bytes_total", Help: "Bytes of bodies sent.",
		}, []string{"mount"}),
	}
	registry.MustRegister(build, m.running, m.refused, m.panics, m.requests, m.duration, m.sent)
	return m
}

func (m *metrics) of(mount string) mountMetrics {
	of := mountMetrics{
		duration: m.duration.WithLabelValues(mount),
		sent:     m.sent.WithLabelValues(mount),
	}
	for class := 1; class < len(of.requests); class++ {
		of.requests[class] = m.requests.WithLabelValues(mount, strconv.Itoa(class)+"xx")
	}
	return of
}

func (m *mountMetrics) observe(status int, sent int64, took time.Duration) {
	if class := status / 100; 1 <= class && class < len(m.requests) {
		m.requests[class].Inc()
	}
	m.duration.Observe(took.Seconds())
	m.sent.Add(float64(sent))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}
