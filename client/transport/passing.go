package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Passing reports whether a transfer that failed like this may succeed when it
// is tried again: no answer came, a 5xx, or 429. A failure of this machine's own
// files is never passing, see LocalError.
func Passing(err error) bool {
	var local *LocalError
	if errors.As(err, &local) {
		return false
	}
	var refused *StoreError
	if errors.As(err, &refused) {
		return refused.Status >= 500 && refused.Status != http.StatusNotImplemented || refused.Status == http.StatusTooManyRequests
	}
	var network *NetworkError
	return errors.As(err, &network)
}

// A LocalError is a failure to read or write a file of this machine: no second
// try makes it better.
type LocalError struct{ Err error }

// Error is that of the failure.
func (e *LocalError) Error() string { return e.Err.Error() }

// Unwrap returns the failure.
func (e *LocalError) Unwrap() error { return e.Err }

// WithContext says that the context ended, where that is why nothing is tried
// again.
func WithContext(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("%w: %w", ctx.Err(), err)
}
