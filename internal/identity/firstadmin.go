package identity

import (
	"context"
	"crypto/rand"
	"net/url"
	"strings"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// FirstAdmin is the administrator of a new store. It chooses its password with
// the link.
type FirstAdmin struct {
	User store.User
	Link Secret // for RedeemReset
}

// SetupPath is where the page is that a one-time link leads to.
const SetupPath = "/identity/setup"

// SetupURL is a one-time link as a person opens it. The base is the store's
// URL.
func SetupURL(base string, link Secret) Secret {
	return NewSecret(strings.TrimSuffix(base, "/") + SetupPath + "?token=" + url.QueryEscape(link.Reveal()))
}

// Who the first administrator is.
const (
	firstUsername = "admin"
	firstEmail    = "admin@localhost"
)

// EnsureAdmin makes the first administrator, unless there is one, active or
// about to choose its password: then it returns nil. Of several nodes that
// start at once one makes it. A store whose root is still to be made signs who
// it is later, see Sign. It needs PermAccount.
func (i *Identity) EnsureAdmin(ctx context.Context, who store.Principal) (*FirstAdmin, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return nil, err
	}
	if has, err := i.hasAdmin(ctx); err != nil || has {
		return nil, err
	}
	var made *FirstAdmin
	_, err := i.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		made = nil
		if has, err := hasAdmin(tx); err != nil || has {
			return err
		}
		u, err := tx.UserByEmail(firstEmail)
		switch {
		case err == nil:
			return nil // it was taken from office: who did so knows why
		case store.KindOf(err) != store.KindNotFound:
			return err
		}
		u = store.User{
			Email: firstEmail, OpenID: randomText(16), Role: store.RoleAdmin, State: store.UserReset,
			PasswordChangedAt: tx.Now(), SessionsValidAfter: tx.Now(), CreatedAt: tx.Now(),
		}
		u.Account = store.Account{
			ID: store.NewID(rand.Reader), Username: firstUsername, DisplayName: "Administrator", Validation: "unproven",
			CreatedAt: tx.Now(),
		}
		if err := tx.PutUser(u); store.CodeOf(err) == "username-taken" {
			return nil // somebody else is called so: the operator makes an administrator by hand
		} else if err != nil {
			return err
		}
		record(tx, u, "created")
		link, err := putLink(tx, u)
		if err != nil {
			return err
		}
		made = &FirstAdmin{User: u, Link: link}
		return i.sign(tx, u.Account)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

func (i *Identity) hasAdmin(ctx context.Context) (has bool, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		has, err = hasAdmin(tx)
		return err
	})
	return has, err
}

func hasAdmin(tx *db.Tx) (bool, error) {
	for _, state := range []store.UserState{store.UserActive, store.UserReset} {
		if n, err := tx.CountUsers(store.RoleAdmin, state); err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil
}
