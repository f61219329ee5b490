package catalog

import (
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// releasePins are the resource revisions that go with a release, of those that
// whoever releases has named.
func (c *Catalog) releasePins(tx *db.Tx, pkg *store.Package, rev *store.Revision, named []store.ResourcePin) ([]store.ResourcePin, error) {
	if pkg.Namespace == store.Charm {
		return charmPins(tx, rev, named)
	}
	return c.pinsFor(tx, pkg, rev.Number, named)
}

// charmPins looks up what store.CheckPins needs to know, and leaves out what is to
// be deployed without: a resource without a pin says as much. Of a name that the
// charm does not declare nothing is read, so that a request costs no more than the
// charm has resources.
func charmPins(tx *db.Tx, rev *store.Revision, named []store.ResourcePin) ([]store.ResourcePin, error) {
	known := make(map[store.ResourcePin]*store.ResourceRevision)
	for _, d := range rev.Declares() {
		at := slices.IndexFunc(named, func(p store.ResourcePin) bool { return p.Name == d.Name })
		if at < 0 || named[at].Revision == 0 {
			continue
		}
		found, err := tx.Resource(rev.PackageID, named[at])
		switch {
		case err == nil:
			known[named[at]] = found
		case store.KindOf(err) != store.KindNotFound:
			return nil, err
		}
	}
	pins, err := store.CheckPins(rev, named, known)
	return slices.DeleteFunc(pins, func(p store.ResourcePin) bool { return p.Revision == 0 }), err
}
