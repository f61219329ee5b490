package snappublisher

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// wireMetadata is what people read about a snap, as the dashboard writes it. No
// list in it is null: the pages that read it iterate over them.
type wireMetadata struct {
	SnapID          string              `json:"snap_id"`
	SnapName        string              `json:"snap_name"`
	Series          string              `json:"series"`
	Title           string              `json:"title"`
	Summary         string              `json:"summary"`
	Description     string              `json:"description"`
	License         string              `json:"license"`
	Contact         string              `json:"contact"`
	Website         string              `json:"website"`
	Links           map[string][]string `json:"links"`
	Keywords        []string            `json:"keywords"`
	Media           []wireMedium        `json:"media"`
	VideoURLs       []string            `json:"video_urls"`
	Categories      wireCategories      `json:"categories"`
	Private         bool                `json:"private"`
	Unlisted        bool                `json:"unlisted"`
	Locked          bool                `json:"visibility_locked"`
	OnlyCountries   []string            `json:"whitelist_country_codes"`
	NotInCountries  []string            `json:"blacklist_country_codes"`
	PublicMetrics   bool                `json:"public_metrics_enabled"`
	HiddenMetrics   []string            `json:"public_metrics_blacklist"`
	DefaultTrack    *string             `json:"default_track"`
	FollowsReleases bool                `json:"update_metadata_on_release"`
}

type wireMedium struct {
	Type   string `json:"type"`
	URL    string `json:"url"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

type wireCategories struct {
	Locked bool           `json:"locked"`
	Items  []wireCategory `json:"items"`
}

type wireCategory struct {
	Name     string `json:"name"`
	Featured bool   `json:"featured"`
	Since    string `json:"since"`
}

// wireInfo is all that the dashboard tells of a snap.
type wireInfo struct {
	wireMetadata
	Store       string            `json:"store"`
	Status      string            `json:"status"`
	Publisher   gateway.Publisher `json:"publisher"`
	Aliases     *[]string         `json:"aliases"` // null: what a snap declares needs no granting here
	ChannelMaps []wireChannelMap  `json:"channel_maps_list"`
}

type wireChannelMap struct {
	Track        string        `json:"track"`
	Series       string        `json:"series"`
	Architecture string        `json:"architecture"`
	Map          []wireChannel `json:"map"`
}

// wireChannel is one risk of a channel map; a closed one has only its name and
// that nothing is released to it.
type wireChannel struct {
	Channel     string  `json:"channel"`
	Info        *string `json:"info"`
	Revision    int     `json:"revision,omitempty"`
	Version     *string `json:"version,omitempty"`
	Epoch       string  `json:"epoch,omitempty"`
	Confinement string  `json:"confinement,omitempty"`
	Size        int64   `json:"binary_filesize,omitempty"`
}

// Statuses of a snap.
const (
	statusPublished   = "published"
	statusUnpublished = "unpublished"
)

func (a *api) infoOf(r *http.Request, s *catalog.Showing) wireInfo {
	info := wireInfo{
		wireMetadata: a.metadataOf(r, s), Store: s.Store.Name, Status: statusUnpublished,
		Publisher: gateway.PublisherOf(s.Package.Publisher), ChannelMaps: channelMaps(s.Open),
	}
	if len(s.Open) > 0 {
		info.Status = statusPublished
	}
	return info
}

func (a *api) metadataOf(r *http.Request, s *catalog.Showing) wireMetadata {
	p, l := s.Package, &s.Package.Listing
	m := wireMetadata{
		SnapID: p.ID, SnapName: p.Name, Series: onlySeries,
		Title: s.Title(), Summary: s.Summary(), Description: s.Description(), License: cmp.Or(s.License(), "unset"),
		Contact: s.Contact(), Website: s.Website(), Links: s.Links(),
		Keywords: listed(l.Keywords), VideoURLs: listed(l.Videos),
		OnlyCountries: listed(l.OnlyCountries), NotInCountries: listed(l.NotInCountries),
		PublicMetrics: l.PublicMetrics, HiddenMetrics: listed(l.HiddenMetrics),
		Private: p.Private, Unlisted: p.Unlisted, FollowsReleases: l.FollowsReleases,
		Media: []wireMedium{}, Categories: wireCategories{Items: []wireCategory{}},
	}
	if p.DefaultTrack != "" {
		m.DefaultTrack = &p.DefaultTrack
	}
	for _, medium := range p.Media {
		m.Media = append(m.Media, wireMedium{medium.Kind, a.mediumURL(r, p.ID, medium), medium.Width, medium.Height})
	}
	for _, c := range p.Categories {
		since := c.Since
		if since.IsZero() {
			since = p.CreatedAt
		}
		m.Categories.Items = append(m.Categories.Items, wireCategory{c.Name, c.Featured, since.UTC().Format("2006-01-02T15:04:05.000000")})
	}
	return m
}

func (a *api) mediumURL(r *http.Request, packageID string, m store.Medium) string {
	return strings.TrimSuffix(a.BaseURL(r), "/") + reply.MediumPath(packageID, m.Blob)
}

// listed is a list that is never null.
func listed(list []string) []string { return append([]string{}, list...) }

// channelMaps are the tracks that hold anything, on each architecture for which
// they do.
func channelMaps(open []store.Listed) []wireChannelMap {
	maps := []wireChannelMap{}
	for _, l := range open {
		at := slices.IndexFunc(maps, func(m wireChannelMap) bool {
			return m.Track == l.Channel.Track && m.Architecture == l.Architecture
		})
		if at < 0 {
			at = len(maps)
			m := wireChannelMap{Track: l.Channel.Track, Series: onlySeries, Architecture: l.Architecture}
			for _, risk := range store.Risks {
				m.Map = append(m.Map, wireChannel{Channel: risk.String()})
			}
			maps = append(maps, m)
		}
		released, rev := "released", l.Revision
		maps[at].Map[l.Channel.Risk] = wireChannel{
			Channel: l.Channel.Risk.String(), Info: &released, Revision: rev.Number, Version: &rev.Version,
			Epoch: epochText(rev.Meta.Epoch), Confinement: cmp.Or(rev.Meta.Confinement, "strict"), Size: rev.Size,
		}
	}
	return maps
}

// epochText is an epoch as snap.yaml writes it: 1, or 1* for one that reads the
// epoch before as well, or what it reads and writes.
func epochText(e store.Epoch) string {
	e = e.Normal()
	if len(e.Write) == 1 {
		n := e.Write[0]
		switch {
		case slices.Equal(e.Read, e.Write):
			return strconv.FormatUint(uint64(n), 10)
		case n > 0 && slices.Equal(e.Read, []uint32{n - 1, n}):
			return strconv.FormatUint(uint64(n), 10) + "*"
		}
	}
	text, _ := json.Marshal(e) // lists of numbers always marshal
	return string(text)
}
