// SPDX-License-Identifier: AGPL-3.0-only

package main

import (
	"github.com/juju/charm/v8"
	corecharm "github.com/juju/juju/core/charm"
	"github.com/juju/juju/core/charm/repository"
)

// resolved is where juju's second tries have led.
type resolved struct {
	URL          string   `json:"url"`
	ID           string   `json:"id"`
	Revision     int      `json:"revision"`
	Channel      string   `json:"channel"`
	Platform     string   `json:"platform"`
	Series       []string `json:"series,omitempty"`
	Name         string   `json:"name,omitempty"` // that the archive or metadata gives
	Hash         string   `json:"hash,omitempty"`
	Resources    []string `json:"resources,omitempty"`
	Fingerprints []string `json:"fingerprints,omitempty"`
}

// controller does what a controller does for a deployment: it resolves a name,
// downloads the archive, lists its resources, or reads its metadata alone.
func (a asker) controller(c call) (any, error) {
	repo := repository.NewCharmHubRepository(a.log, a.client)
	curl := &charm.URL{Schema: "ch", Name: c.Name, Revision: -1}
	origin := corecharm.Origin{
		Source: corecharm.CharmHub, Type: "charm",
		Platform: corecharm.Platform{Architecture: c.Base.Architecture, OS: c.Base.Name, Channel: c.Base.Channel},
	}
	if c.Channel != "" {
		channel, err := charm.ParseChannelNormalize(c.Channel)
		if err != nil {
			return nil, err
		}
		origin.Channel = &channel
	}
	if c.Revision != 0 {
		curl.Revision = c.Revision
		origin.Revision = &c.Revision
	}
	curl, origin, series, err := repo.ResolveWithPreferredChannel(curl, origin, nil)
	if err != nil {
		return nil, err
	}
	r := resolvedAt(curl, origin)
	r.Series = series
	switch c.Call {
	case "deploy":
		var archive corecharm.CharmArchive
		if archive, origin, err = repo.DownloadCharm(curl, origin, nil, c.To); err == nil {
			r = resolvedAt(curl, origin)
			r.Series, r.Name, r.Hash = series, archive.Meta().Name, origin.Hash
		}
	case "list-resources":
		list, err := repo.ListResources(curl, origin, nil)
		if err != nil {
			return nil, err
		}
		for _, res := range list {
			r.Resources = append(r.Resources, res.Name)
			r.Fingerprints = append(r.Fingerprints, res.Fingerprint.Hex())
		}
	case "metadata":
		list, err := repo.GetEssentialMetadata(corecharm.MetadataRequest{CharmURL: curl, Origin: origin})
		if err != nil {
			return nil, err
		}
		r.Name = list[0].Meta.Name
	}
	return r, err
}

func resolvedAt(curl *charm.URL, origin corecharm.Origin) resolved {
	r := resolved{URL: curl.String(), ID: origin.ID, Platform: origin.Platform.String()}
	if origin.Revision != nil {
		r.Revision = *origin.Revision
	}
	if origin.Channel != nil {
		r.Channel = origin.Channel.String()
	}
	return r
}
