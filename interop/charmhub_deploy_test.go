// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/interop/harness"
)

func (m *market) deployed(t *testing.T) {
	m.selected(t)
	m.many(t)
	m.downloaded(t)
	m.controller(t)
	if err := m.juju.Ask(harness.JujuCall{Call: "metrics"}, nil); err != nil {
		t.Errorf("metrics alone: %v", err)
	}
}

// selected checks what is chosen for an application.
func (m *market) selected(t *testing.T) {
	for _, c := range []struct {
		what     harness.JujuCall
		revision int    // or
		code     string // of the error
		channel  string
	}{
		{deploying("pantry", "latest/stable", jammy), 1, "", "latest/stable"},
		{deploying("pantry", "edge", focal), 2, "", "latest/edge"},
		{deploying("pantry", "beta", jammy), 2, "", "latest/candidate"}, // closed
		{deploying("pantry", "2.0/edge", jammy), 1, "", "2.0/stable"},
		{deploying("lamp", "candidate/dim", jammy), 1, "", "latest/candidate/dim"},
		{deploying("pantry", "stable", nothingKnown), 0, "invalid-charm-base", ""},
		{deploying("pantry", "stable", harness.JujuBase{Architecture: "amd64", Name: "ubuntu", Channel: "18.04"}), 0, "revision-not-found", ""},
		{deploying("lamp", "stable", jammy), 0, "revision-not-found", ""},
		{deploying("nobodys", "stable", jammy), 0, "name-not-found", ""},
		{deploying("kitchen", "stable", nothingKnown), 1, "", "latest/stable"},
		{deploying("kitchen", "stable", jammy), 1, "", "latest/stable"},
		{harness.JujuCall{Call: "install", Name: "pantry", Revision: 2}, 2, "", ""},
		{harness.JujuCall{Call: "install", Name: "pantry", Revision: 99}, 0, "revision-not-found", ""},
		{harness.JujuCall{Call: "download", ID: m.ids["oven-k8s"], Revision: 1, Resources: []harness.JujuPin{{Name: "menu", Revision: 1}}}, 1, "", ""},
		{harness.JujuCall{Call: "download", ID: m.ids["oven-k8s"], Channel: "edge", Base: jammy}, 1, "", "latest/edge"},
		{harness.JujuCall{Call: "download", Name: "oven-k8s", Channel: "latest/edge", Base: jammy}, 1, "", "latest/edge"},
		{harness.JujuCall{Call: "refresh", ID: m.ids["pantry"], Revision: 1, Channel: "latest/edge", Base: jammy}, 2, "", "latest/edge"},
		{harness.JujuCall{Call: "refresh", ID: m.ids["pantry"], Revision: 1, Channel: "edge", Base: jammy}, 2, "", "latest/edge"},
		{harness.JujuCall{Call: "refresh", ID: m.ids["pantry"], Revision: 2, Channel: "latest/stable", Base: focal}, 1, "", "latest/stable"},
		{harness.JujuCall{Call: "refresh", ID: m.ids["kitchen"], Revision: 1, Channel: "stable", Base: jammy}, 0, "refresh-bundle-not-supported", ""},
	} {
		r := m.refresh(c.what)[0]
		code := ""
		if r.Error != nil {
			code = r.Error.Code
			if r.Error.Message == "" {
				t.Errorf("%s: refused without a word", asJSON(c.what))
			}
		}
		// Risks are of the default track where no track is asked for, in either spelling.
		channel := r.Channel
		if channel != "" && !strings.Contains(c.channel, "2.0") && !strings.HasPrefix(channel, "latest/") {
			channel = "latest/" + channel
		}
		if code != c.code || c.code == "" && (r.Entity.Revision != c.revision || c.channel != "" && channel != c.channel) {
			t.Errorf("%s: revision %d of %q, error %q; not %d of %q, %q\n%s",
				asJSON(c.what), r.Entity.Revision, r.Channel, code, c.revision, c.channel, c.code, asJSON(r))
		}
	}

	r := m.refresh(deploying("oven-k8s", "edge", jammy))[0]
	same(t, "the oven's resources", resourcesOf(r), []string{"menu file 2", "oven-image oci-image 1"})
	r = m.refresh(harness.JujuCall{Call: "install", Name: "oven-k8s", Revision: 1})[0]
	same(t, "resources of a revision", resourcesOf(r), nil)
	r = m.refresh(harness.JujuCall{
		Call: "download", ID: m.ids["oven-k8s"], Revision: 1, Resources: []harness.JujuPin{{Name: "menu", Revision: 1}},
	})[0]
	same(t, "resources that are asked for", resourcesOf(r), []string{"menu file 1"})
	var all []jujuResource
	m.juju.Get(harness.JujuCall{Call: "resource-revisions", Name: "oven-k8s", Resource: "menu"}, &all)
	if len(all) != 2 || all[0].Revision != 2 || all[1].Revision != 1 || all[0].Download.SHA384 == "" {
		t.Errorf("revisions of the menu: %s", asJSON(all))
	}
	if err := m.juju.Ask(harness.JujuCall{Call: "resource-revisions", Name: "oven-k8s", Resource: "nothing"}, nil); err == nil {
		t.Error("nothing has revisions")
	}
}

func resourcesOf(r jujuRefresh) (list []string) {
	for _, res := range r.Entity.Resources {
		list = append(list, fmt.Sprintf("%s %s %d", res.Name, res.Type, res.Revision))
	}
	slices.Sort(list)
	return list
}

// many asks for a model full of applications at once.
func (m *market) many(t *testing.T) {
	names := []string{"pantry", "oven-k8s", "kitchen", "nobodys", "lamp"}
	var actions []harness.JujuCall
	for i := range 50 {
		switch name := names[i%len(names)]; {
		case name == "pantry" && i%2 == 0:
			actions = append(actions, harness.JujuCall{Call: "refresh", ID: m.ids[name], Revision: 1, Channel: "latest/edge", Base: jammy})
		case name == "lamp":
			actions = append(actions, deploying(name, "candidate", jammy))
		default:
			actions = append(actions, deploying(name, "stable", jammy))
		}
	}
	for i, r := range m.refresh(actions...) {
		name := names[i%len(names)]
		switch {
		case name == "nobodys":
			if r.Error == nil || r.Error.Code != "name-not-found" {
				t.Errorf("the %d. result: %s", i, asJSON(r))
			}
		case r.Error != nil || r.Entity.Name != name:
			t.Errorf("the %d. result is not for %s: %s", i, name, asJSON(r))
		}
	}
}

type fetched struct {
	Name   string   `json:"name"`
	Charms []string `json:"charms"`
	Size   int      `json:"size"`
	SHA256 string   `json:"sha256"`
	SHA384 string   `json:"sha384"`
	Text   string   `json:"text"`
}

// check compares what came with what was told of it.
func (f fetched) check(t *testing.T, what string, d jujuDownload, sha384 bool) {
	t.Helper()
	if f.Size != d.Size || f.SHA256 != d.SHA256 || sha384 && f.SHA384 != d.SHA384 {
		t.Errorf("%s is %+v, the store told %+v", what, f, d)
	}
}

func (m *market) downloaded(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"pantry", "oven-k8s"} {
		d := m.refresh(deploying(name, "stable", jammy))[0].Entity.Download
		var f fetched
		m.juju.Get(harness.JujuCall{Call: "download", URL: d.URL, To: filepath.Join(dir, name)}, &f)
		f.check(t, name, d, true)
		same(t, "the name inside", f.Name, name)
	}
	d := m.refresh(deploying("kitchen", "stable", jammy))[0].Entity.Download
	var f fetched
	m.juju.Get(harness.JujuCall{Call: "download-bundle", URL: d.URL, To: filepath.Join(dir, "kitchen")}, &f)
	f.check(t, "the bundle", d, true)
	slices.Sort(f.Charms)
	same(t, "the bundle's charms", f.Charms, []string{"oven-k8s", "pantry"})

	for _, res := range m.refresh(deploying("oven-k8s", "edge", jammy))[0].Entity.Resources {
		var f fetched
		m.juju.Get(harness.JujuCall{Call: "download-resource", URL: res.Download.URL}, &f)
		f.check(t, res.Name, res.Download, true)
		switch res.Name {
		case "menu":
			same(t, "the menu", f.Text, "rye and wheat")
		case "oven-image":
			m.raw = f.Text
			if err := json.Unmarshal([]byte(f.Text), &m.document); err != nil {
				t.Errorf("the image's document is %s: %v", f.Text, err)
			}
		}
	}
	if err := m.juju.Ask(harness.JujuCall{Call: "download", URL: m.URL + "/api/v1/charms/download/none_1.charm", To: filepath.Join(dir, "none")}, nil); err == nil {
		t.Error("nothing is downloaded")
	}
}

type resolved struct {
	URL          string   `json:"url"`
	ID           string   `json:"id"`
	Revision     int      `json:"revision"`
	Channel      string   `json:"channel"`
	Platform     string   `json:"platform"`
	Series       []string `json:"series"`
	Name         string   `json:"name"`
	Hash         string   `json:"hash"`
	Resources    []string `json:"resources"`
	Fingerprints []string `json:"fingerprints"`
}

// controller deploys with the controller's code, and all its second tries.
func (m *market) controller(t *testing.T) {
	dir := t.TempDir()
	for i, c := range []struct {
		call     harness.JujuCall
		revision int
		channel  string
		platform string
		series   string
		fails    string
	}{
		{call: deploying("pantry", "stable", jammy), revision: 1, channel: "stable", platform: "amd64/ubuntu/22.04", series: "jammy"},
		{call: deploying("pantry", "latest/edge", focal), revision: 2, channel: "latest/edge", platform: "amd64/ubuntu/20.04", series: "focal"},
		// The base is not known: the store offers those of the default release.
		{call: deploying("pantry", "stable", unknown), revision: 1, channel: "stable", platform: "amd64/ubuntu/22.04", series: "jammy focal"},
		{call: deploying("pantry", "edge", unknown), revision: 2, channel: "edge", platform: "amd64/ubuntu/22.04", series: "jammy focal"},
		{call: deploying("pantry", "latest/edge", unknown), revision: 2, channel: "latest/edge", platform: "amd64/ubuntu/22.04", series: "jammy focal"},
		{call: deploying("oven-k8s", "latest/stable", unknown), revision: 1, channel: "latest/stable", platform: "amd64/ubuntu/22.04", series: "jammy"},
		// Nothing for that base: the store names what there is in the same channel.
		{call: deploying("oven-k8s", "stable", focal), revision: 1, channel: "stable", platform: "amd64/ubuntu/22.04", series: "jammy"},
		{call: deploying("oven-k8s", "latest/edge", focal), revision: 1, channel: "latest/edge", platform: "amd64/ubuntu/22.04", series: "jammy"},
		{call: deploying("lamp", "candidate", jammy), revision: 1, channel: "candidate", platform: "amd64/ubuntu/22.04", series: "jammy"},
		{call: deploying("lamp", "stable", jammy), fails: "stable"},
		{call: deploying("oven-k8s", "stable", harness.JujuBase{Architecture: "s390x", Name: "ubuntu", Channel: "22.04"}), fails: "stable"},
		{call: deploying("nobodys", "stable", jammy), fails: "nobodys"},
	} {
		c.call.Call, c.call.To = "deploy", filepath.Join(dir, fmt.Sprint(i))
		var r resolved
		err := m.juju.Ask(c.call, &r)
		m.resolvedAlike(t, c.call, r, err)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%s: %v, %+v", asJSON(c.call), err, r)
			}
			continue
		}
		channel := strings.TrimPrefix(r.Channel, "latest/")
		if err != nil || r.Revision != c.revision || channel != strings.TrimPrefix(c.channel, "latest/") || r.Platform != c.platform ||
			strings.Join(r.Series, " ") != c.series || r.Name != c.call.Name || r.ID != m.ids[c.call.Name] || r.Hash == "" {
			t.Errorf("%s: %v, %s", asJSON(c.call), err, asJSON(r))
		}
	}
	m.rest()
}

// resolvedAlike compares what larder's SDK resolves with what juju did.
func (m *market) resolvedAlike(t *testing.T, c harness.JujuCall, juju resolved, jujuErr error) {
	t.Helper()
	got, err := m.sdk.Consumer().Resolve(t.Context(), charmhub.ResolveRequest{
		Name: c.Name, Channel: c.Channel,
		Base: charmhub.Base{Name: c.Base.Name, Channel: c.Base.Channel, Architecture: c.Base.Architecture},
	})
	if err != nil || jujuErr != nil {
		if err == nil || jujuErr == nil {
			t.Errorf("%s: the SDK gets %v, juju %v", asJSON(c), err, jujuErr)
		}
		return
	}
	platform := got.Base.Architecture + "/" + got.Base.Name + "/" + got.Base.Channel
	if got.Entity.Revision != juju.Revision || platform != juju.Platform || got.ID != juju.ID {
		t.Errorf("%s: the SDK resolves revision %d of %s for %s, juju %s", asJSON(c), got.Entity.Revision, got.ID, platform, asJSON(juju))
	}
	file := filepath.Join(t.TempDir(), got.Entity.FileName())
	if err := m.sdk.Consumer().Download(t.Context(), got.Entity.Download, file, nil); err != nil || mustRead(t, file) != mustRead(t, c.To) {
		t.Errorf("%s: the SDK does not download what juju does: %v", asJSON(c), err)
	}
}

// rest is what a controller asks besides.
func (m *market) rest() {
	t := m.t
	var r resolved
	m.juju.Get(harness.JujuCall{Call: "resolve", Name: "kitchen", Base: unknown, Channel: "stable"}, &r)
	same(t, "the bundle", r.Revision, 1)
	m.juju.Get(harness.JujuCall{Call: "list-resources", Name: "oven-k8s", Base: jammy, Channel: "edge"}, &r)
	slices.Sort(r.Resources)
	if strings.Join(r.Resources, " ") != "menu oven-image" || len(r.Fingerprints) != 2 || len(r.Fingerprints[0]) != 96 {
		t.Errorf("list-resources: %s", asJSON(r))
	}
	m.juju.Get(harness.JujuCall{Call: "metadata", Name: "pantry", Base: jammy, Channel: "stable"}, &r)
	same(t, "the metadata alone", r.Name, "pantry")
}
