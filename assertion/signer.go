package assertion

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
)

// Signer holds a private key, or knows who does. Implementations must be safe for
// concurrent use.
type Signer interface {
	PublicKey() *PublicKey
	// SignDigest returns the RSA PKCS #1 v1.5 signature over a SHA-512 digest.
	SignDigest(digest []byte) ([]byte, error)
}

// NewSigner makes a Signer of an RSA key in memory or behind any implementation of
// crypto.Signer, such as a PKCS #11 token.
func NewSigner(s crypto.Signer) (Signer, error) {
	k, ok := s.Public().(*rsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("cannot sign assertions with a key of type %T: it must be RSA", s.Public())
	}
	p, err := NewPublicKey(k)
	if err != nil {
		return nil, fmt.Errorf("cannot sign assertions: %w", err)
	}
	return &cryptoSigner{key: p, signer: s}, nil
}

// GenerateKey makes an RSA key in memory. Devices expect 4096 bits or more, which
// take seconds to find.
func GenerateKey(bits int) (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(rand.Reader, bits)
}

type cryptoSigner struct {
	key    *PublicKey
	signer crypto.Signer
}

func (s *cryptoSigner) PublicKey() *PublicKey { return s.key }

func (s *cryptoSigner) SignDigest(digest []byte) ([]byte, error) {
	return s.signer.Sign(rand.Reader, digest, crypto.SHA512)
}
