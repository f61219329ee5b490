package charmhub

import (
	"testing"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// libraryID is that of the library in the golden requests.
const libraryID = "4c6962726172794c6962726172794c69"

// TestGoldenNamesListingsAndTeams holds what charmcraft's and craft-store's
// register, names, unregister and create-track ask for, and charmhub.io, to what
// they get.
func TestGoldenNamesListingsAndTeams(t *testing.T) {
	w := newWorld(t)
	w.Settings["larder.names.reserved"] = `["acme"]`
	pkg := w.register("hello", "charm")
	w.register("free", "bundle")
	w.registerFor("bob", "theirs", "charm")
	shared := w.registerFor("bob", "shared", "bundle")
	w.Collaborate(shared.ID, "alice-id")
	rev := w.revision(pkg, "bytes", store.Revision{Number: 1, Meta: store.Meta{Title: "Hello", Summary: "It greets", Description: "Many\nlines"}})
	w.release(pkg, rev, "edge")
	w.guarded("hello", `[0-9]\.[0-9]`)
	w.goldens(t, "charmcraft-register-taken", "charmcraft-register-own", "charmcraft-register-reserved", "charmcraft-register-invalid",
		"gateway-register-team", "charmcraft-names", "charmcraft-names-collaborations",
		"charmcraft-unregister-published", "charmcraft-unregister-foreign", "charmcraft-unregister-unknown", "charmcraft-unregister",
		"gateway-create-tracks", "gateway-create-tracks-invalid", "gateway-create-tracks-conflicting", "gateway-create-latest",
		"gateway-metadata", "web-update-metadata")
	w.golden(t, "web-accept-invite", "token", w.invited("bob@example.com"))
	w.goldens(t, "web-collaborators", "web-revoke-invites", "web-invites", "web-categories")
}

// TestGoldenLibraries is the same for charmcraft's commands about libraries.
func TestGoldenLibraries(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("hello", "charm")
	w.register("free", "charm")
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.LibraryAdded, "package/"+pkg.ID, nil)
		return tx.AddLibrary(store.Library{ID: libraryID, PackageID: pkg.ID, Name: "db", CreatedAt: w.Now, CreatedBy: "alice-id"})
	})
	w.goldens(t, "charmcraft-create-lib-again", "charmcraft-publish-lib-tips", "charmcraft-publish-lib", "charmcraft-list-lib",
		"charmcraft-list-lib-none", "charmcraft-fetch-libs", "charmcraft-fetch-libs-unknown", "charmcraft-fetch-lib")
}

func (w *world) goldens(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		w.golden(t, name)
	}
}
