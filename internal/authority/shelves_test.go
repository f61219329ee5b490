package authority

import (
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/testservice"
)

// bench is a shelf in one of its implementations. Its time moves by hand.
type bench struct {
	now time.Time
	// update runs f in a transaction of its own, which is undone when f fails.
	update func(f func(Shelf) error) error
}

// onShelves runs a test on every implementation of Shelf.
func onShelves(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Run("memory", func(t *testing.T) { test(t, memoryBench()) })
	t.Run("sqlite", func(t *testing.T) {
		test(t, dbBench(t, "sqlite:"+filepath.Join(t.TempDir(), "larder.db")))
	})
	t.Run("postgresql", func(t *testing.T) { test(t, dbBench(t, testservice.PostgreSQL(t))) })
}

func memoryBench() *bench {
	b := &bench{now: assertiontest.Now}
	m := new(Memory)
	b.update = func(f func(Shelf) error) error {
		m.At = b.now
		return f(m)
	}
	return b
}

func dbBench(t *testing.T, url string) *bench {
	t.Helper()
	b := &bench{now: assertiontest.Now}
	d, err := db.Open(t.Context(), url, db.Options{Now: func() time.Time { return b.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	b.update = func(f func(Shelf) error) error {
		_, err := d.Update(t.Context(), "tester", func(tx *db.Tx) error { return f(tx) })
		return err
	}
	return b
}

// do runs f and fails the test with its error.
func (b *bench) do(t *testing.T, f func(Shelf) error) {
	t.Helper()
	if err := b.update(f); err != nil {
		t.Fatal(err)
	}
}

// trust makes the documents of root an anchor.
func (b *bench) trust(t *testing.T, root *assertiontest.Authority) {
	t.Helper()
	b.do(t, func(s Shelf) error {
		_, _, err := testAuthority.AddAnchor(s, Encode([]*assertion.Assertion{root.Account, root.Key}), "test", "tester")
		return err
	})
}

// add adds a batch.
func (b *bench) add(batch ...*assertion.Assertion) (out Added, err error) {
	err = b.update(func(s Shelf) error {
		out, err = testAuthority.Add(s, batch)
		return err
	})
	return out, err
}

func (b *bench) mustAdd(t *testing.T, batch ...*assertion.Assertion) Added {
	t.Helper()
	out, err := b.add(batch...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// find returns what is held, or nil.
func (b *bench) find(t *testing.T, ref assertion.Ref, maxFormat int) (found *assertion.Assertion) {
	t.Helper()
	b.do(t, func(s Shelf) (err error) {
		found, err = testAuthority.Find(s, ref, maxFormat)
		if store.KindOf(err) == store.KindNotFound {
			return nil
		}
		return err
	})
	return found
}

// install gives the store a root of its own with a fixed key.
func (b *bench) install(t *testing.T, accountID string, separate bool) *Root {
	t.Helper()
	opts := RootOptions{AccountID: accountID, DisplayName: "Test root", Now: b.now}
	var second *rsa.PrivateKey
	if separate {
		second = privateKey(t, assertiontest.StoreKey)
	}
	root, err := rootOf(opts, privateKey(t, assertiontest.RootKey), second)
	if err != nil {
		t.Fatal(err)
	}
	b.do(t, func(s Shelf) error {
		_, err := testAuthority.InstallRoot(s, root, "tester")
		return err
	})
	return root
}

var testAuthority = New(NewSecret())

// privateKey reads one of assertiontest's keys.
func privateKey(t *testing.T, name string) *rsa.PrivateKey {
	t.Helper()
	keys, err := assertion.ParsePrivateKeys(keyFile(t, name), nil)
	if err != nil {
		t.Fatal(err)
	}
	return keys[0]
}

func keyFile(t *testing.T, name string) []byte {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join("..", "..", "assertion", "assertiontest", "keys", name+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	return pem
}

func refOf(t *testing.T, text string) assertion.Ref {
	t.Helper()
	ref, err := assertion.ParseRef(text)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// want checks the code of an error, and that it is one a person can act on.
func want(t *testing.T, err error, code string) *store.Error {
	t.Helper()
	var e *store.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("got %v (%s), want the code %s", err, store.CodeOf(err), code)
	}
	return e
}
