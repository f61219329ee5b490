package catalog

import (
	"context"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// MemberWish is somebody and the roles to have in a store.
type MemberWish struct {
	Email string
	Roles []string // none ends a membership
}

// Limits of a store's members and invites, and of one request.
const (
	maxMembers      = 1000
	maxStoreInvites = 1000
	maxWishes       = 100
	storeInviteLife = 30 * 24 * time.Hour
)

// CodeNoSuchUser is the code of an address that no account has.
const CodeNoSuchUser = "store-users-no-match"

// SetMembers gives accounts their roles in a store, all or none. It needs
// PermStoreAdmin, and the role admin there; who has only the latter cannot leave
// the store without an administrator. Addresses that no account has fail together
// with the code store-users-no-match. No two accounts have the same address.
func (c *Catalog) SetMembers(ctx context.Context, who store.Principal, id string, wishes []MemberWish) ([]store.StoreMember, error) {
	if err := who.Need(store.PermStoreAdmin); err != nil {
		return nil, err
	}
	wishes, err := checkWishes(wishes)
	if err != nil {
		return nil, err
	}
	var members []store.StoreMember
	err = c.change(ctx, who, func(tx *db.Tx) error {
		if _, err := administered(tx, who, id); err != nil {
			return err
		}
		if err := setMembers(tx, id, wishes); err != nil {
			return err
		}
		if members, err = tx.StoreMembers(id); err != nil {
			return err
		}
		if len(members) > maxMembers {
			return store.TooLargef("too-many-members", "a store has at most %d members", maxMembers)
		}
		administers := func(m store.StoreMember) bool { return slices.Contains(m.Roles, store.StoreRoleAdmin) }
		if !slices.ContainsFunc(members, administers) && who.NeedIn(store.PermStoreAdmin, id, nil) != nil {
			return store.Conflictf("last-admin", "cannot leave the store %s without an administrator", id).
				Try("make somebody else one first")
		}
		return nil
	})
	return members, err
}

func setMembers(tx *db.Tx, id string, wishes []MemberWish) error {
	members, err := tx.StoreMembers(id)
	if err != nil {
		return err
	}
	var missing []*store.Error
	for _, wish := range wishes {
		u, err := verified(tx, wish.Email)
		if store.KindOf(err) == store.KindNotFound {
			missing = append(missing, store.Invalidf(CodeNoSuchUser, "no account has the address %s", wish.Email).With("email", wish.Email))
			continue
		}
		if err != nil {
			return err
		}
		i := slices.IndexFunc(members, func(m store.StoreMember) bool { return m.Account.ID == u.Account.ID })
		if i < 0 && len(wish.Roles) == 0 || i >= 0 && slices.Equal(members[i].Roles, wish.Roles) {
			continue
		}
		if err := tx.PutStoreMember(id, u.Account.ID, wish.Roles); err != nil {
			return err
		}
		tx.Record(store.StoreMemberPut, "store/"+id, map[string]any{"account": u.Account.ID, "roles": wish.Roles})
	}
	return store.Together(missing)
}

// verified finds the account whose address this is known to be: what belongs to an
// address does not go to whoever claims it.
func verified(tx *db.Tx, email string) (store.User, error) {
	u, err := tx.UserByEmail(email)
	if err == nil && !u.EmailVerified {
		err = store.NotFoundf("user-not-found", "the address is not verified")
	}
	return u, err
}

// checkWishes returns wishes with addresses and roles as they are kept.
func checkWishes(wishes []MemberWish) ([]MemberWish, error) {
	if len(wishes) == 0 {
		return nil, store.Invalidf("missing-field", "name at least one address").With("name", "email")
	}
	if len(wishes) > maxWishes {
		return nil, store.TooLargef("too-many-members", "cannot take more than %d addresses at once", maxWishes)
	}
	kept := make([]MemberWish, len(wishes))
	seen := make(map[string]bool)
	for i, wish := range wishes {
		email, err := address(wish.Email)
		if err != nil {
			return nil, err
		}
		if seen[email] {
			return nil, store.Invalidf(codeInvalidField, "the address %s is listed twice", email).With("name", "email")
		}
		seen[email] = true
		roles, err := store.CheckStoreRoles(wish.Roles)
		if err != nil {
			return nil, err
		}
		kept[i] = MemberWish{Email: email, Roles: roles}
	}
	return kept, nil
}

// InviteMembers invites addresses to a store, for 30 days. Whoever gets an account
// with one of them becomes a member; who has one already becomes it at once. It
// needs PermStoreAdmin, and the role admin there. It returns the store's invites.
func (c *Catalog) InviteMembers(ctx context.Context, who store.Principal, id string, wishes []MemberWish) ([]store.StoreInvite, error) {
	if err := who.Need(store.PermStoreAdmin); err != nil {
		return nil, err
	}
	wishes, err := checkWishes(wishes)
	if err != nil {
		return nil, err
	}
	for _, wish := range wishes {
		if len(wish.Roles) == 0 {
			return nil, store.Invalidf("missing-field", "say which roles %s is to have", wish.Email).With("name", "roles")
		}
	}
	return c.changeInvites(ctx, who, id, func(tx *db.Tx, _ []store.StoreInvite) error {
		for _, wish := range wishes {
			err := putInvite(tx, store.StoreInvite{
				StoreID: id, Email: wish.Email, Roles: wish.Roles, Status: store.InvitePending,
				CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(storeInviteLife),
			})
			if err != nil {
				return err
			}
			u, err := verified(tx, wish.Email)
			if store.KindOf(err) == store.KindNotFound {
				continue
			}
			if err != nil {
				return err
			}
			if err := tx.AcceptStoreInvites(u); err != nil {
				return err
			}
		}
		return nil
	})
}

// InviteAction is what to do with an invite.
type InviteAction struct {
	Email  string
	Action string // resend and open let it wait for another 30 days, revoke ends it
}

// ChangeInvites does something with invites, all or none. One that is not there
// fails with the code invite-not-found, one that was accepted with
// invite-accepted. It needs what InviteMembers needs, and returns the same.
func (c *Catalog) ChangeInvites(ctx context.Context, who store.Principal, id string, actions []InviteAction) ([]store.StoreInvite, error) {
	if len(actions) > maxWishes {
		return nil, store.TooLargef("too-many-invites", "cannot take more than %d addresses at once", maxWishes)
	}
	return c.changeInvites(ctx, who, id, func(tx *db.Tx, invites []store.StoreInvite) error {
		for _, action := range actions {
			email, err := address(action.Email)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(invites, func(i store.StoreInvite) bool { return i.Email == email })
			if i < 0 {
				return store.NotFoundf("invite-not-found", "nobody has invited %s to this store", email).With("email", email)
			}
			invite := invites[i]
			if invite.Status == store.InviteAccepted {
				return store.Conflictf("invite-accepted", "%s has accepted the invite already", email).
					Try("change the roles of the member")
			}
			switch action.Action {
			case "resend", "open":
				invite.Status, invite.ExpiresAt = store.InvitePending, tx.Now().Add(storeInviteLife)
			case "revoke":
				invite.Status = store.InviteRevoked
			default:
				return store.Invalidf(codeInvalidField, "%.40q is nothing to do with an invite", action.Action).
					Try("use resend, revoke or open").With("name", "action")
			}
			if err := putInvite(tx, invite); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *Catalog) changeInvites(ctx context.Context, who store.Principal, id string, f func(*db.Tx, []store.StoreInvite) error) ([]store.StoreInvite, error) {
	var invites []store.StoreInvite
	err := c.change(ctx, who, func(tx *db.Tx) error {
		if _, err := administered(tx, who, id); err != nil {
			return err
		}
		had, err := tx.StoreInvites(id)
		if err != nil {
			return err
		}
		if err := f(tx, had); err != nil {
			return err
		}
		if invites, err = tx.StoreInvites(id); err == nil && len(invites) > maxStoreInvites {
			err = store.TooLargef("too-many-invites", "a store has at most %d invites", maxStoreInvites)
		}
		return err
	})
	return invites, err
}

func putInvite(tx *db.Tx, invite store.StoreInvite) error {
	tx.Record(store.StoreInvitePut, "store/"+invite.StoreID, map[string]any{
		"email": invite.Email, "status": invite.Status, "roles": invite.Roles,
	})
	return tx.PutStoreInvite(invite)
}
