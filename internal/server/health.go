package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// Check is one thing that must be well for the store to be.
type Check struct {
	// Name is one word, such as "database".
	Name string

	// Run returns nil if all is well. The message of a store.Error is shown to
	// whoever asks; any other error goes to the log only. It should give up
	// when ctx is done.
	Run func(ctx context.Context) error
}

// checkOK is what a check that is well says.
const checkOK = "OK"

// resultsLast is how long the results are shown again, so that asking often
// costs nothing.
const resultsLast = time.Second

// health runs the checks.
type health struct {
	checks  []*runningCheck
	timeout time.Duration
	log     *slog.Logger

	mu      sync.Mutex // held while the checks run, so that they run once
	at      time.Time
	results []result
}

type runningCheck struct {
	Check
	busy atomic.Bool // an earlier run has not come back yet
}

type result struct{ name, text string }

func newHealth(checks []Check, timeout time.Duration, log *slog.Logger) *health {
	h := &health{timeout: timeout, log: log}
	for _, c := range checks {
		h.checks = append(h.checks, &runningCheck{Check: c})
	}
	return h
}

// run returns the results in the order of the checks.
func (h *health) run() []result {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.results != nil && time.Since(h.at) < resultsLast {
		return h.results
	}
	ctx, cancel := context.WithTimeout(context.Background(), h.timeout)
	defer cancel()

	results := make([]result, len(h.checks))
	var all sync.WaitGroup
	for i, c := range h.checks {
		all.Go(func() { results[i] = result{c.Name, h.runOne(ctx, c)} })
	}
	all.Wait()
	h.at, h.results = time.Now(), results
	return results
}

// runOne waits for the check no longer than ctx lasts, also if the check
// itself does. One that is stuck is not started again on top of itself.
func (h *health) runOne(ctx context.Context, c *runningCheck) string {
	if !c.busy.CompareAndSwap(false, true) {
		return "no answer yet"
	}
	done := make(chan error, 1)
	go func() {
		defer c.busy.Store(false)
		done <- runSafely(ctx, c.Check)
	}()
	select {
	case <-ctx.Done():
		h.log.Error("a health check gave no answer", "check", c.Name, "within", h.timeout.String())
		return fmt.Sprintf("no answer within %s", h.timeout)
	case err := <-done:
		if err == nil {
			return checkOK
		}
		h.log.Error("a health check failed", "check", c.Name, "error", err)
		var known *store.Error
		if errors.As(err, &known) {
			return known.Message
		}
		return "failed; the log says why"
	}
}

func runSafely(ctx context.Context, c Check) (err error) {
	defer func() {
		if defect := recover(); defect != nil {
			err = fmt.Errorf("the check panicked: %s", describePanic(defect))
		}
	}()
	return c.Run(ctx)
}

// serve answers 200 if all is well and 500 otherwise, as the operators' load
// balancers expect: lines of text, or a JSON object for who accepts JSON.
func (h *health) serve(w http.ResponseWriter, r *http.Request) {
	results := h.run()
	status := http.StatusOK
	for _, res := range results {
		if res.text != checkOK {
			status = http.StatusInternalServerError
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), reply.ContentJSON) {
		body := make(map[string]string, len(results))
		for _, res := range results {
			body[res.name] = res.text
		}
		reply.JSON(w, r, status, body)
		return
	}
	var body strings.Builder
	for _, res := range results {
		fmt.Fprintf(&body, "%s: %s\n", res.name, res.text)
	}
	reply.Bytes(w, status, "text/plain; charset=utf-8", []byte(body.String()))
}
