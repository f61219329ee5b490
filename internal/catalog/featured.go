package catalog

import (
	"cmp"
	"context"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// maxFeatured bounds what is featured, and what one request says of it.
const maxFeatured = 200

// FeaturedSnaps lists the snaps that are featured on any shelf, by name. It needs
// PermManage.
func (c *Catalog) FeaturedSnaps(ctx context.Context, who store.Principal) ([]store.Package, error) {
	if err := who.Need(store.PermManage); err != nil {
		return nil, err
	}
	var list []store.Package
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = featuredSnaps(tx)
		return err
	})
	return list, err
}

func featuredSnaps(tx *db.Tx) ([]store.Package, error) {
	var list []store.Package
	for {
		const page = 500
		ids, err := tx.Search(store.SearchQuery{Namespace: store.Snap, Featured: true, Private: true, Limit: page, Offset: len(list)})
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			pkg, err := tx.Package(id)
			if err != nil {
				return nil, err
			}
			list = append(list, *pkg)
		}
		if len(ids) < page {
			slices.SortFunc(list, func(a, b store.Package) int { return cmp.Compare(a.Name, b.Name) })
			return list, nil
		}
	}
}

// Feature features snaps, by id, on the shelves they stand on, and those without
// on the shelf that is called featured; or it takes them off, where nothing is
// left on that shelf. All change or none. It needs PermManage.
func (c *Catalog) Feature(ctx context.Context, who store.Principal, ids []string, on bool) error {
	if err := who.Need(store.PermManage); err != nil {
		return err
	}
	if len(ids) > maxFeatured {
		return store.TooLargef("too-many-snaps", "cannot feature more than %d snaps", maxFeatured)
	}
	return c.change(ctx, who, func(tx *db.Tx) error {
		for _, id := range ids {
			pkg, err := tx.Package(id)
			if err == nil && pkg.Namespace != store.Snap {
				err = store.NotFoundf("package-not-found", "no snap has the id %.100q", id)
			}
			if err != nil {
				return err
			}
			if err := feature(tx, pkg, on); err != nil {
				return err
			}
		}
		if !on {
			return nil
		}
		all, err := featuredSnaps(tx)
		if err == nil && len(all) > maxFeatured {
			err = store.TooLargef("too-many-snaps", "cannot feature more than %d snaps", maxFeatured).
				Try("take some off first")
		}
		return err
	})
}

func feature(tx *db.Tx, pkg *store.Package, on bool) error {
	want := []store.Category{}
	for _, shelf := range pkg.Categories {
		if shelf.Name == featured && !on {
			continue
		}
		shelf.Featured = on
		want = append(want, shelf)
	}
	if on && len(want) == 0 {
		added, err := tx.AddCategory(featured)
		if err != nil {
			return err
		}
		if added {
			tx.Record(store.CategoryPut, "category/"+featured, nil)
		}
		want = append(want, store.Category{Name: featured, Featured: true})
	}
	if slices.Equal(want, pkg.Categories) {
		return nil
	}
	if err := tx.SetCategories(pkg.ID, want); err != nil {
		return err
	}
	tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "featured": on})
	return nil
}
