package db

import (
	"github.com/larder-store/larder/internal/store"
)

const reviewColumns = `seq, package_id, revision, at, actor, decision, rule, reason`

func scanReview(r rows) (v store.Review, err error) {
	err = r.Scan(&v.Seq, &v.PackageID, &v.Revision, timeColumn{&v.At}, &v.By, &v.Decision, &v.Rule, &v.Reason)
	return v, err
}

// AddReview appends a decision about a revision.
func (tx *Tx) AddReview(v store.Review) (err error) {
	defer wrap(&err, "note a review of package %q", v.PackageID)
	_, err = tx.exec(`
		INSERT INTO reviews (package_id, revision, at, actor, decision, rule, reason) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		v.PackageID, v.Revision, micros(v.At), v.By, string(v.Decision), v.Rule, v.Reason)
	return err
}

// Reviews lists the decisions about a revision, oldest first.
func (tx *Tx) Reviews(packageID string, revision int) (_ []store.Review, err error) {
	defer wrap(&err, "list the reviews of package %q", packageID)
	return all(tx.query, scanReview, `
		SELECT `+reviewColumns+` FROM reviews
		WHERE package_id = ? AND revision = ? ORDER BY seq`, packageID, revision)
}

// Rejections lists the decisions against revisions of a package from one number
// to another, oldest first.
func (tx *Tx) Rejections(packageID string, from, to int) (_ []store.Review, err error) {
	defer wrap(&err, "list the rejections of package %q", packageID)
	return all(tx.query, scanReview, `
		SELECT `+reviewColumns+` FROM reviews
		WHERE package_id = ? AND revision BETWEEN ? AND ? AND decision = ? ORDER BY seq`,
		packageID, from, to, string(store.Reject))
}

// RevisionsInStatus lists revisions of all packages in a status, oldest first.
func (tx *Tx) RevisionsInStatus(status string, limit int) (_ []*store.Revision, err error) {
	defer wrap(&err, "list revisions that are %s", status)
	return all(tx.query, scanRevision, `
		SELECT `+revisionColumns+` FROM revisions v WHERE v.status = ? ORDER BY v.created_at, v.package_id, v.number LIMIT ?`,
		status, page(limit))
}

// RemovePackage gives up a name under which there are no revisions, of the package,
// its resources or its libraries; one that has any fails with the code
// "package-published".
func (tx *Tx) RemovePackage(id string) (err error) {
	defer wrap(&err, "remove package %q", id)
	used, err := tx.exists(`
		SELECT 1 FROM revisions WHERE package_id = ?
		UNION ALL SELECT 1 FROM resource_revisions WHERE package_id = ?
		UNION ALL SELECT 1 FROM libraries l JOIN library_revisions r ON r.library_id = l.id WHERE l.package_id = ?`, id, id, id)
	if err != nil {
		return err
	}
	if used {
		return store.Conflictf("package-published", "the name has been published under").
			Try("make the package private or unlisted instead")
	}
	for _, statement := range []string{
		`DELETE FROM tracks WHERE package_id = ?`,
		`DELETE FROM package_categories WHERE package_id = ?`,
		`DELETE FROM package_media WHERE package_id = ?`,
		`DELETE FROM collaborators WHERE package_id = ?`,
		`DELETE FROM collaborator_invites WHERE package_id = ?`,
		`DELETE FROM guardrails WHERE package_id = ?`,
		`DELETE FROM libraries WHERE package_id = ?`,
		`DELETE FROM overrides WHERE package_id = ?`,
		`DELETE FROM store_packages WHERE package_id = ?`,
		`DELETE FROM package_common_ids WHERE package_id = ?`,
		`DELETE FROM search_documents WHERE package_id = ?`,
		`DELETE FROM image_tags WHERE package_id = ?`,
		`DELETE FROM image_manifest_parts WHERE package_id = ?`,
		`DELETE FROM image_manifests WHERE package_id = ?`,
		`DELETE FROM image_blobs WHERE package_id = ?`,
		`DELETE FROM image_upload_pieces WHERE upload_id IN (SELECT id FROM image_uploads WHERE package_id = ?)`,
		`DELETE FROM image_uploads WHERE package_id = ?`,
		`DELETE FROM image_pulls WHERE package_id = ?`,
		`DELETE FROM packages WHERE id = ?`,
	} {
		if _, err := tx.exec(statement, id); err != nil {
			return err
		}
	}
	delete(tx.stale, id)
	return nil
}
