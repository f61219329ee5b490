package sso

import (
	"net/http"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
)

// dashboardRoutes are those under /api/v2/tokens that are not the single
// sign-on's.
func (a *api) dashboardRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "POST /api/v2/tokens", Handle: answering(gatewayErrors, a.dashboardRoot)},
		{Pattern: "POST /api/v2/tokens/exchange", Handle: answering(gatewayErrors, a.exchangeSlice)},
		{Pattern: "GET /api/v2/tokens/whoami", Handle: answering(gatewayErrors, a.dashboardWhoami)},
	}
}

func (a *api) dashboardRoot(r *http.Request) (any, error) {
	var s strictAsk
	if err := read(r, &s); err != nil {
		return nil, err
	}
	asked, err := s.asked()
	if err != nil {
		return nil, err
	}
	return a.bakeryRoot(r, asked)
}

// dashboardWho is who asks. What the token does not limit is null, and a client
// adds a zone to the time.
type dashboardWho struct {
	Account struct {
		Email    string `json:"email"`
		ID       string `json:"id"`
		Name     string `json:"name"`
		Username string `json:"username"`
	} `json:"account"`
	Permissions []string `json:"permissions"`
	Channels    []string `json:"channels"`
	Packages    []string `json:"packages"`
	StoreIDs    []string `json:"store_ids"`
	Expires     string   `json:"expires,omitempty"`
}

func (a *api) dashboardWhoami(r *http.Request) (any, error) {
	who, err := a.Identity.Whoami(r.Context(), identity.EvidenceOf(r))
	if err != nil {
		return nil, err
	}
	var d dashboardWho
	d.Account.Email, d.Account.ID = who.User.Email, who.User.Account.ID
	d.Account.Name, d.Account.Username = who.User.Account.DisplayName, who.User.Account.Username
	d.Permissions, d.Channels, d.StoreIDs = who.Limits.Permissions, who.Limits.Channels, who.Limits.Stores
	d.Packages = snapIDs(who.Limits)
	if ends := who.Ends(); !ends.IsZero() {
		d.Expires = credential.FormatTime(ends)
	}
	return d, nil
}
