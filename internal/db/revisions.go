package db

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

const revisionColumns = `
	v.package_id, v.number, v.status, v.version, v.created_at, v.created_by, v.blob, v.sha256,
	v.size, v.platforms, v.provenance, v.manifest, v.meta, v.sha384, v.sha512, v.texts`

func scanRevision(r rows) (*store.Revision, error) {
	v := new(store.Revision)
	err := r.Scan(&v.PackageID, &v.Number, &v.Status, &v.Version, timeColumn{&v.CreatedAt}, &v.CreatedBy,
		digestColumn{&v.Blob}, &v.SHA256, &v.Size, jsonColumn{&v.Platforms}, &v.Provenance, &v.Manifest,
		jsonColumn{&v.Meta}, &v.SHA384, &v.SHA512, jsonColumn{&v.Texts})
	return v, err
}

// Revision finds a revision; its error code is "revision-not-found".
func (tx *Tx) Revision(packageID string, number int) (_ *store.Revision, err error) {
	defer wrap(&err, "read revision %d of package %q", number, packageID)
	v, err := first(tx.query, scanRevision, `
		SELECT `+revisionColumns+` FROM revisions v WHERE v.package_id = ? AND v.number = ?`, packageID, number)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("revision-not-found", "package %q has no revision %d", packageID, number)
	}
	return v, err
}

// Revisions lists a package's revisions newest first, those below the given
// number; 0 begins with the newest.
func (tx *Tx) Revisions(packageID string, below, limit int) (_ []*store.Revision, err error) {
	defer wrap(&err, "list the revisions of package %q", packageID)
	return all(tx.query, scanRevision, `
		SELECT `+revisionColumns+` FROM revisions v
		WHERE v.package_id = ? AND (v.number < ? OR ? = 0) ORDER BY v.number DESC LIMIT ?`,
		packageID, below, below, page(limit))
}

// LatestRevisions lists the newest revisions of many packages, at most so many
// of each, by package and newest first.
func (tx *Tx) LatestRevisions(packageIDs []string, most int) (_ []*store.Revision, err error) {
	defer wrap(&err, "list the latest revisions of %d packages", len(packageIDs))
	return all(tx.query, scanRevision, `
		SELECT `+revisionColumns+` FROM (
			SELECT r.*, ROW_NUMBER() OVER (PARTITION BY r.package_id ORDER BY r.number DESC) AS age
			FROM json_each(?) CROSS JOIN revisions r WHERE r.package_id = value
		) AS v
		WHERE v.age <= ? ORDER BY v.package_id, v.number DESC`, listParam(packageIDs), most)
}

// RevisionsPage lists a package's revisions newest first, leaving out the
// newest skip.
func (tx *Tx) RevisionsPage(packageID string, skip, limit int) (_ []*store.Revision, err error) {
	defer wrap(&err, "list revisions of package %q", packageID)
	return all(tx.query, scanRevision, `
		SELECT `+revisionColumns+` FROM revisions v
		WHERE v.package_id = ? ORDER BY v.number DESC LIMIT ? OFFSET ?`, packageID, page(limit), skip)
}

// RevisionsNumbered reads some revisions of a package, newest first; those that
// do not exist are left out.
func (tx *Tx) RevisionsNumbered(packageID string, numbers []int) (_ []*store.Revision, err error) {
	defer wrap(&err, "read %d revisions of package %q", len(numbers), packageID)
	return all(tx.query, scanRevision, `
		SELECT `+revisionColumns+` FROM revisions v
		WHERE v.package_id = ? AND v.number IN (SELECT CAST(value AS BIGINT) FROM json_each(?))
		ORDER BY v.number DESC`, packageID, numbersParam(numbers))
}

// CountRevisions counts the revisions of a package.
func (tx *Tx) CountRevisions(packageID string) (n int, err error) {
	defer wrap(&err, "count the revisions of package %q", packageID)
	return one[int](tx.query, `SELECT COUNT(*) FROM revisions WHERE package_id = ?`, packageID)
}

// RevisionsOfBlob finds every revision whose file a blob is.
func (tx *Tx) RevisionsOfBlob(d store.Digest) (_ []*store.Revision, err error) {
	defer wrap(&err, "find the revisions of blob %s", d)
	return all(tx.query, scanRevision, `
		SELECT `+revisionColumns+` FROM revisions v WHERE v.blob = ? ORDER BY v.package_id, v.number`, d.Hex())
}

// RevisionRef names one revision.
type RevisionRef struct {
	PackageID string
	Number    int
}

// maxRefs bounds how many packages or revisions one query asks for.
const maxRefs = 256

// Revisions reads up to 256 named revisions with one query; those that do not
// exist are left out.
func (db *DB) Revisions(ctx context.Context, refs []RevisionRef) (_ map[RevisionRef]*store.Revision, err error) {
	defer wrap(&err, "read %d revisions", len(refs))
	if len(refs) > maxRefs {
		return nil, store.TooLargef("too-many-revisions", "%d revisions were asked for at once, at most %d can be", len(refs), maxRefs)
	}
	found := make(map[RevisionRef]*store.Revision, len(refs))
	if len(refs) == 0 {
		return found, nil
	}
	// The list is filled up by repeating the first, so that few texts differ.
	n := 1
	for n < len(refs) {
		n *= 4
	}
	args := make([]any, 0, 2*n)
	for i := range n {
		r := refs[0]
		if i < len(refs) {
			r = refs[i]
		}
		args = append(args, r.PackageID, r.Number)
	}
	err = each(db.query(ctx), func(r rows) error {
		v, err := scanRevision(r)
		found[RevisionRef{v.PackageID, v.Number}] = v
		return err
	}, `
		SELECT `+revisionColumns+` FROM revisions v
		WHERE (v.package_id, v.number) IN (VALUES `+
		strings.Repeat("(CAST(? AS TEXT), CAST(? AS BIGINT)), ", n-1)+`(CAST(? AS TEXT), CAST(? AS BIGINT)))`, args...)
	return found, err
}

// InsertRevision adds a revision. With Number 0 it gets the next free number,
// which is set in v. A number that exists fails with the code
// "revision-exists", a blob without a row with "missing-reference".
func (tx *Tx) InsertRevision(v *store.Revision) (err error) {
	defer wrap(&err, "add a revision to package %q", v.PackageID)
	number := v.Number
	if number == 0 {
		last, err := one[int](tx.query, `
			SELECT COALESCE(MAX(number), 0) FROM revisions WHERE package_id = ?`, v.PackageID)
		if err != nil {
			return err
		}
		number = last + 1
	} else if taken, err := tx.exists(`
		SELECT 1 FROM revisions WHERE package_id = ? AND number = ?`, v.PackageID, number); err != nil {
		return err
	} else if taken {
		return store.Conflictf("revision-exists", "package %q has a revision %d already", v.PackageID, number)
	}
	_, err = tx.exec(`
		INSERT INTO revisions (package_id, number, status, version, created_at, created_by, blob, sha256,
			size, platforms, provenance, manifest, meta, sha384, sha512, texts)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		v.PackageID, number, v.Status, v.Version, micros(v.CreatedAt), v.CreatedBy, v.Blob.Hex(), v.SHA256,
		v.Size, asJSON(v.Platforms), v.Provenance, v.Manifest, asJSON(v.Meta), v.SHA384, v.SHA512, textsJSON(v.Texts))
	if err == nil {
		v.Number = number
	}
	return err
}

// SetRevisionStatus changes a revision's status.
func (tx *Tx) SetRevisionStatus(packageID string, number int, status string) (err error) {
	defer wrap(&err, "set the status of revision %d of package %q", number, packageID)
	n, err := tx.exec(`UPDATE revisions SET status = ? WHERE package_id = ? AND number = ?`, status, packageID, number)
	if err == nil && n == 0 {
		err = store.NotFoundf("revision-not-found", "package %q has no revision %d", packageID, number)
	}
	return err
}

// textsJSON is the column of a revision's texts.
func textsJSON(texts map[string]string) string {
	if len(texts) == 0 {
		return "{}"
	}
	return asJSON(texts)
}
