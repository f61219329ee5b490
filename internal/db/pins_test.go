package db

import (
	"reflect"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

func TestPinnedReadsTheResourceRevisionsThatExist(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		a, b := testPackage(1), testPackage(2)
		file := testBlob("a file")
		update(t, db, func(tx *Tx) error {
			for _, p := range []*store.Package{a, b} {
				if err := addPackage(tx, p, 1); err != nil {
					return err
				}
			}
			if _, err := tx.AddBlob(file); err != nil {
				return err
			}
			for _, pkg := range []*store.Package{a, a, a, b} {
				err := tx.InsertResource(&store.ResourceRevision{
					PackageID: pkg.ID, Name: "conf", Type: store.ResourceFile, CreatedAt: day,
					Blob: file.Digest, SHA256: file.SHA256, SHA384: "38", SHA512: "51", Size: file.Size,
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		for _, tt := range []struct{ ask, want []store.ResourcePin }{
			{nil, nil},
			{[]store.ResourcePin{{Name: "conf", Revision: 2}}, []store.ResourcePin{{Name: "conf", Revision: 2}}},
			{[]store.ResourcePin{{Name: "conf", Revision: 9}, {Name: "other", Revision: 1}, {Name: "it's", Revision: 1}}, nil},
			{
				[]store.ResourcePin{{Name: "conf", Revision: 1}, {Name: "conf", Revision: 1}, {Name: "conf", Revision: 3}},
				[]store.ResourcePin{{Name: "conf", Revision: 1}, {Name: "conf", Revision: 3}},
			},
		} {
			found, err := db.Pinned(t.Context(), a.ID, tt.ask)
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[store.ResourcePin]bool)
			for _, r := range found {
				if r.PackageID != a.ID || r.Blob != file.Digest || r.SHA384 != "38" {
					t.Errorf("read %+v", r)
				}
				got[store.ResourcePin{Name: r.Name, Revision: r.Revision}] = true
			}
			want := make(map[store.ResourcePin]bool)
			for _, p := range tt.want {
				want[p] = true
			}
			if !reflect.DeepEqual(got, want) || len(found) != len(want) {
				t.Errorf("asked for %v: got %v, want %v", tt.ask, got, want)
			}
		}
		if _, err := db.Pinned(t.Context(), a.ID, make([]store.ResourcePin, maxRefs+1)); store.KindOf(err) != store.KindTooLarge {
			t.Errorf("no limit: %v", err)
		}
	})
}
