package store

import (
	"fmt"
	"strings"
)

// Risk orders the channels of a track from safe to daring.
type Risk uint8

// The risks, safest first.
const (
	Stable Risk = iota
	Candidate
	Beta
	Edge
)

// Risks lists them, safest first.
var Risks = [...]Risk{Stable, Candidate, Beta, Edge}

var riskNames = [...]string{Stable: "stable", Candidate: "candidate", Beta: "beta", Edge: "edge"}

func (r Risk) String() string {
	if int(r) < len(riskNames) {
		return riskNames[r]
	}
	return fmt.Sprintf("risk(%d)", uint8(r))
}

// ParseRisk reads a risk word.
func ParseRisk(s string) (Risk, bool) {
	for r, name := range riskNames {
		if s == name {
			return Risk(r), true
		}
	}
	return 0, false
}

// LatestTrack is the track a channel without one belongs to.
const LatestTrack = "latest"

// Channel is track/risk[/branch]. The zero value is latest/stable with an
// empty track, which Normal fills in.
type Channel struct {
	Track  string // "" only when the text named none
	Risk   Risk
	Branch string
}

// Limits of channel names.
const (
	maxTrack   = 28
	maxBranch  = 128
	maxChannel = maxTrack + len("/candidate/") + maxBranch
)

// ParseChannel reads [track/]risk[/branch], a lone track, or "" (stable). A
// track that the text leaves out stays empty, so that the caller can tell
// "stable" from "latest/stable": only the first may be redirected to a
// package's default track.
func ParseChannel(s string) (Channel, error) {
	bad := func(why string) (Channel, error) {
		return Channel{}, Invalidf("invalid-channel", "%.200q is not a channel: %s", s, why).
			Try("write it as [track/]risk[/branch], such as latest/stable")
	}
	switch {
	case s == "":
		return Channel{}, nil
	case len(s) > maxChannel:
		return bad("it is too long")
	}
	parts := strings.Split(s, "/")
	var c Channel
	switch risk, isRisk := ParseRisk(parts[0]); {
	case isRisk && len(parts) == 1:
		c.Risk = risk
	case isRisk && len(parts) == 2:
		c.Risk, c.Branch = risk, parts[1]
	case isRisk:
		return bad("too many parts")
	case len(parts) == 1:
		c.Track = parts[0]
	case len(parts) <= 3:
		if risk, isRisk = ParseRisk(parts[1]); !isRisk {
			return bad(fmt.Sprintf("%q is not a risk", parts[1]))
		}
		c.Track, c.Risk = parts[0], risk
		if len(parts) == 3 {
			if c.Branch = parts[2]; c.Branch == "" {
				return bad("the branch is empty")
			}
		}
	default:
		return bad("too many parts")
	}
	if strings.HasSuffix(s, "/") {
		return bad("it ends in a slash")
	}
	if (c.Track != "" || !isRiskWord(parts[0])) && !validChannelWord(c.Track, maxTrack) {
		return bad("a track has up to 28 letters, digits, dots, underscores, plus signs and hyphens")
	}
	if c.Branch != "" && !validChannelWord(c.Branch, maxBranch) {
		return bad("a branch has up to 128 letters, digits, dots, underscores, plus signs and hyphens")
	}
	return c, nil
}

func isRiskWord(s string) bool { _, ok := ParseRisk(s); return ok }

func validChannelWord(s string, limit int) bool {
	if s == "" || len(s) > limit || isRiskWord(s) {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '-' || c == '_' || c == '.' || c == '+'):
		default:
			return false
		}
	}
	return true
}

// Normal returns c with its track written out.
func (c Channel) Normal() Channel {
	if c.Track == "" {
		c.Track = LatestTrack
	}
	return c
}

// Name is the short form, which leaves latest/ out: "edge", "1.0/stable",
// "stable/fix".
func (c Channel) Name() string {
	if c.Track == LatestTrack {
		c.Track = ""
	}
	return c.join()
}

// String is the full form: "latest/edge", "1.0/stable", "latest/stable/fix".
func (c Channel) String() string { return c.Normal().join() }

func (c Channel) join() string {
	s := c.Risk.String()
	if c.Track != "" {
		s = c.Track + "/" + s
	}
	if c.Branch != "" {
		s += "/" + c.Branch
	}
	return s
}

// MarshalText writes the full form.
func (c Channel) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads any form and normalises it.
func (c *Channel) UnmarshalText(text []byte) error {
	p, err := ParseChannel(string(text))
	if err != nil {
		return err
	}
	*c = p.Normal()
	return nil
}
