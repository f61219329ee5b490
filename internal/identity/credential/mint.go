package credential

import (
	"fmt"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/store"
)

// Token is what a macaroon of ours shall say.
type Token struct {
	// Location of the store. In pipe caveats it is also the prefix, which
	// stays with the macaroon: a holder who narrows it uses the same.
	Location string
	// Session is the row the macaroon belongs to. NewSessionID makes one.
	Session string
	// Subject is the account or agent, where no row says so. Optional.
	Subject string
	// The macaroon holds from Since, up to but not at Expires. With several
	// nodes, their clocks differ: take a Since that is past on all of them.
	Since, Expires time.Time
	// Limits must all allow what the macaroon is used for.
	Limits []Limits
	// Identity is the caveat whose discharge says who the user is. Roots have
	// one; an AdminRoot or a DischargeToken may.
	Identity ThirdParty
}

// Limits of what is minted: in base64 and with its discharge it still is less
// than half of what a request may present, and its holder may narrow it.
const (
	maxToken        = 8 << 10 // bytes
	maxTokenCaveats = maxCaveats / 2
)

// Mint makes a macaroon with the key's purpose.
func Mint(key Key, t Token) (Macaroon, error) {
	if err := t.check(key.purpose); err != nil {
		return Macaroon{}, err
	}
	id := Identifier{Purpose: key.purpose, Key: key.id, Session: t.Session, Subject: t.Subject}
	if !t.Identity.IsZero() {
		id.Identity = t.Identity.Hash()
	}
	before, after, err := t.caveats(purposes[key.purpose].words)
	if err != nil {
		return Macaroon{}, err
	}
	m, err := macaroon.New(key.secret.bytes(), []byte(id.text()), t.Location, t.version(key.purpose))
	if err != nil {
		return Macaroon{}, fmt.Errorf("cannot mint a macaroon: %w", err)
	}
	if err := appendCaveats(m, before...); err != nil {
		return Macaroon{}, err
	}
	if !t.Identity.IsZero() {
		if err := m.AddThirdPartyCaveat(t.Identity.rootKey.bytes(), t.Identity.id, t.Identity.location); err != nil {
			return Macaroon{}, fmt.Errorf("cannot mint a macaroon: %w", err)
		}
	}
	if err := appendCaveats(m, after...); err != nil {
		return Macaroon{}, err
	}
	minted := wrap(m)
	raw, err := minted.binary()
	if err != nil {
		return Macaroon{}, err
	}
	if n := len(m.Caveats()); len(raw) > maxToken || n > maxTokenCaveats {
		return Macaroon{}, store.TooLargef(CodeTooLarge,
			"cannot make credentials of %d bytes with %d caveats, the limits are %d and %d", len(raw), n, maxToken, maxTokenCaveats).
			Try("name fewer packages, channels or stores")
	}
	return minted, nil
}

// check finds mistakes of the caller; what users asked for was checked before.
func (t Token) check(p Purpose) error {
	row, known := purposes[p]
	switch {
	case !known:
		return fmt.Errorf("cannot mint a macaroon: unknown %s", p)
	case row.required && t.Identity.IsZero():
		return fmt.Errorf("cannot mint a macaroon: a %s needs a caveat for the identity", p)
	case !t.Identity.IsZero() && t.Identity.kind != row.identity:
		return fmt.Errorf("cannot mint a macaroon: a %s cannot have this caveat for the identity", p)
	case !isLocation(t.Location):
		return fmt.Errorf("cannot mint a macaroon: %q is no location", t.Location)
	case !isWord(t.Session), t.Subject != "" && !isWord(t.Subject):
		return fmt.Errorf("cannot mint a macaroon: the session or subject is no word")
	case t.Since.IsZero() || !t.Since.Before(t.Expires):
		return fmt.Errorf("cannot mint a macaroon: it would never hold")
	}
	for _, l := range t.Limits {
		if l.Permissions != nil && !validList(l.Permissions) || l.Packages != nil && !validPackages(l.Packages) ||
			l.Channels != nil && !validList(l.Channels) || l.Stores != nil && !validList(l.Stores) {
			return store.Invalidf("invalid-limits", "cannot make credentials with an empty limit")
		}
	}
	return nil
}

// version is that of the macaroon: clients of the single sign-on read only the
// first, as do the oldest of the bakery.
func (t Token) version(p Purpose) macaroon.Version {
	if purposes[p].words == pipeWords || t.Identity.kind == declaredIdentity && t.Identity.version < 2 {
		return macaroon.V1
	}
	return macaroon.V2
}

// caveats are those before and after the third party's, in the order of the
// public store.
func (t Token) caveats(w words) (before, after []string, err error) {
	if w == bakeryWords {
		before = []string{
			wordBefore + " " + formatBakeryTime(t.Expires),
			wordSince + " " + formatBakeryTime(t.Since),
			wordSession + " " + t.Session,
		}
		limits, err := extraLimits(t.Limits)
		return append(before, limits...), nil, err
	}
	before = []string{pipe{t.Location, pipeSince, FormatTime(t.Since)}.String()}
	after = []string{pipe{t.Location, pipeExpires, FormatTime(t.Expires)}.String()}
	limits, err := pipeLimits(t.Location, t.Limits)
	return before, append(after, limits...), err
}
