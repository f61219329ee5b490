package credential

import "time"

// The kinds of tokens that a client brings back to the identity service after
// a login.
const (
	TokenKindMacaroon = "macaroon" // what the service gave a browser's login
	TokenKindAgent    = "agent"    // its macaroon for an agent, and the agent's discharge
)

// VerifyDischargeToken verifies the bytes of a token of a kind. Whom it stands
// for is the Subject.
func (r *Keyring) VerifyDischargeToken(at time.Time, kind string, token []byte) (Verified, error) {
	s, err := decodeBinary(token)
	if err != nil {
		return Verified{}, unreadable(err)
	}
	v, err := r.Verify(at, s, DischargeToken)
	if err != nil {
		return Verified{}, err
	}
	// An agent's macaroon is no token before the agent has discharged it, and
	// only that makes it one of the kind.
	if byAgent := !v.Identity.IsZero(); byAgent != (kind == TokenKindAgent) || !byAgent && kind != TokenKindMacaroon {
		return Verified{}, errInvalid
	}
	return v, nil
}
