package db

import (
	"context"
	"os"
	"path/filepath"

	"github.com/larder-store/larder/internal/store"
)

// Backup writes a dump to a new file at path, readable by its owner only,
// while others go on reading and writing. The file appears under its name once
// it is whole and on disk; an existing file fails with the code "file-exists".
func (db *DB) Backup(ctx context.Context, path string) (err error) {
	defer wrap(&err, "back up the database to %s", path)
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".larder-backup-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := db.Dump(ctx, f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	// A link, unlike a rename, refuses to replace.
	if err := os.Link(f.Name(), path); os.IsExist(err) {
		return store.Conflictf("file-exists", "cannot back up the database: %s exists already", path).Try("name another file")
	} else if err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Restore loads the backup at path into an empty database; see Load.
func (db *DB) Restore(ctx context.Context, path string) (err error) {
	defer wrap(&err, "restore the database from %s", path)
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return db.Load(ctx, f)
}
