package snapstore

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// A BrandStore is a store of a brand.
type BrandStore struct {
	ID      string  `json:"id"`
	BrandID string  `json:"brand-id"`
	Name    string  `json:"name"`
	Private bool    `json:"private"`
	Parent  *string `json:"parent"`
	// ManualReviewPolicy is for example "allow".
	ManualReviewPolicy string `json:"manual-review-policy"`
	Roles              []struct {
		Role        string `json:"role"`
		Label       string `json:"label"`
		Description string `json:"description"`
	} `json:"roles"`
	IncludedStores   []string `json:"store-whitelist"`
	InclusionSources []string `json:"allowed-inclusion-source-stores"`
	InclusionTargets []string `json:"allowed-inclusion-target-stores"`
	NamePrefixes     []struct {
		Prefix      string  `json:"prefix"`
		Inheritable bool    `json:"inheritable"`
		ParentID    *string `json:"parent-id"`
	} `json:"snap-name-prefixes"`
}

// A StoreUser has roles in a store: admin, review, view or access.
type StoreUser struct {
	ID          string   `json:"id,omitempty"`
	Username    string   `json:"username,omitempty"`
	DisplayName string   `json:"displayname,omitempty"`
	Email       string   `json:"email,omitempty"`
	Roles       []string `json:"roles,omitempty"`
}

// StoreDetails are a store with its people.
type StoreDetails struct {
	Store   BrandStore        `json:"store"`
	Users   []StoreUser       `json:"users"`
	Invites []json.RawMessage `json:"invites,omitempty"`
}

// Store returns a store by its id (permission store_admin).
func (d Dashboard) Store(ctx context.Context, id string) (StoreDetails, error) {
	var out StoreDetails
	err := d.get(ctx, d.v2(path("stores", id)), &out)
	return out, err
}

// A StoreSnap is a snap in a store.
type StoreSnap struct {
	ID            string      `json:"id"`
	Name          string      `json:"name"`
	Essential     bool        `json:"essential"`
	Private       bool        `json:"private"`
	Users         []StoreUser `json:"users"`
	Store         string      `json:"store"`
	OtherStores   []string    `json:"other-stores"`
	LatestRelease *struct {
		Channel   string `json:"channel"`
		Timestamp Time   `json:"timestamp"`
		Version   string `json:"version"`
		Revision  int    `json:"revision"`
	} `json:"latest-release"`
}

// StoreSnaps returns the snaps of a store; those that match the query if it is
// not empty, and those that could be included if that is asked.
func (d Dashboard) StoreSnaps(ctx context.Context, id, query string, allowedForInclusion bool) ([]StoreSnap, error) {
	values := url.Values{}
	if query != "" {
		values.Set("q", query)
	}
	if allowedForInclusion {
		values.Set("allowed-for-inclusion", id)
	}
	u := d.v2(path("stores", id, "snaps"))
	if len(values) > 0 {
		u += "?" + values.Encode()
	}
	var out struct {
		Snaps required[[]StoreSnap] `json:"snaps"`
	}
	err := d.get(ctx, u, &out)
	return out.Snaps.get(&err, u, "snaps"), err
}

// ChangeStoreSnaps includes snaps in a store and takes others out, by name.
func (d Dashboard) ChangeStoreSnaps(ctx context.Context, id string, add, remove []string) error {
	names := func(list []string) []map[string]string {
		named := make([]map[string]string, len(list))
		for i, n := range list {
			named[i] = map[string]string{"name": n}
		}
		return named
	}
	in := map[string]any{}
	if len(add) > 0 {
		in["add"] = names(add)
	}
	if len(remove) > 0 {
		in["remove"] = names(remove)
	}
	return d.send(ctx, http.MethodPost, d.v2(path("stores", id, "snaps")), in, nil)
}

// SetStoreUsers gives roles to accounts, by their addresses. Codes:
// "store-users-no-match", "store-users-multiple-matches".
func (d Dashboard) SetStoreUsers(ctx context.Context, id string, users ...StoreUser) error {
	return d.send(ctx, http.MethodPost, d.v2(path("stores", id, "users")), users, nil)
}

// InviteStoreUsers invites people without an account, by their addresses.
func (d Dashboard) InviteStoreUsers(ctx context.Context, id string, users ...StoreUser) error {
	return d.send(ctx, http.MethodPost, d.v2(path("stores", id, "invites")), users, nil)
}

// UpdateStoreInvite changes an invite: "resend", "revoke" or "open".
func (d Dashboard) UpdateStoreInvite(ctx context.Context, id, email, action string) error {
	in := []map[string]string{{"email": email, "action": action}}
	return d.send(ctx, http.MethodPut, d.v2(path("stores", id, "invites")), in, nil)
}

// SetStoreSettings changes a store's settings.
func (d Dashboard) SetStoreSettings(ctx context.Context, id string, private bool, manualReviewPolicy string) error {
	in := map[string]any{"private": private, "manual-review-policy": manualReviewPolicy}
	return d.send(ctx, http.MethodPut, d.v2(path("stores", id, "settings")), in, nil)
}
