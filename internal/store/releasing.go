package store

import (
	"slices"
	"time"
)

// BranchLife is how long a branch stays open after its last release.
const BranchLife = 30 * 24 * time.Hour

// MaxSlots bounds on how many platforms a channel is open: whoever asks for the
// package pays for each.
const MaxSlots = 500

// ReleaseOptions say how a revision is released.
type ReleaseOptions struct {
	At        time.Time
	By        string // actor
	Resources []ResourcePin
	// Percentage of devices that get it, above 0 and at most 100; 0 means everyone.
	Percentage float64
	// Phasing is what Percentage grows by each day; it needs one.
	Phasing float64
	// Paused keeps it from devices that do not have it; it needs a Percentage.
	Paused bool
	// Automatic is the percentage by which a release to everyone reaches devices
	// each day by itself; 0 is at once. It counts where an older revision is beneath,
	// and not on branches. What another has begun to release to a percentage goes to
	// everyone.
	Automatic float64
	// Expires is when the channel closes by itself. Zero is never, but for a
	// branch BranchLife after At.
	Expires time.Time
}

// ReleaseFacts returns the facts that point channel c at r, one for each
// platform r was built for.
//
// A revision for "all", whether architectures or bases, also goes to the
// platforms that are open in c by themselves, as m has them: clients look there
// first, and would keep an older revision otherwise.
//
// A revision that is not approved, or more than MaxSlots platforms in a channel,
// gives a conflict, a bad percentage or an expiry that has passed an error of kind
// invalid.
func ReleaseFacts(m *ChannelMap, r *Revision, c Channel, opts ReleaseOptions) ([]Release, error) {
	c = c.Normal()
	switch {
	case r.Status != StatusApproved:
		return nil, Conflictf("revision-not-approved", "cannot release revision %d: it is %s", r.Number, r.Status).
			Try("approve it first")
	case len(r.Platforms) == 0:
		return nil, Invalidf("no-platforms", "cannot release revision %d: it runs on no platform", r.Number)
	case !(opts.Percentage >= 0 && opts.Percentage <= 100):
		return nil, Invalidf("invalid-percentage", "cannot release revision %d to %v percent of the devices", r.Number, opts.Percentage).
			Try("give a percentage above 0 and up to 100, or none for everyone")
	case !(opts.Phasing >= 0 && opts.Phasing <= 100), opts.Percentage == 0 && (opts.Phasing > 0 || opts.Paused):
		return nil, Invalidf("invalid-percentage", "cannot release revision %d: only a release to a percentage of the devices grows or pauses", r.Number).
			Try("give a percentage above 0 and below 100")
	case !opts.Expires.IsZero() && !opts.Expires.After(opts.At):
		return nil, Invalidf("invalid-expiry", "cannot release revision %d: the expiry has passed", r.Number)
	}
	if c.Branch != "" && opts.Expires.IsZero() {
		opts.Expires = opts.At.Add(BranchLife)
	}
	var platforms []Platform
	add := func(p Platform) {
		if !slices.Contains(platforms, p) {
			platforms = append(platforms, p)
		}
	}
	for _, p := range r.Platforms {
		add(p)
	}
	own := platforms
	others := 0 // that are open, and stay as they are
	for _, s := range m.Slots() {
		switch {
		case s.Channel != c:
		case slices.ContainsFunc(own, func(p Platform) bool { return p.covers(s.Platform) }):
			add(s.Platform)
		default:
			others++
		}
	}
	if len(platforms)+others > MaxSlots {
		return nil, Conflictf("too-many-platforms", "cannot release revision %d: %s would be open on more than %d platforms", r.Number, c, MaxSlots).
			Try("close it where nobody needs it, or release to another channel")
	}
	facts := make([]Release, len(platforms))
	for i, p := range platforms {
		facts[i] = Release{
			PackageID: r.PackageID, At: opts.At, By: opts.By, Channel: c, Platform: p, Revision: r.Number,
			Resources: opts.Resources, Percentage: opts.Percentage, Expires: opts.Expires,
			Phasing: opts.Phasing, Paused: opts.Paused,
		}
		if byAndBy(m.Slot(c, p), &facts[i], opts.Automatic) {
			facts[i].Percentage, facts[i].Phasing = opts.Automatic, opts.Automatic
		}
	}
	return facts, nil
}

// covers reports whether what runs on p runs on q.
func (p Platform) covers(q Platform) bool {
	fits := func(own, other string) bool { return own == other || own == AnyArchitecture }
	return fits(p.Architecture, q.Architecture) && fits(p.BaseName, q.BaseName) && fits(p.BaseChannel, q.BaseChannel)
}

// byAndBy reports whether a release to everyone begins with a share of them.
func byAndBy(s *SlotState, r *Release, automatic float64) bool {
	switch {
	case automatic <= 0 || automatic >= 100 || r.Percentage > 0 || r.Channel.Branch != "":
		return false
	case s == nil || s.Plain == nil || s.Plain.Revision >= r.Revision:
		return false
	}
	return s.Release.Revision != r.Revision || s.Release.Phasing > 0
}

// Says reports whether r says what an older release of the same slot says.
func (r *Release) Says(old *Release) bool {
	return r.Revision == old.Revision && r.Percentage == old.Percentage && r.Phasing == old.Phasing &&
		r.Paused == old.Paused && r.Expires.Equal(old.Expires) && slices.Equal(r.Resources, old.Resources)
}

// CloseFacts returns the facts that close channel c on every platform on which
// m has it open, or only on those given. It returns none when there is nothing
// to close.
func CloseFacts(m *ChannelMap, packageID string, c Channel, at time.Time, by string, only ...Platform) []Release {
	c = c.Normal()
	var facts []Release
	for _, s := range m.Slots() {
		if s.Channel == c && (len(only) == 0 || slices.Contains(only, s.Platform)) {
			facts = append(facts, Release{PackageID: packageID, At: at, By: by, Channel: c, Platform: s.Platform})
		}
	}
	return facts
}

// CancelFacts returns the facts that take back what is released progressively
// to channel c: everyone gets what was beneath it, which may be nothing. Only
// phases of r count, or those over it, and only on its platforms.
func CancelFacts(m *ChannelMap, r *Revision, c Channel, at time.Time, by string) []Release {
	c = c.Normal()
	var facts []Release
	for _, s := range m.Slots() {
		if s.Channel != c || !s.Progressive() || !slices.Contains(r.Platforms, s.Platform) {
			continue
		}
		fact := Release{PackageID: r.PackageID, At: at, By: by, Channel: c, Platform: s.Platform}
		switch under := s.Plain; {
		case s.Release.Revision != r.Number && (under == nil || under.Revision != r.Number):
			continue
		case under != nil:
			fact.Revision, fact.Resources, fact.Expires = under.Revision, under.Resources, under.Expires
		}
		facts = append(facts, fact)
	}
	return facts
}
