package transfer

import (
	"encoding/json"
	"maps"
	"math"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/larder-store/larder/internal/store"
)

// mapEntry is one line of a channel map as a document states it.
type mapEntry struct {
	channel      store.Channel
	architecture string // "" when the document does not say
	revision     int
	// names are what the objects around the line are called, outermost first.
	// The package's is among them where the document tells.
	names []string
	// mapped is true for a line of what the document itself calls a channel map.
	mapped bool
}

// facts is what a bundle's documents say about its packages, as far as they
// say it in a shape that stores use. The member names and the exact layout of
// the vendor's archives are not public, so every document is searched for the
// shapes in which that store's APIs write these facts:
//
//   - {"channel-map": [{"channel": {"track", "risk", "architecture"}, "revision": N}, …]}
//   - lists of {"channel": "1.0/stable", "architecture": "amd64", "revision": N}
//   - lists of {"track", "risk", "architecture" | "arch", "revision": N}
//   - {"packages": [{"name", "revision", "push_channel"}]}, the input of an
//     export of exact revisions
type facts struct {
	channels     []mapEntry
	defaultTrack string
	listing      store.Listing
}

// maxDepth bounds how deep a document is searched; maxYAML is the largest YAML
// document that is searched, in bytes: parsed it takes about a hundred times
// its text; maxLines bounds the lines of the channel maps of one archive;
// maxText each text of a listing, in bytes.
const (
	maxDepth = 12
	maxYAML  = 256 << 10
	maxLines = 50_000
	maxText  = 64 << 10
)

// readJSON adds what one document says. What is no JSON says nothing.
func (f *facts) readJSON(text []byte) error {
	var tree any
	if json.Unmarshal(text, &tree) != nil {
		return nil
	}
	return f.search(tree, place{}, maxDepth)
}

// readYAML adds what one document says. What is no YAML says nothing.
func (f *facts) readYAML(text []byte) error {
	var tree any
	if yaml.Unmarshal(text, &tree) != nil {
		return nil
	}
	return f.search(tree, place{}, maxDepth)
}

// place is what is known of a node from those around it.
type place struct {
	names  []string
	mapped bool
}

func (f *facts) search(node any, in place, depth int) error {
	if depth == 0 {
		return nil
	}
	switch v := node.(type) {
	case []any:
		for _, item := range v {
			if err := f.search(item, in, depth-1); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range []string{"name", "snap-name", "snap_name"} {
			if name := text(v, key); name != "" {
				in.names = append(slices.Clip(in.names), name)
			}
		}
		if e, ok := entryOf(v); ok {
			if len(f.channels) == maxLines {
				return store.TooLargef("archive-too-large", "cannot use the archive: its channel maps have more than %d lines", maxLines)
			}
			e.names, e.mapped = in.names, in.mapped
			f.channels = append(f.channels, e)
			return nil
		}
		if track := text(v, "default-track", "default_track"); f.defaultTrack == "" && isTrack(track) {
			f.defaultTrack = track
		}
		f.listingFrom(v)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			below := in
			switch key {
			case "channel-map", "channel_map", "channelmap", "channel-maps", "channel_maps":
				below.mapped = true
			}
			if err := f.search(v[key], below, depth-1); err != nil {
				return err
			}
		}
	}
	return nil
}

func isTrack(s string) bool {
	c, err := store.ParseChannel(s)
	return err == nil && s != "" && c == store.Channel{Track: s}
}

// line is one line of the channel map of a package.
type line struct {
	mapEntry
	name string // of the package
}

// lines are the channel maps of an archive that holds the given packages. What
// a document calls a channel map counts before other lists, which may be
// history, and of two lines for one place the first.
func (f *facts) lines(packages []string) ([]line, error) {
	type slot struct {
		name, architecture string
		channel            store.Channel
	}
	mapped := make(map[string]bool) // packages with lines that are called a channel map
	all := make([]line, 0, len(f.channels))
	for _, e := range f.channels {
		name, ok := e.packageOf(packages)
		if !ok {
			return nil, store.Invalidf("ambiguous-channel-map",
				"cannot tell which snap of the archive the channel map means with %s for revision %d", e.channel, e.revision).
				Try("push the files in the archive with --channel")
		}
		mapped[name] = mapped[name] || e.mapped
		all = append(all, line{e, name})
	}
	taken := make(map[slot]bool, len(all))
	return slices.DeleteFunc(all, func(l line) bool {
		s := slot{l.name, l.architecture, l.channel}
		if taken[s] || mapped[l.name] && !l.mapped {
			return true
		}
		taken[s] = true
		return false
	}), nil
}

// packageOf says which package the line is about.
func (e mapEntry) packageOf(packages []string) (string, bool) {
	for _, name := range slices.Backward(e.names) {
		if slices.Contains(packages, name) {
			return name, true
		}
	}
	if len(packages) == 1 {
		return packages[0], true
	}
	return "", false
}

// entryOf reads one line of a channel map in any of the known shapes.
func entryOf(m map[string]any) (mapEntry, bool) {
	var e mapEntry
	e.revision = whole(m["revision"])
	if rev, ok := m["revision"].(map[string]any); ok {
		e.revision = whole(rev["revision"])
	}
	if e.revision < 1 || e.revision > math.MaxInt32 {
		return e, false
	}
	e.architecture = text(m, "architecture", "arch")
	var track, risk, name string
	branch := text(m, "branch")
	switch c := m["channel"].(type) {
	case string:
		name = c
	case map[string]any:
		track, risk, branch = text(c, "track"), text(c, "risk"), text(c, "branch")
		if a := text(c, "architecture", "arch"); a != "" {
			e.architecture = a
		}
		if risk == "" {
			name = text(c, "name")
		}
	default:
		track, risk = text(m, "track"), text(m, "risk")
		if risk == "" {
			name = text(m, "push_channel")
		}
	}
	if risk != "" {
		name = risk
		if track != "" {
			name = track + "/" + risk
		}
		if branch != "" {
			name += "/" + branch
		}
	}
	if name == "" {
		return e, false
	}
	c, err := store.ParseChannel(name)
	if err != nil {
		return e, false
	}
	e.channel = c.Normal()
	return e, true
}

// listingFrom takes what people read about a package where a document has it.
func (f *facts) listingFrom(m map[string]any) {
	if text(m, "snap-id", "snap_id", "name") == "" {
		return
	}
	take := func(into *string, names ...string) {
		if s := text(m, names...); len(s) <= maxText && *into == "" {
			*into = s
		}
	}
	take(&f.listing.Title, "title")
	take(&f.listing.Summary, "summary")
	take(&f.listing.Description, "description")
	take(&f.listing.License, "license")
	take(&f.listing.Website, "website")
	take(&f.listing.Contact, "contact")
}

func text(m map[string]any, names ...string) string {
	for _, name := range names {
		if s, ok := m[name].(string); ok && s != "" {
			return s
		}
	}
	return ""
}

// whole reads a number that JSON or YAML may have decoded in several ways.
func whole(v any) int {
	switch n := v.(type) {
	case float64:
		if n == float64(int(n)) {
			return int(n)
		}
	case int:
		return n
	case json.Number:
		i, _ := n.Int64()
		return int(i)
	}
	return 0
}
