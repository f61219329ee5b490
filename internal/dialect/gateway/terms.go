package gateway

import (
	"context"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// Terms are what publishers have to agree to.
type Terms struct {
	URL   string // of their text; "" when there are none
	Since time.Time
}

// Agreed refuses accounts that have yet to agree to the terms. Clients compare
// the sentence.
func (t Terms) Agreed(u store.User) error {
	if t.URL == "" || !u.AgreedAt.IsZero() && !u.AgreedAt.Before(t.Since) {
		return nil
	}
	return store.Forbiddenf("user-not-ready", "Developer has not signed agreement.").
		With("url", t.URL).With("api", "agreement")
}

// Users finds the accounts that can log in; the code where there is none is
// "user-not-found".
type Users interface {
	User(ctx context.Context, accountID string) (store.User, error)
}

// Ready refuses accounts that have yet to agree to the operator's terms, as
// Gateway.Ready.
func Ready(users Users, terms func(context.Context) (Terms, error)) func(context.Context, store.Principal) error {
	return func(ctx context.Context, who store.Principal) error {
		t, err := terms(ctx)
		if err != nil || t.URL == "" {
			return err
		}
		u, err := users.User(ctx, who.Account)
		if err != nil {
			return err
		}
		return t.Agreed(u)
	}
}
