package authority

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
)

// Pseudonym stands for an identity where things are only counted: the same for
// the same text on every node, and without the store's secret nobody can tell
// whose it is. Labels keep those of different uses apart.
func (a *Authority) Pseudonym(label, text string) [16]byte {
	secret := a.keys.secret
	key, err := hkdf.Key(sha256.New, secret.key[:], nil, "larder pseudonym "+label, sha256.Size)
	if err != nil {
		panic(err) // only for sizes beyond 255 hashes
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return [16]byte(mac.Sum(nil))
}
