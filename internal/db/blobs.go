package db

import (
	"database/sql"
	"errors"

	"github.com/larder-store/larder/internal/store"
)

const blobColumns = `sha3_384, sha256, size, created_at, quarantined_at`

func scanBlob(r rows) (b store.Blob, err error) {
	err = r.Scan(digestColumn{&b.Digest}, &b.SHA256, &b.Size, timeColumn{&b.CreatedAt}, timeColumn{&b.QuarantinedAt})
	return b, err
}

// Blob finds a blob's row; its error code is "blob-not-found".
func (tx *Tx) Blob(d store.Digest) (_ store.Blob, err error) {
	defer wrap(&err, "read blob %s", d)
	b, err := first(tx.query, scanBlob, `SELECT `+blobColumns+` FROM blobs WHERE sha3_384 = ?`, d.Hex())
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("blob-not-found", "no blob has the digest %s", d)
	}
	return b, err
}

// AddBlob makes sure that a blob has a row, once its bytes are safe in the
// blob store, and reports whether it was new. Other sizes or digests under
// the same name fail with the code "blob-differs".
func (tx *Tx) AddBlob(b store.Blob) (added bool, err error) {
	defer wrap(&err, "add blob %s", b.Digest)
	n, err := tx.exec(`
		INSERT INTO blobs (`+blobColumns+`) VALUES (?, ?, ?, ?, ?) ON CONFLICT (sha3_384) DO NOTHING`,
		b.Digest.Hex(), b.SHA256, b.Size, micros(tx.now), micros(b.QuarantinedAt))
	if err != nil || n > 0 {
		return n > 0, err
	}
	old, err := tx.Blob(b.Digest)
	if err == nil && (old.SHA256 != b.SHA256 || old.Size != b.Size) {
		err = store.Conflictf("blob-differs", "blob %s has %d bytes and SHA-256 %s here, not %d and %s",
			b.Digest, old.Size, old.SHA256, b.Size, b.SHA256)
	}
	return false, err
}

// SetQuarantine marks a blob as broken, so that it is not served, or sound again.
func (tx *Tx) SetQuarantine(d store.Digest, broken bool) (err error) {
	defer wrap(&err, "quarantine blob %s", d)
	var at int64
	if broken {
		at = micros(tx.now)
	}
	n, err := tx.exec(`UPDATE blobs SET quarantined_at = ? WHERE sha3_384 = ?`, at, d.Hex())
	if err == nil && n == 0 {
		err = store.NotFoundf("blob-not-found", "no blob has the digest %s", d)
	}
	return err
}

// blobUses lists every column that points at a blob.
const blobUses = `
	SELECT blob FROM revisions UNION ALL
	SELECT blob FROM resource_revisions UNION ALL
	SELECT blob FROM package_media UNION ALL
	SELECT blob FROM deltas UNION ALL
	SELECT blob FROM uploads UNION ALL
	SELECT blob FROM image_blobs UNION ALL
	SELECT blob FROM image_manifests UNION ALL
	SELECT blob FROM image_upload_pieces`

// BlobLive reports whether anything points at a blob.
func (tx *Tx) BlobLive(d store.Digest) (_ bool, err error) {
	defer wrap(&err, "look for uses of blob %s", d)
	return tx.exists(`SELECT 1 FROM (`+blobUses+`) AS uses WHERE blob = ? LIMIT 1`, d.Hex())
}

// RemoveBlob deletes a blob's row unless something points at it, and reports
// whether the row is gone: only then may the bytes go.
func (tx *Tx) RemoveBlob(d store.Digest) (gone bool, err error) {
	defer wrap(&err, "remove blob %s", d)
	live, err := tx.BlobLive(d)
	if err != nil || live {
		return false, err
	}
	_, err = tx.exec(`DELETE FROM blobs WHERE sha3_384 = ?`, d.Hex())
	return err == nil, err
}

// Blobs lists blobs by digest, after the given one; the zero digest begins.
func (tx *Tx) Blobs(after store.Digest, limit int) (_ []store.Blob, err error) {
	defer wrap(&err, "list blobs")
	from := ""
	if !after.IsZero() {
		from = after.Hex()
	}
	return all(tx.query, scanBlob, `
		SELECT `+blobColumns+` FROM blobs WHERE sha3_384 > ? ORDER BY sha3_384 LIMIT ?`, from, page(limit))
}
