package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// linkLife is how long a one-time link may be used.
const linkLife = 48 * time.Hour

// maxPassword bounds what is hashed, bytes.
const maxPassword = 1024

// checkPassword holds a new password to the rules. Clients show the reason.
func checkPassword(password Secret, u store.User) error {
	err := store.CheckPassword(password.Reveal(), u.Account.Username, u.Email)
	var e *store.Error
	if errors.As(err, &e) {
		return e.With("reason", e.Message)
	}
	return err
}

// errPolicy is why a right password does not do.
func errPolicy(why string) *store.Error {
	return store.Forbiddenf(CodePasswordPolicy, "%s", why).With("reason", why)
}

// SetPassword gives an account another password and ends its sessions; state
// reset is over. It needs PermAccount; whoever knows the old password uses
// ChangePassword.
func (i *Identity) SetPassword(ctx context.Context, who store.Principal, accountID string, password Secret) (store.User, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return store.User{}, err
	}
	return i.setPassword(ctx, who.Name, accountID, password, "password", nil)
}

// ChangePassword gives whoever knows the old password (and code, where there
// is a second factor) another one, and ends the account's sessions. Not of an
// account with state reset: who has the old password there may be whom the
// operator wants to keep out.
func (i *Identity) ChangePassword(ctx context.Context, a Attempt, password Secret) (store.User, error) {
	e, err := i.Login(ctx, a)
	if err != nil {
		return store.User{}, err
	}
	if password.Equal(a.Password) {
		return store.User{}, errPolicy("the password is the old one")
	}
	return i.setPassword(ctx, e.User.Account.ID, e.User.Account.ID, password, "password", func(_ *db.Tx, u store.User) error {
		if u.Password != e.User.Password || u.State != store.UserActive {
			return errCredentials // changed meanwhile
		}
		return nil
	})
}

// setPassword replaces a password where allowed, asked in the transaction,
// agrees; nil always does.
func (i *Identity) setPassword(ctx context.Context, actor, accountID string, password Secret, what string, allowed func(*db.Tx, store.User) error) (store.User, error) {
	u, err := i.User(ctx, accountID)
	if err != nil {
		return u, err
	}
	if err := checkPassword(password, u); err != nil {
		return store.User{}, err
	}
	hash, err := i.hasher.hash(ctx, password)
	if err != nil {
		return store.User{}, err
	}
	return i.change(ctx, store.Principal{Name: actor}, accountID, what, func(tx *db.Tx, u *store.User) error {
		if allowed != nil {
			if err := allowed(tx, *u); err != nil {
				return err
			}
		}
		u.Password, u.PasswordChangedAt, u.SessionsValidAfter = hash, tx.Now(), tx.Now()
		if u.State == store.UserReset {
			u.State = store.UserActive
		}
		return nil
	})
}

// Reset makes an account choose a new password: it ends its sessions, lets
// nobody log in, and returns the token of a one-time link with which its owner
// goes on (see RedeemReset). An earlier link is worth nothing then. It needs
// PermAccount.
func (i *Identity) Reset(ctx context.Context, who store.Principal, accountID string) (link Secret, err error) {
	if err := who.Need(store.PermAccount); err != nil {
		return Secret{}, err
	}
	_, err = i.change(ctx, who, accountID, "reset", func(tx *db.Tx, u *store.User) error {
		if u.State == store.UserDisabled {
			return store.Conflictf(CodeSuspended, "the account is disabled").Try("enable it first")
		}
		u.State = store.UserReset
		u.SessionsValidAfter = tx.Now()
		link, err = putLink(tx, *u)
		return err
	})
	return link, err
}

// putLink makes the token of a one-time link: the account's id, a dot and a
// random secret, of which only the hash is kept.
func putLink(tx *db.Tx, u store.User) (Secret, error) {
	secret := randomText(32)
	err := tx.PutNonce(hashText(secret), linkPurpose(u), tx.Now().Add(linkLife))
	return NewSecret(u.Account.ID + "." + secret), err
}

// linkPurpose binds a link to what the account was when it was made: any
// change of the password, or another link, ends it.
func linkPurpose(u store.User) string {
	return "password-link " + u.Account.ID + " " + strconv.FormatInt(u.SessionsValidAfter.UnixMicro(), 10) +
		" " + hashText(u.Password)
}

// hashText is what is kept of a random secret. It needs no salt: it cannot be
// guessed.
func hashText(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

var errLink = store.Forbiddenf(CodeLinkUsed, "the link was used already or has expired").
	Try("ask the operator of the store for another one")

// RedeemReset gives the account of a one-time link a new password. Of any
// number of uses, on any number of nodes, one succeeds. Guesses are counted
// against the address.
func (i *Identity) RedeemReset(ctx context.Context, link, password Secret, address string) (store.User, error) {
	accountID, secret, _ := strings.Cut(link.Reveal(), ".")
	if accountID == "" || len(secret) != 43 || len(accountID) > 64 {
		return store.User{}, errLink
	}
	guess := checks{addressCheck(address)}
	if err := i.charge(ctx, guess); err != nil {
		return store.User{}, err
	}
	// Not before the link is known to be good: whoever has none must not learn from
	// what is said of the password whether there is the account, or its address.
	u, err := i.linked(ctx, accountID, secret)
	if err != nil {
		return u, err
	}
	u, err = i.setPassword(ctx, accountID, accountID, password, "password by link", func(tx *db.Tx, u store.User) error {
		good, err := tx.UseNonce(hashText(secret), linkPurpose(u))
		if err == nil && (!good || u.State == store.UserDisabled) {
			err = errLink
		}
		return err
	})
	if err == nil || store.CodeOf(err) == CodePasswordPolicy {
		i.refund(ctx, guess)
	}
	return u, err
}

// linked returns the account that a one-time link with this secret is good for
// now, and leaves the link as it is.
func (i *Identity) linked(ctx context.Context, accountID, secret string) (u store.User, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) error {
		if u, err = tx.User(accountID); err != nil {
			return err
		}
		good, err := tx.NonceGood(hashText(secret), linkPurpose(u))
		if err == nil && (!good || u.State == store.UserDisabled) {
			err = errLink
		}
		return err
	})
	if store.KindOf(err) == store.KindNotFound {
		err = errLink
	}
	if err != nil {
		return store.User{}, err
	}
	return u, nil
}
