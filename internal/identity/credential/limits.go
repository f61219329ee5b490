package credential

import "github.com/larder-store/larder/internal/store"

// Limits is what one set of caveats allows, in the words of the wire: nil is
// no limit of that kind. A credential may do what all of its Limits allow.
type Limits struct {
	Permissions []string // as the client that asked for them spells them
	Packages    []store.PackageLimit
	Channels    []string // patterns, see store.MatchChannel
	Stores      []string // store ids
}

// Meaning is what the words mean here.
func (l Limits) Meaning() store.Limits {
	m := store.Limits{Packages: l.Packages, Channels: l.Channels, Stores: l.Stores}
	if l.Permissions != nil {
		m.Permissions = store.WirePermissions(l.Permissions)
	}
	return m
}

// Meanings is Meaning for all of a credential's limits.
func Meanings(limits []Limits) []store.Limits {
	all := make([]store.Limits, len(limits))
	for i, l := range limits {
		all[i] = l.Meaning()
	}
	return all
}

// limitList gathers limits. Two limits of one kind must both hold, and two
// sets of patterns have no intersection that could be written down, so the
// second goes into a set of its own.
type limitList []Limits

// place returns the first set in which a limit of a kind is still free.
func (l *limitList) place(free func(*Limits) bool) *Limits {
	for i := range *l {
		if free(&(*l)[i]) {
			return &(*l)[i]
		}
	}
	*l = append(*l, Limits{})
	return &(*l)[len(*l)-1]
}

func (l *limitList) permissions(v []string) {
	l.place(func(s *Limits) bool { return s.Permissions == nil }).Permissions = v
}

func (l *limitList) packages(v []store.PackageLimit) {
	l.place(func(s *Limits) bool { return s.Packages == nil }).Packages = v
}

func (l *limitList) channels(v []string) {
	l.place(func(s *Limits) bool { return s.Channels == nil }).Channels = v
}

func (l *limitList) stores(v []string) {
	l.place(func(s *Limits) bool { return s.Stores == nil }).Stores = v
}
