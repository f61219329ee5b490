package catalog

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// StoreSnap is a snap as those see it who run a store that shows it.
type StoreSnap struct {
	Package store.Package `json:"package"`
	// OtherStores are the ids of stores besides its home that show it, as far as
	// whoever asks may know of them.
	OtherStores []string       `json:"other-stores"`
	Latest      *LatestRelease `json:"latest-release,omitempty"`
}

// LatestRelease is the newest release of a snap to any channel.
type LatestRelease struct {
	store.Release
	Version string `json:"version"`
}

// Bounds of a list of snaps, and of what one request changes.
const (
	maxStoreSnaps      = 5000
	maxCandidates      = 50
	maxSnapsAtOnce     = 500
	maxQuery           = 200 // bytes
	maxAddedToOneStore = 5000
)

// StoreSnaps lists the snaps that a store shows: those at home there, those that
// were added to it, and the essential ones. A query selects those whose names
// contain it. It needs what BrandStore needs.
func (c *Catalog) StoreSnaps(ctx context.Context, who store.Principal, id, query string) (BrandStore, []StoreSnap, error) {
	var s BrandStore
	var ids []string
	if len(query) > maxQuery {
		return s, nil, store.TooLargef("query-too-long", "cannot search for more than %d bytes", maxQuery)
	}
	err := c.db.View(ctx, func(tx *db.Tx) error {
		ids = nil
		v, err := shown(tx, who, id)
		if err != nil {
			return err
		}
		if s, err = brandStore(tx, who, v); err != nil {
			return err
		}
		home, err := homeIDs(tx, id, query)
		if err != nil {
			return err
		}
		essential, err := essentialIDs(tx)
		ids = slices.Concat(home, v.Packages, essential)
		return err
	})
	if err != nil {
		return s, nil, err
	}
	snaps, err := c.storeSnaps(ctx, who, id, query, ids)
	return s, snaps, err
}

// homeIDs are the ids of the snaps at home in a store whose names contain query.
func homeIDs(tx *db.Tx, storeID, query string) (ids []string, err error) {
	filter := store.PackageFilter{Namespace: store.Snap, AfterNamespace: store.Snap, StoreID: storeID, Limit: 1000}
	for len(ids) < maxStoreSnaps {
		page, err := tx.Packages(filter)
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			if filter.AfterName = p.Name; strings.Contains(p.Name, query) {
				ids = append(ids, p.ID)
			}
		}
		if len(page) < filter.Limit {
			break
		}
	}
	return ids, nil
}

func essentialIDs(tx *db.Tx) (ids []string, err error) {
	for _, name := range store.EssentialSnaps() {
		pkg, err := tx.PackageByName(store.Snap, name)
		switch {
		case err == nil && store.Essential(*pkg):
			ids = append(ids, pkg.ID)
		case err != nil && store.KindOf(err) != store.KindNotFound:
			return nil, err
		}
	}
	return ids, nil
}

// StoreCandidates lists snaps that could be added to a store: public ones of the
// global store and of those it includes that a text finds, best first, but for
// those that it shows. It needs PermStoreAdmin, and the role admin there.
func (c *Catalog) StoreCandidates(ctx context.Context, who store.Principal, id, query string) (BrandStore, []StoreSnap, error) {
	var s BrandStore
	var found []string
	if len(query) > maxQuery {
		return s, nil, store.TooLargef("query-too-long", "cannot search for more than %d bytes", maxQuery)
	}
	err := c.db.View(ctx, func(tx *db.Tx) error {
		v, err := administered(tx, who, id)
		if err != nil {
			return err
		}
		if s, err = brandStore(tx, who, v); err != nil {
			return err
		}
		found, err = tx.Search(store.SearchQuery{
			Text: query, Namespace: store.Snap, Stores: []string{store.GlobalStore}, Limit: maxCandidates,
		})
		found = slices.DeleteFunc(found, func(id string) bool { return slices.Contains(v.Packages, id) })
		return err
	})
	if err != nil || id == store.GlobalStore || slices.Contains(s.View.Includes, store.GlobalStore) {
		return s, nil, err // there is nothing that it does not show
	}
	snaps, err := c.storeSnaps(ctx, who, id, "", found)
	return s, slices.DeleteFunc(snaps, func(s StoreSnap) bool { return store.Essential(s.Package) }), err
}

// storeSnaps describes snaps, each once, as somebody sees them who has a part in
// the store.
func (c *Catalog) storeSnaps(ctx context.Context, who store.Principal, storeID, query string, ids []string) ([]StoreSnap, error) {
	if err := c.catchUp(ctx); err != nil {
		return nil, err
	}
	var views []store.View
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		views, err = tx.Views()
		return err
	})
	if err != nil {
		return nil, err
	}
	homes := make(map[string]store.View)
	for _, v := range views {
		homes[v.ID] = v
	}
	list := []StoreSnap{}
	listed := make(map[string]bool)
	for page := range slices.Chunk(ids, maxRefs) {
		refs := make([]store.Ref, len(page))
		for i, id := range page {
			refs[i].ID = id
		}
		snaps, err := c.cache.pass(ctx, store.Snap, refs)
		if err != nil {
			return nil, err
		}
		for _, s := range snaps {
			if s == nil || listed[s.Package().ID] {
				continue
			}
			pkg := s.Package()
			if !strings.Contains(pkg.Name, query) || pkg.StoreID != storeID && !sees(who, homes[pkg.StoreID], pkg) {
				continue
			}
			listed[pkg.ID] = true
			one := StoreSnap{Package: *pkg, OtherStores: []string{}, Latest: latestRelease(s.Facts)}
			for _, v := range views {
				if v.ID != pkg.StoreID && (slices.Contains(v.Packages, pkg.ID) || slices.Contains(v.Includes, pkg.StoreID)) &&
					(v.ID == storeID || knows(who, v)) {
					one.OtherStores = append(one.OtherStores, v.ID)
				}
			}
			list = append(list, one)
		}
	}
	return list, nil
}

func latestRelease(f *store.Facts) *LatestRelease {
	for i := len(f.Releases) - 1; i >= 0; i-- {
		r := f.Releases[i]
		if r.Revision == 0 {
			continue
		}
		l := &LatestRelease{Release: r}
		if rev := f.Revisions[r.Revision]; rev != nil {
			l.Version = rev.Version
		}
		return l
	}
	return nil
}

// ChangeStoreSnaps adds single snaps of other stores to what a store shows, or
// takes them out again, by name, all or none. Whoever adds must see them. It needs
// PermStoreAdmin, and the role admin there.
func (c *Catalog) ChangeStoreSnaps(ctx context.Context, who store.Principal, id string, add, remove []string) error {
	if len(add)+len(remove) > maxSnapsAtOnce {
		return store.TooLargef("too-many-snaps", "cannot change more than %d snaps at once", maxSnapsAtOnce)
	}
	return c.change(ctx, who, func(tx *db.Tx) error {
		had, err := administered(tx, who, id)
		if err != nil {
			return err
		}
		v := inOrder(had)
		for _, name := range add {
			pkg, err := seenByName(tx, who, id, name)
			if err != nil {
				return err
			}
			if pkg.StoreID != id {
				v.Packages = append(v.Packages, pkg.ID)
			}
		}
		for _, name := range remove {
			pkg, err := tx.PackageByName(store.Snap, name)
			if err != nil && store.KindOf(err) != store.KindNotFound {
				return err
			}
			if err != nil || !slices.Contains(v.Packages, pkg.ID) {
				return store.NotFoundf("not-shown", "the store %s does not show the snap %.100q on its own", id, name).With("name", name)
			}
			v.Packages = without(v.Packages, pkg.ID)
		}
		if v = inOrder(v); reflect.DeepEqual(v, inOrder(had)) {
			return nil
		}
		if len(v.Packages) > maxAddedToOneStore {
			return store.TooLargef("too-many-snaps", "a store shows at most %d snaps of others", maxAddedToOneStore)
		}
		return putView(tx, v)
	})
}

// seenByName finds a snap that somebody sees who administers a store.
func seenByName(tx *db.Tx, who store.Principal, storeID, name string) (*store.Package, error) {
	pkg, err := tx.PackageByName(store.Snap, name)
	if err == nil {
		home, homeErr := tx.View(pkg.StoreID)
		if homeErr != nil {
			return nil, homeErr
		}
		if pkg.StoreID == storeID || sees(who, home, pkg) {
			return pkg, nil
		}
	}
	if err != nil && store.KindOf(err) != store.KindNotFound {
		return nil, err
	}
	return nil, store.NotFoundf("package-not-found", "no snap is called %.100q", name).With("name", name)
}
