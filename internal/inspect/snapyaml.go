package inspect

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ParseSnapYAML reads the text of a meta/snap.yaml. It always returns what it
// understood; the error, if any, is a *ProblemsError.
func ParseSnapYAML(text []byte, limits Limits) (*SnapInfo, error) {
	f := &findings{}
	d := parseDocument(text, limits.withDefaults(), f)
	info := &SnapInfo{
		Name:          d.text("name"),
		Version:       d.text("version"),
		Type:          d.text("type"),
		Base:          d.text("base"),
		Architectures: d.list("architectures"),
		Confinement:   d.text("confinement"),
		Grade:         d.text("grade"),
		Epoch:         epochZero(),
		Assumes:       d.list("assumes"),
		Provenance:    d.text("provenance"),
		License:       d.text("license"),
		Title:         d.text("title"),
		Summary:       d.text("summary"),
		Description:   d.text("description"),
		Links:         d.links(),
	}
	if d.fields != nil {
		info.SnapYAML = string(text)
	}
	if node, ok := d.fields["epoch"]; ok {
		if err := node.Decode(&info.Epoch); err != nil {
			d.problem(InvalidEpoch, "epoch", "%s", reason(err))
		}
	}
	info.assumeDefaults()
	d.appsAndHooks(info)
	d.components(info)
	if d.fields != nil {
		validateSnap(info, f)
	}
	info.Warnings = f.warnings
	return info, f.err(snapYAMLPath)
}

func (info *SnapInfo) assumeDefaults() {
	switch {
	case info.Name == "snapd": // older snapd snaps call themselves apps
		info.Type = "snapd"
	case info.Type == "" || info.Type == "application":
		info.Type = "app"
	case info.Type == "core":
		info.Type = "os"
	}
	if len(info.Architectures) == 0 {
		info.Architectures = []string{"all"}
	}
	if info.Confinement == "" {
		info.Confinement = "strict"
	}
	if info.Grade == "" {
		info.Grade = "stable"
	}
}

// linkFields are the kinds of link that may also stand at the top level.
var linkFields = []string{"contact", "donation", "issues", "source-code", "website"}

func (d document) links() map[string][]string {
	links := map[string]stringList{}
	d.into("links", &links)
	for _, kind := range linkFields {
		if top := d.list(kind); len(top) > 0 && len(links[kind]) == 0 {
			links[kind] = top
		}
	}
	plain := map[string][]string{}
	for kind, list := range links {
		if len(list) > 0 {
			plain[kind] = list
		}
	}
	return plain
}

// The parts of apps, hooks and components that a store looks at.
type (
	appYAML struct {
		Command  string     `yaml:"command"`
		CommonID string     `yaml:"common-id"`
		Daemon   string     `yaml:"daemon"`
		Aliases  stringList `yaml:"aliases"`
		endsYAML `yaml:",inline"`
	}
	endsYAML struct {
		Plugs stringList `yaml:"plugs"`
		Slots stringList `yaml:"slots"`
	}
	componentYAML struct {
		Type        string `yaml:"type"`
		Summary     string `yaml:"summary"`
		Description string `yaml:"description"`
	}
)

func (d document) appsAndHooks(info *SnapInfo) {
	apps := decodeEach[appYAML](d, "apps")
	hooks := decodeEach[endsYAML](d, "hooks")
	plugs := d.ends("plugs", InvalidPlug)
	slots := d.ends("slots", InvalidSlot)
	common := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(apps)) {
		app := apps[name]
		info.Apps = append(info.Apps, App{
			Name: name, Command: app.Command, CommonID: app.CommonID, Daemon: app.Daemon, Aliases: app.Aliases,
		})
		if app.CommonID != "" {
			common[app.CommonID] = true
		}
		plugs.bind(app.Plugs, func(e *end) { e.apps = append(e.apps, name) })
		slots.bind(app.Slots, func(e *end) { e.apps = append(e.apps, name) })
	}
	for _, name := range slices.Sorted(maps.Keys(hooks)) {
		info.Hooks = append(info.Hooks, name)
		plugs.bind(hooks[name].Plugs, func(e *end) { e.hooks = append(e.hooks, name) })
		slots.bind(hooks[name].Slots, func(e *end) { e.hooks = append(e.hooks, name) })
	}
	info.CommonIDs = slices.Sorted(maps.Keys(common))
	for _, name := range slices.Sorted(maps.Keys(plugs)) {
		info.Plugs = append(info.Plugs, plugs[name].plug(name))
	}
	for _, name := range slices.Sorted(maps.Keys(slots)) {
		info.Slots = append(info.Slots, slots[name].slot(name))
	}
}

func (d document) components(info *SnapInfo) {
	declared := decodeEach[componentYAML](d, "components")
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		c := declared[name]
		info.Components = append(info.Components, DeclaredComponent{name, c.Type, c.Summary, c.Description})
	}
}

// decodeEach decodes a map of named things one by one, so that a fault is found
// under its own name.
func decodeEach[T any](d document, field string) map[string]T {
	var nodes map[string]yaml.Node
	d.into(field, &nodes)
	things := make(map[string]T, len(nodes))
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		var thing T
		node := nodes[name]
		if err := node.Decode(&thing); err != nil {
			d.problem(WrongShape, field+"."+name, "%s", reason(err))
		}
		things[name] = thing
	}
	return things
}

// end is a plug or a slot while it is being put together.
type end struct {
	iface, label string
	attrs        map[string]any
	apps, hooks  []string
}

type ends map[string]*end

// ends reads top-level plugs or slots: name to nothing, to an interface, or to a map
// of attributes with the interface among them.
func (d document) ends(field string, code Code) ends {
	var nodes map[string]yaml.Node
	d.into(field, &nodes)
	list := make(ends, len(nodes))
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		node := nodes[name]
		e := &end{iface: name, attrs: map[string]any{}}
		list[name] = e
		where := field + "." + name
		var raw any
		if err := node.Decode(&raw); err != nil {
			d.problem(code, where, "%s", reason(err))
			continue
		}
		if raw == nil {
			continue
		}
		value, err := plainValue(raw)
		if err != nil {
			d.problem(code, where, "%v", err)
			continue
		}
		switch value := value.(type) {
		case string:
			e.iface = value
		case map[string]any:
			e.attrs = value
			for _, key := range slices.Sorted(maps.Keys(value)) {
				if strings.HasPrefix(key, "$") {
					d.problem(code, where, "attribute %.60q is reserved", key)
				}
			}
			d.takeText(value, "interface", &e.iface, code, where)
			d.takeText(value, "label", &e.label, code, where)
		default:
			d.problem(code, where, "want the name of an interface or a map of attributes")
		}
	}
	return list
}

// takeText moves a text attribute out of a map.
func (d document) takeText(attrs map[string]any, key string, into *string, code Code, where string) {
	value, ok := attrs[key]
	if !ok {
		return
	}
	delete(attrs, key)
	text, ok := value.(string)
	if !ok {
		d.problem(code, where+"."+key, "want text")
		return
	}
	*into = text
}

// bind adds an app or a hook to the ends it mentions. One that is mentioned
// without being described is named after its interface.
func (l ends) bind(names []string, add func(*end)) {
	for _, name := range names {
		if l[name] == nil {
			l[name] = &end{iface: name, attrs: map[string]any{}}
		}
		add(l[name])
	}
}

const contentInterface = "content"

func (e *end) plug(name string) Plug {
	p := Plug{Name: name, Interface: e.iface, Label: e.label, Attrs: e.attrs, Apps: e.apps, Hooks: e.hooks}
	if e.iface == contentInterface {
		p.Content = e.content(name)
		provider, _ := e.attrs["default-provider"].(string)
		p.DefaultProvider, _, _ = strings.Cut(provider, ":") // "snap:slot" names a slot too
	}
	return p
}

func (e *end) slot(name string) Slot {
	s := Slot{Name: name, Interface: e.iface, Label: e.label, Attrs: e.attrs, Apps: e.apps, Hooks: e.hooks}
	if e.iface == contentInterface {
		s.Content = e.content(name)
	}
	return s
}

func (e *end) content(name string) string {
	if tag, ok := e.attrs["content"].(string); ok && tag != "" {
		return tag
	}
	return name
}
