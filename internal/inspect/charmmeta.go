package inspect

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// What juju accepts. A charm's name has no part between hyphens that is a number
// only, since that would be a revision.
var (
	charmNameRule = regexp.MustCompile(`^[a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*$`)
	seriesRule    = regexp.MustCompile(`^[a-z]+(?:[a-z0-9]+)?$`)
	fullVersion   = regexp.MustCompile(`^\d{1,9}\.\d{1,9}(?:-[a-z]+\d{1,9}|\.\d{1,9})(?:\.\d{1,9})?$`)
	charmUsers    = []string{"root", "sudoer", "non-root"}
)

// ValidCharmName says whether s may name a charm or a bundle.
func ValidCharmName(s string) bool { return charmNameRule.MatchString(s) }

const charmNameSentence = "%.60q is no valid name; use lower-case letters, digits and single hyphens, a letter first, and a letter in each part"

// The keys of metadata.yaml that only one generation of charms has. A charm is of the
// second when its manifest names bases and its metadata no series.
var (
	firstKeys  = []string{"series", "deployment", "min-juju-version"}
	secondKeys = []string{"assumes", "charm-user", "containers"}
)

// metadata reads metadata.yaml as far as a store or juju looks at it; what is unknown
// is let pass.
func (c *charmReader) metadata(m *manifest) {
	c.member = metadataYAML
	t := c.parseTable(c.info.Metadata)
	if t == nil {
		if c.failed == nil && len(c.problems) == 0 {
			c.problem(Missing, "", "is empty")
		}
		return
	}
	if t.odd != "" {
		c.problem(WrongShape, t.odd, "must be text; put the key in quotes")
	}
	i := c.info
	for _, key := range []string{"name", "summary", "description"} {
		if _, ok := t.get(key); !ok {
			c.problem(Missing, key, "is required")
		}
	}
	i.Name, i.Summary, i.Description = c.textIn(t, "", "name"), c.textIn(t, "", "summary"), c.textIn(t, "", "description")
	if _, named := t.values["name"].(string); named && !ValidCharmName(i.Name) {
		c.problem(InvalidName, "name", charmNameSentence, i.Name)
	}
	i.Title = c.lenientText(t, "display-name")
	i.Subordinate = c.boolIn(t, "", "subordinate")
	i.Tags, i.Categories = c.textsIn(t, "", "tags"), c.textsIn(t, "", "categories")
	i.Links = c.links(t)
	c.formats(t, m)
	c.relations(t)
	c.bindings(t)
	c.resources(t)
	storage := c.storage(t)
	c.devices(t)
	c.payloads(t)
	c.containers(t, storage)
	c.assumptions(t)
	c.terms(t)
	c.obsolete(t)
	c.deployable(t)
}

const needsManifest = "needs a %s that names bases; pack the charm with charmcraft"

// formats reads what tells generations of charms apart.
func (c *charmReader) formats(t *table, m *manifest) {
	c.info.Series = c.textsIn(t, "", "series")
	for _, s := range c.info.Series {
		if !seriesRule.MatchString(s) {
			c.problem(InvalidSeries, "series", "%.60q is no name of a series; use lower-case letters and digits", s)
		}
	}
	if t.has("min-juju-version") {
		c.info.MinJujuVersion = c.textIn(t, "", "min-juju-version")
		if !fullVersion.MatchString(c.info.MinJujuVersion) {
			c.problem(InvalidVersion, "min-juju-version", "%.60q is no version of juju; write it like 2.9.0", c.info.MinJujuVersion)
		}
	}
	if user, ok := t.get("charm-user"); ok {
		if name, isText := user.(string); !isText || !slices.Contains(charmUsers, name) {
			c.problem(InvalidUser, "charm-user", "must be one of %s", strings.Join(charmUsers, ", "))
		}
	}
	c.mixture(t, m)
}

// mixture refuses what no single generation of charms has.
func (c *charmReader) mixture(t *table, m *manifest) {
	var first, second []string
	for _, key := range t.sorted() {
		switch {
		case slices.Contains(firstKeys, key):
			first = append(first, key)
		case slices.Contains(secondKeys, key):
			second = append(second, key)
		}
	}
	isSecond := len(c.info.Series) == 0 && len(m.bases) > 0
	older := slices.DeleteFunc(slices.Clone(first), func(key string) bool { return key == "series" }) // an empty list is let pass
	switch {
	case len(first) > 0 && len(second) > 0:
		c.problem(MixedFormats, second[0], "cannot stand beside %s, which only older charms have; remove the one or the other", strings.Join(first, ", "))
	case m.broken: // then no one knows which it is
	case isSecond && len(older) > 0:
		c.problem(MixedFormats, older[0], "cannot stand beside the bases in %s; remove it, or say it with assumes", manifestYAML)
	case !isSecond && t.has("assumes"):
		c.problem(MixedFormats, "assumes", needsManifest, manifestYAML)
	case !isSecond && c.hasContainers(t):
		c.problem(MixedFormats, "containers", needsManifest, manifestYAML)
	}
}

func (c *charmReader) hasContainers(t *table) bool {
	containers, ok := t.values["containers"].(*table)
	return ok && len(containers.keys) > 0
}

func (t *table) has(key string) bool { _, ok := t.get(key); return ok }

// obsolete makes sure of fields that mean nothing any more and that juju still reads.
func (c *charmReader) obsolete(t *table) {
	for _, key := range []string{"revision", "format"} {
		value, ok := t.get(key)
		if _, isInt := asInt(value); ok && !isInt {
			c.problem(WrongShape, key, "must be a whole number; remove it, nothing needs it")
		}
	}
	c.deployment(t)
}

// The words of a deployment, which Kubernetes charms of the first generation have.
var deploymentWords = []struct {
	key     string
	allowed []string
}{
	{"type", []string{"stateful", "stateless", "daemon"}},
	{"mode", []string{"operator", "workload"}},
	{"service", []string{"cluster", "loadbalancer", "external", "omit"}},
}

func (c *charmReader) deployment(t *table) {
	if !t.has("deployment") {
		return
	}
	if len(c.info.Series) == 0 || c.info.Series[0] != "kubernetes" {
		c.problem(InvalidDeployment, "deployment", "is for charms whose first series is kubernetes")
	}
	d := c.tableIn(t, "", "deployment")
	for _, word := range deploymentWords {
		value, ok := d.get(word.key)
		if text, isText := value.(string); ok && !(isText && slices.Contains(word.allowed, text)) {
			c.problem(InvalidDeployment, "deployment."+word.key, "must be one of %s", strings.Join(word.allowed, ", "))
		}
	}
	c.textIn(d, "deployment", "min-version")
}

// linkKeys are the fields that only stores read, by the kind of link they make.
var linkKeys = []struct{ kind, key string }{
	{"issues", "issues"}, {"source", "source"}, {"website", "website"}, {"docs", "docs"},
	{"contact", "contact"}, {"contact", "maintainer"}, {"contact", "maintainers"},
}

// links reads what only stores look at; what cannot be used is left out, because no
// juju minds it.
func (c *charmReader) links(t *table) map[string][]string {
	links := map[string][]string{}
	for _, l := range linkKeys {
		value, ok := t.get(l.key)
		if !ok || value == nil {
			continue
		}
		list, isList := value.([]any)
		if !isList {
			list = []any{value}
		}
		for _, item := range list {
			text, isText := item.(string)
			if !isText || l.kind != "contact" && !isWebAddress(text) {
				c.warn(WrongShape, l.key, "left out: it is no http or https address")
				continue
			}
			if !slices.Contains(links[l.kind], text) {
				links[l.kind] = append(links[l.kind], text)
			}
		}
	}
	return links
}

func isWebAddress(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// lenientText reads text that only stores look at.
func (c *charmReader) lenientText(t *table, key string) string {
	value, ok := t.get(key)
	text, isText := value.(string)
	if ok && value != nil && !isText {
		c.warn(WrongShape, key, "left out: it is no text")
	}
	return text
}

func (c *charmReader) deployable(t *table) {
	on := map[string]bool{}
	if c.hasContainers(t) || assumesKubernetes(c.info.Assumes) {
		on["kubernetes"] = true
	}
	for _, s := range c.info.Series {
		if s == "kubernetes" {
			on["kubernetes"] = true
		} else {
			on["vm"] = true
		}
	}
	if len(on) == 0 {
		on["vm"] = true
	}
	c.info.DeployableOn = slices.Sorted(maps.Keys(on))
}
