package store

import "time"

// What uploads may be where the operator says nothing else, MB of a million
// bytes.
const (
	MaxUploadMB         = 16_000  // of one
	MaxUnclaimedMB      = 64_000  // of one address, before anybody claims them
	MaxUnclaimedTotalMB = 256_000 // of all addresses
)

// MaxUnclaimed is how many uploads of one address may wait to be claimed.
const MaxUnclaimed = 1000

// UploadLife is how long an upload waits to be claimed.
const UploadLife = 24 * time.Hour
