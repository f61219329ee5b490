package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/larder-store/larder/internal/store"
)

// failure sorts what a database driver says into what callers can act on.
type failure uint8

const (
	failureOther       failure = iota
	failureBusy                // another transaction was in the way: try again
	failureUnreachable         // no connection
	failureNoSpace             // disk full
	failureDuplicate           // a unique key exists already
	failureReference           // a row points at one that does not exist, or is pointed at
	failureInvalid             // a value the column cannot hold
)

// driverError is an error of a database driver with its sort.
type driverError struct {
	failure failure
	err     error
}

func (e *driverError) Error() string { return e.err.Error() }
func (e *driverError) Unwrap() error { return e.err }

// classified puts the sort of failure on a driver's error, once.
func classified(b backend, err error) error {
	var d *driverError
	if err == nil || errors.As(err, &d) || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if f := b.classify(err); f != failureOther {
		return &driverError{f, err}
	}
	return err
}

// classifiedRows are rows whose Err is classified.
type classifiedRows struct {
	rows
	classify func(error) error
}

func (r classifiedRows) Err() error { return r.classify(r.rows.Err()) }

func failureOf(err error) failure {
	var d *driverError
	if errors.As(err, &d) {
		return d.failure
	}
	return failureOther
}

// failed says what could not be done. An error of the domain is complete
// already and passes unchanged; a driver's becomes one of the domain where
// the caller can do something about it.
func failed(err error, format string, args ...any) error {
	var domain *store.Error
	if err == nil || errors.As(err, &domain) {
		return err
	}
	what := "cannot " + fmt.Sprintf(format, args...)
	if errors.Is(err, context.Canceled) { // whatever the driver made of it
		return fmt.Errorf("%s: %w", what, err)
	}
	switch failureOf(err) {
	case failureBusy:
		return store.Unavailablef("database-busy", "%s: the database is busy", what).
			Try("try again").Because(err)
	case failureUnreachable:
		return store.Unavailablef("database-unreachable", "%s: the database cannot be reached", what).
			Try("check that it runs and that its URL is right").Because(err)
	case failureNoSpace:
		return store.Unavailablef("no-space", "%s: the disk of the database is full", what).
			Try("free some space").Because(err)
	case failureDuplicate:
		return store.Conflictf("exists-already", "%s: it exists already", what).Because(err)
	case failureReference:
		return store.Conflictf("missing-reference", "%s: something it points at does not exist, or something points at it", what).Because(err)
	case failureInvalid:
		return store.Invalidf("invalid-value", "%s: a value is out of range", what).Because(err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// wrap is failed for a deferred call.
func wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = failed(*err, format, args...)
	}
}
