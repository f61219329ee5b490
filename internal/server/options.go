package server

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options say what a Server serves and how much it puts up with. The zero
// value serves its own pages with the defaults below.
type Options struct {
	// Mounts are the dialects and where each hangs.
	Mounts []Mount

	// Checks are what /_status/check runs.
	Checks []Check

	// Version is what /_status/ping says; "dev" if empty.
	Version string

	// StoreID is named on the page for browsers; left out if empty.
	StoreID string

	// Logger gets the access log and the server's own errors; slog.Default()
	// if nil. What handlers log goes where they send it.
	Logger *slog.Logger

	// Metrics is where the server registers its metrics, with Go's and the
	// process's, and what /metrics shows; a new registry if nil.
	Metrics *prometheus.Registry

	// TrustedProxies are the networks of the proxies whose X-Forwarded-For says who
	// asks; nobody's if nil.
	TrustedProxies func(context.Context) ([]netip.Prefix, error)

	// ReadHeaderTimeout is how long a client may take to send a request's
	// header; 10 s if zero.
	ReadHeaderTimeout time.Duration

	// IdleTimeout is how long a connection may wait for its next request;
	// 2 min if zero.
	IdleTimeout time.Duration

	// MaxHeaderBytes bounds a request's header; 64 KiB if zero, which holds a
	// device session, a root macaroon and several discharges.
	MaxHeaderBytes int

	// BodyLimit bounds request bodies where a mount does not say otherwise;
	// 16 MiB if zero.
	BodyLimit int64

	// StallTimeout is how long a body, either way, may stand still; 1 min if
	// zero. Beyond it a body must move at MinRate.
	StallTimeout time.Duration

	// MinRate is the slowest transfer that is kept up, in bytes per second;
	// 4096 if zero, below which snapd gives up by itself.
	MinRate int64

	// MaxRequests is how many requests of mounts run at once; what is over
	// it gets a 503. 8192 if zero, no limit if negative.
	MaxRequests int

	// DrainTimeout is how long running requests have to finish once the
	// server is told to stop; 30 s if zero.
	DrainTimeout time.Duration

	// CheckTimeout bounds each run of the checks; 5 s if zero.
	CheckTimeout time.Duration
}

// withDefaults returns o with every unset field as documented.
func (o Options) withDefaults() Options {
	o.Version = cmp.Or(o.Version, "dev")
	o.ReadHeaderTimeout = cmp.Or(o.ReadHeaderTimeout, 10*time.Second)
	o.IdleTimeout = cmp.Or(o.IdleTimeout, 2*time.Minute)
	o.MaxHeaderBytes = cmp.Or(o.MaxHeaderBytes, 64<<10)
	o.BodyLimit = cmp.Or(o.BodyLimit, 16<<20)
	o.StallTimeout = cmp.Or(o.StallTimeout, time.Minute)
	o.MinRate = cmp.Or(o.MinRate, 4096)
	o.MaxRequests = cmp.Or(o.MaxRequests, 8192)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 30*time.Second)
	o.CheckTimeout = cmp.Or(o.CheckTimeout, 5*time.Second)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	o.Logger = withRequestID(o.Logger)
	return o
}
