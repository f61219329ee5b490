package catalog

import (
	"context"
	"errors"
	"io"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// CodeDelta is the code of the problem with an uploaded delta. Clients fall back
// to the whole snap.
const CodeDelta = "processing_upload_delta_error"

func badDelta(why string) *store.Error {
	return store.Invalidf(CodeDelta, "%s", why).Try("upload the whole snap")
}

// wholeOf names the bytes of the snap that an upload is or, being a delta, leads
// to; these become a blob. A delta that leads nowhere is an error with CodeDelta.
func (c *Catalog) wholeOf(ctx context.Context, u store.Upload) (blob.Digests, error) {
	d := u.Wish.Delta
	if d == nil {
		return blob.Digests{SHA3_384: u.Blob}, nil
	}
	if c.applyDelta == nil || d.Format != store.FormatXdelta3 {
		return blob.Digests{}, badDelta("this store applies no such deltas")
	}
	source, err := c.sourceOf(ctx, u.PackageID, d.Source)
	if err != nil {
		return blob.Digests{}, err
	}
	most, err := c.maxUpload(ctx)
	if err != nil {
		return blob.Digests{}, err
	}
	delta, err := c.blobs.Open(ctx, u.Blob, u.Size)
	if err != nil {
		return blob.Digests{}, err
	}
	defer delta.Close()
	var staged blob.Staged
	err = c.applyDelta(ctx, source, delta, most, func(made io.Reader) (err error) {
		staged, err = c.blobs.Stage(ctx, made, blob.PutOptions{MaxSize: most, Expect: blob.Digests{SHA3_384: d.Target}})
		return err
	})
	if staged != nil {
		defer staged.Discard()
	}
	switch {
	case errors.Is(err, blob.ErrMismatch):
		return blob.Digests{}, badDelta("the delta leads to something else").Because(err)
	case errors.Is(err, blob.ErrTooLarge):
		return blob.Digests{}, badDelta("the delta leads to something too large").Because(err)
	case store.KindOf(err) == store.KindInvalid, store.CodeOf(err) == "no-xdelta3":
		return blob.Digests{}, badDelta(sentence(err)).Because(err)
	case err != nil:
		return blob.Digests{}, err
	}
	if err := staged.Commit(ctx); err != nil {
		return blob.Digests{}, noSpace(err)
	}
	return staged.Digests(), nil
}

// sourceOf finds the revision that a delta leads from: one of the package, which
// whoever uploads to it may read.
func (c *Catalog) sourceOf(ctx context.Context, packageID string, d store.Digest) (source *store.Revision, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) error {
		source = nil
		found, err := tx.RevisionsOfBlob(d)
		for _, r := range found {
			if r.PackageID == packageID && r.Status == store.StatusApproved {
				source = r
			}
		}
		return err
	})
	if err == nil && source == nil {
		err = badDelta("no revision of the package has the digest that the delta leads from")
	}
	return source, err
}
