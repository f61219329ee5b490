package db

import (
	"context"

	"github.com/larder-store/larder/internal/store"
)

const overrideColumns = `
	o.package_id, o.track, o.risk, o.branch, o.architecture, o.revision, o.reason, o.at, o.actor, o.expires`

func scanOverride(r rows) (o store.Override, err error) {
	err = r.Scan(&o.PackageID, &o.Channel.Track, &o.Channel.Risk, &o.Channel.Branch, &o.Architecture, &o.Revision,
		&o.Reason, timeColumn{&o.At}, &o.By, timeColumn{&o.Expires})
	return o, err
}

// PutOverride sets an override, replacing the one on the same channel and
// architecture. Package and revision may be known to an upstream store only.
func (tx *Tx) PutOverride(o store.Override) (err error) {
	defer wrap(&err, "set an override on package %q", o.PackageID)
	c := o.Channel.Normal()
	_, err = tx.exec(`
		INSERT INTO overrides (package_id, track, risk, branch, architecture, revision, reason, at, actor, expires)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (package_id, track, risk, branch, architecture) DO UPDATE SET
			revision = excluded.revision, reason = excluded.reason, at = excluded.at,
			actor = excluded.actor, expires = excluded.expires`,
		o.PackageID, c.Track, int(c.Risk), c.Branch, o.Architecture, o.Revision, o.Reason,
		micros(o.At), o.By, micros(o.Expires))
	return err
}

// DeleteOverride removes an override and reports whether there was one.
func (tx *Tx) DeleteOverride(packageID string, channel store.Channel, architecture string) (existed bool, err error) {
	defer wrap(&err, "delete an override on package %q", packageID)
	c := channel.Normal()
	n, err := tx.exec(`
		DELETE FROM overrides
		WHERE package_id = ? AND track = ? AND risk = ? AND branch = ? AND architecture = ?`,
		packageID, c.Track, int(c.Risk), c.Branch, architecture)
	return n > 0, err
}

// Overrides lists a package's overrides, or everyone's when packageID is
// empty, in the order of package and channel.
func (tx *Tx) Overrides(packageID string) (_ []store.Override, err error) {
	defer wrap(&err, "list overrides")
	return all(tx.query, scanOverride, `
		SELECT `+overrideColumns+` FROM overrides o
		WHERE o.package_id = ? OR CAST(? AS TEXT) = ''
		ORDER BY o.package_id, o.track, o.risk, o.branch, o.architecture`, packageID, packageID)
}

// Overrides reads the overrides of packages with one query. Facts holds them
// already for packages that are here; this is for those that only an upstream
// store has.
func (db *DB) Overrides(ctx context.Context, packageIDs []string) (_ map[string][]store.Override, err error) {
	defer wrap(&err, "read overrides")
	found := make(map[string][]store.Override)
	err = each(db.query(ctx), func(r rows) error {
		o, err := scanOverride(r)
		found[o.PackageID] = append(found[o.PackageID], o)
		return err
	}, `
		SELECT `+overrideColumns+` FROM overrides o
		WHERE o.package_id IN (SELECT value FROM json_each(?))
		ORDER BY o.package_id, o.track, o.risk, o.branch, o.architecture`, listParam(packageIDs))
	return found, err
}
