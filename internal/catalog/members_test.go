package catalog

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// citizen is an account that can log in.
func (h *house) citizen(t *testing.T, name string) store.Principal {
	t.Helper()
	h.update(t, func(tx *db.Tx) error {
		tx.Record(store.UserPut, "account/"+name, nil)
		return tx.PutUser(store.User{
			Account: store.Account{ID: name, Username: name, DisplayName: name, Validation: "unproven", CreatedAt: time.Now()},
			Email:   name + "@example.com", EmailVerified: true, OpenID: name, Role: store.RolePublisher, State: store.UserActive, CreatedAt: time.Now(),
		})
	})
	return store.Principal{Role: store.RolePublisher, Name: name, Account: name}
}

// TestAStoreKeepsAnAdministrator though all of them dismiss each other at once.
func TestAStoreKeepsAnAdministrator(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		if _, _, err := h.MakeView(t.Context(), operator, store.View{ID: "brandstore", Name: "Brand"}, nil); err != nil {
			t.Fatal(err)
		}
		var people []store.Principal
		var wishes []MemberWish
		for _, name := range []string{"ann", "ben", "cat", "dan"} {
			people = append(people, h.citizen(t, name))
			wishes = append(wishes, MemberWish{Email: name + "@example.com", Roles: []string{store.StoreRoleAdmin}})
		}
		if _, err := h.SetMembers(t.Context(), operator, "brandstore", wishes); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range people {
			wg.Go(func() {
				next := wishes[(i+1)%len(wishes)].Email
				_, err := h.SetMembers(context.WithoutCancel(t.Context()), people[i], "brandstore", []MemberWish{{Email: next, Roles: []string{"view"}}})
				if kind := store.KindOf(err); err != nil && kind != store.KindNotFound && kind != store.KindConflict {
					t.Errorf("%s: %v", people[i].Name, err)
				}
			})
		}
		wg.Wait()
		s, err := h.neighbour(t).BrandStore(t.Context(), operator, "brandstore")
		if err != nil || len(s.Members) != len(people) {
			t.Fatal(s.Members, err)
		}
		if !slices.ContainsFunc(s.Members, func(m store.StoreMember) bool { return slices.Contains(m.Roles, store.StoreRoleAdmin) }) {
			t.Error("nobody administers the store any more")
		}
	})
}

func TestInvitesAndSnapsOfAStore(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		h.pushBare(t, snapYAML("hello", "1", ""), "stable")
		if _, _, err := h.MakeView(t.Context(), operator, store.View{ID: "brandstore", Name: "Brand"}, nil); err != nil {
			t.Fatal(err)
		}
		ann := h.citizen(t, "ann")
		invites, err := h.InviteMembers(t.Context(), operator, "brandstore", []MemberWish{
			{Email: "ann@example.com", Roles: []string{"admin"}}, {Email: "ben@example.com", Roles: []string{"view"}},
		})
		if err != nil || len(invites) != 2 || invites[0].Status != store.InviteAccepted || invites[1].Status != store.InvitePending {
			t.Fatal(invites, err)
		}
		if err := h.ChangeStoreSnaps(t.Context(), ann, "brandstore", []string{"hello"}, nil); err != nil {
			t.Fatal(err)
		}
		_, snaps, err := h.StoreSnaps(t.Context(), ann, "brandstore", "")
		if err != nil || len(snaps) != 1 || snaps[0].Latest == nil || snaps[0].Latest.Version != "1" || !slices.Equal(snaps[0].OtherStores, []string{"brandstore"}) {
			t.Fatal(snaps, err)
		}
		id := snaps[0].Package.ID
		if err := h.Feature(t.Context(), operator, []string{id}, true); err != nil {
			t.Fatal(err)
		}
		if list, err := h.FeaturedSnaps(t.Context(), operator); err != nil || len(list) != 1 || list[0].ID != id {
			t.Fatal(list, err)
		}
		found, err := h.Find(t.Context(), Asker{}, store.Snap, FindQuery{Category: "featured", Architecture: "amd64", Limit: 10})
		if err != nil || len(found) != 1 {
			t.Error("devices find", found, err)
		}
	})
}
