package catalog

import (
	"context"
	"errors"
	"io"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

const (
	// leaseTime is how long a node has an upload to itself. It goes on with a
	// lease while it works, so this is how long the work of a dead one rests.
	leaseTime = 15 * time.Second
	// leasePoll is how often a node looks for claims that another has taken and
	// not finished.
	leasePoll = 5 * time.Second
	// processingLimit is how long an upload that cannot be looked into is tried
	// again, from the first failure on: it may have waited long before.
	processingLimit = time.Hour
	// uploadMemory is how long the outcome of an upload can be asked for.
	uploadMemory = 30 * 24 * time.Hour
	// tidyEvery is how often old uploads are dropped.
	tidyEvery = time.Hour
)

// wakeWorker has a worker look for a claim at once. One that is awake already
// looks again before it rests.
func (c *Catalog) wakeWorker() {
	select {
	case c.incoming.wake <- struct{}{}:
	default:
	}
}

// RunUploads looks into what publishers claim, a few at a time, until ctx ends.
// Any number of nodes may do so on one store: a claim is leased to one of them,
// and when that dies another takes over, or the same when it is back.
func (c *Catalog) RunUploads(ctx context.Context) error {
	var workers sync.WaitGroup
	for range max(1, runtime.GOMAXPROCS(0)/2) {
		workers.Go(func() { c.work(ctx) })
	}
	c.everyNowAndThen(ctx, tidyEvery, c.TidyUploads)
	workers.Wait()
	return nil
}

// work is one worker.
func (c *Catalog) work(ctx context.Context) {
	poll := time.NewTicker(leasePoll)
	defer poll.Stop()
	for {
		if _, err := c.ProcessUploads(ctx); err != nil && ctx.Err() == nil {
			c.log.ErrorContext(ctx, "cannot look into uploads", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-c.incoming.wake:
		case <-poll.C:
		}
	}
}

func (c *Catalog) everyNowAndThen(ctx context.Context, pause time.Duration, do func(context.Context) error) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			c.log.ErrorContext(ctx, "cannot drop old uploads", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// TidyUploads drops what nobody has claimed in time, and the memory of what was
// done with long ago.
func (c *Catalog) TidyUploads(ctx context.Context) error {
	_, err := c.db.Update(ctx, "larder", func(tx *db.Tx) error {
		_, err := tx.DropUploads(tx.Now().Add(-uploadMemory))
		return err
	})
	if err == nil && c.Resumes() {
		_, err = c.incoming.partial.Sweep(c.now().Add(-store.UploadLife))
	}
	return err
}

// ProcessUploads looks into the claims that wait, one after the other, and
// returns how many there were.
func (c *Catalog) ProcessUploads(ctx context.Context) (n int, err error) {
	for {
		j, err := c.lease(ctx)
		if err != nil || j == nil {
			return n, err
		}
		n++
		if err := c.process(ctx, j); err != nil && ctx.Err() == nil {
			c.log.ErrorContext(ctx, "cannot look into an upload, it is tried again", "package", j.upload.PackageID, "error", err)
		}
	}
}

// job is the work on one upload that this node has leased.
type job struct {
	c      *Catalog
	upload store.Upload

	mu    sync.Mutex
	until time.Time // of the lease; owned by mu, which is held while it changes
}

// lease takes the oldest claim that nobody works on; nil when there is none.
func (c *Catalog) lease(ctx context.Context) (*job, error) {
	var waits bool
	err := c.db.View(ctx, func(tx *db.Tx) (err error) { // an idle node writes nothing
		waits, err = tx.UploadWaits()
		return err
	})
	if err != nil || !waits {
		return nil, err
	}
	var j *job
	_, err = c.db.Update(ctx, "larder", func(tx *db.Tx) error {
		j = nil
		u, found, err := tx.LeaseUpload(tx.Now().Add(leaseTime))
		if found && err == nil {
			j = &job{c: c, upload: u, until: u.LeasedUntil}
		}
		return err
	})
	return j, err
}

// errLeaseLost ends the work on an upload that another node has taken over.
var errLeaseLost = errors.New("another works on the upload")

// keep goes on with the lease until ctx ends.
func (j *job) keep(ctx context.Context, lost context.CancelCauseFunc) {
	tick := time.NewTicker(leaseTime / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		j.mu.Lock()
		var until time.Time
		_, err := j.c.db.Update(ctx, "larder", func(tx *db.Tx) error {
			until = tx.Now().Add(leaseTime)
			held, err := tx.ExtendLease(j.upload.ID, j.until, until)
			if err == nil && !held {
				err = errLeaseLost
			}
			return err
		})
		if err == nil {
			j.until = until
		}
		j.mu.Unlock()
		if errors.Is(err, errLeaseLost) {
			lost(errLeaseLost)
			return
		}
	}
}

// update is a transaction of the work, which only counts while the lease does.
func (j *job) update(ctx context.Context, f func(tx *db.Tx, u *store.Upload) error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err := j.c.db.Update(ctx, j.upload.AccountID, func(tx *db.Tx) error {
		u, err := tx.Upload(j.upload.ID)
		if err != nil {
			return err
		}
		if u.Status != store.UploadProcessing || !u.LeasedUntil.Equal(j.until) {
			return errLeaseLost
		}
		return f(tx, &u)
	})
	return err
}

// process looks into one upload. An error means that it is to be tried again;
// what is wrong with the upload is told to whoever claimed it.
//
// Order: one transaction makes the revision, signed where the policy accepts
// it; then it is released, channel by channel; then one transaction says that
// the upload is done. A process that dies in between leaves an upload that goes
// on where it was.
func (c *Catalog) process(ctx context.Context, j *job) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var keeping sync.WaitGroup
	defer keeping.Wait()
	defer cancel(nil)
	keeping.Go(func() { j.keep(ctx, cancel) })

	err := c.processLeased(ctx, j)
	passing := err != nil && (store.KindOf(err) == store.KindInternal || store.KindOf(err) == store.KindUnavailable)
	if errors.Is(err, errLeaseLost) || !passing {
		c.incoming.failing.Delete(j.upload.ID)
	}
	switch {
	case err == nil || errors.Is(err, errLeaseLost):
		return nil
	case !passing:
		return ignoreLost(j.fail(ctx, problemsOf(err, "processing-error")))
	}
	since, _ := c.incoming.failing.LoadOrStore(j.upload.ID, c.now())
	if c.now().Sub(since.(time.Time)) <= processingLimit {
		return err
	}
	c.incoming.failing.Delete(j.upload.ID)
	return ignoreLost(errors.Join(err, j.fail(ctx, problemsOf(err, "processing-error"))))
}

func ignoreLost(err error) error {
	if errors.Is(err, errLeaseLost) {
		return nil
	}
	return err
}

func (c *Catalog) processLeased(ctx context.Context, j *job) error {
	if j.upload.Wish.Resource != nil {
		return c.enterResource(ctx, j)
	}
	if j.upload.Revision == 0 {
		s, problems, err := c.lookInto(ctx, j.upload)
		if err != nil {
			return err
		}
		if len(problems) > 0 {
			return j.fail(ctx, problems)
		}
		done, err := c.enterUpload(ctx, j, s)
		if err != nil || done {
			return err
		}
	}
	return c.releaseUpload(ctx, j)
}

// fail ends an upload that does not become a revision.
func (j *job) fail(ctx context.Context, problems []store.UploadProblem) error {
	return j.update(ctx, func(tx *db.Tx, u *store.Upload) error {
		u.Problems = problems
		return conclude(tx, u, store.UploadFailed)
	})
}

// conclude writes how an upload has ended, and with it those of its components.
func conclude(tx *db.Tx, u *store.Upload, status store.UploadStatus) error {
	u.Status, u.LeasedUntil = status, time.Time{}
	if err := tx.UpdateUpload(*u); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Values(u.Wish.Components)) {
		part, err := tx.Upload(id)
		if err != nil {
			return err
		}
		part.Status, part.Revision = status, u.Revision
		if err := tx.UpdateUpload(part); err != nil {
			return err
		}
	}
	codes := make([]string, len(u.Problems))
	for i, p := range u.Problems {
		codes[i] = p.Code
	}
	tx.Record(store.UploadProcessed, "package/"+u.PackageID, map[string]any{
		"sha3-384": u.Blob.Hex(), "status": string(status), "revision": u.Revision, "problems": codes,
	})
	return nil
}

// seen is what an upload turns out to be, before it becomes a revision of a
// package.
type seen interface {
	// bytes is the row of its blob.
	bytes() store.Blob
	// belongs returns nil when it can be a revision of the package.
	belongs(tx *db.Tx, pkg *store.Package) error
	// facts are what the review policy looks at.
	facts(pkg *store.Package) store.ReviewFacts
	// revision is what it says of itself as the revision of that number, without
	// what the store decides.
	revision(number int) *store.Revision
	// approve does what makes an approved revision whole: signing for it, and
	// taking over what comes with it.
	approve(c *Catalog, tx *db.Tx, pkg *store.Package, rev *store.Revision) error
}

// lookInto inspects an upload. What is wrong with it is no error.
func (c *Catalog) lookInto(ctx context.Context, u store.Upload) (seen, []store.UploadProblem, error) {
	var pkg *store.Package
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		pkg, err = tx.Package(u.PackageID)
		return err
	})
	switch {
	case err != nil:
		return nil, nil, err
	case pkg.Namespace == store.Charm:
		return c.lookIntoCharm(ctx, u)
	}
	return c.lookIntoSnap(ctx, u)
}

// inspectBlob opens a blob for an inspection, and tells its faults from the
// machine's.
func (c *Catalog) inspectBlob(ctx context.Context, d blob.Digests, look func(blob.Reader) error) (row store.Blob, problems []store.UploadProblem, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		row, err = tx.Blob(d.SHA3_384)
		return err
	})
	if store.KindOf(err) == store.KindNotFound && d.Size > 0 {
		row, err = rowOf(d), nil // a delta led to it; it gets its row with the revision
	}
	if err != nil {
		return row, nil, err
	}
	r, err := c.blobs.Open(ctx, d.SHA3_384, row.Size)
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrCorrupt) {
		return row, []store.UploadProblem{{Code: "upload-lost", Message: "the store has lost the upload: upload it again"}}, nil
	}
	if err != nil {
		return row, nil, err
	}
	defer r.Close()
	err = look(watched{r})
	var invalid *inspect.ProblemsError
	var broken *readError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return row, nil, context.Cause(ctx)
	case errors.As(err, &broken):
		return row, nil, broken.error
	case errors.As(err, &invalid):
		for _, p := range invalid.Problems {
			problems = append(problems, store.UploadProblem{Code: string(p.Code), Message: p.String()})
		}
	default:
		problems = []store.UploadProblem{{Code: "invalid-file", Message: plain(err.Error())}}
	}
	return row, problems, nil
}

// watched marks the errors of the place that blobs are kept in, so that none is
// taken for a fault of the file.
type watched struct{ blob.Reader }

type readError struct{ error }

func (w watched) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.Reader.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &readError{err}
	}
	return n, err
}

// maxProblem bounds what an uploader is told of one fault, bytes.
const maxProblem = 500

// plain keeps what a hostile file puts into a message short and printable.
func plain(text string) string { return clip(text, maxProblem) }
