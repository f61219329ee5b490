package delta

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"sync/atomic"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Program is what makes and applies deltas.
const Program = "xdelta3"

// actor is whom the change log names for deltas.
const actor = "deltas"

// follower is the maker's place in the change log.
const follower = "deltas"

// Options are what a Maker needs. DB and Blobs are required.
type Options struct {
	DB    *db.DB
	Blobs blob.Store
	Log   *slog.Logger // default: discards
	// Program is the path of xdelta3. Default: the one on the PATH.
	Program string
	// Enabled is asked before each delta. Default: always.
	Enabled func(context.Context) (bool, error)
	// MaxSize is the largest snap, in bytes, that deltas are made from or to.
	// Default: 1 GiB.
	MaxSize func(context.Context) (int64, error)
	// Sources is how many revisions at most each revision of a channel gets a
	// delta from. Default 4.
	Sources int
	// Memory bounds the program's address space, bytes. Default 1 GiB.
	Memory uint64
	// Time bounds making one delta, and trying it. Default 10 minutes each.
	Time time.Duration
	// Every is how often the change log is looked at. Default 5 s.
	Every time.Duration
	// Lease is how long this node keeps others from making deltas after it has
	// died. Default 30 s.
	Lease time.Duration
}

// Maker makes the deltas that releases call for. It follows the change log,
// which says whose releases to look at again; the releases themselves say what
// is wanted. So there is no queue: what was missed is found again.
//
// Makers of several nodes take turns, by a lease of the database. If two work
// at once after all, as when one was suspended for longer than its lease, both
// make the same bytes and enter the same row.
type Maker struct {
	opts   Options
	holder string // of the lease

	seen  int64       // the change log was looked at up to here; owned by Run
	tries map[way]int // of deltas that failed for reasons that may pass; owned by Run
	stats struct {
		made, refused, failed, nanoseconds atomic.Int64
	}
}

// way names a delta.
type way struct {
	packageID      string
	source, target int
}

// New returns a maker that does nothing before Run.
func New(o Options) *Maker {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Enabled == nil {
		o.Enabled = func(context.Context) (bool, error) { return true, nil }
	}
	if o.MaxSize == nil {
		o.MaxSize = func(context.Context) (int64, error) { return 1 << 30, nil }
	}
	if o.Sources == 0 {
		o.Sources = 4
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	if o.Time == 0 {
		o.Time = 10 * time.Minute
	}
	if o.Every == 0 {
		o.Every = 5 * time.Second
	}
	if o.Lease == 0 {
		o.Lease = 30 * time.Second
	}
	return &Maker{opts: o, holder: rand.Text(), tries: make(map[way]int)}
}

// Find returns where xdelta3 is on the PATH. It fails with kind unavailable.
func Find() (string, error) {
	path, err := exec.LookPath(Program)
	if err != nil {
		return "", store.Unavailablef("no-xdelta3", "no deltas are made: %s is not on the PATH", Program).
			Try("install it, as with apt install xdelta3, and start the server again")
	}
	return path, nil
}

// Stats are the figures of a maker since it was made.
type Stats struct {
	Made    int64
	Refused int64 // not worth having, or the program could not make them
	Failed  int64 // attempts that failed for reasons that may pass
	Time    time.Duration
}

// Stats reads the figures.
func (m *Maker) Stats() Stats {
	return Stats{
		Made: m.stats.made.Load(), Refused: m.stats.refused.Load(), Failed: m.stats.failed.Load(),
		Time: time.Duration(m.stats.nanoseconds.Load()),
	}
}

// maxPause is how long a maker waits at most after failures.
const maxPause = 5 * time.Minute

// Run makes deltas until ctx is done. Without xdelta3 it says so in the log and
// does nothing. It returns nil always, since nothing depends on deltas.
func (m *Maker) Run(ctx context.Context) error {
	if m.opts.Program == "" {
		path, err := Find()
		if err != nil {
			m.opts.Log.Warn(err.Error())
			return nil
		}
		m.opts.Program = path
	}
	pause := m.opts.Every
	for {
		err := m.catchUp(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errNotMine):
			pause = m.opts.Lease / 2
		case err != nil:
			pause = min(2*pause, maxPause)
			m.opts.Log.Warn("making deltas has failed and is tried again", "error", err, "after", pause)
		default:
			pause = m.opts.Every
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return nil
		}
	}
}

// What ends catching up without being a failure of anything.
var (
	errNotMine  = errors.New("another node makes deltas")
	errDisabled = errors.New("deltas are switched off")
)

// pageOf is how many changes are read at once.
const pageOf = 1000

// catchUp looks at the packages of all releases since the last time. Without
// any it writes nothing.
func (m *Maker) catchUp(ctx context.Context) error {
	on, err := m.opts.Enabled(ctx)
	if err != nil || !on {
		return err
	}
	newest, err := m.opts.DB.Fresh(ctx)
	if err != nil || newest <= m.seen {
		return err
	}
	if m.seen == 0 {
		err := m.opts.DB.View(ctx, func(tx *db.Tx) (err error) {
			m.seen, err = tx.FollowedUpTo(follower)
			return err
		})
		if err != nil {
			return err
		}
	}
	for {
		released, last, err := m.releasedAfter(ctx, m.seen)
		if err != nil {
			return err
		}
		if len(released) > 0 {
			err := m.work(ctx)
			if errors.Is(err, errDisabled) {
				return nil
			}
			return err
		}
		if last == m.seen {
			return nil
		}
		m.seen = last
	}
}

// releasedAfter reads a page of the change log: the packages that something was
// released of, in order, and the seq of the page's end.
func (m *Maker) releasedAfter(ctx context.Context, seq int64) (packages []string, last int64, err error) {
	changes, err := m.opts.DB.Changes(ctx, seq, pageOf)
	if err != nil {
		return nil, 0, err
	}
	seen := make(map[string]bool)
	for _, c := range changes {
		seq = c.Seq
		id, ok := store.SubjectID(c.Subject, "package")
		if c.Kind == store.Released && ok && !seen[id] {
			seen[id] = true
			packages = append(packages, id)
		}
	}
	return packages, seq, nil
}

// work takes the lease and follows the log to its end.
func (m *Maker) work(ctx context.Context) error {
	seq, err := m.hold(ctx)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		m.renew(ctx, stop)
	}()
	defer func() {
		stop(nil)
		<-renewed
		m.letGo(context.WithoutCancel(ctx))
	}()
	for {
		packages, last, err := m.releasedAfter(ctx, seq)
		if err != nil {
			return err
		}
		if last == seq {
			m.seen = max(m.seen, seq)
			clear(m.tries)
			return nil
		}
		for len(packages) > 0 {
			n := min(len(packages), packagesAtOnce)
			if err := m.lookAt(ctx, packages[:n]); err != nil {
				return cause(ctx, err)
			}
			packages = packages[n:]
		}
		if _, err := m.opts.DB.Update(ctx, actor, func(tx *db.Tx) error {
			return tx.Followed(follower, m.holder, last)
		}); err != nil {
			return cause(ctx, err)
		}
		seq = last
	}
}

// cause prefers why ctx ended to what failed because of that.
func cause(ctx context.Context, err error) error {
	if why := context.Cause(ctx); why != nil {
		return why
	}
	return err
}

// hold takes the lease, or fails with errNotMine.
func (m *Maker) hold(ctx context.Context) (seq int64, err error) {
	_, err = m.opts.DB.Update(ctx, actor, func(tx *db.Tx) error {
		var mine bool
		var err error
		seq, mine, err = tx.Follow(follower, m.holder, tx.Now().Add(m.opts.Lease))
		if err == nil && !mine {
			err = errNotMine
		}
		return err
	})
	return seq, err
}

// renew keeps the lease until ctx is done, and stops the work when that fails.
func (m *Maker) renew(ctx context.Context, stop context.CancelCauseFunc) {
	tick := time.NewTicker(m.opts.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if _, err := m.hold(ctx); err != nil {
			stop(fmt.Errorf("cannot keep the lease for deltas: %w", err))
			return
		}
	}
}

// letGo lets another node go on at once.
func (m *Maker) letGo(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if _, err := m.opts.DB.Update(ctx, actor, func(tx *db.Tx) error { return tx.Unfollow(follower, m.holder) }); err != nil {
		m.opts.Log.Warn("cannot give back the lease for deltas, which lapses by itself", "error", err)
	}
}
