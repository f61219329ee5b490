package snappublisher

import (
	"testing"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// listed is a snap of somebody's that nothing was published of, declared by this
// store. Its id is assertiontest.SnapID of n.
func (w *world) listed(n int, name, owner string) *store.Package {
	w.T.Helper()
	pkg := &store.Package{
		ID: assertiontest.SnapID(n), Namespace: store.Snap, Name: name, PublisherID: owner + "-id",
		StoreID: store.GlobalStore, CreatedAt: w.Now,
	}
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.PackageRegistered, "package/"+pkg.ID, nil)
		if err := tx.InsertPackage(pkg); err != nil {
			return err
		}
		_, _, err := w.Auth.SignSnapDeclaration(tx, authority.Declaration{SnapID: pkg.ID, Name: name, PublisherID: pkg.PublisherID})
		return err
	})
	return pkg
}

// stored reads a package as it is now.
func (w *world) stored(id string) *store.Package {
	w.T.Helper()
	var pkg *store.Package
	w.Must(w.DB.View(w.T.Context(), func(tx *db.Tx) (err error) {
		pkg, err = tx.Package(id)
		return err
	}))
	return pkg
}

// private makes a package private.
func (w *world) private(id string) {
	w.T.Helper()
	w.Update(func(tx *db.Tx) error {
		pkg, err := tx.Package(id)
		if err != nil {
			return err
		}
		pkg.Private = true
		tx.Record(store.PackageUpdated, "package/"+id, nil)
		return tx.UpdatePackage(pkg)
	})
}

// refusal is one request that must fail.
type refusal struct {
	why, token, method, path string
	body                     any
	status                   int
	code                     string
}

func (w *world) refuses(t *testing.T, cases []refusal) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.why, func(t *testing.T) {
			t.Helper()
			a := w.Do(tt.token, tt.method, tt.path, tt.body)
			a.T = t
			if got := a.ErrorCode(tt.status); got != tt.code {
				t.Errorf("code %q, want %q: %s", got, tt.code, a.Body)
			}
		})
	}
}
