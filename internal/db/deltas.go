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

// DeltasOfBlob lists the deltas that a blob is.
func (tx *Tx) DeltasOfBlob(d store.Digest) (_ []store.Delta, err error) {
	defer wrap(&err, "list the deltas of blob %s", d)
	return all(tx.query, scanDelta, `
		SELECT package_id, format, source, target, blob, size FROM deltas
		WHERE blob = ? ORDER BY package_id, format, target, source`, d.Hex())
}

func scanDelta(r rows) (d store.Delta, err error) {
	err = r.Scan(&d.PackageID, &d.Format, &d.Source, &d.Target, digestColumn{&d.Blob}, &d.Size)
	return d, err
}

// Deltas lists a package's deltas by format, target and source.
func (tx *Tx) Deltas(packageID string) (_ []store.Delta, err error) {
	defer wrap(&err, "list the deltas of package %q", packageID)
	return all(tx.query, scanDelta, `
		SELECT package_id, format, source, target, blob, size FROM deltas
		WHERE package_id = ? ORDER BY format, target, source`, packageID)
}

// DeltaPackages lists the packages that have deltas or refused ones, by id,
// after the given one.
func (tx *Tx) DeltaPackages(after string, limit int) (_ []string, err error) {
	defer wrap(&err, "list the packages with deltas")
	return all(tx.query, value[string], `
		SELECT package_id FROM (SELECT package_id FROM deltas UNION SELECT package_id FROM refused_deltas) AS d
		WHERE package_id > ? ORDER BY package_id LIMIT ?`, after, page(limit))
}

// RefuseDelta remembers that a delta was tried in vain, and why. Its Blob and
// Size say nothing.
func (tx *Tx) RefuseDelta(d store.Delta, reason string) (err error) {
	defer wrap(&err, "refuse a delta of package %q", d.PackageID)
	_, err = tx.keep(`
		INSERT INTO refused_deltas (package_id, format, source, target, reason, at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (package_id, format, source, target) DO UPDATE SET reason = excluded.reason, at = excluded.at`,
		d.PackageID, d.Format, d.Source, d.Target, reason, micros(tx.now))
	return err
}

// RefusedDeltas lists what RefuseDelta remembers of a package, by format,
// target and source, without Blob and Size.
func (tx *Tx) RefusedDeltas(packageID string) (_ []store.Delta, err error) {
	defer wrap(&err, "list the refused deltas of package %q", packageID)
	return all(tx.query, func(r rows) (d store.Delta, err error) {
		err = r.Scan(&d.PackageID, &d.Format, &d.Source, &d.Target)
		return d, err
	}, `
		SELECT package_id, format, source, target FROM refused_deltas
		WHERE package_id = ? ORDER BY format, target, source`, packageID)
}

// ForgetRefusedDelta lets a refused delta be tried again.
func (tx *Tx) ForgetRefusedDelta(d store.Delta) (err error) {
	defer wrap(&err, "forget a refused delta of package %q", d.PackageID)
	_, err = tx.keep(`
		DELETE FROM refused_deltas WHERE package_id = ? AND format = ? AND source = ? AND target = ?`,
		d.PackageID, d.Format, d.Source, d.Target)
	return err
}
