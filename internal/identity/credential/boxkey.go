package credential

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"

	"github.com/larder-store/larder/internal/store"
)

// BoxPublic is a party's public key in the bakery's protocol (Curve25519).
type BoxPublic [32]byte

// ParseBoxPublic reads a public key in base64, of any alphabet.
func ParseBoxPublic(text string) (BoxPublic, error) {
	var p BoxPublic
	if err := p.UnmarshalText([]byte(text)); err != nil {
		return BoxPublic{}, err
	}
	return p, nil
}

func (p BoxPublic) String() string { return base64.StdEncoding.EncodeToString(p[:]) }

// MarshalText writes standard base64 with padding.
func (p BoxPublic) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads base64 of any alphabet.
func (p *BoxPublic) UnmarshalText(text []byte) error {
	raw, err := decodeBase64(string(text))
	if err != nil || len(raw) != len(p) {
		return store.Invalidf("invalid-public-key", "cannot read a public key: it is not the base64 form of 32 bytes")
	}
	copy(p[:], raw)
	return nil
}

// BoxKey is a party's key pair in the bakery's protocol.
type BoxKey struct {
	public  BoxPublic
	private Secret
}

// NewBoxKey draws a key pair.
func NewBoxKey() BoxKey {
	var b [32]byte
	rand.Read(b[:]) // never fails
	return boxKey(b[:])
}

// DeriveBoxKey returns the key pair that belongs to a secret.
func DeriveBoxKey(secret Secret) BoxKey { return boxKey(derive(secret, "larder bakery box key", 32)) }

func boxKey(private []byte) BoxKey {
	key, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		panic(err) // only for other sizes
	}
	k := BoxKey{private: NewSecret(private)}
	copy(k.public[:], key.PublicKey().Bytes())
	return k
}

// Public is the public half.
func (k BoxKey) Public() BoxPublic { return k.public }

func (k BoxKey) privateBytes() *[32]byte {
	var b [32]byte
	copy(b[:], k.private.Reveal())
	return &b
}
