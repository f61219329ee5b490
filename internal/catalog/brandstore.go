package catalog

import (
	"context"
	"reflect"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// BrandStore is a store as its members see it.
type BrandStore struct {
	View    store.View          `json:"store"`
	Members []store.StoreMember `json:"members"`
	// Invites are for administrators only.
	Invites []store.StoreInvite `json:"invites"`
	// IncludedBy are the ids of the stores that show what this one has, as far as
	// whoever asks may know of them.
	IncludedBy []string `json:"included-by"`
}

// ownStore finds a store of whoever has one of the wanted roles there, or may do
// perm to every store. Anyone else is told that there is none.
func ownStore(tx *db.Tx, who store.Principal, perm store.Permission, id string, wanted ...string) (store.View, error) {
	if err := who.Need(perm); err != nil {
		return store.View{}, err
	}
	v, err := tx.View(id)
	if store.KindOf(err) == store.KindNotFound {
		return v, store.NoSuchStore(id)
	}
	if err != nil {
		return v, err
	}
	has, err := rolesIn(tx, who, id)
	if err != nil {
		return v, err
	}
	return v, who.NeedIn(perm, id, has, wanted...)
}

// administered is ownStore for whoever changes a store.
func administered(tx *db.Tx, who store.Principal, id string) (store.View, error) {
	return ownStore(tx, who, store.PermStoreAdmin, id, store.StoreRoleAdmin)
}

// shown is ownStore for whoever looks at one.
func shown(tx *db.Tx, who store.Principal, id string) (store.View, error) {
	return ownStore(tx, who, store.PermStoreSee, id, store.StoreRoleAdmin, store.StoreRoleReview, store.StoreRoleView)
}

// rolesIn are the roles of an account in a store.
func rolesIn(tx *db.Tx, who store.Principal, id string) ([]string, error) {
	roles, err := rolesOf(tx, who)
	return roles[id], err
}

// rolesOf are the roles of an account, by the ids of the stores.
func rolesOf(tx *db.Tx, who store.Principal) (map[string][]string, error) {
	if who.Account == "" {
		return nil, nil
	}
	memberships, err := tx.Memberships(who.Account)
	roles := make(map[string][]string, len(memberships))
	for _, m := range memberships {
		roles[m.StoreID] = m.Roles
	}
	return roles, err
}

// OwnStore is a store and the roles that somebody has there.
type OwnStore struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
}

// OwnStores lists the stores of whoever asks: those it is a member of, or all of
// them for who may administer every store. It needs PermStoreSee.
func (c *Catalog) OwnStores(ctx context.Context, who store.Principal) ([]OwnStore, error) {
	if err := who.Need(store.PermStoreSee); err != nil {
		return nil, err
	}
	return c.storesWith(ctx, who, func(v store.View, roles []string) []string {
		if len(roles) == 0 && who.NeedIn(store.PermStoreAdmin, v.ID, nil) == nil {
			roles = []string{store.StoreRoleAdmin}
		}
		if who.NeedIn(store.PermStoreSee, v.ID, roles, store.StoreRoles...) != nil {
			return nil
		}
		return roles
	})
}

// Memberships lists the stores that who's account is a member of. It needs
// PermAccountView and an account.
func (c *Catalog) Memberships(ctx context.Context, who store.Principal) ([]OwnStore, error) {
	if err := who.Need(store.PermAccountView); err != nil {
		return nil, err
	}
	if who.Account == "" {
		return nil, errNoAccount
	}
	return c.storesWith(ctx, who, func(_ store.View, roles []string) []string { return roles })
}

// storesWith lists the stores in which somebody has any of the roles that has
// makes of those that a membership gives.
func (c *Catalog) storesWith(ctx context.Context, who store.Principal, has func(v store.View, roles []string) []string) ([]OwnStore, error) {
	var list []OwnStore
	err := c.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		views, err := tx.Views()
		if err != nil {
			return err
		}
		member, err := rolesOf(tx, who)
		if err != nil {
			return err
		}
		for _, v := range views {
			if roles := has(v, member[v.ID]); len(roles) > 0 {
				list = append(list, OwnStore{ID: v.ID, Name: v.Name, Roles: roles})
			}
		}
		return nil
	})
	return list, err
}

// BrandStore tells a store's members about it. It needs PermStoreSee, and one of
// the roles admin, review and view there; others are told that there is no such
// store.
func (c *Catalog) BrandStore(ctx context.Context, who store.Principal, id string) (BrandStore, error) {
	var s BrandStore
	err := c.db.View(ctx, func(tx *db.Tx) error {
		v, err := shown(tx, who, id)
		if err != nil {
			return err
		}
		s, err = brandStore(tx, who, v)
		return err
	})
	return s, err
}

func brandStore(tx *db.Tx, who store.Principal, v store.View) (BrandStore, error) {
	s := BrandStore{View: v}
	var err error
	if s.Members, err = tx.StoreMembers(v.ID); err != nil {
		return s, err
	}
	has, err := rolesIn(tx, who, v.ID)
	if err != nil {
		return s, err
	}
	if who.NeedIn(store.PermStoreAdmin, v.ID, has, store.StoreRoleAdmin) == nil {
		if s.Invites, err = tx.StoreInvites(v.ID); err != nil {
			return s, err
		}
	}
	views, err := tx.Views()
	if err != nil {
		return s, err
	}
	for _, other := range views {
		if slices.Contains(other.Includes, v.ID) && knows(who, other) {
			s.IncludedBy = append(s.IncludedBy, other.ID)
		}
	}
	return s, nil
}

// knows reports whether somebody may know that a store is there.
func knows(who store.Principal, v store.View) bool {
	return store.Enter(v, who) || who.NeedIn(store.PermStoreSee, v.ID, nil) == nil
}

// StoreSettings is what to change of a store; nil leaves it.
type StoreSettings struct {
	Private      *bool
	ManualReview *string // store.ReviewAllow and its like
}

// ChangeStoreSettings changes what a store's administrators decide themselves. It
// needs PermStoreAdmin, and the role admin there.
func (c *Catalog) ChangeStoreSettings(ctx context.Context, who store.Principal, id string, change StoreSettings) (BrandStore, error) {
	var s BrandStore
	err := c.change(ctx, who, func(tx *db.Tx) error {
		had, err := administered(tx, who, id)
		if err != nil {
			return err
		}
		v := had
		if change.Private != nil {
			v.Private = *change.Private
		}
		if change.ManualReview != nil {
			if v, err = v.WithManualReview(*change.ManualReview); err != nil {
				return err
			}
		}
		if !reflect.DeepEqual(v, had) {
			if err := putView(tx, v); err != nil {
				return err
			}
		}
		s, err = brandStore(tx, who, v)
		return err
	})
	return s, err
}
