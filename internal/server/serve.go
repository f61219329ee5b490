package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// storeVersion is the version of the public store's API that clients take us
// for. snapd falls back to older calls below 55.
var storeVersion = []string{"69"}

// The headers in their canonical spelling, set without going through
// http.Header.Set on the way of every request.
const (
	headerStoreVersion = "Snap-Store-Version"
	headerRequestID    = "X-Request-Id"
)

// ServeHTTP takes a request through what all requests share: id, limits,
// metrics, log, and an answer even where a handler panics.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	id := requestIDFor(r.Header.Get(headerRequestID))
	header := w.Header()
	header[headerStoreVersion] = storeVersion
	header[headerRequestID] = []string{id}

	r = cutGateway(r)
	r = r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id))
	s.believe(r)
	mount := s.table.find(r.URL.EscapedPath())
	if mount == nil {
		mount = s.nowhere
	}
	limits := s.limits()
	rw := &response{ResponseWriter: w, limits: limits, deadline: start.Add(limits.initial())}
	defer s.finish(rw, r, mount, start)

	// The pages answer when all else is overloaded: that is what they are for.
	if mount.Name != pagesName {
		running := s.running.Add(1)
		s.metrics.running.Inc()
		defer func() {
			s.running.Add(-1)
			s.metrics.running.Dec()
		}()
		if limit := s.options.MaxRequests; limit > 0 && running > int64(limit) {
			s.metrics.refused.Inc()
			header["Retry-After"] = []string{"5"}
			mount.fail(rw, r, store.Unavailablef("overloaded", "the store is busy; try again shortly"))
			return
		}
	}
	if err := s.limitBody(w, r, mount); err != nil {
		header["Connection"] = []string{"close"}
		mount.fail(rw, r, err)
		return
	}
	mount.Handler.ServeHTTP(rw, r)
}

// limitBody bounds the size of the request's body and the time it takes.
func (s *Server) limitBody(w http.ResponseWriter, r *http.Request, mount *mounted) error {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	limit := mount.BodyLimit
	if limit == 0 {
		limit = s.options.BodyLimit
	}
	r.Body = newPacedBody(r.Body, http.NewResponseController(w), s.limits())
	if limit < 0 {
		return nil
	}
	if r.ContentLength > limit {
		return store.TooLargef(reply.CodeTooLarge, "the request body is larger than %d bytes", limit)
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	return nil
}

// finish is deferred around every handler: it answers for one that panicked,
// then counts and logs.
func (s *Server) finish(w *response, r *http.Request, mount *mounted, start time.Time) {
	defect := recover()
	abort := defect == http.ErrAbortHandler
	if defect != nil && !abort {
		s.metrics.panics.Inc()
		s.options.Logger.LogAttrs(r.Context(), slog.LevelError, "a handler panicked",
			slog.String("mount", mount.Name),
			slog.String("panic", describePanic(defect)),
			slog.String("stack", string(debug.Stack())))
		abort = w.status != 0
		if !abort {
			clear(w.Header())
			w.Header()[headerStoreVersion] = storeVersion
			w.Header()[headerRequestID] = []string{RequestID(r.Context())}
			mount.shape(r)(w, r, reply.Describe(nil))
		}
	}
	if !abort {
		w.begin()
		w.extend(0)
	}
	took := time.Since(start)
	mount.metrics.observe(w.status, w.bytes, took)
	s.logAccess(w, r, mount, took)
	if abort {
		// A cut connection is the only way left to say that the body is not whole.
		panic(http.ErrAbortHandler)
	}
}

// describePanic says what a panic was about without repeating data: only what
// the runtime itself says is known to hold none.
func describePanic(defect any) string {
	if err, ok := defect.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a %T, see the stack", defect)
}

// maxLoggedPath keeps a log line readable whatever a client asks for.
const maxLoggedPath = 256

// logAccess writes the line of a request. Of what the client sent it takes
// the method and the path only: queries and headers may hold secrets.
//
// What went well is for those who look for something: a line costs as much as
// a tenth of a small answer, the metrics count all requests, and the change
// log tells who changed what.
func (s *Server) logAccess(w *response, r *http.Request, mount *mounted, took time.Duration) {
	level := slog.LevelDebug
	switch {
	case w.status >= http.StatusInternalServerError:
		level = slog.LevelWarn
	case w.status >= http.StatusBadRequest && mount.Name != pagesName:
		level = slog.LevelInfo
	}
	ctx := r.Context()
	if !s.options.Logger.Enabled(ctx, level) {
		return
	}
	path := r.URL.EscapedPath()
	if len(path) > maxLoggedPath {
		path = path[:maxLoggedPath] + "…"
	}
	s.options.Logger.LogAttrs(ctx, level, "request",
		slog.String("method", r.Method),
		slog.String("path", path),
		slog.Int("status", w.status),
		slog.Int64("bytes", w.bytes),
		slog.Duration("took", took),
		slog.String("mount", mount.Name),
		slog.String("client", r.RemoteAddr))
}

func (m *mounted) shape(r *http.Request) reply.Shape {
	if m.Errors != nil {
		return m.Errors
	}
	return shapeOf(r.URL.EscapedPath())
}

func (m *mounted) fail(w http.ResponseWriter, r *http.Request, err error) {
	m.shape(r)(w, r, reply.Describe(err))
}
