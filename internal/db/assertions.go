package db

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/larder-store/larder/internal/store"
)

const assertionColumns = `
	type, primary_key, format, revision, sequence_key, sequence, authority_id, sign_key, stored_at, encoded`

func scanAssertion(r rows) (a store.Assertion, err error) {
	err = r.Scan(&a.Type, &a.PrimaryKey, &a.Format, &a.Revision, &a.SequenceKey, &a.Sequence,
		&a.AuthorityID, &a.SignKey, timeColumn{&a.StoredAt}, &a.Encoded)
	return a, err
}

func assertionNotFound(err error, kind, key string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return store.NotFoundf("assertion-not-found", "no %s assertion has the primary key %q", kind, key)
	}
	return err
}

// formatLimit turns -1, which means any, into a number that no format passes.
func formatLimit(maxFormat int) int {
	if maxFormat < 0 {
		return math.MaxInt32
	}
	return maxFormat
}

// Assertion is Tx.Assertion as a single query, which costs less.
func (db *DB) Assertion(ctx context.Context, kind, primaryKey string, maxFormat int) (store.Assertion, error) {
	return assertion(db.query(ctx), kind, primaryKey, maxFormat)
}

// SequenceMember is Tx.SequenceMember as a single query.
func (db *DB) SequenceMember(ctx context.Context, kind, sequenceKey string, sequence, maxFormat int) (store.Assertion, error) {
	return sequenceMember(db.query(ctx), kind, sequenceKey, sequence, maxFormat)
}

// Assertion finds the newest revision among the editions of format maxFormat
// and below; -1 means any format. The error code is "assertion-not-found".
func (tx *Tx) Assertion(kind, primaryKey string, maxFormat int) (store.Assertion, error) {
	return assertion(tx.query, kind, primaryKey, maxFormat)
}

func assertion(query queryFunc, kind, primaryKey string, maxFormat int) (_ store.Assertion, err error) {
	defer wrap(&err, "read %s %q", kind, primaryKey)
	a, err := first(query, scanAssertion, `
		SELECT `+assertionColumns+` FROM assertions
		WHERE type = ? AND primary_key = ? AND format <= ?
		ORDER BY revision DESC, format DESC LIMIT 1`, kind, primaryKey, formatLimit(maxFormat))
	return a, assertionNotFound(err, kind, primaryKey)
}

// SequenceMember finds an assertion by its place in a sequence: exactly at
// sequence, or the last one when sequence is 0.
func (tx *Tx) SequenceMember(kind, sequenceKey string, sequence, maxFormat int) (store.Assertion, error) {
	return sequenceMember(tx.query, kind, sequenceKey, sequence, maxFormat)
}

func sequenceMember(query queryFunc, kind, sequenceKey string, sequence, maxFormat int) (_ store.Assertion, err error) {
	defer wrap(&err, "read %s %q", kind, sequenceKey)
	a, err := first(query, scanAssertion, `
		SELECT `+assertionColumns+` FROM assertions
		WHERE type = ? AND sequence_key = ? AND sequence_key <> '' AND (sequence = ? OR ? = 0) AND format <= ?
		ORDER BY sequence DESC, revision DESC, format DESC LIMIT 1`,
		kind, sequenceKey, sequence, sequence, formatLimit(maxFormat))
	return a, assertionNotFound(err, kind, sequenceKey)
}

// SequenceFrom lists the members of a sequence from a number on, in order,
// each as Assertion would find it.
func (tx *Tx) SequenceFrom(kind, sequenceKey string, from, maxFormat, limit int) (_ []store.Assertion, err error) {
	defer wrap(&err, "list the sequence of %s %q", kind, sequenceKey)
	return all(tx.query, scanAssertion, `
		SELECT `+assertionColumns+` FROM (
			SELECT `+assertionColumns+`,
				ROW_NUMBER() OVER (PARTITION BY sequence ORDER BY revision DESC, format DESC) AS place
			FROM assertions
			WHERE type = ? AND sequence_key = ? AND sequence_key <> '' AND sequence >= ? AND format <= ?
		) AS editions
		WHERE place = 1 ORDER BY sequence LIMIT ?`,
		kind, sequenceKey, from, formatLimit(maxFormat), page(limit))
}

// PutAssertion stores an edition and reports whether it was new: the same
// bytes again are no change. An edition that is older than what is stored
// under its key and format fails with the code "stale-assertion", another
// text of the same revision with "assertion-differs".
func (tx *Tx) PutAssertion(a store.Assertion) (added bool, err error) {
	defer wrap(&err, "store %s %q", a.Type, a.PrimaryKey)
	old, err := first(tx.query, scanAssertion, `
		SELECT `+assertionColumns+` FROM assertions
		WHERE type = ? AND primary_key = ? AND format = ?`, a.Type, a.PrimaryKey, a.Format)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return false, err
	case old.Revision > a.Revision:
		return false, store.Conflictf("stale-assertion", "%s %q is stored at revision %d, newer than %d",
			a.Type, a.PrimaryKey, old.Revision, a.Revision)
	case old.Revision == a.Revision && bytes.Equal(old.Encoded, a.Encoded):
		return false, nil
	case old.Revision == a.Revision:
		return false, store.Conflictf("assertion-differs", "%s %q is stored at revision %d already, with another text",
			a.Type, a.PrimaryKey, a.Revision)
	}
	_, err = tx.exec(`
		INSERT INTO assertions (`+assertionColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (type, primary_key, format) DO UPDATE SET
			revision = excluded.revision, sequence_key = excluded.sequence_key, sequence = excluded.sequence,
			authority_id = excluded.authority_id, sign_key = excluded.sign_key,
			stored_at = excluded.stored_at, encoded = excluded.encoded`,
		a.Type, a.PrimaryKey, a.Format, a.Revision, a.SequenceKey, a.Sequence, a.AuthorityID, a.SignKey,
		micros(tx.now), a.Encoded)
	return err == nil, err
}

// Assertions lists stored editions by type, primary key and format.
func (tx *Tx) Assertions(f store.AssertionFilter) (_ []store.Assertion, err error) {
	defer wrap(&err, "list assertions")
	var w where
	if f.Type != "" {
		w.and("type = ?", f.Type)
	}
	if f.KeyPrefix != "" {
		w.and("primary_key >= ? AND primary_key < ?", f.KeyPrefix, afterPrefix(f.KeyPrefix))
	}
	if f.AuthorityID != "" {
		w.and("authority_id = ?", f.AuthorityID)
	}
	if f.SignKey != "" {
		w.and("sign_key = ?", f.SignKey)
	}
	if f.After.Type != "" {
		w.and("(type, primary_key, format) > (?, ?, ?)", f.After.Type, f.After.PrimaryKey, f.After.Format)
	}
	return all(tx.query, scanAssertion, `
		SELECT `+assertionColumns+` FROM assertions
		WHERE `+w.String()+` ORDER BY type, primary_key, format LIMIT ?`, append(w.args, page(f.Limit))...)
}
