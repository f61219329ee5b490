package identity

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// Who is somebody whom a request has proven to be, with what.
type Who struct {
	Principal store.Principal
	User      store.User
	Session   store.Session // zero with a password
	// Limits are those of the token in the words of the wire, all of them
	// together, for showing.
	Limits   store.SessionLimits
	Expires  time.Time // zero with a password
	LastAuth time.Time

	verified credential.Verified // zero with a password
}

// Ends is when the token ends for good, however often its discharge is
// refreshed; zero with a password. Expires may be sooner.
func (w Who) Ends() time.Time {
	if w.verified.RootExpires.IsZero() {
		return w.Expires
	}
	return earlier(w.verified.RootExpires, w.LastAuth.Add(maxLife))
}

// Authenticate says who asks. It fails with kind unauthorised: with
// CodeNeedsRefresh for a pair whose discharge has expired and can be
// refreshed, else with CodeNoCredentials, whatever is wrong. A password also
// fails with CodeTooMany.
//
// Whatever the form, all must agree: signature, every caveat, the session's
// row, and the account as it is now.
func (i *Identity) Authenticate(ctx context.Context, e Evidence) (store.Principal, error) {
	w, err := i.Whoami(ctx, e)
	return w.Principal, err
}

// Whoami is Authenticate with everything that is known of who asks.
func (i *Identity) Whoami(ctx context.Context, e Evidence) (Who, error) {
	p, err := e.present()
	if err != nil {
		return Who{}, err
	}
	w, err := i.presented(ctx, p, e)
	if err != nil {
		return Who{}, err
	}
	i.touch(ctx, w.Session)
	return w, nil
}

// present reads what the evidence shows.
func (e Evidence) present() (credential.Presented, error) {
	p, err := credential.FromHeader(http.Header{
		"Authorization": e.Authorization, "Macaroons": e.Macaroons, "Cookie": e.Cookies,
	})
	switch {
	case err != nil:
		err = noCredentials(err)
	case p.Kind == credential.KindPair && len(p.Slices[0]) < 2:
		err = noCredentials(nil) // half a pair; there are roots that hold alone, but not here
	}
	return p, err
}

func (i *Identity) presented(ctx context.Context, p credential.Presented, e Evidence) (Who, error) {
	switch p.Kind {
	case credential.KindPair:
		return i.byMacaroon(ctx, p.Slices[0], credential.U1Root, credential.AdminRoot)
	case credential.KindSlices:
		var err error
		for _, s := range p.Slices {
			var w Who
			if w, err = i.byMacaroon(ctx, s, credential.BakeryRoot); store.KindOf(err) != store.KindUnauthorised {
				return w, err
			}
		}
		return Who{}, err
	case credential.KindSingle:
		return i.byMacaroon(ctx, p.Slices[0], credential.Exchanged)
	case credential.KindBasic:
		return i.byBasic(ctx, p, e)
	}
	return Who{}, noCredentials(nil)
}

// noCredentials is all that a client learns of credentials that do not hold.
func noCredentials(cause error) error {
	err := store.Unauthorisedf(CodeNoCredentials, "valid credentials are needed").Try("log in first")
	if cause == nil {
		return err
	}
	return err.Because(cause)
}

// byMacaroon is who a macaroon with its discharges proves.
func (i *Identity) byMacaroon(ctx context.Context, s credential.Slice, purposes ...credential.Purpose) (Who, error) {
	v, verified := i.verify(ctx, s, purposes...)
	stale := store.CodeOf(verified) == credential.CodeNeedsRefresh
	if verified != nil && !stale {
		if store.KindOf(verified) == store.KindUnauthorised {
			return Who{}, noCredentials(verified)
		}
		return Who{}, verified
	}
	var w Who
	err := i.db.View(ctx, func(tx *db.Tx) (err error) {
		w, err = i.agreed(tx, v)
		return err
	})
	switch kind := store.KindOf(err); {
	case kind == store.KindNotFound || kind == store.KindUnauthorised:
		return Who{}, noCredentials(err)
	case err != nil:
		return Who{}, err
	case stale: // and nothing else is wrong with it
		return Who{}, store.Unauthorisedf(CodeNeedsRefresh, "the discharge has expired").Try("refresh it")
	}
	return w, nil
}

// verify checks signatures and caveats. A key that is not known may have been
// made by another node a moment ago.
func (i *Identity) verify(ctx context.Context, s credential.Slice, purposes ...credential.Purpose) (credential.Verified, error) {
	k, err := i.readKeys(ctx)
	if err != nil {
		return credential.Verified{}, err
	}
	if id, ours := credential.ReadIdentifier(s[0].ID()); ours {
		if _, known := k.ring.Find(id); !known {
			i.readAgain()
			if k, err = i.readKeys(ctx); err != nil {
				return credential.Verified{}, err
			}
		}
	}
	return k.ring.Verify(i.now(), s, purposes...)
}

// agreed compares what a macaroon says with the session's row and the account.
func (i *Identity) agreed(tx *db.Tx, v credential.Verified) (w Who, err error) {
	var s store.Session
	if v.Identity.IsZero() {
		s, err = tx.Session(v.Session)
	} else {
		s, err = tx.SessionOfCaveat(v.Identity.String())
	}
	if err != nil {
		return w, err
	}
	u, err := vouched(tx, s)
	if err != nil {
		return w, err
	}
	fits := false
	switch v.Purpose {
	case credential.U1Root, credential.AdminRoot:
		fits = s.Kind == KindDischarge && v.Account.OpenID == u.OpenID && v.LastAuth.Equal(s.LastAuth) ||
			s.Kind == KindAdmin && v.Identity.IsZero() && v.Subject == u.Account.ID && s.Client == u.Email
	case credential.BakeryRoot:
		fits = s.Kind == KindBakeryDischarge &&
			(v.Declared == credential.Declaration{Attribute: credential.DeclaredUsername, Value: u.Account.Username} ||
				v.Declared == credential.Declaration{Attribute: credential.DeclaredUserID, Value: u.Account.ID})
	case credential.Exchanged:
		fits = (s.Kind == KindExchanged || s.Kind == KindAPIToken || s.Kind == KindUploadToken) && v.Subject == u.Account.ID
	case credential.RegistryPassword:
		fits = s.Kind == KindImageUpload && v.Subject == u.Account.ID
	}
	if !fits {
		return w, errRow
	}
	w = Who{verified: v, User: u, Session: s, Limits: together(v.Limits), Expires: earlier(v.Expires, s.ValidUntil), LastAuth: s.LastAuth}
	w.Principal, err = principalOf(tx, u)
	w.Principal.Session, w.Principal.Expires = s.ID, w.Expires
	w.Principal.Limits = credential.Meanings(v.Limits)
	if s.Limits.Permissions != nil { // a discharge's row knows of none
		w.Principal.Limits = append(w.Principal.Limits, s.Limits.Limits())
	}
	if s.Kind == KindImageUpload && err == nil {
		err = limitToImages(tx, &w)
	}
	return w, err
}

var errRow = store.Unauthorisedf(CodeNoCredentials, "the session's row says otherwise")

// vouched returns the account of a session that counts now: neither revoked
// nor over, from a login that still stands, of an account that is active.
func vouched(tx *db.Tx, s store.Session) (store.User, error) {
	u, err := tx.User(s.AccountID)
	if err != nil {
		return u, err
	}
	switch {
	case !s.Active(tx.Now()):
		return u, store.Unauthorisedf(CodeNoCredentials, "the session is over")
	case u.State != store.UserActive:
		return u, store.Unauthorisedf(CodeNoCredentials, "the account is not active")
	case s.LastAuth.Before(u.SessionsValidAfter), s.LastAuth.Before(u.PasswordChangedAt):
		return u, store.Unauthorisedf(CodeNoCredentials, "the login of the session counts no more")
	}
	return u, nil
}

// principalOf is an account without any limit of a token.
func principalOf(tx *db.Tx, u store.User) (store.Principal, error) {
	p := store.Principal{Role: u.Role, Name: u.Account.ID, Account: u.Account.ID}
	if u.Role == store.RoleAdmin {
		p.Stores = []string{"*"}
		return p, nil
	}
	members, err := tx.Memberships(u.Account.ID)
	for _, m := range members {
		p.Stores = append(p.Stores, m.StoreID)
	}
	return p, err
}

// byBasic is who a name and a password prove, or a name and a token in the
// password's place.
func (i *Identity) byBasic(ctx context.Context, p credential.Presented, e Evidence) (Who, error) {
	if token, err := credential.ParseAuthorization("Bearer " + p.Password.Reveal()); err == nil && token.Kind == credential.KindSingle {
		w, err := i.byMacaroon(ctx, token.Slices[0], credential.Exchanged)
		if name := strings.ToLower(p.User); err == nil && name != w.User.Email && name != w.User.Account.Username {
			return Who{}, noCredentials(errRow)
		}
		return w, err
	}
	name := strings.ToLower(strings.TrimSpace(p.User))
	key := i.basic.key(name, p.Password)
	if had, ok := i.basic.get(key, i.now()); ok {
		if w, err := i.byBasicAgain(ctx, had); err == nil {
			return w, nil
		}
	}
	event, err := i.Login(ctx, Attempt{Login: name, Password: p.Password, Address: e.Address, UserAgent: e.UserAgent})
	switch code := store.CodeOf(err); {
	case err == nil:
	case code == CodeTooMany, store.KindOf(err) == store.KindInternal, store.KindOf(err) == store.KindUnavailable:
		return Who{}, err
	case code == CodeTwoFactorRequired:
		return Who{}, store.Unauthorisedf(CodeNoCredentials, "the account has a second factor").
			Try("make a token and use it in the password's place")
	default:
		return Who{}, noCredentials(err)
	}
	had := basicEntry{event.User.Account.ID, event.User.Password, event.At, i.now().Add(basicLife)}
	i.basic.put(key, had)
	return i.byBasicAgain(ctx, had)
}

// byBasicAgain is who a password proves that was right a moment ago, if nothing
// has changed since.
func (i *Identity) byBasicAgain(ctx context.Context, had basicEntry) (w Who, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) error {
		u, err := tx.User(had.accountID)
		if err != nil {
			return err
		}
		if u.Password != had.hash || u.State != store.UserActive || u.SecondFactor() || had.event.Before(u.SessionsValidAfter) {
			return noCredentials(nil)
		}
		w = Who{User: u, LastAuth: had.event}
		w.Principal, err = principalOf(tx, u)
		return err
	})
	return w, err
}

// touchEvery is how exactly it is known when a session was last used.
const touchEvery = time.Minute

// touch notes that a session was used. That it cannot be noted keeps nobody out.
func (i *Identity) touch(ctx context.Context, s store.Session) {
	if s.ID == "" || i.now().Sub(s.LastUsed) < touchEvery || !i.touched.due(s.ID, i.now()) {
		return
	}
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error { return tx.TouchSession(s.ID) })
	if err != nil {
		i.log.WarnContext(ctx, "cannot note the use of a session", "session", s.ID, "error", err)
	}
}
