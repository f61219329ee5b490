package catalog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// seenResource is what is to become a revision of a charm's resource.
type seenResource struct {
	store.UploadResource
	row  store.Blob // of the bytes that are kept
	more blob.Further
	// image is the digest of an OCI image's manifest, architectures are those that
	// the image is for.
	image         string
	architectures []string
}

// enterResource makes the revision of a resource that an upload was claimed as,
// and concludes the upload.
func (c *Catalog) enterResource(ctx context.Context, j *job) error {
	var pkg *store.Package
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		pkg, err = tx.Package(j.upload.PackageID)
		return err
	})
	if err != nil {
		return err
	}
	var s *seenResource
	var refused error
	row, problems, err := c.inspectBlob(ctx, blob.Digests{SHA3_384: j.upload.Blob}, func(r blob.Reader) error {
		s, refused = c.seeResource(ctx, pkg, *j.upload.Wish.Resource, r)
		return nil
	})
	switch {
	case err != nil:
		return err
	case len(problems) > 0:
		return j.fail(ctx, problems)
	case refused != nil:
		return refused
	}
	if s.image == "" {
		s.row = row
	}
	return j.update(ctx, func(tx *db.Tx, u *store.Upload) error {
		res, _, err := enterResourceRevision(tx, pkg, s, u.AccountID)
		if err != nil {
			return err
		}
		u.Revision = res.Revision
		return conclude(tx, u, store.UploadApproved)
	})
}

// sized is bytes to be looked into.
type sized interface {
	io.ReaderAt
	Size() int64
}

// seeResource looks into the bytes of a revision of a charm's resource. Of a file
// it takes the digests, and the row of its blob is the caller's to set. An image
// comes as the document that says which one of the charm's own it is.
func (c *Catalog) seeResource(ctx context.Context, pkg *store.Package, as store.UploadResource, r sized) (*seenResource, error) {
	if as.Type == store.ResourceImage {
		return c.seeImage(ctx, pkg, as, r)
	}
	more, err := blob.MoreDigests(ctx, io.NewSectionReader(r, 0, r.Size()))
	if err != nil {
		return nil, fmt.Errorf("cannot read a resource: %w", err)
	}
	return &seenResource{UploadResource: as, more: more}, nil
}

// seeImage finds the image that a document is about. It must have been pushed to
// this store's repository of the charm's resource, whatever host the document
// names. What is kept is a document without host and credentials: clients get
// this store's, and a password must not lie among the blobs.
func (c *Catalog) seeImage(ctx context.Context, pkg *store.Package, as store.UploadResource, r sized) (*seenResource, error) {
	if r.Size() > store.MaxImageDocument {
		return nil, store.TooLargef("image-document-too-large", "what stands for an image has at most %d bytes, and this has %d",
			store.MaxImageDocument, r.Size()).Try("push the image to the store's registry, and upload what the store says about it")
	}
	text := make([]byte, r.Size())
	if _, err := r.ReadAt(text, 0); err != nil && err != io.EOF {
		return nil, fmt.Errorf("cannot read the document of an image: %w", err)
	}
	d, err := store.ParseImageDocument(text)
	if err != nil {
		return nil, err
	}
	repository, err := store.ImageRepository(pkg.ID, as.Name)
	if err != nil {
		return nil, err
	}
	if _, _, ours := store.ParseImageRepository(d.Repository); ours && d.Repository != repository {
		return nil, store.Invalidf("foreign-image", "the document names an image of another resource, %.300s", d.Repository).
			Try("push the image to " + repository)
	}
	s := &seenResource{UploadResource: as, image: d.Digest}
	if _, s.architectures, err = c.ImageExists(ctx, pkg.ID, as.Name, d.Digest); err != nil {
		return nil, err
	}
	kept := store.BuildImageDocument("", repository, d.Digest, "", "")
	digests, err := blob.Put(ctx, c.blobs, bytes.NewReader(kept), blob.PutOptions{})
	if err != nil {
		return nil, noSpace(err)
	}
	s.row = rowOf(digests)
	s.more, err = blob.MoreDigests(ctx, bytes.NewReader(kept))
	return s, err
}

// enterResourceRevision makes the next revision of a charm's resource, and reports
// whether it is new: what equals the newest revision is that one, unless it is
// said to be for something else. The bytes must be safe in the blob store. Some
// revision of the charm must declare the resource as of that type.
func enterResourceRevision(tx *db.Tx, pkg *store.Package, s *seenResource, by string) (*store.ResourceRevision, bool, error) {
	if _, err := declaredAs(tx, pkg, s.Name, s.Type); err != nil {
		return nil, false, err
	}
	platforms := store.PlatformsOfImage(s.architectures)
	if len(s.Platforms) > 0 {
		var err error
		if platforms, err = store.ResourcePlatforms(s.Platforms); err != nil {
			return nil, false, err
		}
	}
	newest, err := tx.ResourcesNamed(pkg.ID, s.Name, 0, 1)
	if err != nil {
		return nil, false, err
	}
	if len(newest) > 0 {
		had := newest[0]
		if had.Type != s.Type {
			return nil, false, store.Conflictf("wrong-resource-type", "revision %d of the resource %.100s of %s is of type %s",
				had.Revision, s.Name, pkg.Name, had.Type).Try("give a resource of another type another name")
		}
		if had.Blob == s.row.Digest && (len(s.Platforms) == 0 || slices.Equal(had.Platforms, platforms)) {
			return had, false, nil
		}
	}
	if s.image != "" { // it may have been deleted meanwhile, and from here on is not
		if _, err := tx.ImageManifest(store.ImageRepo{PackageID: pkg.ID, Resource: s.Name}, s.image); err != nil {
			return nil, false, err
		}
	}
	if _, err := tx.AddBlob(s.row); err != nil {
		return nil, false, err
	}
	res := &store.ResourceRevision{
		PackageID: pkg.ID, Name: s.Name, Type: s.Type, CreatedAt: tx.Now(), CreatedBy: by,
		Blob: s.row.Digest, SHA256: s.row.SHA256, Size: s.row.Size, SHA384: s.more.SHA384, SHA512: s.more.SHA512,
		Platforms: platforms, Image: s.image,
	}
	if err := tx.InsertResource(res); err != nil {
		return nil, false, err
	}
	tx.Record(store.ResourceAdded, "package/"+pkg.ID, map[string]any{
		"name": pkg.Name, "resource": res.Name, "revision": res.Revision, "sha3-384": res.Blob.Hex(), "size": res.Size, "image": res.Image,
	})
	return res, true, nil
}
