package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// File is a blob as a client downloads it. The caller closes it.
type File struct {
	blob.Reader
	Name    string // to save it under
	Digest  store.Digest
	Type    string // media type
	Created time.Time
}

// Download opens the blob of one revision. It needs PermView, and the asker
// must be able to see the package. Whoever may see it may have any approved
// revision that a release or an override has named; whoever has PermSeeRevisions
// on it may have all, but for rejected ones.
func (c *Catalog) Download(ctx context.Context, a Asker, ns store.Namespace, packageID string, number int) (*File, error) {
	rev, err := c.revision(ctx, a, ns, packageID, number)
	if err != nil {
		return nil, err
	}
	return c.open(ctx, rev.Blob, rev.Size, fmt.Sprintf("%s_%d.%s", packageID, number, ns), rev.CreatedAt)
}

// DownloadResource opens the blob of one resource revision, on the terms of
// Download.
func (c *Catalog) DownloadResource(ctx context.Context, a Asker, ns store.Namespace, packageID string, pin store.ResourcePin) (*File, error) {
	_, res, err := c.Attachment(ctx, a, ns, packageID, pin)
	if err != nil {
		return nil, err
	}
	return c.open(ctx, res.Blob, res.Size, fmt.Sprintf("%s.%s_%d", packageID, pin.Name, pin.Revision), res.CreatedAt)
}

// Attachment returns one resource revision, on the terms of Download.
func (c *Catalog) Attachment(ctx context.Context, a Asker, ns store.Namespace, packageID string, pin store.ResourcePin) (*store.Package, *store.ResourceRevision, error) {
	s, err := c.visible(ctx, a, ns, packageID)
	if err != nil {
		return nil, nil, err
	}
	if !s.Facts.Pinned(pin) && a.Who.NeedOn(store.PermSeeRevisions, s.Package()) != nil {
		return nil, nil, store.NotFoundf("resource-not-found", "no revision %d of %.64s", pin.Revision, pin.Name)
	}
	res := s.Facts.Resources[pin]
	if res == nil {
		err = c.db.View(ctx, func(tx *db.Tx) error {
			res, err = tx.Resource(packageID, pin)
			return err
		})
	}
	return s.Package(), res, err
}

// DownloadDelta opens the difference between two revisions, on the terms of
// Download for the one that it makes.
func (c *Catalog) DownloadDelta(ctx context.Context, a Asker, ns store.Namespace, packageID, format string, source, target int) (*File, error) {
	s, err := c.visible(ctx, a, ns, packageID)
	if err != nil {
		return nil, err
	}
	for _, d := range s.Facts.Deltas {
		if d.Format == format && d.Source == source && d.Target == target {
			if _, err := c.revision(ctx, a, ns, packageID, target); err != nil {
				return nil, err
			}
			return c.open(ctx, d.Blob, d.Size, fmt.Sprintf("%s_%d_%d.%s", packageID, source, target, format), time.Time{})
		}
	}
	return nil, store.NotFoundf("not-found", "no %.32q delta from revision %d to %d of %.64q", format, source, target, packageID)
}

// Medium opens a picture of a package. Pictures of private packages are as
// private as the packages, but icons are fetched without any credentials, so
// the digest in their URL is the key to them.
func (c *Catalog) Medium(ctx context.Context, packageID string, digest store.Digest) (*File, error) {
	if err := c.catchUp(ctx); err != nil {
		return nil, err
	}
	// The address does not say whose picture it is; most are of snaps.
	for _, ns := range []store.Namespace{store.Snap, store.Charm} {
		snaps, err := c.cache.get(ctx, ns, []store.Ref{{ID: packageID}})
		if err != nil {
			return nil, err
		}
		if snaps[0] == nil {
			continue
		}
		for _, m := range snaps[0].Package().Media {
			if m.Blob == digest {
				f, err := c.open(ctx, digest, m.Size, digest.Hex(), time.Time{})
				if err == nil {
					f.Type = m.ContentType
				}
				return f, err
			}
		}
	}
	return nil, store.NotFoundf("not-found", "no such picture")
}

// revision returns one revision of a package, on the terms of Download.
func (c *Catalog) revision(ctx context.Context, a Asker, ns store.Namespace, packageID string, number int) (*store.Revision, error) {
	s, err := c.visible(ctx, a, ns, packageID)
	if err != nil {
		return nil, err
	}
	rev := s.Facts.Revisions[number]
	if rev == nil {
		revs, err := c.cache.source.Revisions(ctx, packageID, []int{number})
		if err != nil {
			return nil, err
		}
		if len(revs) == 1 {
			rev = revs[0]
		}
	}
	served := rev != nil && rev.Status == store.StatusApproved && s.Facts.Named(number)
	if !served && (rev == nil || rev.Status == store.StatusRejected || a.Who.NeedOn(store.PermSeeRevisions, s.Package()) != nil) {
		return nil, store.NotFoundf("revision-not-found", "no revision %d of %s", number, s.Package().Name)
	}
	return rev, nil
}

func (c *Catalog) visible(ctx context.Context, a Asker, ns store.Namespace, packageID string) (*Snapshot, error) {
	ref := store.Ref{ID: packageID}
	snaps, err := c.lookup(ctx, a, ns, []store.Ref{ref})
	if err != nil {
		return nil, err
	}
	if snaps[0] == nil {
		return nil, unknown(ref)
	}
	return snaps[0], nil
}

func (c *Catalog) open(ctx context.Context, digest store.Digest, size int64, name string, created time.Time) (*File, error) {
	r, err := c.blobs.Open(ctx, digest, size)
	if err != nil {
		return nil, store.Unavailablef("blob-unavailable", "cannot read %s", name).
			Try("the operator finds out more with larder fsck").Because(err)
	}
	return &File{Reader: r, Name: name, Digest: digest, Type: "application/octet-stream", Created: created}, nil
}
