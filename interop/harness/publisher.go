// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"testing"

	"github.com/snapcore/snapd/asserts"
)

// Publisher is an account of a store that signs with a key of its own, which
// the store does not know before it is registered.
type Publisher struct {
	ID string

	*signer
}

// NewPublisher is the account with the given id.
func NewPublisher(id string) *Publisher {
	return &Publisher{ID: id, signer: newSigner(id, Key("publisher"))}
}

// KeyRequest asks for the publisher's key to be vouched for under a name.
func (p *Publisher) KeyRequest(t testing.TB, name string) asserts.Assertion {
	t.Helper()
	public, err := asserts.EncodePublicKey(p.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	a, err := asserts.SignWithoutAuthority(asserts.AccountKeyRequestType, map[string]any{
		"account-id":          p.ID,
		"name":                name,
		"public-key-sha3-384": p.PublicKey().ID(),
		"since":               longAgo,
	}, public, asserts.RSAPrivateKey(p.PrivateKey()))
	if err != nil {
		t.Fatal(err)
	}
	return a
}
