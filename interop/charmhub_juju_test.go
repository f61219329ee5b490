// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/interop/harness"
)

// What follows are the parts of juju's answers that tests look at, as juju's own
// types encode them.

type jujuDownload struct {
	SHA256 string `json:"hash-sha-256"`
	SHA384 string `json:"hash-sha-384"`
	Size   int    `json:"size"`
	URL    string `json:"url"`
}

type jujuResource struct {
	Name     string       `json:"name"`
	Type     string       `json:"type"`
	Revision int          `json:"revision"`
	Filename string       `json:"filename"`
	Download jujuDownload `json:"download"`
}

type jujuRefresh struct {
	Entity struct {
		Type      string             `json:"type"`
		ID        string             `json:"id"`
		Name      string             `json:"name"`
		Revision  int                `json:"revision"`
		Version   string             `json:"version"`
		Download  jujuDownload       `json:"download"`
		Resources []jujuResource     `json:"resources"`
		Bases     []harness.JujuBase `json:"bases"`
		Metadata  string             `json:"metadata-yaml"`
		Config    string             `json:"config-yaml"`
	} `json:"charm"`
	Channel string `json:"effective-channel"`
	Error   *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Extra   struct {
			Bases    []harness.JujuBase `json:"default-bases"`
			Releases []struct {
				Base    harness.JujuBase `json:"base"`
				Channel string           `json:"channel"`
			} `json:"releases"`
		} `json:"extra"`
	} `json:"error"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

type jujuInfo struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Name   string `json:"name"`
	Result struct {
		Publisher map[string]string `json:"publisher"`
		Summary   string            `json:"summary"`
		Charms    []struct {
			Name string `json:"name"`
			ID   string `json:"package-id"`
		} `json:"contains-charms"`
	} `json:"result"`
	Map []struct {
		Channel struct {
			Name string           `json:"name"`
			Base harness.JujuBase `json:"base"`
		} `json:"channel"`
		Revision struct {
			Revision int    `json:"revision"`
			Version  string `json:"version"`
		} `json:"revision"`
	} `json:"channel-map"`
	Default struct {
		Channel struct {
			Name string `json:"name"`
		} `json:"channel"`
		Revision struct {
			Revision int    `json:"revision"`
			Metadata string `json:"metadata-yaml"`
			Bundle   string `json:"bundle-yaml"`
		} `json:"revision"`
	} `json:"default-release"`
}

var (
	jammy   = harness.JujuBase{Architecture: "amd64", Name: "ubuntu", Channel: "22.04"}
	focal   = harness.JujuBase{Architecture: "amd64", Name: "ubuntu", Channel: "20.04"}
	unknown = harness.JujuBase{Architecture: "amd64"}
	// nothingKnown is how juju's refresh says that it knows no base yet.
	nothingKnown = harness.JujuBase{Architecture: "amd64", Name: "NA", Channel: "NA"}
)

func (m *market) found(t *testing.T) {
	var info jujuInfo
	m.juju.Get(harness.JujuCall{Call: "info", Name: "pantry"}, &info)
	m.ids["pantry"] = info.ID
	if info.Type != "charm" || info.Result.Publisher["display-name"] == "" || info.Result.Summary != "Keeps things on shelves" {
		t.Errorf("info of the pantry: %s", asJSON(info))
	}
	if d := info.Default; d.Channel.Name != "latest/stable" || d.Revision.Revision != 1 || d.Revision.Metadata != pantryCharm("").Metadata {
		t.Errorf("the pantry's default release: %s", asJSON(d))
	}
	channels := map[string]int{}
	for _, e := range info.Map {
		channels[fmt.Sprintf("%s %s %d", e.Channel.Name, e.Channel.Base.Channel, e.Revision.Revision)]++
	}
	same(t, "the pantry's channels", channels, map[string]int{
		"latest/stable 22.04 1": 2, "latest/stable 20.04 1": 1, "latest/candidate 22.04 2": 2, "latest/candidate 20.04 2": 1,
		"latest/edge 22.04 2": 2, "latest/edge 20.04 2": 1, "2.0/stable 22.04 1": 2, "2.0/stable 20.04 1": 1,
		"3.0/edge 22.04 2": 2, "3.0/edge 20.04 2": 1,
	})
	m.juju.Get(harness.JujuCall{Call: "info", Name: "pantry", Channel: "latest/edge"}, &info)
	same(t, "the pantry's release in edge", info.Default.Revision.Revision, 2)
	for _, n := range []string{"oven-k8s", "lamp", "kitchen"} {
		var info jujuInfo
		m.juju.Get(harness.JujuCall{Call: "info", Name: n}, &info)
		m.ids[n] = info.ID
		if n == "kitchen" && (info.Type != "bundle" || info.Default.Revision.Bundle != kitchenBundle || len(info.Result.Charms) != 2) {
			t.Errorf("info of the bundle: %s", asJSON(info))
		}
	}
	if err := m.juju.Ask(harness.JujuCall{Call: "info", Name: "nobodys"}, nil); err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("info of nothing: %v", err)
	}

	for _, search := range []struct {
		text    string
		filters map[string]string
		want    []string
	}{
		{"shelves", nil, []string{"pantry"}},
		{"pantry", nil, []string{"kitchen", "pantry"}}, // a bundle of it, too
		{"", nil, []string{"kitchen", "lamp", "oven-k8s", "pantry"}},
		{"", map[string]string{"type": "bundle"}, []string{"kitchen"}},
		{"", map[string]string{"type": "charm"}, []string{"lamp", "oven-k8s", "pantry"}},
		// A closed channel has what the next one has that is more stable.
		{"", map[string]string{"channel": "candidate"}, []string{"kitchen", "lamp", "oven-k8s", "pantry"}},
		{"", map[string]string{"channel": "stable"}, []string{"kitchen", "oven-k8s", "pantry"}},
		{"", map[string]string{"relation-requires": "shelf"}, []string{"oven-k8s"}},
		{"", map[string]string{"relation-provides": "shelf"}, []string{"pantry"}},
		{"", map[string]string{"publisher": "alice"}, []string{"kitchen", "lamp", "oven-k8s", "pantry"}},
		{"", map[string]string{"publisher": "nobody"}, nil},
		{"zebra", nil, nil},
	} {
		var results []jujuInfo
		m.juju.Get(harness.JujuCall{Call: "find", Name: search.text, Filters: search.filters}, &results)
		var names []string
		for _, r := range results {
			names = append(names, r.Name)
		}
		slices.Sort(names)
		if !slices.Equal(names, search.want) {
			t.Errorf("find %q with %v: %q, not %q", search.text, search.filters, names, search.want)
		}
		list := func(filter string) []string {
			if v := search.filters[filter]; v != "" {
				return []string{v}
			}
			return nil
		}
		also, err := m.sdk.Consumer().Find(t.Context(), charmhub.FindQuery{
			Text: search.text, Type: search.filters["type"], Channel: search.filters["channel"], Publisher: search.filters["publisher"],
			RelationRequires: list("relation-requires"), RelationProvides: list("relation-provides"),
		})
		names = nil
		for _, p := range also {
			names = append(names, p.Name)
		}
		slices.Sort(names)
		if err != nil || !slices.Equal(names, search.want) {
			t.Errorf("the SDK finds %q with %v: %q, not %q: %v", search.text, search.filters, names, search.want, err)
		}
	}
}

// refresh makes one refresh of any number of actions.
func (m *market) refresh(actions ...harness.JujuCall) (results []jujuRefresh) {
	m.t.Helper()
	m.juju.Get(harness.JujuCall{Call: "refresh", Actions: actions, Metrics: true}, &results)
	if len(results) != len(actions) {
		m.t.Fatalf("%d actions have %d results", len(actions), len(results))
	}
	return results
}

func deploying(name, channel string, on harness.JujuBase) harness.JujuCall {
	return harness.JujuCall{Call: "install", Name: name, Channel: channel, Base: on}
}
