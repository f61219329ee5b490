package store

import "time"

// Blob is what the catalog knows of immutable bytes besides the bytes.
type Blob struct {
	Digest        Digest    `json:"sha3-384"`
	SHA256        string    `json:"sha256"` // hex
	Size          int64     `json:"size"`   // bytes
	CreatedAt     time.Time `json:"created-at"`
	QuarantinedAt time.Time `json:"quarantined-at,omitzero"` // zero is sound
}
