package db

import "github.com/larder-store/larder/internal/store"

// AddDelta adds a delta between two revisions, or replaces it.
func (tx *Tx) AddDelta(d store.Delta) (err error) {
	defer wrap(&err, "add a delta to package %q", d.PackageID)
	_, err = tx.exec(`
		INSERT INTO deltas (package_id, format, source, target, blob, size) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (package_id, format, source, target) DO UPDATE SET blob = excluded.blob, size = excluded.size`,
		d.PackageID, d.Format, d.Source, d.Target, d.Blob.Hex(), d.Size)
	return err
}

// RemoveDelta removes a delta and reports whether there was one. Its blob
// stays until garbage is collected.
func (tx *Tx) RemoveDelta(packageID, format string, source, target int) (existed bool, err error) {
	defer wrap(&err, "remove a delta of package %q", packageID)
	n, err := tx.exec(`
		DELETE FROM deltas WHERE package_id = ? AND format = ? AND source = ? AND target = ?`,
		packageID, format, source, target)
	return n > 0, err
}

// Deltas lists a package's deltas by format, target and source.
func (tx *Tx) Deltas(packageID string) (_ []store.Delta, err error) {
	defer wrap(&err, "list the deltas of package %q", packageID)
	return all(tx.query, func(r rows) (d store.Delta, err error) {
		err = r.Scan(&d.PackageID, &d.Format, &d.Source, &d.Target, digestColumn{&d.Blob}, &d.Size)
		return d, err
	}, `
		SELECT package_id, format, source, target, blob, size FROM deltas
		WHERE package_id = ? ORDER BY format, target, source`, packageID)
}
