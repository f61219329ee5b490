package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"
)

// The environment variables that craft-store knows too: how often a request is
// tried again, and the factor of the growing delays, in seconds.
const (
	EnvRetries = "CRAFT_STORE_RETRIES"
	EnvBackoff = "CRAFT_STORE_BACKOFF"
)

const (
	defaultRetries = 8
	defaultFactor  = time.Second
	longestDelay   = 2 * time.Minute
)

// Retry says how often and when a request is sent again. Sent again are GET,
// HEAD, OPTIONS, PUT and DELETE after no answer, 500, 502, 503 or 504, and after
// 429 or 503 when the store says Retry-After; every other method only when the
// connection could not even be made.
type Retry struct {
	// Times is how often a request is tried again after the first time; 0 is
	// never.
	Times int
	// Factor is the second delay; the first is none, each later one doubles,
	// up to two minutes.
	Factor time.Duration
	// Wait pauses between tries; nil waits for that long or until the context
	// ends, whose error it then returns.
	Wait func(ctx context.Context, d time.Duration) error
}

// RetryFromEnvironment is craft-store's rule: 8 times with a factor of one
// second, unless CRAFT_STORE_RETRIES and CRAFT_STORE_BACKOFF say otherwise.
// Values that are no whole number or negative are ignored.
func RetryFromEnvironment() Retry {
	r := Retry{Times: defaultRetries, Factor: defaultFactor}
	if n, err := strconv.Atoi(os.Getenv(EnvRetries)); err == nil && n >= 0 {
		r.Times = n
	}
	if n, err := strconv.Atoi(os.Getenv(EnvBackoff)); err == nil && n >= 0 {
		r.Factor = min(time.Duration(n)*time.Second, longestDelay)
	}
	return r
}

// delay is what to wait before the n-th retry, counted from 1.
func (r Retry) delay(n int, asked time.Duration) time.Duration {
	if asked > 0 {
		return asked
	}
	if n <= 1 {
		return 0
	}
	d := r.Factor
	for range n - 1 {
		if d *= 2; d >= longestDelay {
			return longestDelay
		}
	}
	return d
}

// Pause waits before the n-th retry (counted from 1) of something that is tried
// again as a whole, such as an upload. It returns the context's error when that
// ends first.
func (r Retry) Pause(ctx context.Context, n int) error { return r.PauseAfter(ctx, n, nil) }

// PauseAfter is Pause, but for as long as the store asked if the failure is a
// *StoreError that says so; at most two minutes.
func (r Retry) PauseAfter(ctx context.Context, n int, failure error) error {
	var refused *StoreError
	var asked time.Duration
	if errors.As(failure, &refused) {
		asked = min(refused.RetryAfter, longestDelay)
	}
	return r.pause(ctx, r.delay(n, asked))
}

func (r Retry) pause(ctx context.Context, d time.Duration) error {
	if r.Wait != nil {
		return r.Wait(ctx, d)
	}
	return Wait(ctx, d)
}

// Wait returns nil after d, or the context's error when that ends first.
func Wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return ctx.Err() // both may have ended
	}
}

var (
	repeatableMethods = []string{
		http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete,
	}
	repeatableStatuses = []int{
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	}
)

// worthRepeating says whether the same request may get a better answer.
func worthRepeating(status int, retryAfter time.Duration) bool {
	return slices.Contains(repeatableStatuses, status) ||
		status == http.StatusTooManyRequests && retryAfter > 0
}

// neverSent reports whether the request certainly did not reach the store.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// retryAfter reads the header, in either of its forms; 0 when it is absent,
// broken or past.
func retryAfter(h http.Header) time.Duration {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return max(0, min(time.Duration(seconds), 24*3600)*time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
