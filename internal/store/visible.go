package store

import "slices"

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

// Enter reports whether who may ask store v at all: a private store only
// answers those who belong to it.
func Enter(v View, who Principal) bool { return !v.Private || who.Belongs(v.ID) }

// Visible reports whether who sees package p when asking store v. In this order:
//
//  1. who must be let into v.
//  2. A private package is only seen by those who belong to its home store,
//     whichever store they ask.
//  3. p is seen when it is at home in v, when v includes its home store, when v
//     lists it, or when it is essential.
//
// What is not visible does not exist: the answer to the client is not found.
func Visible(v View, p Package, who Principal) bool {
	switch {
	case !Enter(v, who):
		return false
	case p.Private && !who.Belongs(p.StoreID):
		return false
	case p.Namespace == Snap && p.StoreID == GlobalStore && essential[p.Name]:
		return true
	}
	return v.ID != "" && p.StoreID == v.ID ||
		slices.Contains(v.Includes, p.StoreID) ||
		slices.Contains(v.Packages, p.ID)
}
