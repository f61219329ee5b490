package store

import (
	"cmp"
	"slices"
)

// ConcreteBases is list, which is of CharmChannels, with the bases named as far as
// the revisions know: a line for "all", or for no base, gives way to one for each
// base of its revision that has no line of its own in the channel. A client takes
// a base from here to ask again, and none may ask for "all". Bundles, which run on
// no base, stay as they are.
func ConcreteBases(list []Listed) []Listed {
	var out []Listed
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].Channel == list[0].Channel {
			n++
		}
		out = append(out, concreteIn(list[:n])...)
		list = list[n:]
	}
	return out
}

// concreteIn is ConcreteBases of one channel. Where several lines hold for a base,
// it is the one that ChooseCharm takes.
func concreteIn(lines []Listed) []Listed {
	var out []Listed
	index := make(map[Platform][]Listed, len(lines)) // by sameBase
	for _, l := range lines {
		index[baseKey(l.Platform)] = append(index[baseKey(l.Platform)], l)
	}
	seen := make(map[Platform]bool, len(lines))
	for _, l := range lines {
		if l.Revision.bundle() {
			out = append(out, l)
			seen[baseKey(l.Platform)] = true
			continue
		}
		for _, p := range l.Revision.Platforms {
			if !mayFit(l.Platform, knownOf(p)) {
				continue
			}
			base := Platform{
				Architecture: orAny(l.Architecture, p.Architecture),
				BaseName:     orAny(l.BaseName, p.BaseName),
				BaseChannel:  orAny(l.BaseChannel, p.BaseChannel),
			}
			key := baseKey(base)
			if seen[key] {
				continue
			}
			if one, ok := lineFor(index, base); ok {
				seen[key] = true
				out = append(out, one)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Listed) int { return compareBases(a.Platform, b.Platform) })
	return out
}

// lineFor is the line that holds for a base, as a line for that base alone. Index
// has the lines by what baseKey makes of theirs: those that may hold for the base
// are found there, each of its keys as it is or for any.
func lineFor(index map[Platform][]Listed, base Platform) (found Listed, ok bool) {
	asked := knownOf(base)
	order := func(a, b Listed) int {
		rank := func(l Listed) int {
			distance, _ := fitBase(l.Platform, asked)
			if l.Override != nil {
				distance -= 8 // an override goes before what it overrides
			}
			return distance
		}
		return cmp.Or(cmp.Compare(rank(a), rank(b)), b.ReleasedAt.Compare(a.ReleasedAt))
	}
	for loose := range 8 {
		key := baseKey(base)
		for bit, k := range [...]*string{&key.Architecture, &key.BaseName, &key.BaseChannel} {
			if loose>>bit&1 == 0 {
				continue
			}
			if *k == AnyArchitecture {
				key = Platform{} // which was looked at
				break
			}
			*k = AnyArchitecture
		}
		for _, l := range index[key] {
			if _, fits := fitBase(l.Platform, asked); fits && l.Revision.runsOnBase(asked) && (!ok || order(l, found) < 0) {
				found, ok = l, true
			}
		}
	}
	found.Platform = base
	return found, ok
}

// knownOf is p with what holds for any base left open.
func knownOf(p Platform) Platform {
	for _, key := range [...]*string{&p.Architecture, &p.BaseName, &p.BaseChannel} {
		if anyBase(*key) {
			*key = ""
		}
	}
	p.BaseChannel = baseTrack(p.BaseChannel)
	return p
}

// orAny is the first of keys that does not hold for any, or "all".
func orAny(keys ...string) string {
	for _, key := range keys {
		if !anyBase(key) {
			return key
		}
	}
	return AnyArchitecture
}
