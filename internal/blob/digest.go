package blob

import "github.com/larder-store/larder/internal/store"

// Digest is the SHA3-384 of a blob and its name everywhere.
type Digest = store.Digest

// ParseHex reads the hex form of a digest.
func ParseHex(s string) (Digest, error) { return store.ParseHex(s) }
