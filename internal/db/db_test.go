package db

import (
	"context"
	"database/sql"
	"testing"

	"github.com/larder-store/larder/internal/testservice"
)

// onBoth runs a test on an empty database of each kind. The URL opens further
// handles on the same one.
func onBoth(t *testing.T, test func(t *testing.T, db *DB, url string)) {
	t.Helper()
	for name, newURL := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := newURL(t)
			test(t, open(t, url), url)
		})
	}
}

var databases = map[string]func(testing.TB) string{
	"sqlite":   func(t testing.TB) string { return "sqlite:" + t.TempDir() + "/larder.db" },
	"postgres": func(t testing.TB) string { return testservice.PostgreSQL(t) },
}

func open(t testing.TB, url string) *DB {
	t.Helper()
	db, err := Open(context.Background(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// update runs f in a transaction that must succeed.
func update(t testing.TB, db *DB, f func(*Tx) error) int64 {
	t.Helper()
	seq, err := db.Update(t.Context(), "tester", f)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// view runs f in a read transaction that must succeed.
func view(t testing.TB, db *DB, f func(*Tx) error) {
	t.Helper()
	if err := db.View(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// pool reaches below the query layer.
func (db *DB) pool() *sql.DB {
	switch b := db.backend.(type) {
	case *sqliteBackend:
		return b.pool
	case *postgresBackend:
		return b.pool
	}
	panic("unknown backend")
}
