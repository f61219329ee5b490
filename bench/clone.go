package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// cloning makes a package into very many: every row that device traffic reads,
// with an id and a digest of its own, as if each had been pushed. There are no
// files behind the digests and no assertions, which a refresh does not ask for.
//
// Each statement takes the ids of a batch as a JSON array, and the name of the
// package that is cloned.
var cloning = []string{
	`INSERT INTO packages (id, namespace, name, publisher_id, store_id, private, unlisted, default_track, created_at, listing)
	 SELECT value, namespace, 'clone-' || lower(value), publisher_id, store_id, private, unlisted, default_track, created_at, listing
	 FROM json_each(?) CROSS JOIN packages WHERE namespace = 'snap' AND name = ?`,
	`INSERT INTO tracks (package_id, name, created_at)
	 SELECT value, t.name, t.created_at
	 FROM json_each(?) CROSS JOIN packages p CROSS JOIN tracks t WHERE p.namespace = 'snap' AND p.name = ? AND t.package_id = p.id`,
	`INSERT INTO blobs (sha3_384, sha256, size, created_at, quarantined_at)
	 SELECT lower(value || value || value), lower(value || value), b.size, b.created_at, b.quarantined_at
	 FROM json_each(?) CROSS JOIN packages p CROSS JOIN revisions r CROSS JOIN blobs b
	 WHERE p.namespace = 'snap' AND p.name = ? AND r.package_id = p.id AND b.sha3_384 = r.blob`,
	`INSERT INTO revisions (package_id, number, status, version, created_at, created_by, blob, sha256, size, platforms, provenance, manifest, meta)
	 SELECT value, r.number, r.status, r.version, r.created_at, r.created_by,
	        lower(value || value || value), lower(value || value), r.size, r.platforms, r.provenance, r.manifest, r.meta
	 FROM json_each(?) CROSS JOIN packages p CROSS JOIN revisions r WHERE p.namespace = 'snap' AND p.name = ? AND r.package_id = p.id`,
	`INSERT INTO releases (package_id, at, actor, track, risk, branch, architecture, base_name, base_channel, revision, percentage, expires)
	 SELECT value, r.at, r.actor, r.track, r.risk, r.branch, r.architecture, r.base_name, r.base_channel, r.revision, r.percentage, r.expires
	 FROM json_each(?) CROSS JOIN packages p CROSS JOIN releases r WHERE p.namespace = 'snap' AND p.name = ? AND r.package_id = p.id`,
}

// cloneID is the id of the n-th clone: ids that follow each other lie apart,
// as real ones do. It is written in hexadecimal, so that digests can be made
// of it.
func cloneID(n int) string {
	x := uint64(n)
	var id strings.Builder
	for range 2 { // a step of splitmix64
		x += 0x9e3779b97f4a7c15
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		fmt.Fprintf(&id, "%016X", z^z>>31)
	}
	return id.String()
}

const cloneBatch = 10_000

// clone makes n clones of a package while no server runs.
func (l *larder) clone(ctx context.Context, name string, n int) (err error) {
	db, postgres, err := l.database()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	db.SetMaxOpenConns(1)
	ids := make([]string, n)
	for i := range ids {
		ids[i] = cloneID(i)
	}
	slices.Sort(ids) // in the order of the indexes it takes a tenth of the time
	for batch := range slices.Chunk(ids, cloneBatch) {
		list, err := json.Marshal(batch)
		if err != nil {
			return err
		}
		if err := cloneSome(ctx, db, postgres, string(list), name); err != nil {
			return fmt.Errorf("cannot clone packages: %w", err)
		}
	}
	if postgres { // which would do so by itself after a while
		_, err = db.ExecContext(ctx, "ANALYZE")
	}
	return err
}

func cloneSome(ctx context.Context, db *sql.DB, postgres bool, ids, name string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, statement := range cloning {
		if postgres {
			statement = strings.NewReplacer(
				"json_each(?)", "jsonb_array_elements_text(CAST($1 AS jsonb))", "= ?", "= $2").Replace(statement)
		}
		if _, err := tx.ExecContext(ctx, statement, ids, name); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// database opens the store's database behind larder's back.
func (l *larder) database() (db *sql.DB, postgres bool, err error) {
	for _, variable := range l.env {
		if url, ok := strings.CutPrefix(variable, "LARDER_DB="); ok {
			db, err = sql.Open("pgx", url)
			return db, true, err
		}
	}
	db, err = sql.Open("sqlite", "file:"+filepath.Join(l.data(), "larder.db")+"?_pragma=synchronous(0)&_pragma=foreign_keys(0)")
	return db, false, err
}

// databasesIn makes databases in the PostgreSQL at url.
func databasesIn(url string) func(ctx context.Context, name string) (string, error) {
	return func(ctx context.Context, name string) (string, error) {
		config, err := pgx.ParseConfig(url)
		if err != nil {
			return "", errors.New("cannot read the URL of the PostgreSQL server") // it may hold a password
		}
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return "", err
		}
		defer conn.Close(ctx)
		database := "larder_bench_" + name
		for _, statement := range []string{"DROP DATABASE IF EXISTS " + database, "CREATE DATABASE " + database} {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return "", err
			}
		}
		return withDatabase(url, database)
	}
}

// withDatabase is url with another database.
func withDatabase(server, database string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", errors.New("cannot read the URL of the PostgreSQL server")
	}
	u.Path = "/" + database
	return u.String(), nil
}
