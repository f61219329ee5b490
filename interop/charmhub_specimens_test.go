// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/charmtest"
)

// The charms of these tests have the members, and the keys in them, that charms of
// the public store have which charmcraft packs today: one for machines with two
// bases, one for Kubernetes with a container, and one that sits beside others.

func ubuntu(channel string, architectures ...string) charmbuild.Base {
	return charmbuild.Base{Name: "ubuntu", Channel: channel, Architectures: architectures}
}

func pantryCharm(version string) charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: `name: pantry
display-name: Pantry
summary: Keeps things on shelves
description: |
  A charm that keeps things on shelves,
  and finds them again.
maintainers:
- Ada <ada@example.com>
docs: https://example.com/docs
issues: https://example.com/issues
source: https://example.com/source
website: https://example.com
tags:
- databases
provides:
  shelf:
    interface: shelf
    limit: 2
requires:
  database:
    interface: postgresql_client
    limit: 1
    optional: true
peers:
  replicas:
    interface: pantry-peers
extra-bindings:
  public:
resources:
  recipes:
    type: file
    filename: recipes.tgz
    description: What to cook
    optional: true
storage:
  shelves:
    type: filesystem
    location: /srv/shelves
    minimum-size: 1G
assumes:
- juju >= 2.9.0
`,
		Bases: []charmbuild.Base{ubuntu("22.04", "amd64", "arm64"), ubuntu("20.04", "amd64")},
		Config: `options:
  colour:
    type: string
    default: green
    description: Of the shelves
  depth:
    type: int
    default: 30
`,
		Actions:    "tidy:\n  description: Puts things in order\n  params:\n    shelf:\n      type: integer\n",
		Charmcraft: "name: pantry\ntype: charm\nparts: {charm: {plugin: charm}}\n",
		LXDProfile: "config:\n  linux.kernel_modules: nbd\n",
		Version:    version + "\n",
		Readme:     "# Pantry\n\nKeeps things on shelves.\n",
		Icon:       `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>`,
	}
}

func ovenCharm() charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: `name: oven-k8s
display-name: Oven
summary: Bakes
description: Bakes bread
maintainers:
- Ada <ada@example.com>
containers:
  oven:
    resource: oven-image
    mounts:
    - storage: trays
      location: /trays
resources:
  oven-image:
    type: oci-image
    description: The oven
    upstream-source: docker.io/library/nginx:1
  menu:
    type: file
    filename: menu.txt
    description: What it bakes
storage:
  trays:
    type: filesystem
assumes:
- k8s-api
provides:
  bread:
    interface: http
requires:
  shelf:
    interface: shelf
`,
		Bases:   []charmbuild.Base{ubuntu("22.04", "amd64")},
		Version: "7\n",
		Readme:  "# Oven\n",
	}
}

func lampCharm() charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: `name: lamp
summary: Sheds light
description: Sheds light on whatever it stands beside
subordinate: true
maintainers:
- Ada <ada@example.com>
requires:
  host:
    interface: juju-info
    scope: container
`,
		Bases: []charmbuild.Base{
			ubuntu("20.04", "amd64", "arm64", "s390x"), ubuntu("22.04", "amd64", "arm64", "s390x"),
			ubuntu("22.04", "ppc64el"),
		},
	}
}

const kitchenBundle = `name: kitchen
description: A pantry and an oven
docs: https://example.com/kitchen
bundle: kubernetes
applications:
  pantry:
    charm: pantry
    channel: latest/edge
    scale: 1
    options: {colour: blue}
  oven:
    charm: oven-k8s
    channel: edge
    scale: 2
    trust: true
relations:
- [pantry:shelf, oven:shelf]
`

// charmFile packs a charm and gives the archive the name that charmcraft would.
func charmFile(t testing.TB, name string, spec charmbuild.Spec) string {
	t.Helper()
	path := charmtest.Charm(t, spec)
	named := filepath.Join(filepath.Dir(path), name+"_ubuntu-22.04-amd64.charm")
	if err := os.Rename(path, named); err != nil {
		t.Fatal(err)
	}
	return named
}

// textFile makes a file.
func textFile(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// bundleFile packs a bundle.
func bundleFile(t testing.TB, yaml string) string {
	t.Helper()
	return charmtest.Bundle(t, yaml)
}

// projectFolder is where somebody writes a charm.
func projectFolder(t testing.TB, name string, libraries ...string) string {
	t.Helper()
	text := `name: ` + name + `
type: charm
title: Whatever it is
summary: What it is
description: What it is and does
base: ubuntu@22.04
platforms:
  amd64:
parts:
  charm:
    plugin: charm
    source: .
`
	for i, l := range libraries {
		if i == 0 {
			text += "charm-libs:\n"
		}
		lib, version, _ := strings.Cut(l, " ")
		text += "- lib: " + lib + "\n  version: \"" + version + "\"\n"
	}
	return filepath.Dir(textFile(t, "charmcraft.yaml", text))
}
