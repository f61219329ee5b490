package inspect

import (
	"fmt"
	"strconv"
	"strings"
)

// placements reads where units go. On Kubernetes that is one selector of nodes.
func (b *bundleReader) placements(name string, app *table, where string) {
	to, field := b.directives(app, where, "to"), "to"
	if selector := b.plain(app, where, "placement"); selector != "" {
		switch {
		case !b.kubernetes:
			b.problem(InvalidPlacement, where+".placement", "is for Kubernetes bundles; write to")
			return
		case len(to) > 0:
			b.problem(InvalidPlacement, where+".placement", "cannot stand beside to; remove one")
			return
		}
		to, field = []string{selector}, "placement"
	}
	where = join(where, field)
	if b.kubernetes {
		if len(to) > 1 {
			b.problem(InvalidPlacement, where, "has more than one selector; join them with commas")
		} else if len(to) == 1 && !validSelector(to[0]) {
			b.problem(InvalidPlacement, where, "%.60q is no selector of nodes; write key=value pairs with commas between them", to[0])
		}
		return
	}
	if int64(len(to)) > b.units[name] {
		b.problem(InvalidPlacement, where, "places %d units, and num_units is %d", len(to), b.units[name])
	}
	for _, directive := range to {
		b.placement(directive, where)
	}
}

func (b *bundleReader) directives(app *table, where, key string) []string {
	value, _ := app.get(key)
	list, isList := value.([]any)
	switch {
	case value == nil:
		return nil
	case !isList:
		b.wrong(join(where, key), "a list of placements")
	}
	var texts []string
	for i, item := range list {
		if !isScalar(item) || item == nil {
			b.wrong(fmt.Sprintf("%s[%d]", join(where, key), i), "text")
			continue
		}
		texts = append(texts, fmt.Sprint(item))
	}
	return texts
}

func (b *bundleReader) placement(directive, where string) {
	m := placementRule.FindStringSubmatch(directive)
	if m == nil || m[1] == "new" && m[2] != "" {
		b.problem(InvalidPlacement, where, "%.60q is no placement; write a machine, an application, application/unit or new, perhaps behind lxd:", directive)
		return
	}
	application, unit, machine := m[1], m[2], m[3]
	switch {
	case application == "new":
	case machine != "":
		if !b.machines.has(machine) {
			b.problem(InvalidPlacement, where, "the machine %s is not in the bundle; add it under machines", machine)
		}
		b.used[machine] = true
	default:
		units, known := b.units[application]
		n, err := strconv.ParseInt(unit, 10, 64)
		switch {
		case !known:
			b.problem(InvalidPlacement, where, "the application %.60q is not in the bundle", application)
		case err == nil && n >= units:
			b.problem(InvalidPlacement, where, "%.60q has only %d units, counted from 0", application, units)
		}
	}
}

// validSelector accepts key=value pairs with commas between them, each key once.
func validSelector(s string) bool {
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(s, ",") {
		if pair == "" {
			continue
		}
		key, value, ok := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		if !ok || key == "" || strings.TrimSpace(value) == "" || seen[key] {
			return false
		}
		seen[key] = true
	}
	return true
}
