package delta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// packagesAtOnce is how many packages' facts are in memory at a time.
const packagesAtOnce = 32

// maxTries is how often a delta is tried that fails for reasons that may pass,
// before the next release of its package gives it another chance.
const maxTries = 3

// minFree is how much of the disk deltas leave to others, bytes.
const minFree = 256 << 20

// lookAt makes what is missing for some packages. Of several failures that may
// pass it returns the first, after it has done the rest.
func (m *Maker) lookAt(ctx context.Context, packages []string) error {
	refs := make([]store.Ref, len(packages))
	for i, id := range packages {
		refs[i].ID = id
	}
	var all []*store.Facts
	var now time.Time
	refused := make(map[string][]store.Delta)
	err := m.opts.DB.View(ctx, func(tx *db.Tx) (err error) {
		now = tx.Now()
		if all, err = tx.Facts(store.Snap, refs, db.FactsOptions{}); err != nil {
			return err
		}
		for _, f := range all {
			if f == nil { // a charm
				continue
			}
			if refused[f.Package.ID], err = tx.RefusedDeltas(f.Package.ID); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	var failure error
	for _, f := range all {
		if f == nil {
			continue
		}
		known := slices.Concat(f.Deltas, refused[f.Package.ID])
		for _, pair := range store.WantedDeltas(f, store.Fold(f.Releases, now), m.opts.Sources) {
			if slices.ContainsFunc(known, func(d store.Delta) bool {
				return d.Format == store.FormatXdelta3 && d.Source == pair.Source.Number && d.Target == pair.Target.Number
			}) {
				continue
			}
			if err := m.try(ctx, &f.Package, pair); err != nil {
				if ctx.Err() != nil || errors.Is(err, errDisabled) {
					return err
				}
				if failure == nil {
					failure = err
				}
			}
		}
		if err := m.dropOld(ctx, f, now); err != nil {
			return err
		}
	}
	return failure
}

// dropOld keeps the deltas of a package that is released often from piling up.
func (m *Maker) dropOld(ctx context.Context, f *store.Facts, now time.Time) error {
	pointed := store.PointedAt(f, now.Add(-Life), now)
	if !slices.ContainsFunc(f.Deltas, func(d store.Delta) bool { return !pointed[d.Target] }) {
		return nil
	}
	_, err := m.opts.DB.Update(ctx, actor, func(tx *db.Tx) error {
		_, err := Drop(tx, f.Package.ID)
		return err
	})
	return err
}

// try makes one delta unless it is out of bounds. Its error may pass.
func (m *Maker) try(ctx context.Context, pkg *store.Package, pair store.DeltaPair) error {
	switch on, err := m.opts.Enabled(ctx); {
	case err != nil:
		return err
	case !on:
		return errDisabled
	}
	most, err := m.opts.MaxSize(ctx)
	if err != nil {
		return err
	}
	if max(pair.Source.Size, pair.Target.Size) > most || store.LargestDelta(pair.Target.Size) == 0 {
		return nil
	}
	w := way{pkg.ID, pair.Source.Number, pair.Target.Number}
	if m.tries[w] >= maxTries {
		return nil
	}
	log := m.opts.Log.With("snap", pkg.Name, "from", w.source, "to", w.target)
	began := time.Now()
	size, err := m.make(ctx, pkg, pair)
	m.stats.nanoseconds.Add(int64(time.Since(began)))
	var no *refusal
	switch {
	case err == nil:
		m.stats.made.Add(1)
		log.Info("made a delta", "bytes", size, "of", pair.Target.Size)
	case errors.As(err, &no):
		m.stats.refused.Add(1)
		log.Info("no delta", "reason", no.reason)
		return m.refuse(ctx, w, no.reason)
	case errors.Is(err, blob.ErrNotFound), errors.Is(err, blob.ErrCorrupt), errors.Is(err, blob.ErrMismatch):
		log.Info("no delta: a snap is missing or damaged", "error", err)
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		m.stats.failed.Add(1)
		if m.tries[w]++; m.tries[w] >= maxTries {
			log.Warn("gave up on a delta until the next release", "error", err)
			return nil
		}
		return fmt.Errorf("cannot make a delta of %s from revision %d to %d: %w", pkg.Name, w.source, w.target, err)
	}
	return nil
}

// refusal is why there will be no delta between two revisions. As revisions do
// not change, neither does it.
type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

func (m *Maker) refuse(ctx context.Context, w way, reason string) error {
	_, err := m.opts.DB.Update(ctx, actor, func(tx *db.Tx) error {
		return tx.RefuseDelta(store.Delta{
			PackageID: w.packageID, Format: store.FormatXdelta3, Source: w.source, Target: w.target,
		}, reason)
	})
	return err
}

// make makes one delta, tries it, stores it and enters it. The bytes lie in
// the blob store's spool until they are a blob, so a process that dies on the
// way leaves only what Tidy and Sweep remove.
func (m *Maker) make(ctx context.Context, pkg *store.Package, pair store.DeltaPair) (size int64, err error) {
	if err := m.roomFor(ctx, pair); err != nil {
		return 0, err
	}
	source, done, err := m.asFile(ctx, pair.Source)
	if err != nil {
		return 0, err
	}
	defer done()
	target, err := m.opts.Blobs.Open(ctx, pair.Target.Blob, pair.Target.Size)
	if err != nil {
		return 0, err
	}
	defer target.Close()
	x := xdelta{
		program: m.opts.Program, memory: m.opts.Memory, time: m.opts.Time,
		source: source, sourceSize: pair.Source.Size, target: pair.Target.Blob, targetSize: pair.Target.Size,
	}
	var staged blob.Staged
	err = x.encode(ctx, target, func(delta io.Reader) (err error) {
		staged, err = m.opts.Blobs.Stage(ctx, delta, blob.PutOptions{MaxSize: store.LargestDelta(pair.Target.Size)})
		return err
	})
	if staged != nil {
		defer staged.Discard()
	}
	if errors.Is(err, blob.ErrTooLarge) {
		return 0, &refusal{fmt.Sprintf("it would have 80 %% of %d bytes or more", pair.Target.Size)}
	}
	if err != nil {
		return 0, err
	}
	made := staged.Digests()
	if err := x.check(ctx, io.NewSectionReader(staged, 0, made.Size)); err != nil {
		return 0, err
	}
	if err := staged.Commit(ctx); err != nil {
		return 0, err
	}
	_, err = m.opts.DB.Update(ctx, actor, func(tx *db.Tx) error {
		if _, err := tx.AddBlob(store.Blob{Digest: made.SHA3_384, SHA256: fmt.Sprintf("%x", made.SHA256), Size: made.Size}); err != nil {
			return err
		}
		d := store.Delta{
			PackageID: pkg.ID, Format: store.FormatXdelta3, Source: pair.Source.Number, Target: pair.Target.Number,
			Blob: made.SHA3_384, Size: made.Size,
		}
		tx.Record(store.DeltaAdded, "package/"+pkg.ID, map[string]any{
			"name": pkg.Name, "format": d.Format, "source": d.Source, "target": d.Target, "size": d.Size,
		})
		return tx.AddDelta(d)
	})
	return made.Size, err
}

// roomFor refuses to fill the disk for what is only a saving.
func (m *Maker) roomFor(ctx context.Context, pair store.DeltaPair) error {
	free, known := m.opts.Blobs.Free(ctx)
	if need := store.LargestDelta(pair.Target.Size) + minFree; known && free < need {
		return fmt.Errorf("%w: a delta takes %d bytes and leaves %d to others, %d are free", blob.ErrNoSpace, need-minFree, int64(minFree), free)
	}
	return nil
}

// asFile gives a revision's bytes as a file, sound ones only: a delta from
// others would help no device.
func (m *Maker) asFile(ctx context.Context, rev *store.Revision) (path string, done func(), err error) {
	r, err := m.opts.Blobs.Open(ctx, rev.Blob, rev.Size)
	if err != nil {
		return "", nil, err
	}
	if local, ok := r.(blob.Local); ok {
		if err := blob.Verify(ctx, m.opts.Blobs, rev.Blob, rev.Size); err != nil {
			r.Close()
			return "", nil, err
		}
		return local.Name(), func() { r.Close() }, nil
	}
	defer r.Close()
	staged, err := m.opts.Blobs.Stage(ctx, r, blob.PutOptions{Expect: blob.Digests{SHA3_384: rev.Blob, Size: rev.Size}})
	if err != nil {
		return "", nil, err
	}
	if path, err = filepath.Abs(staged.Path()); err != nil {
		staged.Discard()
		return "", nil, err
	}
	return path, staged.Discard, nil
}
