package store

import (
	"slices"
	"time"
)

// FormatXdelta3 is the delta format that every device applies: VCDIFF (RFC
// 3284) of the two files as they are.
const FormatXdelta3 = "xdelta3"

// LargestDelta is the size up to which a delta is worth having: less than 80 %
// of the file that it saves the device from downloading.
func LargestDelta(target int64) int64 { return max(0, (4*target-1)/5) }

// Worth reports whether a delta to a file of this size is worth offering.
func (d *Delta) Worth(target int64) bool { return d.Size <= LargestDelta(target) }

// DeltasFor returns the deltas that turn revision source into target and are
// worth it, in the client's order of preference. Formats it did not name are
// left out.
func DeltasFor(f *Facts, source, target int, formats []string) []Delta {
	var found []Delta
	to := f.Revisions[target]
	for i, format := range formats {
		if slices.Contains(formats[:i], format) {
			continue
		}
		for _, d := range f.Deltas {
			if d.Source == source && d.Target == target && d.Format == format && (to == nil || d.Worth(to.Size)) {
				found = append(found, d)
			}
		}
	}
	return found
}

// DeltaPair is a way that devices go from one revision to another.
type DeltaPair struct{ Source, Target *Revision }

// formerSources is how many revisions that a channel held before count as what
// its devices have: a release may follow another too soon for all to take it.
const formerSources = 2

// WantedDeltas lists the ways between revisions that devices go now, at most so
// many to each revision of a channel, the safest channels first:
//
//   - from what the channel pointed at before, latest first;
//   - from what the other risks of the track point at on the same platform, as
//     devices change channels; branches are left, but not come from.
//
// Both ends are approved and among the facts' revisions. The map m is Fold of
// f.Releases.
func WantedDeltas(f *Facts, m *ChannelMap, most int) []DeltaPair {
	var wanted []DeltaPair
	for i := range m.Slots() {
		s := &m.Slots()[i]
		for _, fact := range s.facts() {
			n := 0
			for _, number := range s.sources(m, fact) {
				pair := DeltaPair{f.Revisions[number], f.Revisions[fact.Revision]}
				if n == most {
					break
				}
				if !pair.Source.approved() || !pair.Target.approved() {
					continue
				}
				n++
				if !slices.Contains(wanted, pair) {
					wanted = append(wanted, pair)
				}
			}
		}
	}
	return wanted
}

func (r *Revision) approved() bool { return r != nil && r.Status == StatusApproved }

// facts are the releases of the slot that devices get now: the plain one and
// the progressive one on top.
func (s *SlotState) facts() []*Release {
	if s.Progressive() && s.Plain != nil {
		return []*Release{s.Plain, s.Release}
	}
	return []*Release{s.Release}
}

// sources are the revisions that devices may have when they get a fact of the
// slot, each once, the likeliest first.
func (s *SlotState) sources(m *ChannelMap, to *Release) []int {
	var found []int
	add := func(number int) {
		if number != to.Revision && !slices.Contains(found, number) {
			found = append(found, number)
		}
	}
	for _, r := range s.History[slices.Index(s.History, to)+1:] {
		if len(found) == formerSources {
			break
		}
		add(r.Revision)
	}
	for i := range m.Slots() {
		o := &m.Slots()[i]
		if o.Slot == s.Slot || o.Channel.Branch != "" || o.Channel.Track != s.Channel.Track || !o.Platform.meets(s.Platform) {
			continue
		}
		for _, r := range o.facts() {
			add(r.Revision)
		}
	}
	return found
}

// meets reports whether one device can follow slots of both platforms.
func (p Platform) meets(other Platform) bool {
	if p.Architecture != other.Architecture && p.Architecture != AnyArchitecture && other.Architecture != AnyArchitecture {
		return false
	}
	return p.BaseName == other.BaseName && p.BaseChannel == other.BaseChannel
}

// PointedAt returns the revisions that some channel pointed at, at any time
// from since to now, and those that an override names now.
func PointedAt(f *Facts, since, now time.Time) map[int]bool {
	found := make(map[int]bool)
	for _, s := range Fold(f.Releases, since).Slots() {
		for _, r := range s.facts() {
			found[r.Revision] = true
		}
	}
	for _, s := range Fold(f.Releases, now).Slots() { // clocks of nodes may disagree
		for _, r := range s.facts() {
			found[r.Revision] = true
		}
	}
	for _, r := range f.Releases {
		if r.At.After(since) {
			found[r.Revision] = true
		}
	}
	for i := range f.Overrides {
		if o := &f.Overrides[i]; !o.expired(now) {
			found[o.Revision] = true
		}
	}
	return found
}
