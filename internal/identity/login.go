package identity

import (
	"context"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Attempt is a try to log in with a password.
type Attempt struct {
	Login     string // e-mail address or username
	Password  Secret
	OTP       Secret // code of the second factor, or a recovery code; may be empty
	Address   string // of the client, without its port
	UserAgent string
}

// The ways to prove who one is.
const (
	MethodPassword = "password"
	MethodAgent    = "agent"
	MethodOIDC     = "oidc"
)

// AuthEvent says that somebody has just proven to be an account. Nothing else
// makes tokens.
type AuthEvent struct {
	User         store.User
	Method       string
	SecondFactor bool
	At           time.Time
	Address      string
	UserAgent    string
}

// Principal is the account that has just logged in, without a token.
func (e AuthEvent) Principal() store.Principal {
	return store.Principal{Role: e.User.Role, Name: e.User.Account.ID, Account: e.User.Account.ID}
}

// Login checks a password, then the code of the second factor, and only then
// tells of the account's state. It fails with one of the codes of logins.
//
// An account that does not exist and a wrong password fail alike and take
// alike long. Failures are counted per account, per address and altogether,
// and each further one must wait longer.
func (i *Identity) Login(ctx context.Context, a Attempt) (AuthEvent, error) {
	l := &login{Attempt: a, name: strings.ToLower(strings.TrimSpace(a.Login))}
	if err := l.check(); err != nil {
		return AuthEvent{}, err
	}
	if err := i.alone(ctx, func() error { return i.begin(ctx, l) }); err != nil {
		return AuthEvent{}, err
	}
	right, err := i.hasher.matches(ctx, a.Password, l.user.Password)
	if err != nil {
		i.refund(context.WithoutCancel(ctx), l.counted) // it was not checked
		return AuthEvent{}, err
	}
	rehashed := ""
	if right && i.hasher.stale(l.user.Password) {
		if rehashed, err = i.hasher.hash(ctx, a.Password); err != nil {
			rehashed = "" // the next login tries again
		}
	}
	var e AuthEvent
	err = i.alone(ctx, func() (err error) {
		e, err = i.settle(ctx, l, right, rehashed)
		return err
	})
	return e, err
}

const maxOTP = 64 // bytes

// login is an attempt on its way.
type login struct {
	Attempt
	name    string // normal form
	user    store.User
	exists  bool
	counted checks // what was charged
	failure check  // of these, the one for the account
}

// check refuses what nobody can have typed.
func (l *login) check() error {
	switch {
	case l.name == "" || len(l.name) > maxEmail:
		return invalidData("email", "this field is required")
	case l.Password.IsZero() || len(l.Password.Reveal()) > maxPassword:
		return invalidData("password", "this field is required")
	case len(l.OTP.Reveal()) > maxOTP:
		return invalidData("otp", "this field is too long")
	}
	return nil
}

// begin finds the account and counts the attempt.
func (i *Identity) begin(ctx context.Context, l *login) error {
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) (err error) {
		l.user, err = find(tx, l.name)
		l.exists = err == nil
		if err != nil && store.KindOf(err) != store.KindNotFound {
			return err
		}
		known := knownCheck(l.name, l.Address)
		before, err := tx.Attempts(known.key)
		if err != nil {
			return err
		}
		if l.exists && !before.LastAt.IsZero() && tx.Now().Sub(before.LastAt) < keepKnown {
			l.failure = known
			l.counted = checks{known, addressCheck(l.Address)}
		} else {
			l.failure = accountCheck(l.name)
			l.counted = checks{l.failure, addressCheck(l.Address), globalCheck}
		}
		_, err = charge(tx, l.counted)
		return err
	})
	return err
}

// settle decides, in one transaction, so that a code is used up once and what
// changed meanwhile counts.
func (i *Identity) settle(ctx context.Context, l *login, right bool, rehashed string) (AuthEvent, error) {
	var e AuthEvent
	var refusal error
	actor := actorIdentity
	if right {
		actor = l.user.Account.ID
	}
	_, err := i.db.Update(ctx, actor, func(tx *db.Tx) error {
		e, refusal = AuthEvent{}, nil
		u, err := tx.User(l.user.Account.ID)
		switch {
		case store.KindOf(err) == store.KindNotFound:
		case err != nil:
			return err
		}
		if !right || err != nil || u.Password != l.user.Password {
			refusal = errCredentials
			l.recordFailure(tx, CodeInvalidCredentials)
			return nil
		}
		refusal, err = i.checkCode(tx, &u, l)
		switch {
		case err != nil:
			return err
		case store.CodeOf(refusal) == CodeTwoFactorFailure:
			l.recordFailure(tx, CodeTwoFactorFailure)
			return nil
		case refusal != nil:
			return refund(tx, l.counted) // nothing was guessed
		}
		if refusal = stateOf(u); refusal != nil {
			l.recordFailure(tx, store.CodeOf(refusal))
			return refund(tx, l.counted)
		}
		if rehashed != "" {
			u.Password = rehashed
			if err := tx.PutUser(u); err != nil {
				return err
			}
			record(tx, u, "password hashed anew")
		}
		if err := l.forgive(tx); err != nil {
			return err
		}
		e = AuthEvent{
			User: u, Method: MethodPassword, SecondFactor: u.SecondFactor(), At: later(tx.Now(), u.SessionsValidAfter),
			Address: l.Address, UserAgent: l.UserAgent,
		}
		e.record(tx)
		return nil
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return AuthEvent{}, err
	}
	return e, nil
}

// stateOf says whether an account may log in.
func stateOf(u store.User) error {
	switch u.State {
	case store.UserActive:
		return nil
	case store.UserReset:
		return errPolicy("a new password must be set first").
			Try("use the link that the operator of the store has given you")
	}
	return store.Forbiddenf(CodeSuspended, "the account is suspended").Try("ask the operator of the store")
}

// forgive ends the counting for an account that has logged in, and remembers
// its address. The address's own failures stay: somebody else may share it.
func (l *login) forgive(tx *db.Tx) error {
	if err := clear(tx, l.failure); err != nil {
		return err
	}
	if err := clear(tx, knownCheck(l.name, l.Address)); err != nil {
		return err
	}
	return refund(tx, l.counted[1:])
}

func (l *login) recordFailure(tx *db.Tx, code string) {
	subject := "unknown" // what was typed may be anything, a password too
	if l.exists {
		subject = l.user.Account.ID
	}
	tx.Record(store.LoginFailed, "account/"+subject, map[string]any{
		"reason": code, "address": l.Address, "client": clip(l.UserAgent),
	})
}

// record notes a login.
func (e AuthEvent) record(tx *db.Tx) {
	tx.Record(store.LoginSucceeded, "account/"+e.User.Account.ID, map[string]any{
		"method": e.Method, "second-factor": e.SecondFactor, "address": e.Address, "client": clip(e.UserAgent),
	})
}

// Proven says that somebody has just proven to be an account in a way that was
// checked elsewhere: with a key, or at an OpenID provider. The account's state
// counts here as well.
func (i *Identity) Proven(ctx context.Context, accountID, method, address, userAgent string) (AuthEvent, error) {
	var e AuthEvent
	var refusal error
	_, err := i.db.Update(ctx, accountID, func(tx *db.Tx) error {
		e, refusal = AuthEvent{}, nil
		u, err := tx.User(accountID)
		if err != nil {
			return err
		}
		l := login{Attempt: Attempt{Address: address, UserAgent: userAgent}, user: u, exists: true}
		if refusal = stateOf(u); refusal != nil {
			l.recordFailure(tx, store.CodeOf(refusal))
			return nil
		}
		e = AuthEvent{User: u, Method: method, At: later(tx.Now(), u.SessionsValidAfter), Address: address, UserAgent: userAgent}
		e.record(tx)
		return nil
	})
	if err == nil {
		err = refusal
	}
	if err != nil {
		return AuthEvent{}, err
	}
	return e, nil
}

// clip bounds what a client says of itself.
func clip(s string) string {
	const most = 200
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s), "")
}
