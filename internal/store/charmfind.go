package store

import "slices"

// CharmFilter is what a search for charms leaves out. Within a list one match is
// enough; every list that is not empty needs one.
type CharmFilter struct {
	Type string // charm or bundle; "" is either
	// Provides and Requires are names of interfaces.
	Provides []string
	Requires []string
	// Platforms are bases on which it must run. A key that is empty or "all" is any.
	Platforms []Platform
}

// Matches reports whether a line of ConcreteBases is of a charm or bundle that the
// filter lets through. A bundle runs on every platform.
func (q *CharmFilter) Matches(l Listed) bool {
	var charm CharmMeta
	if l.Revision.Meta.Charm != nil {
		charm = *l.Revision.Meta.Charm
	}
	return (q.Type == "" || l.Revision.Meta.Type == q.Type) &&
		hasInterface(charm.Provides, q.Provides) && hasInterface(charm.Requires, q.Requires) && q.RunsThere(l)
}

// RunsThere is the part of Matches that is about platforms.
func (q *CharmFilter) RunsThere(l Listed) bool {
	return len(q.Platforms) == 0 || l.Revision.bundle() || slices.ContainsFunc(q.Platforms, func(p Platform) bool {
		return mayFit(l.Platform, knownOf(p))
	})
}

// hasInterface reports whether an endpoint has one of the interfaces; no interfaces
// ask nothing.
func hasInterface(endpoints map[string]Relation, interfaces []string) bool {
	if len(interfaces) == 0 {
		return true
	}
	for _, r := range endpoints {
		if slices.Contains(interfaces, r.Interface) {
			return true
		}
	}
	return false
}
