package snappublisher

import (
	"slices"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

// series is the only one there is.
const series = "16"

// stateTree is what the channels hold as the oldest answers have it: track,
// series, architecture, channels. An architecture stands where something is
// open in the track: snapcraft's promote wants a revision of each that is
// listed. Nil tracks and architectures are all.
func stateTree(c *catalog.Channels, tracks, architectures []string) object {
	tree := object{}
	for _, t := range tracksOf(&c.Package) {
		if tracks != nil && !slices.Contains(tracks, t.Name) {
			continue
		}
		tree[t.Name] = object{series: stateOfTrack(c, t.Name, architectures)}
	}
	return tree
}

// stateOfTrack is a branch of the tree: the channels by architecture.
func stateOfTrack(c *catalog.Channels, track string, architectures []string) map[string][]object {
	maps := map[string][]object{}
	for _, s := range c.Map.Slots() {
		if s.Channel.Track != track || architectures != nil && !slices.Contains(architectures, s.Architecture) {
			continue
		}
		if maps[s.Architecture] == nil {
			maps[s.Architecture] = stateOf(c, track, s.Platform)
		}
	}
	return maps
}

// stateOf lists the channels of one track and platform without the track:
// "specific" holds a revision, "tracking" is closed and follows a safer one,
// "none" has nothing to follow.
func stateOf(c *catalog.Channels, track string, p store.Platform) []object {
	entries := make([]object, 0, len(store.Risks))
	closed := "none"
	for _, risk := range store.Risks {
		e := object{"channel": risk.String(), "info": closed}
		if s := c.Map.Slot(store.Channel{Track: track, Risk: risk}, p); s != nil {
			e["info"], closed = "specific", "tracking"
			holds(c, e, s)
		}
		entries = append(entries, e)
	}
	for i := range c.Map.Slots() {
		s := &c.Map.Slots()[i]
		if s.Channel.Track != track || s.Channel.Branch == "" || s.Platform != p {
			continue
		}
		e := object{"channel": store.Channel{Risk: s.Channel.Risk, Branch: s.Channel.Branch}.Name(), "info": "branch"}
		holds(c, e, s)
		entries = append(entries, e)
	}
	return entries
}

// holds fills in what a slot has for everyone, or else for a few.
func holds(c *catalog.Channels, e object, s *store.SlotState) {
	r := s.Plain
	if r == nil {
		r = s.Release
	}
	e["revision"] = r.Revision
	if rev := c.Revision(r.Revision); rev != nil {
		e["version"] = rev.Version
	}
	if !r.Expires.IsZero() {
		e["expires_at"] = wireTimeNoZone(r.Expires)
	}
}
