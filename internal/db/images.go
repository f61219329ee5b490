package db

import (
	"database/sql"
	"errors"

	"github.com/larder-store/larder/internal/store"
)

const imageManifestColumns = `m.package_id, m.resource, m.digest, m.media_type, m.artifact_type, m.subject, m.blob, m.size,
	m.depth, m.annotations, m.pushed_at, m.pushed_by`

func scanImageManifest(r rows) (m store.ImageManifest, err error) {
	err = r.Scan(&m.Repo.PackageID, &m.Repo.Resource, &m.Digest, &m.MediaType, &m.ArtifactType, &m.Subject,
		digestColumn{&m.Blob}, &m.Size, &m.Depth, jsonColumn{&m.Annotations}, timeColumn{&m.PushedAt}, &m.PushedBy)
	return m, err
}

// ImageManifest finds a manifest of a repository by its digest, without its
// parts; its error code is "manifest-unknown".
func (tx *Tx) ImageManifest(repo store.ImageRepo, digest string) (_ store.ImageManifest, err error) {
	defer wrap(&err, "read a manifest of images %s", repo)
	m, err := first(tx.query, scanImageManifest, `
		SELECT `+imageManifestColumns+` FROM image_manifests m
		WHERE m.package_id = ? AND m.resource = ? AND m.digest = ?`, repo.PackageID, repo.Resource, digest)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf(store.CodeManifestUnknown, "the repository has no manifest %.80s", digest)
	}
	return m, err
}

// ImageTagged is ImageManifest for the manifest that a tag points at.
func (tx *Tx) ImageTagged(repo store.ImageRepo, tag string) (_ store.ImageManifest, err error) {
	defer wrap(&err, "read a tag of images %s", repo)
	m, err := first(tx.query, scanImageManifest, `
		SELECT `+imageManifestColumns+` FROM image_tags t
		JOIN image_manifests m ON m.package_id = t.package_id AND m.resource = t.resource AND m.digest = t.digest
		WHERE t.package_id = ? AND t.resource = ? AND t.tag = ?`, repo.PackageID, repo.Resource, tag)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf(store.CodeManifestUnknown, "the repository has no tag %.128q", tag)
	}
	return m, err
}

// ImageManifests lists the manifests of a repository by digest, after the given
// one.
func (tx *Tx) ImageManifests(repo store.ImageRepo, after string, limit int) (_ []store.ImageManifest, err error) {
	defer wrap(&err, "list the manifests of images %s", repo)
	return all(tx.query, scanImageManifest, `
		SELECT `+imageManifestColumns+` FROM image_manifests m
		WHERE m.package_id = ? AND m.resource = ? AND m.digest > ? ORDER BY m.digest LIMIT ?`,
		repo.PackageID, repo.Resource, after, page(limit))
}

// ImageReferrers lists the manifests that are about another, by digest, after
// the given one; of one artifact type unless that is "".
func (tx *Tx) ImageReferrers(repo store.ImageRepo, subject, artifactType, after string, limit int) (_ []store.ImageManifest, err error) {
	defer wrap(&err, "list the referrers of images %s", repo)
	var w where
	w.and("m.package_id = ? AND m.resource = ?", repo.PackageID, repo.Resource)
	w.and("m.subject = ? AND m.subject <> ''", subject)
	if artifactType != "" {
		w.and("m.artifact_type = ?", artifactType)
	}
	w.and("m.digest > ?", after)
	return all(tx.query, scanImageManifest, `
		SELECT `+imageManifestColumns+` FROM image_manifests m WHERE `+w.String()+` ORDER BY m.digest LIMIT ?`,
		append(w.args, page(limit))...)
}

// ImageParts lists what a manifest needs, by digest.
func (tx *Tx) ImageParts(repo store.ImageRepo, digest string) (_ []store.ImagePart, err error) {
	defer wrap(&err, "list the parts of a manifest of images %s", repo)
	return all(tx.query, func(r rows) (p store.ImagePart, err error) {
		err = r.Scan(&p.Digest, &p.Manifest)
		return p, err
	}, `
		SELECT digest, is_manifest FROM image_manifest_parts
		WHERE package_id = ? AND resource = ? AND manifest = ? ORDER BY digest`, repo.PackageID, repo.Resource, digest)
}

// PutImageManifest adds a manifest with its parts, or notes that it was pushed
// again. The rows of its blob and parts must be there.
func (tx *Tx) PutImageManifest(m store.ImageManifest) (added bool, err error) {
	defer wrap(&err, "add a manifest to the images %s", m.Repo)
	had, err := tx.exists(`SELECT 1 FROM image_manifests WHERE package_id = ? AND resource = ? AND digest = ?`,
		m.Repo.PackageID, m.Repo.Resource, m.Digest)
	if err != nil {
		return false, err
	}
	if had {
		_, err := tx.exec(`
			UPDATE image_manifests SET media_type = ?, pushed_at = ?, pushed_by = ?
			WHERE package_id = ? AND resource = ? AND digest = ?`,
			m.MediaType, micros(tx.now), m.PushedBy, m.Repo.PackageID, m.Repo.Resource, m.Digest)
		return false, err
	}
	_, err = tx.exec(`
		INSERT INTO image_manifests (package_id, resource, digest, media_type, artifact_type, subject, blob, size,
			depth, annotations, pushed_at, pushed_by)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.Repo.PackageID, m.Repo.Resource, m.Digest, m.MediaType, m.ArtifactType, m.Subject, m.Blob.Hex(), m.Size,
		m.Depth, asJSON(m.Annotations), micros(tx.now), m.PushedBy)
	if err != nil {
		return false, err
	}
	for _, manifests := range []bool{false, true} {
		if _, err := tx.exec(`
			INSERT INTO image_manifest_parts (package_id, resource, manifest, digest, is_manifest)
			SELECT CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), value, CAST(? AS BOOLEAN) FROM json_each(?)`,
			m.Repo.PackageID, m.Repo.Resource, m.Digest, manifests, listParam(digests(m.Parts, manifests))); err != nil {
			return false, err
		}
	}
	return true, nil
}

func digests(parts []store.ImagePart, manifests bool) (list []string) {
	for _, p := range parts {
		if p.Manifest == manifests {
			list = append(list, p.Digest)
		}
	}
	return list
}

// ImageLacks lists what of a manifest's parts is not in its repository, and the
// depth of the deepest that is.
func (tx *Tx) ImageLacks(repo store.ImageRepo, parts []store.ImagePart) (missing []string, depth int, err error) {
	defer wrap(&err, "look for the parts of a manifest of images %s", repo)
	missing, err = all(tx.query, value[string], `
		SELECT value FROM json_each(?) WHERE NOT EXISTS (
			SELECT 1 FROM image_blobs b WHERE b.package_id = ? AND b.resource = ? AND b.sha256 = substr(value, 8))`,
		listParam(digests(parts, false)), repo.PackageID, repo.Resource)
	if err != nil {
		return nil, 0, err
	}
	manifests := listParam(digests(parts, true))
	more, err := all(tx.query, value[string], `
		SELECT value FROM json_each(?) WHERE NOT EXISTS (
			SELECT 1 FROM image_manifests m WHERE m.package_id = ? AND m.resource = ? AND m.digest = value)`,
		manifests, repo.PackageID, repo.Resource)
	if err != nil {
		return nil, 0, err
	}
	depth, err = one[int](tx.query, `
		SELECT COALESCE(MAX(depth), 0) FROM image_manifests
		WHERE package_id = ? AND resource = ? AND digest IN (SELECT value FROM json_each(?))`,
		repo.PackageID, repo.Resource, manifests)
	return append(missing, more...), depth, err
}

// RemoveImageManifest removes a manifest and the tags that point at it, and
// reports whether it was there. Whether anything needs it is the caller's
// question.
func (tx *Tx) RemoveImageManifest(repo store.ImageRepo, digest string) (existed bool, err error) {
	defer wrap(&err, "remove a manifest of images %s", repo)
	for _, statement := range []string{
		`DELETE FROM image_tags WHERE package_id = ? AND resource = ? AND digest = ?`,
		`DELETE FROM image_manifest_parts WHERE package_id = ? AND resource = ? AND manifest = ?`,
	} {
		if _, err := tx.exec(statement, repo.PackageID, repo.Resource, digest); err != nil {
			return false, err
		}
	}
	n, err := tx.exec(`DELETE FROM image_manifests WHERE package_id = ? AND resource = ? AND digest = ?`,
		repo.PackageID, repo.Resource, digest)
	return n > 0, err
}

// ImageNeeded says what keeps a manifest: a list that it is part of, or a
// revision of the resource that pins it.
func (tx *Tx) ImageNeeded(repo store.ImageRepo, digest string) (byList, byRevision bool, err error) {
	defer wrap(&err, "look for uses of a manifest of images %s", repo)
	byList, err = tx.exists(`
		SELECT 1 FROM image_manifest_parts WHERE package_id = ? AND resource = ? AND digest = ? AND is_manifest LIMIT 1`,
		repo.PackageID, repo.Resource, digest)
	if err != nil {
		return false, false, err
	}
	byRevision, err = tx.exists(`
		SELECT 1 FROM resource_revisions WHERE package_id = ? AND name = ? AND image = ? LIMIT 1`,
		repo.PackageID, repo.Resource, digest)
	return byList, byRevision, err
}

// ImageCounts are how many manifests and tags a repository has.
func (tx *Tx) ImageCounts(repo store.ImageRepo) (manifests, tags int, err error) {
	defer wrap(&err, "count the images %s", repo)
	manifests, err = one[int](tx.query, `SELECT COUNT(*) FROM image_manifests WHERE package_id = ? AND resource = ?`,
		repo.PackageID, repo.Resource)
	if err != nil {
		return 0, 0, err
	}
	tags, err = one[int](tx.query, `SELECT COUNT(*) FROM image_tags WHERE package_id = ? AND resource = ?`,
		repo.PackageID, repo.Resource)
	return manifests, tags, err
}

// ImageTags lists the tags of a repository by name, after the given one.
func (tx *Tx) ImageTags(repo store.ImageRepo, after string, limit int) (_ []store.ImageTag, err error) {
	defer wrap(&err, "list the tags of images %s", repo)
	return all(tx.query, func(r rows) (t store.ImageTag, err error) {
		err = r.Scan(&t.Name, &t.Digest, timeColumn{&t.UpdatedAt}, &t.UpdatedBy)
		return t, err
	}, `
		SELECT tag, digest, updated_at, updated_by FROM image_tags
		WHERE package_id = ? AND resource = ? AND tag > ? ORDER BY tag LIMIT ?`,
		repo.PackageID, repo.Resource, after, page(limit))
}

// PutImageTag points a tag at a manifest, which must be there.
func (tx *Tx) PutImageTag(repo store.ImageRepo, t store.ImageTag) (err error) {
	defer wrap(&err, "tag images %s", repo)
	_, err = tx.exec(`
		INSERT INTO image_tags (package_id, resource, tag, digest, updated_at, updated_by) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (package_id, resource, tag) DO UPDATE SET
			digest = excluded.digest, updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
		repo.PackageID, repo.Resource, t.Name, t.Digest, micros(tx.now), t.UpdatedBy)
	return err
}

// RemoveImageTag removes a tag and reports whether it was there. What it pointed
// at stays until garbage is collected.
func (tx *Tx) RemoveImageTag(repo store.ImageRepo, tag string) (existed bool, err error) {
	defer wrap(&err, "remove a tag of images %s", repo)
	n, err := tx.exec(`DELETE FROM image_tags WHERE package_id = ? AND resource = ? AND tag = ?`,
		repo.PackageID, repo.Resource, tag)
	return n > 0, err
}

// ImagePins lists the manifests that revisions of the resource pin, each once.
func (tx *Tx) ImagePins(repo store.ImageRepo) (_ []string, err error) {
	defer wrap(&err, "list the pinned images %s", repo)
	return all(tx.query, value[string], `
		SELECT DISTINCT image FROM resource_revisions WHERE package_id = ? AND name = ? AND image <> ''`,
		repo.PackageID, repo.Resource)
}
