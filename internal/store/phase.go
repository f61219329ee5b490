package store

import (
	"crypto/sha256"
	"encoding/binary"
	"strconv"
)

// buckets is the resolution of a percentage: a hundredth of a percent.
const buckets = 10_000

// inPhase reports whether the device is among the share that gets the
// progressive release r.
func inPhase(packageID string, r *Release, device string) bool {
	return float64(bucket(packageID, r, device)) < r.Percentage*buckets/100
}

// bucket spreads devices evenly. It depends on what is released where, not on
// the single fact: raising the percentage only adds devices, and a device meets
// a fresh lot with every new revision, so that nobody is always first.
func bucket(packageID string, r *Release, device string) uint64 {
	c := r.Channel.Normal()
	var room [256]byte
	key := append(room[:0], packageID...)
	key = append(key, 0)
	key = append(key, c.Track...)
	key = append(key, 0, byte(c.Risk))
	key = append(key, c.Branch...)
	key = append(key, 0)
	key = strconv.AppendInt(key, int64(r.Revision), 10)
	key = append(key, 0)
	key = append(key, device...)
	sum := sha256.Sum256(key)
	return binary.BigEndian.Uint64(sum[:8]) % buckets
}
