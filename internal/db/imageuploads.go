package db

import (
	"database/sql"
	"errors"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// ImageUpload finds a blob on its way in; its error code is
// "blob-upload-unknown".
func (tx *Tx) ImageUpload(id string) (_ store.ImageUpload, err error) {
	defer wrap(&err, "read an upload of an image")
	u, err := first(tx.query, func(r rows) (u store.ImageUpload, err error) {
		err = r.Scan(&u.ID, &u.Repo.PackageID, &u.Repo.Resource, &u.Actor, timeColumn{&u.StartedAt}, timeColumn{&u.UpdatedAt})
		return u, err
	}, `SELECT id, package_id, resource, actor, started_at, updated_at FROM image_uploads WHERE id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf(store.CodeUploadUnknown, "there is no such upload, or it was left alone for too long").Try("begin a new one")
	}
	if err != nil {
		return u, err
	}
	u.Pieces, err = all(tx.query, func(r rows) (p store.ImagePiece, err error) {
		err = r.Scan(&p.Offset, digestColumn{&p.Blob.Digest}, &p.Blob.SHA256, &p.Blob.Size)
		return p, err
	}, `
		SELECT p.at_byte, p.blob, b.sha256, p.size FROM image_upload_pieces p JOIN blobs b ON b.sha3_384 = p.blob
		WHERE p.upload_id = ? ORDER BY p.at_byte`, id)
	return u, err
}

// AddImageUpload begins one.
func (tx *Tx) AddImageUpload(u store.ImageUpload) (err error) {
	defer wrap(&err, "begin an upload of an image")
	_, err = tx.keep(`
		INSERT INTO image_uploads (id, package_id, resource, actor, started_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)`,
		u.ID, u.Repo.PackageID, u.Repo.Resource, u.Actor, micros(tx.now), micros(tx.now))
	return err
}

// AddImagePiece adds a piece, whose blob's row must be there, to an upload.
func (tx *Tx) AddImagePiece(id string, p store.ImagePiece) (err error) {
	defer wrap(&err, "add to an upload of an image")
	if _, err = tx.keep(`INSERT INTO image_upload_pieces (upload_id, at_byte, blob, size) VALUES (?, ?, ?, ?)`,
		id, p.Offset, p.Blob.Digest.Hex(), p.Blob.Size); err != nil {
		return err
	}
	_, err = tx.keep(`UPDATE image_uploads SET updated_at = ? WHERE id = ?`, micros(tx.now), id)
	return err
}

// RemoveImageUpload ends an upload, finished or not, and reports whether it was
// there. Its pieces are garbage where nothing else points at them.
func (tx *Tx) RemoveImageUpload(id string) (existed bool, err error) {
	defer wrap(&err, "end an upload of an image")
	if _, err := tx.keep(`DELETE FROM image_upload_pieces WHERE upload_id = ?`, id); err != nil {
		return false, err
	}
	n, err := tx.keep(`DELETE FROM image_uploads WHERE id = ?`, id)
	return n > 0, err
}

// ImageUploads counts what somebody is sending, and how much of it has arrived.
func (tx *Tx) ImageUploads(actor string) (count int, bytes int64, err error) {
	defer wrap(&err, "count uploads of images")
	return tx.countAndBytes(`
		SELECT COUNT(DISTINCT u.id), CAST(COALESCE(SUM(p.size), 0) AS BIGINT)
		FROM image_uploads u LEFT JOIN image_upload_pieces p ON p.upload_id = u.id WHERE u.actor = ?`, actor)
}

// DropImageUploads ends the uploads of somebody, or of all where actor is "",
// that have stood still since a time, and returns how many.
func (tx *Tx) DropImageUploads(actor string, before time.Time) (n int64, err error) {
	defer wrap(&err, "drop uploads of images")
	var w where
	w.and("updated_at < ?", micros(before))
	if actor != "" {
		w.and("actor = ?", actor)
	}
	if _, err := tx.keep(`
		DELETE FROM image_upload_pieces WHERE upload_id IN (SELECT id FROM image_uploads WHERE `+w.String()+`)`, w.args...); err != nil {
		return 0, err
	}
	return tx.keep(`DELETE FROM image_uploads WHERE `+w.String(), w.args...)
}
