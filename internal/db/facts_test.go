package db

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

func TestFactsEqualTheSingleReads(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		a, b := testPackage(1), testPackage(2)
		a.Private, b.Unlisted = true, true
		a.Type = store.TypeBundle
		file := testBlob("a component")
		update(t, db, func(tx *Tx) error {
			for _, p := range []*store.Package{a, b} {
				if err := addPackage(tx, p, 3); err != nil {
					return err
				}
			}
			if _, err := tx.AddBlob(file); err != nil {
				return err
			}
			charm := testRevision(a, 4)
			charm.SHA384, charm.SHA512 = "38", "51"
			charm.Texts = map[string]string{store.TextConfig: "options: {}\n"}
			charm.Meta.Charm = &store.CharmMeta{Charms: []string{"one"}}
			if err := tx.InsertRevision(charm); err != nil {
				return err
			}
			for n := range 3 {
				err := tx.InsertResource(&store.ResourceRevision{
					PackageID: a.ID, Name: []string{"x", "y", "x"}[n], Type: "component/standard", CreatedAt: day,
					Blob: file.Digest, SHA256: file.SHA256, Size: file.Size, Provenance: "global-upload",
					Platforms: []store.Platform{{Architecture: "all"}},
					SHA384:    []string{"3", "38", "384"}[n], SHA512: "51", Image: "sha256:1", CreatedBy: "me", UpdatedBy: "you", UpdatedAt: day,
				})
				if err != nil {
					return err
				}
			}
			pinned := testRelease(a, "2.0/edge/fix", 2)
			pinned.Resources = []store.ResourcePin{{Name: "x", Revision: 2}, {Name: "y", Revision: 1}}
			pinned.Percentage, pinned.Expires = 12.5, day.AddDate(0, 1, 0)
			if _, err := tx.AppendReleases([]store.Release{testRelease(a, "beta", 1), pinned, testRelease(a, "beta", 0), testRelease(a, "edge", 4)}); err != nil {
				return err
			}
			for _, track := range []string{"2.0", "1.0"} {
				if _, err := tx.AddTrack(a.ID, store.Track{Name: track, CreatedAt: day}); err != nil {
					return err
				}
			}
			if _, err := tx.AddCategory("games"); err != nil {
				return err
			}
			if err := tx.SetCategories(a.ID, []store.Category{{Name: "games", Featured: true}}); err != nil {
				return err
			}
			if err := tx.SetMedia(a.ID, []store.Medium{
				{Kind: "icon", Blob: file.Digest, Size: file.Size, ContentType: "image/png", Width: 64, Height: 64},
				{Kind: "banner", Blob: file.Digest, Size: file.Size, ContentType: "image/png"},
			}); err != nil {
				return err
			}
			if err := tx.PutOverride(store.Override{
				PackageID: a.ID, Channel: store.Channel{Track: "latest"}, Architecture: "amd64", Revision: 1,
				Reason: "pinned", At: day, By: "tester", Expires: day.AddDate(1, 0, 0),
			}); err != nil {
				return err
			}
			return tx.AddDelta(store.Delta{PackageID: a.ID, Format: "xdelta3", Source: 1, Target: 2, Blob: file.Digest, Size: file.Size})
		})

		got, err := db.Facts(t.Context(), store.Snap, []store.Ref{{Name: b.Name}, {ID: "nobody"}, {ID: a.ID}, {Name: a.Name}}, FactsOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 4 || got[1] != nil || got[2] == nil || got[3] == nil {
			t.Fatalf("got %v", got)
		}
		for i, p := range map[int]*store.Package{0: b, 2: a, 3: a} {
			if want := straightFacts(t, db, p.ID); !reflect.DeepEqual(got[i], want) {
				t.Errorf("facts of %s\n got %s\nwant %s", p.Name, asJSON(got[i].Package)+fmt.Sprintf("%+v", got[i]), asJSON(want.Package)+fmt.Sprintf("%+v", want))
			}
		}
		if other, err := db.Facts(t.Context(), store.Charm, []store.Ref{{ID: a.ID}, {Name: a.Name}}, FactsOptions{}); err != nil || other[0] != nil || other[1] != nil {
			t.Errorf("a snap was found among charms: %v, %v", other, err)
		}
	})
}

// straightFacts builds a package's facts from one read per table.
func straightFacts(t *testing.T, db *DB, id string) *store.Facts {
	f := &store.Facts{Revisions: make(map[int]*store.Revision), Resources: make(map[store.ResourcePin]*store.ResourceRevision)}
	view(t, db, func(tx *Tx) error {
		p, err := tx.Package(id)
		if err != nil {
			return err
		}
		f.Package = *p
		if f.Releases, err = tx.Releases(id); err != nil {
			return err
		}
		if f.Overrides, err = tx.Overrides(id); err != nil {
			return err
		}
		if f.Deltas, err = tx.Deltas(id); err != nil {
			return err
		}
		named := make(map[int]bool)
		for _, o := range f.Overrides {
			named[o.Revision] = true
		}
		for _, r := range f.Releases {
			named[r.Revision] = true
			for _, pin := range r.Resources {
				if f.Resources[pin], err = tx.Resource(id, pin); err != nil {
					return err
				}
			}
		}
		delete(named, 0)
		for n := range named {
			if f.Revisions[n], err = tx.Revision(id, n); err != nil {
				return err
			}
		}
		return nil
	})
	return f
}

func TestFactsBringTheRevisionsOfRecentHistoryOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		update(t, db, func(tx *Tx) error {
			if err := addPackage(tx, p, 9); err != nil {
				return err
			}
			for n := 1; n <= 9; n++ {
				if _, err := tx.AppendReleases([]store.Release{testRelease(p, "edge", n)}); err != nil {
					return err
				}
			}
			return nil
		})
		got, err := db.Facts(t.Context(), store.Snap, []store.Ref{{ID: p.ID}}, FactsOptions{History: 3})
		if err != nil {
			t.Fatal(err)
		}
		if len(got[0].Releases) != 10 {
			t.Errorf("%d releases, want all 10", len(got[0].Releases))
		}
		for n := 1; n <= 9; n++ {
			if has := got[0].Revisions[n] != nil; has != (n >= 7) {
				t.Errorf("revision %d is there: %t", n, has)
			}
		}
		older, err := db.Revisions(t.Context(), []RevisionRef{{p.ID, 1}, {p.ID, 6}, {p.ID, 77}, {"nobody", 1}, {p.ID, 1}})
		if err != nil {
			t.Fatal(err)
		}
		if len(older) != 2 || older[RevisionRef{p.ID, 1}].Number != 1 || older[RevisionRef{p.ID, 6}].Number != 6 {
			t.Errorf("older revisions: %v", older)
		}
	})
}

func TestARefThatNoRowCouldHaveIsUnknownAndHarmsNoOther(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		update(t, db, func(tx *Tx) error { return addPackage(tx, p, 1) })
		refs := []store.Ref{{Name: "\x00"}, {ID: p.ID}, {ID: "\xff"}, {Name: p.Name + "\x00"}, {Name: p.Name}}
		got, err := db.Facts(t.Context(), store.Snap, refs, FactsOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []bool{false, true, false, false, true} {
			if (got[i] != nil) != want {
				t.Errorf("%q is there: %t", refs[i], got[i] != nil)
			}
		}
	})
}
