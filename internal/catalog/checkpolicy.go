package catalog

import (
	"context"
	"io"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// CheckPolicy says what a policy would do with a snap, charm or bundle, without
// taking it in. It needs PermStore.
func (c *Catalog) CheckPolicy(ctx context.Context, who store.Principal, policy store.ReviewPolicy, r io.ReaderAt, size int64) (store.Verdict, error) {
	if err := who.Need(store.PermStore); err != nil {
		return store.Verdict{}, err
	}
	ns, name, facts, err := factsOf(ctx, r, size)
	if err != nil {
		return store.Verdict{}, err
	}
	pkg := &store.Package{Name: name, Publisher: store.Account{Validation: "unproven"}}
	err = c.db.View(ctx, func(tx *db.Tx) error {
		had, err := tx.PackageByName(ns, name)
		if err == nil {
			pkg = had
		}
		if store.KindOf(err) == store.KindNotFound {
			err = nil
		}
		return err
	})
	return policy.Judge(facts(pkg)), err
}

// factsOf reads a file that may become a revision of the package with the name
// that it bears.
func factsOf(ctx context.Context, r io.ReaderAt, size int64) (ns store.Namespace, name string, facts func(*store.Package) store.ReviewFacts, err error) {
	kind, err := inspect.Sniff(ctx, r, size, inspect.Limits{})
	if err != nil {
		return "", "", nil, store.Invalidf("invalid-file", "cannot check the file: %s", plain(err.Error()))
	}
	if kind == inspect.KindCharm || kind == inspect.KindBundle {
		info, err := inspect.Charm(ctx, r, size, inspect.Limits{})
		if err != nil {
			return "", "", nil, store.Invalidf("invalid-charm", "cannot check the %s: %s", kind, plain(err.Error()))
		}
		return store.Charm, info.Name, func(pkg *store.Package) store.ReviewFacts { return charmFacts(pkg, info, size) }, nil
	}
	info, err := inspect.Snap(ctx, r, size, inspect.Limits{})
	if err != nil {
		return "", "", nil, store.Invalidf("invalid-snap", "cannot check the snap: %s", plain(err.Error()))
	}
	return store.Snap, info.Name, func(pkg *store.Package) store.ReviewFacts { return snapFacts(pkg, info, size) }, nil
}
