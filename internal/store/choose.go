package store

import (
	"cmp"
	"fmt"
	"time"
)

// Action is what a device wants to do with a package.
type Action string

// The actions. The first two make a fresh install.
const (
	ActionInstall  Action = "install"
	ActionDownload Action = "download"
	ActionRefresh  Action = "refresh"
)

func (a Action) fresh() bool { return a == ActionInstall || a == ActionDownload }

// Query is one device's question about one package.
type Query struct {
	Action Action
	// Channel as the client wrote it: an empty Track means it named none. For a
	// refresh, the channel the device tracks or switches to.
	Channel Channel
	// TracksDefault: the client understands being sent to the default track.
	TracksDefault bool
	Architecture  string // of the device; required
	BaseName      string // charms only
	BaseChannel   string // charms only
	// Revision asks for exactly this revision; 0 asks the channel.
	Revision int
	// MayByRevision: the asker may have revisions that were never released: it
	// may see all revisions of the package.
	MayByRevision bool
	// Epoch of the installed data that the answer must read; nil is no constraint.
	Epoch *Epoch
	// Installed revision; 0 is none.
	Installed int
	// Phase is the device's stable identity for progressive releases; "" is unknown.
	Phase string
	// IgnorePhasing: the device is in a cohort, whose members all get the same.
	// The caller folds the channel map at the cohort's view of time.
	IgnorePhasing bool
	// At is now, against which overrides expire, also for a cohort.
	At time.Time
}

func (q *Query) platform() Platform {
	return Platform{Architecture: q.Architecture, BaseName: q.BaseName, BaseChannel: q.BaseChannel}
}

// Choice is what the device gets, and why.
type Choice struct {
	Revision *Revision
	// Resources are the pins of the release that brought the revision; by
	// revision or override, those of the newest release that names it.
	Resources []ResourcePin
	// Effective is where the revision was found; zero by revision. Its Name is
	// what goes on the wire.
	Effective Channel
	// Redirect is the channel the device should track instead of the one it
	// asked for; nil to keep it.
	Redirect *Channel
	// Release is the fact that pointed there; nil when an override decided or
	// no release ever named the revision.
	Release *Release
	// Override that decided; nil when none did.
	Override *Override
}

// NoRevision is the detail of a revision-not-found error, reached by errors.As.
type NoRevision struct {
	// Offered are the open slots of all architectures, branches left out, so
	// that the client can tell a wrong channel from a wrong architecture.
	Offered []Slot
	// Missing is the revision the answer hung on and the facts lack; 0 is none.
	// A source that holds revisions back loads it and asks again.
	Missing int
}

func (n *NoRevision) Error() string {
	if n.Missing != 0 {
		return fmt.Sprintf("the facts lack revision %d", n.Missing)
	}
	return fmt.Sprintf("%d other slots are open", len(n.Offered))
}

// Choose answers which revision of a package a device gets. In this order:
//
//  1. By revision: when the query names one, that revision and nothing else.
//     It must exist, be approved, run on the device, and have been released at
//     some time, or be named by an override, unless the asker MayByRevision. Channel, overrides, phases and
//     epochs have no say.
//  2. Default track: an install or download that names no track goes to the
//     package's default track, if the client understands that, and is told to
//     track it. "latest/stable" names a track, "stable" does not; a refresh
//     always means latest when it names none.
//  3. Branch: an open branch is used. A closed one is its parent channel.
//  4. Risk: from the risk asked for towards stable, in the same track, the
//     first level that has something for the device. Never a riskier level,
//     never another track.
//  5. Architecture: on each level the device's own architecture before "all".
//  6. Override: replaces what the slot says, also when it is closed, so it takes
//     part in the walk of 4. An override that has expired, whose revision is not
//     approved or does not run on the device, does not exist.
//  7. Phase: a progressive release goes to refreshing devices whose bucket is
//     below its percentage. Fresh installs, unknown identities and cohorts get
//     the plain release beneath; without one the slot counts as closed. A device
//     that has a revision of the running phases keeps it rather than step back;
//     a paused one goes to no other.
//  8. Epoch: when the device's data is unreadable to the revision found, the
//     newest revision released to the same slot that can read it, leaving out
//     what only a phase had, unless the device has it; beneath an override, only
//     one with a lower number. If there is none a refresh answers the installed
//     revision. The walk does not go on.
//
// A slot whose revision is no longer approved, or does not run on the device,
// counts as closed. A revision that the facts lack ends the search instead, as
// going on could hand out an older one: NoRevision.Missing names it, and a nil
// in f.Revisions says that it does not exist.
//
// The error is of kind not found, code revision-not-found, and carries a
// *NoRevision; an unknown track is no different from a closed one.
//
// The map m is Fold of f.Releases. Choose allocates only for a redirect or an
// error.
func Choose(f *Facts, m *ChannelMap, q Query) (Choice, error) {
	s := search{f: f, m: m, q: &q, device: q.platform()}
	want, redirected := q.Channel, false
	var choice Choice
	if q.Revision != 0 {
		choice = s.byRevision()
	} else {
		want, redirected = s.defaultTrack()
		choice = s.walk(want)
	}
	if choice.Revision == nil {
		return Choice{}, s.notFound(want)
	}
	if redirected {
		to := want
		choice.Redirect = &to
	}
	return choice, nil
}

// search is one question on its way through the rules. A Choice without a
// revision means that nothing was found.
type search struct {
	f       *Facts
	m       *ChannelMap
	q       *Query
	device  Platform
	missing int // a revision without which the answer is not known
}

// revision returns a revision of the package, and whether the facts know.
func (s *search) revision(n int) (*Revision, bool) {
	r, known := s.f.Revisions[n]
	if !known {
		s.missing = n
	}
	return r, known
}

// byRevision is rule 1.
func (s *search) byRevision() Choice {
	named := s.f.newestRelease(s.q.Revision, s.q.At)
	if named == nil && !s.q.MayByRevision && !s.f.overridden(s.q.Revision) {
		return Choice{}
	}
	r, _ := s.revision(s.q.Revision)
	if !r.serves(s.device) {
		return Choice{}
	}
	return choiceOf(r, named, Channel{})
}

// defaultTrack is rule 2.
func (s *search) defaultTrack() (want Channel, redirected bool) {
	want = s.q.Channel
	track := s.f.Package.DefaultTrack
	if want.Track == "" && s.q.Action.fresh() && s.q.TracksDefault && track != "" && track != LatestTrack {
		want.Track = track
		return want, true
	}
	return want.Normal(), false
}

// walk is rules 3 and 4.
func (s *search) walk(c Channel) Choice {
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

// at asks one channel: rules 5 to 8. Undecided means that it is closed to the
// device and that the walk goes on.
func (s *search) at(c Channel) (_ Choice, decided bool) {
	own, every := s.m.Slot(c, s.device), (*SlotState)(nil)
	if p := s.device; p.Architecture != AnyArchitecture {
		p.Architecture = AnyArchitecture
		every = s.m.Slot(c, p)
	}
	if o := s.f.override(c, s.device, s.q.At); o != nil {
		r, known := s.revision(o.Revision)
		switch {
		case !known:
			return Choice{}, true
		case !s.readable(r):
			return s.step(cmp.Or(own, every), c, r.Number), true
		}
		choice := choiceOf(r, s.f.newestRelease(r.Number, s.q.At), c)
		choice.Release, choice.Override = nil, o
		return choice, true
	}
	for _, slot := range [...]*SlotState{own, every} {
		from := s.fact(slot)
		if from == nil {
			continue
		}
		r, known := s.revision(from.Revision)
		switch {
		case !known:
			return Choice{}, true
		case !r.serves(s.device):
			continue
		case !s.readable(r):
			return s.step(slot, c, 0), true
		}
		return choiceOf(r, from, c), true
	}
	return Choice{}, false
}

// fact is rule 7: the release of the slot that counts for the device, nil when
// the slot is closed to it.
func (s *search) fact(slot *SlotState) *Release {
	switch {
	case slot == nil:
		return nil
	case !slot.Progressive() || s.q.Action.fresh() || s.q.IgnorePhasing:
		return slot.Plain
	case s.q.Phase != "" && inPhase(s.f.Package.ID, slot.Release, s.q.Phase, s.q.At):
		return slot.Release
	}
	for _, r := range slot.History[:slot.phases] {
		if r.Revision == s.q.Installed {
			return r
		}
	}
	return slot.Plain
}

// step is rule 8. Only revisions below limit count, unless it is 0.
func (s *search) step(slot *SlotState, c Channel, limit int) Choice {
	if slot != nil {
		for _, from := range slot.History {
			phased := from.Percentage > 0 && from != slot.Plain && from.Revision != s.q.Installed
			if phased || limit != 0 && from.Revision >= limit {
				continue
			}
			r, known := s.revision(from.Revision)
			if !known {
				return Choice{}
			}
			if r.serves(s.device) && s.readable(r) {
				return choiceOf(r, from, c)
			}
		}
	}
	if s.q.Action != ActionRefresh || s.q.Installed == 0 {
		return Choice{}
	}
	r, _ := s.revision(s.q.Installed)
	if !r.serves(s.device) {
		return Choice{}
	}
	return choiceOf(r, s.f.newestRelease(r.Number, s.q.At), c)
}

func (s *search) readable(r *Revision) bool {
	return s.q.Epoch == nil || r.Meta.Epoch.CanRead(*s.q.Epoch)
}

// notFound is the one way Choose fails.
func (s *search) notFound(want Channel) error {
	name, q := s.f.Package.Name, s.q
	e := NotFoundf("revision-not-found", "cannot find a revision of %q for %s in %s or a safer channel",
		name, q.Architecture, want).Try("ask for a channel that is open on this architecture")
	if q.Revision != 0 {
		e = NotFoundf("revision-not-found", "cannot find revision %d of %q for %s",
			q.Revision, name, q.Architecture).Try("ask for a revision that was released for this architecture")
	}
	detail := &NoRevision{Missing: s.missing}
	for _, l := range ChannelList(s.f, s.m, "", q.At) {
		detail.Offered = append(detail.Offered, l.Slot)
	}
	return e.Because(detail)
}

func choiceOf(r *Revision, from *Release, found Channel) Choice {
	c := Choice{Revision: r, Release: from, Effective: found}
	if from != nil {
		c.Resources = from.Resources
	}
	return c
}
