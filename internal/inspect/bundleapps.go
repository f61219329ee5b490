package inspect

import "strings"

const referenceSentence = "%.80q is no charm of a store; write its name, or ch: and its name"

// applications reads what the bundle deploys. In an overlay an application may be null,
// which removes it, and may leave its charm to the bundle.
func (b *bundleReader) applications() {
	list := b.optional("applications")
	if (list == nil || len(list.keys) == 0) && !b.overlay {
		b.problem(Missing, b.at("applications"), "is required, with at least one application")
		return
	}
	// Placements look ahead, so the numbers of units come first.
	for _, name := range list.sorted() {
		where := b.at("applications." + name)
		app := b.entry(list, name, where)
		if app == nil && !b.overlay {
			b.problem(InvalidApplication, where, "is empty; name its charm")
		}
		if b.units != nil {
			b.units[name] = b.unitsOf(app, where)
		}
	}
	for _, name := range list.sorted() {
		if app, _ := list.values[name].(*table); app != nil {
			b.application(name, app, b.at("applications."+name))
		}
	}
}

func (b *bundleReader) unitsOf(app *table, where string) int64 {
	units, scale := b.count(app, where, "num_units"), b.count(app, where, "scale")
	if units > 0 && scale > 0 {
		b.problem(InvalidApplication, where+".scale", "cannot stand beside num_units; remove one")
	}
	return max(units, scale)
}

func (b *bundleReader) count(app *table, where, key string) int64 {
	value, _ := app.get(key)
	if value == nil {
		return 0
	}
	var n int64
	switch v := value.(type) {
	case int:
		n = int64(v)
	case int64:
		n = v
	default:
		b.wrong(join(where, key), "a whole number")
	}
	if n < 0 {
		b.problem(InvalidApplication, join(where, key), "must not be negative")
	}
	return n
}

func (b *bundleReader) application(name string, app *table, where string) {
	if b.saas.has(name) {
		b.problem(InvalidApplication, where, "has the name of an application under saas too; rename one")
	}
	b.reference(app, where)
	b.checkSeries(app, where, "series")
	b.checkBase(app, where, "base")
	for _, key := range []string{"constraints", "plan"} {
		b.plain(app, where, key)
	}
	for _, key := range []string{"expose", "trust"} {
		if value, _ := app.get(key); value != nil {
			if _, isBool := value.(bool); !isBool {
				b.wrong(join(where, key), "true or false")
			}
		}
	}
	for _, key := range []string{"storage", "devices"} {
		entries := b.under(app, where, key)
		for _, thing := range entries.sorted() {
			if !applicationRule.MatchString(thing) {
				b.problem(InvalidName, join(where, key), "%.60q is no valid name; use lower-case letters, digits and hyphens, a letter first", thing)
			}
			b.plain(entries, join(where, key), thing)
		}
	}
	for _, key := range []string{"annotations", "bindings"} {
		entries := b.under(app, where, key)
		for _, thing := range entries.sorted() {
			b.plain(entries, join(where, key), thing)
		}
	}
	b.under(app, where, "options")
	b.resourcesOf(app, where)
	b.offers(app, where)
	b.exposed(app, where)
	if !b.overlay {
		b.placements(name, app, where)
	}
}

// under reads a map of an application's; a null one is nil.
func (b *bundleReader) under(app *table, where, key string) *table {
	value, _ := app.get(key)
	if value == nil {
		return nil
	}
	t, isMap := value.(*table)
	if !isMap {
		b.wrong(join(where, key), "a map")
	}
	return t
}

// reference reads which charm an application is, and from which channel.
func (b *bundleReader) reference(app *table, where string) {
	charm, channel := b.plain(app, where, "charm"), b.plain(app, where, "channel")
	revision, _ := app.get("revision")
	if charm == "" {
		if !b.overlay {
			b.problem(Missing, where+".charm", "is required")
		}
		return
	}
	if strings.HasPrefix(charm, ".") || strings.HasPrefix(charm, "/") || strings.HasPrefix(charm, "local:") {
		b.problem(InvalidReference, where+".charm", "%.80q is on its maker's machine; upload the charm and write its name", charm)
		return
	}
	name, ok := charmOf(charm)
	if !ok {
		b.problem(InvalidReference, where+".charm", referenceSentence, charm)
		return
	}
	if bare, number := cutRevision(name); number {
		b.problem(InvalidReference, where+".charm", "%.80q names a revision; write %.60s, and the revision and its channel on their own", charm, bare)
		return
	}
	b.charms[name] = true
	if revision == nil {
		return
	}
	n, isInt := revision.(int)
	switch {
	case !isInt || n < 0:
		b.problem(InvalidReference, where+".revision", "must be a whole number that is not negative")
	case channel == "" && !b.overlay:
		b.problem(InvalidReference, where+".channel", "is required beside revision, for later refreshes")
	}
}

// charmOf takes the name, perhaps with a revision, out of a reference, which may begin
// with ch: and have an architecture and a series before the name.
func charmOf(reference string) (name string, ok bool) {
	rest := strings.Trim(strings.TrimPrefix(reference, "ch:"), "/")
	parts := strings.Split(rest, "/")
	name = parts[len(parts)-1]
	bare, _ := cutRevision(name)
	if len(parts) > 3 || !ValidCharmName(bare) {
		return "", false
	}
	if len(parts) == 3 && (!knownCharmArchitecture(parts[0]) || parts[0] == "all") {
		return "", false
	}
	if len(parts) > 1 && !seriesRule.MatchString(parts[len(parts)-2]) {
		return "", false
	}
	return name, true
}

// cutRevision cuts a number off behind the last hyphen.
func cutRevision(name string) (bare string, number bool) {
	at := strings.LastIndex(name, "-")
	if at <= 0 || at == len(name)-1 || strings.Trim(name[at+1:], "0123456789") != "" {
		return name, false
	}
	return name[:at], true
}

// resourcesOf reads the revisions of resources, or files in their place.
func (b *bundleReader) resourcesOf(app *table, where string) {
	list := b.under(app, where, "resources")
	for _, name := range list.sorted() {
		switch list.values[name].(type) {
		case int, string:
			if name == "" {
				b.problem(InvalidResource, where+".resources", "a resource has no name")
			}
		default:
			b.problem(InvalidResource, where+".resources."+name, "must be a revision, or text")
		}
	}
}

func (b *bundleReader) offers(app *table, where string) {
	list := b.under(app, where, "offers")
	for _, name := range list.sorted() {
		at := where + ".offers." + name
		if !applicationRule.MatchString(name) {
			b.problem(InvalidName, at, "%.60q is no valid name; use lower-case letters, digits and hyphens, a letter first", name)
		}
		offer := b.entry(list, name, at)
		if offer == nil {
			b.problem(InvalidApplication, at, "is empty; name its endpoints")
			continue
		}
		value, _ := offer.get("endpoints")
		endpoints, isList := value.([]any)
		if value != nil && !isList {
			b.wrong(at+".endpoints", "a list of relations")
		}
		for _, item := range endpoints {
			if text, _ := item.(string); !relationRule.MatchString(text) {
				b.problem(InvalidRelation, at+".endpoints", "%.60q is no name of a relation", text)
			}
		}
	}
}

func (b *bundleReader) exposed(app *table, where string) {
	list := b.under(app, where, "exposed-endpoints")
	if list == nil || len(list.keys) == 0 {
		return
	}
	if app.values["expose"] == true {
		b.problem(InvalidApplication, where+".exposed-endpoints", "cannot stand beside expose: true, which older controllers would follow; remove one")
	}
	for _, name := range list.sorted() {
		at := where + ".exposed-endpoints." + name
		value, _ := b.entry(list, name, at).get("expose-to-cidrs")
		cidrs, _ := value.([]any)
		for _, item := range cidrs {
			if text, _ := item.(string); !validCIDR(text) {
				b.problem(InvalidApplication, at+".expose-to-cidrs", "%.60q is no network; write it as 10.0.0.0/24", text)
			}
		}
	}
}
