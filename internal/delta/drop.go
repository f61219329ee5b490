package delta

import (
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Life is how long a delta outlives the last channel that led to its target.
// Devices that were off for longer find something newer, and download that
// whole.
const Life = 30 * 24 * time.Hour

// Drop removes the deltas of a package to revisions that no channel has led to
// for Life, forgets those that were refused, and returns how many it removed.
// Their blobs are garbage then.
func Drop(tx *db.Tx, packageID string) (dropped int, err error) {
	all, err := tx.Facts(store.Snap, []store.Ref{{ID: packageID}}, db.FactsOptions{})
	if err != nil || all[0] == nil {
		return 0, err
	}
	f, since := all[0], tx.Now().Add(-Life)
	pointed := store.PointedAt(f, since, tx.Now())
	for _, d := range f.Deltas {
		if pointed[d.Target] {
			continue
		}
		b, err := tx.Blob(d.Blob)
		if err != nil {
			return 0, err
		}
		if b.CreatedAt.After(since) { // it may have been imported for a release to come
			continue
		}
		if err := remove(tx, d); err != nil {
			return 0, err
		}
		dropped++
	}
	refused, err := tx.RefusedDeltas(packageID)
	if err != nil {
		return 0, err
	}
	for _, d := range refused {
		if !pointed[d.Target] {
			if err := tx.ForgetRefusedDelta(d); err != nil {
				return 0, err
			}
		}
	}
	return dropped, nil
}

// DropBlob removes the deltas that a damaged blob was to be, since a delta can
// be made again, and reports whether anything else needs the blob.
func DropBlob(tx *db.Tx, d store.Digest) (live bool, err error) {
	deltas, err := tx.DeltasOfBlob(d)
	if err != nil {
		return false, err
	}
	for _, d := range deltas {
		if err := remove(tx, d); err != nil {
			return false, err
		}
	}
	return tx.BlobLive(d)
}

func remove(tx *db.Tx, d store.Delta) error {
	_, err := tx.RemoveDelta(d.PackageID, d.Format, d.Source, d.Target)
	tx.Record(store.DeltaRemoved, "package/"+d.PackageID, map[string]any{
		"format": d.Format, "source": d.Source, "target": d.Target,
	})
	return err
}
