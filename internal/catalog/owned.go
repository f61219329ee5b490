package catalog

import (
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// owned finds a package by id or by name that who may do perm to. Whoever may
// not know of a private package learns nothing of it, its name included.
func owned(tx *db.Tx, who store.Principal, perm store.Permission, ns store.Namespace, ref store.Ref) (*store.Package, error) {
	if ref.ID == "" {
		return mine(tx, who, perm, ns, ref.Name)
	}
	if err := who.Need(perm); err != nil {
		return nil, err
	}
	pkg, err := tx.Package(ref.ID)
	if err == nil && pkg.Namespace == ns {
		err = who.NeedOn(perm, pkg)
	} else if err == nil {
		err = store.NotFoundf("package-not-found", "")
	}
	if store.KindOf(err) == store.KindNotFound {
		return nil, store.NotFoundf("package-not-found", "no %s has the id %.100q", ns, ref.ID)
	}
	return pkg, err
}
