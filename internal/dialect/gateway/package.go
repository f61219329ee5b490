package gateway

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// wirePackage is a package as the gateway describes it. Its lists and objects are
// never null, and its only media are icons: clients refuse anything else. Where
// tracks and guardrails are left out, they are nil.
type wirePackage struct {
	Authority    *string             `json:"authority"`
	Contact      *string             `json:"contact"`
	DefaultTrack *string             `json:"default-track"`
	Description  *string             `json:"description"`
	ID           string              `json:"id"`
	Links        map[string][]string `json:"links"`
	Media        []wireIcon          `json:"media"`
	Name         string              `json:"name"`
	Private      bool                `json:"private"`
	Publisher    Publisher           `json:"publisher"`
	Status       string              `json:"status"`
	Store        string              `json:"store"`
	Summary      *string             `json:"summary"`
	Title        *string             `json:"title"`
	Guardrails   []wireGuardrail     `json:"track-guardrails,omitzero"`
	Tracks       []wireTrack         `json:"tracks,omitzero"`
	Type         string              `json:"type"`
	Website      *string             `json:"website"`
}

// Publisher is an account as the gateway and the dashboard name it.
type Publisher struct {
	ID          string `json:"id"`
	Username    string `json:"username"`
	DisplayName string `json:"display-name"`
	Validation  string `json:"validation"`
}

// PublisherOf is an account on the wire.
func PublisherOf(a store.Account) Publisher {
	return Publisher{ID: a.ID, Username: a.Username, DisplayName: a.DisplayName, Validation: cmp.Or(a.Validation, "unproven")}
}

type wireIcon struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

type wireGuardrail struct {
	CreatedAt string `json:"created-at"`
	Pattern   string `json:"pattern"`
}

type wireTrack struct {
	Phasing        *float64 `json:"automatic-phasing-percentage"`
	CreatedAt      string   `json:"created-at"`
	Name           string   `json:"name"`
	VersionPattern *string  `json:"version-pattern"`
}

// trackTime is how the gateway writes when tracks and guardrails were made.
func trackTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000") }

// Statuses of a package, without and with releases.
const (
	statusRegistered = "registered"
	statusPublished  = "published"
)

// whole is a package in the words that people read about it.
func (g *Gateway) whole(r *http.Request, s *catalog.Showing) wirePackage {
	p := s.Package
	w := wirePackage{
		Contact: textOrNull(s.Contact()), DefaultTrack: textOrNull(cmp.Or(p.DefaultTrack, g.custom().defaultTrack)),
		Description: textOrNull(s.Description()), ID: p.ID, Links: s.Links(), Media: []wireIcon{}, Name: p.Name, Private: p.Private,
		Publisher: PublisherOf(p.Publisher), Status: statusRegistered, Store: p.StoreID, Summary: textOrNull(s.Summary()),
		Title: textOrNull(s.Title()), Guardrails: []wireGuardrail{}, Tracks: []wireTrack{},
		Type: cmp.Or(p.Type, string(p.Namespace)),
	}
	if website := s.Website(); store.CheckListing(store.Listing{Website: website}) == nil {
		w.Website = textOrNull(website) // clients refuse what is no web link; a package may say anything
	}
	if len(s.Open) > 0 {
		w.Status = statusPublished
	}
	for _, m := range p.Media {
		if m.Kind == store.MediumIcon {
			w.Media = append(w.Media, wireIcon{m.Kind, strings.TrimSuffix(g.BaseURL(r), "/") + reply.MediumPath(p.ID, m.Blob)})
		}
	}
	for _, rail := range p.Guardrails {
		w.Guardrails = append(w.Guardrails, wireGuardrail{trackTime(rail.CreatedAt), rail.Pattern})
	}
	for _, t := range p.Tracks {
		track := wireTrack{Name: t.Name, CreatedAt: trackTime(t.CreatedAt), VersionPattern: textOrNull(t.VersionPattern)}
		if t.Phasing != 0 {
			track.Phasing = &t.Phasing
		}
		w.Tracks = append(w.Tracks, track)
	}
	return w
}

// listed is a package as it stands in a list.
func (g *Gateway) listed(r *http.Request, s *catalog.Showing) wirePackage {
	w := g.whole(r, s)
	if g.custom().short {
		w.Guardrails, w.Tracks, w.DefaultTrack = nil, nil, nil
	}
	return w
}

// textOrNull is null for the empty text.
func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
