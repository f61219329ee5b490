package db

import (
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/store"
)

const uploadColumns = `id, blob, size, filename, address, created_at, expires_at,
	package_id, account_id, claimed_at, status, revision, wanted, problems, leased_at`

func scanUpload(r rows) (u store.Upload, err error) {
	err = r.Scan(&u.ID, digestColumn{&u.Blob}, &u.Size, &u.Filename, &u.Address, timeColumn{&u.CreatedAt}, timeColumn{&u.ExpiresAt},
		&u.PackageID, &u.AccountID, timeColumn{&u.ClaimedAt}, &u.Status, &u.Revision, jsonColumn{&u.Wish},
		jsonColumn{&u.Problems}, timeColumn{&u.LeasedUntil})
	return u, err
}

// Upload finds what was sent under an id; its error code is "upload-not-found".
func (tx *Tx) Upload(id string) (_ store.Upload, err error) {
	defer wrap(&err, "read an upload")
	u, err := first(tx.query, scanUpload, `SELECT `+uploadColumns+` FROM uploads WHERE id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("upload-not-found", "nothing was uploaded under this id, or it was left unclaimed for too long")
	}
	return u, err
}

// AddUpload notes that bytes were sent. Their blob must have been added.
func (tx *Tx) AddUpload(u store.Upload) (err error) {
	defer wrap(&err, "note an upload")
	_, err = tx.keep(`
		INSERT INTO uploads (`+uploadColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		u.ID, u.Blob.Hex(), u.Size, u.Filename, u.Address, micros(u.CreatedAt), micros(u.ExpiresAt),
		u.PackageID, u.AccountID, micros(u.ClaimedAt), string(u.Status), u.Revision, asJSON(u.Wish), asJSON(u.Problems),
		micros(u.LeasedUntil))
	return err
}

// UpdateUpload replaces what has become of an upload.
func (tx *Tx) UpdateUpload(u store.Upload) (err error) {
	defer wrap(&err, "update an upload")
	n, err := tx.exec(`
		UPDATE uploads SET package_id = ?, account_id = ?, claimed_at = ?, expires_at = ?, status = ?, revision = ?,
			wanted = ?, problems = ?, leased_at = ?
		WHERE id = ?`,
		u.PackageID, u.AccountID, micros(u.ClaimedAt), micros(u.ExpiresAt), string(u.Status), u.Revision,
		asJSON(u.Wish), asJSON(u.Problems), micros(u.LeasedUntil), u.ID)
	if err == nil && n == 0 {
		err = store.NotFoundf("upload-not-found", "nothing was uploaded under this id, or it was left unclaimed for too long")
	}
	return err
}

// UploadWaits reports whether a claimed upload is there that nobody works on.
func (tx *Tx) UploadWaits() (_ bool, err error) {
	defer wrap(&err, "look for uploads that wait")
	return tx.exists(`SELECT 1 FROM uploads WHERE status = ? AND leased_at <= ? LIMIT 1`,
		string(store.UploadProcessing), micros(tx.now))
}

// LeaseUpload takes the oldest claimed upload that nobody works on, for a while,
// and reports whether there was one. Of any number of callers, on any number of
// nodes, one gets each.
func (tx *Tx) LeaseUpload(until time.Time) (_ store.Upload, found bool, err error) {
	defer wrap(&err, "lease an upload")
	u, err := first(tx.query, scanUpload, `
		SELECT `+uploadColumns+` FROM uploads WHERE status = ? AND leased_at <= ?
		ORDER BY claimed_at, id LIMIT 1`, string(store.UploadProcessing), micros(tx.now))
	if errors.Is(err, sql.ErrNoRows) {
		return store.Upload{}, false, nil
	}
	if err != nil {
		return store.Upload{}, false, err
	}
	u.LeasedUntil = until
	_, err = tx.keep(`UPDATE uploads SET leased_at = ? WHERE id = ?`, micros(until), u.ID)
	return u, err == nil, err
}

// UploadsOfRevision lists the uploads that became a revision of the package, not
// of one of its resources, newest first.
func (tx *Tx) UploadsOfRevision(packageID string, revision int) (_ []store.Upload, err error) {
	defer wrap(&err, "list the uploads of a revision")
	list, err := all(tx.query, scanUpload, `
		SELECT `+uploadColumns+` FROM uploads WHERE package_id = ? AND revision = ?
		ORDER BY claimed_at DESC, id`, packageID, revision)
	return slices.DeleteFunc(list, func(u store.Upload) bool { return u.Wish.Resource != nil }), err
}

// UnclaimedBytes sums up what an address has sent that nobody has claimed; with
// an empty address what all have.
func (tx *Tx) UnclaimedBytes(address string) (count int, bytes int64, err error) {
	defer wrap(&err, "sum up unclaimed uploads")
	var w where
	w.and("status = ?", string(store.UploadUnclaimed))
	if address != "" {
		w.and("address = ?", address)
	}
	type sums struct {
		count int
		bytes int64
	}
	s, err := first(tx.query, func(r rows) (s sums, err error) {
		err = r.Scan(&s.count, &s.bytes)
		return s, err
	}, `SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM uploads WHERE `+w.String(), w.args...)
	return s.count, s.bytes, err
}

// DropUploads removes unclaimed uploads that have expired, and finished ones
// that were claimed before a time, and returns how many. Their blobs are
// garbage where nothing else points at them.
func (tx *Tx) DropUploads(before time.Time) (n int64, err error) {
	defer wrap(&err, "drop old uploads")
	return tx.keep(`
		DELETE FROM uploads WHERE (status = ? AND expires_at <= ?)
			OR (status NOT IN (?, ?, ?) AND claimed_at < ?)`,
		string(store.UploadUnclaimed), micros(tx.now),
		string(store.UploadUnclaimed), string(store.UploadProcessing), string(store.UploadHeld), micros(before))
}

// ExtendLease goes on with the work on an upload, and reports whether the lease
// that ends at had is still the one that counts.
func (tx *Tx) ExtendLease(id string, had, until time.Time) (held bool, err error) {
	defer wrap(&err, "extend the lease of an upload")
	n, err := tx.keep(`UPDATE uploads SET leased_at = ? WHERE id = ? AND status = ? AND leased_at = ?`,
		micros(until), id, string(store.UploadProcessing), micros(had))
	return n > 0, err
}
