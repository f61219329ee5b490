package store

import (
	"maps"
	"slices"
)

// essential names the snaps no device can do without. Where they are at home
// in the global store, every store shows them.
var essential = map[string]bool{
	"bare":   true,
	"core":   true,
	"core18": true,
	"core20": true,
	"core22": true,
	"core24": true,
	"core26": true,
	"snapd":  true,
}

// EssentialSnaps lists the names of the snaps no device can do without.
func EssentialSnaps() []string { return slices.Sorted(maps.Keys(essential)) }

// Essential reports whether p is one of them, which every store shows.
func Essential(p Package) bool {
	return p.Namespace == Snap && p.StoreID == GlobalStore && essential[p.Name]
}

// Enter reports whether who may ask store v at all: a private store only
// answers those who belong to it, and a member's token must be for it.
func Enter(v View, who Principal) bool {
	return !v.Private || who.hasDeviceOf(v.ID) || who.Belongs(v.ID) && !who.keptOutOf(v.ID)
}

// Visible reports whether who sees package p when asking store v. In this order:
//
//  1. who must be let into v.
//  2. A private package, and one at home in a private store, is only seen by
//     those who belong to its home store, and a private one by its publisher and
//     collaborators, whichever store they ask. Whoever is one of them by a token
//     sees no more than the token is for.
//  3. p is seen when it is at home in v, when v includes its home store, when v
//     lists it, or when it is essential.
//
// What is not visible does not exist: the answer to the client is not found.
func Visible(v View, p Package, who Principal) bool {
	switch {
	case !Enter(v, who):
		return false
	case p.Private && !who.belongsFor(&p) && !who.reads(&p):
		return false
	case v.Private && p.StoreID == v.ID && !who.belongsFor(&p):
		return false
	case Essential(p):
		return true
	}
	return v.ID != "" && p.StoreID == v.ID ||
		slices.Contains(v.Includes, p.StoreID) ||
		slices.Contains(v.Packages, p.ID)
}

// reads reports whether p has a hand in the package and its token may look.
func (p Principal) reads(pkg *Package) bool {
	return (p.publishes(pkg) || p.collaborates(pkg)) && p.NeedOn(PermView, pkg) == nil
}

// belongsFor reports whether p belongs to the package's home store, and its token,
// unless its device does, may look at the package.
func (p Principal) belongsFor(pkg *Package) bool {
	return p.hasDeviceOf(pkg.StoreID) ||
		p.Belongs(pkg.StoreID) && p.Need(PermView) == nil && p.withinLimits(pkg) == nil
}

// hasDeviceOf reports whether p's device belongs to a store by its model.
func (p Principal) hasDeviceOf(storeID string) bool { return p.StoreID != "" && p.StoreID == storeID }

// keptOutOf reports whether p's token is for other stores only.
func (p Principal) keptOutOf(storeID string) bool {
	return slices.ContainsFunc(p.Limits, func(l Limits) bool {
		return l.Stores != nil && !slices.Contains(l.Stores, storeID)
	})
}
