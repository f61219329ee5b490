package store

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"strconv"
	"time"
)

// buckets is the resolution of a percentage: a hundredth of a percent.
const buckets = 10_000

const oneDay = 24 * time.Hour

// Share is the percentage of devices that a release is for at a time: what it
// began with, and its Phasing for each whole day since.
func (r *Release) Share(at time.Time) float64 {
	if r.Percentage == 0 {
		return 100
	}
	if days := at.Sub(r.At) / oneDay; r.Phasing > 0 && !r.Paused && days > 0 {
		return min(100, r.Percentage+float64(days)*r.Phasing)
	}
	return r.Percentage
}

// everyoneAt is when a release that grows by itself has reached everyone; zero
// is never, as of one that expires before: what was there before it comes back.
func (r *Release) everyoneAt() time.Time {
	if r.Phasing <= 0 || r.Paused {
		return time.Time{}
	}
	days := max(0, math.Ceil((100-r.Percentage)/r.Phasing))
	if days > maxPhaseDays {
		return time.Time{}
	}
	everyone := r.At.Add(time.Duration(days) * oneDay)
	if !r.Expires.IsZero() && !r.Expires.After(everyone) {
		return time.Time{}
	}
	return everyone
}

// maxPhaseDays bounds a phase, as a Duration could not hold what is longer.
const maxPhaseDays = 100_000

// inPhase reports whether the device is among the share that gets the
// progressive release r.
func inPhase(packageID string, r *Release, device string, at time.Time) bool {
	return !r.Paused && float64(bucket(packageID, r, device)) < r.Share(at)*buckets/100
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
