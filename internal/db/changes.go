package db

import (
	"context"

	"github.com/larder-store/larder/internal/store"
)

const newestChange = `SELECT COALESCE(MAX(seq), 0) FROM changes`

// Fresh returns the seq of the newest change of any process. It costs
// nanoseconds, or microseconds on SQLite when it has not been asked for 5 ms.
// Changes of this process are always seen. Those of others are seen within
// 5 ms on SQLite; on PostgreSQL within the time a notification takes, or a
// second where notifications do not get through.
func (db *DB) Fresh(ctx context.Context) (seq int64, err error) {
	seq, err = db.backend.newest(ctx)
	if err != nil {
		return 0, failed(classified(db.backend, err), "look for changes")
	}
	return seq, nil
}

// maxChanges bounds how many changes are read at once.
const maxChanges = 10_000

// Changes returns up to limit rows of the change log after a seq, oldest
// first; a limit of 0, or above 10,000, means 10,000. Rows appear in the order
// of seq: none is ever inserted before one that has been seen.
func (db *DB) Changes(ctx context.Context, after int64, limit int) ([]store.Change, error) {
	return changes(db.query(ctx), after, limit)
}

// Changes is DB.Changes inside the transaction.
func (tx *Tx) Changes(after int64, limit int) ([]store.Change, error) {
	return changes(tx.query, after, limit)
}

func changes(query queryFunc, after int64, limit int) (_ []store.Change, err error) {
	defer wrap(&err, "read the changes after %d", after)
	return all(query, scanChange, `
		SELECT seq, at, actor, kind, subject, details FROM changes
		WHERE seq > ? ORDER BY seq LIMIT ?`, after, changesPage(limit))
}

// ChangesOf returns the newest changes of one subject, newest first.
func (tx *Tx) ChangesOf(subject string, limit int) (_ []store.Change, err error) {
	defer wrap(&err, "read the changes of %s", subject)
	return all(tx.query, scanChange, `
		SELECT seq, at, actor, kind, subject, details FROM changes
		WHERE subject = ? ORDER BY seq DESC LIMIT ?`, subject, changesPage(limit))
}

func changesPage(limit int) int {
	if limit <= 0 {
		return maxChanges
	}
	return min(limit, maxChanges)
}

func scanChange(r rows) (c store.Change, err error) {
	err = r.Scan(&c.Seq, timeColumn{&c.At}, &c.Actor, &c.Kind, &c.Subject, jsonColumn{&c.Details})
	return c, err
}
