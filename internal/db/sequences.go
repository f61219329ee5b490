package db

import "github.com/larder-store/larder/internal/store"

// Sequences lists assertions that form sequences, of the sequence with this key,
// or when it ends in a slash of all whose keys begin with it: of each sequence
// the last (the zero query), one number, or all of them. Each comes in its newest
// edition, ordered by sequence key and number, at most limit of them.
func (tx *Tx) Sequences(kind, key string, q store.SequenceQuery, limit int) (_ []store.Assertion, err error) {
	defer wrap(&err, "list the sequences of %s %q", kind, key)
	w := where{conditions: []string{"sequence_key <> ''"}}
	w.and("type = ?", kind)
	if key != "" && key[len(key)-1] == '/' {
		w.and("sequence_key >= ? AND sequence_key < ?", key, afterPrefix(key))
	} else {
		w.and("sequence_key = ?", key)
	}
	partition := "sequence_key"
	switch {
	case q.Number > 0:
		w.and("sequence = ?", q.Number)
	case q.All:
		partition = "sequence_key, sequence"
	}
	return all(tx.query, scanAssertion, `
		SELECT `+assertionColumns+` FROM (
			SELECT `+assertionColumns+`,
				ROW_NUMBER() OVER (PARTITION BY `+partition+` ORDER BY sequence DESC, revision DESC, format DESC) AS place
			FROM assertions WHERE `+w.String()+`
		) AS editions
		WHERE place = 1 ORDER BY sequence_key, sequence LIMIT ?`, append(w.args, limit)...)
}

// AssertionsKept counts the stored assertions of a type whose primary keys begin
// with a prefix, and their bytes.
func (tx *Tx) AssertionsKept(kind, keyPrefix string) (count int, bytes int64, err error) {
	defer wrap(&err, "count the %s assertions of %q", kind, keyPrefix)
	type sums struct {
		count int
		bytes int64
	}
	s, err := first(tx.query, func(r rows) (s sums, err error) {
		err = r.Scan(&s.count, &s.bytes)
		return s, err
	}, `
		SELECT COUNT(*), COALESCE(SUM(LENGTH(encoded)), 0) FROM assertions
		WHERE type = ? AND primary_key >= ? AND primary_key < ?`, kind, keyPrefix, afterPrefix(keyPrefix))
	return s.count, s.bytes, err
}
