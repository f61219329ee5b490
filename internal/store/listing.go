package store

import (
	"cmp"
	"slices"
	"time"
)

// Listed is one line of a package's channel list.
type Listed struct {
	Slot
	Revision   *Revision
	ReleasedAt time.Time
	Release    *Release  // the plain release of the slot; nil when only an override opens it
	Override   *Override // what replaced it; nil when nothing did
}

// ChannelList lists what the channels of a package hold at now, as people read
// it: the default track first, then latest, then by track, risk and platform.
// Closed channels and branches are absent, a progressive release shows what is
// beneath it, and an override stands in for what its slot says, which stays
// beside it in Release.
//
// With an architecture, only what a device of it would see: "all" gives way to
// the architecture's own slot. With "" everything.
func ChannelList(f *Facts, m *ChannelMap, architecture string, now time.Time) []Listed {
	var list []Listed
	add := func(s Slot, plain *Release) {
		if s.Channel.Branch != "" || !wanted(s.Architecture, architecture) {
			return
		}
		l := Listed{Slot: s, Release: plain}
		if l.Override = f.override(s.Channel, s.Platform, now); l.Override != nil {
			l.Revision, l.ReleasedAt = f.Revisions[l.Override.Revision], l.Override.At
		} else if plain != nil {
			l.Revision, l.ReleasedAt = f.Revisions[plain.Revision], plain.At
		}
		if l.Revision.serves(s.Platform) {
			list = append(list, l)
		}
	}
	open := m.Slots()
	for i := range open {
		add(open[i].Slot, open[i].Plain)
	}
	for i := range f.Overrides {
		o := &f.Overrides[i]
		s := o.slot()
		if !slices.ContainsFunc(list, func(l Listed) bool {
			return l.Channel == s.Channel && l.Architecture == s.Architecture
		}) {
			add(s, nil)
		}
	}
	slices.SortFunc(list, func(a, b Listed) int {
		return compareSlots(a.Slot, b.Slot, cmp.Or(f.Package.DefaultTrack, LatestTrack), LatestTrack)
	})
	if architecture == "" || architecture == AnyArchitecture {
		return list
	}
	own := make(map[Slot]bool, len(list))
	for _, l := range list {
		own[l.Slot] = true
	}
	return slices.DeleteFunc(list, func(l Listed) bool {
		concrete := l.Slot
		concrete.Architecture = architecture
		return l.Architecture == AnyArchitecture && own[concrete]
	})
}

func wanted(slot, device string) bool {
	return device == "" || slot == device || slot == AnyArchitecture
}

// OverrideLine is an override beside what it replaces.
type OverrideLine struct {
	Override
	// Upstream is the revision the channel map gives, fallback included, to a
	// fresh install; 0 is none.
	Upstream int
}

// OverrideLines lists the overrides in force at now, ordered like a channel
// list.
func OverrideLines(f *Facts, m *ChannelMap, now time.Time) []OverrideLine {
	bare := *f
	bare.Overrides = nil
	var lines []OverrideLine
	for _, o := range f.Overrides {
		if o.expired(now) {
			continue
		}
		line := OverrideLine{Override: o}
		if f.Package.Namespace == Charm {
			line.Upstream = beneathOverride(&bare, m, o, now)
			lines = append(lines, line)
			continue
		}
		q := Query{Action: ActionInstall, Architecture: o.Architecture, At: now}
		upstream := search{f: &bare, m: m, q: &q, device: q.platform()}
		if c := upstream.walk(o.Channel.Normal()); c.Revision != nil {
			line.Upstream = c.Revision.Number
		}
		lines = append(lines, line)
	}
	slices.SortStableFunc(lines, func(a, b OverrideLine) int {
		return compareSlots(a.slot(), b.slot(), cmp.Or(f.Package.DefaultTrack, LatestTrack), LatestTrack)
	})
	return lines
}

// beneathOverride is the upstream revision of a charm: the newest that one of the
// bases gives, since an override is for all of them.
func beneathOverride(bare *Facts, m *ChannelMap, o Override, now time.Time) int {
	list := slices.DeleteFunc(CharmChannels(bare, m, now), func(l Listed) bool {
		return l.Architecture != o.Architecture && !anyBase(l.Architecture) && !anyBase(o.Architecture)
	})
	l, ok := ReleaseIn(bare, list, o.Channel)
	if !ok {
		return 0
	}
	return l.Revision.Number
}

func (o *Override) slot() Slot {
	return Slot{Channel: o.Channel.Normal(), Platform: Platform{Architecture: o.Architecture}}
}
