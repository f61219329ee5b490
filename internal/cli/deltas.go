package cli

import (
	"context"

	"github.com/larder-store/larder/internal/delta"
)

// The settings of deltas.
const (
	keyDeltas       = "larder.deltas.enabled"
	keyDeltaMaxSize = "larder.deltas.max-size"
)

// deltaMaker is what makes deltas once a server runs it.
func (h *house) deltaMaker() *delta.Maker {
	return delta.New(delta.Options{
		DB: h.db, Blobs: h.blobs, Log: h.log,
		Enabled: func(ctx context.Context) (bool, error) { return h.settings.Flag(ctx, keyDeltas) },
		MaxSize: func(ctx context.Context) (int64, error) {
			mb, err := h.settings.Number(ctx, keyDeltaMaxSize)
			return int64(mb) << 20, err
		},
	})
}

// deltaState says whether a server on this host would make deltas, or why not.
func (h *house) deltaState(ctx context.Context) (string, error) {
	on, err := h.settings.Flag(ctx, keyDeltas)
	if err != nil {
		return "", err
	}
	if !on {
		return "off, by the setting " + keyDeltas, nil
	}
	if _, err := delta.Find(); err != nil {
		return "off: " + delta.Program + " is not on the PATH", nil
	}
	return "on", nil
}
