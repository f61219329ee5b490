package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// Picture is a medium of a package with what publishers know it by.
type Picture struct {
	store.Medium
	SHA256 string // hex
}

// Media lists a package's pictures in their order. It needs PermSeeListing.
func (c *Catalog) Media(ctx context.Context, who store.Principal, ns store.Namespace, ref store.Ref) (*store.Package, []Picture, error) {
	var pkg *store.Package
	var list []Picture
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		if pkg, err = owned(tx, who, store.PermSeeListing, ns, ref); err != nil {
			return err
		}
		list, err = pictures(tx, pkg)
		return err
	})
	return pkg, list, err
}

func pictures(tx *db.Tx, pkg *store.Package) ([]Picture, error) {
	list := make([]Picture, len(pkg.Media))
	for i, m := range pkg.Media {
		b, err := tx.Blob(m.Blob)
		if err != nil {
			return nil, err
		}
		list[i] = Picture{m, b.SHA256}
	}
	return list, nil
}

// MediaOrder is what a package's pictures are to be.
type MediaOrder struct {
	// Entries are all of them in their order.
	Entries []MediaEntry
	// Uploaded and KeepEdits are as those of Edit.
	Uploaded, KeepEdits bool
}

// MediaEntry is one picture: a file that comes with the request, or one that the
// package has.
type MediaEntry struct {
	Kind string
	Hash string // SHA-256 in hex; may be empty for a new file
	File string // key of a new file; empty keeps what the package has
}

// maxNewMedia bounds the files of one request.
const maxNewMedia = 10

// Receiver takes the files of a request in, each once.
type Receiver func(key string, file io.Reader) error

// SetMedia replaces a package's pictures. It needs PermListing, and looks at that
// before it calls read, which gives it the request's files and says what is to be
// done with them.
//
// The codes of what is no good picture are those of store.CheckMedia. An entry for
// a picture that the package no longer has is a conflict with the code
// media-modified; for what must not be overwritten see EditListing.
func (c *Catalog) SetMedia(ctx context.Context, who store.Principal, ns store.Namespace, ref store.Ref,
	read func(Receiver) (MediaOrder, error),
) (*store.Package, []Picture, error) {
	err := c.db.View(ctx, func(tx *db.Tx) error {
		_, err := owned(tx, who, store.PermListing, ns, ref)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	files := make(newMedia)
	defer files.discard()
	order, err := read(func(key string, file io.Reader) error { return c.receiveMedium(ctx, files, key, file) })
	if err != nil {
		return nil, nil, err
	}
	// Tried out first, so that what is refused leaves no bytes behind.
	if _, err := c.replaceMedia(ctx, who, ns, ref, order, files, errGivenUp); !errors.Is(err, errGivenUp) && err != nil {
		return nil, nil, err
	}
	for _, e := range order.Entries {
		if f := files[e.File]; f != nil && !f.committed {
			if err := f.staged.Commit(ctx); err != nil {
				return nil, nil, fmt.Errorf("cannot store a picture: %w", noSpace(err))
			}
			f.committed = true
		}
	}
	pkg, err := c.replaceMedia(ctx, who, ns, ref, order, files, nil)
	if err != nil {
		return nil, nil, err
	}
	var list []Picture
	err = c.db.View(ctx, func(tx *db.Tx) error {
		list, err = pictures(tx, pkg)
		return err
	})
	return pkg, list, err
}

// errGivenUp ends a transaction that only tries something out.
var errGivenUp = errors.New("given up as planned")

// newMedia are the files of a request by their keys.
type newMedia map[string]*newMedium

type newMedium struct {
	staged    blob.Staged
	digests   blob.Digests
	medium    store.Medium // without its kind
	committed bool
}

func (n newMedia) discard() {
	for _, f := range n {
		f.staged.Discard()
	}
}

func (c *Catalog) receiveMedium(ctx context.Context, files newMedia, key string, file io.Reader) error {
	if len(files) >= maxNewMedia {
		return store.Invalidf("media-too-many-items", "a request has at most %d pictures", maxNewMedia)
	}
	if _, twice := files[key]; twice {
		return store.Invalidf("invalid-request", "the request has two files with the key %.100q", key)
	}
	staged, err := c.blobs.Stage(ctx, file, blob.PutOptions{MaxSize: store.MaxMediumBytes})
	if errors.Is(err, blob.ErrTooLarge) {
		return store.Invalidf("media-file-size-too-big", "the picture %.100q has more than %d bytes", key, store.MaxMediumBytes)
	}
	if err != nil {
		return noSpace(err)
	}
	f := &newMedium{staged: staged, digests: staged.Digests()}
	files[key] = f
	m := &f.medium
	m.Blob, m.Size = f.digests.SHA3_384, f.digests.Size
	m.ContentType, m.Width, m.Height, err = inspect.Picture(staged, m.Size)
	var bad *inspect.ProblemsError
	if errors.As(err, &bad) {
		return store.Invalidf("media-unsupported-type", "cannot use the picture %.100q: %s", key, bad.Problems[0].Message).With("name", key)
	}
	return err
}

// replaceMedia is the transaction of SetMedia, which end gives up.
func (c *Catalog) replaceMedia(ctx context.Context, who store.Principal, ns store.Namespace, ref store.Ref,
	order MediaOrder, files newMedia, end error,
) (*store.Package, error) {
	var pkg *store.Package
	err := c.change(ctx, who, func(tx *db.Tx) (err error) {
		if pkg, err = owned(tx, who, store.PermListing, ns, ref); err != nil {
			return err
		}
		had, err := pictures(tx, pkg)
		if err != nil {
			return err
		}
		media, fresh, err := order.media(had, files)
		if err != nil {
			return err
		}
		if err := checkMedia(media, fresh); err != nil {
			return err
		}
		changed := changedKinds(pkg.Media, media)
		if err := order.conflicts(pkg, changed, media); err != nil {
			return err
		}
		if slices.Equal(pkg.Media, media) {
			return end
		}
		for _, f := range files {
			if slices.ContainsFunc(fresh, func(m store.Medium) bool { return m.Blob == f.medium.Blob }) {
				if _, err := tx.AddBlob(rowOf(f.digests)); err != nil {
					return err
				}
			}
		}
		if err := tx.SetMedia(pkg.ID, media); err != nil {
			return err
		}
		pkg.Media = media
		if err := order.mark(tx, pkg, changed); err != nil {
			return err
		}
		tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "media": digestsOf(media)})
		return end
	})
	return pkg, err
}
