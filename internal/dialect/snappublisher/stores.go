package snappublisher

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) storesV2() []reply.Route {
	const one = "/api/v2/stores/{id}"
	return []reply.Route{
		{Pattern: "GET /api/v2/stores", Handle: a.stores},
		{Pattern: "GET " + one, Handle: a.store},
		{Pattern: "GET " + one + "/snaps", Handle: a.storeSnaps},
		{Pattern: "POST " + one + "/snaps", Handle: a.changeStoreSnaps},
		{Pattern: "POST " + one + "/users", Handle: a.setStoreUsers},
		{Pattern: "POST " + one + "/invites", Handle: a.inviteStoreUsers},
		{Pattern: "PUT " + one + "/invites", Handle: a.changeStoreInvites},
		{Pattern: "PUT " + one + "/settings", Handle: a.changeStoreSettings},
	}
}

// wireRole tells people what a role in a store is for.
type wireRole struct {
	Role        string `json:"role"`
	Label       string `json:"label"`
	Description string `json:"description"`
}

var storeRoles = []wireRole{
	{store.StoreRoleAdmin, "Admin", "Changes the store's settings, its members and the snaps of others that it shows."},
	{store.StoreRoleReview, "Reviewer", "Decides about uploads that wait for a review."},
	{store.StoreRoleView, "Viewer", "Looks at the store, its snaps and their figures, and changes nothing."},
	{store.StoreRoleAccess, "Publisher", "Registers snaps in the store and publishes them."},
}

type wireStore struct {
	ID           string     `json:"id"`
	Brand        *string    `json:"brand-id"`
	Name         string     `json:"name"`
	Private      bool       `json:"private"`
	Parent       *string    `json:"parent"` // stores have none here
	ManualReview string     `json:"manual-review-policy"`
	Roles        []wireRole `json:"roles"`
	Whitelist    []string   `json:"store-whitelist"` // stores that it includes
	Sources      []string   `json:"allowed-inclusion-source-stores"`
	Targets      []string   `json:"allowed-inclusion-target-stores"` // stores that include it
	Prefixes     []string   `json:"snap-name-prefixes"`              // names are free here
}

func storeOf(s catalog.BrandStore) wireStore {
	w := wireStore{
		ID: s.View.ID, Name: s.View.Name, Private: s.View.Private, ManualReview: s.View.ManualReview(), Roles: storeRoles,
		Whitelist: append([]string{}, s.View.Includes...), Sources: append([]string{}, s.View.Includes...),
		Targets: append([]string{}, s.IncludedBy...), Prefixes: []string{},
	}
	if s.View.Brand != "" {
		w.Brand = &s.View.Brand
	}
	if s.View.ID != store.GlobalStore { // single snaps of the global store can be added to every other
		w.Sources = withGlobal(w.Sources)
	}
	return w
}

func withGlobal(ids []string) []string {
	for _, id := range ids {
		if id == store.GlobalStore {
			return ids
		}
	}
	return append(ids, store.GlobalStore)
}

type wireMember struct {
	ID          string   `json:"id"`
	Username    string   `json:"username"`
	DisplayName string   `json:"displayname"`
	Email       string   `json:"email"`
	Roles       []string `json:"roles"`
}

func membersOf(members []store.StoreMember) []wireMember {
	list := make([]wireMember, len(members))
	for i, m := range members {
		list[i] = wireMember{m.Account.ID, m.Account.Username, m.Account.DisplayName, m.Email, m.Roles}
	}
	return list
}

type wireStoreInvite struct {
	Email   string   `json:"email"`
	Roles   []string `json:"roles"`
	Status  string   `json:"status"` // Pending, Expired, Revoked, Accepted
	Expires *string  `json:"expiration-date"`
}

func (a *api) storeInvitesOf(invites []store.StoreInvite) []wireStoreInvite {
	list := make([]wireStoreInvite, len(invites))
	for i, one := range invites {
		status := "Expired"
		switch {
		case one.Status == store.InviteAccepted:
			status = "Accepted"
		case one.Status == store.InviteRevoked:
			status = "Revoked"
		case one.Open(a.Now()):
			status = "Pending"
		}
		list[i] = wireStoreInvite{one.Email, one.Roles, status, gateway.WholeSeconds(one.ExpiresAt)}
	}
	return list
}

func (a *api) stores(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		list, err := a.Catalog.OwnStores(r.Context(), who)
		return map[string]any{"stores": append([]catalog.OwnStore{}, list...)}, err
	})
}

func (a *api) store(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		s, err := a.Catalog.BrandStore(r.Context(), who, r.PathValue("id"))
		return map[string]any{
			"store": storeOf(s), "users": membersOf(s.Members), "invites": a.storeInvitesOf(s.Invites),
		}, err
	})
}

// wireStoreSnap is a snap as those see it who run a store.
type wireStoreSnap struct {
	ID          string             `json:"id"`
	Name        string             `json:"name"`
	Essential   bool               `json:"essential"` // every store shows it
	Private     bool               `json:"private"`
	Users       []wireStoreSnapOwn `json:"users"`
	Store       string             `json:"store"`
	OtherStores []string           `json:"other-stores"`
	Latest      *wireLatestRelease `json:"latest-release"`
}

type wireStoreSnapOwn struct {
	DisplayName string   `json:"displayname"`
	Username    string   `json:"username"`
	Roles       []string `json:"roles"`
}

type wireLatestRelease struct {
	Channel   string `json:"channel"`
	Timestamp string `json:"timestamp"`
	Version   string `json:"version"`
	Revision  int    `json:"revision"`
}

func storeSnapOf(s catalog.StoreSnap) wireStoreSnap {
	w := wireStoreSnap{
		ID: s.Package.ID, Name: s.Package.Name, Essential: store.Essential(s.Package), Private: s.Package.Private,
		Users: []wireStoreSnapOwn{{s.Package.Publisher.DisplayName, s.Package.Publisher.Username, []string{"owner"}}},
		Store: s.Package.StoreID, OtherStores: s.OtherStores,
	}
	if l := s.Latest; l != nil {
		w.Latest = &wireLatestRelease{l.Channel.String(), offsetTime(l.At), l.Version, l.Revision}
	}
	return w
}

// offsetTime is a time as these lists write it.
func offsetTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000+00:00") }

func (a *api) storeSnaps(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		id, query := r.PathValue("id"), r.URL.Query()
		list := a.Catalog.StoreSnaps
		// Clients name the store that the snaps are for; it is the one in the path.
		if target := query.Get("allowed-for-inclusion"); target != "" {
			id, list = target, a.Catalog.StoreCandidates
		}
		s, snaps, err := list(r.Context(), who, id, query.Get("q"))
		return storeWithSnaps(s, snaps), err
	})
}

func storeWithSnaps(s catalog.BrandStore, snaps []catalog.StoreSnap) map[string]any {
	list := make([]wireStoreSnap, len(snaps))
	for i := range snaps {
		list[i] = storeSnapOf(snaps[i])
	}
	return map[string]any{"store": storeOf(s), "snaps": list}
}

type wireNamed struct {
	Name string `json:"name"`
}

// wireSnapChange is what to add and to remove; a list alone adds.
type wireSnapChange struct {
	Add    []wireNamed `json:"add"`
	Remove []wireNamed `json:"remove"`
}

// UnmarshalJSON reads either form.
func (c *wireSnapChange) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, &c.Add)
	}
	type plain wireSnapChange
	return json.Unmarshal(data, (*plain)(c))
}

func namesOf(list []wireNamed) []string {
	names := make([]string, len(list))
	for i, one := range list {
		names[i] = one.Name
	}
	return names
}

func (a *api) changeStoreSnaps(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		var change wireSnapChange
		if err := reply.Decode(w, r, smallBody, &change); err != nil {
			return nil, err
		}
		id := r.PathValue("id")
		if err := a.Catalog.ChangeStoreSnaps(r.Context(), who, id, namesOf(change.Add), namesOf(change.Remove)); err != nil {
			return nil, err
		}
		s, snaps, err := a.Catalog.StoreSnaps(r.Context(), who, id, "")
		return storeWithSnaps(s, snaps), err
	})
}

// readWishes reads addresses with roles.
func readWishes(w http.ResponseWriter, r *http.Request) ([]catalog.MemberWish, error) {
	var body []struct {
		Email string   `json:"email"`
		Roles []string `json:"roles"`
	}
	if err := reply.Decode(w, r, smallBody, &body); err != nil {
		return nil, err
	}
	wishes := make([]catalog.MemberWish, len(body))
	for i, one := range body {
		wishes[i] = catalog.MemberWish(one)
	}
	return wishes, nil
}

func (a *api) setStoreUsers(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		wishes, err := readWishes(w, r)
		if err != nil {
			return nil, err
		}
		members, err := a.Catalog.SetMembers(r.Context(), who, r.PathValue("id"), wishes)
		return map[string]any{"users": membersOf(members)}, err
	})
}

func (a *api) inviteStoreUsers(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		wishes, err := readWishes(w, r)
		if err != nil {
			return nil, err
		}
		invites, err := a.Catalog.InviteMembers(r.Context(), who, r.PathValue("id"), wishes)
		return map[string]any{"invites": a.storeInvitesOf(invites)}, err
	})
}

func (a *api) changeStoreInvites(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		var body []struct {
			Email  string `json:"email"`
			Action string `json:"action"`
		}
		if err := reply.Decode(w, r, smallBody, &body); err != nil {
			return nil, err
		}
		actions := make([]catalog.InviteAction, len(body))
		for i, one := range body {
			actions[i] = catalog.InviteAction(one)
		}
		invites, err := a.Catalog.ChangeInvites(r.Context(), who, r.PathValue("id"), actions)
		return map[string]any{"invites": a.storeInvitesOf(invites)}, err
	})
}

func (a *api) changeStoreSettings(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		var body struct {
			Private      *bool   `json:"private"`
			ManualReview *string `json:"manual-review-policy"`
		}
		if err := reply.Decode(w, r, smallBody, &body); err != nil {
			return nil, err
		}
		s, err := a.Catalog.ChangeStoreSettings(r.Context(), who, r.PathValue("id"), catalog.StoreSettings(body))
		return map[string]any{"store": storeOf(s)}, err
	})
}
