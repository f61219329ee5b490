package inspect

import (
	"slices"
	"strings"
)

var relationScopes = []string{"global", "container"}

// relations reads what a charm may be related by. A name stands for one relation,
// whatever its role.
func (c *charmReader) relations(t *table) {
	roles := map[string]string{} // by name of a relation
	read := func(role string) map[string]Relation {
		relations := map[string]Relation{}
		ends := c.tableIn(t, "", role)
		for _, name := range ends.sorted() {
			where := role + "." + name
			r, ok := c.relation(ends.values[name], where)
			if !ok {
				continue
			}
			if other, twice := roles[name]; twice {
				c.problem(InvalidRelation, where, "is the name of a relation under %s too; rename one", other)
			}
			roles[name] = role
			// A subordinate's container-scoped end may bind to what juju provides.
			if !(c.info.Subordinate && role == "requires" && r.Scope == "container") {
				c.reserved(InvalidRelation, where, name)
			}
			if role != "requires" {
				c.reserved(InvalidRelation, where+".interface", r.Interface)
			}
			relations[name] = r
		}
		return relations
	}
	i := c.info
	i.Provides, i.Requires, i.Peers = read("provides"), read("requires"), read("peers")
	if i.Subordinate && !hasContainerScope(i.Requires) {
		c.problem(InvalidRelation, "requires", "must have a relation of scope container, because the charm is subordinate; add one such as juju-info")
	}
}

func hasContainerScope(relations map[string]Relation) bool {
	for _, r := range relations {
		if r.Scope == "container" {
			return true
		}
	}
	return false
}

// relation reads one end: the name of an interface, or a map with it.
func (c *charmReader) relation(value any, where string) (r Relation, ok bool) {
	before := len(c.problems)
	r.Scope = relationScopes[0]
	if text, isText := value.(string); isText {
		r.Interface = text
	} else {
		end, isMap := value.(*table)
		if !isMap {
			c.wrong(where, "the name of an interface, or a map with one")
			return r, false
		}
		c.tableAt(end, where)
		r.Interface = c.textIn(end, where, "interface")
		r.Optional = c.boolIn(end, where, "optional")
		if limit, given := end.get("limit"); given && limit != nil {
			n, isInt := asInt(limit)
			if !isInt || n != int64(int(n)) {
				c.wrong(where+".limit", "a whole number")
			}
			r.Limit = int(n)
		}
		if scope, given := end.get("scope"); given {
			text, isText := scope.(string)
			if !isText || !slices.Contains(relationScopes, text) {
				c.problem(InvalidRelation, where+".scope", "must be one of %s", strings.Join(relationScopes, ", "))
			}
			r.Scope = text
		}
	}
	if r.Interface == "" && len(c.problems) == before {
		c.problem(Missing, where+".interface", "is required")
	}
	return r, len(c.problems) == before
}

// reserved refuses what is juju's own, unless the charm is.
func (c *charmReader) reserved(code Code, where, name string) {
	if !strings.HasPrefix(c.info.Name, "juju-") && (name == "juju" || strings.HasPrefix(name, "juju-")) {
		c.problem(code, where, "%.60q is reserved for juju; use a name that is not juju and does not begin with juju-", name)
	}
}

// bindings reads extra-bindings, a map of names to nothing.
func (c *charmReader) bindings(t *table) {
	if !t.has("extra-bindings") {
		return
	}
	bindings := c.tableIn(t, "", "extra-bindings")
	if bindings != nil && len(bindings.keys) == 0 {
		c.problem(InvalidBinding, "extra-bindings", "names none; remove it")
	}
	for _, name := range bindings.sorted() {
		where := "extra-bindings." + name
		_, provided := c.info.Provides[name]
		_, required := c.info.Requires[name]
		_, peer := c.info.Peers[name]
		switch {
		case name == "":
			c.problem(InvalidBinding, where, "has no name")
		case bindings.values[name] != nil:
			c.problem(InvalidBinding, where, "must have no value")
		case provided || required || peer:
			c.problem(InvalidBinding, where, "is the name of a relation too, which is a binding already; remove it")
		}
	}
}
