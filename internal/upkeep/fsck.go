package upkeep

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/delta"
	"github.com/larder-store/larder/internal/store"
)

// FsckOptions say how thorough a check is.
type FsckOptions struct {
	// Quick compares sizes only and reads no blob.
	Quick bool
	// Progress hears of every blob that was looked at; may be nil.
	Progress func(done, total int, bytes int64)
}

// Report is what a check found. A store is clean when Damage is empty.
type Report struct {
	Blobs      int      `json:"blobs"`
	Bytes      int64    `json:"bytes"`
	Revisions  int      `json:"revisions"`
	Assertions int      `json:"assertions"`
	Damage     []Damage `json:"damage"`
	// Orphans are blobs that no row names. They are garbage, not damage.
	Orphans     int   `json:"orphans"`
	OrphanBytes int64 `json:"orphan-bytes"`
}

// Damage is one thing that is broken, and what to do about it.
type Damage struct {
	What string `json:"what"`
	Why  string `json:"why"`
	Next string `json:"next"`
}

// Fsck checks that every row's blob is there and is what its digest says, that
// every assertion still verifies, and that rows agree with each other. A blob
// whose bytes are wrong is set aside and never served again; a delta that it was
// is dropped, so that devices download whole snaps. It needs PermStore.
func (u *Upkeep) Fsck(ctx context.Context, who store.Principal, o FsckOptions) (Report, error) {
	r := Report{Damage: []Damage{}}
	if err := who.Need(store.PermStore); err != nil {
		return r, err
	}
	if err := u.checkRows(ctx, &r); err != nil {
		return r, err
	}
	if err := u.checkBlobs(ctx, o, &r); err != nil {
		return r, err
	}
	return r, u.countOrphans(ctx, &r)
}

// dropDeltasOf drops the deltas of a damaged blob, and reports whether anything
// else needs it.
func (u *Upkeep) dropDeltasOf(ctx context.Context, d store.Digest) (needed bool, err error) {
	_, err = u.DB.Update(ctx, "fsck", func(tx *db.Tx) (err error) {
		needed, err = delta.DropBlob(tx, d)
		return err
	})
	return needed, err
}

// checkRows lets the database check itself, and verifies every assertion.
func (u *Upkeep) checkRows(ctx context.Context, r *Report) error {
	problems, err := u.DB.Fsck(ctx)
	if err != nil {
		return err
	}
	for _, p := range problems {
		r.Damage = append(r.Damage, Damage{What: strings.TrimSpace(p.Table + " " + p.Row), Why: p.Problem, Next: "restore a backup"})
	}
	err = u.DB.View(ctx, func(tx *db.Tx) error {
		counts, err := tx.Counts()
		r.Revisions, r.Assertions = counts.Revisions, counts.Assertions
		return err
	})
	if err != nil {
		return err
	}
	return u.checkAssertions(ctx, r)
}

// checkAssertions verifies the signature of every stored assertion. Whether it
// chained to an anchor when it came in is not asked again: keys expire, and
// what they signed in their time stays good.
//
// A transaction lasts for one page, so that checking many holds nobody up.
func (u *Upkeep) checkAssertions(ctx context.Context, r *Report) error {
	filter := store.AssertionFilter{Limit: page}
	keys := make(map[string]*assertion.PublicKey)
	for last := false; !last; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := u.DB.View(ctx, func(tx *db.Tx) error {
			rows, err := tx.Assertions(filter)
			for _, row := range rows {
				filter.After = row
				if err := u.checkAssertion(tx, row, keys); err != nil {
					r.Damage = append(r.Damage, Damage{What: row.Type + "/" + row.PrimaryKey, Why: err.Error(), Next: mendAssertion(err)})
				}
			}
			last = len(rows) < filter.Limit
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// mendAssertion is what to do about an assertion that does not verify.
func mendAssertion(err error) string {
	if store.KindOf(err) == store.KindNotFound {
		return "add that key with larder assertion add, or trust its root again with larder trust add"
	}
	return "restore a backup, or add the assertion again once it is removed"
}

// checkAssertion verifies one row; keys remembers the keys it met.
func (u *Upkeep) checkAssertion(tx *db.Tx, row store.Assertion, keys map[string]*assertion.PublicKey) error {
	list, err := authority.ParseStream(row.Encoded, 1)
	if err != nil {
		return err
	}
	a := list[0]
	if a.Type().Name != row.Type || strings.Join(a.Ref().Key, "/") != row.PrimaryKey ||
		a.Revision() != row.Revision || a.Format() != row.Format || a.AuthorityID() != row.AuthorityID || a.SignKeyID() != row.SignKey {
		return errors.New("the document is another than its row says")
	}
	ref, signed := a.SignKeyRef()
	if !signed {
		return nil
	}
	key := keys[ref.String()]
	if key == nil {
		found, err := u.Authority.Find(tx, ref, -1)
		if err != nil {
			return err
		}
		if key, err = assertion.ParsePublicKey(found.Body()); err != nil {
			return err
		}
		keys[ref.String()] = key
	}
	return a.VerifySignature(key)
}

// page is how many rows are read at a time.
const page = 1000

// checkBlobs looks at the blob of every row.
func (u *Upkeep) checkBlobs(ctx context.Context, o FsckOptions, r *Report) error {
	var total int
	err := u.DB.View(ctx, func(tx *db.Tx) error {
		counts, err := tx.Counts()
		total = counts.Blobs
		return err
	})
	if err != nil {
		return err
	}
	return u.eachBlob(ctx, func(b store.Blob) error {
		r.Blobs++
		r.Bytes += b.Size
		if err := u.checkBlob(ctx, b, o.Quick); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			damage := Damage{
				What: "blob " + b.Digest.Hex(), Why: err.Error(),
				Next: "push the file again, or restore it from a backup",
			}
			broken := errors.Is(err, blob.ErrCorrupt) || errors.Is(err, blob.ErrQuarantined)
			if !broken && !errors.Is(err, blob.ErrNotFound) {
				damage.Next = "see that the blob store can be read, and check again"
			}
			if broken || errors.Is(err, blob.ErrNotFound) {
				needed, err := u.dropDeltasOf(ctx, b.Digest)
				if err != nil {
					return err
				}
				if !needed {
					damage.Next = "nothing needs it: larder gc removes what is left of it"
				}
			}
			r.Damage = append(r.Damage, damage)
			if broken && b.QuarantinedAt.IsZero() {
				if err := u.setQuarantine(ctx, b.Digest, true); err != nil {
					return err
				}
			}
		} else if !b.QuarantinedAt.IsZero() {
			if err := u.setQuarantine(ctx, b.Digest, false); err != nil {
				return err
			}
		}
		if o.Progress != nil {
			o.Progress(r.Blobs, total, b.Size)
		}
		return nil
	})
}

// eachBlob calls yield with every blob row, in the order of digests, a page at
// a time.
func (u *Upkeep) eachBlob(ctx context.Context, yield func(store.Blob) error) error {
	var after store.Digest
	for {
		var blobs []store.Blob
		err := u.DB.View(ctx, func(tx *db.Tx) (err error) {
			blobs, err = tx.Blobs(after, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, b := range blobs {
			after = b.Digest
			if err := yield(b); err != nil {
				return err
			}
		}
		if len(blobs) < page {
			return nil
		}
	}
}

// checkBlob looks at one blob. One that was collected since its row was read, row
// and all, is no damage.
func (u *Upkeep) checkBlob(ctx context.Context, b store.Blob, quick bool) error {
	err := u.compareBlob(ctx, b, quick)
	if errors.Is(err, blob.ErrNotFound) {
		if known, dbErr := u.known(ctx, b.Digest); dbErr == nil && !known {
			return nil
		}
	}
	return err
}

func (u *Upkeep) compareBlob(ctx context.Context, b store.Blob, quick bool) error {
	if !quick {
		return blob.Verify(ctx, u.Blobs, b.Digest, b.Size)
	}
	info, err := u.Blobs.Stat(ctx, b.Digest)
	if err == nil && info.Size != b.Size {
		err = fmt.Errorf("%w: it has %d bytes, not %d", blob.ErrCorrupt, info.Size, b.Size)
	}
	return err
}

func (u *Upkeep) setQuarantine(ctx context.Context, d store.Digest, broken bool) error {
	_, err := u.DB.Update(ctx, "fsck", func(tx *db.Tx) error {
		if err := tx.SetQuarantine(d, broken); err != nil {
			return err
		}
		tx.Record(store.BlobQuarantined, "blob/"+d.Hex(), map[string]any{"broken": broken})
		return nil
	})
	return err
}

// countOrphans counts blobs without a row.
func (u *Upkeep) countOrphans(ctx context.Context, r *Report) error {
	for info, err := range u.Blobs.List(ctx) {
		if err != nil {
			return err
		}
		known, err := u.known(ctx, info.Digest)
		if err != nil {
			return err
		}
		if !known {
			r.Orphans++
			r.OrphanBytes += info.Size
		}
	}
	return nil
}

// known reports whether a row names the blob.
func (u *Upkeep) known(ctx context.Context, d store.Digest) (bool, error) {
	var known bool
	err := u.DB.View(ctx, func(tx *db.Tx) error {
		_, err := tx.Blob(d)
		known = err == nil
		if store.KindOf(err) == store.KindNotFound {
			return nil
		}
		return err
	})
	return known, err
}

// Collected is what Collect removed.
type Collected struct {
	Deltas int   `json:"deltas"` // deltas that no channel led to
	Images int   `json:"images"` // manifests of images that nothing led to
	Rows   int   `json:"rows"`   // blob rows that nothing pointed at
	Blobs  int   `json:"blobs"`
	Bytes  int64 `json:"bytes"`
}

// Collect removes deltas that no channel leads to any more, images that nothing
// leads to and nobody pushed within the grace time (see catalog.CollectImages),
// uploads that nobody claimed in time, and blobs that nothing points at and that
// nobody put within the grace time. It needs PermStore.
//
// It may run while the store serves and takes pushes, if no push takes longer than
// grace to store its blobs: see blob.Sweep for why it never takes a blob from under
// a new row then.
func (u *Upkeep) Collect(ctx context.Context, who store.Principal, grace time.Duration) (Collected, error) {
	var c Collected
	if err := who.Need(store.PermStore); err != nil {
		return c, err
	}
	if grace < 0 {
		return c, store.Invalidf("invalid-grace", "cannot collect: the grace time %s is negative", grace).Try("give a time such as 24h")
	}
	if err := u.dropDeltas(ctx, who, &c); err != nil {
		return c, err
	}
	var err error
	if c.Images, err = u.Catalog.CollectImages(ctx, who, grace); err != nil {
		return c, err
	}
	if err := u.Catalog.TidyUploads(ctx); err != nil {
		return c, err
	}
	err = u.eachBlob(ctx, func(b store.Blob) error {
		if time.Since(b.CreatedAt) < grace {
			return nil
		}
		var live bool
		err := u.DB.View(ctx, func(tx *db.Tx) (err error) {
			live, err = tx.BlobLive(b.Digest)
			return err
		})
		if err != nil || live {
			return err
		}
		var gone bool
		_, err = u.DB.Update(ctx, who.Name, func(tx *db.Tx) (err error) {
			if gone, err = tx.RemoveBlob(b.Digest); err != nil || !gone {
				return err
			}
			tx.Record(store.BlobRemoved, "blob/"+b.Digest.Hex(), map[string]any{"size": b.Size})
			return nil
		})
		if gone && err == nil {
			c.Rows++
		}
		return err
	})
	if err != nil {
		return c, err
	}
	swept, err := blob.Sweep(ctx, u.Blobs, u.known, grace, time.Now())
	c.Blobs, c.Bytes = swept.Blobs, swept.Bytes
	return c, err
}
