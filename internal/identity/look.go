package identity

import (
	"context"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Looked is an account as other services see it.
type Looked struct {
	User   store.User
	Groups []string
	Keys   []store.UserKey
}

// Look looks an account up by username. It needs PermAccountView, and for an
// account that is not one's own the role of an administrator: services ask
// with an agent's account, whose token says no more than that it may look.
func (i *Identity) Look(ctx context.Context, who Who, username string) (l Looked, err error) {
	if err := mayLook(who, username); err != nil {
		return l, err
	}
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		if l.User, err = tx.UserByUsername(username); err != nil {
			return err
		}
		l.Keys, err = tx.UserKeys(l.User.Account.ID)
		return err
	})
	if err != nil {
		return Looked{}, err
	}
	l.Groups, err = i.Groups(ctx, l.User)
	return l, err
}

// LookByEmail is Look for an e-mail address; nothing where there is no account.
func (i *Identity) LookByEmail(ctx context.Context, who Who, email string) ([]store.User, error) {
	if email != who.User.Email {
		if err := mayLook(who, ""); err != nil {
			return nil, err
		}
	}
	return i.UsersByEmail(ctx, []string{email})
}

func mayLook(who Who, username string) error {
	if err := who.Principal.Need(store.PermAccountView); err != nil {
		return err
	}
	if username == who.User.Account.Username {
		return nil
	}
	return store.Principal{Role: who.User.Role, Name: who.Principal.Name}.Need(store.PermAccount)
}

// VerifySlice says who a root and its discharge prove, for the service that was
// shown them.
func (i *Identity) VerifySlice(ctx context.Context, shown, asker Evidence) (Who, error) {
	guess := checks{addressCheck(asker.Address)}
	if err := i.mayTry(ctx, guess); err != nil {
		return Who{}, err
	}
	w, err := i.Whoami(ctx, shown)
	if store.KindOf(err) == store.KindUnauthorised {
		i.note(ctx, guess)
		return Who{}, store.Forbiddenf("macaroons-invalid", "the macaroons prove nothing").Because(err)
	}
	return w, err
}
