package db

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// Options tune Open; the zero value is good.
type Options struct {
	// MaxConns bounds the connections that read at the same time (SQLite), or
	// all connections (PostgreSQL). 0 means four per processor, at least 8.
	MaxConns int
	// Now is the clock of the time stamps; nil means time.Now.
	Now func() time.Time
	// Log gets what happens in the background; nil means slog.Default().
	Log *slog.Logger
}

// DB is an open database. Its methods may be called by any goroutine.
type DB struct {
	backend backend
	now     func() time.Time
}

// Open opens the database at url, which is sqlite:PATH or
// postgresql://USER:PASSWORD@HOST:PORT/NAME, and brings its tables up to date.
// Any number of processes may do so at once: one migrates, the others wait.
//
// A database that a newer larder has written is refused with the code
// "database-too-new"; one that cannot be reached has kind unavailable. No
// error holds the password.
func Open(ctx context.Context, url string, opts Options) (*DB, error) {
	if opts.MaxConns <= 0 {
		opts.MaxConns = max(8, 4*runtime.GOMAXPROCS(0))
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.Default()
	}
	scheme, rest, _ := strings.Cut(url, ":")
	var b backend
	var err error
	switch scheme {
	case "sqlite":
		b, err = openSQLite(ctx, rest, opts)
	case "postgresql", "postgres":
		b, err = openPostgres(ctx, url, opts)
	default:
		return nil, store.Invalidf("invalid-database-url", "cannot open the database: its URL is of no known kind").
			Try("write it as sqlite:PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME")
	}
	if err != nil {
		return nil, failed(err, "open the database")
	}
	return &DB{backend: b, now: opts.Now}, nil
}

// Close waits for running transactions and releases everything.
func (db *DB) Close() error {
	return failed(db.backend.close(), "close the database")
}
