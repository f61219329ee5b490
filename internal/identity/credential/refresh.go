package credential

import "time"

// Refreshable is a discharge whose signature is right.
type Refreshable struct {
	SSOClaims
	Caveat SSOCaveat // to make the new discharge for
}

// ssoDischargeCaveats is how many caveats a discharge of ours has.
const ssoDischargeCaveats = 4

// VerifyDischargeForRefresh verifies the text of an unbound discharge, whose
// time may be over. All failures are the same error.
//
// What it returns proves nothing alone: the key in the caveat id is whatever
// its maker chose, and anybody can make such an id and sign what he likes with
// the key. The caller must find the row that was written when the discharge
// was made: of this caveat's Hash, this OpenID and this LastAuth.
//
// A discharge with anything appended is refused: the fresh one would lack it.
func (k SSOKeys) VerifyDischargeForRefresh(text string, at time.Time) (Refreshable, error) {
	if len(text) > maxHeader {
		return Refreshable{}, errInvalid
	}
	m, err := decodeOne(text)
	if err != nil {
		k.Open(nil) // for the time it takes
		return Refreshable{}, errInvalid
	}
	caveat, err := k.Open(m.ID())
	if err != nil {
		return Refreshable{}, errInvalid
	}
	caveats, err := m.raw().VerifySignature(caveat.rootKey.bytes(), nil)
	if err != nil || len(caveats) != ssoDischargeCaveats || validText(caveats) != nil {
		return Refreshable{}, errInvalid
	}
	claims, _, err := readSSOClaims(caveats)
	if err != nil || at.Before(claims.Since) {
		return Refreshable{}, errInvalid
	}
	return Refreshable{claims, caveat}, nil
}
