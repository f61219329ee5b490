package store

import (
	"slices"
	"time"
)

// BranchLife is how long a branch stays open after its last release.
const BranchLife = 30 * 24 * time.Hour

// ReleaseOptions say how a revision is released.
type ReleaseOptions struct {
	At        time.Time
	By        string // actor
	Resources []ResourcePin
	// Percentage of devices that get it, above 0 and at most 100; 0 means everyone.
	Percentage float64
	// Expires is when the channel closes by itself. Zero is never, but for a
	// branch BranchLife after At.
	Expires time.Time
}

// ReleaseFacts returns the facts that point channel c at r, one for each
// platform r was built for.
//
// A revision for "all" also goes to the architectures that are open in c by
// themselves, as m has them: devices look there first, and would keep an older
// revision otherwise.
//
// A revision that is not approved gives a conflict, a bad percentage or an
// expiry that has passed an error of kind invalid.
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
	for _, s := range m.Slots() {
		every := s.Platform
		every.Architecture = AnyArchitecture
		if s.Channel == c && slices.Contains(r.Platforms, every) {
			add(s.Platform)
		}
	}
	facts := make([]Release, len(platforms))
	for i, p := range platforms {
		facts[i] = Release{
			PackageID: r.PackageID, At: opts.At, By: opts.By, Channel: c, Platform: p, Revision: r.Number,
			Resources: opts.Resources, Percentage: opts.Percentage, Expires: opts.Expires,
		}
	}
	return facts, nil
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
