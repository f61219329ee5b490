package snappublisher

import (
	"context"
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) accountV1() []reply.Route {
	return []reply.Route{
		{Pattern: "GET /dev/api/account", Handle: a.account},
		{Pattern: "PATCH /dev/api/account", Handle: a.renameAccount},
		{Pattern: "GET /dev/api/agreement", Handle: a.agreement},
		{Pattern: "POST /dev/api/agreement", Handle: a.agree},
		{Pattern: "POST /dev/api/account/account-key", Handle: a.registerKey},
	}
}

// Terms are what publishers have to agree to.
type Terms = gateway.Terms

// user is the account that asks.
func (a *api) user(ctx context.Context, who store.Principal) (store.User, error) {
	if err := who.Need(store.PermAccountView); err != nil {
		return store.User{}, err
	}
	u, err := a.Identity.User(ctx, who.Account)
	if store.CodeOf(err) == "user-not-found" {
		err = store.Forbiddenf("no-account", "only accounts of this store can do this").Try("log in as one")
	}
	return u, err
}

// ready refuses accounts that have yet to agree to the operator's terms.
func (a *api) ready(r *http.Request, who store.Principal) error {
	return gateway.Ready(a.Identity, a.Terms)(r.Context(), who)
}

func (a *api) account(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	body, err := a.accountBody(r, who)
	if err != nil {
		failV1(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, body)
}

// accountBody says everything twice where two generations of clients read two
// spellings.
func (a *api) accountBody(r *http.Request, who store.Principal) (map[string]any, error) {
	u, err := a.user(r.Context(), who)
	if err != nil {
		return nil, err
	}
	terms, err := a.Terms(r.Context())
	if err != nil {
		return nil, err
	}
	if err := terms.Agreed(u); err != nil {
		return nil, err
	}
	keys, err := a.Catalog.AccountKeys(r.Context(), who)
	if err != nil {
		return nil, err
	}
	owned, err := a.Catalog.Owned(r.Context(), who, store.Snap, true)
	if err != nil {
		return nil, err
	}
	stores, err := a.Catalog.Memberships(r.Context(), who)
	if err != nil {
		return nil, err
	}
	keyList := make([]map[string]any, len(keys))
	for i, k := range keys {
		keyList[i] = map[string]any{"name": k.Name, "public-key-sha3-384": k.ID, "since": wireTime(k.Since)}
		if !k.Until.IsZero() {
			keyList[i]["until"] = wireTime(k.Until)
		}
	}
	snaps := make(map[string]any, len(owned))
	for _, o := range owned {
		snaps[o.Package.Name] = a.accountSnap(r, o)
	}
	acct := u.Account
	return map[string]any{
		"id": acct.ID, "account_id": acct.ID,
		"display-name": acct.DisplayName, "displayname": acct.DisplayName,
		"username": acct.Username, "namespace": acct.Username, "short_namespace": acct.Username,
		"email": u.Email, "validation": acct.Validation, "openid_identifier": u.OpenID,
		"account-keys": keyList, "account_keys": keyList,
		"snaps": map[string]any{"16": snaps}, "stores": append([]catalog.OwnStore{}, stores...),
	}, nil
}

// accountSnap is a snap in its publisher's account.
func (a *api) accountSnap(r *http.Request, o catalog.Owned) map[string]any {
	p := o.Package
	icon := any(nil)
	for _, m := range p.Media {
		if m.Kind == "icon" && icon == nil {
			icon = a.mediumURL(r, p.ID, m)
		}
	}
	revisions := make([]map[string]any, len(o.Latest))
	for i, rev := range o.Latest {
		channels := []string{}
		for _, ch := range o.Channels[rev.Number] {
			channels = append(channels, ch.Name())
		}
		revisions[i] = map[string]any{
			"architectures": architecturesOf(rev), "channels": channels, "revision": rev.Number,
			"since": wireTime(rev.CreatedAt), "status": dashboardWords.of(catalog.PublishedRevision{Revision: rev, Released: len(channels) > 0}), "version": rev.Version,
		}
	}
	return map[string]any{
		"snap-id": p.ID, "status": "Approved", "private": p.Private, "unlisted": p.Unlisted,
		"since": wireTime(p.CreatedAt), "store": o.Store.Name, "price": nil, "icon_url": icon,
		"latest_comments": []any{}, "latest_revisions": revisions, "publisher": gateway.PublisherOf(p.Publisher),
	}
}

// renameAccount answers the one change of an account that clients know.
func (a *api) renameAccount(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Username string `json:"short_namespace"`
	}
	who, err := a.asks(w, r, smallBody, &body)
	if err == nil {
		err = who.Need(store.PermAccountEdit)
	}
	if err == nil {
		_, err = a.Identity.Rename(r.Context(), who, body.Username)
	}
	if err != nil {
		failV1(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *api) agreement(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	var u store.User
	if err == nil {
		u, err = a.user(r.Context(), who)
	}
	a.answerAgreement(w, r, u, err)
}

func (a *api) agree(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Accepted bool `json:"latest_tos_accepted"`
	}
	who, err := a.asks(w, r, smallBody, &body)
	if err == nil {
		err = who.Need(store.PermAccountEdit)
	}
	var u store.User
	switch {
	case err != nil:
	case !body.Accepted:
		err = store.Invalidf("bad-request", "`latest_tos_accepted` must be `true`").With("latest_tos_accepted", "true")
	default:
		u, err = a.Identity.Agree(r.Context(), who)
	}
	a.answerAgreement(w, r, u, err)
}

// agreementTime is how the dashboard writes times here, and only here.
const agreementTime = "2006-01-02 15:04:05.999999"

func (a *api) answerAgreement(w http.ResponseWriter, r *http.Request, u store.User, err error) {
	var terms Terms
	if err == nil {
		terms, err = a.Terms(r.Context())
	}
	if err != nil {
		failV1(w, r, err)
		return
	}
	accepted := any(nil)
	if !u.AgreedAt.IsZero() {
		accepted = u.AgreedAt.UTC().Format(agreementTime)
	}
	url := terms.URL
	if url == "" {
		url = a.BaseURL(r) + "/docs/"
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{
		"latest_tos_accepted": terms.Agreed(u) == nil, "latest_tos_date": terms.Since.UTC().Format("2006-01-02 15:04:05"),
		"tos_url": url, "accepted_tos_date": accepted,
	})
}

func (a *api) registerKey(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Request string `json:"account_key_request"`
	}
	who, err := a.asks(w, r, smallBody, &body)
	if err != nil {
		failV1(w, r, err)
		return
	}
	key, err := a.Catalog.RegisterAccountKey(r.Context(), who, []byte(body.Request))
	if err != nil {
		failV1(w, r, err)
		return
	}
	answer := map[string]any{
		"account-id": key.AccountID, "name": key.Name, "public-key-sha3-384": key.ID, "since": wireTime(key.Since),
	}
	if !key.Until.IsZero() {
		answer["until"] = wireTime(key.Until)
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"account_key": answer})
}
