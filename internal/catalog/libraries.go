package catalog

import (
	"context"
	"crypto/rand"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// LibraryVersion is one version of a library. Its content is empty where only
// versions are listed.
type LibraryVersion struct {
	Charm   string // the charm's name
	Library store.Library
	store.LibraryRevision
}

// Bounds of libraries.
const (
	maxLibraries        = 500    // of a charm
	maxLibraryAPIs      = 100    // of a library
	maxLibraryRevisions = 10_000 // of a library
)

// CodeNoLibrary is the code where a library, or the charm that it should be of,
// does not exist.
const CodeNoLibrary = "library-not-found"

// CreateLibrary makes a library of a charm, and its id, by which its versions are
// published. A library of which nothing was published is made again as it is: who
// lost the answer has no other way to its id. One that has versions is a
// conflict. It needs PermLibrary.
func (c *Catalog) CreateLibrary(ctx context.Context, who store.Principal, charm, name string) (store.Library, error) {
	var made store.Library
	if err := who.Need(store.PermLibrary); err != nil {
		return made, err
	}
	if err := store.ValidLibraryName(name); err != nil {
		return made, err
	}
	err := c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermLibrary, store.Charm, charm)
		if err != nil {
			return err
		}
		if pkg.Type == store.TypeBundle {
			return store.Invalidf("no-libraries", "cannot create a library of %s: bundles have none", charm)
		}
		libraries, err := tx.LibrariesOf([]string{pkg.ID})
		if err != nil {
			return err
		}
		for _, made = range libraries {
			if made.Name == name {
				return unpublished(tx, made, charm)
			}
		}
		if len(libraries) >= maxLibraries {
			return store.Conflictf("too-many-libraries", "%s has %d libraries already, which is the most", charm, len(libraries))
		}
		made = store.Library{
			ID: store.NewLibraryID(rand.Reader), PackageID: pkg.ID, Name: name, CreatedAt: tx.Now(), CreatedBy: accountOrName(who),
		}
		tx.Record(store.LibraryAdded, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "library": name, "library-id": made.ID})
		return tx.AddLibrary(made)
	})
	return made, err
}

// unpublished refuses a library that has versions.
func unpublished(tx *db.Tx, l store.Library, charm string) error {
	n, _, err := tx.CountLibraryRevisions(l.ID)
	if err == nil && n > 0 {
		err = store.Conflictf("library-taken", "the charm %s has a library %s already", charm, l.Name).
			Try("fetch it, and publish what you change as its next version")
	}
	return err
}

// PublishLibrary keeps a version of a library, as store.NextLibraryRevision allows
// it. The version that is the newest already is answered as if it were new. It
// needs PermLibrary.
func (c *Catalog) PublishLibrary(ctx context.Context, who store.Principal, charm string, next store.LibraryRevision) (LibraryVersion, error) {
	var v LibraryVersion
	if err := who.Need(store.PermLibrary); err != nil {
		return v, err
	}
	err := c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermLibrary, store.Charm, charm)
		if err != nil {
			return err
		}
		library, err := libraryOf(tx, pkg, next.LibraryID)
		if err != nil {
			return err
		}
		next.CreatedAt, next.CreatedBy = tx.Now(), accountOrName(who)
		tip, isNew, err := followsTip(tx, next)
		if err != nil {
			return err
		}
		v = LibraryVersion{pkg.Name, library, next}
		if !isNew {
			v.LibraryRevision, err = tx.LibraryRevision(next.LibraryID, tip.API, tip.Patch)
			return err
		}
		tx.Record(store.LibraryPublished, "package/"+pkg.ID, map[string]any{
			"name": pkg.Name, "library": library.Name, "api": next.API, "patch": next.Patch, "hash": next.Hash,
		})
		return tx.AddLibraryRevision(next)
	})
	return v, err
}

// libraryOf finds a library by its id; that of another charm is none.
func libraryOf(tx *db.Tx, pkg *store.Package, id string) (store.Library, error) {
	l, err := tx.Library(id)
	if store.KindOf(err) == store.KindNotFound || err == nil && l.PackageID != pkg.ID {
		return l, store.NotFoundf(CodeNoLibrary, "%s has no library with the id %.100q", pkg.Name, id)
	}
	return l, err
}

// followsTip says whether a version may come after those that there are. Where it
// repeats the newest, that is tip, and isNew false.
func followsTip(tx *db.Tx, next store.LibraryRevision) (tip *store.LibraryRevision, isNew bool, err error) {
	tips, err := tx.LibraryTips([]string{next.LibraryID}, maxLibraryAPIs)
	if err != nil {
		return nil, false, err
	}
	for i := range tips {
		if tips[i].API == next.API {
			tip = &tips[i]
		}
	}
	err = store.NextLibraryRevision(tip, next)
	switch {
	case tip != nil && store.CodeOf(err) == "library-exists":
		return tip, false, nil
	case err != nil:
		return tip, false, err
	}
	revisions, apis, err := tx.CountLibraryRevisions(next.LibraryID)
	if err == nil && (revisions >= maxLibraryRevisions || tip == nil && apis >= maxLibraryAPIs) {
		err = store.Conflictf("too-many-versions", "a library has at most %d versions of %d apis", maxLibraryRevisions, maxLibraryAPIs).
			Try("create another library")
	}
	return tip, true, err
}
