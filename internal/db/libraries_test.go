package db

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

func TestLibrariesAreReadAsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p, other := testPackage(1), testPackage(2)
		p.Namespace, other.Namespace = store.Charm, store.Charm
		one := store.Library{ID: "one", PackageID: p.ID, Name: "db", CreatedAt: day, CreatedBy: "me"}
		two := store.Library{ID: "two", PackageID: p.ID, Name: "cache", CreatedAt: day, CreatedBy: "me"}
		three := store.Library{ID: "three", PackageID: other.ID, Name: "db", CreatedAt: day, CreatedBy: "me"}
		version := func(id string, api, patch int) store.LibraryRevision {
			return store.LibraryRevision{
				LibraryID: id, API: api, Patch: patch, Hash: fmt.Sprint(api, patch), CreatedAt: day, CreatedBy: "you",
				Content: fmt.Sprintf("# %s\r\nü\u2028\n%d.%d", strings.Repeat("x", 1<<16), api, patch),
			}
		}
		update(t, db, func(tx *Tx) error {
			if err := errors.Join(addPackage(tx, p, 0), addPackage(tx, other, 0)); err != nil {
				return err
			}
			tx.Record(store.LibraryAdded, "package/"+p.ID, nil)
			err := errors.Join(tx.AddLibrary(one), tx.AddLibrary(two), tx.AddLibrary(three))
			for _, v := range []store.LibraryRevision{
				version("one", 0, 9), version("one", 0, 10), version("one", 2, 0), version("three", 1, 1),
			} {
				err = errors.Join(err, tx.AddLibraryRevision(v))
			}
			return err
		})
		bare := func(list ...store.LibraryRevision) []store.LibraryRevision {
			for i := range list {
				list[i].Content = ""
			}
			return list
		}
		view(t, db, func(tx *Tx) error {
			got, err := tx.Library("one")
			same(t, "library", got, one)
			_, missing := tx.Library("none")
			expect(t, "none", missing, "library-not-found")
			byID, err2 := tx.LibrariesByID([]string{"two", "none", "three", "two\x00"})
			same(t, "by id", byID, []store.Library{three, two})
			of, err3 := tx.LibrariesOf([]string{p.ID, "none"})
			same(t, "of a package", of, []store.Library{two, one})
			exact, err4 := tx.LibraryRevision("one", 0, 9)
			same(t, "exact", exact, version("one", 0, 9))
			without, err5 := tx.LibraryVersion("one", 0, 9)
			same(t, "without content", without, bare(version("one", 0, 9))[0])
			tip, err6 := tx.LibraryTip("one", 0)
			same(t, "tip of an api", tip, version("one", 0, 10))
			newest, err7 := tx.LibraryTip("one", -1)
			same(t, "tip of all", newest, version("one", 2, 0))
			for what, read := range map[string]func() (store.LibraryRevision, error){
				"no such patch":   func() (store.LibraryRevision, error) { return tx.LibraryRevision("one", 0, 1) },
				"nor version":     func() (store.LibraryRevision, error) { return tx.LibraryVersion("one", 1, 1) },
				"no such api":     func() (store.LibraryRevision, error) { return tx.LibraryTip("one", 1) },
				"nothing at all":  func() (store.LibraryRevision, error) { return tx.LibraryTip("two", -1) },
				"no such library": func() (store.LibraryRevision, error) { return tx.LibraryTip("none", -1) },
			} {
				_, err := read()
				expect(t, what, err, "library-version-not-found")
			}
			tips, err8 := tx.LibraryTips([]string{"three", "two", "one", "none"}, 10)
			same(t, "tips", tips, bare(version("one", 0, 10), version("one", 2, 0), version("three", 1, 1)))
			some, err9 := tx.LibraryTips([]string{"three", "one"}, 2)
			same(t, "some tips", len(some), 2)
			n, apis, err10 := tx.CountLibraryRevisions("one")
			same(t, "counts", []int{n, apis}, []int{3, 2})
			return errors.Join(err, err2, err3, err4, err5, err6, err7, err8, err9, err10)
		})
		expect(t, "the name again", try(t, db, func(tx *Tx) error {
			again := one
			again.ID = "four"
			return tx.AddLibrary(again)
		}), "library-taken")
		expect(t, "the version again", try(t, db, func(tx *Tx) error { return tx.AddLibraryRevision(version("one", 0, 9)) }), "exists-already")
		expect(t, "of no library", try(t, db, func(tx *Tx) error { return tx.AddLibraryRevision(version("none", 0, 9)) }), "missing-reference")
	})
}

func TestANameWithLibrariesIsGivenUpUntilOneIsPublished(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		add := func(tx *Tx) error {
			tx.Record(store.LibraryAdded, "package/"+p.ID, nil)
			return errors.Join(addPackage(tx, p, 0), tx.AddLibrary(store.Library{ID: "lib", PackageID: p.ID, Name: "db", CreatedAt: day}))
		}
		update(t, db, add)
		update(t, db, func(tx *Tx) error {
			tx.Record(store.PackageRemoved, "package/"+p.ID, nil)
			return tx.RemovePackage(p.ID)
		})
		if problems, err := db.Fsck(t.Context()); err != nil || len(problems) != 0 {
			t.Errorf("fsck: %v, %v", problems, err)
		}
		update(t, db, add)
		update(t, db, func(tx *Tx) error {
			tx.Record(store.LibraryPublished, "package/"+p.ID, nil)
			return tx.AddLibraryRevision(store.LibraryRevision{LibraryID: "lib", API: 0, Patch: 1, CreatedAt: day})
		})
		expect(t, "with a published library", try(t, db, func(tx *Tx) error { return tx.RemovePackage(p.ID) }), "package-published")
	})
}

func TestSomePackagesAreReadByEitherNameOrID(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		a, b, snap := testPackage(1), testPackage(2), testPackage(3)
		a.Namespace, b.Namespace = store.Charm, store.Charm
		a.Type, b.Type = store.TypeCharm, store.TypeBundle
		update(t, db, func(tx *Tx) error {
			return errors.Join(addPackage(tx, a, 0), addPackage(tx, b, 0), addPackage(tx, snap, 0))
		})
		view(t, db, func(tx *Tx) error {
			list, err := tx.SomePackages(store.Charm, []string{b.ID, snap.ID, "none"}, []string{a.Name, b.Name, snap.Name, "none\x00"})
			var names []string
			for _, p := range list {
				names = append(names, p.Name+" "+p.Type)
			}
			if !slices.Equal(names, []string{a.Name + " charm", b.Name + " bundle"}) {
				t.Errorf("read %q", names)
			}
			return err
		})
	})
}
