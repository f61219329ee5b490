package upkeep

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/testservice"
)

func backup(t testing.TB, u *Upkeep, o BackupOptions) (string, BackupHeader) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "larder.tar")
	head, err := u.Backup(t.Context(), operator, path, o)
	if err != nil {
		t.Fatal(err)
	}
	return path, head
}

func restore(t testing.TB, u *Upkeep, path string) (Restored, error) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return u.Restore(t.Context(), f, nil)
}

func TestABackupTakenWhilePushingRestoresElsewhere(t *testing.T) {
	secret := authority.NewSecret()
	files := newPlace(t)
	services := place{testservice.PostgreSQL(t), testservice.S3(t)}
	for _, way := range []struct {
		name     string
		from, to place
	}{
		{"to services", files, services},
		{"to files", place{testservice.PostgreSQL(t), testservice.S3(t)}, newPlace(t)},
	} {
		t.Run(way.name, func(t *testing.T) {
			from := found(t, way.from, secret)
			for n := range 3 {
				mustPush(t, from, "hello", n)
			}
			ctx, stop := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					if _, err := push(ctx, t, from, fmt.Sprint("later-", n), 100+n); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			})
			path, head := backup(t, from, BackupOptions{})
			stop()
			wg.Wait()
			if head.Blobs < 3 || head.Secret || len(head.Missing) > 0 {
				t.Errorf("header %+v", head)
			}
			to := open(t, way.to, secret)
			out, err := restore(t, to, path)
			if err != nil || out.StoreID != head.StoreID || out.SecretText != nil {
				t.Fatalf("restored %+v, %v", out, err)
			}
			r := clean(t, to)
			if r.Blobs != head.Blobs {
				t.Errorf("%d blobs of %d are there", r.Blobs, head.Blobs)
			}
			want, err := served(t, from, "hello")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := served(t, to, "hello"); err != nil || !bytes.Equal(got, want) {
				t.Errorf("the restored store serves something else, %v", err)
			}
			mustPush(t, to, "hello", 50) // its key still signs
			if _, err := restore(t, to, path); store.CodeOf(err) != "database-not-empty" {
				t.Errorf("restoring again: %v", err)
			}
		})
	}
}

func TestATornBackupLeavesTheDatabaseEmpty(t *testing.T) {
	secret := authority.NewSecret()
	from := found(t, newPlace(t), secret)
	mustPush(t, from, "hello", 1)
	path, _ := backup(t, from, BackupOptions{})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := open(t, newPlace(t), secret)
	// The last 1024 bytes and the padding before them hold nothing.
	end := len(bytes.TrimRight(whole, "\x00"))
	for n := range 61 {
		torn := whole[:(end-1)*n/60]
		_, err := to.Restore(t.Context(), bytes.NewReader(torn), nil)
		if store.KindOf(err) != store.KindInvalid {
			t.Errorf("cut at %d of %d: error %v", len(torn), len(whole), err)
		}
		if seq(t, to) != 0 {
			t.Fatalf("cut at %d of %d: the database holds something", len(torn), len(whole))
		}
	}
	for n := range 20 {
		flipped := bytes.Clone(whole)
		flipped[1024+(len(whole)/3)*n/20] ^= 4 // the header and the blobs
		if _, err := to.Restore(t.Context(), bytes.NewReader(flipped), nil); err == nil {
			t.Fatalf("a flipped bit (%d) was restored", n)
		}
	}
	if _, err := to.Restore(t.Context(), bytes.NewReader(whole), nil); err != nil {
		t.Fatal(err)
	}
	clean(t, to)
}

func TestTheSecretIsInABackupOnlyWhenAskedFor(t *testing.T) {
	u := found(t, newPlace(t), authority.NewSecret())
	secret := []byte("c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IQ==")
	for _, asked := range []bool{false, true} {
		o := BackupOptions{}
		if asked {
			o.Secret = secret
		}
		path, head := backup(t, u, o)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, secret) != asked || head.Secret != asked || bytes.Contains(text, []byte("PRIVATE KEY")) {
			t.Errorf("asked %t: header %+v", asked, head)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		left, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(left) != 1 {
			t.Errorf("beside the backup: %v, %v", left, err)
		}
		if _, err := u.Backup(t.Context(), operator, path, o); store.CodeOf(err) != "file-exists" {
			t.Errorf("error %v", err)
		}
	}
}

func TestABackupLeavesOutWhatTheStoreHasLost(t *testing.T) {
	p, secret := newPlace(t), authority.NewSecret()
	u := found(t, p, secret)
	lost := mustPush(t, u, "hello", 1)
	mustPush(t, u, "other", 2)
	overwrite(t, p.file(lost), func(b []byte) []byte { b[100] ^= 1; return b })
	_, err := u.Backup(t.Context(), operator, filepath.Join(t.TempDir(), "x"), BackupOptions{})
	if store.CodeOf(err) != "blob-unavailable" {
		t.Fatalf("a damaged blob went into the backup: %v", err)
	}
	fsck(t, u)
	path, head := backup(t, u, BackupOptions{})
	if head.Blobs != 1 || len(head.Missing) != 1 || head.Missing[0] != lost.Hex() {
		t.Errorf("header %+v", head)
	}
	to := open(t, newPlace(t), secret)
	if _, err := restore(t, to, path); err != nil {
		t.Fatal(err)
	}
	if r := fsck(t, to); len(r.Damage) != 1 {
		t.Errorf("damage %+v", r.Damage)
	}
	if _, err := served(t, to, "other"); err != nil {
		t.Error(err)
	}
}
