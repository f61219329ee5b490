package authority

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/store"
)

func TestAuditFindsWhatNoLongerHolds(t *testing.T) {
	w := newWorld(t)
	onShelves(t, func(t *testing.T, b *bench) {
		b.trust(t, w.root)
		b.mustAdd(t, w.all()...)
		audit := func() map[string]string {
			t.Helper()
			faults := make(map[string]string)
			b.do(t, func(s Shelf) error {
				n, err := testAuthority.Audit(s, func(r store.Assertion, err error) error {
					faults[r.Type+"/"+r.PrimaryKey] = store.CodeOf(err)
					return nil
				})
				if n < 8 {
					t.Errorf("looked at %d", n)
				}
				return err
			})
			return faults
		}
		if faults := audit(); len(faults) != 0 {
			t.Fatalf("sound shelf: %v", faults)
		}

		damaged, misfiled, forged := row(w.revision), row(w.revision), row(w.revision)
		damaged.PrimaryKey, damaged.Encoded = "damaged", []byte("type: snap-revision\n")
		misfiled.PrimaryKey = "misfiled"
		forged.PrimaryKey = store.Digest{9}.Base64URL() + "/global-upload"
		forged.Encoded = bytes.Replace(forged.Encoded, []byte(someDigest.Base64URL()), []byte(store.Digest{9}.Base64URL()), 1)
		b.do(t, func(s Shelf) error {
			for _, r := range []store.Assertion{damaged, misfiled, forged} {
				if _, err := s.PutAssertion(r); err != nil {
					return err
				}
				recordAdded(s, r)
			}
			return nil
		})
		faults := audit()
		if len(faults) != 3 || faults["snap-revision/"+forged.PrimaryKey] != codeBadSignature {
			t.Errorf("three bad rows: %v", faults)
		}
		for _, key := range []string{"damaged", "misfiled"} {
			if _, ok := faults["snap-revision/"+key]; !ok {
				t.Errorf("the %s row was not found", key)
			}
		}

		// A key that was withdrawn takes what it signed with it.
		b.mustAdd(t, w.root.Sign(t, assertiontest.With(assertiontest.AccountKeyHeaders("rooty", assertiontest.StoreKey),
			"revision", "1", "until", b.now.Add(time.Hour).Format(time.RFC3339)), w.store.Signer.PublicKey().Encode()))
		b.now = b.now.Add(2 * time.Hour)
		if faults := audit(); faults["account/dev"] != codeExpired {
			t.Errorf("after the store's key has ended: %v", faults)
		}
		stop := errors.New("enough")
		b.update(func(s Shelf) error {
			if n, err := testAuthority.Audit(s, func(store.Assertion, error) error { return stop }); err != stop || n > 8 {
				t.Errorf("stopped after %d: %v", n, err)
			}
			return nil
		})
	})
}
