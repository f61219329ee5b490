package db

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// fillAll puts at least one row into every table.
func fillAll(t *testing.T, db *DB) {
	p := testPackage(1)
	file := testBlob("a file")
	update(t, db, func(tx *Tx) error {
		if err := addPackage(tx, p, 2); err != nil {
			return err
		}
		v := testRevision(p, 3)
		v.Meta.CommonIDs = []string{"org.example.App"}
		v.Manifest = "name: \"quoted\"\n# ünïcode \u2028 <&>\n"
		if err := tx.InsertRevision(v); err != nil {
			return err
		}
		if _, err := tx.AddBlob(file); err != nil {
			return err
		}
		if err := tx.InsertResource(&store.ResourceRevision{PackageID: p.ID, Name: "part", Type: "file", CreatedAt: day,
			Blob: file.Digest, SHA256: file.SHA256, Size: file.Size}); err != nil {
			return err
		}
		r := testRelease(p, "1.0/beta/fix", 3)
		r.Resources, r.Percentage = []store.ResourcePin{{Name: "part", Revision: 1}}, 33.3
		if _, err := tx.AppendReleases([]store.Release{r, testRelease(p, "edge", 0)}); err != nil {
			return err
		}
		if _, err := tx.AddTrack(p.ID, store.Track{Name: "1.0", CreatedAt: day}); err != nil {
			return err
		}
		if _, err := tx.AddCategory("games"); err != nil {
			return err
		}
		if err := tx.SetCategories(p.ID, []store.Category{{Name: "games", Featured: true}}); err != nil {
			return err
		}
		if err := tx.SetMedia(p.ID, []store.Medium{{Kind: "icon", Blob: file.Digest, Size: file.Size, ContentType: "image/png"}}); err != nil {
			return err
		}
		if err := tx.PutOverride(store.Override{PackageID: "elsewhere", Architecture: "arm64", Revision: 9, At: day, By: "tester"}); err != nil {
			return err
		}
		if err := tx.AddDelta(store.Delta{PackageID: p.ID, Format: "xdelta3", Source: 1, Target: 2, Blob: file.Digest, Size: file.Size}); err != nil {
			return err
		}
		if err := tx.RefuseDelta(store.Delta{PackageID: p.ID, Format: "xdelta3", Source: 2, Target: 1}, "not worth it"); err != nil {
			return err
		}
		if _, _, err := tx.Follow("reader", "node", tx.Now().Add(time.Minute)); err != nil {
			return err
		}
		if err := tx.PutView(store.View{ID: "acme", Name: "Acme", Brand: "acme", Private: true, CreatedAt: day,
			Includes: []string{store.GlobalStore}, Packages: []string{p.ID}}); err != nil {
			return err
		}
		if _, err := tx.PutAssertion(store.Assertion{Type: "validation-set", PrimaryKey: "16/acme/set/2", SequenceKey: "16/acme/set", Sequence: 2,
			AuthorityID: "acme", SignKey: "key", Encoded: []byte("type: validation-set\n\n\x00\xff\xfe")}); err != nil {
			return err
		}
		if err := tx.AddTrustAnchor(store.TrustAnchor{AccountID: "acme", KeyID: "key", Origin: "a file", Documents: []byte("doc"), AddedAt: day, AddedBy: "tester"}); err != nil {
			return err
		}
		if err := tx.PutSigningKey(store.SigningKey{KeyID: "key", AccountID: "acme", Name: "default", Uses: []string{"model"}, Sealed: []byte{}, CreatedAt: day}); err != nil {
			return err
		}
		if err := tx.PutSetting("proxy.domain", []byte(`"example.com"`), "tester"); err != nil {
			return err
		}
		if err := tx.PutNonce("nonce", "session", tx.Now().Add(time.Hour)); err != nil {
			return err
		}
		if err := fillPeople(tx, p); err != nil {
			return err
		}
		if err := fillUsage(tx, p); err != nil {
			return err
		}
		if err := fillImages(tx, p); err != nil {
			return err
		}
		return tx.TouchDevice(store.DeviceID{Brand: "acme", Model: "pc", Serial: "1"}, "acme", map[string]string{"agent": "snapd/2.70"})
	})
}

// fillUsage puts a row into every table about what devices have installed.
func fillUsage(tx *Tx, p *store.Package) error {
	err := tx.PutUsage([]store.Usage{{
		Day: 20486, PackageID: p.ID, Device: [16]byte{0xff}, Channel: "latest/stable", Revision: 3,
		Architecture: "amd64", OperatingSystem: "ubuntu/24.04",
	}})
	if err == nil {
		_, err = tx.FoldUsage(20486)
	}
	return err
}

func dump(t *testing.T, db *DB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := db.Dump(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestEveryTableIsListed(t *testing.T) {
	queries := map[string]string{
		"sqlite": `SELECT name FROM sqlite_schema WHERE type = 'table'
			AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'search_index%' AND name <> 'goose_db_version'`,
		"postgres": `SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'goose_db_version'`,
	}
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		fillAll(t, db)
		view(t, db, func(tx *Tx) error {
			there, err := all(tx.query, value[string], queries[db.backend.dialect().name])
			if err != nil {
				return err
			}
			var listed []string
			for _, table := range tables {
				listed = append(listed, table.name)
				n, err := one[int](tx.query, `SELECT COUNT(*) FROM `+table.name)
				if err != nil {
					return err
				}
				if n == 0 {
					t.Errorf("the tests of dumps put nothing into %s", table.name)
				}
			}
			slices.Sort(there)
			slices.Sort(listed)
			if !slices.Equal(there, listed) {
				t.Errorf("tables are %q, listed are %q", there, listed)
			}
			return nil
		})
	})
}

func TestADumpOfOneDatabaseLoadsIntoAnyOther(t *testing.T) {
	for from, fromURL := range databases {
		for to, toURL := range databases {
			t.Run(from+" to "+to, func(t *testing.T) {
				t.Parallel()
				source := open(t, fromURL(t))
				fillAll(t, source)
				path := filepath.Join(t.TempDir(), "backup")
				if err := source.Backup(t.Context(), path); err != nil {
					t.Fatal(err)
				}
				if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("backup: %v, %v", info.Mode(), err)
				}
				if err := source.Backup(t.Context(), path); store.CodeOf(err) != "file-exists" {
					t.Errorf("a second backup to the same name: %v", err)
				}
				target := open(t, toURL(t))
				if err := target.Restore(t.Context(), path); err != nil {
					t.Fatal(err)
				}
				if a, b := dump(t, source), dump(t, target); !bytes.Equal(a, b) {
					t.Errorf("dumps differ:\n%s\n%s", a, b)
				}
				if problems, err := target.Fsck(t.Context()); err != nil || len(problems) != 0 {
					t.Errorf("fsck: %v, %v", problems, err)
				}
				p := testPackage(1)
				if ids, err := target.Search(t.Context(), store.SearchQuery{Text: p.Name}); err != nil || !slices.Equal(ids, []string{p.ID}) {
					t.Errorf("search: %v, %v", ids, err)
				}
				// Numbers go on where the dump ends.
				newest, err := source.Fresh(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				releases := []store.Release{testRelease(p, "stable", 1)}
				seq := update(t, target, func(tx *Tx) error {
					tx.Record(store.Released, "package/"+p.ID, nil)
					_, err := tx.AppendReleases(releases)
					return err
				})
				if seq != newest+1 || releases[0].Seq != 4 {
					t.Errorf("change %d follows %d, release %d follows 3", seq, newest, releases[0].Seq)
				}
				if err := target.Restore(t.Context(), path); store.CodeOf(err) != "database-not-empty" {
					t.Errorf("a second restore: %v", err)
				}
			})
		}
	}
}

func TestADumpIsOfOneMoment(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		fillAll(t, db)
		want := dump(t, db)
		r, w := io.Pipe()
		go func() { w.CloseWithError(db.Dump(context.WithoutCancel(t.Context()), w)) }()
		// A read of the first byte proves that the dump has begun.
		first := make([]byte, 1)
		if _, err := io.ReadFull(r, first); err != nil {
			t.Fatal(err)
		}
		update(t, db, func(tx *Tx) error { return addPackage(tx, testPackage(2), 1) })
		rest, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := append(first, rest...); !bytes.Equal(got, want) {
			t.Errorf("the dump holds what came later")
		}
	})
}

func TestABadDumpChangesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		source := open(t, databases["sqlite"](t))
		fillAll(t, source)
		good := string(dump(t, source))
		lines := strings.SplitAfter(good, "\n")
		replace := func(old, new string) string {
			if !strings.Contains(good, old) {
				t.Fatalf("no %q in the dump", old)
			}
			return strings.Replace(good, old, new, 1)
		}
		for name, c := range map[string]struct{ dump, code string }{
			"empty":              {"", "invalid-dump"},
			"other file":         {"PK\x03\x04", "invalid-dump"},
			"torn":               {good[:len(good)/2], "invalid-dump"},
			"without its end":    {strings.Join(lines[:len(lines)-2], ""), "invalid-dump"},
			"a row less":         {strings.Replace(good, lines[2], "", 1), "invalid-dump"},
			"more after the end": {good + "[]\n", "invalid-dump"},
			"empty line":         {replace("\n", "\n\n"), "invalid-dump"},
			"unknown table":      {replace(`"table":"stores"`, `"table":"stores; DROP TABLE accounts"`), "invalid-dump"},
			"table twice":        {replace(`"table":"stores"`, `"table":"accounts"`), "invalid-dump"},
			"unknown column":     {replace(`"username"`, `"username) VALUES (1); --"`), "invalid-dump"},
			"missing reference":  {replace(`"package_id","name","created_at"`, `"name","package_id","created_at"`), "invalid-dump"},
			"odd value":          {replace(`{"base64":`, `{"base65":`), "invalid-dump"},
			"newer format":       {replace(`"larder-dump":1`, `"larder-dump":2`), "dump-too-new"},
			"newer tables":       {replace(`"schema":`, `"schema":9`), "dump-too-new"},
		} {
			if err := db.Load(t.Context(), strings.NewReader(c.dump)); store.CodeOf(err) != c.code {
				t.Errorf("%s: got %v", name, err)
			}
			view(t, db, func(tx *Tx) error {
				n, err := one[int](tx.query, `SELECT COUNT(*) FROM accounts`)
				if err == nil && n != 0 {
					t.Errorf("%s: %d accounts stayed", name, n)
				}
				return err
			})
		}
		if err := db.Load(t.Context(), strings.NewReader(good)); err != nil {
			t.Errorf("after all that, the good dump: %v", err)
		}
	})
}

func TestFsckNamesRowsThatPointAtNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		fillAll(t, db)
		if problems, err := db.Fsck(t.Context()); err != nil || len(problems) != 0 {
			t.Fatalf("a sound database: %v, %v", problems, err)
		}
		// Only by switching the rules off can a row be orphaned.
		off, on := "PRAGMA foreign_keys = 0", "PRAGMA foreign_keys = 1"
		if db.backend.dialect().name == "postgres" {
			off, on = "SET session_replication_role = replica", "SET session_replication_role = origin"
		}
		damage(t, db, off, on,
			`DELETE FROM blobs`, `DELETE FROM revisions WHERE number = 3`, `DELETE FROM search_documents`, `DELETE FROM libraries`)
		problems, err := db.Fsck(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range problems {
			got = append(got, fmt.Sprintf("%s %s: %s", p.Table, p.Row, p.Problem))
		}
		id := testPackage(1).ID
		for _, want := range []string{
			"revisions " + id + "/1: its blob has no row",
			"resource_revisions " + id + "/part/1: its blob has no row",
			"package_media " + id + "/0: its blob has no row",
			"deltas " + id + "/1/2: its blob has no row",
			"image_blobs " + id + "/server/" + testBlob("a layer").SHA256 + ": its blob has no row, or another SHA-256",
			"image_manifests " + id + "/server/sha256:" + testBlob("a manifest").SHA256 + ": its blob has no row, or another size or SHA-256",
			"library_revisions lib/1.2: its library does not exist",
			"releases 2: the revision it names does not exist",
			"packages " + id + ": it cannot be searched for",
		} {
			if !slices.Contains(got, want) {
				t.Errorf("not named: %s", want)
			}
		}
		if len(got) != 10 { // two revisions without a blob
			t.Errorf("got %q", got)
		}
	})
}

// damage runs statements behind the back of the query layer, on a connection
// of its own.
func damage(t *testing.T, db *DB, statements ...string) {
	t.Helper()
	pool := db.pool()
	c, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	first, last := statements[0], statements[1]
	for _, s := range slices.Concat([]string{first}, statements[2:], []string{last}) {
		if _, err := c.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}
