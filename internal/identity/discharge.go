package identity

import (
	"context"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// The kinds of sessions.
const (
	KindDischarge       = "discharge"        // of the single sign-on; with a root it is a pair
	KindBakeryDischarge = "bakery-discharge" // of the identity service
	KindExchanged       = "exchanged"        // one token for a pair or a slice
	KindAPIToken        = "api-token"        // for automation
	KindUploadToken     = "upload-token"     // for one package, asked for by another service
	KindAdmin           = "admin-root"       // an operator's, exchanged offline
	KindImageUpload     = "image-upload"     // for the images of one resource
)

// How long discharges are good for. A client refreshes the single sign-on's
// without its user until a year after the login.
const (
	dischargeLife       = 7 * 24 * time.Hour
	bakeryDischargeLife = 24 * time.Hour
)

// Discharge logs somebody in and discharges the single sign-on's caveat with
// the id. Only who has logged in learns whether the id was good. It returns
// the text of the discharge.
func (i *Identity) Discharge(ctx context.Context, a Attempt, caveatID, location string) (Secret, error) {
	e, err := i.Login(ctx, a)
	if err != nil {
		return Secret{}, err
	}
	return i.DischargeFor(ctx, e, caveatID, location)
}

// DischargeFor is Discharge for somebody who has just logged in some other way.
func (i *Identity) DischargeFor(ctx context.Context, e AuthEvent, caveatID, location string) (Secret, error) {
	k, err := i.keysFor(ctx, PurposeSSOCaveat)
	if err != nil {
		return Secret{}, err
	}
	badID := invalidData("caveat_id", "this is no caveat that can be discharged here")
	caveat, err := k.sso.Open([]byte(caveatID))
	if err != nil {
		return Secret{}, badID
	}
	_, err = i.db.Update(ctx, e.User.Account.ID, func(tx *db.Tx) error {
		s, err := tx.SessionOfCaveat(caveat.Hash().String())
		switch {
		case store.KindOf(err) == store.KindNotFound:
			s = store.Session{ID: credential.NewSessionID(), Caveat: caveat.Hash().String()}
		case err != nil:
			return err
		case s.AccountID != e.User.Account.ID || s.Kind != KindDischarge || !s.RevokedAt.IsZero():
			return badID // another's, or given up: it takes a new root
		}
		s.Kind, s.Client = KindDischarge, clip(e.UserAgent)
		return putSession(tx, e, s, e.At.Add(maxLife))
	})
	if err != nil {
		return Secret{}, err
	}
	return i.ssoDischarge(caveat, location, e.User, e.At)
}

// putSession stores the row of a token that a login is good for.
func putSession(tx *db.Tx, e AuthEvent, s store.Session, until time.Time) error {
	s.AccountID, s.Method = e.User.Account.ID, e.Method
	s.LastAuth, s.ValidSince, s.ValidUntil = e.At, since(tx.Now()), until
	recordIssued(tx, s)
	return tx.PutSession(s)
}

func recordIssued(tx *db.Tx, s store.Session) {
	tx.Record(store.TokenIssued, "token/"+s.ID, map[string]any{
		"kind": s.Kind, "account": s.AccountID, "until": s.ValidUntil, "limits": s.Limits, "description": s.Description,
	})
}

// ssoDischarge makes the discharge itself: soon to be refreshed, and over a
// year after the login at the latest.
func (i *Identity) ssoDischarge(caveat credential.SSOCaveat, location string, u store.User, lastAuth time.Time) (Secret, error) {
	now := i.now()
	m, err := credential.NewSSODischarge(caveat, location, credential.SSOClaims{
		Account: credential.Account{
			Username: u.Account.Username, OpenID: u.OpenID, DisplayName: u.Account.DisplayName, Email: u.Email,
			Verified: u.EmailVerified,
		},
		Since: since(lastAuth), LastAuth: lastAuth, Expires: earlier(now.Add(dischargeLife), lastAuth.Add(maxLife)),
	})
	if err != nil {
		return Secret{}, err
	}
	return m.Text()
}

// RefreshDischarge makes a fresh discharge for the text of an unbound one, whose
// time may be over. That its signature is right proves nothing: anybody can
// make one, for any account. The row of the login must agree. All failures
// are CodeInvalidCredentials, and many from one address must wait.
func (i *Identity) RefreshDischarge(ctx context.Context, text, location, address string) (Secret, error) {
	guess := checks{addressCheck(address)}
	if err := i.mayTry(ctx, guess); err != nil {
		return Secret{}, err
	}
	fresh, err := i.refreshDischarge(ctx, text, location)
	if store.CodeOf(err) == CodeInvalidCredentials {
		i.note(ctx, guess)
	}
	return fresh, err
}

var errRefresh = store.Unauthorisedf(CodeInvalidCredentials, "the discharge cannot be refreshed").Try("log in again")

func (i *Identity) refreshDischarge(ctx context.Context, text, location string) (Secret, error) {
	k, err := i.keysFor(ctx, PurposeSSOCaveat)
	if err != nil {
		return Secret{}, err
	}
	had, err := k.sso.VerifyDischargeForRefresh(text, i.now())
	if err != nil {
		return Secret{}, errRefresh.Because(err)
	}
	var u store.User
	_, err = i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		s, err := tx.SessionOfCaveat(had.Caveat.Hash().String())
		if err != nil {
			return err
		}
		if u, err = vouched(tx, s); err != nil {
			return err
		}
		if s.Kind != KindDischarge || u.OpenID != had.Account.OpenID || !s.LastAuth.Equal(had.LastAuth) {
			return errRefresh
		}
		tx.Record(store.TokenRefreshed, "token/"+s.ID, map[string]any{"account": s.AccountID})
		return nil
	})
	switch store.KindOf(err) {
	case store.KindNotFound, store.KindUnauthorised:
		return Secret{}, errRefresh.Because(err)
	}
	if err != nil {
		return Secret{}, err
	}
	return i.ssoDischarge(had.Caveat, location, u, had.LastAuth)
}

// BakeryKeys are the identity service's key pairs, newest first.
func (i *Identity) BakeryKeys(ctx context.Context) ([]credential.BoxKey, error) {
	k, err := i.keysFor(ctx, PurposeBakery)
	if err != nil {
		return nil, err
	}
	return k.bakery, nil
}

// DischargeBakery discharges a caveat of the bakery's protocol, which was opened
// with one of BakeryKeys and whose condition holds, for somebody who has just
// logged in. The id is the caveat's on the wire.
func (i *Identity) DischargeBakery(
	ctx context.Context, e AuthEvent, c credential.BakeryCaveat, condition credential.Condition, id []byte,
) (credential.Macaroon, error) {
	hash := credential.HashCaveat(id).String()
	until := i.now().Add(bakeryDischargeLife)
	_, err := i.db.Update(ctx, e.User.Account.ID, func(tx *db.Tx) error {
		s, err := tx.SessionOfCaveat(hash)
		switch {
		case store.KindOf(err) == store.KindNotFound:
			s = store.Session{ID: credential.NewSessionID(), Caveat: hash}
		case err != nil:
			return err
		case s.AccountID != e.User.Account.ID || s.Kind != KindBakeryDischarge || !s.RevokedAt.IsZero():
			return store.Forbiddenf("caveat-discharged", "somebody else has discharged this already").Try("begin again")
		}
		s.Kind, s.Client = KindBakeryDischarge, clip(e.UserAgent)
		return putSession(tx, e, s, until)
	})
	if err != nil {
		return credential.Macaroon{}, err
	}
	declare := credential.Declaration{Attribute: credential.DeclaredUsername, Value: e.User.Account.Username}
	if condition.Is == credential.IsUserID {
		declare = credential.Declaration{Attribute: credential.DeclaredUserID, Value: e.User.Account.ID}
	}
	return credential.NewBakeryDischarge(c, condition, id, until, declare)
}
