package cli

import (
	"context"
	"time"

	"github.com/larder-store/larder/internal/dialect/snappublisher"
)

// terms are what publishers have to agree to before they publish.
func (h *house) terms(ctx context.Context) (snappublisher.Terms, error) {
	var t snappublisher.Terms
	since, err := h.settings.Get(ctx, "larder.terms.since")
	if err != nil {
		return t, err
	}
	if since != "" {
		if t.Since, err = time.Parse(time.DateOnly, since); err != nil {
			return t, err
		}
	}
	t.URL, err = h.settings.Get(ctx, "larder.terms.url")
	return t, err
}
