package inspect

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// Names in bundles, and the placements made of them: a machine's number, an
// application or one of its units, each in a container or not.
const (
	applicationSnippet = `[a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*`
	numberSnippet      = `(?:0|[1-9][0-9]{0,8})`
	relationSnippet    = `[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*`
)

var (
	applicationRule = regexp.MustCompile(`^` + applicationSnippet + `$`)
	machineRule     = regexp.MustCompile(`^` + numberSnippet + `$`)
	endpointRule    = regexp.MustCompile(`^(` + applicationSnippet + `)(?::(` + relationSnippet + `))?$`)
	placementRule   = regexp.MustCompile(`^(?:[a-z]+:)?(?:(` + applicationSnippet + `)(?:/(` + numberSnippet + `))?|(` + numberSnippet + `))$`)
	relationRule    = regexp.MustCompile(`^` + relationSnippet + `$`)
	offerURLRule    = regexp.MustCompile(`^(?:[^:/]+:)?/?(?:[^/:.]+/)?[a-z0-9]+[a-z0-9-]*\.` + applicationSnippet + `(?::.*)?$`)
)

const maxDocuments = 32 // of one bundle.yaml

// bundle reads bundle.yaml: the bundle, and behind it any overlays, which are documents
// that change what they name.
func (c *charmReader) bundle() {
	c.info.Bundle = c.text(bundleYAML)
	documents := c.parseTables(c.info.Bundle, maxDocuments+1)
	if len(documents) > maxDocuments {
		c.problem(TooLong, "", "has more than %d documents; join the overlays", maxDocuments)
	}
	charms := map[string]bool{}
	if len(documents) > 0 {
		b := &bundleReader{charmReader: c, document: documents[0], charms: charms}
		b.read()
		for i, overlay := range documents[1:] {
			o := &bundleReader{charmReader: c, document: overlay, charms: charms, overlay: true, where: fmt.Sprintf("overlay[%d]", i+1)}
			o.applications()
		}
	} else if c.failed == nil && len(c.problems) == 0 {
		c.problem(Missing, "applications", "is required, with at least one application")
	}
	c.info.Charms = slices.Sorted(maps.Keys(charms))
	c.member = readmeMD
	if !c.archive.Has(readmeMD) && c.failed == nil {
		c.problem(Missing, "", "is required in a bundle; juju does not read one without it")
	}
	c.extras()
	c.info.Platforms = []store.Platform{anyPlatform}
}

// bundleReader reads one document.
type bundleReader struct {
	*charmReader
	document *table
	overlay  bool
	where    string // before each field
	charms   map[string]bool

	kubernetes bool
	units      map[string]int64 // by application
	saas       *table
	machines   *table
	used       map[string]bool // machines that something is placed on
}

func (b *bundleReader) at(key string) string { return join(b.where, key) }

func (b *bundleReader) read() {
	b.about()
	b.units, b.used = map[string]int64{}, map[string]bool{}
	b.saas, b.machines = b.optional("saas"), b.optional("machines")
	b.checkSeries(b.document, "", "series")
	b.checkBase(b.document, "", "default-base")
	b.checkMachines()
	b.checkSaas()
	b.applications()
	b.relations()
	for _, id := range b.machines.sorted() {
		if !b.used[id] && !b.kubernetes {
			b.problem(InvalidMachine, b.at("machines."+id), "is used by no application; place a unit on it or remove it")
		}
	}
}

// about reads what the bundle says about itself.
func (b *bundleReader) about() {
	t, i := b.document, b.info
	i.Name, i.Summary, i.Title = b.lenientText(t, "name"), b.lenientText(t, "summary"), b.lenientText(t, "display-name")
	if i.Title == "" {
		i.Title = b.lenientText(t, "title")
	}
	i.Description = b.plain(t, "", "description")
	i.Links = b.links(t)
	if t.has("tags") {
		i.Tags = b.textsIn(t, "", "tags")
	}
	if i.Name != "" && !ValidCharmName(i.Name) {
		b.problem(InvalidName, "name", charmNameSentence, i.Name)
	}
	if i.Name == "" {
		b.warn(Missing, "name", "is what charmcraft uploads a bundle under; add it")
	}
	i.DeployableOn = []string{"vm"}
	switch kind := b.plain(t, "", "bundle"); kind {
	case "":
	case "kubernetes":
		b.kubernetes = true
		i.DeployableOn = []string{"kubernetes"}
		if v, _ := t.get("machines"); v != nil {
			if machines, _ := v.(*table); machines == nil || len(machines.keys) > 0 {
				b.problem(InvalidMachine, "machines", "are not for a Kubernetes bundle; remove them")
			}
		}
	default:
		b.problem(InvalidType, "bundle", "%.60q is no type of a bundle; write kubernetes, or nothing", kind)
	}
}

// plain reads a field that may be null, as all of a bundle's may.
func (b *bundleReader) plain(t *table, where, key string) string {
	value, _ := t.get(key)
	if !isScalar(value) {
		b.wrong(join(where, key), "text")
		return ""
	}
	if value == nil {
		return ""
	}
	if text, isText := value.(string); isText {
		return text
	}
	return fmt.Sprint(value)
}

// optional reads a map of things that may be null.
func (b *bundleReader) optional(key string) *table {
	value, _ := b.document.get(key)
	if value == nil {
		return nil
	}
	t, isMap := value.(*table)
	if !isMap {
		b.wrong(b.at(key), "a map")
	}
	return t
}

// entry reads one of such things; a null one is nil.
func (b *bundleReader) entry(t *table, key, where string) *table {
	value := t.values[key]
	entry, isMap := value.(*table)
	if !isMap && value != nil {
		b.wrong(where, "a map")
	}
	return entry
}

func (b *bundleReader) checkSeries(t *table, where, key string) {
	if s := b.plain(t, where, key); s != "" && !seriesRule.MatchString(s) {
		b.problem(InvalidSeries, join(where, key), "%.60q is no name of a series; use lower-case letters and digits", s)
	}
}

// checkBase accepts name@channel.
func (b *bundleReader) checkBase(t *table, where, key string) {
	s := b.plain(t, where, key)
	name, channel, ok := strings.Cut(s, "@")
	if s != "" && !(ok && baseNameRule.MatchString(strings.ToLower(name)) && validBaseChannel(channel)) {
		b.problem(InvalidBase, join(where, key), "%.60q is no base; write it as ubuntu@22.04", s)
	}
}

func (b *bundleReader) checkMachines() {
	for _, id := range b.machines.sorted() {
		where := b.at("machines." + id)
		if !machineRule.MatchString(id) {
			b.problem(InvalidMachine, where, "%.60q is no machine; number them from 0", id)
		}
		m := b.entry(b.machines, id, where)
		b.plain(m, where, "constraints")
		b.checkSeries(m, where, "series")
		b.checkBase(m, where, "base")
	}
}

func (b *bundleReader) checkSaas() {
	for _, name := range b.saas.sorted() {
		where := b.at("saas." + name)
		if !applicationRule.MatchString(name) {
			b.problem(InvalidName, where, "%.60q is no valid name; use lower-case letters, digits and hyphens, a letter first", name)
		}
		if url := b.plain(b.entry(b.saas, name, where), where, "url"); url != "" && !offerURLRule.MatchString(url) {
			b.problem(InvalidReference, where+".url", "%.80q is no offer; write it as controller:user/model.application", url)
		}
	}
}

// relations reads pairs of endpoints, each application or application:relation.
func (b *bundleReader) relations() {
	value, _ := b.document.get("relations")
	if value == nil {
		return
	}
	list, isList := value.([]any)
	if !isList {
		b.wrong("relations", "a list of pairs of endpoints")
	}
	seen := map[[2]string]bool{}
	for i, item := range list {
		where := fmt.Sprintf("relations[%d]", i)
		pair, ok := b.endpoints(item, where)
		if !ok {
			continue
		}
		slices.Sort(pair[:])
		if seen[pair] {
			b.problem(InvalidRelation, where, "is there twice; remove one")
		}
		seen[pair] = true
	}
}

func (b *bundleReader) endpoints(value any, where string) (pair [2]string, ok bool) {
	list, _ := value.([]any)
	if len(list) != 2 {
		b.problem(InvalidRelation, where, "must have two endpoints, each application or application:relation")
		return pair, false
	}
	var applications [2]string
	ok = true
	for i, item := range list {
		text, _ := item.(string)
		m := endpointRule.FindStringSubmatch(text)
		if m == nil {
			b.problem(InvalidRelation, where, "%.60q is no endpoint; write application or application:relation", text)
			ok = false
			continue
		}
		if _, known := b.units[m[1]]; !known && !b.saas.has(m[1]) {
			b.problem(InvalidRelation, where, "the application %.60q is not in the bundle", m[1])
			ok = false
		}
		pair[i], applications[i] = text, m[1]
	}
	if ok && applications[0] == applications[1] {
		b.problem(InvalidRelation, where, "relates an application to itself")
	}
	return pair, ok
}

func validCIDR(s string) bool {
	_, err := netip.ParsePrefix(s)
	return err == nil
}
