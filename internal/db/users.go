package db

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// A user is read together with its account.
const userColumns = `
	u.email, u.email_verified, u.openid, u.role, u.state, u.password, u.password_changed_at,
	u.sessions_valid_after, u.totp, u.totp_step, u.recovery, u.agreed_at, u.created_at,
	a.id, a.username, a.display_name, a.validation, a.created_at`

const userTables = `users u JOIN accounts a ON a.id = u.account_id`

func scanUser(r rows) (u store.User, err error) {
	err = r.Scan(&u.Email, &u.EmailVerified, &u.OpenID, &u.Role, &u.State, &u.Password, timeColumn{&u.PasswordChangedAt},
		timeColumn{&u.SessionsValidAfter}, &u.TOTP, &u.TOTPStep, jsonColumn{&u.Recovery}, timeColumn{&u.AgreedAt},
		timeColumn{&u.CreatedAt},
		&u.Account.ID, &u.Account.Username, &u.Account.DisplayName, &u.Account.Validation, timeColumn{&u.Account.CreatedAt})
	return u, err
}

// User finds an account that can log in; its error code is "user-not-found".
func (tx *Tx) User(accountID string) (_ store.User, err error) {
	defer wrap(&err, "read user %q", accountID)
	return tx.user(`u.account_id = ?`, accountID)
}

// UserByEmail finds an account that can log in, in whatever case its address is
// written; its error code is "user-not-found".
func (tx *Tx) UserByEmail(email string) (_ store.User, err error) {
	defer wrap(&err, "read a user by its address")
	return tx.user(`u.email = ?`, strings.ToLower(email))
}

// UserByUsername finds the account that can log in under a username; its error
// code is "user-not-found". Accounts that cannot log in may share the username.
func (tx *Tx) UserByUsername(username string) (_ store.User, err error) {
	defer wrap(&err, "read user %q", username)
	return tx.user(`a.username = ?`, username)
}

// UserByOpenID finds an account that can log in; its error code is
// "user-not-found".
func (tx *Tx) UserByOpenID(openID string) (_ store.User, err error) {
	defer wrap(&err, "read a user by its OpenID")
	return tx.user(`u.openid = ?`, openID)
}

func (tx *Tx) user(condition string, args ...any) (store.User, error) {
	u, err := first(tx.query, scanUser, `
		SELECT `+userColumns+` FROM `+userTables+` WHERE `+condition+` ORDER BY u.account_id LIMIT 1`, args...)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("user-not-found", "no such account can log in")
	}
	return u, err
}

// Users lists the accounts that can log in, by address, after the given one.
func (tx *Tx) Users(after string, limit int) (_ []store.User, err error) {
	defer wrap(&err, "list users")
	return all(tx.query, scanUser, `
		SELECT `+userColumns+` FROM `+userTables+` WHERE u.email > ? ORDER BY u.email LIMIT ?`, after, page(limit))
}

// CountUsers counts the accounts with a role that are in a state.
func (tx *Tx) CountUsers(role store.Role, state store.UserState) (_ int, err error) {
	defer wrap(&err, "count users")
	return one[int](tx.query, `SELECT COUNT(*) FROM users WHERE role = ? AND state = ?`, string(role), string(state))
}

// PutUser creates a user or replaces it, with its account. An address or a
// username that another user has fails with the code "email-taken" or
// "username-taken".
func (tx *Tx) PutUser(u store.User) (err error) {
	defer wrap(&err, "store user %q", u.Account.ID)
	u.Email = strings.ToLower(u.Email)
	for _, unique := range []struct {
		condition, value, code, message string
	}{
		{`u.email = ?`, u.Email, "email-taken", "another account has this address"},
		{`a.username = ?`, u.Account.Username, "username-taken", "another account has this username"},
	} {
		taken, err := tx.exists(`SELECT 1 FROM `+userTables+` WHERE `+unique.condition+` AND u.account_id <> ?`,
			unique.value, u.Account.ID)
		if err != nil {
			return err
		}
		if taken {
			return store.Conflictf(unique.code, "%s", unique.message)
		}
	}
	if err := tx.PutAccount(u.Account); err != nil {
		return err
	}
	if u.TOTP == nil {
		u.TOTP = []byte{}
	}
	_, err = tx.exec(`
		INSERT INTO users (account_id, email, email_verified, openid, role, state, password, password_changed_at,
			sessions_valid_after, totp, totp_step, recovery, agreed_at, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account_id) DO UPDATE SET
			email = excluded.email, email_verified = excluded.email_verified, openid = excluded.openid,
			role = excluded.role, state = excluded.state, password = excluded.password,
			password_changed_at = excluded.password_changed_at, sessions_valid_after = excluded.sessions_valid_after,
			totp = excluded.totp, totp_step = excluded.totp_step, recovery = excluded.recovery,
			agreed_at = excluded.agreed_at, created_at = excluded.created_at`,
		u.Account.ID, u.Email, u.EmailVerified, u.OpenID, string(u.Role), string(u.State), u.Password,
		micros(u.PasswordChangedAt), micros(u.SessionsValidAfter), u.TOTP, u.TOTPStep, asJSON(u.Recovery),
		micros(u.AgreedAt), micros(u.CreatedAt))
	return err
}

// UseTOTPStep notes that a code of a step was used, and reports whether it and
// all later ones were unused: of any number of callers, on any number of nodes,
// one gets true.
func (tx *Tx) UseTOTPStep(accountID string, step int64) (fresh bool, err error) {
	defer wrap(&err, "use a code of user %q", accountID)
	n, err := tx.keep(`UPDATE users SET totp_step = ? WHERE account_id = ? AND totp_step < ?`, step, accountID, step)
	return n > 0, err
}

// UserKeys lists an account's keys by kind and age.
func (tx *Tx) UserKeys(accountID string) (_ []store.UserKey, err error) {
	defer wrap(&err, "list the keys of user %q", accountID)
	return all(tx.query, scanUserKey, `
		SELECT `+userKeyColumns+` FROM user_keys WHERE account_id = ? ORDER BY kind, created_at, key`, accountID)
}

// UserKey finds whose a key is; its error code is "user-key-not-found".
func (tx *Tx) UserKey(kind, key string) (_ store.UserKey, err error) {
	defer wrap(&err, "read a key of kind %s", kind)
	k, err := first(tx.query, scanUserKey, `
		SELECT `+userKeyColumns+` FROM user_keys WHERE kind = ? AND key = ?`, kind, key)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("user-key-not-found", "no account has this key")
	}
	return k, err
}

const userKeyColumns = `account_id, kind, key, name, created_at`

func scanUserKey(r rows) (k store.UserKey, err error) {
	err = r.Scan(&k.AccountID, &k.Kind, &k.Key, &k.Name, timeColumn{&k.CreatedAt})
	return k, err
}

// AddUserKey gives an account a key. One that another has fails with the code
// "user-key-taken".
func (tx *Tx) AddUserKey(k store.UserKey) (err error) {
	defer wrap(&err, "add a key to user %q", k.AccountID)
	had, err := tx.UserKey(k.Kind, k.Key)
	switch {
	case err == nil && had.AccountID != k.AccountID:
		return store.Conflictf("user-key-taken", "another account has this key")
	case err != nil && store.KindOf(err) != store.KindNotFound:
		return err
	}
	_, err = tx.exec(`
		INSERT INTO user_keys (`+userKeyColumns+`) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (kind, key) DO UPDATE SET name = excluded.name`,
		k.AccountID, k.Kind, k.Key, k.Name, micros(k.CreatedAt))
	return err
}

// RemoveUserKey takes a key from an account and reports whether it had it.
func (tx *Tx) RemoveUserKey(accountID, kind, key string) (existed bool, err error) {
	defer wrap(&err, "remove a key of user %q", accountID)
	n, err := tx.exec(`DELETE FROM user_keys WHERE account_id = ? AND kind = ? AND key = ?`, accountID, kind, key)
	return n > 0, err
}
