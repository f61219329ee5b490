package db

import (
	"context"
	"database/sql"
	"io"
)

// backend is the seam between the one query layer and the two databases: how
// to get a session, and the few things they spell differently.
type backend interface {
	// query runs one statement outside a transaction. Closing the rows gives
	// the connection back.
	query(ctx context.Context, text string, args []any) (rows, error)
	// read begins a transaction that sees one consistent state.
	read(ctx context.Context) (session, error)
	// write begins a transaction that can commit only if the outcome is the
	// same as if no other had run meanwhile. attempt counts from 0 the times
	// it was tried.
	write(ctx context.Context, attempt int) (session, error)
	// newest returns the seq of the newest change, cheaply.
	newest(ctx context.Context) (int64, error)
	// committed tells the backend of a change this process has written.
	committed(seq int64)

	// writable reports why writes would fail, as far as that shows without one.
	writable(ctx context.Context) error

	classify(error) failure
	dialect() *dialect
	close() error
}

// session is one transaction on one connection, used by one goroutine.
type session interface {
	query(ctx context.Context, text string, args []any) (rows, error)
	exec(ctx context.Context, text string, args []any) (affected int64, err error)
	commit(ctx context.Context) error
	rollback() // after a commit it does nothing
}

// rows is the part of sql.Rows that reading needs.
type rows interface {
	io.Closer
	Next() bool
	Scan(dest ...any) error
	Columns() ([]string, error)
	ColumnTypes() ([]*sql.ColumnType, error)
	Err() error
}

var _ rows = (*sql.Rows)(nil)

// dialect is the SQL that cannot be the same text on both.
type dialect struct {
	name string
	// orderChanges, run before change rows are written, makes seq the order
	// of commits; empty where there is one writer anyway.
	orderChanges string
	// notifyChanges, run after them with the newest seq, wakes other nodes.
	notifyChanges string
	// restart makes the identity column of a table go on after its largest
	// value; %[1]s is the table, %[2]s the column. Empty where it does so itself.
	restart string

	// damage asks for damage of the file; it says ok when there is none.
	damage string

	search searchDialect
}
