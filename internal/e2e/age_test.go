package e2e

import (
	"database/sql"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	_ "modernc.org/sqlite"             // the driver sqlite
)

// ageing is where the store writes down when something came, in microseconds.
var ageing = map[string][]string{
	"blobs":           {"created_at"},
	"image_blobs":     {"added_at"},
	"image_manifests": {"pushed_at"},
	"image_uploads":   {"started_at", "updated_at"},
	"uploads":         {"created_at", "expires_at", "claimed_at"},
}

// age makes everything that was put into the store older, behind its back. No
// server runs meanwhile. What S3 has cannot be made older.
func (n *node) age(by time.Duration) {
	n.t.Helper()
	driver, source := "sqlite", filepath.Join(n.dir, "larder.db")
	if n.place.db != "" {
		driver, source = "pgx", n.place.db
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		n.t.Fatal(err)
	}
	defer db.Close()
	for table, columns := range ageing {
		var set []string
		for _, c := range columns {
			set = append(set, fmt.Sprintf("%[1]s = CASE WHEN %[1]s = 0 THEN 0 ELSE %[1]s - %[2]d END", c, by.Microseconds()))
		}
		if _, err := db.ExecContext(n.t.Context(), "UPDATE "+table+" SET "+strings.Join(set, ", ")); err != nil {
			n.t.Fatal(err)
		}
	}
	if n.place.blobs != "" {
		return
	}
	then := time.Now().Add(-by)
	err = filepath.WalkDir(filepath.Join(n.dir, "blobs"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return os.Chtimes(path, then, then)
	})
	if err != nil {
		n.t.Fatal(err)
	}
}
