package authority

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"

	"github.com/larder-store/larder/internal/store"
)

// A sealed text is
//
//	version (1 byte) | mark of the secret (8) | salt (16) | nonce and AES-256-GCM text
//
// The key is HKDF-SHA256 of secret and salt, so that no key seals two texts.
// The mark tells "another secret" from "damaged".
const (
	sealVersion = 1
	markSize    = 8
	saltSize    = 16
	sealHeader  = 1 + markSize + saltSize
)

// Seal encrypts text so that only Open with the same secret and label reads
// it. The label says what the text is for, such as the id of a key; it is
// not stored.
func (s Secret) Seal(label string, text []byte) []byte {
	out := make([]byte, 0, sealHeader+len(text)+28)
	out = append(out, sealVersion)
	out = append(out, s.mark()...)
	out = append(out, make([]byte, saltSize)...)
	salt := out[1+markSize : sealHeader]
	rand.Read(salt)
	return s.aead(salt).Seal(out, nil, text, []byte(label))
}

// Open reads what Seal made.
func (s Secret) Open(label string, sealed []byte) ([]byte, error) {
	if len(sealed) < sealHeader || sealed[0] != sealVersion {
		return nil, fmt.Errorf("cannot unseal %s: not a sealed text", label)
	}
	if !bytes.Equal(sealed[1:1+markSize], s.mark()) {
		return nil, store.Unavailablef("wrong-secret", "cannot unseal %s: it was sealed under another secret", label).
			Try("put back the file \"secret\" of the data directory, or set " + SecretEnv + " as it was then")
	}
	text, err := s.aead(sealed[1+markSize:sealHeader]).Open(nil, nil, sealed[sealHeader:], []byte(label))
	if err != nil {
		return nil, fmt.Errorf("cannot unseal %s: the sealed text is damaged", label)
	}
	return text, nil
}

// mark names the secret without giving anything of it away.
func (s Secret) mark() []byte { return s.derive(nil, "larder secret mark", markSize) }

func (s Secret) aead(salt []byte) cipher.AEAD {
	block, err := aes.NewCipher(s.derive(salt, "larder sealing key", 32))
	if err != nil {
		panic(err) // only for a wrong key length
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for a foreign block size
	}
	return gcm
}

func (s Secret) derive(salt []byte, purpose string, size int) []byte {
	key, err := hkdf.Key(sha256.New, s.key[:], salt, purpose, size)
	if err != nil {
		panic(err) // only for sizes beyond 255 hashes
	}
	return key
}
