package upkeep

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func TestFsckFindsWhatIsBroken(t *testing.T) {
	tests := []struct {
		name        string
		spoil       func(t *testing.T, u *Upkeep, file string)
		says        string
		quarantined bool
	}{
		{"missing", func(t *testing.T, u *Upkeep, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}, "no such blob", false},
		{"truncated", func(t *testing.T, u *Upkeep, file string) {
			overwrite(t, file, func(b []byte) []byte { return b[:len(b)-1] })
		}, "corrupt", true},
		{"flipped bit", func(t *testing.T, u *Upkeep, file string) {
			overwrite(t, file, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		}, "corrupt", true},
		{"tampered assertion", func(t *testing.T, u *Upkeep, file string) {
			_, err := u.DB.Update(t.Context(), "thief", func(tx *db.Tx) error {
				rows, err := tx.Assertions(store.AssertionFilter{Type: "snap-revision", Limit: 1})
				if err != nil {
					return err
				}
				rows[0].Encoded = []byte(strings.Replace(string(rows[0].Encoded), "developer-id: own", "developer-id: 0wn", 1))
				rows[0].Revision++ // else it would not take the other's place
				_, err = tx.PutAssertion(rows[0])
				tx.Record(store.AssertionAdded, "assertion/x", nil)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}, "snap-revision/", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlace(t)
			u := found(t, p, authority.NewSecret())
			digest := mustPush(t, u, "hello", 1)
			mustPush(t, u, "other", 2)
			if r := clean(t, u); r.Blobs != 2 || r.Revisions != 2 || r.Assertions < 4 || r.Orphans != 0 {
				t.Errorf("report %+v", r)
			}
			tt.spoil(t, u, p.file(digest))
			for range 2 {
				r := fsck(t, u)
				if len(r.Damage) != 1 || r.Damage[0].Next == "" || !strings.Contains(r.Damage[0].What+" "+r.Damage[0].Why, tt.says) {
					if !tt.quarantined || len(r.Damage) != 1 || !strings.Contains(r.Damage[0].Why, "quarantine") {
						t.Fatalf("damage %+v", r.Damage)
					}
				}
			}
			if tt.name == "tampered assertion" {
				return
			}
			if _, err := served(t, u, "hello"); err == nil {
				t.Error("the broken blob is still served")
			}
			if _, err := u.Blobs.Open(t.Context(), digest, blob.UnknownSize); strings.Contains(fmt.Sprint(err), "quarantine") != tt.quarantined {
				t.Errorf("opening it: %v", err)
			}
			mustPush(t, u, "hello", 1) // the same bytes heal it
			clean(t, u)
			if _, err := served(t, u, "hello"); err != nil {
				t.Errorf("after healing: %v", err)
			}
		})
	}
}

func overwrite(t *testing.T, file string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, change(b), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCollectTakesOnlyOldGarbage(t *testing.T) {
	p := newPlace(t)
	u := found(t, p, authority.NewSecret())
	live := mustPush(t, u, "hello", 1)
	var garbage [2]store.Digest
	for i := range garbage {
		d, err := blob.Put(t.Context(), u.Blobs, strings.NewReader(fmt.Sprint("garbage", i)), blob.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		garbage[i] = d.SHA3_384
	}
	if r := fsck(t, u); r.Orphans != 2 || len(r.Damage) > 0 {
		t.Errorf("report %+v", r)
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, d := range []store.Digest{live, garbage[0]} {
		if err := os.Chtimes(p.file(d), old, old); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := u.Collect(t.Context(), operator, time.Hour); err != nil || c.Blobs != 1 {
		t.Errorf("collected %+v, %v", c, err)
	}
	if _, err := os.Stat(p.file(garbage[0])); err == nil {
		t.Error("the old garbage is still there")
	}
	for _, d := range []store.Digest{live, garbage[1]} {
		if _, err := os.Stat(p.file(d)); err != nil {
			t.Error(err)
		}
	}
	if _, err := u.Collect(t.Context(), operator, -time.Second); store.CodeOf(err) != "invalid-grace" {
		t.Errorf("error %v", err)
	}
	if _, err := u.Collect(t.Context(), store.Principal{}, time.Hour); store.KindOf(err) != store.KindForbidden {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsCollectedDuringACheckIsNoDamage(t *testing.T) {
	u := found(t, newPlace(t), authority.NewSecret())
	for i := range 3 {
		d, err := blob.Put(t.Context(), u.Blobs, strings.NewReader(fmt.Sprint("garbage ", i)), blob.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = u.DB.Update(t.Context(), "tester", func(tx *db.Tx) error {
			tx.Record(store.PackageUpdated, "package/x", nil)
			_, err := tx.AddBlob(store.Blob{Digest: d.SHA3_384, SHA256: fmt.Sprintf("%x", d.SHA256), Size: d.Size})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var once sync.Once
	r, err := u.Fsck(t.Context(), operator, FsckOptions{Progress: func(int, int, int64) {
		once.Do(func() {
			if _, err := u.Collect(t.Context(), operator, 0); err != nil {
				t.Error(err)
			}
		})
	}})
	if err != nil || len(r.Damage) > 0 {
		t.Errorf("%v, damage %+v", err, r.Damage)
	}
}

func TestCollectingWhilePushingLosesNothing(t *testing.T) {
	p := newPlace(t)
	secret := authority.NewSecret()
	u, other := found(t, p, secret), open(t, p, secret)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			if _, err := other.Collect(ctx, operator, 10*time.Minute); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	for n := range 15 {
		// The bytes are there already, as old garbage.
		d := mustPush(t, u, fmt.Sprint("hello-", n), n)
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(p.file(d), old, old); err != nil {
			t.Error(err)
		}
		mustPush(t, u, fmt.Sprint("hello-", n), n)
	}
	stop()
	wg.Wait()
	if r := clean(t, u); r.Blobs != 15 {
		t.Errorf("report %+v", r)
	}
	if list, err := filepath.Glob(p.blobs[len("file:"):] + "/quarantine/*"); err != nil || len(list) > 0 {
		t.Errorf("quarantined %v, %v", list, err)
	}
}
