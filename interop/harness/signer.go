// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"fmt"
	"maps"

	"github.com/snapcore/snapd/asserts"
)

//go:embed testdata/*.pem
var keys embed.FS

// Key is the fixed test key of a name. There is one for each authority and
// brand of the tests, one of a publisher, and one called "device".
func Key(name string) *rsa.PrivateKey {
	text, err := keys.ReadFile("testdata/" + name + ".pem")
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode(text)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	return key.(*rsa.PrivateKey)
}

// newDeviceKey makes a key for a device that a test throws away. It is shorter
// than real ones so that tests start quickly.
func newDeviceKey() asserts.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return asserts.RSAPrivateKey(key)
}

// signer signs assertions under one authority with one key. snapd's package
// assertstest has the like, but makes keys at start that crypto/rsa refuses
// for their size.
type signer struct {
	authority string
	private   *rsa.PrivateKey
	db        *asserts.Database
}

func newSigner(authority string, private *rsa.PrivateKey) *signer {
	db, err := asserts.OpenDatabase(&asserts.DatabaseConfig{})
	if err != nil {
		panic(err)
	}
	if err := db.ImportKey(asserts.RSAPrivateKey(private)); err != nil {
		panic(err)
	}
	return &signer{authority: authority, private: private, db: db}
}

// PrivateKey is the key itself.
func (s *signer) PrivateKey() *rsa.PrivateKey { return s.private }

// PublicKey is its public half, as snapd knows it.
func (s *signer) PublicKey() asserts.PublicKey { return asserts.RSAPublicKey(&s.private.PublicKey) }

// Sign signs an assertion. Headers may leave out authority-id. It panics on
// what snapd refuses to sign, since that is a mistake in a test.
func (s *signer) Sign(typ *asserts.AssertionType, headers map[string]any, body []byte) asserts.Assertion {
	headers = maps.Clone(headers)
	if headers["authority-id"] == nil {
		headers["authority-id"] = s.authority
	}
	a, err := s.db.Sign(typ, headers, body, s.PublicKey().ID())
	if err != nil {
		panic(fmt.Sprintf("cannot sign %s: %v", typ.Name, err))
	}
	return a
}
