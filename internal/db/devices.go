package db

import (
	"database/sql"
	"errors"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// PutNonce keeps a nonce that UseNonce accepts once, until it expires, for
// the same purpose.
func (tx *Tx) PutNonce(nonce, purpose string, expires time.Time) (err error) {
	defer wrap(&err, "store a nonce")
	_, err = tx.keep(`INSERT INTO nonces (nonce, purpose, expires_at) VALUES (?, ?, ?)`, nonce, purpose, micros(expires))
	return err
}

// UseNonce consumes a nonce and reports whether it was good. Of any number of
// callers, on any number of nodes, one gets true.
func (tx *Tx) UseNonce(nonce, purpose string) (good bool, err error) {
	defer wrap(&err, "use a nonce")
	if !tx.writes {
		return false, errReadOnly
	}
	expires, err := one[int64](tx.query, `
		DELETE FROM nonces WHERE nonce = ? AND purpose = ? RETURNING expires_at`, nonce, purpose)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil && expires > micros(tx.now), err
}

// NonceGood reports whether UseNonce would find a nonce good now.
func (tx *Tx) NonceGood(nonce, purpose string) (_ bool, err error) {
	defer wrap(&err, "look at a nonce")
	return tx.exists(`SELECT 1 FROM nonces WHERE nonce = ? AND purpose = ? AND expires_at > ?`, nonce, purpose, micros(tx.now))
}

// DropNonces removes expired nonces and returns how many.
func (tx *Tx) DropNonces() (n int64, err error) {
	defer wrap(&err, "drop expired nonces")
	return tx.keep(`DELETE FROM nonces WHERE expires_at <= ?`, micros(tx.now))
}

const deviceColumns = `brand, model, serial, store_id, first_seen, last_seen, session`

func scanDevice(r rows) (d store.Device, err error) {
	err = r.Scan(&d.ID.Brand, &d.ID.Model, &d.ID.Serial, &d.StoreID, timeColumn{&d.FirstSeen}, timeColumn{&d.LastSeen},
		jsonColumn{&d.Session})
	return d, err
}

// TouchDevice notes that a device was seen now.
func (tx *Tx) TouchDevice(id store.DeviceID, storeID string, session map[string]string) (err error) {
	defer wrap(&err, "note device %s", id)
	now := micros(tx.now)
	_, err = tx.keep(`
		INSERT INTO devices (`+deviceColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (brand, model, serial) DO UPDATE SET
			store_id = excluded.store_id, last_seen = excluded.last_seen, session = excluded.session`,
		id.Brand, id.Model, id.Serial, storeID, now, now, asJSON(session))
	return err
}

// Devices lists devices after the given one, by brand, model and serial.
func (tx *Tx) Devices(after store.DeviceID, limit int) (_ []store.Device, err error) {
	defer wrap(&err, "list devices")
	return all(tx.query, scanDevice, `
		SELECT `+deviceColumns+` FROM devices WHERE (brand, model, serial) > (?, ?, ?)
		ORDER BY brand, model, serial LIMIT ?`, after.Brand, after.Model, after.Serial, page(limit))
}

// CountDevices counts the devices seen since a time.
func (tx *Tx) CountDevices(since time.Time) (_ int, err error) {
	defer wrap(&err, "count devices")
	return one[int](tx.query, `SELECT COUNT(*) FROM devices WHERE last_seen >= ?`, micros(since))
}
