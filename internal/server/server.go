package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/larder-store/larder/internal/dialect/reply"
)

// Server serves the mounts and its own pages. It is an http.Handler too, for
// tests and for other listeners; then the caller sets the timeouts.
type Server struct {
	options Options
	table   *table
	nowhere *mounted // what no mount claims
	metrics *metrics
	running atomic.Int64
}

// New returns a server that is ready to run. It panics when two mounts claim
// the same path.
func New(options Options) *Server {
	s := &Server{options: options.withDefaults()}
	s.metrics = newMetrics(s.options.Metrics, s.options.Version)

	var mounts []*mounted
	for _, m := range append([]Mount{s.pages()}, s.options.Mounts...) {
		mounts = append(mounts, &mounted{Mount: m, metrics: s.metrics.of(m.Name)})
	}
	s.table = newTable(mounts)
	s.nowhere = &mounted{
		Mount: Mount{
			Name: "nowhere",
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				shapeOf(r.URL.EscapedPath())(w, r, reply.NotFound)
			}),
		},
		metrics: s.metrics.of("nowhere"),
	}
	return s
}

// Run serves on listener until ctx is done, then takes no new requests and
// gives the running ones their time; those still running after it are cut
// off, which is an error. It closes the listener.
func (s *Server) Run(ctx context.Context, listener net.Listener) error {
	requests, cancelRequests := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelRequests()

	limits := s.limits()
	hs := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: s.options.ReadHeaderTimeout,
		IdleTimeout:       s.options.IdleTimeout,
		MaxHeaderBytes:    s.options.MaxHeaderBytes,
		// Only what a request starts with: its body and answer move their
		// deadlines themselves, so that size and speed decide and not the clock.
		WriteTimeout: limits.initial(),
		BaseContext:  func(net.Listener) context.Context { return requests },
		ErrorLog:     slog.NewLogLogger(s.options.Logger.Handler(), slog.LevelDebug),
	}

	served := make(chan error, 1)
	go func() { served <- hs.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("cannot serve on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}

	s.options.Logger.Info("stopping", "running", s.running.Load(), "at_most", s.options.DrainTimeout.String())
	drain, cancelDrain := context.WithTimeout(requests, s.options.DrainTimeout)
	defer cancelDrain()
	err := hs.Shutdown(drain)
	if err == nil {
		return nil
	}
	left := s.running.Load()
	cancelRequests()
	closeErr := hs.Close()
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("cut off %d requests that did not finish within %s", left, s.options.DrainTimeout), closeErr)
	}
	return errors.Join(fmt.Errorf("cannot stop cleanly: %w", err), closeErr)
}

// UntilSignal returns a context that ends with the first SIGINT or SIGTERM.
// From then on the signals have their default effect again, so that a second
// one ends a process that takes too long to drain.
func UntilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func (s *Server) limits() transferLimits {
	return transferLimits{stall: s.options.StallTimeout, minRate: s.options.MinRate}
}

// initial is the write deadline that a request starts with, from when its
// header is read.
func (l transferLimits) initial() time.Duration { return 2 * l.stall }
