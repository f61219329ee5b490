package db

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

func TestRevisionsOfOneResourceComeInPages(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p, other := testPackage(1), testPackage(2)
		const revisions = 5
		update(t, db, func(tx *Tx) error {
			blob := testBlob("bytes")
			_, err := tx.AddBlob(blob)
			for _, pkg := range []*store.Package{p, other} {
				err = errors.Join(err, addPackage(tx, pkg, 0))
				for _, name := range []string{"data", "data2"} {
					for range revisions {
						err = errors.Join(err, tx.InsertResource(&store.ResourceRevision{
							PackageID: pkg.ID, Name: name, Type: store.ResourceFile, CreatedAt: day, Blob: blob.Digest, SHA256: blob.SHA256,
							Size: blob.Size, SHA384: "384", SHA512: "512", Platforms: []store.Platform{store.AnyBase}, CreatedBy: "a",
						}))
					}
				}
			}
			return err
		})
		for _, c := range []struct {
			name         string
			below, limit int
			want         []int
		}{
			{"data", 0, 2, []int{5, 4}}, {"data", 4, 2, []int{3, 2}}, {"data", 2, 2, []int{1}}, {"data", 1, 2, nil},
			{"data2", 0, 100, []int{5, 4, 3, 2, 1}}, {"nothing", 0, 2, nil},
		} {
			err := db.View(t.Context(), func(tx *Tx) error {
				list, err := tx.ResourcesNamed(p.ID, c.name, c.below, c.limit)
				var got []int
				for _, r := range list {
					if r.PackageID != p.ID || r.Name != c.name || r.SHA384 != "384" || r.SHA512 != "512" || r.CreatedBy != "a" {
						t.Errorf("%+v", r)
					}
					got = append(got, r.Revision)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("%d of %s below %d: %v, want %v", c.limit, c.name, c.below, got, c.want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestPlatformsOfOneResourceRevisionChange(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		arm := []store.Platform{{Architecture: "arm64", BaseName: "all", BaseChannel: "all"}}
		update(t, db, func(tx *Tx) error {
			blob := testBlob("bytes")
			_, err := tx.AddBlob(blob)
			err = errors.Join(err, addPackage(tx, p, 0))
			for range 2 {
				err = errors.Join(err, tx.InsertResource(&store.ResourceRevision{
					PackageID: p.ID, Name: "data", Type: store.ResourceFile, CreatedAt: day, Blob: blob.Digest, SHA256: blob.SHA256, Size: blob.Size,
				}))
			}
			for pin, want := range map[store.ResourcePin]bool{
				{Name: "data", Revision: 2}: true, {Name: "data", Revision: 3}: false, {Name: "other", Revision: 2}: false,
			} {
				found, failed := tx.SetResourcePlatforms(p.ID, pin, arm, "editor")
				if err = errors.Join(err, failed); found != want {
					err = errors.Join(err, fmt.Errorf("%v was found: %t", pin, found))
				}
			}
			tx.Record(store.ResourceChanged, "package/"+p.ID, nil)
			return err
		})
		err := db.View(t.Context(), func(tx *Tx) error {
			list, err := tx.ResourcesNamed(p.ID, "data", 0, 10)
			if err != nil {
				return err
			}
			if got := list[0]; !slices.Equal(got.Platforms, arm) || got.UpdatedBy != "editor" || got.UpdatedAt.IsZero() {
				t.Errorf("changed to %+v", got)
			}
			if got := list[1]; len(got.Platforms) > 0 || got.UpdatedBy != "" || !got.UpdatedAt.IsZero() {
				t.Errorf("changed another to %+v", got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
