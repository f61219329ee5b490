package identity

import (
	"context"
	"time"
)

// sweepEvery is how often a server sweeps.
const sweepEvery = time.Hour

// Run sweeps now and then until ctx is done. Any number of nodes may.
func (i *Identity) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if _, err := i.Sweep(ctx); err != nil && ctx.Err() == nil {
				i.log.ErrorContext(ctx, "cannot remove what counts no more", "error", err)
			}
		}
	}
}
