package charmhub

import (
	"encoding/json"
	"slices"
	"strings"
)

// A Risk of a channel. Stable is the least: a < b means that a is safer.
type Risk int

// The risks, from the safest on.
const (
	Stable Risk = iota
	Candidate
	Beta
	Edge
)

var riskNames = []string{"stable", "candidate", "beta", "edge"}

// String is the store's word, for example "stable"; empty for what is no risk.
func (r Risk) String() string {
	if r < Stable || r > Edge {
		return ""
	}
	return riskNames[r]
}

// ParseRisk reads the store's word; a *RequestError for anything else.
func ParseRisk(text string) (Risk, error) {
	if i := slices.Index(riskNames, text); i >= 0 {
		return Risk(i), nil
	}
	return 0, invalidf("%.60q is no risk; it is one of %s", text, strings.Join(riskNames, ", "))
}

// A Channel is [TRACK/]RISK[/BRANCH] taken apart (charmcraft: ChannelData). The
// zero value is "stable".
type Channel struct {
	// Track is empty where none is said: the package's default track.
	Track string
	Risk  Risk
	// Branch is empty for none.
	Branch string
}

// maxChannel bounds the text of a channel, in bytes: a track has 28 at most, a
// branch 128.
const maxChannel = 28 + 1 + 9 + 1 + 128

// ParseChannel reads "risk", "track/risk", "risk/branch" or "track/risk/branch".
// Of two elements the first is a risk if it can be. A *RequestError for anything
// else.
func ParseChannel(text string) (Channel, error) {
	parts := strings.Split(text, "/")
	if len(text) > maxChannel || len(parts) > 3 || slices.Contains(parts, "") || strings.ContainsFunc(text, isBlank) {
		return Channel{}, invalidf("%.60q is no channel; write risk, track/risk, risk/branch or track/risk/branch", text)
	}
	var c Channel
	if len(parts) == 3 || len(parts) == 2 && !slices.Contains(riskNames, parts[0]) {
		c.Track, parts = parts[0], parts[1:]
	}
	var err error
	if c.Risk, err = ParseRisk(parts[0]); err != nil {
		return Channel{}, invalidf("%.60q is no channel: %.60q is none of the risks %s", text, parts[0], strings.Join(riskNames, ", "))
	}
	if len(parts) == 2 {
		c.Branch = parts[1]
	}
	return c, nil
}

func isBlank(r rune) bool { return r <= ' ' || r == 0x7f }

// String is the channel as ParseChannel reads it.
func (c Channel) String() string {
	parts := []string{c.Risk.String()}
	if c.Track != "" {
		parts = slices.Insert(parts, 0, c.Track)
	}
	if c.Branch != "" {
		parts = append(parts, c.Branch)
	}
	return strings.Join(parts, "/")
}

// On is the channel with this track where it has none.
func (c Channel) On(track string) Channel {
	if c.Track == "" {
		c.Track = track
	}
	return c
}

// MarshalJSON writes String.
func (c Channel) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// UnmarshalJSON reads what ParseChannel reads.
func (c *Channel) UnmarshalJSON(data []byte) error {
	var text string
	err := json.Unmarshal(data, &text)
	if err == nil {
		*c, err = ParseChannel(text)
	}
	return err
}

// CheckPromotion says why a promotion from one channel to another makes no
// sense, in a *RequestError: charms are promoted to the same or a safer risk,
// and to another track only at the same risk. Tracks that are not said are taken
// as the same default.
func CheckPromotion(from, to Channel) error {
	switch {
	case from == to:
		return invalidf("%s cannot be promoted to itself", from)
	case to.Risk > from.Risk:
		return invalidf("%s cannot be promoted to %s: %s is riskier than %s", from, to, to.Risk, from.Risk)
	case from.Track != to.Track && from.Risk != to.Risk:
		return invalidf("%s cannot be promoted to %s: promote to another track at the same risk", from, to)
	}
	return nil
}
