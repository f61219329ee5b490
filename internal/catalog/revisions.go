package catalog

import (
	"context"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// RevisionQuery says which revisions are listed, and how much of each.
type RevisionQuery struct {
	Number    int  // of the only one; 0 lists all
	Manifests bool // without, Manifest and Texts stay empty
}

// Bounds of a list of revisions; what is read at once, and in all.
const (
	revisionPage     = 200
	maxRevisionList  = 10_000
	maxManifestBytes = 64 << 20
)

// RevisionList lists a package's revisions, newest first, each with no text but
// its manifest and its build file. Manifests that are too many for one answer fail
// with the code too-many-manifests. It needs PermSeeRevisions on the package.
func (c *Catalog) RevisionList(ctx context.Context, who store.Principal, ns store.Namespace, name string, q RevisionQuery) ([]PublishedRevision, error) {
	var list []PublishedRevision
	err := c.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		pkg, err := mine(tx, who, store.PermSeeRevisions, ns, name)
		if err != nil {
			return err
		}
		if q.Number != 0 {
			rev, err := revisionOf(tx, pkg, q.Number)
			if err != nil {
				return err
			}
			list, err = withReleased(tx, pkg.ID, []*store.Revision{rev})
			return err
		}
		list, err = revisionList(tx, pkg, q.Manifests)
		return err
	})
	return list, err
}

func revisionList(tx *db.Tx, pkg *store.Package, manifests bool) (list []PublishedRevision, err error) {
	bytes := 0
	for below := 0; len(list) < maxRevisionList; {
		page, err := tx.Revisions(pkg.ID, below, revisionPage)
		if err != nil {
			return nil, err
		}
		for _, rev := range page {
			bytes += keepTexts(rev, manifests)
		}
		if bytes > maxManifestBytes {
			return nil, store.TooLargef("too-many-manifests", "the manifests of all revisions of %s are too large for one answer", pkg.Name).
				Try("ask for one revision")
		}
		more, err := withReleased(tx, pkg.ID, page)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
		if len(page) < revisionPage {
			break
		}
		below = page[len(page)-1].Number
	}
	return list, nil
}

// keepTexts drops what a list does not show of a revision, so that a long history
// fits into memory, and returns how much it kept, bytes.
func keepTexts(rev *store.Revision, manifests bool) int {
	if !manifests {
		rev.Manifest, rev.Texts = "", nil
		return 0
	}
	craft, has := rev.Texts[store.TextCraft]
	rev.Texts = nil
	if has {
		rev.Texts = map[string]string{store.TextCraft: craft}
	}
	return len(rev.Manifest) + len(craft)
}
