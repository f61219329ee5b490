package snappublisher

import (
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

// wirePackage is a package as the gateway describes it. Its lists and objects are
// never null, and its only media are icons: clients refuse anything else.
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
	Publisher    wirePublisher       `json:"publisher"`
	Status       string              `json:"status"`
	Store        string              `json:"store"`
	Summary      *string             `json:"summary"`
	Title        *string             `json:"title"`
	Guardrails   []wireGuardrail     `json:"track-guardrails"`
	Tracks       []wireTrack         `json:"tracks"`
	Type         string              `json:"type"`
	Website      *string             `json:"website"`
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

// gatewayTime is how the gateway writes when tracks and guardrails were made.
const gatewayTime = "2006-01-02T15:04:05.000000"

// statusRegistered is the gateway's status of a package without releases.
const statusRegistered = "registered"

// gatewayPackage is a package in the words that people read about it.
func (a *api) gatewayPackage(r *http.Request, s *catalog.Showing) wirePackage {
	p := s.Package
	w := wirePackage{
		Contact: textOrNull(s.Contact()), DefaultTrack: textOrNull(p.DefaultTrack), Description: textOrNull(s.Description()),
		ID: p.ID, Links: s.Links(), Media: []wireIcon{}, Name: p.Name, Private: p.Private,
		Publisher: publisherOf(p.Publisher), Status: statusRegistered, Store: p.StoreID, Summary: textOrNull(s.Summary()),
		Title: textOrNull(s.Title()), Guardrails: []wireGuardrail{}, Tracks: []wireTrack{}, Type: string(p.Namespace),
	}
	if website := s.Website(); store.CheckListing(store.Listing{Website: website}) == nil {
		w.Website = textOrNull(website) // clients refuse what is no web link; a snap may say anything
	}
	if len(s.Open) > 0 {
		w.Status = statusPublished
	}
	for _, m := range p.Media {
		if m.Kind == store.MediumIcon {
			w.Media = append(w.Media, wireIcon{m.Kind, a.mediumURL(r, p.ID, m)})
		}
	}
	for _, g := range p.Guardrails {
		w.Guardrails = append(w.Guardrails, wireGuardrail{g.CreatedAt.UTC().Format(gatewayTime), g.Pattern})
	}
	for _, t := range p.Tracks {
		track := wireTrack{Name: t.Name, CreatedAt: t.CreatedAt.UTC().Format(gatewayTime), VersionPattern: textOrNull(t.VersionPattern)}
		if t.Phasing != 0 {
			track.Phasing = &t.Phasing
		}
		w.Tracks = append(w.Tracks, track)
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
