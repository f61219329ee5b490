package catalog

import (
	"context"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// local is the database as a source.
type local struct{ db *db.DB }

// maxRefs is how many packages one query of the database takes.
const maxRefs = 256

func (l local) Facts(ctx context.Context, ns store.Namespace, refs []store.Ref) ([]*store.Facts, error) {
	if len(refs) <= maxRefs {
		return l.db.Facts(ctx, ns, refs, db.FactsOptions{})
	}
	var all []*store.Facts
	for len(refs) > 0 {
		page := refs[:min(len(refs), maxRefs)]
		facts, err := l.db.Facts(ctx, ns, page, db.FactsOptions{})
		if err != nil {
			return nil, err
		}
		all, refs = append(all, facts...), refs[len(page):]
	}
	return all, nil
}

func (l local) Revisions(ctx context.Context, packageID string, numbers []int) ([]*store.Revision, error) {
	var found []*store.Revision
	for len(numbers) > 0 {
		page := numbers[:min(len(numbers), maxRefs)]
		numbers = numbers[len(page):]
		refs := make([]db.RevisionRef, len(page))
		for i, n := range page {
			refs[i] = db.RevisionRef{PackageID: packageID, Number: n}
		}
		revs, err := l.db.Revisions(ctx, refs)
		if err != nil {
			return nil, err
		}
		for _, r := range revs {
			found = append(found, r)
		}
	}
	return found, nil
}

func (l local) Resources(ctx context.Context, packageID string, pins []store.ResourcePin) ([]*store.ResourceRevision, error) {
	var found []*store.ResourceRevision
	for page := range slices.Chunk(pins, maxRefs) {
		some, err := l.db.Pinned(ctx, packageID, page)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}
