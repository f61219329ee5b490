package credential

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // what every client and issuer of this caveat uses inside OAEP
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ssoCaveatJSON is the text of a single sign-on's caveat id.
type ssoCaveatJSON struct {
	Secret  string `json:"secret"` // standard base64, padded, of the encrypted root key
	Version int    `json:"version"`
}

const (
	ssoCaveatVersion = 1
	caveatKeySize    = 24 // bytes of a caveat's root key
	maxCaveatID      = 4 << 10
)

func newCaveatKey() Secret {
	var b [caveatKeySize]byte
	rand.Read(b[:]) // never fails
	return NewSecret(b[:])
}

// NewSSOCaveat makes the caveat that only the single sign-on with this key can
// discharge.
func NewSSOCaveat(to *rsa.PublicKey, location string) (ThirdParty, error) {
	key := newCaveatKey()
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, to, key.bytes(), nil)
	if err != nil {
		return ThirdParty{}, fmt.Errorf("cannot make a caveat for the single sign-on: %w", err)
	}
	id, err := json.Marshal(ssoCaveatJSON{base64.StdEncoding.EncodeToString(sealed), ssoCaveatVersion})
	if err != nil {
		return ThirdParty{}, fmt.Errorf("cannot make a caveat for the single sign-on: %w", err)
	}
	return ThirdParty{location: location, id: id, rootKey: key, kind: accountIdentity}, nil
}

// SSOKeys are the single sign-on's private keys, newest first. Old ones still
// open the caveats that were made for them.
type SSOKeys struct{ keys []*rsa.PrivateKey }

// NewSSOKeys gathers keys, newest first.
func NewSSOKeys(keys ...*rsa.PrivateKey) SSOKeys { return SSOKeys{keys} }

// Format keeps the keys out of logs and errors, whatever the verb.
func (SSOKeys) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// Public is the newest key's public half.
func (k SSOKeys) Public() (*rsa.PublicKey, error) {
	if len(k.keys) == 0 {
		return nil, errors.New("the single sign-on has no key")
	}
	return &k.keys[0].PublicKey, nil
}

// SSOCaveat is a caveat id that one of the single sign-on's keys has opened.
// Anybody can make such an id: the key is public.
type SSOCaveat struct {
	id      []byte
	rootKey Secret
}

// Hash is what the caveat is known by.
func (c SSOCaveat) Hash() CaveatHash { return HashCaveat(c.id) }

// Open reads a caveat id. All failures are the same error, and whatever the id
// is, each key decrypts once.
func (k SSOKeys) Open(id []byte) (SSOCaveat, error) {
	sealed, wellFormed := readSSOCaveat(id)
	var opened Secret
	found := false
	for _, key := range k.keys {
		text := sealed
		if len(text) != key.Size() {
			text = make([]byte, key.Size()) // decrypts to nothing, in the same time
		}
		if plain, err := rsa.DecryptOAEP(sha1.New(), nil, key, text, nil); err == nil && len(plain) > 0 {
			opened, found = NewSecret(plain), true
		}
	}
	if !wellFormed || !found {
		return SSOCaveat{}, errCaveat
	}
	return SSOCaveat{id: append([]byte(nil), id...), rootKey: opened}, nil
}

func readSSOCaveat(id []byte) (sealed []byte, ok bool) {
	if len(id) > maxCaveatID {
		return nil, false
	}
	var j ssoCaveatJSON
	if err := json.Unmarshal(id, &j); err != nil || j.Version != ssoCaveatVersion {
		return nil, false
	}
	sealed, err := base64.StdEncoding.DecodeString(j.Secret)
	return sealed, err == nil
}
