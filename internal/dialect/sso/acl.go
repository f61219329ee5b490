package sso

import (
	"net/http"
	"slices"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// aclRoutes are those under /dev/api/acl.
func (a *api) aclRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "POST /dev/api/acl", Handle: answering(dashboardErrors, a.acl)},
		{Pattern: "POST /dev/api/acl/{permission}", Handle: answering(dashboardErrors, a.acl)},
		{Pattern: "POST /dev/api/acl/verify", Handle: a.verify},
	}
}

// acl gives anybody a root for the single sign-on. Somebody who shows who they
// are gets a token with which another service uploads one package of theirs.
func (a *api) acl(r *http.Request) (any, error) {
	var d dashboardAsk
	if err := read(r, &d); err != nil {
		return nil, err
	}
	if one := r.PathValue("permission"); one != "" && d.Permissions == nil {
		d.Permissions = []string{one} // as clients of 2016 asked
	}
	asked, err := d.asked()
	if err != nil {
		return nil, err
	}
	if len(r.Header["Authorization"]) > 0 && slices.Equal(asked.Permissions, []string{"package_upload"}) {
		who, err := a.Identity.Authenticate(r.Context(), identity.EvidenceOf(r))
		if err != nil {
			return nil, err
		}
		issued, err := a.Identity.IssueUploadToken(r.Context(), who, asked)
		return token(issued, err)
	}
	return a.root(r, asked)
}

// root is a root in the binary form that the single sign-on's clients hold.
func (a *api) root(r *http.Request, asked identity.Asked) (any, error) {
	root, err := a.Identity.IssueRoot(r.Context(), asked, a.location(r))
	if err != nil {
		return nil, err
	}
	text, err := root.Macaroon.Text()
	if err != nil {
		return nil, err
	}
	return map[string]string{"macaroon": text.Reveal()}, nil
}

func token(issued identity.Issued, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return map[string]string{"macaroon": issued.Token.Reveal()}, nil
}

// verified is what a token is good for. A restriction that there is not is null.
type verified struct {
	Allowed         bool             `json:"allowed"`
	RefreshRequired bool             `json:"refresh_required"`
	Account         *verifiedAccount `json:"account"`
	LastAuth        *string          `json:"last_auth"`
	Expires         *string          `json:"expires"`
	Permissions     []string         `json:"permissions"`
	Channels        []string         `json:"channels"`
	SnapIDs         []string         `json:"snap_ids"`
}

type verifiedAccount struct {
	OpenID      string `json:"openid"`
	Email       string `json:"email"`
	DisplayName string `json:"displayname"`
	Verified    bool   `json:"verified"`
}

// verify tells a service that was shown a token what it is good for.
func (a *api) verify(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Auth struct {
			Authorization string `json:"authorization"`
		} `json:"auth_data"`
	}
	if err := read(r, &asked); err != nil {
		reply.Fail(w, r, dashboardErrors, err)
		return
	}
	found, err := a.Identity.Introspect(r.Context(), asked.Auth.Authorization, identity.EvidenceOf(r))
	switch {
	case err != nil:
		reply.Fail(w, r, dashboardErrors, err)
	case found.RefreshRequired:
		// One client reads the body, another the status and the header.
		f := reply.Describe(store.Unauthorisedf(identity.CodeNeedsRefresh, "the discharge has expired"))
		challenge(w, f)
		body := dashboardBody(f)
		body["allowed"], body["refresh_required"] = false, true
		reply.JSON(w, r, f.Status, body)
	case !found.Allowed:
		reply.JSON(w, r, http.StatusOK, verified{})
	default:
		reply.JSON(w, r, http.StatusOK, verifiedWho(found.Who))
	}
}

func verifiedWho(who identity.Who) verified {
	v := verified{
		Allowed: true,
		Account: &verifiedAccount{
			OpenID: who.User.OpenID, Email: who.User.Email, DisplayName: who.User.Account.DisplayName,
			Verified: who.User.EmailVerified,
		},
		Permissions: who.Limits.Permissions, Channels: who.Limits.Channels, SnapIDs: snapIDs(who.Limits),
	}
	last := credential.FormatTime(who.LastAuth)
	v.LastAuth = &last
	if at := who.Ends(); !at.IsZero() {
		ends := credential.FormatTime(at)
		v.Expires = &ends
	}
	return v
}

// snapIDs are the packages that a token is limited to, as clients of the
// dashboard know them; a package that it names otherwise is named so here.
func snapIDs(l store.SessionLimits) []string {
	if l.Packages == nil {
		return nil
	}
	ids := []string{}
	for _, p := range l.Packages {
		if p.ID == "" {
			p.ID = p.Name
		}
		ids = append(ids, p.ID)
	}
	return ids
}
