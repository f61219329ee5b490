// SPDX-License-Identifier: GPL-3.0-only

package charms

import "regexp"

// difference is a way in which the two are known to decide differently, and why that is
// right.
type difference struct {
	said *regexp.Regexp
	why  string
}

func said(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

var differences = []difference{
	{said(`^juju refuses: parsing "manifest.yaml" file: manifest: architecture "all" not valid`),
		"charmcraft builds for all architectures, and newer juju reads it"},
	{said(`^juju refuses: parsing "manifest.yaml" file: manifest: os "[a-z0-9-]+" not valid`),
		"charmcraft knows bases such as almalinux; which ones juju knows changes with its version"},
	{said(`^juju refuses: invalid config: empty configuration`),
		"{} is what a store serves for a charm without options, and charmcraft writes it"},
	{said(`^larder refuses: .*yaml: name: ".*" is no valid name`),
		"juju looks at a name when it makes a URL of it; a store cannot register such a name"},
	{said(`^larder refuses: .*charm: ".*" is on its maker's machine`),
		"a store has no use for a path of the machine that made a bundle"},
	{said(`^larder refuses: bundle is not valid: bundle.yaml: [^;]*(must be (a whole number|true or false|text|a list|a map)|revision: must be a)`),
		"juju leaves out the fields of a bundle that have the wrong type and deploys what remains"},
	{said(`^larder refuses: bundle is not valid: bundle.yaml: overlay\[`),
		"juju reads overlays only when it deploys; a fault in one is found at the upload"},
	{said(`^larder refuses: .*actions.yaml: .*type: must be one of`),
		"juju forgets unknown types in a list of types, and takes any value instead"},
	{said(`^larder refuses: .*architectures\[.\]: "amd64 - arm64"`),
		"juju finds the name of an architecture anywhere in the text"},
	{said(`^larder refuses: .*manifest.yaml: bases\[.\].channel: ".*" is no channel`),
		"juju takes anything without a slash for a track; a channel map is served by it"},
	{said(`^larder refuses: .*metadata.yaml: .*interface: is required`),
		"a relation without an interface fits no other; charmcraft refuses it too"},
	{said(`^larder refuses: .*filename: "." is a path`),
		"it names the directory that the file would be put in"},
	{said(`^larder refuses: .*range: ends below its beginning`),
		"no number of storages fits such a range"},
	{said(`^larder refuses: .*resources.*: ".*" is no valid name`),
		"the name of a resource is a part of paths of the store and of a registry"},
}

// absent as the new text removes the member.
const absent = "\x00"

// cases are changes that no mutation of a line makes, and what larder decides. An empty
// old text puts the new one in front.
var cases = []struct {
	specimen, member, old, new string
	refused                    bool
}{
	{"kubernetes", "manifest.yaml", "", absent, true},
	{"machine", "manifest.yaml", "", absent, true}, // assumes
	{"platforms", "manifest.yaml", "", "bases: []\n", false},
	{"series", "manifest.yaml", "", "bases: []\n", false},
	{"series", "manifest.yaml", "", "bases: [{name: ubuntu, channel: '20.04'}]\n", false},
	{"series", "manifest.yaml", "", "analysis: {}\n", true},
	{"series", "manifest.yaml", "", "- bases\n", true},
	{"series", "metadata.yaml", "series:", "containers: {}\nseries:", true},
	{"series", "metadata.yaml", "series:", "charm-user: root\nseries:", true},
	{"series", "metadata.yaml", "min-juju-version: 2.9.0", "min-juju-version: 2.9-beta1.2", false},
	{"podspec", "metadata.yaml", "series: [kubernetes]", "series: [focal, kubernetes]", true},
	{"unpacked", "metadata.yaml", "name:", "min-juju-version: 3.1.0\nname:", false},
	{"unpacked", "metadata.yaml", "name:", "peers: {a: juju-b}\nname:", true},
	{"unpacked", "metadata.yaml", "name: basket", "name: juju-basket\npeers: {juju-a: juju-b}", false},
	{"unpacked", "metadata.yaml", "name:", "requires: {a: juju-info}\nname:", false},
	{"unpacked", "metadata.yaml", "name:", "requires: {juju-info: juju-info}\nname:", true},
	{"unpacked", "metadata.yaml", "name:", "subordinate: true\nrequires: {juju-info: {interface: juju-info, scope: container}}\nname:", false},
	{"unpacked", "metadata.yaml", "name:", "requires: {a: b}\nprovides: {a: c}\nname:", true},
	{"unpacked", "metadata.yaml", "name:", "requires: {a: b}\nextra-bindings: {a: }\nname:", true},
	{"unpacked", "metadata.yaml", "name:", "x: &x {interface: b, scope: container}\nrequires: {a: *x, c: {<<: *x, scope: global}}\nname:", false},
	{"unpacked", "metadata.yaml", "name:", "name: other\nname:", false},
	{"unpacked", "metadata.yaml", "name:", "on: 5\nname:", true},
	{"unpacked", "metadata.yaml", "name:", "devices: {gpu: {type: gpu, countmin: 2}}\nname:", true},
	{"unpacked", "metadata.yaml", "name:", "devices: {gpu: {type: gpu, countmin: 2, countmax: 3}}\nname:", false},
	{"unpacked", "metadata.yaml", "name:", "devices: {gpu: {countmax: 3}}\nname:", true},
	{"unpacked", "metadata.yaml", "name:", "storage: {a: {type: block, location: /a}}\nname:", true},
	{"unpacked", "metadata.yaml", "name:", "storage: {a: {type: block, multiple: {}}}\nname:", true},
	{"unpacked", "metadata.yaml", "name:", "storage: {a: {type: block, multiple: {range: 0+}, properties: [transient]}}\nname:", false},
	{"unpacked", "metadata.yaml", "name:", "resources: {a b: {filename: c}}\nname:", true},
	{"unpacked", "metadata.yaml", "name:", "terms: [a, b/c-d, cs:b/c/1, x-y:c/2]\nname:", true},
	{"unpacked", "metadata.yaml", "name:", "terms: [ab, bo/c-d, cs:bo/c1/1, x-y:c2/2, bo@home/cc]\nname:", false},
	{"unpacked", "metadata.yaml", "name:", "terms: [ab/-1]\nname:", true},
	{"unpacked", "metadata.yaml", "name:", "terms: [bo/ab/x]\nname:", true},
	{"kubernetes", "metadata.yaml", "uid: 584792", "uid: 1000", true},
	{"kubernetes", "metadata.yaml", "gid: 584792", "gid: 10000", false},
	{"kubernetes", "metadata.yaml", "type: oci-image", "type: file\n    filename: a", true},
	{"kubernetes", "metadata.yaml", "juju >= 3.1", "any-of: []", false},
	{"kubernetes", "metadata.yaml", "juju >= 3.1", "{any-of: [a1], all-of: [b1]}", true},
	{"kubernetes", "metadata.yaml", "juju >= 3.1", "juju>=3", false},
	{"kubernetes", "metadata.yaml", "juju >= 3.1", "juju == 3", true},
	{"kubernetes", "metadata.yaml", "juju >= 3.1", "juju >= 3.1-rc1.5", false},
	{"unpacked", "config.yaml", "", "{}\n", false},
	{"unpacked", "config.yaml", "", "# nothing\n", false},
	{"unpacked", "config.yaml", "", "colour: {type: string}\n", true},
	{"unpacked", "config.yaml", "", "options:\n", false},
	{"unpacked", "config.yaml", "", "options: {a: {default: 5}}\n", true},
	{"unpacked", "config.yaml", "", "options: {a: {type: int, default: '0x1f'}, b: {type: boolean, default: 't'}, c: , d: {description: 5}}\n", false},
	{"unpacked", "config.yaml", "", "options: {a: {type: float, default: '1.5'}}\n", true},
	{"unpacked", "config.yaml", "", "options: {a: {type: secret, default: 'http://a'}}\n", true},
	{"unpacked", "config.yaml", "", "options: {a: {type: list}}\n", true},
	{"unpacked", "actions.yaml", "", "a: {params: {b: {$ref: '#/c'}}}\n", true},
	{"unpacked", "actions.yaml", "", "juju-a: {}\n", true},
	{"unpacked", "actions.yaml", "", "A: {}\n", true},
	{"unpacked", "actions.yaml", "", "a-: {}\n", true},
	{"unpacked", "actions.yaml", "", "a:\n5: {}\n", false},
	{"unpacked", "actions.yaml", "", "a: {params: []}\n", true},
	{"unpacked", "actions.yaml", "", "a: {params: {b: {type: thing}}}\n", true},
	{"unpacked", "actions.yaml", "", "a: {params: {b: {pattern: '('}}}\n", true},
	{"unpacked", "actions.yaml", "", "a: {params: {b: {minimum: 3, maximum: 2}}}\n", true},
	{"unpacked", "actions.yaml", "", "a: {params: {b: {exclusiveMinimum: true}}}\n", true},
	{"unpacked", "actions.yaml", "", "a: {params: {b: {enum: [1, 1]}}}\n", true},
	{"unpacked", "actions.yaml", "", "a: {params: {b: {items: [{}, {}], oneOf: [{not: {}}], dependencies: {c: [d]}, patternProperties: {'^x': {}}}}}\n", false},
	{"unpacked", "actions.yaml", "", "a: {params: {b: {items: [5]}}}\n", true},
	{"unpacked", "actions.yaml", "", "a: {required: [b, b]}\n", true},
	{"unpacked", "actions.yaml", "", "a: {parallel: 'true'}\n", true},
	{"unpacked", "actions.yaml", "", "a: {anything: {1: 2}}\n", true},
	{"unpacked", "lxd-profile.yaml", "", "config: {limits.memory: 1G}\n", true},
	{"unpacked", "lxd-profile.yaml", "", "config: {boot.autostart: true}\n", true},
	{"unpacked", "lxd-profile.yaml", "", "devices: {root: {type: disk}}\n", true},
	{"unpacked", "lxd-profile.yaml", "", "config: {security.nesting: true}\ndevices: {a: {path: /a}}\n", false},
	{"unpacked", "metrics.yaml", "", "metrics: {a: {type: counter, description: b}}\n", true},
	{"unpacked", "metrics.yaml", "", "metrics: {juju-a: {type: gauge}}\n", true},
	{"unpacked", "metrics.yaml", "", "metrics: {a: {type: gauge}}\n", true},
	{"unpacked", "revision", "", "seven\n", true},
	{"unpacked", "revision", "", "7\n", false},
	{"bundle", "README.md", "", absent, true},
	{"bundle", "bundle.yaml", "charm: pantry", "charm: ch:pantry-7", true},
	{"bundle", "bundle.yaml", "charm: pantry", "charm: ch:amd64/jammy/pantry", false},
	{"bundle", "bundle.yaml", "charm: pantry", "charm: ./pantry.charm", true},
	{"bundle", "bundle.yaml", "charm: pantry", "charm: local:pantry", true},
	{"bundle", "bundle.yaml", "charm: pantry", "charm: cs:~bo/pantry", true},
	{"bundle", "bundle.yaml", "    channel: latest/stable\n", "", true},
	{"bundle", "bundle.yaml", "num_units: 2", "num_units: 2\n    scale: 2", true},
	{"bundle", "bundle.yaml", `"lxd:1"`, `"lxd:2"`, true},
	{"bundle", "bundle.yaml", `"lxd:1"`, `"db/3"`, true},
	{"bundle", "bundle.yaml", `"lxd:1"`, `"new/3"`, true},
	{"bundle", "bundle.yaml", `"lxd:1"`, `"lxd:new"`, true}, // machine 1 is idle
	{"bundle", "bundle.yaml", "[classic, pantry]", "[classic, classic]", true},
	{"bundle", "bundle.yaml", "[classic, pantry]", "[classic, cellar]", true},
	{"bundle", "bundle.yaml", "[classic, pantry]", "[pantry, classic]\n- [classic, pantry]", true},
	{"bundle", "bundle.yaml", "[classic, pantry]", "[classic]", true},
	{"bundle", "bundle.yaml", "  remote:", "  db:", true},
	{"bundle", "bundle.yaml", "name: kitchen\n", "bundle: kubernetes\n", true}, // machines
	{"bundle", "bundle.yaml", "    num_units: 1\n", "    num_units: 1\n    exposed-endpoints: {a: {expose-to-cidrs: [10.0.0.0/24]}}\n", false},
	{"bundle", "bundle.yaml", "    num_units: 1\n", "    num_units: 1\n    exposed-endpoints: {a: {expose-to-cidrs: [home]}}\n", true},
	{"bundle", "bundle.yaml", "    num_units: 1\n", "    num_units: 1\n    expose: true\n    exposed-endpoints: {a: {}}\n", true},
	{"bundle", "bundle.yaml", "    num_units: 1\n", "    num_units: 1\n    storage: {a-1: 1G}\n", true},
	{"bundle", "bundle.yaml", "    num_units: 1\n", "    num_units: 1\n    placement: zone=a\n", true},
}
