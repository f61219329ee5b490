package store

import (
	"regexp"
	"slices"
	"strings"
)

// trackNameRule is what tracks of our own are called; maxTrack bounds it.
var trackNameRule = regexp.MustCompile(`^[a-zA-Z0-9](?:[_.-]?[a-zA-Z0-9])*$`)

// branchNameRule is what publishers may call a branch. Channels that come from
// elsewhere may have more.
var branchNameRule = regexp.MustCompile(`^[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$`)

// ValidTrackName returns nil when name may be a new track's: 1 to 28 letters
// and digits with single dots, underscores and hyphens between them, and no
// word for a risk. "latest" has always existed.
func ValidTrackName(name string) error {
	switch {
	case name == LatestTrack:
		// The public store's own code for this.
		return Invalidf("api-error", "cannot create the track latest: every package has it")
	case len(name) > maxTrack || !trackNameRule.MatchString(name):
		return Invalidf("invalid-tracks", "%.100q cannot name a track", name).
			Try("use up to 28 letters and digits, with single dots, underscores and hyphens between them")
	case isRiskWord(name):
		return Invalidf("invalid-tracks", "%q cannot name a track: it is a risk", name)
	}
	return nil
}

// maxPattern bounds guardrails and version patterns, bytes.
const maxPattern = 256

// CompilePattern reads a guardrail of tracks or a version pattern: a regular
// expression that a whole name or version has to match. It takes time in the
// order of pattern times text, whatever they are.
func CompilePattern(pattern string) (*regexp.Regexp, error) {
	if pattern == "" || len(pattern) > maxPattern {
		return nil, Invalidf("invalid-pattern", "a pattern has 1 to %d bytes", maxPattern)
	}
	// By itself first, so that it cannot close the group around it.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, Invalidf("invalid-pattern", "%.256q is no regular expression", pattern).Because(err).
			Try(`write it such as [0-9]+\.[0-9]+`)
	}
	whole, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		return nil, Invalidf("invalid-pattern", "%.256q is too large a pattern", pattern).Because(err)
	}
	return whole, nil
}

// CheckNewTrack says whether a publisher may create the track: its name has to
// be valid and to match one of the package's guardrails. Without any, only an
// operator creates tracks.
func CheckNewTrack(name string, guardrails []string) error {
	if err := ValidTrackName(name); err != nil {
		return err
	}
	if len(guardrails) == 0 {
		return Forbiddenf("track-guardrail-missing", "cannot create the track %s: the package has no track guardrail", name).
			Try("ask the operator of the store for a guardrail or for the track")
	}
	for _, pattern := range guardrails {
		if re, err := CompilePattern(pattern); err == nil && re.MatchString(name) {
			return nil
		}
	}
	return Invalidf("invalid-tracks", "cannot create the track %s: it matches none of the package's track guardrails", name).
		Try("use a name such as " + strings.Join(guardrails[:min(len(guardrails), 5)], " or "))
}

// ReleaseProblem says why a publisher may not point channel c at rev, or nil. t
// is the channel's track, nil when the package has none of that name; every
// package has latest. versionPattern is the track's; empty takes any version.
//
// These are rules for publishers. Releases that come from another store may
// break them.
func ReleaseProblem(rev *Revision, c Channel, t *Track, versionPattern string) error {
	c = c.Normal()
	switch risky := c.Risk == Stable || c.Risk == Candidate; {
	case t == nil && c.Track != LatestTrack:
		return Invalidf("invalid-field", "cannot release to %s: there is no track %s", c, c.Track).
			Try("create the track first")
	case t != nil && t.Name != c.Track:
		return Invalidf("invalid-field", "cannot release to %s: the track is %s", c, t.Name)
	case c.Branch != "" && !branchNameRule.MatchString(c.Branch):
		return Invalidf("invalid-field", "cannot release to %s: %q cannot name a branch", c, c.Branch).
			Try("use letters, digits and inner hyphens")
	case risky && rev.Meta.Confinement == "devmode":
		return Invalidf("confinement-not-allowed", "cannot release revision %d to %s: its confinement is devmode", rev.Number, c).
			Try("release it to beta or edge, or build it with strict confinement")
	case risky && rev.Meta.Grade == "devel":
		return Invalidf("grade-not-allowed", "cannot release revision %d to %s: its grade is devel", rev.Number, c).
			Try("release it to beta or edge, or build it with grade stable")
	}
	return versionProblem(rev, c, versionPattern)
}

func versionProblem(rev *Revision, c Channel, pattern string) error {
	if pattern == "" {
		return nil
	}
	re, err := CompilePattern(pattern)
	if err != nil {
		return err
	}
	if !re.MatchString(rev.Version) {
		return Invalidf("version-not-allowed", "cannot release revision %d to %s: its version %.60q does not match the track's pattern %s",
			rev.Number, c, rev.Version, pattern).
			Try("release it to another track, or change the track's version pattern")
	}
	return nil
}

// CheckNewTracks is CheckNewTrack for several tracks at once: none may be there
// already, nor stand in the list twice.
func CheckNewTracks(names []string, have []Track, guardrails []string) error {
	for i, name := range names {
		if err := CheckNewTrack(name, guardrails); err != nil {
			return err
		}
		if slices.ContainsFunc(have, func(t Track) bool { return t.Name == name }) || slices.Contains(names[:i], name) {
			return Conflictf("conflicting-tracks", "cannot create the track %s: it exists already", name)
		}
	}
	return nil
}
