package credential

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/larder-store/larder/internal/store"
)

// KeyID is the mark that macaroons name their key by.
type KeyID [8]byte

func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// Key makes and recognises the macaroons of one purpose.
type Key struct {
	purpose Purpose
	id      KeyID
	secret  Secret
}

// NewKey derives the key of a purpose. The same secret gives every purpose a
// key and an id of its own, which tell nothing of it or of each other.
func NewKey(purpose Purpose, secret Secret) Key {
	k := Key{purpose: purpose, secret: NewSecret(derive(secret, "larder "+purpose.String()+" macaroon key", 32))}
	copy(k.id[:], derive(secret, "larder "+purpose.String()+" macaroon key id", len(k.id)))
	return k
}

// ID is the key's mark.
func (k Key) ID() KeyID { return k.id }

// Purpose is what the key is for.
func (k Key) Purpose() Purpose { return k.purpose }

func derive(secret Secret, label string, size int) []byte {
	b, err := hkdf.Key(sha256.New, secret.bytes(), nil, label, size)
	if err != nil {
		panic(err) // only for sizes beyond 255 hashes
	}
	return b
}

// Keyring is a set of keys: the first of a purpose mints, all of them verify.
// It does not change and may be shared.
type Keyring struct{ keys map[Purpose][]Key }

// NewKeyring gathers keys, newest first.
func NewKeyring(keys ...Key) *Keyring {
	r := &Keyring{keys: make(map[Purpose][]Key)}
	for _, k := range keys {
		r.keys[k.purpose] = append(r.keys[k.purpose], k)
	}
	return r
}

// ParseKeyring derives the keys of all purposes from the text of a secret
// setting: secrets separated by commas or spaces, newest first. To rotate, put
// a new secret in front; drop an old one when its last macaroon has ended.
func ParseKeyring(text string) (*Keyring, error) {
	secrets, err := store.SplitSecrets(text)
	if err != nil {
		return nil, fmt.Errorf("cannot use the secrets of user macaroons: %w", err)
	}
	var keys []Key
	for _, secret := range secrets {
		for _, p := range Purposes() {
			keys = append(keys, NewKey(p, NewSecret(secret)))
		}
	}
	return NewKeyring(keys...), nil
}

// Newest returns the key that mints macaroons of a purpose.
func (r *Keyring) Newest(p Purpose) (Key, error) {
	if keys := r.keys[p]; len(keys) > 0 {
		return keys[0], nil
	}
	return Key{}, fmt.Errorf("there is no key for %s macaroons", p)
}

// Find returns the key that an identifier names. Where it is missing, another
// node may have rotated the keys since they were read.
func (r *Keyring) Find(id Identifier) (Key, bool) {
	for _, k := range r.keys[id.Purpose] {
		if k.id == id.Key {
			return k, true
		}
	}
	return Key{}, false
}
