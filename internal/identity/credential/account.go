package credential

import (
	"encoding/base64"
	"fmt"
	"time"

	"gopkg.in/macaroon.v2"
)

// Account is what a discharge of the single sign-on says of a user. Whoever
// holds the discharge can read it.
type Account struct {
	Username    string `json:"username"`
	OpenID      string `json:"openid"` // stable, says nothing
	DisplayName string `json:"displayname"`
	Email       string `json:"email"`
	Verified    bool   `json:"is_verified"`
}

// SSOClaims is what a discharge of the single sign-on says.
type SSOClaims struct {
	Account  Account
	Since    time.Time
	LastAuth time.Time // when the user last proved who it is; refreshing keeps it
	Expires  time.Time
}

// The kinds of pipe caveats on discharges, besides the two of times that roots
// have as well.
const (
	pipeAccount  = "account"
	pipeLastAuth = "last_auth"
)

// NewSSODischarge makes the discharge of a caveat, for a user whose identity
// is proven. The location is the one that the client looks for.
func NewSSODischarge(caveat SSOCaveat, location string, claims SSOClaims) (Macaroon, error) {
	if !isLocation(location) {
		return Macaroon{}, fmt.Errorf("cannot make a discharge: %q is no location", location)
	}
	account, err := marshalPlain(claims.Account)
	if err != nil {
		return Macaroon{}, err
	}
	m, err := macaroon.New(caveat.rootKey.bytes(), caveat.id, location, macaroon.V1)
	if err != nil {
		return Macaroon{}, fmt.Errorf("cannot make a discharge: %w", err)
	}
	for _, p := range []pipe{
		{location, pipeAccount, base64.StdEncoding.EncodeToString([]byte(account))},
		{location, pipeSince, FormatTime(claims.Since)},
		{location, pipeLastAuth, FormatTime(claims.LastAuth)},
		{location, pipeExpires, FormatTime(claims.Expires)},
	} {
		if err := appendCaveats(m, p.String()); err != nil {
			return Macaroon{}, err
		}
	}
	return wrap(m), nil
}

// readSSOClaims reads the caveats of a discharge: the account and the last
// login exactly once, both ends of the time at least once, since a holder may
// bring the end forward, and nothing else.
func readSSOClaims(caveats []string) (SSOClaims, span, error) {
	pipes, err := splitPipes(caveats)
	if err != nil {
		return SSOClaims{}, span{}, err
	}
	var c SSOClaims
	var s span
	seen := make(map[string]bool)
	for _, p := range pipes {
		switch p.kind {
		case pipeAccount, pipeLastAuth:
			if seen[p.kind] {
				return SSOClaims{}, span{}, errCaveatWords
			}
			seen[p.kind] = true
			if p.kind == pipeAccount {
				err = readAccount(p.value, &c.Account)
			} else {
				c.LastAuth, err = ParseTime(p.value)
			}
		case pipeSince:
			err = readTime(p.value, s.from)
		case pipeExpires:
			err = readTime(p.value, s.before)
		default:
			err = errCaveatWords
		}
		if err != nil {
			return SSOClaims{}, span{}, err
		}
	}
	if !seen[pipeAccount] || !seen[pipeLastAuth] || s.since.IsZero() || s.until.IsZero() {
		return SSOClaims{}, span{}, errCaveatWords
	}
	c.Since, c.Expires = s.since, s.until
	return c, s, nil
}

func readAccount(value string, into *Account) error {
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return errCaveatWords
	}
	if err := unmarshalStrict(string(text), into); err != nil {
		return err
	}
	if into.OpenID == "" {
		return errCaveatWords
	}
	return nil
}
