package delta

import (
	"bytes"
	"crypto/sha3"
	"os"
	"os/exec"
	"testing"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/store"
)

// difference is the delta that leads from one file to another.
func difference(t *testing.T, from, to string) []byte {
	t.Helper()
	out, err := exec.Command(xdelta3(t), "-e", "-c", "-S", "none", "-s", from, to).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAnUploadedDeltaBecomesTheSnapThatItLeadsTo is what clients before
// version 7 of snapcraft upload.
func TestAnUploadedDeltaBecomesTheSnapThatItLeadsTo(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		first := h.push(t, "hello", "1", 1)
		m := h.maker(t)
		c := catalog.New(catalog.Options{
			DB: h.db, Blobs: h.store, Authority: h.authority, ApplyDelta: m.Apply,
		})
		alice := store.Principal{Role: store.RoleAdmin, Name: "alice", Account: "alice"}
		_, err := h.db.Update(t.Context(), "tester", func(tx *db.Tx) error {
			tx.Record(store.AccountPut, "account/alice", nil)
			return tx.PutAccount(store.Account{ID: "alice", Username: "alice", CreatedAt: tx.Now()})
		})
		if err != nil {
			t.Fatal(err)
		}
		yaml := "name: hello\nversion: '2'\nsummary: a snap\ndescription: words\nbase: core24\narchitectures: [amd64]\n"
		target := snaptest.Snap(t, yaml, snapbuild.Noise("noise", noiseSize, 1))
		whole, err := os.ReadFile(target)
		if err != nil {
			t.Fatal(err)
		}
		var rev *store.Revision
		err = h.db.View(t.Context(), func(tx *db.Tx) (err error) {
			rev, err = tx.Revision(first.PackageID, 1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		source, done, err := m.asFile(t.Context(), rev)
		if err != nil {
			t.Fatal(err)
		}
		defer done()
		good := difference(t, source, target)
		sum := sha3.Sum384(whole)
		other := sum
		other[0] ^= 1
		for name, tt := range map[string]struct {
			delta          []byte
			source, target store.Digest
			format         string
			ok             bool
		}{
			"damaged":         {bytes.Repeat([]byte("x"), 1000), rev.Blob, sum, "xdelta3", false},
			"another target":  {good, rev.Blob, other, "xdelta3", false},
			"another source":  {good, other, sum, "xdelta3", false},
			"another format":  {good, rev.Blob, sum, "bsdiff", false},
			"what it says":    {good, rev.Blob, sum, "xdelta3", true},
			"cut off":         {good[:len(good)/2], rev.Blob, sum, "xdelta3", false},
			"no delta at all": {[]byte("y"), rev.Blob, sum, "xdelta3", false},
		} {
			t.Run(name, func(t *testing.T) {
				id, err := c.Receive(t.Context(), catalog.Sent{Address: "192.0.2.1"}, bytes.NewReader(tt.delta))
				if err != nil {
					t.Fatal(err)
				}
				u, err := c.Claim(t.Context(), alice, store.Snap, catalog.Claim{
					Name: "hello", UploadID: id, Delta: &store.UploadDelta{Format: tt.format, Source: tt.source, Target: tt.target},
				})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := c.ProcessUploads(t.Context()); err != nil {
					t.Fatal(err)
				}
				s, err := c.UploadStatus(t.Context(), u.PackageID, u.ID)
				if err != nil {
					t.Fatal(err)
				}
				if !tt.ok {
					if s.Status != store.UploadFailed || len(s.Problems) != 1 || s.Problems[0].Code != catalog.CodeDelta {
						t.Errorf("it is %+v", s)
					}
					return
				}
				if s.Status != store.UploadApproved || s.Revision != 2 {
					t.Fatalf("it is %+v", s)
				}
			})
		}
	})
}
