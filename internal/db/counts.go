package db

import "github.com/larder-store/larder/internal/store"

// Counts says how much the database knows of.
func (tx *Tx) Counts() (c store.Counts, err error) {
	defer wrap(&err, "count what is stored")
	return first(tx.query, func(r rows) (c store.Counts, err error) {
		err = r.Scan(&c.Packages, &c.Revisions, &c.Blobs, &c.Bytes, &c.Assertions)
		return c, err
	}, `
		SELECT (SELECT count(*) FROM packages), (SELECT count(*) FROM revisions),
			(SELECT count(*) FROM blobs), (SELECT CAST(COALESCE(sum(size), 0) AS BIGINT) FROM blobs),
			(SELECT count(*) FROM assertions)`)
}
