package db

import (
	"context"
	"database/sql"
	"strings"
)

// queryFunc is Tx.query, or the same outside a transaction.
type queryFunc func(text string, args ...any) (rows, error)

// query gives single statements outside a transaction.
func (db *DB) query(ctx context.Context) queryFunc {
	return func(text string, args ...any) (rows, error) {
		if err := checkText(args); err != nil {
			return nil, err
		}
		r, err := db.backend.query(ctx, text, args)
		if err != nil {
			return nil, classified(db.backend, err)
		}
		return classifiedRows{r, func(err error) error { return classified(db.backend, err) }}, nil
	}
}

// each calls scan for every row.
func each(query queryFunc, scan func(rows) error, text string, args ...any) error {
	r, err := query(text, args...)
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		if err := scan(r); err != nil {
			return err
		}
	}
	return r.Err()
}

// all collects what scan makes of every row.
func all[T any](query queryFunc, scan func(rows) (T, error), text string, args ...any) ([]T, error) {
	var list []T
	err := each(query, func(r rows) error {
		v, err := scan(r)
		list = append(list, v)
		return err
	}, text, args...)
	return list, err
}

// first returns what scan makes of the first row, or sql.ErrNoRows.
func first[T any](query queryFunc, scan func(rows) (T, error), text string, args ...any) (T, error) {
	list, err := all(query, scan, text, args...)
	if err == nil && len(list) == 0 {
		err = sql.ErrNoRows
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return list[0], nil
}

// value scans a row of one column.
func value[T any](r rows) (v T, err error) {
	err = r.Scan(&v)
	return v, err
}

// one returns the only column of the first row, or sql.ErrNoRows.
func one[T any](query queryFunc, text string, args ...any) (T, error) {
	return first(query, value[T], text, args...)
}

// where joins conditions that must all hold, for the few queries whose
// filters vary. Only constants of this package go into the text.
type where struct {
	conditions []string
	args       []any
}

func (w *where) and(condition string, args ...any) {
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
}

func (w *where) String() string {
	if len(w.conditions) == 0 {
		return "TRUE"
	}
	return strings.Join(w.conditions, " AND ")
}
