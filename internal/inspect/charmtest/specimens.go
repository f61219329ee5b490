package charmtest

import "github.com/larder-store/larder/internal/inspect/charmbuild"

// ubuntu is the base of most charms.
func ubuntu(channel string, architectures ...string) charmbuild.Base {
	return charmbuild.Base{Name: "ubuntu", Channel: channel, Architectures: architectures}
}

// Machine is a charm for machines as charmcraft packs it today, for two bases.
func Machine() charmbuild.Spec {
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
source:
- https://example.com/source
website: https://example.com
tags:
- storage
categories:
- databases
provides:
  shelf:
    interface: shelf
    limit: 2
    optional: true
  metrics: prometheus_scrape
requires:
  database:
    interface: postgresql_client
    limit: 1
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
    multiple:
      range: 1-3
assumes:
- juju >= 3.1
- any-of:
  - mem-limits
  - all-of: [cpu-limits, juju < 4.0]
terms:
- acme/kitchen/1
`,
		Bases: []charmbuild.Base{ubuntu("22.04", "amd64", "arm64"), ubuntu("24.04", "amd64")},
		Config: `options:
  colour:
    type: string
    default: green
    description: Of the shelves
  depth:
    type: int
    default: 30
  load:
    type: float
    default: 1.5
  locked:
    type: boolean
    default: false
  key:
    type: secret
`,
		Actions: `tidy:
  description: Puts things in order
  params:
    shelf:
      type: integer
      minimum: 1
      description: Which one
    how:
      type: string
      enum: [by-name, by-size]
  required: [shelf]
  additionalProperties: false
  parallel: true
  execution-group: order
count:
  description: Counts things
`,
		Charmcraft: "name: pantry\ntype: charm\nparts: {charm: {plugin: charm}}\n",
		LXDProfile: "config:\n  linux.kernel_modules: nbd\ndevices:\n  kvm: {type: unix-char, path: /dev/kvm}\n",
		Version:    "v1.2-3-gabcdef0\n",
		Readme:     "# Pantry\n\nKeeps things on shelves.\n",
		Icon:       `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>`,
	}
}

// Anywhere is a charm for any architecture.
func Anywhere() charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: "name: anywhere\nsummary: Runs anywhere\ndescription: Runs anywhere\n",
		Bases:    []charmbuild.Base{ubuntu("24.04", "all")},
	}
}

// Platforms is a charm whose charmcraft.yaml names a base and platforms, as packed for
// one of them.
func Platforms() charmbuild.Spec {
	return charmbuild.Spec{
		Metadata:   "name: crate\nsummary: Holds bottles\ndescription: Holds bottles\nassumes: []\n",
		Bases:      []charmbuild.Base{ubuntu("24.04", "arm64")},
		Charmcraft: "name: crate\ntype: charm\nbase: ubuntu@24.04\nplatforms:\n  amd64:\n  arm64:\n",
	}
}

// Unpacked is a charm that was zipped by hand: it has a charmcraft.yaml with bases and
// no manifest.
func Unpacked() charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: "name: basket\nsummary: Holds fruit\ndescription: Holds fruit\n",
		Charmcraft: `name: basket
type: charm
bases:
- build-on: [{name: ubuntu, channel: "20.04"}]
  run-on:
  - {name: ubuntu, channel: "20.04", architectures: [amd64, s390x]}
  - {name: ubuntu, channel: "22.04"}
`,
	}
}

// Series is a charm of the generation before manifests.
func Series() charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: `name: larder-classic
summary: Keeps things the old way
description: Keeps things the old way
maintainer: Ada <ada@example.com>
subordinate: true
series: [focal, bionic, xenial]
min-juju-version: 2.9.0
requires:
  host:
    interface: juju-info
    scope: container
payloads:
  monitor: {type: docker}
`,
		Config:  "options: {}\n",
		Metrics: "metrics:\n  juju-units:\n  shelves: {type: gauge, description: Number of shelves}\n",
	}
}

// Kubernetes is a charm with a workload in a container.
func Kubernetes() charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: `name: oven-k8s
display-name: Oven
summary: Bakes
description: Bakes bread
containers:
  oven:
    resource: oven-image
    mounts:
    - storage: trays
      location: /trays
    uid: 584792
    gid: 584792
resources:
  oven-image:
    type: oci-image
    description: The oven
    upstream-source: docker.io/library/nginx:1
storage:
  trays:
    type: filesystem
assumes:
- k8s-api
- juju >= 3.1
charm-user: non-root
provides:
  bread:
    interface: http
`,
		Bases:   []charmbuild.Base{ubuntu("22.04", "amd64")},
		Version: "7\n",
		Readme:  "# Oven\n",
	}
}

// PodSpec is a charm for Kubernetes of the generation before containers.
func PodSpec() charmbuild.Spec {
	return charmbuild.Spec{Metadata: `name: stove
summary: Cooks
description: Cooks
series: [kubernetes]
deployment: {type: stateful, service: cluster, mode: workload}
resources:
  stove-image: {type: oci-image, description: The stove}
`}
}

// Specimens are all of the above, by name.
func Specimens() map[string]charmbuild.Spec {
	return map[string]charmbuild.Spec{
		"machine": Machine(), "anywhere": Anywhere(), "platforms": Platforms(), "unpacked": Unpacked(),
		"series": Series(), "kubernetes": Kubernetes(), "podspec": PodSpec(),
	}
}

// BundleYAML is the text of a bundle of two of them and a charm from elsewhere, with an
// overlay.
const BundleYAML = `name: kitchen
description: A kitchen
docs: https://example.com/kitchen
series: jammy
tags: [food]
applications:
  pantry:
    charm: pantry
    channel: latest/stable
    revision: 3
    num_units: 2
    to: ["0", "lxd:1"]
    resources: {recipes: 2}
    options: {colour: blue, depth: 40}
    constraints: mem=2G
    bindings: {"": alpha}
  classic:
    charm: ch:larder-classic
    channel: edge
  db:
    charm: ch:postgresql
    base: ubuntu@22.04/stable
    num_units: 1
    to: [pantry/1]
    trust: true
machines:
  "0": {constraints: cores=2}
  "1": {base: ubuntu@22.04}
saas:
  remote:
    url: admin/default.mysql
relations:
- [pantry:database, db:database]
- [classic, pantry]
- ["pantry:shelf", "remote:shelf"]
---
applications:
  db:
    expose: false
    offers:
      base:
        endpoints: [database]
`
