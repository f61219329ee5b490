package store

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// AnyArchitecture is the architecture of what runs everywhere.
const AnyArchitecture = "all"

// Slot is one place of a channel map: a channel in normal form on a platform.
type Slot struct {
	Channel Channel
	Platform
}

// SlotState is what an open slot points at.
type SlotState struct {
	Slot
	// Release is the newest fact in force; it may be progressive.
	Release *Release
	// Plain is what devices outside the phase get: Release itself unless it is
	// progressive, else the plain release beneath it, nil when there is none.
	Plain *Release
	// History is every release ever made to the slot, newest first, closings
	// left out.
	History []*Release

	phases int // how many of History are progressive and newer than the last plain fact
}

// Progressive reports whether a share of the devices gets Release and the
// rest Plain.
func (s *SlotState) Progressive() bool { return s.Release != s.Plain }

// ChannelMap is the fold of one package's releases at one moment: what each
// channel and platform points at. It is immutable, and shares the releases it
// was folded from.
type ChannelMap struct {
	open       []SlotState
	at         map[Slot]int // index in open
	validUntil time.Time
}

// Fold replays the facts of one package, oldest first, up to and including
// the moment at.
//
//   - The last plain fact of a slot opens it, or closes it with revision 0, and
//     ends every progressive release before it.
//   - A progressive release lies on top of the last plain state. The newest one
//     counts; those beneath it are only remembered as phases.
//   - One whose share has grown to everyone before another fact came is plain
//     from then on.
//   - A fact lapses at its Expires: a lapsed plain release leaves the slot closed,
//     a lapsed progressive release uncovers what is beneath.
//   - A slot without a fact in force is absent, however long its history.
//
// The order of the slice is the order of the facts; At only decides whether a
// fact counts yet. So the last acknowledged write wins even between nodes whose
// clocks disagree.
func Fold(releases []Release, at time.Time) *ChannelMap {
	type place struct {
		slot        Slot
		plain, prog int // index of the fact in force + 1; 0 is none
		count, end  int // of the slot's part of the history
		phases      int
	}
	var (
		places  []place
		bySlot  = make(map[Slot]int, 16)
		placeOf = make([]int, len(releases))
		total   int
		m       = &ChannelMap{}
	)
	grown := func(prog int, by time.Time) bool {
		if prog == 0 {
			return false
		}
		everyone := releases[prog-1].everyoneAt()
		return !everyone.IsZero() && !everyone.After(by)
	}
	for i := range releases {
		r := &releases[i]
		if r.At.After(at) {
			m.changesAt(r.At)
			placeOf[i] = -1
			continue
		}
		slot := Slot{Channel: r.Channel.Normal(), Platform: r.Platform}
		n, known := bySlot[slot]
		if !known {
			n = len(places)
			bySlot[slot] = n
			places = append(places, place{slot: slot})
		}
		placeOf[i] = n
		p := &places[n]
		if grown(p.prog, r.At) {
			p.plain, p.prog, p.phases = p.prog, 0, 0
		}
		switch {
		case r.Revision == 0:
			p.plain, p.prog, p.phases = 0, 0, 0
			placeOf[i] = -1
			continue
		case r.Percentage > 0:
			p.prog = i + 1
			p.phases++
		default:
			p.plain, p.prog, p.phases = i+1, 0, 0
		}
		p.count++
		total++
	}

	// One backing array holds every slot's history, newest first.
	history := make([]*Release, total)
	end := total
	for n := range places {
		places[n].end = end
		end -= places[n].count
	}
	fill := make([]int, len(places))
	for i := range releases {
		if n := placeOf[i]; n >= 0 {
			fill[n]++
			history[places[n].end-fill[n]] = &releases[i]
		}
	}

	inForce := func(n int) *Release {
		if n == 0 {
			return nil
		}
		r := &releases[n-1]
		if r.Expires.IsZero() {
			return r
		}
		if !r.Expires.After(at) {
			return nil
		}
		m.changesAt(r.Expires)
		return r
	}
	m.open = make([]SlotState, 0, len(places))
	for _, p := range places {
		if grown(p.prog, at) {
			p.plain, p.prog, p.phases = p.prog, 0, 0
		}
		s := SlotState{Slot: p.slot, Plain: inForce(p.plain), phases: p.phases}
		if s.Release = inForce(p.prog); s.Release == nil {
			s.Release = s.Plain
		} else if everyone := s.Release.everyoneAt(); !everyone.IsZero() {
			m.changesAt(everyone)
		}
		if s.Release == nil {
			continue
		}
		s.History = history[p.end-p.count : p.end : p.end]
		m.open = append(m.open, s)
	}
	slices.SortFunc(m.open, func(a, b SlotState) int { return compareSlots(a.Slot, b.Slot, LatestTrack) })
	clear(bySlot)
	for i := range m.open {
		bySlot[m.open[i].Slot] = i
	}
	m.at = bySlot
	return m
}

// changesAt notes that the fold differs from t on.
func (m *ChannelMap) changesAt(t time.Time) {
	if m.validUntil.IsZero() || t.Before(m.validUntil) {
		m.validUntil = t
	}
}

// ValidUntil is the first moment at which folding the same facts gives
// something else, because one lapses or begins; zero is never.
func (m *ChannelMap) ValidUntil() time.Time { return m.validUntil }

// Slots returns the open slots: latest before the other tracks, then by track,
// risk and platform, and branches after everything else. The slice belongs to
// the map.
func (m *ChannelMap) Slots() []SlotState {
	if m == nil {
		return nil
	}
	return m.open
}

// Slot returns the state of one slot, or nil when it is closed.
func (m *ChannelMap) Slot(c Channel, p Platform) *SlotState {
	if m == nil {
		return nil
	}
	if i, open := m.at[Slot{Channel: c.Normal(), Platform: p}]; open {
		return &m.open[i]
	}
	return nil
}

// compareSlots orders slots the way the public store lists them, with the
// tracks in first before all others.
func compareSlots(a, b Slot, first ...string) int {
	rank := func(track string) int {
		if i := slices.Index(first, track); i >= 0 {
			return i
		}
		return len(first)
	}
	branched := func(c Channel) int { return min(len(c.Branch), 1) }
	return cmp.Or(
		cmp.Compare(branched(a.Channel), branched(b.Channel)),
		cmp.Compare(rank(a.Channel.Track), rank(b.Channel.Track)),
		strings.Compare(a.Channel.Track, b.Channel.Track),
		cmp.Compare(a.Channel.Risk, b.Channel.Risk),
		strings.Compare(a.Channel.Branch, b.Channel.Branch),
		strings.Compare(a.Architecture, b.Architecture),
		strings.Compare(a.BaseName, b.BaseName),
		strings.Compare(a.BaseChannel, b.BaseChannel),
	)
}
