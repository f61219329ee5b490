package store

import (
	"cmp"
	"slices"
	"time"
)

// CharmChannels lists what the channels of a charm or bundle hold at now: one
// line for each channel and base.
//
//   - Channels are ordered as in ChannelList: the default track first, then latest,
//     then by track and risk. The bases of a channel are ordered as a person would
//     choose, Ubuntu's newest long-term release first.
//   - Closed channels and branches are absent, and a progressive release shows what
//     is beneath it.
//   - An override stands in for what a slot says where its revision runs on the
//     slot's base; the slot's own release stays beside it in Release. It adds a line
//     for each base of its revision that has none.
//   - A revision that is not approved, or that the facts lack, gives no line.
//
// A slot for "all", or for no base, stays as it is: it holds for every base that
// has no line of its own.
func CharmChannels(f *Facts, m *ChannelMap, now time.Time) []Listed {
	var list []Listed
	add := func(s Slot, plain *Release) {
		if s.Channel.Branch != "" {
			return
		}
		l := Listed{Slot: s, Release: plain}
		asked := knownOf(s.Platform)
		for _, o := range f.overridesFor(s.Channel, cmp.Or(s.Architecture, AnyArchitecture), now) {
			if r := f.Revisions[o.Revision]; r.mayRunOnBase(asked) {
				l.Override, l.Revision, l.ReleasedAt = o, r, o.At
				break
			}
		}
		if l.Override == nil && plain != nil {
			l.Revision, l.ReleasedAt = f.Revisions[plain.Revision], plain.At
		}
		if l.Revision.mayRunOnBase(asked) {
			list = append(list, l)
		}
	}
	open := m.Slots()
	for i := range open {
		add(open[i].Slot, open[i].Plain)
	}
	for i := range f.Overrides {
		o := &f.Overrides[i]
		r := f.Revisions[o.Revision]
		if r == nil {
			continue
		}
		for _, p := range r.Platforms {
			s := Slot{Channel: o.Channel.Normal(), Platform: p}
			if o.Architecture != AnyArchitecture {
				s.Architecture = o.Architecture
			}
			if !slices.ContainsFunc(list, func(l Listed) bool { return l.Channel == s.Channel && sameBase(l.Platform, s.Platform) }) {
				add(s, nil)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Listed) int {
		return cmp.Or(
			compareSlots(Slot{Channel: a.Channel}, Slot{Channel: b.Channel}, cmp.Or(f.Package.DefaultTrack, LatestTrack), LatestTrack),
			compareBases(a.Platform, b.Platform),
		)
	})
	return list
}

func sameBase(a, b Platform) bool { return baseKey(a) == baseKey(b) }

// baseKey is the same for platforms that are one base: what holds for any is "all",
// and of the channel only the track counts.
func baseKey(p Platform) Platform {
	for _, k := range [...]*string{&p.Architecture, &p.BaseName, &p.BaseChannel} {
		if *k = baseTrack(*k); anyBase(*k) {
			*k = AnyArchitecture
		}
	}
	return p
}

// DefaultRelease returns the line of list, which is of CharmChannels, that stands
// for a package: on the default track the most stable risk that is open, and there
// the newest revision.
func DefaultRelease(f *Facts, list []Listed) (Listed, bool) {
	return newestIn(list, Channel{Track: cmp.Or(f.Package.DefaultTrack, LatestTrack)}, Risks[:])
}

// ReleaseIn returns the line of list, which is of CharmChannels, that stands for a
// channel: from its risk towards stable, in the same track, the first that is
// open, and there the newest revision. A channel without a track is one of the
// default track; a branch counts as its risk.
func ReleaseIn(f *Facts, list []Listed, c Channel) (Listed, bool) {
	c.Track = cmp.Or(c.Track, f.Package.DefaultTrack, LatestTrack)
	var risks []Risk
	for risk := int(c.Risk); risk >= int(Stable); risk-- {
		risks = append(risks, Risk(risk))
	}
	return newestIn(list, c, risks)
}

func newestIn(list []Listed, c Channel, risks []Risk) (found Listed, ok bool) {
	for _, risk := range risks {
		for _, l := range list {
			if l.Channel.Track != c.Track || l.Channel.Risk != risk {
				continue
			}
			if !ok || l.Revision.Number > found.Revision.Number {
				found, ok = l, true
			}
		}
		if ok {
			break
		}
	}
	return found, ok
}

// PublisherChannel is one channel as a publisher sees it.
type PublisherChannel struct {
	Channel Channel
	// Fallback is the channel that serves while this one is closed; nil is none.
	Fallback *Channel
}

// PublisherChannels lists the channels a publisher can release to. The tracks are
// ordered as in ChannelList, and are those the package has, latest, and any with
// something open. Each has its four risks, from stable without a fallback to edge,
// which falls back to beta; then its open branches, which fall back to their risk.
func PublisherChannels(f *Facts, m *ChannelMap) []PublisherChannel {
	tracks := map[string]bool{LatestTrack: true, cmp.Or(f.Package.DefaultTrack, LatestTrack): true}
	for _, t := range f.Package.Tracks {
		tracks[t.Name] = true
	}
	branches := map[Channel]bool{}
	for _, s := range m.Slots() {
		tracks[s.Channel.Track] = true
		if s.Channel.Branch != "" {
			branches[s.Channel] = true
		}
	}
	var list []PublisherChannel
	for track := range tracks {
		for _, risk := range Risks {
			c := PublisherChannel{Channel: Channel{Track: track, Risk: risk}}
			if risk != Stable {
				c.Fallback = &Channel{Track: track, Risk: risk - 1}
			}
			list = append(list, c)
		}
	}
	for c := range branches {
		list = append(list, PublisherChannel{Channel: c, Fallback: &Channel{Track: c.Track, Risk: c.Risk}})
	}
	// A track keeps its branches, so that its tree reads as one.
	whole := func(c Channel) Channel { return Channel{Track: c.Track} }
	first := cmp.Or(f.Package.DefaultTrack, LatestTrack)
	slices.SortFunc(list, func(a, b PublisherChannel) int {
		return cmp.Or(
			compareSlots(Slot{Channel: whole(a.Channel)}, Slot{Channel: whole(b.Channel)}, first, LatestTrack),
			compareSlots(Slot{Channel: a.Channel}, Slot{Channel: b.Channel}),
		)
	})
	return list
}
