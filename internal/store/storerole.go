package store

import (
	"slices"
	"strings"
	"time"
)

// StoreRoles are the roles that a member can have in a store.
var StoreRoles = []string{StoreRoleAdmin, StoreRoleReview, StoreRoleView, StoreRoleAccess}

// CheckStoreRoles returns the roles in the order of StoreRoles, each once, or an
// error of kind invalid.
func CheckStoreRoles(roles []string) ([]string, error) {
	var kept []string
	for _, role := range StoreRoles {
		if slices.Contains(roles, role) {
			kept = append(kept, role)
		}
	}
	for _, role := range roles {
		if !slices.Contains(StoreRoles, role) {
			return nil, Invalidf("invalid-role", "no role in a store is called %.40q", role).
				Try("use admin, review, view or access")
		}
	}
	return kept, nil
}

// GroupName reports whether a name is, or could be, what a role goes by among
// groups: a role's own name, or that of a role in some store, which is the store's
// id, a hyphen and the role.
func GroupName(name string) bool {
	if slices.Contains(UserRoles, Role(name)) {
		return true
	}
	i := strings.LastIndexByte(name, '-')
	return i >= 0 && slices.Contains(StoreRoles, name[i+1:])
}

// What has become of a store's invite. One that is pending and over its time is
// expired.
const (
	InvitePending  = "pending"
	InviteAccepted = "accepted"
	InviteRevoked  = "revoked"
)

// Open reports whether the invite waits for its account at a time.
func (i StoreInvite) Open(at time.Time) bool {
	return i.Status == InvitePending && at.Before(i.ExpiresAt)
}

// NeedIn returns nil when p may do perm to a store: when its role may do so to
// every store, or it has one of the wanted roles there, and no limit of its token
// speaks against it. A store that p has no such part in does not exist.
func (p Principal) NeedIn(perm Permission, storeID string, has []string, wanted ...string) error {
	if err := p.Need(perm); err != nil {
		return err
	}
	if p.keptOutOf(storeID) {
		return NoSuchStore(storeID)
	}
	if p.maySomewhereElse(perm) || slices.ContainsFunc(has, func(role string) bool { return slices.Contains(wanted, role) }) {
		return nil
	}
	return NoSuchStore(storeID)
}

// NoSuchStore is the answer about a store that is not there, or that whoever asks
// has no part in: the same for both.
func NoSuchStore(id string) *Error {
	return NotFoundf("store-not-found", "the store %.64q does not exist, or you may not do this there", id)
}

// What a store does with uploads that the operator's review policy would hold, as
// web clients name it. Each but the first is a review policy of the store's own.
const (
	ReviewAllow   = "allow"   // the operator's policy counts
	ReviewAvoid   = "avoid"   // nothing waits for a person
	ReviewRequire = "require" // everything does
)

var manualReviews = map[string]string{
	ReviewAllow:   "",
	ReviewAvoid:   "reject confinement=classic\naccept\n",
	ReviewRequire: "hold\n",
}

// ManualReview returns the name of the store's policy. One that an operator has
// written for it goes by ReviewAllow, too.
func (v View) ManualReview() string {
	for name, policy := range manualReviews {
		if v.ReviewPolicy == policy {
			return name
		}
	}
	return ReviewAllow
}

// WithManualReview returns v with the policy of this name. The name that it goes
// by already changes nothing, so that no policy that an operator has written is
// lost to a client that sends back what it was told.
func (v View) WithManualReview(name string) (View, error) {
	policy, known := manualReviews[name]
	if !known {
		return v, Invalidf("invalid-field", "%.40q is no way to review", name).
			Try("use allow, avoid or require").With("name", "manual-review-policy")
	}
	if name != v.ManualReview() {
		v.ReviewPolicy = policy
	}
	return v, nil
}
