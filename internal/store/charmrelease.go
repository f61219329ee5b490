package store

import (
	"cmp"
	"slices"
	"strings"
)

// Declares returns the resources that r says it takes; a revision that is not there
// takes none.
func (r *Revision) Declares() []DeclaredResource {
	if r == nil || r.Meta.Charm == nil {
		return nil
	}
	return r.Meta.Charm.Resources
}

// kind is the type, which is file when the charm does not say.
func (d *DeclaredResource) kind() string { return cmp.Or(d.Type, ResourceFile) }

// CheckPins returns the resource revisions that a release of the charm revision r
// pins, ordered as r declares them. In this order:
//
//  1. Every pin names a resource that r declares, each once.
//  2. Revision 0 pins nothing: the charm is deployed without the resource. It is
//     legal for every resource, also for one that is not optional, and is kept, so
//     that a promotion can repeat the release.
//  3. Any other revision exists, and is of the type r declares.
//  4. Every resource that is not optional is pinned. An optional one that is left
//     out stays out; nothing is chosen for the publisher.
//
// The revisions of resources that exist are given by their pins. Each error names
// all resources it is about.
func CheckPins(r *Revision, pins []ResourcePin, known map[ResourcePin]*ResourceRevision) ([]ResourcePin, error) {
	given := make(map[string]int, len(pins))
	var unknown, twice []string
	for _, pin := range pins {
		if !slices.ContainsFunc(r.Declares(), func(d DeclaredResource) bool { return d.Name == pin.Name }) {
			unknown = append(unknown, pin.Name)
		} else if _, again := given[pin.Name]; again {
			twice = append(twice, pin.Name)
		}
		given[pin.Name] = pin.Revision
	}
	switch {
	case len(unknown) > 0:
		return nil, resourceError(KindInvalid, "charm-resource-not-found", r, "it does not declare the resource", unknown).
			Try("leave it out, or release a revision that declares it")
	case len(twice) > 0:
		return nil, resourceError(KindInvalid, "duplicated-key", r, "the request names it twice: the resource", twice).
			Try("name each resource once")
	}
	var checked []ResourcePin
	var absent, clash, missing []string
	for _, d := range r.Declares() {
		n, pinned := given[d.Name]
		pin := ResourcePin{Name: d.Name, Revision: n}
		switch found := known[pin]; {
		case !pinned && d.Optional:
			continue
		case !pinned:
			missing = append(missing, d.Name)
		case n != 0 && found == nil:
			absent = append(absent, d.Name)
		case n != 0 && found.Type != d.kind():
			clash = append(clash, d.Name)
		}
		checked = append(checked, pin)
	}
	switch {
	case len(absent) > 0:
		return nil, resourceError(KindNotFound, "resource-revision-not-found", r, "there is no such revision of the resource", absent).
			Try("upload it first, or name a revision that exists")
	case len(clash) > 0:
		return nil, resourceError(KindInvalid, "invalid-charm-resource", r, "it declares another type for the resource", clash).
			Try("upload a revision of the declared type")
	case len(missing) > 0:
		return nil, resourceError(KindInvalid, "missing-resources", r, "it needs a revision of the resource", missing).
			Try("name a revision for each, or revision 0 for none")
	}
	return checked, nil
}

// maxNamed bounds how many names an error spells out.
const maxNamed = 10

func resourceError(kind Kind, code string, r *Revision, why string, names []string) *Error {
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > maxNamed {
		names = append(slices.Clone(names[:maxNamed]), "…")
	}
	for i, name := range names {
		if len(name) > 100 {
			names[i] = strings.ToValidUTF8(name[:100], "") + "…"
		}
	}
	return errorf(kind, code, "cannot release revision %d: %s %s",
		[]any{r.Number, why, strings.Join(names, ", ")}).With("resources", names)
}
