package sso

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// gatewayRoutes are those under /v1.
func (a *api) gatewayRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET /v1/tokens", Handle: answering(gatewayErrors, a.tokens)},
		{Pattern: "POST /v1/tokens", Handle: answering(gatewayErrors, a.gatewayRoot)},
		{Pattern: "POST /v1/tokens/exchange", Handle: answering(gatewayErrors, a.exchangeSlice)},
		{Pattern: "POST /v1/tokens/usso", Handle: answering(gatewayErrors, a.gatewaySignOn)},
		{Pattern: "POST /v1/tokens/usso/exchange", Handle: answering(gatewayErrors, a.exchangePair)},
		{Pattern: "POST /v1/tokens/dashboard/exchange", Handle: answering(gatewayErrors, a.exchangeEither)},
		{Pattern: "POST /v1/tokens/offline/exchange", Handle: answering(gatewayErrors, a.exchangeOffline)},
		{Pattern: "POST /v1/tokens/revoke", Handle: answering(gatewayErrors, a.revoke)},
		{Pattern: "GET /v1/tokens/whoami", Handle: answering(gatewayErrors, a.gatewayWhoami)},
		{Pattern: "GET /v1/whoami", Handle: answering(gatewayErrors, a.gatewayWhoami)},
	}
}

func (a *api) gatewayRoot(r *http.Request) (any, error) {
	asked, err := readGatewayAsk(r)
	if err != nil {
		return nil, err
	}
	return a.bakeryRoot(r, asked)
}

func (a *api) gatewaySignOn(r *http.Request) (any, error) {
	asked, err := readGatewayAsk(r)
	if err != nil {
		return nil, err
	}
	return a.root(r, asked)
}

func (a *api) exchangePair(r *http.Request) (any, error) {
	var asked clientDescription
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	return token(a.Identity.ExchangePair(r.Context(), identity.EvidenceOf(r), asked.of(r)))
}

// exchangeEither makes the gateway's token of the dashboard's credentials.
func (a *api) exchangeEither(r *http.Request) (any, error) {
	if len(r.Header["Authorization"]) == 0 {
		return a.exchangeSlice(r)
	}
	return a.exchangePair(r)
}

func (a *api) exchangeOffline(r *http.Request) (any, error) {
	var asked struct {
		Macaroon string `json:"macaroon"`
		Email    string `json:"email"`
		clientDescription
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	return token(a.Identity.ExchangeOffline(r.Context(), identity.Offline{
		Macaroon: identity.NewSecret(asked.Macaroon), Email: asked.Email, Client: asked.of(r),
		Address: identity.EvidenceOf(r).Address,
	}))
}

// gatewayPermissions are what a client can do that does not say what it wants
// to.
var gatewayPermissions = []string{
	"account-register-package", "account-view-packages", "account-manage-keys", "account-manage-metadata",
	"package-manage", "package-view", "store-manage", "store-view",
}

// session is a token as its account's list shows it.
type session struct {
	Description string `json:"description"`
	SessionID   string `json:"session-id"`
	ValidSince  string `json:"valid-since"`
	ValidUntil  string `json:"valid-until"`
	RevokedAt   string `json:"revoked-at,omitempty"`
	RevokedBy   string `json:"revoked-by,omitempty"`
}

func sessionOf(s store.Session) session {
	shown := session{
		Description: cmp.Or(s.Description, s.Client), SessionID: s.ID,
		ValidSince: s.ValidSince.UTC().Format(time.RFC3339), ValidUntil: s.ValidUntil.UTC().Format(time.RFC3339),
	}
	if !s.RevokedAt.IsZero() {
		shown.RevokedAt, shown.RevokedBy = s.RevokedAt.UTC().Format(time.RFC3339), s.RevokedBy
	}
	return shown
}

// tokens lists the tokens of whoever asks. Who shows nothing gets a root to
// log in with.
func (a *api) tokens(r *http.Request) (any, error) {
	e := identity.EvidenceOf(r)
	if len(e.Authorization) == 0 && len(e.Macaroons) == 0 {
		return a.bakeryRoot(r, identity.Asked{Permissions: gatewayPermissions})
	}
	who, err := a.Identity.Authenticate(r.Context(), e)
	if err != nil {
		return nil, err
	}
	f := store.SessionFilter{AccountID: who.Account, Limit: listPage}
	// The word alone is enough: GET /v1/tokens?include-inactive
	if given, ok := r.URL.Query()["include-inactive"]; ok {
		yes, err := strconv.ParseBool(given[0])
		f.Inactive = given[0] == "" || err == nil && yes
	}
	shown := []session{}
	for len(shown) < maxListed {
		page, err := a.Identity.Sessions(r.Context(), who, f)
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			shown, f.After = append(shown, sessionOf(s)), s.ID
		}
		if len(page) < listPage {
			break
		}
	}
	return map[string]any{"macaroons": shown}, nil
}

// The list of an account's tokens is read a page at a time, up to a bound.
const (
	listPage  = 1000
	maxListed = 10_000
)

func (a *api) revoke(r *http.Request) (any, error) {
	who, err := a.Identity.Authenticate(r.Context(), identity.EvidenceOf(r))
	if err != nil {
		return nil, err
	}
	var asked struct {
		SessionID string `json:"session-id"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	if asked.SessionID == "" {
		return nil, badAsk("'session-id' is a required property at /")
	}
	revoked, err := a.Identity.Revoke(r.Context(), who, asked.SessionID)
	if err != nil {
		return nil, err
	}
	return map[string]any{"macaroons": []session{sessionOf(revoked)}}, nil
}

// gatewayWho is who asks. What the token does not limit is null.
type gatewayWho struct {
	Account struct {
		ID          string `json:"id"`
		Email       string `json:"email"`
		Username    string `json:"username"`
		DisplayName string `json:"display-name"`
		Name        string `json:"name"`
		Validation  string `json:"validation"`
	} `json:"account"`
	Permissions []string       `json:"permissions"`
	Packages    []limitPackage `json:"packages"`
	Channels    []string       `json:"channels"`
}

// limitPackage is one package of a limit. charmcraft groups them by their type and
// fails where there is none, so that it is null where nobody has said it.
type limitPackage struct {
	ID   string  `json:"id,omitempty"`
	Name string  `json:"name,omitempty"`
	Type *string `json:"type"`
}

func limitPackageOf(l store.PackageLimit) limitPackage {
	p := limitPackage{ID: l.ID, Name: l.Name}
	if t := cmp.Or(l.Type, string(l.Namespace)); t != "" {
		p.Type = &t
	}
	return p
}

func (a *api) gatewayWhoami(r *http.Request) (any, error) {
	who, err := a.Identity.Whoami(r.Context(), identity.EvidenceOf(r))
	if err != nil {
		return nil, err
	}
	var g gatewayWho
	account := who.User.Account
	g.Account.ID, g.Account.Email, g.Account.Username = account.ID, who.User.Email, account.Username
	g.Account.DisplayName, g.Account.Name, g.Account.Validation = account.DisplayName, account.DisplayName, account.Validation
	g.Permissions, g.Channels = who.Limits.Permissions, who.Limits.Channels
	if who.Limits.Packages != nil {
		g.Packages = []limitPackage{}
	}
	for _, p := range who.Limits.Packages {
		g.Packages = append(g.Packages, limitPackageOf(p))
	}
	return g, nil
}
