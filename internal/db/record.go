package db

import (
	"encoding/json"
	"errors"

	"github.com/larder-store/larder/internal/store"
)

// Record adds a row to the change log: kind is of the table
// store.ChangeKinds, subject is "package/<id>" and the like as the table says,
// details is anything that marshals to a JSON object, or nil. The rows are
// written when the transaction commits.
func (tx *Tx) Record(kind, subject string, details any) {
	k, known := store.ChangeKindOf(kind)
	id, fits := store.SubjectID(subject, k.Subject)
	encoded := []byte("{}")
	var err error
	if details != nil {
		encoded, err = json.Marshal(details)
	}
	change := store.Change{Kind: kind, Subject: subject}
	switch {
	case !known:
		err = errors.New("no change kind is called " + kind)
	case !fits || id == "":
		err = errors.New("the subject of " + kind + " is " + k.Subject + "/<id>, not " + subject)
	case err == nil:
		err = json.Unmarshal(encoded, &change.Details)
	}
	if err != nil && tx.misuse == nil {
		tx.misuse = err
	}
	tx.changes = append(tx.changes, change)
}

// writeChanges is the last thing a transaction does before it commits.
//
// Readers follow the log by asking for what comes after the seq they have
// seen. So a row must never become visible after one with a larger seq has:
// seq has to be drawn in the order of commits. SQLite has one writer at a
// time. On PostgreSQL the transaction holds an advisory lock from before it
// draws its first seq until it has committed; taking the lock this late keeps
// the time short in which one writer waits for another.
func (tx *Tx) writeChanges(actor string) (seq int64, err error) {
	switch {
	case tx.misuse != nil:
		return 0, tx.misuse
	case len(tx.changes) == 0 && tx.wrote:
		return 0, errNoChange
	case len(tx.changes) == 0:
		return 0, nil
	}
	d := tx.backend.dialect()
	if d.orderChanges != "" {
		if _, err := tx.session.exec(tx.ctx, d.orderChanges, nil); err != nil {
			return 0, classified(tx.backend, err)
		}
	}
	for _, c := range tx.changes {
		seq, err = one[int64](tx.query, `
			INSERT INTO changes (at, actor, kind, subject, details) VALUES (?, ?, ?, ?, ?)
			RETURNING seq`,
			micros(tx.now), actor, c.Kind, c.Subject, asJSON(c.Details))
		if err != nil {
			return 0, err
		}
	}
	if d.notifyChanges != "" {
		if _, err := tx.session.exec(tx.ctx, d.notifyChanges, []any{seq}); err != nil {
			return 0, classified(tx.backend, err)
		}
	}
	return seq, nil
}
