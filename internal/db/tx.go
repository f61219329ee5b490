package db

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// Tx is a transaction. It lives as long as the function that View or Update
// calls with it, and serves that goroutine only. After a method has failed
// with anything but a store.Error of kind not-found, conflict or invalid, the
// function must return that error.
type Tx struct {
	ctx     context.Context
	backend backend
	session session
	now     time.Time
	writes  bool // false in a View

	wrote   bool // a statement has changed rows that the change log must explain
	changes []store.Change
	misuse  error               // the first mistake in calling Record
	busy    error               // another transaction was in the way: nothing can come of this one
	stale   map[string]struct{} // ids of packages whose search document must be written again
}

// Errors of a caller that breaks the contract of Update; they are defects.
var (
	errNoChange = errors.New("a transaction wrote rows but recorded no change")
	errReadOnly = errors.New("a View cannot write")
)

// How Update goes on when other writers are in the way.
const (
	maxAttempts = 12
	maxBackoff  = 100 * time.Millisecond
)

// View calls f with a transaction that sees one consistent state of the
// database and cannot write. An error of f is returned as it is. f should read
// through tx alone: a View inside a View may wait for a connection that the
// outer one holds.
func (db *DB) View(ctx context.Context, f func(*Tx) error) error {
	s, err := db.backend.read(ctx)
	if err != nil {
		return failed(classified(db.backend, err), "begin reading the database")
	}
	defer s.rollback()
	return f(&Tx{ctx: ctx, backend: db.backend, session: s, now: db.clock()})
}

// Update calls f with a transaction that may write, commits it, and returns
// the seq of the last change recorded, or 0 when there was none. When it
// returns without error the outcome survives power loss. When f or the commit
// fails, nothing has happened.
//
// The outcome is as if no other transaction had run at the same time. Where
// the database finds out only late that another was in the way, f is called
// again, so f must be repeatable: it sets the variables around it afresh and
// does nothing that a rollback does not undo. f must not call Update, which on
// SQLite would wait for itself, and should read through tx alone.
//
// An error of f is returned as it is.
//
// Whatever changes rows must be recorded (see Tx.Record) for actor, who is
// named as Principal.Name is. Nonces and devices are bookkeeping and exempt.
func (db *DB) Update(ctx context.Context, actor string, f func(*Tx) error) (seq int64, err error) {
	for attempt := 0; ; attempt++ {
		seq, err = db.update(ctx, attempt, actor, f)
		if !repeatable(err, attempt) {
			break
		}
		pause := time.NewTimer(rand.N(min(maxBackoff, time.Millisecond<<attempt)))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return 0, failed(context.Cause(ctx), "write to the database")
		}
	}
	return seq, err
}

// repeatable reports whether a transaction that failed so should be tried
// again. A duplicate key counts at first: whoever inserts has looked before,
// so it may come from a transaction that has committed since.
func repeatable(err error, attempt int) bool {
	switch failureOf(err) {
	case failureBusy:
		return attempt+1 < maxAttempts
	case failureDuplicate:
		return attempt < 2
	}
	return false
}

func (db *DB) update(ctx context.Context, attempt int, actor string, f func(*Tx) error) (seq int64, err error) {
	s, err := db.backend.write(ctx, attempt)
	if err != nil {
		return 0, failed(classified(db.backend, err), "begin writing to the database")
	}
	defer s.rollback()
	tx := &Tx{ctx: ctx, backend: db.backend, session: s, now: db.clock(), writes: true}
	err = f(tx)
	if tx.busy != nil { // f may have made something else of it
		return 0, failed(tx.busy, "write to the database")
	}
	if err != nil {
		return 0, err
	}
	if err := tx.refreshSearch(); err != nil {
		return 0, err
	}
	if seq, err = tx.writeChanges(actor); err != nil {
		return 0, failed(err, "write the change log")
	}
	if err := s.commit(ctx); err != nil {
		return 0, failed(classified(db.backend, err), "commit to the database")
	}
	if seq > 0 {
		db.backend.committed(seq)
	}
	return seq, nil
}

func (db *DB) clock() time.Time { return db.now().UTC().Truncate(time.Microsecond) }

// Now is the time of the transaction, the same throughout it, in UTC and whole
// microseconds as the database keeps it.
func (tx *Tx) Now() time.Time { return tx.now }

// query runs a statement that returns rows.
func (tx *Tx) query(text string, args ...any) (rows, error) {
	if err := checkText(args); err != nil {
		return nil, err
	}
	r, err := tx.session.query(tx.ctx, text, args)
	if err != nil {
		return nil, tx.note(err)
	}
	return classifiedRows{r, tx.note}, nil
}

// note classifies an error of the driver and remembers what dooms the transaction.
func (tx *Tx) note(err error) error {
	err = classified(tx.backend, err)
	if tx.busy == nil && failureOf(err) == failureBusy {
		tx.busy = err
	}
	return err
}

// exec runs a statement whose effect the change log must explain.
func (tx *Tx) exec(text string, args ...any) (affected int64, err error) {
	n, err := tx.keep(text, args...)
	tx.wrote = tx.wrote || n > 0
	return n, err
}

// keep runs a statement of mere bookkeeping, which the change log leaves out.
func (tx *Tx) keep(text string, args ...any) (affected int64, err error) {
	if !tx.writes {
		return 0, errReadOnly
	}
	if err := checkText(args); err != nil {
		return 0, err
	}
	n, err := tx.session.exec(tx.ctx, text, args)
	return n, tx.note(err)
}

// insertReturning is exec for an INSERT that returns one value.
func insertReturning[T any](tx *Tx, text string, args ...any) (T, error) {
	if !tx.writes {
		var zero T
		return zero, errReadOnly
	}
	v, err := one[T](tx.query, text, args...)
	tx.wrote = tx.wrote || err == nil
	return v, err
}
