package catalog

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// PushImage takes a manifest under its digest or a tag, where everything that it
// needs is in the repository already. It needs the right to push.
//
// Order: the bytes become a durable blob, then one transaction writes the rows and
// moves the tag. A process that dies in between leaves a blob that gc removes.
func (c *Catalog) PushImage(ctx context.Context, who store.Principal, repo store.ImageRepo, reference, contentType string, body []byte) (store.ImageManifest, error) {
	if err := c.mayImage(ctx, who, repo, true); err != nil {
		return store.ImageManifest{}, err
	}
	m, _, err := store.ReadManifest(contentType, body)
	if err != nil {
		return m, err
	}
	m.Repo, m.PushedBy = repo, who.Name
	tag := ""
	switch {
	case reference == m.Digest:
	case store.ValidImageDigest(reference):
		return m, store.Invalidf(store.CodeDigestInvalid, "the manifest is %s, not %s", m.Digest, reference)
	default:
		if tag = reference; store.CheckTag(tag) != nil {
			return m, store.CheckTag(tag)
		}
	}
	// Asked before the bytes are kept, too: what is refused leaves none.
	if err := c.db.View(ctx, func(tx *db.Tx) error { return fitsIn(tx, &m, tag) }); err != nil {
		return m, err
	}
	digests, err := blob.Put(ctx, c.blobs, bytes.NewReader(body), blob.PutOptions{})
	if err != nil {
		return m, noSpace(err)
	}
	row := rowOf(digests)
	m.Blob = row.Digest
	_, err = c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		if _, err := pushedTo(tx, who, repo); err != nil {
			return err
		}
		if err := fitsIn(tx, &m, tag); err != nil {
			return err
		}
		if _, err := tx.AddBlob(row); err != nil {
			return err
		}
		if _, err := tx.PutImageManifest(m); err != nil {
			return err
		}
		if tag != "" {
			if err := tx.PutImageTag(repo, store.ImageTag{Name: tag, Digest: m.Digest, UpdatedBy: who.Name}); err != nil {
				return err
			}
		}
		tx.Record(store.ImagePushed, "image/"+repo.String(), map[string]any{"digest": m.Digest, "tag": tag, "size": m.Size})
		return nil
	})
	if err == nil {
		c.imagesPushed.Add(1)
	}
	return m, err
}

// fitsIn finds what a manifest needs in its repository, sets its depth, and
// refuses what would be too much.
func fitsIn(tx *db.Tx, m *store.ImageManifest, tag string) error {
	missing, depth, err := tx.ImageLacks(m.Repo, m.Parts)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return store.Invalidf(store.CodeManifestBlobUnknown, "the repository has no %s, which the manifest needs", missing[0]).
			Try("push it first").With("digests", missing)
	}
	m.Depth = depth + 1
	if m.Depth > store.MaxManifestDepth {
		return store.Invalidf(store.CodeManifestInvalid, "cannot take the manifest: lists nest deeper than %d levels", store.MaxManifestDepth)
	}
	manifests, tags, err := tx.ImageCounts(m.Repo)
	switch {
	case err != nil:
		return err
	case manifests >= store.MaxManifests, tag != "" && tags >= store.MaxTags:
		return store.Conflictf("too-many-images", "the repository has %d manifests and %d tags, which is as many as it may", manifests, tags).
			Try("delete some of them")
	}
	return nil
}

// RemoveImage removes a tag, or a manifest with its tags. One that a revision of
// the resource or a list needs stays, with the code "manifest-pinned". It needs
// the right to push.
func (c *Catalog) RemoveImage(ctx context.Context, who store.Principal, repo store.ImageRepo, reference string) error {
	_, err := c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		if _, err := pushedTo(tx, who, repo); err != nil {
			return err
		}
		m, err := manifestAt(tx, repo, reference)
		if err != nil {
			return err
		}
		details := map[string]any{"digest": m.Digest}
		if reference == m.Digest {
			byList, byRevision, err := tx.ImageNeeded(repo, m.Digest)
			switch {
			case err != nil:
				return err
			case byRevision:
				return store.Conflictf(store.CodeManifestPinned, "cannot remove the image: a revision of the resource %.64s is made of it", repo.Resource)
			case byList:
				return store.Conflictf(store.CodeManifestPinned, "cannot remove the image: a list of the repository needs it").
					Try("remove the list first")
			}
			_, err = tx.RemoveImageManifest(repo, m.Digest)
			if err != nil {
				return err
			}
		} else {
			details["tag"] = reference
			if _, err := tx.RemoveImageTag(repo, reference); err != nil {
				return err
			}
		}
		tx.Record(store.ImageRemoved, "image/"+repo.String(), details)
		return nil
	})
	return err
}

// MountImageBlob puts a blob of one repository into another, and reports whether
// it did: it needs the right to pull from the one, or else nothing happens, and
// the right to push to the other.
func (c *Catalog) MountImageBlob(ctx context.Context, who store.Principal, repo, from store.ImageRepo, digest string) (mounted bool, err error) {
	if err := c.mayImage(ctx, who, repo, true); err != nil {
		return false, err
	}
	if err := store.CheckImageDigest(digest); err != nil {
		return false, err
	}
	if pull, _, err := c.ImageRights(ctx, who, from); err != nil || !pull {
		return false, err
	}
	most, err := c.imageQuota(ctx)
	if err != nil {
		return false, err
	}
	_, err = c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		mounted = false
		b, err := tx.ImageBlob(from, store.SHA256OfImage(digest))
		if store.KindOf(err) == store.KindNotFound {
			return nil
		}
		if err != nil {
			return err
		}
		mounted = true
		return linkImage(tx, who, repo, b, most)
	})
	return mounted && err == nil, err
}

// linkImage puts a blob into a repository, unless it has more bytes than most then
// that no manifest needs.
func linkImage(tx *db.Tx, who store.Principal, repo store.ImageRepo, b store.Blob, most int64) error {
	if _, err := pushedTo(tx, who, repo); err != nil {
		return err
	}
	if err := roomForRepo(tx, repo); err != nil {
		return err
	}
	count, bytes, err := tx.LooseImageBlobs(repo)
	if err != nil {
		return err
	}
	if count >= store.MaxLooseBlobs || bytes+b.Size > most {
		return errImageQuota
	}
	return tx.LinkImageBlob(repo, b)
}

// roomForRepo refuses a repository that would be one too many of its package.
func roomForRepo(tx *db.Tx, repo store.ImageRepo) error {
	repos, err := tx.ImageReposOf(repo.PackageID)
	if err != nil || len(repos) < store.MaxImageRepos {
		return err
	}
	for _, r := range repos {
		if r == repo {
			return nil
		}
	}
	return store.Conflictf("too-many-images", "the package has %d repositories, which is as many as it may", len(repos))
}

var errImageQuota = store.Unavailablef("too-many-uploads", "cannot take the upload: too much is here already that no image is made of").
	Try("push the manifests that need it, or wait until it is forgotten after a day")

// imageQuota is how much may wait for its manifest, bytes: of one account, and in
// one repository.
func (c *Catalog) imageQuota(ctx context.Context) (int64, error) {
	mb, err := c.number(ctx, settingPerAddress, store.MaxUnclaimedMB)
	return int64(mb) * megabyte, err
}

// imageBytes are bytes of an image on their way into a repository.
type imageBytes struct {
	repo   store.ImageRepo
	size   int64  // bytes; -1 is unknown
	before int64  // bytes of the same upload that are here already
	digest string // what they must be; "" takes any
	r      io.Reader
}

// stageImage receives bytes of an image and makes a blob of them, which has no row
// yet. What no quota has room for is refused before it is one.
func (c *Catalog) stageImage(ctx context.Context, who store.Principal, in imageBytes) (store.Blob, error) {
	m, err := c.admitImage(ctx, who, in)
	if err != nil {
		return store.Blob{}, err
	}
	size, digest, r := in.size, in.digest, in.r
	defer m.release()
	m.r = r
	options := blob.PutOptions{MaxSize: m.most}
	if size > 0 {
		options.Expect.Size = size
	}
	if digest != "" {
		if _, err := hex.Decode(options.Expect.SHA256[:], []byte(store.SHA256OfImage(digest))); err != nil {
			return store.Blob{}, store.CheckImageDigest(digest)
		}
	}
	staged, err := c.blobs.Stage(ctx, m, options)
	switch {
	case errors.Is(err, blob.ErrTooLarge):
		return store.Blob{}, store.TooLargef("size-invalid", "cannot take the upload: with the %d bytes before it is larger than %d", in.before, in.before+m.most).Because(err)
	case errors.Is(err, blob.ErrMismatch) && digest != "":
		return store.Blob{}, store.Invalidf(store.CodeDigestInvalid, "the bytes are not those of %s", digest).Because(err)
	case errors.Is(err, blob.ErrMismatch):
		return store.Blob{}, store.Invalidf("size-invalid", "other bytes came than were announced").Because(err)
	case err != nil:
		return store.Blob{}, noSpace(err)
	}
	defer staged.Discard()
	row := rowOf(staged.Digests())
	if err := staged.Commit(ctx); err != nil {
		return row, noSpace(err)
	}
	return row, nil
}

// admitImage lets bytes of an image in as long as the account, the repository, and
// all together, have not too much that waits for a manifest.
func (c *Catalog) admitImage(ctx context.Context, who store.Principal, in imageBytes) (*admitted, error) {
	m := &admitted{in: &c.incoming}
	var err error
	if m.most, err = c.maxUpload(ctx); err != nil {
		return nil, err
	}
	if in.before+in.size > m.most {
		return nil, store.TooLargef("size-invalid", "cannot take an upload of %d bytes: %d are the most", in.before+in.size, m.most)
	}
	m.most = max(1, m.most-in.before) // of unknown size may be nothing at all
	most, err := c.imageQuota(ctx)
	if err != nil {
		return nil, err
	}
	total, err := c.number(ctx, settingUnclaimedInAll, store.MaxUnclaimedTotalMB)
	if err != nil {
		return nil, err
	}
	own := &quota{address: "account:" + who.Name, most: most}
	loose := &quota{address: "image:" + in.repo.String(), most: most}
	all := &quota{most: int64(total) * megabyte}
	m.quotas = []*quota{own, loose, all}
	count := 0
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		if _, own.waiting, err = tx.ImageUploads(who.Name); err != nil {
			return err
		}
		if count, loose.waiting, err = tx.LooseImageBlobs(in.repo); err != nil {
			return err
		}
		_, all.waiting, err = tx.UnclaimedBytes("")
		return err
	})
	if err == nil && (count >= store.MaxLooseBlobs || max(own.waiting, loose.waiting)+max(1, in.size) > most) {
		err = errImageQuota
	}
	return m, err
}

// addImageBlob gives a blob its row.
func addImageBlob(tx *db.Tx, b store.Blob) error {
	added, err := tx.AddBlob(b)
	if added {
		tx.Record(store.BlobAdded, "blob/"+b.Digest.Hex(), map[string]any{"size": b.Size, "image": true})
	}
	return err
}
