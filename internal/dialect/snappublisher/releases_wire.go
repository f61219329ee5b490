package snappublisher

import (
	"cmp"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

// object is a JSON object whose keys a client may forbid or require one by one.
type object = map[string]any

// vocabulary is how one family of answers calls the states of a revision.
type vocabulary struct{ released, approved, pending, rejected string }

// The newest snapcraft refuses every other word.
var (
	dashboardWords = vocabulary{"Published", "Unpublished", "ManualReviewPending", "Rejected"}
	gatewayWords   = vocabulary{"released", "approved", "ManualReviewPending", "rejected"}
)

func (v vocabulary) of(r catalog.PublishedRevision) string {
	switch {
	case r.Status == store.StatusPending:
		return v.pending
	case r.Status != store.StatusApproved:
		return v.rejected
	case r.Released:
		return v.released
	}
	return v.approved
}

// revisionShape is which keys one answer shows of a revision. Newest snapcraft
// refuses any other in most of them.
type revisionShape struct {
	words vocabulary
	keys  []string
}

// The shapes of a revision, by where they stand. The history spells two keys
// with underscores.
var (
	inChannelMap = revisionShape{keys: []string{
		"architectures", "attributes", "base", "build-url", "confinement", "created-at", "epoch", "grade",
		"revision", "sha3-384", "size", "version",
	}}
	inHistory = revisionShape{dashboardWords, []string{
		"architectures", "attributes", "base", "build_url", "confinement", "created_at", "epoch", "grade",
		"revision", "sha3-384", "size", "status", "version",
	}}
	byItself = revisionShape{dashboardWords, []string{
		"architectures", "attributes", "base", "build_url", "confinement", "created_at", "epoch", "grade",
		"revision", "size", "status", "version",
	}}
	inGateway = revisionShape{gatewayWords, []string{
		"architectures", "attributes", "base", "build-url", "confinement", "created-at", "epoch", "grade",
		"revision", "sha3-384", "size", "status", "version",
	}}
	inGatewayReleases = revisionShape{gatewayWords, []string{
		"architectures", "base", "build-url", "confinement", "created-at", "created-by", "grade", "revision",
		"sha3-384", "size", "status", "type", "version",
	}}
)

// of builds the wire's revision. Nothing else does.
func (s revisionShape) of(r catalog.PublishedRevision) object {
	all := object{
		"architectures": architecturesOf(r.Revision),
		"attributes":    object{},
		"base":          orNull(r.Meta.Base),
		"build-url":     nil,
		"build_url":     nil,
		"confinement":   cmp.Or(r.Meta.Confinement, "strict"),
		"created-at":    wireTime(r.CreatedAt),
		"created_at":    wireTime(r.CreatedAt),
		"created-by":    r.CreatedBy,
		"epoch":         r.Meta.Epoch.Normal(),
		"grade":         cmp.Or(r.Meta.Grade, "stable"),
		"revision":      r.Number,
		"sha3-384":      r.Blob.Hex(),
		"size":          r.Size,
		"status":        s.words.of(r),
		"type":          snapType(r.Meta.Type),
		"version":       r.Version,
	}
	out := make(object, len(s.keys))
	for _, key := range s.keys {
		out[key] = all[key]
	}
	return out
}

func (s revisionShape) all(list []catalog.PublishedRevision) []object {
	out := make([]object, len(list))
	for i, r := range list {
		out[i] = s.of(r)
	}
	return out
}

// snapType is a type that craft-store knows: it fails on os.
func snapType(t string) string {
	switch t {
	case "":
		return "app"
	case "os":
		return "base"
	}
	return t
}

func architecturesOf(r *store.Revision) []string {
	out := make([]string, 0, len(r.Platforms))
	for _, p := range r.Platforms {
		out = append(out, p.Architecture)
	}
	return out
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// wireTime is a time as most answers have it, nil for none.
func wireTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// wireTimeNoZone is a time as the oldest answers have it.
func wireTimeNoZone(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// progressiveNow says how far a release is that is in force. How many devices
// have it is not measured, so that only what all get is a figure.
func progressiveNow(r *store.Release, s *store.SlotState, at time.Time) object {
	p := progressiveOf(r)
	switch {
	case r == s.Release && s.Progressive():
		p["percentage"] = r.Share(at)
	case r.Percentage > 0: // it grew until it had reached everyone
		p["paused"], p["percentage"] = nil, nil
	}
	if !s.Progressive() {
		p["current-percentage"] = 100.0
	}
	return p
}

// progressiveOf says what a release was made with.
func progressiveOf(r *store.Release) object {
	if r.Percentage == 0 {
		return object{"paused": nil, "percentage": nil, "current-percentage": nil}
	}
	return object{"paused": r.Paused, "percentage": r.Percentage, "current-percentage": nil}
}

// channelMap lists what is in force; a closed channel has no entry, and a
// progressive release is the second of its channel.
func channelMap(c *catalog.Channels, entry func(*store.Release, object) object) []object {
	list := []object{}
	slots := c.Map.Slots()
	for i := range slots {
		s := &slots[i]
		if s.Plain != nil {
			list = append(list, entry(s.Plain, progressiveNow(s.Plain, s, c.At)))
		}
		if s.Progressive() {
			list = append(list, entry(s.Release, progressiveNow(s.Release, s, c.At)))
		}
	}
	return list
}

// mapEntry is an entry of the dashboard's channel map.
func mapEntry(r *store.Release, progressive object) object {
	return object{
		"architecture": r.Platform.Architecture, "channel": r.Channel.String(), "revision": r.Revision,
		"when": wireTime(r.At), "expiration-date": wireTime(r.Expires), "progressive": progressive,
	}
}

// gatewayEntry is one of the gateway's, where base is for charms and may be
// null, but not absent.
func gatewayEntry(components map[int]map[string]string) func(*store.Release, object) object {
	return func(r *store.Release, progressive object) object {
		delete(progressive, "current-percentage")
		e := mapEntry(r, progressive)
		e["base"] = nil
		resources := []object{}
		for _, pin := range r.Resources {
			kind := cmp.Or(components[r.Revision][pin.Name], "standard")
			resources = append(resources, object{"name": pin.Name, "revision": pin.Revision, "type": "component/" + kind})
		}
		e["resources"] = resources
		return e
	}
}

// releaseOf is a release in a history.
func releaseOf(r *store.Release) object {
	var revision any // null closes
	if r.Revision != 0 {
		revision = r.Revision
	}
	c := r.Channel.Normal()
	return object{
		"when": wireTime(r.At), "channel": c.String(), "track": c.Track, "risk": c.Risk.String(), "branch": orNull(c.Branch),
		"expiration-date": wireTime(r.Expires), "architecture": r.Platform.Architecture, "revision": revision,
		"progressive": progressiveOf(r),
	}
}

// snapOf is the package as channel map and history show it.
func snapOf(c *catalog.Channels) object {
	p := &c.Package
	defaultTrack := cmp.Or(p.DefaultTrack, store.LatestTrack)
	tracks := []object{}
	for _, t := range tracksOf(p) {
		status := "active"
		if t.Name == defaultTrack {
			status = "default"
		}
		tracks = append(tracks, object{
			"name": t.Name, "status": status, "creation-date": wireTime(t.CreatedAt), "version-pattern": orNull(t.VersionPattern),
		})
	}
	var notLatest any
	if defaultTrack != store.LatestTrack {
		notLatest = defaultTrack
	}
	return object{
		"id": p.ID, "name": p.Name, "title": cmp.Or(p.Listing.Title, p.Name), "private": p.Private,
		"default-track": notLatest,
		"publisher": object{
			"id": p.Publisher.ID, "display-name": p.Publisher.DisplayName, "username": p.Publisher.Username,
		},
		"channels": channelsOf(c), "tracks": tracks,
	}
}

// tracksOf lists a package's tracks with latest first.
func tracksOf(p *store.Package) []store.Track {
	tracks := []store.Track{{Name: store.LatestTrack}}
	for _, t := range p.Tracks {
		if t.Name != store.LatestTrack {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

// channelsOf lists channels in the order in which clients print them: each
// after the one it falls back to. Branches stand there while they hold something.
func channelsOf(c *catalog.Channels) []object {
	list := []object{}
	add := func(ch store.Channel, fallback any) {
		list = append(list, object{
			"name": ch.String(), "track": ch.Track, "risk": ch.Risk.String(), "branch": orNull(ch.Branch), "fallback": fallback,
		})
	}
	for _, t := range tracksOf(&c.Package) {
		var safer any
		for _, risk := range store.Risks {
			ch := store.Channel{Track: t.Name, Risk: risk}
			add(ch, safer)
			safer = ch.String()
			for _, branch := range branchesOf(c.Map, ch) {
				add(branch, safer)
			}
		}
	}
	return list
}

// branchesOf lists the open branches of a channel.
func branchesOf(m *store.ChannelMap, of store.Channel) (list []store.Channel) {
	for _, s := range m.Slots() {
		parent := s.Channel
		parent.Branch = ""
		if s.Channel.Branch != "" && parent == of && !slices.Contains(list, s.Channel) {
			list = append(list, s.Channel)
		}
	}
	return list
}
