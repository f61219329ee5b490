package catalog

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// inviteLife is how long an invite can be accepted, as in the public store.
const inviteLife = 30 * 24 * time.Hour

// Bounds of invites.
const (
	maxInvitesAtOnce = 50
	maxOpenInvites   = 100 // of a package
)

// Invited is an invite and what the invited shows to accept it. The token is
// nowhere else: the database has its hash.
type Invited struct {
	Email string
	Token string
}

// InviteState is an invite and who did what with it.
type InviteState struct {
	store.Invite
	CreatedBy, AcceptedBy, RevokedBy Person
}

// Invites lists every invite to collaborate on a package, oldest first, those
// that were answered included. It needs PermSeeACL.
func (c *Catalog) Invites(ctx context.Context, who store.Principal, ns store.Namespace, name string) ([]InviteState, error) {
	var list []InviteState
	err := c.db.View(ctx, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermSeeACL, ns, name)
		if err != nil {
			return err
		}
		invites, err := tx.Invites(pkg.ID)
		if err != nil {
			return err
		}
		people := persons{tx: tx}
		list = make([]InviteState, len(invites))
		for i, invite := range invites {
			list[i].Invite = invite
			for _, by := range []struct {
				id   string
				into *Person
			}{
				{invite.CreatedBy, &list[i].CreatedBy}, {invite.AcceptedBy, &list[i].AcceptedBy}, {invite.RevokedBy, &list[i].RevokedBy},
			} {
				if *by.into, err = people.of(by.id); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return list, err
}

// Invite asks the holders of addresses to collaborate on a package. An address
// that was asked before and has not answered gets a new token in place of the
// old. It needs PermACL.
func (c *Catalog) Invite(ctx context.Context, who store.Principal, ns store.Namespace, name string, emails []string) ([]Invited, error) {
	if err := who.Need(store.PermACL); err != nil {
		return nil, err
	}
	emails, err := addresses(emails)
	if err != nil {
		return nil, err
	}
	var made []Invited
	err = c.change(ctx, who, func(tx *db.Tx) error {
		made = nil
		pkg, err := mine(tx, who, store.PermACL, ns, name)
		if err != nil {
			return err
		}
		invites, err := tx.Invites(pkg.ID)
		if err != nil {
			return err
		}
		for _, email := range emails {
			if err := joinable(tx, pkg, email); err != nil {
				return err
			}
			if invites, err = revokeOpen(tx, who, invites, email); err != nil {
				return err
			}
			token := rand.Text() + rand.Text()
			invite := store.Invite{
				Token: hashOf(token), PackageID: pkg.ID, Email: email, CreatedAt: tx.Now(), CreatedBy: accountOrName(who),
				ExpiresAt: tx.Now().Add(inviteLife),
			}
			if err := tx.PutInvite(invite); err != nil {
				return err
			}
			tx.Record(store.InvitePut, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "email": email, "state": "invited"})
			invites = append(invites, invite)
			made = append(made, Invited{Email: email, Token: token})
		}
		open := 0
		for _, invite := range invites {
			if invite.Open(tx.Now()) {
				open++
			}
		}
		if open > maxOpenInvites {
			return store.Conflictf("too-many-invites", "%s has more than %d invites that nobody has answered", name, maxOpenInvites).
				Try("revoke some of them first")
		}
		return nil
	})
	return made, err
}

// addresses are e-mail addresses as they are kept, each once.
func addresses(emails []string) ([]string, error) {
	if len(emails) == 0 {
		return nil, store.Invalidf("missing-field", "name the addresses under invites").With("name", "invites")
	}
	if len(emails) > maxInvitesAtOnce {
		return nil, store.TooLargef("too-many-invites", "cannot take more than %d addresses at once", maxInvitesAtOnce)
	}
	var list []string
	seen := make(map[string]bool)
	for _, email := range emails {
		email, err := address(email)
		if err != nil {
			return nil, err
		}
		if !seen[email] {
			seen[email] = true
			list = append(list, email)
		}
	}
	return list, nil
}

// joinable fails when whoever has the address publishes the package already.
func joinable(tx *db.Tx, pkg *store.Package, email string) error {
	u, err := tx.UserByEmail(email)
	switch {
	case store.KindOf(err) == store.KindNotFound:
		return nil // the account may come later
	case err != nil:
		return err
	}
	for _, id := range append([]string{pkg.PublisherID}, pkg.Collaborators...) {
		if id == u.Account.ID {
			return store.Conflictf("already-collaborator", "%s publishes %s already", email, pkg.Name).With("email", email)
		}
	}
	return nil
}

// revokeOpen revokes an address's invites that can still be accepted, and
// returns all as they are then.
func revokeOpen(tx *db.Tx, who store.Principal, invites []store.Invite, email string) ([]store.Invite, error) {
	for i := range invites {
		if invites[i].Email == email && invites[i].Open(tx.Now()) {
			if err := revoke(tx, who, &invites[i]); err != nil {
				return nil, err
			}
		}
	}
	return invites, nil
}

func revoke(tx *db.Tx, who store.Principal, invite *store.Invite) error {
	invite.RevokedAt, invite.RevokedBy = tx.Now(), accountOrName(who)
	tx.Record(store.InvitePut, "package/"+invite.PackageID, map[string]any{"email": invite.Email, "state": "revoked"})
	return tx.PutInvite(*invite)
}

// RevokeInvites takes invites back. Those that were accepted end with the
// collaboration that came of them. An address without either fails all, with the
// code invite-not-found. It needs PermACL.
func (c *Catalog) RevokeInvites(ctx context.Context, who store.Principal, ns store.Namespace, name string, emails []string) error {
	if err := who.Need(store.PermACL); err != nil {
		return err
	}
	emails, err := addresses(emails)
	if err != nil {
		return err
	}
	return c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermACL, ns, name)
		if err != nil {
			return err
		}
		invites, err := tx.Invites(pkg.ID)
		if err != nil {
			return err
		}
		for _, email := range emails {
			found, err := leave(tx, pkg, email)
			if err != nil {
				return err
			}
			for i := range invites {
				invite := &invites[i]
				if invite.Email != email || !invite.RevokedAt.IsZero() || (invite.AcceptedAt.IsZero() && !invite.Open(tx.Now())) {
					continue
				}
				found = true
				if err := revoke(tx, who, invite); err != nil {
					return err
				}
			}
			if !found {
				return store.NotFoundf("invite-not-found", "%s is not invited to %s", email, name).With("email", email)
			}
		}
		return nil
	})
}

// AcceptInvite makes the account that asks a collaborator. The invite must be to
// this package and to the account's own address. It needs PermACL, on none of
// the packages that the account has: a token for other packages only, or an
// account that may not publish, cannot accept.
func (c *Catalog) AcceptInvite(ctx context.Context, who store.Principal, ns store.Namespace, name, token string) error {
	return c.answerInvite(ctx, who, ns, name, token, func(tx *db.Tx, pkg *store.Package, u store.User, invite store.Invite) error {
		if err := join(tx, pkg, u, store.Principal{Account: invite.CreatedBy}); err != nil {
			return err
		}
		invite.AcceptedAt, invite.AcceptedBy = tx.Now(), u.Account.ID
		tx.Record(store.InvitePut, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "email": invite.Email, "state": "accepted"})
		return tx.PutInvite(invite)
	})
}

// RejectInvite declines, on the terms of AcceptInvite.
func (c *Catalog) RejectInvite(ctx context.Context, who store.Principal, ns store.Namespace, name, token string) error {
	return c.answerInvite(ctx, who, ns, name, token, func(tx *db.Tx, pkg *store.Package, _ store.User, invite store.Invite) error {
		return revoke(tx, who, &invite)
	})
}

func (c *Catalog) answerInvite(ctx context.Context, who store.Principal, ns store.Namespace, name, token string,
	do func(*db.Tx, *store.Package, store.User, store.Invite) error,
) error {
	if err := who.Need(store.PermACL); err != nil {
		return err
	}
	if who.Account == "" {
		return store.Forbiddenf("account-required", "only the invited account can answer an invite")
	}
	return c.change(ctx, who, func(tx *db.Tx) error {
		pkg, u, invite, err := invitation(tx, who, ns, name, token)
		if err != nil {
			return err
		}
		if !invite.Open(tx.Now()) {
			return store.Conflictf("invite-ended", "the invite to %s has expired or was answered or revoked", pkg.Name).
				Try("ask for another one")
		}
		return do(tx, pkg, u, invite)
	})
}

// invitation finds the invite behind a token. Whoever is not its addressee
// learns neither that it exists nor that the package does.
func invitation(tx *db.Tx, who store.Principal, ns store.Namespace, name, token string) (*store.Package, store.User, store.Invite, error) {
	unknown := store.NotFoundf("invite-not-found", "there is no such invite for this account").
		Try("log in with the address that was invited")
	invite, err := tx.Invite(hashOf(token))
	if store.KindOf(err) == store.KindNotFound {
		return nil, store.User{}, invite, unknown
	}
	if err != nil {
		return nil, store.User{}, invite, err
	}
	u, err := tx.User(who.Account)
	if err != nil {
		return nil, u, invite, err
	}
	pkg, err := tx.Package(invite.PackageID)
	if err != nil {
		return nil, u, invite, err
	}
	if u.Email != invite.Email || pkg.Namespace != ns || pkg.Name != name {
		return nil, u, invite, unknown
	}
	guest := *pkg
	guest.Collaborators = []string{who.Account}
	return pkg, u, invite, who.NeedOn(store.PermSeeACL, &guest)
}

// hashOf is what the database holds of a secret that has entropy enough to need
// no salt.
func hashOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
