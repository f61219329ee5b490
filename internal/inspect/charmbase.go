package inspect

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// manifest is what charmcraft wrote down about a packing.
type manifest struct {
	bases []base
	// broken says that there is one and that its bases are not known.
	broken bool
}

// base is where a charm runs, as charmcraft writes it.
type base struct {
	name, channel string
	architectures []string
}

var (
	// Juju knows a few distributions by name. Which ones changes with its version, so
	// that anything that looks like one is let pass.
	baseNameRule    = regexp.MustCompile(`^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$`)
	baseChannelRule = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9.+_-]*(?:/[a-zA-Z0-9][a-zA-Z0-9.+_-]*){0,2}$`)
	risks           = []string{"stable", "candidate", "beta", "edge"}
)

// charmArchitectures are those that juju runs on.
var charmArchitectures = []string{"amd64", "arm64", "armhf", "i386", "ppc64el", "riscv64", "s390x"}

// architectureAliases are what kernels and other systems call them.
var architectureAliases = map[string]string{
	"x86_64": "amd64", "aarch64": "arm64", "arm": "armhf", "armv7l": "armhf", "armv8l": "armhf",
	"i486": "i386", "i586": "i386", "i686": "i386", "386": "i386", "ppc64": "ppc64el", "ppc64le": "ppc64el", "risc": "riscv64",
}

// manifest reads manifest.yaml, which charms of the first generation do without.
func (c *charmReader) manifest() *manifest {
	text := c.text(manifestYAML)
	m := &manifest{}
	if !c.archive.Has(manifestYAML) {
		return m
	}
	before := len(c.problems)
	t := c.parseTable(text)
	value, ok := t.get("bases")
	list, isList := value.([]any)
	if len(c.problems) == before && c.failed == nil && (!ok || !isList) {
		c.problem(Missing, "bases", "must be a list; pack the charm again with charmcraft")
	}
	for i, item := range list {
		if b, ok := c.base(item, fmt.Sprintf("bases[%d]", i)); ok {
			m.bases = append(m.bases, b)
		}
	}
	c.info.Attributes = c.analysis(t)
	m.broken = len(c.problems) > before || len(m.bases) < len(list)
	return m
}

// base reads one of a list. An absent list of architectures, and "all", is any.
func (c *charmReader) base(value any, where string) (b base, ok bool) {
	before := len(c.problems)
	t := c.tableAt(value, where)
	if t == nil {
		return b, false
	}
	b.name, b.channel = c.textIn(t, where, "name"), c.textIn(t, where, "channel")
	if _, isText := t.values["name"].(string); !t.has("name") || isText && !baseNameRule.MatchString(b.name) {
		c.problem(InvalidBase, where+".name", "%.60q is no name of a base; use one such as ubuntu", b.name)
	}
	if _, isText := t.values["channel"].(string); !t.has("channel") || isText && !validBaseChannel(b.channel) {
		c.problem(InvalidBase, where+".channel", `%.60q is no channel of a base; use one such as "22.04"`, b.channel)
	}
	for i, name := range c.textsIn(t, where, "architectures") {
		name = strings.TrimSpace(name)
		if alias := architectureAliases[name]; alias != "" {
			name = alias
		}
		if !knownCharmArchitecture(name) {
			c.problem(InvalidArchitecture, fmt.Sprintf("%s.architectures[%d]", where, i), "%.40q is neither all nor one of %s", name, strings.Join(charmArchitectures, ", "))
		}
		b.architectures = append(b.architectures, name)
	}
	return b, len(c.problems) == before
}

// validBaseChannel accepts track, risk, track/risk, risk/branch and track/risk/branch.
func validBaseChannel(s string) bool {
	if !baseChannelRule.MatchString(s) {
		return false
	}
	parts := strings.Split(s, "/")
	switch len(parts) {
	case 2:
		return slices.Contains(risks, parts[0]) || slices.Contains(risks, parts[1])
	case 3:
		return slices.Contains(risks, parts[1])
	}
	return true
}

// analysis reads what charmcraft found out; nothing depends on it.
func (c *charmReader) analysis(t *table) map[string]string {
	attributes := map[string]string{}
	analysis, _ := t.get("analysis")
	fields, _ := analysis.(*table)
	value, _ := fields.get("attributes")
	list, _ := value.([]any)
	for _, item := range list {
		attribute, _ := item.(*table)
		name, _ := attribute.get("name")
		result, _ := attribute.get("result")
		key, isText := name.(string)
		text, alsoText := result.(string)
		if !isText || !alsoText {
			c.warn(WrongShape, "analysis.attributes", "left out: an attribute without a name or a result")
			continue
		}
		attributes[key] = text
	}
	return attributes
}

// platforms says where a charm runs: by its manifest, else by the charmcraft.yaml that
// some tools put in, else by its series, else anywhere.
func (c *charmReader) platforms(m *manifest) {
	bases := m.bases
	if len(bases) == 0 && len(c.info.Series) == 0 && c.info.CharmcraftYAML != "" {
		bases = c.charmcraftBases()
	}
	var list []store.Platform
	for _, b := range bases {
		architectures := b.architectures
		if len(architectures) == 0 {
			architectures = []string{store.AnyArchitecture}
		}
		for _, a := range architectures {
			list = append(list, store.Platform{Architecture: a, BaseName: b.name, BaseChannel: strings.TrimSuffix(b.channel, "/stable")})
		}
	}
	if len(list) == 0 {
		for _, s := range c.info.Series {
			list = append(list, platformOfSeries(s))
		}
	}
	if len(list) == 0 {
		list = []store.Platform{anyPlatform}
	}
	slices.SortFunc(list, func(a, b store.Platform) int {
		return cmp.Or(cmp.Compare(a.BaseName, b.BaseName), cmp.Compare(a.BaseChannel, b.BaseChannel), cmp.Compare(a.Architecture, b.Architecture))
	})
	c.info.Platforms = slices.Compact(list)
	if n := len(c.info.Platforms); n > maxPlatforms {
		c.member = manifestYAML
		c.problem(TooLong, "bases", "has %d bases and architectures, at most %d are taken", n, maxPlatforms)
	}
}

// maxPlatforms bounds what one charm runs on. Every release has a line for each, which
// are held against each other whenever somebody asks; real charms have some ten.
const maxPlatforms = 100

// anyPlatform is what bundles have.
var anyPlatform = store.Platform{Architecture: store.AnyArchitecture, BaseName: "all", BaseChannel: "all"}

// seriesReleases are the code names that charms of the first generation give.
var seriesReleases = map[string]string{
	"precise": "12.04", "quantal": "12.10", "raring": "13.04", "saucy": "13.10", "trusty": "14.04", "utopic": "14.10",
	"vivid": "15.04", "wily": "15.10", "xenial": "16.04", "yakkety": "16.10", "zesty": "17.04", "artful": "17.10",
	"bionic": "18.04", "cosmic": "18.10", "disco": "19.04", "eoan": "19.10", "focal": "20.04", "groovy": "20.10",
	"hirsute": "21.04", "impish": "21.10", "jammy": "22.04", "kinetic": "22.10", "lunar": "23.04", "mantic": "23.10",
	"noble": "24.04", "oracular": "24.10", "plucky": "25.04", "questing": "25.10",
}

// platformOfSeries gives the base of a series. Workloads on Kubernetes bring their own
// base, so that the charm runs on any.
func platformOfSeries(series string) store.Platform {
	p := store.Platform{Architecture: store.AnyArchitecture, BaseName: series, BaseChannel: "all"}
	if release := seriesReleases[series]; release != "" {
		p.BaseName, p.BaseChannel = "ubuntu", release
	}
	if release, ok := strings.CutPrefix(series, "centos"); ok && release != "" {
		p.BaseName, p.BaseChannel = "centos", release
	}
	if series == "kubernetes" {
		return anyPlatform
	}
	return p
}

func knownCharmArchitecture(name string) bool {
	return name == store.AnyArchitecture || slices.Contains(charmArchitectures, name)
}
