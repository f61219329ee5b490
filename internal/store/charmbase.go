package store

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// bundle reports whether r is a set of charms, which runs on no base of its own.
func (r *Revision) bundle() bool { return r != nil && r.Meta.Type == TypeBundle }

// A base, below, is a Platform whose three keys each say something, or are empty
// for unknown (what a client asks for) or for any (what a revision runs on).

// unknownBase is how juju writes a key that the store is to choose.
const unknownBase = "NA"

// baseTrack returns the part of a base's channel that counts: 22.04 and
// 22.04/stable are one base.
func baseTrack(channel string) string {
	track, _, _ := strings.Cut(channel, "/")
	return track
}

// askedBase returns the base a client wrote, with what it does not know empty.
func askedBase(p Platform) Platform {
	for _, key := range [...]*string{&p.Architecture, &p.BaseName, &p.BaseChannel} {
		if *key == unknownBase {
			*key = ""
		}
	}
	p.BaseChannel = baseTrack(p.BaseChannel)
	return p
}

// baseKnown reports whether nothing of the base is left to the store.
func baseKnown(p Platform) bool {
	return p.Architecture != "" && p.BaseName != "" && p.BaseChannel != ""
}

// anyBase is a key that fits every base. Upstream writes a whole base as null, or
// all three keys as "all".
func anyBase(key string) bool { return key == "" || key == AnyArchitecture }

// fitBase tells how well own fits the base asked for: 0 when each key is equal,
// more when some hold for any, and most when that is the architecture. A key that
// the client does not know is fitted only by one that holds for any.
func fitBase(own, asked Platform) (distance int, ok bool) {
	for _, key := range [...]struct{ own, asked string }{
		{own.Architecture, asked.Architecture},
		{own.BaseName, asked.BaseName},
		{baseTrack(own.BaseChannel), asked.BaseChannel},
	} {
		distance *= 2
		switch {
		case key.asked != "" && key.own == key.asked:
		case anyBase(key.own):
			distance++
		default:
			return 0, false
		}
	}
	return distance, true
}

// mayFit reports whether own contradicts nothing the client knows.
func mayFit(own, asked Platform) bool {
	fits := func(own, asked string) bool { return asked == "" || own == asked || anyBase(own) }
	return fits(own.Architecture, asked.Architecture) && fits(own.BaseName, asked.BaseName) &&
		fits(baseTrack(own.BaseChannel), asked.BaseChannel)
}

// runsOnBase reports whether r exists, is approved and runs on the base asked
// for. A bundle runs on every base.
func (r *Revision) runsOnBase(asked Platform) bool {
	return r != nil && r.Status == StatusApproved && (r.bundle() || slices.ContainsFunc(r.Platforms, func(own Platform) bool {
		_, ok := fitBase(own, asked)
		return ok
	}))
}

// mayRunOnBase reports whether r exists, is approved and contradicts nothing the
// client knows.
func (r *Revision) mayRunOnBase(asked Platform) bool {
	return r != nil && r.Status == StatusApproved && (r.bundle() || slices.ContainsFunc(r.Platforms, func(own Platform) bool {
		return mayFit(own, asked)
	}))
}

// concreteBases returns the bases, named in full, on which the place own hands
// out r to whoever asks for asked. What own leaves open is what r's own platforms
// say, and the architecture is the one asked for; a base that keeps a key open, or
// on which r does not run, is left out.
func concreteBases(own Platform, r *Revision, asked Platform) []Platform {
	if r == nil {
		return nil
	}
	var bases []Platform
	for _, p := range append([]Platform{own}, r.Platforms...) {
		if !mayFit(p, asked) {
			continue
		}
		p = Platform{
			Architecture: narrow(own.Architecture, asked.Architecture, p.Architecture),
			BaseName:     narrow(own.BaseName, asked.BaseName, p.BaseName),
			BaseChannel:  narrow(baseTrack(own.BaseChannel), asked.BaseChannel, baseTrack(p.BaseChannel)),
		}
		// Where own leaves nothing open, each p is the same.
		if baseKnown(p) && !slices.Contains(bases, p) && r.runsOnBase(p) {
			bases = append(bases, p)
		}
	}
	return bases
}

// narrow returns the first of keys that does not hold for any, or "".
func narrow(keys ...string) string {
	for _, key := range keys {
		if !anyBase(key) {
			return key
		}
	}
	return ""
}

// compareBases orders bases as a person would choose: Ubuntu's long-term
// releases, its others, then the other systems by name; the newest of each first,
// and the architectures by name. What holds for any comes last.
func compareBases(a, b Platform) int {
	rank := func(p Platform) int {
		switch {
		case anyBase(p.BaseName):
			return 3
		case p.BaseName != "ubuntu":
			return 2
		case !longTerm(baseTrack(p.BaseChannel)):
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		strings.Compare(a.BaseName, b.BaseName),
		compareVersions(baseTrack(b.BaseChannel), baseTrack(a.BaseChannel)),
		strings.Compare(a.BaseChannel, b.BaseChannel),
		strings.Compare(a.Architecture, b.Architecture),
	)
}

// longTerm reports whether an Ubuntu version is supported for years: those of the
// April of even years.
func longTerm(version string) bool {
	year, isApril := strings.CutSuffix(version, ".04")
	n, err := strconv.ParseUint(year, 10, 16)
	return isApril && err == nil && n%2 == 0
}

// compareVersions compares numbers between dots by value, and anything else as
// text, which is older than every number.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		var headA, headB string
		headA, a, _ = strings.Cut(a, ".")
		headB, b, _ = strings.Cut(b, ".")
		numberA, errA := strconv.ParseUint(headA, 10, 32)
		numberB, errB := strconv.ParseUint(headB, 10, 32)
		older := func(err error) int {
			if err != nil {
				return 0
			}
			return 1
		}
		if c := cmp.Or(cmp.Compare(older(errA), older(errB)), cmp.Compare(numberA, numberB), strings.Compare(headA, headB)); c != 0 {
			return c
		}
	}
	return 0
}

// baseText writes a base for people: "ubuntu@22.04 on amd64".
func baseText(p Platform) string {
	s := cmp.Or(p.BaseName, "any base")
	if p.BaseName != "" && p.BaseChannel != "" {
		s += "@" + p.BaseChannel
	}
	if p.Architecture != "" {
		s += " on " + p.Architecture
	}
	return s
}
