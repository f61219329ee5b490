// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/interop/harness"
)

type mapping struct {
	Base     *harness.JujuBase `json:"base"`
	Releases []struct {
		Status    string `json:"status"`
		Channel   string `json:"channel"`
		Version   string `json:"version"`
		Revision  int    `json:"revision"`
		Resources []struct {
			Name     string `json:"name"`
			Revision *int   `json:"revision"`
		} `json:"resources"`
	} `json:"releases"`
}

type status []struct {
	Track    string    `json:"track"`
	Mappings []mapping `json:"mappings"`
}

// status is what charmcraft shows of a charm, a line for each open channel.
func (m *market) status(name string) (lines []string) {
	m.t.Helper()
	var s status
	m.cc.Read(&s, "status", name)
	for _, track := range s {
		for _, mapped := range track.Mappings {
			base := "-"
			if b := mapped.Base; b != nil {
				base = b.Name + " " + b.Channel + " " + b.Architecture
			}
			for _, r := range mapped.Releases {
				if r.Status != "open" {
					continue
				}
				line := r.Channel + " " + base + " " + r.Version + " " + asJSON(r.Revision)
				for _, res := range r.Resources {
					line += " " + res.Name + ":" + asJSON(res.Revision)
				}
				lines = append(lines, line)
			}
		}
	}
	return lines
}

func (m *market) channels(t *testing.T) {
	same(t, "status of the oven", m.status("oven-k8s"), []string{
		"latest/stable ubuntu 22.04 amd64 7 1 menu:1 oven-image:1", "latest/edge ubuntu 22.04 amd64 7 1 menu:2 oven-image:1",
	})
	same(t, "status of the bundle", len(m.status("kitchen")), 1)
	same(t, "status of the lamp", len(m.status("lamp")), 2*7)

	m.cc.Run("promote", "--name=oven-k8s", "--from-channel=latest/edge", "--to-channel=latest/stable", "--yes")
	same(t, "status after promotion", m.status("oven-k8s")[0], "latest/stable ubuntu 22.04 amd64 7 1 menu:2 oven-image:1")
	// A bare risk takes the default track, which only a person at a terminal may say.
	if e := m.cc.Try([]harness.Say{{"promote these revisions", "y"}},
		"promote", "--name=pantry", "--from-channel=edge", "--to-channel=candidate"); e.Code != 0 || !strings.Contains(e.Out, "1 revisions promoted") {
		t.Errorf("promote ended with %d\n%s%s", e.Code, e.Out, e.Err)
	}
	m.cc.Run("close", "pantry", "beta")
	open := map[string][]string{}
	for _, line := range m.status("pantry") {
		channel, rest, _ := strings.Cut(line, " ")
		open[channel] = append(open[channel], rest)
	}
	two := []string{"ubuntu 20.04 amd64 1.1 2 recipes:null", "ubuntu 22.04 amd64 1.1 2 recipes:null", "ubuntu 22.04 arm64 1.1 2 recipes:null"}
	same(t, "status after closing", open, map[string][]string{
		"latest/stable":    {"ubuntu 20.04 amd64 1.0 1 recipes:null", "ubuntu 22.04 amd64 1.0 1 recipes:null", "ubuntu 22.04 arm64 1.0 1 recipes:null"},
		"latest/candidate": two, "latest/edge": two,
	})
	if table := m.cc.Run("status", "lamp"); !strings.Contains(table, "candidate/dim") || !strings.Contains(table, "Expires at") {
		t.Errorf("status lamp:\n%s", table)
	}
}

func (m *market) tracks(t *testing.T) {
	refused(t, m.cc, nil, 1, "has no track guardrail", "create-track", "--name=pantry", "--track", "2.0")
	m.Run("package", "track", "guardrail", "charm/pantry", "--add", `[0-9]+\.0`)
	var made []struct {
		Name       string  `json:"name"`
		Percentage float64 `json:"automatic-phasing-percentage"`
	}
	m.cc.Read(&made, "create-track", "--name=pantry", "--track", "2.0", "3.0")
	same(t, "create-track", len(made), 2)
	if table := m.cc.Run("create-track", "--name=pantry", "--track", "4.0", "--automatic-phasing-percentage", "10"); !strings.Contains(table, "10") {
		t.Errorf("create-track:\n%s", table)
	}
	refused(t, m.cc, nil, 1, "Conflicting track exists", "create-track", "--name=pantry", "--track", "2.0")
	refused(t, m.cc, nil, 1, "Invalid track name", "create-track", "--name=pantry", "--track", "other")
	m.cc.Run("release", "pantry", "-r", "1", "-c", "2.0/stable")
	m.cc.Run("promote", "--name=pantry", "--from-channel=latest/edge", "--to-channel=3.0/edge", "--yes")
	same(t, "status of the third track", slices.Contains(m.status("pantry"), "3.0/edge ubuntu 22.04 arm64 1.1 2 recipes:null"), true)
}
