package db

import (
	"slices"

	"github.com/larder-store/larder/internal/store"
)

// AcceptStoreInvites makes an account a member of the stores that its address was
// invited to, if the address is known to be its own. Whoever makes an account, or
// verifies its address, calls it in the same transaction. It records what it does.
func (tx *Tx) AcceptStoreInvites(u store.User) (err error) {
	defer wrap(&err, "accept the invites of an account")
	if !u.EmailVerified {
		return nil
	}
	invites, err := tx.StoreInvitesOf(u.Email)
	if err != nil || len(invites) == 0 {
		return err
	}
	memberships, err := tx.Memberships(u.Account.ID)
	if err != nil {
		return err
	}
	for _, invite := range invites {
		roles := slices.Clone(invite.Roles)
		for _, m := range memberships {
			if m.StoreID == invite.StoreID {
				roles = append(roles, m.Roles...)
			}
		}
		if roles, err = store.CheckStoreRoles(roles); err != nil {
			return err
		}
		if err := tx.PutStoreMember(invite.StoreID, u.Account.ID, roles); err != nil {
			return err
		}
		tx.Record(store.StoreMemberPut, "store/"+invite.StoreID, map[string]any{"account": u.Account.ID, "roles": roles})
		invite.Status = store.InviteAccepted
		if err := tx.PutStoreInvite(invite); err != nil {
			return err
		}
		tx.Record(store.StoreInvitePut, "store/"+invite.StoreID, map[string]any{"email": invite.Email, "status": invite.Status})
	}
	return nil
}
