// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/asserts/sysdb"
)

// Authority is a root of trust: an account and the account-key it signed for
// itself. The test holds the private key, so it can sign what an operator of
// that root could.
type Authority struct {
	ID      string
	Account *asserts.Account
	Key     *asserts.AccountKey

	*signer
}

// Root is the authority of every larder in this process. It is in snapd's
// trusted set, so every database that [Device.Open] or sysdb opens accepts
// what larder signs as that root.
var Root = sync.OnceValue(func() *Authority {
	a := NewAuthority("larder-interop")
	sysdb.InjectTrusted([]asserts.Assertion{a.Account, a.Key})
	return a
})

// NewAuthority makes a root of trust that snapd does not trust.
func NewAuthority(id string) *Authority { return NewAuthorityWith(id, Key(id)) }

// NewAuthorityWith is NewAuthority with a key that is not among the fixed ones.
func NewAuthorityWith(id string, key *rsa.PrivateKey) *Authority {
	a := &Authority{ID: id, signer: newSigner(id, key)}
	a.Account, a.Key = a.vouch(a.signer)
	return a
}

// vouch signs an account, and a key of it, for a signer.
func (a *Authority) vouch(s *signer) (*asserts.Account, *asserts.AccountKey) {
	account := a.Sign(asserts.AccountType, map[string]any{
		"account-id":   s.authority,
		"username":     s.authority,
		"display-name": "Account " + s.authority,
		"validation":   "verified",
		"timestamp":    longAgo,
	}, nil)
	return account.(*asserts.Account), a.accountKey(s.authority, "default", s.PublicKey())
}

func (a *Authority) accountKey(account, name string, key asserts.PublicKey) *asserts.AccountKey {
	public, err := asserts.EncodePublicKey(key)
	if err != nil {
		panic(err)
	}
	return a.Sign(asserts.AccountKeyType, map[string]any{
		"account-id":          account,
		"name":                name,
		"public-key-sha3-384": key.ID(),
		"since":               longAgo,
	}, public).(*asserts.AccountKey)
}

// Certify signs an account-key of the authority itself, for another key that
// may sign in its name.
func (a *Authority) Certify(name string, key *rsa.PublicKey) *asserts.AccountKey {
	return a.accountKey(a.ID, name, asserts.RSAPublicKey(key))
}

// Init is the arguments of `larder init` that import the authority, with its
// own key in PEM.
func (a *Authority) Init(t testing.TB) []string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(a.PrivateKey())
	if err != nil {
		t.Fatal(err)
	}
	return a.InitWith(t, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// InitWith is Init with another file for the key to sign with, and with the
// account-keys that it needs besides the root's.
func (a *Authority) InitWith(t testing.TB, private []byte, keys ...asserts.Assertion) []string {
	t.Helper()
	dir := t.TempDir()
	return []string{
		"--authority", a.ID,
		"--root-account", WriteAssertions(t, filepath.Join(dir, "root.account"), a.Account),
		"--root-account-key", WriteAssertions(t, filepath.Join(dir, "root.account-key"), append([]asserts.Assertion{a.Key}, keys...)...),
		"--signing-key", writeFile(t, filepath.Join(dir, "root.key"), private),
	}
}

// WriteRoot writes what an operator passes on of a root, so that others can
// trust it, and returns the path.
func (a *Authority) WriteRoot(t testing.TB) string {
	t.Helper()
	return WriteAssertions(t, filepath.Join(t.TempDir(), a.ID+"-root.assert"), a.Account, a.Key)
}

// OpenDatabase opens an empty database of a device that trusts this authority
// alone.
func (a *Authority) OpenDatabase(t testing.TB) *asserts.Database {
	t.Helper()
	db, err := asserts.OpenDatabase(&asserts.DatabaseConfig{Backstore: asserts.NewMemoryBackstore(), Trusted: []asserts.Assertion{a.Account, a.Key}})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// Brand is an account that a root vouches for: it signs models, serials and
// validation sets.
type Brand struct {
	ID      string
	Account *asserts.Account
	Key     *asserts.AccountKey

	*signer
}

// NewBrand vouches for a brand that signs with the key of the given name.
func (a *Authority) NewBrand(id, key string) *Brand {
	b := &Brand{ID: id, signer: newSigner(id, Key(key))}
	b.Account, b.Key = a.vouch(b.signer)
	return b
}

// Model signs a classic model; store may be empty.
func (b *Brand) Model(name, store string) *asserts.Model {
	headers := map[string]any{
		"series":    "16",
		"brand-id":  b.ID,
		"model":     name,
		"classic":   "true",
		"timestamp": longAgo,
	}
	if store != "" {
		headers["store"] = store
	}
	return b.Sign(asserts.ModelType, headers, nil).(*asserts.Model)
}

// ValidationSet signs one point of a sequence with the given snaps.
func (b *Brand) ValidationSet(name string, sequence int, snaps ...any) *asserts.ValidationSet {
	return b.Sign(asserts.ValidationSetType, map[string]any{
		"series":     "16",
		"account-id": b.ID,
		"name":       name,
		"sequence":   fmt.Sprint(sequence),
		"snaps":      snaps,
		"timestamp":  longAgo,
	}, nil).(*asserts.ValidationSet)
}

// WriteAssertions writes a stream of assertions to a file and returns the path.
func WriteAssertions(t testing.TB, path string, as ...asserts.Assertion) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	enc := asserts.NewEncoder(f)
	for _, a := range as {
		if err := enc.Encode(a); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// longAgo is a time that every certificate of a test may start at: before the
// test, after the creation time that is fixed in the encoding of keys.
const longAgo = "2024-01-02T03:04:05Z"

func writeFile(t testing.TB, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
