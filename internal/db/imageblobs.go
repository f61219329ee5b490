package db

import (
	"database/sql"
	"errors"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// ImageBlob finds a blob of a repository by its SHA-256, in hex; its error code
// is "blob-unknown".
func (tx *Tx) ImageBlob(repo store.ImageRepo, sha256 string) (_ store.Blob, err error) {
	defer wrap(&err, "read a blob of images %s", repo)
	b, err := first(tx.query, scanBlob, `
		SELECT b.sha3_384, b.sha256, b.size, b.created_at, b.quarantined_at
		FROM image_blobs i JOIN blobs b ON b.sha3_384 = i.blob
		WHERE i.package_id = ? AND i.resource = ? AND i.sha256 = ?`, repo.PackageID, repo.Resource, sha256)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf(store.CodeBlobUnknown, "the repository has no blob sha256:%.64s", sha256)
	}
	return b, err
}

// LinkImageBlob puts a blob, whose row must be there, into a repository, or
// notes that somebody has put it there again. Nobody sees a blob that no
// manifest names, so it is bookkeeping.
func (tx *Tx) LinkImageBlob(repo store.ImageRepo, b store.Blob) (err error) {
	defer wrap(&err, "put a blob into the images %s", repo)
	_, err = tx.keep(`
		INSERT INTO image_blobs (package_id, resource, sha256, blob, added_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (package_id, resource, sha256) DO UPDATE SET added_at = excluded.added_at`,
		repo.PackageID, repo.Resource, b.SHA256, b.Digest.Hex(), micros(tx.now))
	return err
}

// looseBlobs is the condition that no manifest of the repository names a blob i.
const looseBlobs = `NOT EXISTS (
	SELECT 1 FROM image_manifest_parts p
	WHERE p.package_id = i.package_id AND p.resource = i.resource AND p.digest = 'sha256:' || i.sha256)`

// LooseImageBlobs sums up the blobs of a repository that no manifest names.
func (tx *Tx) LooseImageBlobs(repo store.ImageRepo) (count int, bytes int64, err error) {
	defer wrap(&err, "sum up loose blobs of images %s", repo)
	return tx.countAndBytes(`
		SELECT COUNT(*), CAST(COALESCE(SUM(b.size), 0) AS BIGINT)
		FROM image_blobs i JOIN blobs b ON b.sha3_384 = i.blob
		WHERE i.package_id = ? AND i.resource = ? AND `+looseBlobs, repo.PackageID, repo.Resource)
}

func (tx *Tx) countAndBytes(text string, args ...any) (count int, bytes int64, err error) {
	type sums struct {
		count int
		bytes int64
	}
	s, err := first(tx.query, func(r rows) (s sums, err error) {
		err = r.Scan(&s.count, &s.bytes)
		return s, err
	}, text, args...)
	return s.count, s.bytes, err
}

// DropLooseImageBlobs takes the blobs out of a repository that no manifest names
// and that nobody has put there since a time, and returns how many. The bytes
// are garbage where nothing else points at them.
func (tx *Tx) DropLooseImageBlobs(repo store.ImageRepo, before time.Time) (n int64, err error) {
	defer wrap(&err, "drop loose blobs of images %s", repo)
	return tx.keep(`
		DELETE FROM image_blobs AS i
		WHERE i.package_id = ? AND i.resource = ? AND i.added_at < ? AND `+looseBlobs,
		repo.PackageID, repo.Resource, micros(before))
}

// ImageRepos lists the repositories that have anything, by package and resource,
// after the given one.
func (tx *Tx) ImageRepos(after store.ImageRepo, limit int) (_ []store.ImageRepo, err error) {
	defer wrap(&err, "list repositories of images")
	return all(tx.query, scanImageRepo, `
		SELECT package_id, resource FROM (
			SELECT package_id, resource FROM image_blobs UNION SELECT package_id, resource FROM image_manifests) AS r
		WHERE package_id > ? OR package_id = ? AND resource > ?
		ORDER BY package_id, resource LIMIT ?`, after.PackageID, after.PackageID, after.Resource, page(limit))
}

// ImageReposOf lists the repositories of a package, by resource.
func (tx *Tx) ImageReposOf(packageID string) (_ []store.ImageRepo, err error) {
	defer wrap(&err, "list the repositories of package %q", packageID)
	return all(tx.query, scanImageRepo, `
		SELECT package_id, resource FROM image_blobs WHERE package_id = ?
		UNION SELECT package_id, resource FROM image_manifests WHERE package_id = ?
		UNION SELECT package_id, resource FROM image_uploads WHERE package_id = ?
		ORDER BY resource`, packageID, packageID, packageID)
}

func scanImageRepo(r rows) (repo store.ImageRepo, err error) {
	err = r.Scan(&repo.PackageID, &repo.Resource)
	return repo, err
}

// ImageGeneration is how often a package's pull credentials were revoked.
func (tx *Tx) ImageGeneration(packageID string) (_ int64, err error) {
	defer wrap(&err, "read the pull credentials of package %q", packageID)
	n, err := one[int64](tx.query, `SELECT generation FROM image_pulls WHERE package_id = ?`, packageID)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, err
}

// NextImageGeneration revokes a package's pull credentials.
func (tx *Tx) NextImageGeneration(packageID, by string) (err error) {
	defer wrap(&err, "revoke the pull credentials of package %q", packageID)
	_, err = tx.exec(`
		INSERT INTO image_pulls (package_id, generation, updated_at, updated_by) VALUES (?, 1, ?, ?)
		ON CONFLICT (package_id) DO UPDATE SET
			generation = image_pulls.generation + 1, updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
		packageID, micros(tx.now), by)
	return err
}
