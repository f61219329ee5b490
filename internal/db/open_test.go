package db

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/store"
)

func TestManyProcessesMayOpenANewDatabaseAtOnce(t *testing.T) {
	for name, newURL := range databases {
		t.Run(name, func(t *testing.T) {
			url := newURL(t)
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					db, err := Open(t.Context(), url, Options{MaxConns: 2})
					if err != nil {
						t.Errorf("handle %d: %v", i, err)
						return
					}
					defer db.Close()
					_, err = db.Update(t.Context(), "tester", func(tx *Tx) error {
						tx.Record(store.SettingSet, fmt.Sprintf("setting/%d", i), nil)
						return nil
					})
					if err != nil {
						t.Errorf("handle %d: %v", i, err)
					}
				})
			}
			wg.Wait()
			if list, err := open(t, url).Changes(t.Context(), 0, 0); err != nil || len(list) != 6 {
				t.Errorf("%d changes, %v", len(list), err)
			}
		})
	}
}

func TestADatabaseOfANewerLarderIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, url string) {
		update(t, db, func(tx *Tx) error {
			_, err := tx.keep(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`)
			return err
		})
		_, err := Open(t.Context(), url, Options{})
		if store.CodeOf(err) != "database-too-new" || !strings.Contains(err.Error(), "9999") {
			t.Errorf("got %v", err)
		}
	})
}

func TestOpenNamesWhatIsWrongAndNoPassword(t *testing.T) {
	// A listener that never answers, and a port where nothing listens.
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	dir := t.TempDir()
	notes := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(notes, []byte(strings.Repeat("these are only my notes\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	const password = "hunter2%2Fsecret"
	for name, c := range map[string]struct {
		url  string
		kind store.Kind
	}{
		"no scheme":        {"larder.db", store.KindInvalid},
		"other scheme":     {"mysql://u:" + password + "@h/d", store.KindInvalid},
		"no file":          {"sqlite:", store.KindInvalid},
		"in memory":        {"sqlite::memory:", store.KindInvalid},
		"no directory":     {"sqlite:" + filepath.Join(dir, "none", "larder.db"), store.KindUnavailable},
		"a directory":      {"sqlite:" + dir, store.KindUnavailable},
		"not a database":   {"sqlite:" + notes, store.KindUnavailable},
		"bad escape":       {"postgresql://u:" + password + "%zz@127.0.0.1/d", store.KindInvalid},
		"bad port":         {"postgresql://u:" + password + "@127.0.0.1:port/d", store.KindInvalid},
		"bad option":       {"postgresql://u:" + password + "@127.0.0.1/d?sslmode=sometimes", store.KindInvalid},
		"nobody listens":   {"postgresql://u:" + password + "@" + closed.Addr().String() + "/d", store.KindUnavailable},
		"nobody answers":   {"postgresql://u:" + password + "@" + mute.Addr().String() + "/d?connect_timeout=1", store.KindUnavailable},
		"no such database": {databases["postgres"](t) + "&dbname=absent&password=" + password, store.KindUnavailable},
	} {
		db, err := Open(t.Context(), c.url, Options{})
		if err == nil {
			db.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if store.KindOf(err) != c.kind {
			t.Errorf("%s: kind %v of %v", name, store.KindOf(err), err)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if text := fmt.Sprintf("%v %+v", e, e); strings.Contains(text, "hunter2") {
				t.Errorf("%s: the password is in %q", name, text)
			}
		}
	}
}

func TestTheDatabaseFileIsPrivateAndItsNameMayBeOdd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "what? a #1 100% name.db")
	db := open(t, "sqlite:"+path)
	update(t, db, func(tx *Tx) error { return addPackage(tx, testPackage(1), 1) })
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("mode of *%s is %o", suffix, mode)
		}
	}
}

func TestCheckTellsWhetherWritesWouldWork(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, url string) {
		update(t, db, func(tx *Tx) error { // a writer does not hold it up
			if err := db.Check(t.Context()); err != nil {
				t.Error(err)
			}
			return nil
		})
		code := "database-read-only"
		if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
			code = "database-unreachable"
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		} else {
			url += "&default_transaction_read_only=on"
			db = open(t, url)
		}
		expect(t, "check", db.Check(t.Context()), code)
	})
}

func TestASecondHandleLeavesTheLocksOfTheFirst(t *testing.T) {
	url := databases["sqlite"](t)
	db := open(t, url)
	update(t, db, func(tx *Tx) error {
		open(t, url)
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), intruder+"="+url)
		if out, err := child.CombinedOutput(); err != nil || string(out) != "kept out\n" {
			t.Errorf("another process says %q, %v", out, err)
		}
		return nil
	})
}

// tryToWrite tells whether the write lock could be had at once.
func tryToWrite(url string) {
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	db, err := Open(context.Background(), url, Options{})
	if err == nil {
		if _, err = db.Update(ctx, "intruder", func(*Tx) error { return nil }); err != nil {
			fmt.Println("kept out")
			os.Exit(0)
		}
	}
	fmt.Println("let in", err)
	os.Exit(1)
}

// On one of these variables the test binary becomes another process, which
// opens the database the variable names.
const (
	victim   = "LARDER_DB_TEST_VICTIM"
	intruder = "LARDER_DB_TEST_INTRUDER"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(victim); url != "" {
		holdTheWriteLock(url)
	}
	if url := os.Getenv(intruder); url != "" {
		tryToWrite(url)
	}
	os.Exit(m.Run())
}

// holdTheWriteLock commits one package, writes another without committing,
// says so, and waits for its end.
func holdTheWriteLock(url string) {
	ctx := context.Background()
	db, err := Open(ctx, url, Options{})
	if err == nil {
		_, err = db.Update(ctx, "victim", func(tx *Tx) error { return addPackage(tx, testPackage(1), 1) })
	}
	if err == nil {
		_, err = db.Update(ctx, "victim", func(tx *Tx) error {
			if err := addPackage(tx, testPackage(2), 1); err != nil {
				return err
			}
			fmt.Println("holding")
			select {}
		})
	}
	fmt.Println(err)
	os.Exit(1)
}

func TestTheWriteLockOfAKilledProcessIsFree(t *testing.T) {
	for name, newURL := range databases {
		t.Run(name, func(t *testing.T) {
			url := newURL(t)
			child := exec.Command(os.Args[0])
			child.Env = append(os.Environ(), victim+"="+url)
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(out).ReadString('\n')
			if err != nil || line != "holding\n" {
				child.Process.Kill()
				t.Fatalf("the child says %q, %v", line, err)
			}
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			child.Wait()

			db := open(t, url)
			view(t, db, func(tx *Tx) error {
				list, err := tx.Packages(store.PackageFilter{})
				if err == nil && (len(list) != 1 || list[0].ID != testPackage(1).ID) {
					t.Errorf("packages: %v", list)
				}
				return err
			})
			update(t, db, func(tx *Tx) error { return addPackage(tx, testPackage(2), 1) })
			if problems, err := db.Fsck(t.Context()); err != nil || len(problems) != 0 {
				t.Errorf("fsck: %v, %v", problems, err)
			}
		})
	}
}

func TestAFullDiskIsUnavailableForWantOfSpace(t *testing.T) {
	db := open(t, databases["sqlite"](t))
	update(t, db, func(tx *Tx) error { return addPackage(tx, testPackage(1), 1) })
	// SQLite gives the same error when a file may not grow.
	b := db.backend.(*sqliteBackend)
	w, err := b.take(t.Context(), b.writer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.conn.ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	b.writer.put(w)
	_, err = db.Update(t.Context(), "tester", func(tx *Tx) error {
		p := testPackage(2)
		p.Listing.Description = strings.Repeat("more ", 100_000)
		return addPackage(tx, p, 1)
	})
	if store.CodeOf(err) != "no-space" || store.KindOf(err) != store.KindUnavailable {
		t.Errorf("got %v", err)
	}
	if err := db.View(t.Context(), func(tx *Tx) error { _, err := tx.Package(testPackage(1).ID); return err }); err != nil {
		t.Errorf("it cannot be read any more: %v", err)
	}
}

func TestALostServerIsUnavailableAndComesBack(t *testing.T) {
	url := databases["postgres"](t)
	db, err := Open(t.Context(), url, Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	admin := open(t, url)
	begun := make(chan struct{})
	cut := make(chan struct{})
	go func() {
		<-begun
		update(t, admin, func(tx *Tx) error {
			_, err := one[int](tx.query, `
				SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid()`)
			return err
		})
		close(cut)
	}()
	_, err = db.Update(t.Context(), "tester", func(tx *Tx) error {
		close(begun)
		<-cut
		return tx.PutAccount(testAccount(1))
	})
	if store.KindOf(err) != store.KindUnavailable {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, err := db.Update(ctx, "tester", func(tx *Tx) error { return addPackage(tx, testPackage(1), 1) })
		if err == nil {
			break
		}
		if store.KindOf(err) != store.KindUnavailable || ctx.Err() != nil {
			t.Fatal(err)
		}
	}
	seq, err := admin.Fresh(ctx)
	if mine, err2 := db.Fresh(ctx); err != nil || err2 != nil || mine == 0 {
		t.Errorf("fresh: %d and %d, %v, %v", seq, mine, err, err2)
	}
}

func TestAnInterruptedWaitForTheOneWriterEnds(t *testing.T) {
	url := databases["sqlite"](t)
	db, other := open(t, url), open(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	update(t, db, func(tx *Tx) error {
		for _, handle := range []*DB{db, other} {
			if _, err := handle.Update(ctx, "tester", func(*Tx) error { return nil }); err == nil {
				t.Error("two writers at once")
			}
		}
		return nil
	})
	update(t, other, func(*Tx) error { return nil })
}

func TestOneReaderAfterTheOtherUsesOneConnection(t *testing.T) {
	db := open(t, databases["sqlite"](t))
	readers := db.backend.(*sqliteBackend).readers
	for range 10 {
		if err := db.View(t.Context(), func(tx *Tx) error { _, err := tx.Views(); return err }); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(readers.idle); n != 1 {
		t.Errorf("%d connections were opened, want 1", n)
	}
}
