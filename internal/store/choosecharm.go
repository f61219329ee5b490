package store

import (
	"cmp"
	"slices"
	"time"
)

// CharmQuery is one client's question about one charm or bundle.
type CharmQuery struct {
	Action Action
	// Channel as the client wrote it: an empty Track means it named none. For a
	// refresh, the channel the application tracks.
	Channel Channel
	// Base the client has. Each key for itself is unknown when it is "" or "NA";
	// of its channel only the track counts.
	Base Platform
	// Revision asks for exactly this revision; 0 asks the channel.
	Revision int
	// MayByRevision: the asker may have revisions that were never released.
	MayByRevision bool
	// Installed revision; 0 is none.
	Installed int
	// Phase is the application's stable identity for progressive releases; "" is
	// unknown.
	Phase string
	// At is now, against which overrides expire.
	At time.Time
	// Offers gives CharmOffers of the same facts at the same time to whoever asks
	// many questions; nil has each that fails work them out.
	Offers func() []CharmOffer
}

// ChooseCharm answers which revision of a charm or bundle a client gets. In this
// order:
//
//  1. By revision: when the query names one, that revision and nothing else. It
//     must exist, be approved, contradict nothing known of the base, and have been
//     released at some time, or be named by an override, unless the asker
//     MayByRevision.
//  2. Default track: a channel without a track is one of the package's default
//     track, whatever the action; of latest when it has none.
//  3. Branch: an open branch is used. A closed one is its parent channel.
//  4. Risk: from the risk asked for towards stable, in the same track, the first
//     level that has something for the base. Never a riskier level, never another
//     track.
//  5. Override: on each level before the slots, also when they are closed; the
//     base's own architecture before "all". One that has expired, or whose revision
//     is not approved or does not run on the base, does not exist.
//  6. Base: a slot fits when each of architecture, name and channel is what was
//     asked for, or is "all"; of the channel only the track counts. A slot for the
//     base's own architecture goes before one for all, then its own name, then its
//     own channel, then the newer release.
//  7. Unknown base: a key that the client does not know is fitted by "all" alone;
//     the store does not guess. On the first level that has anything for what is
//     known, the answer is the list of bases to choose from.
//  8. Bundle: runs on every base, known or not, after what fits by rule 6. It is
//     only installed or downloaded, never refreshed.
//  9. Phase: a progressive release goes to refreshing applications, as for Choose:
//     fresh installs and unknown identities get the plain release beneath, and what
//     has a revision of the running phases keeps it.
//
// A slot whose revision is no longer approved, or does not run on the base, counts
// as closed. A revision that the facts lack ends the search, as for Choose.
//
// The errors are of kind not found: code invalid-charm-base with a *NoBase for
// rule 7, else revision-not-found with a *NoCharmRevision, also when nothing can be
// made of the bases of rule 7. Refreshing a bundle is of kind invalid, code
// refresh-bundle-not-supported.
//
// The map m is Fold of f.Releases.
func ChooseCharm(f *Facts, m *ChannelMap, q CharmQuery) (Choice, error) {
	s := charmSearch{base: askedBase(q.Base), offers: q.Offers, search: search{f: f, m: m, q: &Query{
		Action: q.Action, Revision: q.Revision, MayByRevision: q.MayByRevision,
		Installed: q.Installed, Phase: q.Phase, At: q.At,
	}}}
	want := q.Channel
	want.Track = cmp.Or(want.Track, f.Package.DefaultTrack, LatestTrack)
	var found charmFound
	if q.Revision != 0 {
		found.Choice = s.byRevision()
	} else {
		found = s.walk(want)
	}
	switch {
	case found.Revision == nil && s.missing == 0 && len(found.bases) > 0:
		return Choice{}, s.noBase(found.bases, want)
	case found.Revision == nil:
		return Choice{}, s.noRevision(want)
	case found.Revision.bundle() && q.Action == ActionRefresh:
		return Choice{}, Invalidf("refresh-bundle-not-supported", "cannot refresh %q: it is a bundle", f.Package.Name).
			Try("deploy the bundle again, or refresh its applications one by one")
	}
	return found.Choice, nil
}

// charmSearch is one question on its way through the rules.
type charmSearch struct {
	search
	base   Platform // as asked, with what is unknown empty
	offers func() []CharmOffer
}

// charmFound is what one channel says: a choice with a revision, or the bases to
// choose from, or neither.
type charmFound struct {
	Choice
	bases []Platform
}

// byRevision is rule 1.
func (s *charmSearch) byRevision() Choice {
	named := s.f.newestRelease(s.q.Revision, s.q.At)
	if named == nil && !s.q.MayByRevision && !s.f.overridden(s.q.Revision) {
		return Choice{}
	}
	if r, _ := s.revision(s.q.Revision); r.mayRunOnBase(s.base) {
		return choiceOf(r, named, Channel{})
	}
	return Choice{}
}

// walk is rules 3 and 4.
func (s *charmSearch) walk(c Channel) charmFound {
	if c.Branch != "" {
		if found, decided := s.at(c); decided {
			return found
		}
		c.Branch = ""
	}
	for {
		found, decided := s.at(c)
		if decided || c.Risk == Stable {
			return found
		}
		c.Risk--
	}
}

// at asks one channel: rules 5 to 9. Undecided means that it has nothing for the
// base and that the walk goes on.
func (s *charmSearch) at(c Channel) (_ charmFound, decided bool) {
	var bases []Platform
	for _, o := range s.f.overridesFor(c, s.base.Architecture, s.q.At) {
		r, known := s.revision(o.Revision)
		switch {
		case !known:
			return charmFound{}, true
		case r.runsOnBase(s.base):
			choice := choiceOf(r, s.f.newestRelease(r.Number, s.q.At), c)
			choice.Release, choice.Override = nil, o
			return charmFound{Choice: choice}, true
		default:
			bases = append(bases, concreteBases(Platform{Architecture: o.Architecture}, r, s.base)...)
		}
	}
	for _, slot := range s.slots(c) {
		from := s.fact(slot.SlotState)
		if from == nil {
			continue
		}
		r, known := s.revision(from.Revision)
		switch {
		case !known:
			return charmFound{}, true
		case r.bundle() && r.runsOnBase(s.base), slot.fits && r.runsOnBase(s.base):
			return charmFound{Choice: choiceOf(r, from, c)}, true
		default:
			bases = append(bases, concreteBases(slot.Platform, r, s.base)...)
		}
	}
	if baseKnown(s.base) {
		return charmFound{}, false
	}
	slices.SortFunc(bases, compareBases)
	bases = slices.Compact(bases)
	return charmFound{bases: bases}, len(bases) > 0
}

// charmSlot is an open slot that may have something for the client.
type charmSlot struct {
	*SlotState
	fits     bool // the base, by rule 6
	distance int
}

// slots returns the slots of a channel that may have something for the base, in
// the order of rule 6, those that do not fit by themselves last. A bundle's count
// whatever they say.
func (s *charmSearch) slots(c Channel) []charmSlot {
	var slots []charmSlot
	open := s.m.Slots()
	for i := range open {
		slot := charmSlot{SlotState: &open[i]}
		if slot.Channel != c {
			continue
		}
		if slot.distance, slot.fits = fitBase(slot.Platform, s.base); !slot.fits {
			slot.distance = 8
			fact := s.fact(slot.SlotState)
			if fact == nil || !mayFit(slot.Platform, s.base) && !s.f.Revisions[fact.Revision].bundle() {
				continue
			}
		}
		slots = append(slots, slot)
	}
	slices.SortStableFunc(slots, func(a, b charmSlot) int {
		return cmp.Or(
			cmp.Compare(a.distance, b.distance),
			b.Release.At.Compare(a.Release.At),
			cmp.Compare(b.Release.Seq, a.Release.Seq),
		)
	})
	return slots
}

// overridesFor returns the overrides of channel c in force for an architecture,
// those for exactly it before those for all, the last made first. Without an
// architecture it returns those of every one.
func (f *Facts) overridesFor(c Channel, architecture string, at time.Time) []*Override {
	var own, every []*Override
	for i := len(f.Overrides) - 1; i >= 0; i-- {
		o := &f.Overrides[i]
		switch {
		case o.Channel.Normal() != c || o.expired(at):
		case o.Architecture == AnyArchitecture:
			every = append(every, o)
		case architecture == "" || o.Architecture == architecture:
			own = append(own, o)
		}
	}
	return append(own, every...)
}

// EffectiveName is where a charm's revision was found, with the track, as juju
// wants it; "" by revision.
func (c Choice) EffectiveName() string {
	if c.Effective == (Channel{}) {
		return ""
	}
	return c.Effective.String()
}

// SpellLike writes channel c the way a client wrote asked: a bare risk when that
// named no track and c is of the default one. juju compares the two as text.
func SpellLike(asked, c Channel, defaultTrack string) string {
	c = c.Normal()
	if asked.Track == "" && c.Track == cmp.Or(defaultTrack, LatestTrack) {
		c.Track = ""
	}
	return c.join()
}
