package db

import (
	"github.com/larder-store/larder/internal/store"
)

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
	return all(tx.query, func(r rows) (v store.Review, err error) {
		err = r.Scan(&v.Seq, &v.PackageID, &v.Revision, timeColumn{&v.At}, &v.By, &v.Decision, &v.Rule, &v.Reason)
		return v, err
	}, `
		SELECT seq, package_id, revision, at, actor, decision, rule, reason FROM reviews
		WHERE package_id = ? AND revision = ? ORDER BY seq`, packageID, revision)
}

// RevisionsInStatus lists revisions of all packages in a status, oldest first.
func (tx *Tx) RevisionsInStatus(status string, limit int) (_ []*store.Revision, err error) {
	defer wrap(&err, "list revisions that are %s", status)
	return all(tx.query, scanRevision, `
		SELECT `+revisionColumns+` FROM revisions v WHERE v.status = ? ORDER BY v.created_at, v.package_id, v.number LIMIT ?`,
		status, page(limit))
}

// RemovePackage gives up a name that has neither revisions nor releases; one
// that has fails with the code "package-published".
func (tx *Tx) RemovePackage(id string) (err error) {
	defer wrap(&err, "remove package %q", id)
	used, err := tx.exists(`SELECT 1 FROM revisions WHERE package_id = ?`, id)
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
		`DELETE FROM overrides WHERE package_id = ?`,
		`DELETE FROM store_packages WHERE package_id = ?`,
		`DELETE FROM package_common_ids WHERE package_id = ?`,
		`DELETE FROM search_documents WHERE package_id = ?`,
		`DELETE FROM packages WHERE id = ?`,
	} {
		if _, err := tx.exec(statement, id); err != nil {
			return err
		}
	}
	delete(tx.stale, id)
	return nil
}
