package db

import (
	"database/sql"
	"errors"

	"github.com/larder-store/larder/internal/store"
)

// TrustAnchors lists the anchors an operator has added.
func (tx *Tx) TrustAnchors() (_ []store.TrustAnchor, err error) {
	defer wrap(&err, "list trust anchors")
	return all(tx.query, func(r rows) (a store.TrustAnchor, err error) {
		err = r.Scan(&a.AccountID, &a.KeyID, &a.Origin, &a.Documents, timeColumn{&a.AddedAt}, &a.AddedBy)
		return a, err
	}, `
		SELECT account_id, key_id, origin, documents, added_at, added_by FROM trust_anchors
		ORDER BY account_id, key_id`)
}

// AddTrustAnchor adds an anchor, or replaces its documents.
func (tx *Tx) AddTrustAnchor(a store.TrustAnchor) (err error) {
	defer wrap(&err, "add the trust anchor of %q", a.AccountID)
	_, err = tx.exec(`
		INSERT INTO trust_anchors (account_id, key_id, origin, documents, added_at, added_by)
		VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id, key_id) DO UPDATE SET
			origin = excluded.origin, documents = excluded.documents,
			added_at = excluded.added_at, added_by = excluded.added_by`,
		a.AccountID, a.KeyID, a.Origin, a.Documents, micros(a.AddedAt), a.AddedBy)
	return err
}

// RemoveTrustAnchor removes an anchor and reports whether there was one. What
// was verified against it stays.
func (tx *Tx) RemoveTrustAnchor(accountID, keyID string) (existed bool, err error) {
	defer wrap(&err, "remove the trust anchor of %q", accountID)
	n, err := tx.exec(`DELETE FROM trust_anchors WHERE account_id = ? AND key_id = ?`, accountID, keyID)
	return n > 0, err
}

const signingKeyColumns = `key_id, account_id, name, uses, sealed, created_at`

func scanSigningKey(r rows) (k store.SigningKey, err error) {
	err = r.Scan(&k.KeyID, &k.AccountID, &k.Name, jsonColumn{&k.Uses}, &k.Sealed, timeColumn{&k.CreatedAt})
	return k, err
}

// SigningKey finds a key; its error code is "signing-key-not-found".
func (tx *Tx) SigningKey(keyID string) (_ store.SigningKey, err error) {
	defer wrap(&err, "read signing key %q", keyID)
	k, err := first(tx.query, scanSigningKey, `
		SELECT `+signingKeyColumns+` FROM signing_keys WHERE key_id = ?`, keyID)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("signing-key-not-found", "no signing key has the id %q", keyID)
	}
	return k, err
}

// SigningKeys lists all keys, by account, oldest first.
func (tx *Tx) SigningKeys() (_ []store.SigningKey, err error) {
	defer wrap(&err, "list signing keys")
	return all(tx.query, scanSigningKey, `
		SELECT `+signingKeyColumns+` FROM signing_keys ORDER BY account_id, created_at, key_id`)
}

// PutSigningKey stores a key, or replaces it.
func (tx *Tx) PutSigningKey(k store.SigningKey) (err error) {
	defer wrap(&err, "store signing key %q", k.KeyID)
	_, err = tx.exec(`
		INSERT INTO signing_keys (`+signingKeyColumns+`) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (key_id) DO UPDATE SET
			account_id = excluded.account_id, name = excluded.name, uses = excluded.uses,
			sealed = excluded.sealed, created_at = excluded.created_at`,
		k.KeyID, k.AccountID, k.Name, asJSON(k.Uses), k.Sealed, micros(k.CreatedAt))
	return err
}

// RemoveSigningKey forgets a key and reports whether there was one.
func (tx *Tx) RemoveSigningKey(keyID string) (existed bool, err error) {
	defer wrap(&err, "remove signing key %q", keyID)
	n, err := tx.exec(`DELETE FROM signing_keys WHERE key_id = ?`, keyID)
	return n > 0, err
}
