package db

import (
	"context"
	"fmt"
)

// Check reports whether the database answers a read and looks as if it would
// take a write. It writes nothing and waits for no writer.
func (db *DB) Check(ctx context.Context) error {
	if _, err := db.Changes(ctx, 0, 1); err != nil {
		return err
	}
	return failed(classified(db.backend, db.backend.writable(ctx)), "reach the database")
}

// Problem is something that must not be in the database.
type Problem struct {
	Table   string
	Row     string // its key
	Problem string
}

// reference is a rule that every row of a table points at something, which
// the database itself enforces; Fsck asks whether it has.
type reference struct {
	table, key, problem, missing string
}

var references = []reference{
	{"packages", `x.id`, "its publisher has no account",
		`packages x WHERE NOT EXISTS (SELECT 1 FROM accounts a WHERE a.id = x.publisher_id)`},
	{"revisions", `x.package_id || '/' || x.number`, "its package does not exist",
		`revisions x WHERE NOT EXISTS (SELECT 1 FROM packages p WHERE p.id = x.package_id)`},
	{"revisions", `x.package_id || '/' || x.number`, "its blob has no row",
		`revisions x WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha3_384 = x.blob)`},
	{"revisions", `x.package_id || '/' || x.number`, "its size or SHA-256 differs from its blob's",
		`revisions x JOIN blobs b ON b.sha3_384 = x.blob WHERE b.size <> x.size OR b.sha256 <> x.sha256`},
	{"resource_revisions", `x.package_id || '/' || x.name || '/' || x.revision`, "its blob has no row",
		`resource_revisions x WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha3_384 = x.blob)`},
	{"resource_revisions", `x.package_id || '/' || x.name || '/' || x.revision`, "its size or SHA-256 differs from its blob's",
		`resource_revisions x JOIN blobs b ON b.sha3_384 = x.blob WHERE b.size <> x.size OR b.sha256 <> x.sha256`},
	{"package_media", `x.package_id || '/' || x.position`, "its blob has no row",
		`package_media x WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha3_384 = x.blob)`},
	{"deltas", `x.package_id || '/' || x.source || '/' || x.target`, "its blob has no row",
		`deltas x WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha3_384 = x.blob)`},
	{"image_blobs", `x.package_id || '/' || x.resource || '/' || x.sha256`, "its blob has no row, or another SHA-256",
		`image_blobs x WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.sha3_384 = x.blob AND b.sha256 = x.sha256)`},
	{"image_manifests", `x.package_id || '/' || x.resource || '/' || x.digest`, "its blob has no row, or another size or SHA-256",
		`image_manifests x WHERE NOT EXISTS (
			SELECT 1 FROM blobs b WHERE b.sha3_384 = x.blob AND b.size = x.size AND 'sha256:' || b.sha256 = x.digest)`},
	{"image_manifest_parts", `x.package_id || '/' || x.resource || '/' || x.manifest || '/' || x.digest`, "the repository has no such manifest",
		`image_manifest_parts x WHERE x.is_manifest AND NOT EXISTS (
			SELECT 1 FROM image_manifests m
			WHERE m.package_id = x.package_id AND m.resource = x.resource AND m.digest = x.digest)`},
	{"image_manifest_parts", `x.package_id || '/' || x.resource || '/' || x.manifest || '/' || x.digest`, "the repository has no such blob",
		`image_manifest_parts x WHERE NOT x.is_manifest AND NOT EXISTS (
			SELECT 1 FROM image_blobs b
			WHERE b.package_id = x.package_id AND b.resource = x.resource AND 'sha256:' || b.sha256 = x.digest)`},
	{"releases", `CAST(x.seq AS TEXT)`, "the revision it names does not exist",
		`releases x WHERE x.revision IS NOT NULL AND NOT EXISTS (
			SELECT 1 FROM revisions v WHERE v.package_id = x.package_id AND v.number = x.revision)`},
	{"release_resources", `CAST(x.release_seq AS TEXT)`, "the resource revision it names does not exist",
		`release_resources x WHERE NOT EXISTS (
			SELECT 1 FROM resource_revisions v
			WHERE v.package_id = x.package_id AND v.name = x.name AND v.revision = x.revision)`},
	{"libraries", `x.id`, "its package does not exist",
		`libraries x WHERE NOT EXISTS (SELECT 1 FROM packages p WHERE p.id = x.package_id)`},
	{"library_revisions", `x.library_id || '/' || x.api || '.' || x.patch`, "its library does not exist",
		`library_revisions x WHERE NOT EXISTS (SELECT 1 FROM libraries l WHERE l.id = x.library_id)`},
	{"search_documents", `x.package_id`, "its package does not exist",
		`search_documents x WHERE NOT EXISTS (SELECT 1 FROM packages p WHERE p.id = x.package_id)`},
	{"packages", `x.id`, "it cannot be searched for",
		`packages x WHERE NOT EXISTS (SELECT 1 FROM search_documents d WHERE d.package_id = x.id)`},
}

// maxProblems bounds how many problems of one sort are reported.
const maxProblems = 100

// Fsck looks for rows that point at nothing, and on SQLite for damage of the
// file, in one read transaction. It returns up to 100 problems of each sort.
func (db *DB) Fsck(ctx context.Context) (problems []Problem, err error) {
	defer wrap(&err, "check the database")
	err = db.View(ctx, func(tx *Tx) error {
		problems = nil
		for _, ref := range references {
			rows, err := all(tx.query, value[string], fmt.Sprintf(`SELECT %s FROM %s LIMIT %d`, ref.key, ref.missing, maxProblems))
			if err != nil {
				return err
			}
			for _, row := range rows {
				problems = append(problems, Problem{ref.table, row, ref.problem})
			}
		}
		damage := tx.backend.dialect().damage
		if damage == "" {
			return nil
		}
		said, err := all(tx.query, value[string], damage)
		if err != nil {
			return err
		}
		for _, s := range said {
			if s != "ok" {
				problems = append(problems, Problem{Problem: s})
			}
		}
		return nil
	})
	return problems, err
}
