package catalog

import (
	"context"

	"github.com/larder-store/larder/internal/store"
)

// Source answers what is known about packages: the local database, an
// upstream store, or one laid over another. A package is served from the first
// source that owns it.
type Source interface {
	// Facts returns what the source knows of each ref, in their order, and nil
	// for a package it does not own. It may hold back revisions that nothing
	// current names. It costs at most one round trip, however many refs.
	Facts(ctx context.Context, ns store.Namespace, refs []store.Ref) ([]*store.Facts, error)

	// Revisions returns the given revisions of one package that exist.
	Revisions(ctx context.Context, packageID string, numbers []int) ([]*store.Revision, error)

	// Resources returns the given resource revisions of one package that exist.
	Resources(ctx context.Context, packageID string, pins []store.ResourcePin) ([]*store.ResourceRevision, error)
}

// Layers serves each package from the first of its sources that owns it.
type Layers []Source

// Facts asks the layers in order, each only for what those above it lack.
func (l Layers) Facts(ctx context.Context, ns store.Namespace, refs []store.Ref) ([]*store.Facts, error) {
	found := make([]*store.Facts, len(refs))
	missing := make([]int, len(refs))
	for i := range refs {
		missing[i] = i
	}
	for _, layer := range l {
		if len(missing) == 0 {
			break
		}
		ask := make([]store.Ref, len(missing))
		for i, at := range missing {
			ask[i] = refs[at]
		}
		facts, err := layer.Facts(ctx, ns, ask)
		if err != nil {
			return nil, err
		}
		still := missing[:0]
		for i, at := range missing {
			if found[at] = facts[i]; facts[i] == nil {
				still = append(still, at)
			}
		}
		missing = still
	}
	return found, nil
}

// Revisions asks the layers in order until one knows the package's revisions.
func (l Layers) Revisions(ctx context.Context, packageID string, numbers []int) ([]*store.Revision, error) {
	for _, layer := range l {
		revs, err := layer.Revisions(ctx, packageID, numbers)
		if err != nil || len(revs) > 0 {
			return revs, err
		}
	}
	return nil, nil
}

// Resources asks the layers in order until one knows the package's resources.
func (l Layers) Resources(ctx context.Context, packageID string, pins []store.ResourcePin) ([]*store.ResourceRevision, error) {
	for _, layer := range l {
		found, err := layer.Resources(ctx, packageID, pins)
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}
