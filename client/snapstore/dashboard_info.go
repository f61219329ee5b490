package snapstore

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/larder-store/larder/client/transport"
)

// A SnapChannelMap is what the channels of a snap hold, with all there is to
// know about them.
type SnapChannelMap struct {
	ChannelMap []ChannelMapEntry `json:"channel-map"`
	Revisions  []Revision        `json:"revisions"`
	Snap       SnapSummary       `json:"snap"`
}

// Revision finds one of the revisions.
func (m *SnapChannelMap) Revision(number int) (Revision, bool) {
	return (&Releases{Revisions: m.Revisions}).Revision(number)
}

// SnapSummary is the snap of a SnapChannelMap.
type SnapSummary struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Title   string `json:"title"`
	Private bool   `json:"private"`
	// DefaultTrack is nil when it is "latest".
	DefaultTrack *string   `json:"default-track"`
	Publisher    Account   `json:"publisher"`
	Channels     []Channel `json:"channels"`
	Tracks       []Track   `json:"tracks"`
}

// ChannelMap returns what the channels of a snap hold (permission
// package_access). Closed channels have no entry; a progressive release is a
// second entry for its channel.
func (d Dashboard) ChannelMap(ctx context.Context, name string) (SnapChannelMap, error) {
	var out SnapChannelMap
	err := d.get(ctx, d.v2(path("snaps", name, "channel-map")), &out)
	return out, err
}

// A HistoricRelease is one entry of the history of a snap's releases.
type HistoricRelease struct {
	When           Time    `json:"when"`
	Channel        string  `json:"channel"`
	Track          string  `json:"track"`
	Risk           string  `json:"risk"`
	Branch         *string `json:"branch"`
	ExpirationDate *Time   `json:"expiration-date"`
	Architecture   string  `json:"architecture"`
	// Revision is nil where the channel was closed.
	Revision    *int         `json:"revision"`
	Progressive *Progressive `json:"progressive"`
}

// A ReleasesPage is a part of the history, newest first.
type ReleasesPage struct {
	Releases []HistoricRelease `json:"releases"`
	// Revisions are those that the releases name.
	Revisions []Revision  `json:"revisions"`
	Snap      SnapSummary `json:"snap"`
	Links     struct {
		Next string `json:"next"`
	} `json:"_links"`
}

// ReleasesPage returns one page of the history, counted from 1; a size of 0 is
// the store's choice, 500 the most (permission package_access).
func (d Dashboard) ReleasesPage(ctx context.Context, name string, page, size int) (ReleasesPage, error) {
	query := url.Values{}
	if page > 0 {
		query.Set("page", strconv.Itoa(page))
	}
	if size > 0 {
		query.Set("size", strconv.Itoa(size))
	}
	u := d.v2(path("snaps", name, "releases"))
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	var out ReleasesPage
	err := d.get(ctx, u, &out)
	return out, err
}

// maxPages ends an iteration over a store that never says that it is the last.
const maxPages = 100_000

// Releases goes through the whole history, newest first, a page at a time. After
// an error it ends.
func (d Dashboard) Releases(ctx context.Context, name string) iter.Seq2[HistoricRelease, error] {
	return func(yield func(HistoricRelease, error) bool) {
		for page := 1; ; page++ {
			if page > maxPages {
				yield(HistoricRelease{}, fmt.Errorf("cannot list the releases of %q: more than %d pages", name, maxPages))
				return
			}
			got, err := d.ReleasesPage(ctx, name, page, 500)
			if err != nil {
				yield(HistoricRelease{}, err)
				return
			}
			for _, r := range got.Releases {
				if !yield(r, nil) {
					return
				}
			}
			// The link's address is not followed: it may be the address
			// inside of a network.
			if got.Links.Next == "" || len(got.Releases) == 0 {
				return
			}
		}
	}
}

// Revision returns one revision of a snap, by its name or id.
func (d Dashboard) Revision(ctx context.Context, nameOrID string, revision int) (Revision, error) {
	var out struct {
		Revision required[Revision] `json:"revision"`
	}
	u := d.v2(path("snaps", nameOrID, "revisions", strconv.Itoa(revision)))
	err := d.get(ctx, u, &out)
	return out.Revision.get(&err, u, "revision"), err
}

// SnapInfo is everything a dashboard knows about a snap.
type SnapInfo struct {
	SnapID      string  `json:"snap_id"`
	Name        string  `json:"snap_name"`
	Series      string  `json:"series"`
	Store       string  `json:"store"`
	Title       string  `json:"title"`
	Summary     string  `json:"summary"`
	Description string  `json:"description"`
	Status      string  `json:"status"`
	Publisher   Account `json:"publisher"`
	Private     bool    `json:"private"`
	Unlisted    bool    `json:"unlisted"`
	// VisibilityLocked: Private and Unlisted cannot be changed.
	VisibilityLocked bool                `json:"visibility_locked"`
	License          string              `json:"license"`
	Media            []Media             `json:"media"`
	Keywords         []string            `json:"keywords"`
	Contact          *string             `json:"contact"`
	Website          *string             `json:"website"`
	Links            map[string][]string `json:"links"`
	VideoURLs        []string            `json:"video_urls"`
	Categories       struct {
		Locked bool `json:"locked"`
		Items  []struct {
			Name     string `json:"name"`
			Featured bool   `json:"featured"`
			Since    Time   `json:"since"`
		} `json:"items"`
	} `json:"categories"`
	AllowedCountries        []string        `json:"whitelist_country_codes"`
	ExcludedCountries       []string        `json:"blacklist_country_codes"`
	PublicMetricsEnabled    bool            `json:"public_metrics_enabled"`
	PublicMetricsExcluded   []string        `json:"public_metrics_blacklist"`
	DefaultTrack            *string         `json:"default_track"`
	Aliases                 json.RawMessage `json:"aliases"`
	UpdateMetadataOnRelease bool            `json:"update_metadata_on_release"`
	ChannelMaps             []InfoChannels  `json:"channel_maps_list"`
}

// InfoChannels are the channels of one track on one architecture.
type InfoChannels struct {
	Track        string `json:"track"`
	Series       string `json:"series"`
	Architecture string `json:"architecture"`
	Map          []struct {
		Channel string `json:"channel"`
		// Info is "released", or nil for a closed channel.
		Info        *string `json:"info"`
		Revision    int     `json:"revision"`
		Version     string  `json:"version"`
		Epoch       *Epoch  `json:"epoch"`
		Confinement string  `json:"confinement"`
		// Size is in bytes.
		Size int64 `json:"binary_filesize"`
	} `json:"map"`
}

// SnapInfo returns everything about a snap, by its name (permission
// package_access).
func (d Dashboard) SnapInfo(ctx context.Context, name string) (SnapInfo, error) {
	var out SnapInfo
	err := d.get(ctx, d.v1(path("snaps", "info", name)), &out)
	return out, err
}

// UpdateMetadata changes a snap's metadata, by its id (permission
// package_update): summary, description, license, title, default_track,
// keywords, links and others. Without force, what was edited in the store is
// kept and the store answers ErrConflict with one entry "conflict" per member
// (ErrorItem.Extra has name, current and value).
func (d Dashboard) UpdateMetadata(ctx context.Context, snapID string, changes map[string]any, force bool) error {
	method := http.MethodPost
	if force {
		method = http.MethodPut
	}
	return d.send(ctx, method, d.v1(path("snaps", snapID, "metadata")), changes, nil)
}

// SetDefaultTrack sets the track that a snap is installed from.
func (d Dashboard) SetDefaultTrack(ctx context.Context, snapID, track string) error {
	return d.UpdateMetadata(ctx, snapID, map[string]any{"default_track": track}, true)
}

// A MetricFilter asks for one metric of one snap.
type MetricFilter struct {
	SnapID string `json:"snap_id"`
	// Metric is for example "daily_device_change" or
	// "weekly_installed_base_by_channel".
	Metric string `json:"metric_name"`
	// Start and End are days, "2006-01-02", both included.
	Start string `json:"start"`
	End   string `json:"end"`
}

// A Metric answers a MetricFilter.
type Metric struct {
	// Status is "OK", "NO DATA" or "FAIL".
	Status string `json:"status"`
	SnapID string `json:"snap_id"`
	Name   string `json:"metric_name"`
	// Buckets are the days that the values are for.
	Buckets []string       `json:"buckets"`
	Series  []MetricSeries `json:"series"`
}

// A MetricSeries is one line of a metric; a value is nil where there is none.
type MetricSeries struct {
	Name              string `json:"name"`
	Values            []*int `json:"values"`
	CurrentlyReleased *bool  `json:"currently_released,omitempty"`
}

// Metrics answers the filters in their order (permission package_metrics). Code
// "invalid-date-interval".
func (d Dashboard) Metrics(ctx context.Context, filters ...MetricFilter) ([]Metric, error) {
	var out struct {
		Metrics required[[]Metric] `json:"metrics"`
	}
	u := d.v1("/snaps/metrics")
	// A POST that only asks may be sent again.
	err := d.c.call(ctx, transport.Call{
		Method: http.MethodPost, URL: u, In: map[string]any{"filters": filters}, Out: &out, Repeatable: true,
	})
	return out.Metrics.get(&err, u, "metrics"), err
}
