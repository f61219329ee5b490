package store

import (
	"regexp"
	"strings"
	"time"
)

// Installed is a snap that a device says it has.
type Installed struct {
	PackageID string
	Revision  int
	Channel   string // the one it tracks, as the device spells it; may be empty
}

// Usage is that a device had a package on a day. It names no device: Device is a
// pseudonym.
type Usage struct {
	Day             Day
	PackageID       string
	Device          [16]byte
	Channel         string // in full; empty is unknown
	Revision        int
	Architecture    string // empty is unknown
	OperatingSystem string // as ubuntu/24.04; empty is unknown
}

// Day counts days since 1970, UTC.
type Day int64

// DayOf is the day of a time.
func DayOf(t time.Time) Day {
	s := t.Unix()
	if s < 0 {
		return Day((s - 24*60*60 + 1) / (24 * 60 * 60))
	}
	return Day(s / (24 * 60 * 60))
}

// Time is the midnight that the day begins with.
func (d Day) Time() time.Time { return time.Unix(int64(d)*24*60*60, 0).UTC() }

var operatingSystem = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}/[A-Za-z0-9._-]{1,32}$`)

// OperatingSystemOf reads what a device runs from how its snapd introduces itself,
// such as
//
//	snapd/2.63 (series 16; classic) ubuntu/24.04 (amd64) linux/6.8.0-31-generic
//
// and is empty where that is not said so.
func OperatingSystemOf(userAgent string) string {
	const maxAgent = 512
	if len(userAgent) > maxAgent || !strings.HasPrefix(userAgent, "snapd/") {
		return ""
	}
	_, rest, _ := strings.Cut(userAgent, ") ")
	for word := range strings.FieldsSeq(rest) {
		if strings.HasPrefix(word, "(") {
			return ""
		}
		if operatingSystem.MatchString(word) {
			return word
		}
	}
	return ""
}

var architecture = regexp.MustCompile(`^[a-z0-9]{1,16}$`)

// KnownArchitecture is name if it may be an architecture's, and else empty.
func KnownArchitecture(name string) string {
	if architecture.MatchString(name) {
		return name
	}
	return ""
}
