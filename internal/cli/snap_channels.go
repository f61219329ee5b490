package cli

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

// channelHolds is a channel on one architecture as commands print it.
type channelHolds struct {
	Channel      string     `json:"channel"` // with its track
	Architecture string     `json:"architecture"`
	Revision     int        `json:"revision"`
	Version      string     `json:"version"`
	Percentage   *float64   `json:"percentage,omitempty"` // of a progressive release
	Paused       bool       `json:"paused,omitempty"`
	Expires      *time.Time `json:"expires,omitempty"` // of a branch
	Released     time.Time  `json:"released"`

	place store.Channel
}

// ownTrack is a track as commands print it.
type ownTrack struct {
	Name           string     `json:"name"`
	Status         string     `json:"status,omitempty"` // active, default, hidden, closed
	CreatedAt      *time.Time `json:"created-at,omitempty"`
	VersionPattern string     `json:"version-pattern,omitempty"`
	Phasing        *float64   `json:"phasing,omitempty"` // percentage a day
}

// holding is what the channels of a snap hold.
type holding struct {
	Name         string         `json:"name"`
	DefaultTrack string         `json:"default-track"`
	Tracks       []ownTrack     `json:"tracks"`
	Channels     []channelHolds `json:"channels"`
}

// channels asks what the channels of a snap hold, open ones only, in the order
// of tracks, architectures and risks.
func (r *remote) channels(ctx context.Context, name string) (*holding, error) {
	h := &holding{Name: name, DefaultTrack: "latest"}
	var entries []snapstore.ChannelMapEntry
	var revisions []snapstore.Revision
	if r.byGateway() {
		releases, err := r.ListReleases(ctx, name)
		if err != nil {
			return nil, err
		}
		entries, revisions = releases.ChannelMap, releases.Revisions
	} else {
		m, err := r.Dashboard().ChannelMap(ctx, name)
		if err != nil {
			return nil, err
		}
		entries, revisions = m.ChannelMap, m.Revisions
		if m.Snap.DefaultTrack != nil {
			h.DefaultTrack = *m.Snap.DefaultTrack
		}
		h.Tracks = tracksOf(m.Snap.Tracks)
	}
	versions := make(map[int]string)
	for _, rev := range revisions {
		versions[rev.Revision] = rev.Version
	}
	for _, e := range entries {
		c, err := store.ParseChannel(e.Channel)
		if err != nil {
			continue // of a kind that is not known here
		}
		l := channelHolds{
			Channel: c.String(), Architecture: e.Architecture, Revision: e.Revision, Version: versions[e.Revision],
			Percentage: e.Progressive.Percentage, Released: e.When.UTC(), place: c.Normal(),
		}
		l.Paused = e.Progressive.Paused != nil && *e.Progressive.Paused
		if e.ExpirationDate != nil && !e.ExpirationDate.IsZero() {
			at := e.ExpirationDate.UTC()
			l.Expires = &at
		}
		h.Channels = append(h.Channels, l)
	}
	order := make(map[string]int)
	for i, t := range h.Tracks {
		order[t.Name] = i
	}
	slices.SortStableFunc(h.Channels, func(a, b channelHolds) int {
		return cmp.Or(
			cmp.Compare(order[a.place.Track], order[b.place.Track]), cmp.Compare(a.place.Track, b.place.Track),
			cmp.Compare(a.Architecture, b.Architecture),
			cmp.Compare(a.place.Risk, b.place.Risk), cmp.Compare(a.place.Branch, b.place.Branch),
			cmp.Compare(percent(a.Percentage), percent(b.Percentage)),
		)
	})
	return h, nil
}

// percent sorts what all devices get before a progressive release.
func percent(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}

func tracksOf(tracks []snapstore.Track) []ownTrack {
	var all []ownTrack
	for _, t := range tracks {
		own := ownTrack{Name: t.Name, Status: t.Status, Phasing: t.AutomaticPhasingPercentage}
		for _, at := range []*snapstore.Time{t.CreatedAt, t.CreationDate} {
			if at != nil && !at.IsZero() {
				utc := at.UTC()
				own.CreatedAt = &utc
			}
		}
		if t.VersionPattern != nil {
			own.VersionPattern = *t.VersionPattern
		}
		all = append(all, own)
	}
	return all
}
