package catalog

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// maxStoreName bounds what people call a store, bytes.
const maxStoreName = 200

// Views lists every store. It needs PermStore.
func (c *Catalog) Views(ctx context.Context, who store.Principal) ([]store.View, error) {
	if err := who.Need(store.PermStore); err != nil {
		return nil, err
	}
	var list []store.View
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = tx.Views()
		return err
	})
	return list, err
}

// MakeView makes a store. Packages are names of single packages to show as
// well. One that is there and does not differ is left as it is; one that does
// is a conflict with the code store-exists. It needs PermStore.
func (c *Catalog) MakeView(ctx context.Context, who store.Principal, v store.View, packages []string) (made store.View, isNew bool, err error) {
	if err := who.Need(store.PermStore); err != nil {
		return v, false, err
	}
	if err := store.ValidStoreID(v.ID); err != nil {
		return v, false, err
	}
	err = c.change(ctx, who, func(tx *db.Tx) error {
		made, isNew = v, true
		ids, err := packageIDs(tx, packages)
		if err != nil {
			return err
		}
		made.Packages = ids
		made = inOrder(made)
		had, err := tx.View(v.ID)
		switch {
		case err == nil:
			made.CreatedAt, isNew = had.CreatedAt, false
			if !reflect.DeepEqual(made, inOrder(had)) {
				return store.Conflictf("store-exists", "cannot make the store %s: it is there already, and differs", v.ID).
					Try("change it with larder store set " + v.ID)
			}
			return nil
		case store.KindOf(err) != store.KindNotFound:
			return err
		}
		made.CreatedAt = tx.Now()
		return putView(tx, made)
	})
	return made, isNew, err
}

// inOrder returns v with its lists as the database answers them.
func inOrder(v store.View) store.View {
	v.Includes, v.Packages = sorted(v.Includes), sorted(v.Packages)
	return v
}

func sorted(list []string) []string {
	return slices.Compact(append([]string{}, slices.Sorted(slices.Values(list))...))
}

// ViewChange says what is to become different about a store. What is nil or
// empty stays.
type ViewChange struct {
	Name    *string
	Brand   *string // account id; "" is none
	Private *bool
	// Includes and NotIncludes are ids of stores to include, and to include no
	// more.
	Includes, NotIncludes []string
	// Packages and NotPackages are names of single packages to show as well,
	// and to show no more.
	Packages, NotPackages []string
}

// ChangeView changes a store. It needs PermStore.
func (c *Catalog) ChangeView(ctx context.Context, who store.Principal, id string, ch ViewChange) (store.View, error) {
	var v store.View
	if err := who.Need(store.PermStore); err != nil {
		return v, err
	}
	err := c.change(ctx, who, func(tx *db.Tx) error {
		had, err := tx.View(id)
		if err != nil {
			return err
		}
		if v, err = ch.applied(tx, had); err != nil || reflect.DeepEqual(v, inOrder(had)) {
			return err
		}
		return putView(tx, v)
	})
	return v, err
}

// applied is what becomes of a store.
func (ch ViewChange) applied(tx *db.Tx, v store.View) (store.View, error) {
	if ch.Name != nil {
		v.Name = *ch.Name
	}
	if ch.Brand != nil {
		v.Brand = *ch.Brand
	}
	if ch.Private != nil {
		v.Private = *ch.Private
	}
	for i, name := range ch.NotPackages {
		gone, err := packageIDs(tx, ch.NotPackages[i:i+1])
		if err != nil {
			return v, err
		}
		if !slices.Contains(v.Packages, gone[0]) {
			return v, store.NotFoundf("not-shown", "the store %s does not show the package %s on its own", v.ID, name)
		}
		v.Packages = without(v.Packages, gone[0])
	}
	for _, other := range ch.NotIncludes {
		if !slices.Contains(v.Includes, other) {
			return v, store.NotFoundf("not-included", "the store %s does not include %s", v.ID, other)
		}
		v.Includes = without(v.Includes, other)
	}
	more, err := packageIDs(tx, ch.Packages)
	v.Packages = append(slices.Clip(v.Packages), more...)
	v.Includes = append(slices.Clip(v.Includes), ch.Includes...)
	return inOrder(v), err
}

func without(list []string, gone string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == gone })
}

func packageIDs(tx *db.Tx, names []string) ([]string, error) {
	var ids []string
	for _, name := range names {
		pkg, err := tx.PackageByName(store.Snap, name)
		if err != nil {
			return nil, err
		}
		ids = append(ids, pkg.ID)
	}
	return ids, nil
}

// putView writes a store that makes sense.
func putView(tx *db.Tx, v store.View) error {
	if len(v.Name) > maxStoreName {
		return store.Invalidf("invalid-store-name", "cannot name the store %s: the name is longer than %d bytes", v.ID, maxStoreName)
	}
	if v.Private && v.Brand == "" {
		return store.Invalidf("brand-missing", "cannot make the store %s private without a brand: any brand could name it in a model", v.ID).
			Try("name the account of the brand whose devices may look, with --brand")
	}
	if v.Brand != "" {
		if _, err := tx.Account(v.Brand); err != nil {
			return err
		}
	}
	for _, other := range v.Includes {
		if other == v.ID {
			return store.Invalidf("invalid-include", "cannot include the store %s in itself", v.ID)
		}
		if _, err := tx.View(other); err != nil {
			return err
		}
	}
	if err := tx.PutView(v); err != nil {
		return err
	}
	tx.Record(store.StorePut, "store/"+v.ID, v)
	return nil
}

// RemoveView removes a store that no package is at home in and no other store
// includes. Its devices see the essential snaps from then on. It needs
// PermStore.
func (c *Catalog) RemoveView(ctx context.Context, who store.Principal, id string) error {
	if err := who.Need(store.PermStore); err != nil {
		return err
	}
	if id == store.GlobalStore {
		return store.Conflictf("global-store", "cannot remove the store %s: it is the global one, for devices whose model names none", id)
	}
	return c.change(ctx, who, func(tx *db.Tx) error {
		if _, err := tx.View(id); err != nil {
			return err
		}
		if err := unused(tx, id); err != nil {
			return err
		}
		if err := tx.DeleteView(id); err != nil {
			return err
		}
		tx.Record(store.StoreRemoved, "store/"+id, nil)
		return nil
	})
}

// unused fails when something would be lost with a store.
func unused(tx *db.Tx, id string) error {
	const some = 3 // named in the error
	home, err := tx.Packages(store.PackageFilter{StoreID: id, Limit: some})
	if err != nil {
		return err
	}
	if len(home) > 0 {
		names := make([]string, len(home))
		for i, p := range home {
			names[i] = p.Name
		}
		return store.Conflictf("store-in-use", "cannot remove the store %s: packages are at home in it, such as %s", id, strings.Join(names, ", ")).
			Try("move each with larder package set " + names[0] + " --store OTHER")
	}
	views, err := tx.Views()
	if err != nil {
		return err
	}
	for _, v := range views {
		if slices.Contains(v.Includes, id) {
			return store.Conflictf("store-in-use", "cannot remove the store %s: the store %s includes it", id, v.ID).
				Try("larder store set " + v.ID + " --remove-include " + id)
		}
	}
	return nil
}
