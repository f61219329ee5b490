package cli

import (
	"context"

	"golang.org/x/time/rate"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// pace bounds what devices, known or not, make this process do. It is shared
// by all of them: whoever sits behind one address may be a whole fleet.
type pace struct {
	tickets *rate.Limiter // nonces and request-ids
	serials *rate.Limiter // first serials: each costs a signature and a row for good
}

func newPace() pace {
	return pace{tickets: rate.NewLimiter(200, 1000), serials: rate.NewLimiter(5, 20)}
}

// ticket fails when too many nonces and request-ids are asked for.
func (p pace) ticket(context.Context) error {
	if p.tickets.Allow() {
		return nil
	}
	return store.Unavailablef(reply.CodeRateLimit, "too many devices ask at once").Try("ask again in some seconds")
}

// serial reports whether one more device may get its first serial now. One
// that may not waits, as for an approval, and asks again.
func (p pace) serial() bool { return p.serials.Allow() }
