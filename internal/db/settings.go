package db

import (
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/larder-store/larder/internal/store"
)

func scanSetting(r rows) (s store.Setting, err error) {
	var text string
	err = r.Scan(&s.Key, &text, timeColumn{&s.UpdatedAt}, &s.UpdatedBy)
	s.Value = json.RawMessage(text)
	return s, err
}

// Setting finds a setting; its error code is "setting-not-found".
func (tx *Tx) Setting(key string) (_ store.Setting, err error) {
	defer wrap(&err, "read setting %q", key)
	s, err := first(tx.query, scanSetting, `
		SELECT key, value, updated_at, updated_by FROM settings WHERE key = ?`, key)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("setting-not-found", "nothing is set for %q", key)
	}
	return s, err
}

// Settings lists all settings by key.
func (tx *Tx) Settings() (_ []store.Setting, err error) {
	defer wrap(&err, "list settings")
	return all(tx.query, scanSetting, `SELECT key, value, updated_at, updated_by FROM settings ORDER BY key`)
}

// PutSetting sets key to a JSON value.
func (tx *Tx) PutSetting(key string, value json.RawMessage, by string) (err error) {
	defer wrap(&err, "set %q", key)
	if !json.Valid(value) {
		return store.Invalidf("invalid-setting", "the value of %q is not JSON", key)
	}
	_, err = tx.exec(`
		INSERT INTO settings (key, value, updated_at, updated_by) VALUES (?, ?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET
			value = excluded.value, updated_at = excluded.updated_at, updated_by = excluded.updated_by`,
		key, string(value), micros(tx.now), by)
	return err
}

// DeleteSetting removes a setting and reports whether there was one.
func (tx *Tx) DeleteSetting(key string) (existed bool, err error) {
	defer wrap(&err, "delete setting %q", key)
	n, err := tx.exec(`DELETE FROM settings WHERE key = ?`, key)
	return n > 0, err
}
