package inspect

import (
	"slices"

	"github.com/larder-store/larder/internal/store"
)

// ReviewFacts is what the review policy looks at of a snap, apart from its publisher
// and the size of its file, which are not in it.
func (i *SnapInfo) ReviewFacts() store.ReviewFacts {
	f := store.ReviewFacts{
		Package: i.Name, Type: i.Type, Base: i.Base, Confinement: i.Confinement, Grade: i.Grade,
		Provenance: i.Provenance, Architectures: i.Architectures,
	}
	for _, p := range i.Plugs {
		f.Plugs = append(f.Plugs, p.Interface)
	}
	for _, s := range i.Slots {
		f.Slots = append(f.Slots, s.Interface)
	}
	for _, w := range i.Warnings {
		f.Warnings = append(f.Warnings, string(w.Code))
	}
	for _, list := range []*[]string{&f.Plugs, &f.Slots, &f.Warnings} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return f
}

// ReviewFacts is what the review policy looks at of a charm or a bundle. Neither has
// anything of a snap's confinement.
func (i *CharmInfo) ReviewFacts() store.ReviewFacts {
	f := store.ReviewFacts{Package: i.Name, Type: i.Type}
	for _, p := range i.Platforms {
		f.Architectures = append(f.Architectures, p.Architecture)
	}
	for _, w := range i.Warnings {
		f.Warnings = append(f.Warnings, string(w.Code))
	}
	for _, list := range []*[]string{&f.Architectures, &f.Warnings} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return f
}
