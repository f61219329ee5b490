package identity

import (
	"slices"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func TestANewAccountJoinsTheStoresItWasInvitedTo(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		_, err := w.db.Update(t.Context(), "tester", func(tx *db.Tx) error {
			for id, invite := range map[string]store.StoreInvite{
				"open":    {Email: "alice@example.com", Status: store.InvitePending, ExpiresAt: tx.Now().Add(time.Hour)},
				"over":    {Email: "alice@example.com", Status: store.InvitePending, ExpiresAt: tx.Now()},
				"revoked": {Email: "alice@example.com", Status: store.InviteRevoked, ExpiresAt: tx.Now().Add(time.Hour)},
				"other":   {Email: "bob@example.com", Status: store.InvitePending, ExpiresAt: tx.Now().Add(time.Hour)},
			} {
				tx.Record(store.StorePut, "store/"+id, nil)
				if err := tx.PutView(store.View{ID: id, Name: id, CreatedAt: tx.Now()}); err != nil {
					return err
				}
				invite.StoreID, invite.Roles, invite.CreatedAt = id, []string{store.StoreRoleAccess}, tx.Now()
				if err := tx.PutStoreInvite(invite); err != nil {
					return err
				}
			}
			return nil
		})
		w.must(err)
		u := w.person("alice", store.RolePublisher)
		var stores []string
		w.must(w.db.View(t.Context(), func(tx *db.Tx) error {
			memberships, err := tx.Memberships(u.Account.ID)
			for _, m := range memberships {
				stores = append(stores, m.StoreID)
				if !slices.Equal(m.Roles, []string{store.StoreRoleAccess}) {
					t.Errorf("the roles in %s are %v", m.StoreID, m.Roles)
				}
			}
			return err
		}))
		if !slices.Equal(stores, []string{"open"}) {
			t.Errorf("alice is a member of %v", stores)
		}
	})
}
