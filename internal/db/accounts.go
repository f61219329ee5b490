package db

import (
	"database/sql"
	"errors"

	"github.com/larder-store/larder/internal/store"
)

const accountColumns = `id, username, display_name, validation, created_at`

func scanAccount(r rows) (a store.Account, err error) {
	err = r.Scan(&a.ID, &a.Username, &a.DisplayName, &a.Validation, timeColumn{&a.CreatedAt})
	return a, err
}

// Account finds an account; its error code is "account-not-found".
func (tx *Tx) Account(id string) (_ store.Account, err error) {
	defer wrap(&err, "read account %q", id)
	a, err := first(tx.query, scanAccount, `
		SELECT `+accountColumns+` FROM accounts WHERE id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("account-not-found", "no account has the id %q", id)
	}
	return a, err
}

// AccountByUsername finds an account. Accounts of different authorities may
// share a username: then it fails with the code "ambiguous-username" rather
// than take one for the other.
func (tx *Tx) AccountByUsername(username string) (_ store.Account, err error) {
	defer wrap(&err, "read account of %q", username)
	list, err := all(tx.query, scanAccount, `
		SELECT `+accountColumns+` FROM accounts WHERE username = ? ORDER BY id LIMIT 2`, username)
	switch {
	case err != nil:
		return store.Account{}, err
	case len(list) == 0:
		return store.Account{}, store.NotFoundf("account-not-found", "no account has the username %q", username)
	case len(list) > 1:
		return store.Account{}, store.Conflictf("ambiguous-username", "more than one account has the username %q", username).
			Try("use the account id")
	}
	return list[0], nil
}

// Accounts lists up to limit accounts by id, after the given one.
func (tx *Tx) Accounts(after string, limit int) (_ []store.Account, err error) {
	defer wrap(&err, "list accounts")
	return all(tx.query, scanAccount, `
		SELECT `+accountColumns+` FROM accounts WHERE id > ? ORDER BY id LIMIT ?`, after, page(limit))
}

// PutAccount creates an account or replaces it. The same account again is no
// write.
func (tx *Tx) PutAccount(a store.Account) (err error) {
	defer wrap(&err, "store account %q", a.ID)
	old, err := tx.Account(a.ID)
	if store.KindOf(err) != store.KindNotFound && err != nil || err == nil && old == a {
		return err
	}
	_, err = tx.exec(`
		INSERT INTO accounts (`+accountColumns+`) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			username = excluded.username, display_name = excluded.display_name,
			validation = excluded.validation, created_at = excluded.created_at`,
		a.ID, a.Username, a.DisplayName, a.Validation, micros(a.CreatedAt))
	if err != nil || publisherWords(old) == publisherWords(a) {
		return err
	}
	// Packages are found by their publisher's names.
	_, err = tx.exec(`
		UPDATE search_documents SET publisher = ?
		WHERE publisher <> ? AND package_id IN (SELECT id FROM packages WHERE publisher_id = ?)`,
		publisherWords(a), publisherWords(a), a.ID)
	return err
}
