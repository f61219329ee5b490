package blob

import (
	"context"
	"errors"
	"time"
)

// Swept says what Sweep removed.
type Swept struct {
	Blobs int
	Bytes int64
}

// Sweep deletes every blob that no row names and that nobody put within the
// grace time before now. Live answers whether a row names the digest, from the
// committed state of the database.
//
// Why it never takes a blob from under a new row, provided each caller commits
// its row within grace of Commit and the clocks of all hosts agree better than
// grace: Commit renews the age of a blob it finds, and Delete compares the age
// and removes in one step. So a blob that Delete removes was last committed
// before now - grace. The row of that commit, if there was to be one, was
// written before now, hence before live was asked, and live would have said so.
//
//	uploader   Commit(d) ........ row(d)
//	sweeper    now   live(d)? no   Delete(d, unless put since now-grace)
//	           Commit before now-grace → the row precedes now → live says yes
//	           Commit after  now-grace → Delete refuses with ErrRecent
func Sweep(ctx context.Context, s Store, live func(context.Context, Digest) (bool, error), grace time.Duration, now time.Time) (Swept, error) {
	var swept Swept
	cutoff := now.Add(-grace)
	for info, err := range s.List(ctx) {
		if err != nil {
			return swept, err
		}
		if !info.Put.Before(cutoff) {
			continue
		}
		keep, err := live(ctx, info.Digest)
		if err != nil {
			return swept, err
		}
		if keep {
			continue
		}
		switch err := s.Delete(ctx, info.Digest, cutoff); {
		case err == nil:
			swept.Blobs++
			swept.Bytes += info.Size
		case errors.Is(err, ErrRecent), errors.Is(err, ErrNotFound):
		default:
			return swept, err
		}
	}
	return swept, s.Tidy(ctx)
}
