package db

import (
	"database/sql"
	"errors"
	"time"

	"github.com/larder-store/larder/internal/store"
)

const tokenKeyColumns = `id, purpose, sealed, created_at, retired_at`

func scanTokenKey(r rows) (k store.TokenKey, err error) {
	err = r.Scan(&k.ID, &k.Purpose, &k.Sealed, timeColumn{&k.CreatedAt}, timeColumn{&k.RetiredAt})
	return k, err
}

// TokenKeys lists all keys that tokens are made with, by purpose, newest first.
func (tx *Tx) TokenKeys() (_ []store.TokenKey, err error) {
	defer wrap(&err, "list token keys")
	return all(tx.query, scanTokenKey, `
		SELECT `+tokenKeyColumns+` FROM token_keys ORDER BY purpose, created_at DESC, id`)
}

// PutTokenKey stores a key, or changes when it is retired.
func (tx *Tx) PutTokenKey(k store.TokenKey) (err error) {
	defer wrap(&err, "store token key %q", k.ID)
	_, err = tx.exec(`
		INSERT INTO token_keys (`+tokenKeyColumns+`) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET retired_at = excluded.retired_at`,
		k.ID, k.Purpose, k.Sealed, micros(k.CreatedAt), micros(k.RetiredAt))
	return err
}

const sessionColumns = `id, kind, account_id, caveat, client, description, limits, method, last_auth,
	valid_since, valid_until, revoked_at, revoked_by, last_used`

func scanSession(r rows) (s store.Session, err error) {
	err = r.Scan(&s.ID, &s.Kind, &s.AccountID, &s.Caveat, &s.Client, &s.Description, jsonColumn{&s.Limits}, &s.Method,
		timeColumn{&s.LastAuth}, timeColumn{&s.ValidSince}, timeColumn{&s.ValidUntil}, timeColumn{&s.RevokedAt},
		&s.RevokedBy, timeColumn{&s.LastUsed})
	return s, err
}

// Session finds a token's row; its error code is "session-not-found".
func (tx *Tx) Session(id string) (_ store.Session, err error) {
	defer wrap(&err, "read session %q", id)
	return tx.session1(`id = ?`, id)
}

// SessionOfCaveat finds the row that the discharge of an identity caveat wrote;
// its error code is "session-not-found".
func (tx *Tx) SessionOfCaveat(hash string) (_ store.Session, err error) {
	defer wrap(&err, "read the session of a caveat")
	return tx.session1(`caveat = ? AND caveat <> ''`, hash)
}

func (tx *Tx) session1(condition string, args ...any) (store.Session, error) {
	s, err := first(tx.query, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE `+condition, args...)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("session-not-found", "there is no such session")
	}
	return s, err
}

// Sessions lists sessions, by id.
func (tx *Tx) Sessions(f store.SessionFilter) (_ []store.Session, err error) {
	defer wrap(&err, "list sessions")
	var w where
	if f.AccountID != "" {
		w.and("account_id = ?", f.AccountID)
	}
	if !f.Inactive {
		w.and("revoked_at = 0 AND valid_until > ?", micros(tx.now))
	}
	if f.After != "" {
		w.and("id > ?", f.After)
	}
	return all(tx.query, scanSession, `
		SELECT `+sessionColumns+` FROM sessions WHERE `+w.String()+` ORDER BY id LIMIT ?`,
		append(w.args, page(f.Limit))...)
}

// PutSession creates a session or replaces it.
func (tx *Tx) PutSession(s store.Session) (err error) {
	defer wrap(&err, "store session %q", s.ID)
	_, err = tx.exec(`
		INSERT INTO sessions (`+sessionColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			client = excluded.client, description = excluded.description, limits = excluded.limits,
			last_auth = excluded.last_auth, valid_since = excluded.valid_since, valid_until = excluded.valid_until,
			revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by, last_used = excluded.last_used`,
		s.ID, s.Kind, s.AccountID, s.Caveat, s.Client, s.Description, asJSON(s.Limits), s.Method, micros(s.LastAuth),
		micros(s.ValidSince), micros(s.ValidUntil), micros(s.RevokedAt), s.RevokedBy, micros(s.LastUsed))
	return err
}

// TouchSession notes that a session was used now.
func (tx *Tx) TouchSession(id string) (err error) {
	defer wrap(&err, "note session %q", id)
	_, err = tx.keep(`UPDATE sessions SET last_used = ? WHERE id = ?`, micros(tx.now), id)
	return err
}

// DropSessions removes sessions that ended before a time and returns how many.
func (tx *Tx) DropSessions(before time.Time) (n int64, err error) {
	defer wrap(&err, "drop old sessions")
	return tx.keep(`
		DELETE FROM sessions WHERE valid_until < ? OR (revoked_at > 0 AND revoked_at < ?)`, micros(before), micros(before))
}

// Attempts reads how often checks under a key have failed; the zero value when
// they have not.
func (tx *Tx) Attempts(key string) (_ store.Attempts, err error) {
	defer wrap(&err, "read attempts")
	a, err := first(tx.query, func(r rows) (a store.Attempts, err error) {
		err = r.Scan(&a.Failures, timeColumn{&a.LastAt}, timeColumn{&a.BlockedUntil})
		return a, err
	}, `SELECT failures, last_at, blocked_at FROM attempts WHERE key = ?`, key)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return a, err
}

// PutAttempts keeps how often checks under a key have failed.
func (tx *Tx) PutAttempts(key string, a store.Attempts) (err error) {
	defer wrap(&err, "store attempts")
	_, err = tx.keep(`
		INSERT INTO attempts (key, failures, last_at, blocked_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET
			failures = excluded.failures, last_at = excluded.last_at, blocked_at = excluded.blocked_at`,
		key, a.Failures, micros(a.LastAt), micros(a.BlockedUntil))
	return err
}

// DropAttempts forgets failures that are older than a time, but for keys that
// begin with a prefix ("" excepts none), and returns how many.
func (tx *Tx) DropAttempts(before time.Time, except string) (n int64, err error) {
	defer wrap(&err, "drop old attempts")
	return tx.keep(`
		DELETE FROM attempts WHERE last_at < ? AND blocked_at < ? AND (CAST(? AS TEXT) = '' OR substr(key, 1, CAST(? AS INTEGER)) <> ?)`,
		micros(before), micros(tx.now), except, len(except), except)
}

const visitColumns = `id, details, address, account_id, method, approved_at, taken_at, created_at, expires_at`

// Visit finds a waiting login by the hash of its id; its error code is
// "visit-not-found".
func (tx *Tx) Visit(id string) (_ store.Visit, err error) {
	defer wrap(&err, "read a waiting login")
	v, err := first(tx.query, func(r rows) (v store.Visit, err error) {
		err = r.Scan(&v.ID, jsonColumn{&v.Details}, &v.Address, &v.AccountID, &v.Method, timeColumn{&v.ApprovedAt},
			timeColumn{&v.TakenAt}, timeColumn{&v.CreatedAt}, timeColumn{&v.ExpiresAt})
		return v, err
	}, `SELECT `+visitColumns+` FROM visits WHERE id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("visit-not-found", "no login waits under this id")
	}
	return v, err
}

// PutVisit keeps a waiting login.
func (tx *Tx) PutVisit(v store.Visit) (err error) {
	defer wrap(&err, "store a waiting login")
	_, err = tx.keep(`
		INSERT INTO visits (`+visitColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			details = excluded.details, account_id = excluded.account_id, method = excluded.method,
			approved_at = excluded.approved_at, taken_at = excluded.taken_at, expires_at = excluded.expires_at`,
		v.ID, asJSON(v.Details), v.Address, v.AccountID, v.Method, micros(v.ApprovedAt), micros(v.TakenAt),
		micros(v.CreatedAt), micros(v.ExpiresAt))
	return err
}

// TakeVisit marks an approved login as handed out, and reports whether it was
// not before: of any number of callers, on any number of nodes, one gets true.
func (tx *Tx) TakeVisit(id string) (first bool, err error) {
	defer wrap(&err, "take a waiting login")
	n, err := tx.keep(`
		UPDATE visits SET taken_at = ? WHERE id = ? AND taken_at = 0 AND approved_at > 0 AND expires_at > ?`,
		micros(tx.now), id, micros(tx.now))
	return n > 0, err
}

// DropVisits removes expired logins and returns how many.
func (tx *Tx) DropVisits() (n int64, err error) {
	defer wrap(&err, "drop expired logins")
	return tx.keep(`DELETE FROM visits WHERE expires_at <= ?`, micros(tx.now))
}

// CountVisits counts the logins that wait, and those of them from one address.
func (tx *Tx) CountVisits(address string) (all, ofAddress int, err error) {
	defer wrap(&err, "count waiting logins")
	if all, err = one[int](tx.query, `SELECT COUNT(*) FROM visits WHERE expires_at > ?`, micros(tx.now)); err != nil {
		return 0, 0, err
	}
	ofAddress, err = one[int](tx.query, `
		SELECT COUNT(*) FROM visits WHERE address = ? AND expires_at > ?`, address, micros(tx.now))
	return all, ofAddress, err
}
