package credential

import (
	"slices"
	"time"

	"gopkg.in/macaroon.v2"
)

// Verified is a credential of ours whose signatures and caveats hold. It counts
// only as long as the row of its session agrees.
type Verified struct {
	Identifier
	Account  Account     // what the single sign-on says of the user; of a U1Root or AdminRoot
	LastAuth time.Time   // beside Account
	Declared Declaration // what the identity service says; of a BakeryRoot
	// Expires is when the first of root and discharge ends.
	Expires time.Time
	// RootExpires is when the root alone ends: what is exchanged for a pair
	// outlives the discharge, which could have been refreshed.
	RootExpires time.Time
	Limits      []Limits // all of them hold
}

// Verify verifies a root, with its discharges bound to it, that must be for one
// of the purposes.
//
// Anybody who holds a macaroon can append caveats to it, also ones that he
// discharges himself, and all of that verifies. So only one third-party caveat
// may be there, the one whose hash the root's identifier records; who the user
// is comes from its discharge alone; and a caveat that says anything about
// identity elsewhere, or twice, is a caveat that is not understood.
func (r *Keyring) Verify(at time.Time, s Slice, purposes ...Purpose) (Verified, error) {
	if len(s) == 0 {
		return Verified{}, errMalformed
	}
	if err := s.check(); err != nil {
		return Verified{}, err
	}
	root := s[0].raw()
	id, ours := ReadIdentifier(root.Id())
	if !ours || !slices.Contains(purposes, id.Purpose) {
		return Verified{}, errInvalid
	}
	key, found := r.Find(id)
	if !found {
		return Verified{}, errInvalid
	}
	// The library finds discharges that are missing, left over, used twice or
	// not bound to this root.
	if _, err := root.VerifySignature(key.secret.bytes(), s.discharges()); err != nil {
		return Verified{}, errInvalid.Because(errSignature)
	}
	v := Verified{Identifier: id}
	rootSays, err := v.readRoot(root)
	if err != nil {
		return Verified{}, errInvalid.Because(err)
	}
	dischargeSays, err := v.readDischarge(s)
	if err != nil {
		return Verified{}, errInvalid.Because(err)
	}
	v.RootExpires, v.Limits = rootSays.until, rootSays.limits
	v.Expires = rootSays.both(dischargeSays).until
	return v, v.holds(at, rootSays.span, dischargeSays)
}

// holds compares the times. At its end a credential is over.
func (v Verified) holds(at time.Time, root, discharge span) error {
	switch {
	case at.Before(root.since), at.Before(discharge.since):
		return errInvalid
	case !at.Before(root.until):
		return errExpired
	case discharge.until.IsZero() || at.Before(discharge.until):
		return nil
	case purposes[v.Purpose].identity == accountIdentity:
		return errNeedsRefresh
	}
	return errExpired
}

// readRoot reads the root's own caveats.
func (v *Verified) readRoot(root *macaroon.Macaroon) (said, error) {
	var own []string
	identities := 0
	for _, c := range root.Caveats() {
		if len(c.VerificationId) == 0 {
			own = append(own, string(c.Id))
			continue
		}
		if identities++; v.Identity.IsZero() || HashCaveat(c.Id) != v.Identity || identities > 1 {
			return said{}, errForeignCaveat
		}
	}
	if !v.Identity.IsZero() && identities == 0 {
		return said{}, errForeignCaveat
	}
	says, err := purposes[v.Purpose].words.read(own)
	if err == nil && says.session != "" && says.session != v.Session {
		err = errCaveatWords
	}
	return says, err
}

// readDischarge reads what the discharge of the identity caveat says. There is
// one discharge for the one third-party caveat, and none without it.
func (v *Verified) readDischarge(s Slice) (span, error) {
	if v.Identity.IsZero() {
		return span{}, nil
	}
	if len(s) != 2 || HashCaveat(s[1].ID()) != v.Identity {
		return span{}, errForeignCaveat
	}
	var own []string
	for _, c := range s[1].raw().Caveats() {
		if len(c.VerificationId) != 0 {
			return span{}, errForeignCaveat
		}
		own = append(own, string(c.Id))
	}
	if err := validText(own); err != nil {
		return span{}, err
	}
	switch purposes[v.Purpose].identity {
	case accountIdentity:
		claims, when, err := readSSOClaims(own)
		v.Account, v.LastAuth = claims.Account, claims.LastAuth
		return when, err
	case declaredIdentity:
		declared, when, err := readDeclaration(own)
		v.Declared = declared
		return when, err
	}
	return readPossession(own)
}
