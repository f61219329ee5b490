package db

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/larder-store/larder/internal/store"
)

// sqliteBackend keeps one connection that writes and a few that read. In WAL
// mode readers never wait for the writer nor it for them. Writers of this
// process queue for the connection; those of other processes meet in SQLite's
// own lock, with its busy timeout.
type sqliteBackend struct {
	path    string
	pool    *sql.DB
	writer  *sqliteConns  // one
	readers *sqliteConns  // as many as may read at the same time
	closed  chan struct{} // closed by close
	watch   sqliteWatch
	closing sync.Once
}

// Every connection: acknowledged writes survive power loss (FULL), and rows
// point at rows that exist. The busy timeout is short because Update tries
// again and, unlike SQLite, notices a cancelled context between two tries. No
// connection creates the file (mode=rw): one that vanished is an error, not an
// empty database.
const sqliteOptions = "mode=rw&_pragma=busy_timeout(1000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
	"&_pragma=foreign_keys(1)&_pragma=journal_size_limit(67108864)&_pragma=cache_size(-4000)&_pragma=temp_store(MEMORY)"

var sqliteDialect = dialect{
	name:   "sqlite",
	damage: `PRAGMA integrity_check(100)`,
	search: sqliteSearch,
}

func openSQLite(ctx context.Context, path string, opts Options) (_ *sqliteBackend, err error) {
	if path == "" || path == ":memory:" {
		return nil, store.Invalidf("invalid-database-url", "cannot open the database: sqlite: names no file").
			Try("write it as sqlite:PATH")
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", Path: path, RawQuery: sqliteOptions}
	pool, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	b := &sqliteBackend{
		path:    path,
		pool:    pool,
		writer:  newSQLiteConns(1),
		readers: newSQLiteConns(opts.MaxConns),
		closed:  make(chan struct{}),
	}
	defer func() {
		if err != nil {
			pool.Close()
		}
	}()
	pool.SetMaxIdleConns(opts.MaxConns + 2)
	if err := b.migrate(ctx); err != nil {
		return nil, err
	}
	if b.watch.conn, err = b.connect(ctx); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *sqliteBackend) migrate(ctx context.Context) error {
	unlock, err := lockFile(ctx, b.path+".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if err := createPrivate(b.path); err != nil {
		return err
	}
	return classified(b, migrate(ctx, b.pool, "sqlite"))
}

// createPrivate creates the file if there is none, such that nobody else may
// read it: it holds sealed keys. SQLite gives its side files the same mode.
//
// A file that exists is left alone, and so must everything else in this
// process do that is not SQLite: closing any descriptor of the file would
// release the locks that SQLite holds on it (POSIX, fcntl).
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if os.IsExist(err) {
		return nil
	}
	if err != nil {
		return store.Unavailablef("database-unreachable", "cannot create the database file").Because(err)
	}
	return f.Close()
}

// writable asks the file system; opening the file to try would cost SQLite its
// locks, see createPrivate.
func (b *sqliteBackend) writable(context.Context) error {
	const write = 2 // W_OK
	switch err := syscall.Access(b.path, write); err {
	case nil:
		return nil
	case syscall.ENOENT: // connections that are open work on, for nobody to see
		return store.Unavailablef("database-unreachable", "the database file %s is gone", b.path).Because(err)
	default:
		// Health checks show the message to whoever asks; the path is for the log.
		return store.Unavailablef("database-read-only", "the database file cannot be written").
			Try("check its owner and mode, and how its file system is mounted").Because(&os.PathError{Op: "write", Path: b.path, Err: err})
	}
}

func (b *sqliteBackend) close() (err error) {
	b.closing.Do(func() {
		close(b.closed)
		// Taking the connections waits for whoever uses them.
		conns := append(b.writer.takeAll(), b.readers.takeAll()...)
		b.watch.mu.Lock()
		defer b.watch.mu.Unlock()
		conns = append(conns, b.watch.conn)
		b.watch.conn = nil
		for _, c := range conns {
			c.close()
		}
		err = b.pool.Close()
	})
	return err
}

func (b *sqliteBackend) dialect() *dialect { return &sqliteDialect }

func (b *sqliteBackend) committed(int64) { b.watch.dirty() }

func (b *sqliteBackend) classify(err error) failure {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return failureOther
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return failureDuplicate
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, sqlite3.SQLITE_CONSTRAINT_TRIGGER:
		return failureReference
	}
	switch e.Code() & 0xff { // the rest is detail
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return failureBusy
	case sqlite3.SQLITE_FULL:
		return failureNoSpace
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return failureUnreachable
	case sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return failureInvalid
	}
	return failureOther
}
