package upkeep

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func TestADamagedDeltaIsDropped(t *testing.T) {
	p := newPlace(t)
	u := found(t, p, authority.NewSecret())
	mustPush(t, u, "hello", 1)
	snap := mustPush(t, u, "hello", 2)
	d, err := blob.Put(t.Context(), u.Blobs, strings.NewReader("a delta"), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var id string
	_, err = u.DB.Update(t.Context(), "tester", func(tx *db.Tx) error {
		pkg, err := tx.PackageByName(store.Snap, "hello")
		if err != nil {
			return err
		}
		id = pkg.ID
		if _, err := tx.AddBlob(store.Blob{Digest: d.SHA3_384, SHA256: fmt.Sprintf("%x", d.SHA256), Size: d.Size}); err != nil {
			return err
		}
		tx.Record(store.DeltaAdded, "package/"+id, nil)
		return errors.Join(
			tx.AddDelta(store.Delta{PackageID: id, Format: "xdelta3", Source: 1, Target: 2, Blob: d.SHA3_384, Size: d.Size}),
			tx.AddDelta(store.Delta{PackageID: id, Format: "other", Source: 1, Target: 2, Blob: snap, Size: 1})) // a snap, too
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, digest := range []store.Digest{d.SHA3_384, snap} {
		if err := os.WriteFile(p.file(digest), []byte("damage!"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	next := map[string]string{}
	for _, damage := range fsck(t, u).Damage {
		next[damage.What] = damage.Next
	}
	if got := next["blob "+d.SHA3_384.Hex()]; !strings.Contains(got, "larder gc") {
		t.Errorf("what to do about the delta: %q", got)
	}
	if got := next["blob "+snap.Hex()]; !strings.Contains(got, "push the file again") {
		t.Errorf("what to do about the snap: %q", got)
	}
	err = u.DB.View(t.Context(), func(tx *db.Tx) error {
		left, err := tx.Deltas(id)
		if len(left) > 0 {
			t.Errorf("left are %v", left)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Collect(t.Context(), operator, 0); err != nil {
		t.Fatal(err)
	}
	if r := fsck(t, u); len(r.Damage) != 1 {
		t.Errorf("after collecting: %+v", r.Damage)
	}
}

func TestDeltasThatNoChannelLeadsToAreCollected(t *testing.T) {
	p := newPlace(t)
	secret := authority.NewSecret()
	u := found(t, p, secret)
	for n := range 3 {
		mustPush(t, u, "hello", n+1) // each is stable in turn
	}
	var id string
	var deltas []store.Digest
	for n := range 3 {
		d, err := blob.Put(t.Context(), u.Blobs, strings.NewReader(fmt.Sprint("delta", n)), blob.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = u.DB.Update(t.Context(), "tester", func(tx *db.Tx) error {
			pkg, err := tx.PackageByName(store.Snap, "hello")
			if err != nil {
				return err
			}
			id = pkg.ID
			if _, err := tx.AddBlob(store.Blob{Digest: d.SHA3_384, SHA256: fmt.Sprintf("%x", d.SHA256), Size: d.Size}); err != nil {
				return err
			}
			tx.Record(store.DeltaAdded, "package/"+id, nil)
			delta := store.Delta{PackageID: id, Format: "xdelta3", Source: (n+1)%3 + 1, Target: n + 1, Blob: d.SHA3_384, Size: d.Size}
			refused := delta
			refused.Format = "refused"
			return errors.Join(tx.AddDelta(delta), tx.RefuseDelta(refused, "not worth it"))
		})
		if err != nil {
			t.Fatal(err)
		}
		deltas = append(deltas, d.SHA3_384)
	}
	// collect looks at the store so much later, and says what is left.
	collect := func(later time.Duration) (c Collected, left string) {
		t.Helper()
		d, err := db.Open(t.Context(), p.db, db.Options{Now: func() time.Time { return time.Now().Add(later) }})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		v := *u
		v.DB = d
		if c, err = v.Collect(t.Context(), operator, 0); err != nil {
			t.Fatal(err)
		}
		err = d.View(t.Context(), func(tx *db.Tx) error {
			made, err := tx.Deltas(id)
			if err != nil {
				return err
			}
			refused, err := tx.RefusedDeltas(id)
			for _, d := range append(made, refused...) {
				left += fmt.Sprintf("%s %d-%d, ", d.Format, d.Source, d.Target)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return c, left
	}
	all := "xdelta3 2-1, xdelta3 3-2, xdelta3 1-3, refused 2-1, refused 3-2, refused 1-3, "
	if c, left := collect(29 * 24 * time.Hour); c.Deltas != 0 || left != all {
		t.Errorf("before its time: %+v, left are %s", c, left)
	}
	if c, left := collect(31 * 24 * time.Hour); c.Deltas != 2 || left != "xdelta3 1-3, refused 1-3, " {
		t.Errorf("after it: %+v, left are %s", c, left)
	}
	for i, d := range deltas {
		_, err := u.Blobs.Stat(t.Context(), d)
		if gone := errors.Is(err, blob.ErrNotFound); gone != (i < 2) {
			t.Errorf("the blob of the delta to revision %d: %v", i+1, err)
		}
	}
	if r := fsck(t, u); len(r.Damage) > 0 || r.Orphans > 0 {
		t.Errorf("report %+v", r)
	}
}
