package db

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/larder-store/larder/internal/store"
)

//go:embed migrations
var migrations embed.FS

// migrate brings the tables up to date. The caller holds a lock that keeps
// other processes from doing the same.
func migrate(ctx context.Context, pool *sql.DB, name string) error {
	dir, err := fs.Sub(migrations, "migrations/"+name)
	if err != nil {
		return err
	}
	dialect := goose.DialectSQLite3
	if name == "postgres" {
		dialect = goose.DialectPostgres
	}
	p, err := goose.NewProvider(dialect, pool, dir)
	if err != nil {
		return err
	}
	current, newest, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	switch {
	case current > newest:
		return store.Unavailablef("database-too-new",
			"cannot open the database: its tables have version %d, this larder knows them up to %d", current, newest).
			Try("use the newer larder that wrote it")
	case current == newest:
		return nil
	}
	_, err = p.Up(ctx)
	return err
}
