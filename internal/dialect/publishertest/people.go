package publishertest

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// People is an identity provider whose tokens are names.
type People struct {
	Users      map[string]store.User
	Principals map[string]store.Principal // by token
}

// Authenticate takes the token of an Authorization header of whatever scheme.
func (p *People) Authenticate(_ context.Context, e identity.Evidence) (store.Principal, error) {
	if len(e.Authorization) == 1 {
		if _, token, ok := strings.Cut(e.Authorization[0], " "); ok {
			if who, known := p.Principals[token]; known {
				return who, nil
			}
		}
	}
	return store.Principal{}, store.Unauthorisedf(identity.CodeNoCredentials, "log in first")
}

// User finds a person by account id.
func (p *People) User(_ context.Context, id string) (store.User, error) {
	if u, ok := p.Users[id]; ok {
		return u, nil
	}
	return store.User{}, store.NotFoundf("user-not-found", "no such account can log in")
}

// UsersByEmail finds people by their addresses.
func (p *People) UsersByEmail(_ context.Context, emails []string) (found []store.User, err error) {
	for _, u := range p.Users {
		if slices.Contains(emails, u.Email) {
			found = append(found, u)
		}
	}
	return found, nil
}

// Agree notes that somebody has accepted the terms.
func (p *People) Agree(_ context.Context, who store.Principal) (store.User, error) {
	u := p.Users[who.Account]
	u.AgreedAt = time.Now()
	p.Users[who.Account] = u
	return u, nil
}

// Rename gives somebody another username.
func (p *People) Rename(_ context.Context, who store.Principal, username string) (store.User, error) {
	u := p.Users[who.Account]
	u.Account.Username = username
	p.Users[who.Account] = u
	return u, nil
}
