package store

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// Digest is a SHA3-384: the name of a blob.
type Digest [48]byte

// Hex is the form JSON answers use: 96 lower-case hex digits.
func (d Digest) Hex() string { return hex.EncodeToString(d[:]) }

// Base64URL is the form assertions use: 64 characters, URL-safe, unpadded.
func (d Digest) Base64URL() string { return base64.RawURLEncoding.EncodeToString(d[:]) }

func (d Digest) String() string { return d.Hex() }

// IsZero reports whether d is the zero value, which names no blob.
func (d Digest) IsZero() bool { return d == Digest{} }

// ParseHex reads the form of JSON answers.
func ParseHex(s string) (Digest, error) { return parseDigest(s, 96, hex.DecodeString) }

// ParseBase64URL reads the form of assertions.
func ParseBase64URL(s string) (Digest, error) {
	return parseDigest(s, 64, base64.RawURLEncoding.DecodeString)
}

// parseDigest wants exactly length characters, since the base64 decoder passes
// over line breaks, and a digest must have one spelling in each form.
func parseDigest(s string, length int, decode func(string) ([]byte, error)) (Digest, error) {
	var d Digest
	if len(s) != length {
		return d, Invalidf("invalid-digest", "cannot read %.100q as a SHA3-384 digest: it has %d characters, not %d", s, len(s), length)
	}
	b, err := decode(s)
	if err != nil || len(b) != len(d) {
		return d, Invalidf("invalid-digest", "cannot read %.100q as a SHA3-384 digest", s)
	}
	copy(d[:], b)
	return d, nil
}

// MarshalText writes the hex form, so that digests read well in JSON.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.Hex()), nil }

// UnmarshalText reads the hex form.
func (d *Digest) UnmarshalText(text []byte) error {
	p, err := ParseHex(string(text))
	if err != nil {
		return fmt.Errorf("cannot unmarshal digest: %w", err)
	}
	*d = p
	return nil
}
