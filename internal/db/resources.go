package db

import (
	"database/sql"
	"errors"

	"github.com/larder-store/larder/internal/store"
)

const resourceColumns = `
	package_id, name, revision, type, version, description, created_at, blob, sha256, size,
	provenance, platforms, sha384, sha512, image, created_by, updated_by, updated_at`

func scanResource(r rows) (*store.ResourceRevision, error) {
	v := new(store.ResourceRevision)
	err := r.Scan(&v.PackageID, &v.Name, &v.Revision, &v.Type, &v.Version, &v.Description, timeColumn{&v.CreatedAt},
		digestColumn{&v.Blob}, &v.SHA256, &v.Size, &v.Provenance, jsonColumn{&v.Platforms},
		&v.SHA384, &v.SHA512, &v.Image, &v.CreatedBy, &v.UpdatedBy, timeColumn{&v.UpdatedAt})
	return v, err
}

// Resource finds one revision of a resource; its error code is
// "resource-not-found".
func (tx *Tx) Resource(packageID string, pin store.ResourcePin) (_ *store.ResourceRevision, err error) {
	defer wrap(&err, "read revision %d of resource %q of package %q", pin.Revision, pin.Name, packageID)
	v, err := first(tx.query, scanResource, `
		SELECT `+resourceColumns+` FROM resource_revisions
		WHERE package_id = ? AND name = ? AND revision = ?`, packageID, pin.Name, pin.Revision)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("resource-not-found", "package %q has no revision %d of a resource %q",
			packageID, pin.Revision, pin.Name)
	}
	return v, err
}

// Resources lists all resource revisions of a package, by name, newest first.
func (tx *Tx) Resources(packageID string) (_ []*store.ResourceRevision, err error) {
	defer wrap(&err, "list the resources of package %q", packageID)
	return all(tx.query, scanResource, `
		SELECT `+resourceColumns+` FROM resource_revisions
		WHERE package_id = ? ORDER BY name, revision DESC`, packageID)
}

// InsertResource adds a resource revision. With Revision 0 it gets the next
// free number of that name, which is set in v. A number that exists fails
// with the code "resource-exists".
func (tx *Tx) InsertResource(v *store.ResourceRevision) (err error) {
	defer wrap(&err, "add a revision of resource %q to package %q", v.Name, v.PackageID)
	number := v.Revision
	if number == 0 {
		last, err := one[int](tx.query, `
			SELECT COALESCE(MAX(revision), 0) FROM resource_revisions WHERE package_id = ? AND name = ?`,
			v.PackageID, v.Name)
		if err != nil {
			return err
		}
		number = last + 1
	} else if taken, err := tx.exists(`
		SELECT 1 FROM resource_revisions WHERE package_id = ? AND name = ? AND revision = ?`,
		v.PackageID, v.Name, number); err != nil {
		return err
	} else if taken {
		return store.Conflictf("resource-exists", "package %q has a revision %d of resource %q already",
			v.PackageID, number, v.Name)
	}
	_, err = tx.exec(`
		INSERT INTO resource_revisions (`+resourceColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		v.PackageID, v.Name, number, v.Type, v.Version, v.Description, micros(v.CreatedAt), v.Blob.Hex(),
		v.SHA256, v.Size, v.Provenance, asJSON(v.Platforms), v.SHA384, v.SHA512, v.Image, v.CreatedBy, v.UpdatedBy, micros(v.UpdatedAt))
	if err == nil {
		v.Revision = number
	}
	return err
}

// ResourcesNamed lists the revisions of one resource newest first, those below
// the given number; 0 begins with the newest.
func (tx *Tx) ResourcesNamed(packageID, name string, below, limit int) (_ []*store.ResourceRevision, err error) {
	defer wrap(&err, "list the revisions of resource %q of package %q", name, packageID)
	return all(tx.query, scanResource, `
		SELECT `+resourceColumns+` FROM resource_revisions
		WHERE package_id = ? AND name = ? AND (revision < ? OR ? = 0) ORDER BY revision DESC LIMIT ?`,
		packageID, name, below, below, page(limit))
}

// SetResourcePlatforms says anew what a resource revision is for. It does
// nothing where there is no such revision, and reports whether there is.
func (tx *Tx) SetResourcePlatforms(packageID string, pin store.ResourcePin, platforms []store.Platform, by string) (found bool, err error) {
	defer wrap(&err, "change revision %d of resource %q of package %q", pin.Revision, pin.Name, packageID)
	n, err := tx.exec(`
		UPDATE resource_revisions SET platforms = ?, updated_by = ?, updated_at = ?
		WHERE package_id = ? AND name = ? AND revision = ?`,
		asJSON(platforms), by, micros(tx.Now()), packageID, pin.Name, pin.Revision)
	return n > 0, err
}
