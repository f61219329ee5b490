package catalog

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Person is an account as those see it who work with it.
type Person struct {
	store.Account
	Email string `json:"email,omitempty"` // empty for accounts that cannot log in
}

// Collaboration is somebody who publishes another's package, too.
type Collaboration struct {
	Account   Person    `json:"account"`
	CreatedAt time.Time `json:"created-at"`
	CreatedBy Person    `json:"created-by"`
	UpdatedAt time.Time `json:"updated-at,omitzero"`
}

// Team is who publishes a package.
type Team struct {
	Publisher     Person          `json:"publisher"`
	Collaborators []Collaboration `json:"collaborators"`
}

// maxCollaborators bounds a package's team.
const maxCollaborators = 200

// Team tells who publishes a package. It needs PermSeeACL.
func (c *Catalog) Team(ctx context.Context, who store.Principal, ns store.Namespace, name string) (Team, error) {
	var team Team
	err := c.db.View(ctx, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermSeeACL, ns, name)
		if err != nil {
			return err
		}
		people := persons{tx: tx}
		if team.Publisher, err = people.of(pkg.PublisherID); err != nil {
			return err
		}
		list, err := tx.Collaborators(pkg.ID)
		if err != nil {
			return err
		}
		team.Collaborators = make([]Collaboration, len(list))
		for i, one := range list {
			at := &team.Collaborators[i]
			at.CreatedAt, at.UpdatedAt = one.CreatedAt, one.UpdatedAt
			if at.Account, err = people.of(one.Account.ID); err != nil {
				return err
			}
			if at.CreatedBy, err = people.of(one.CreatedBy); err != nil {
				return err
			}
		}
		return nil
	})
	return team, err
}

// AddCollaborator lets the account with this address publish a package, without
// an invite. One that does already stays. It needs PermManage.
func (c *Catalog) AddCollaborator(ctx context.Context, who store.Principal, ns store.Namespace, name, email string) error {
	if err := who.Need(store.PermManage); err != nil {
		return err
	}
	return c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := tx.PackageByName(ns, name)
		if err != nil {
			return err
		}
		u, err := tx.UserByEmail(email)
		if store.KindOf(err) == store.KindNotFound {
			return store.NotFoundf("user-not-found", "cannot add a collaborator to %s: no account has the address %.254q", name, email).
				Try("make it one with larder account create, or invite the address")
		}
		if err != nil {
			return err
		}
		return join(tx, pkg, u, who)
	})
}

// join makes somebody a collaborator who is none.
func join(tx *db.Tx, pkg *store.Package, u store.User, by store.Principal) error {
	switch {
	case u.Account.ID == pkg.PublisherID:
		return store.Conflictf("already-owned", "%s publishes %s already", u.Account.Username, pkg.Name)
	case slices.Contains(pkg.Collaborators, u.Account.ID):
		return nil
	case len(pkg.Collaborators) >= maxCollaborators:
		return store.Conflictf("too-many-collaborators", "%s has %d collaborators already, which is the most", pkg.Name, maxCollaborators)
	}
	err := tx.PutCollaborator(store.Collaborator{
		PackageID: pkg.ID, Account: u.Account, CreatedAt: tx.Now(), CreatedBy: accountOrName(by),
	})
	if err != nil {
		return err
	}
	tx.Record(store.CollaboratorPut, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "account": u.Account.ID})
	return nil
}

// RemoveCollaborator ends a collaboration. It needs PermACL.
func (c *Catalog) RemoveCollaborator(ctx context.Context, who store.Principal, ns store.Namespace, name, email string) error {
	return c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermACL, ns, name)
		if err != nil {
			return err
		}
		gone, err := leave(tx, pkg, email)
		if err == nil && !gone {
			err = store.NotFoundf("collaborator-not-found", "%.254q does not collaborate on %s", email, name)
		}
		return err
	})
}

// leave ends the collaboration of whoever has this address, and reports whether
// there was one.
func leave(tx *db.Tx, pkg *store.Package, email string) (bool, error) {
	u, err := tx.UserByEmail(email)
	if store.KindOf(err) == store.KindNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	existed, err := tx.RemoveCollaborator(pkg.ID, u.Account.ID)
	if existed {
		tx.Record(store.CollaboratorGone, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "account": u.Account.ID})
	}
	return existed, err
}

// accountOrName is whom a row says it is by.
func accountOrName(p store.Principal) string { return cmp.Or(p.Account, p.Name) }

// persons looks accounts up, each once.
type persons struct {
	tx   *db.Tx
	seen map[string]Person
}

// of returns an account by what a row names it by. What is no account, such as
// an operator on the host, has only that name.
func (p *persons) of(id string) (Person, error) {
	if one, ok := p.seen[id]; ok || id == "" {
		return one, nil
	}
	one := Person{Account: store.Account{ID: id, Username: id, DisplayName: id}}
	u, err := p.tx.User(id)
	switch {
	case err == nil:
		one = Person{Account: u.Account, Email: u.Email}
	case store.KindOf(err) != store.KindNotFound:
		return one, err
	default:
		a, err := p.tx.Account(id)
		if err == nil {
			one.Account = a
		} else if store.KindOf(err) != store.KindNotFound {
			return one, err
		}
	}
	if p.seen == nil {
		p.seen = make(map[string]Person)
	}
	p.seen[id] = one
	return one, nil
}

// address is how addresses are kept and compared.
func address(email string) (string, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	if err := store.ValidEmail(email); err != nil {
		return "", store.Invalidf(codeInvalidField, "%.100q is no e-mail address", email).With("name", "email")
	}
	return email, nil
}
