package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/larder-store/larder/client/transport"
)

// A Grant is what a token shall allow. The zero value asks for the login's
// default: nothing is restricted, and the store decides how long it lasts.
type Grant struct {
	// Permissions are the store's words, for example "package_access" on a
	// dashboard and "package-view" on a gateway. Most logins need at least one.
	Permissions []string
	// Description tells people where the token is, for example
	// "snapcraft@laptop".
	Description string
	// TTL is how long it lasts; 0 leaves it to the store. Whole seconds count.
	TTL time.Duration
	// Packages restricts it to these; nil is all.
	Packages []Package
	// Channels restricts it to these, with the patterns of fnmatch ("*/edge");
	// nil is all.
	Channels []string
	// Stores restricts it to these store ids; nil is all. Dashboards only.
	Stores []string
}

// A Package names a package in a Grant.
type Package struct {
	// Name is the registered name.
	Name string
	// Type is "snap", "charm" or "bundle"; gateways need it, dashboards do not
	// read it.
	Type string
	// ID is the package's id; dashboards take it in place of the name.
	ID string
}

// dashboardGrant is the body of /dev/api/acl/ and /api/v2/tokens. Times are
// written as the clients of the public store do: UTC, to the second.
func (g Grant) dashboardBody(now time.Time) map[string]any {
	body := map[string]any{"permissions": nonNil(g.Permissions)}
	if g.Description != "" {
		body["description"] = g.Description
	}
	if g.TTL > 0 {
		body["expires"] = now.Add(g.TTL).UTC().Format("2006-01-02T15:04:05+00:00")
	}
	if g.Packages != nil {
		packages := make([]map[string]string, len(g.Packages))
		for i, p := range g.Packages {
			if p.ID != "" && p.Name == "" {
				packages[i] = map[string]string{"snap_id": p.ID}
			} else {
				packages[i] = map[string]string{"name": p.Name, "series": "16"}
			}
		}
		body["packages"] = packages
	}
	if g.Channels != nil {
		body["channels"] = g.Channels
	}
	if g.Stores != nil {
		body["store_ids"] = g.Stores
	}
	return body
}

// gatewayBody is that of /v1/tokens and /v1/tokens/usso.
func (g Grant) gatewayBody(description bool) map[string]any {
	body := map[string]any{"permissions": nonNil(g.Permissions)}
	if g.Description != "" && description {
		body["description"] = g.Description
	}
	if g.TTL > 0 {
		body["ttl"] = int64(g.TTL / time.Second)
	}
	if g.Packages != nil {
		packages := make([]map[string]string, len(g.Packages))
		for i, p := range g.Packages {
			packages[i] = map[string]string{"type": p.Type, "name": p.Name}
		}
		body["packages"] = packages
	}
	if g.Channels != nil {
		body["channels"] = g.Channels
	}
	return body
}

func nonNil(list []string) []string { return append([]string{}, list...) }

// A Site is the store to log in to.
type Site struct {
	// URL is the store's base URL.
	URL string
	// HTTP sends the requests; nil is the zero Client.
	HTTP *transport.Client
}

func (s Site) client() *transport.Client {
	if s.HTTP == nil {
		return &transport.Client{}
	}
	return s.HTTP
}

// at joins by concatenation: a base may have a path of its own.
func (s Site) at(path string) string { return strings.TrimRight(s.URL, "/") + path }

// A Login obtains credentials from a store. Programs with a way of their own
// implement it.
type Login interface {
	// Login returns new credentials; it keeps them nowhere.
	Login(ctx context.Context, site Site, grant Grant) (Credentials, error)
}

// UbuntuOneLogin logs in with an address and a password: the store gives a root
// macaroon, the identity service discharges it. The credentials are the pair
// (kind UbuntuOne), and are renewed by a Session.
type UbuntuOneLogin struct {
	Email, Password string
	// OTP is the one-time password, empty for none.
	OTP string
	// AskOTP is called for one when the service wants it and OTP is empty; nil
	// makes the login fail with ErrSecondFactorRequired.
	AskOTP func(ctx context.Context) (string, error)
	// Identity is the service; nil is Ubuntu One. Its HTTP defaults to the
	// site's.
	Identity *Identity
	// Path issues the root; empty is "/dev/api/acl/", the dashboard's.
	Path string
	// Discharge replaces the identity service, for example by a page in the
	// browser: it gets the caveat id and returns the unbound discharge.
	Discharge func(ctx context.Context, caveatID string) (string, error)
}

// String shows no secret.
func (l UbuntuOneLogin) String() string { return "Ubuntu One login of " + l.Email }

// GoString is String.
func (l UbuntuOneLogin) GoString() string { return l.String() }

// Login implements Login. Errors are those of Identity.Discharge, ErrNoDischarge
// and the store's.
func (l UbuntuOneLogin) Login(ctx context.Context, site Site, grant Grant) (Credentials, error) {
	path := l.Path
	if path == "" {
		path = "/dev/api/acl/"
	}
	return l.pair(ctx, site, path, grant.dashboardBody(time.Now()))
}

func (l UbuntuOneLogin) pair(ctx context.Context, site Site, path string, body any) (Credentials, error) {
	text, err := site.macaroon(ctx, path, body, nil)
	if err != nil {
		return Credentials{}, err
	}
	root, err := decodeMacaroon(text)
	if err != nil {
		return Credentials{}, site.invalid(path, fmt.Errorf("macaroon: %w", err))
	}
	identity := &Identity{HTTP: site.HTTP}
	if l.Identity != nil {
		*identity = *l.Identity
		if identity.HTTP == nil {
			identity.HTTP = site.HTTP
		}
	}
	caveat, err := identityCaveat(root, identity.BaseURL())
	if err != nil {
		return Credentials{}, err
	}
	discharge, err := l.discharge(ctx, identity, string(caveat.Id))
	if err != nil {
		return Credentials{}, err
	}
	c := NewUbuntuOne(text, discharge)
	c.Location = caveat.Location
	_, err = c.Header() // the pair must bind
	return c, err
}

func (l UbuntuOneLogin) discharge(ctx context.Context, identity *Identity, caveatID string) (string, error) {
	if l.Discharge != nil {
		return l.Discharge(ctx, caveatID)
	}
	p := Password{Email: l.Email, Password: l.Password, OTP: l.OTP}
	discharge, err := identity.Discharge(ctx, caveatID, p)
	if !errors.Is(err, ErrSecondFactorRequired) || l.OTP != "" || l.AskOTP == nil {
		return discharge, err
	}
	if p.OTP, err = l.AskOTP(ctx); err != nil {
		return "", err
	}
	return identity.Discharge(ctx, caveatID, p)
}

// UbuntuOneGatewayLogin is UbuntuOneLogin on a publisher gateway: the pair is
// exchanged for one token of the store (kind Macaroon), which cannot be renewed.
// Without permissions it asks for "account-view-packages", without TTL for a
// day.
type UbuntuOneGatewayLogin struct {
	UbuntuOneLogin
	// ClientDescription is shown beside the token; empty sends none.
	ClientDescription string
}

// Login implements Login.
func (l UbuntuOneGatewayLogin) Login(ctx context.Context, site Site, grant Grant) (Credentials, error) {
	if len(grant.Permissions) == 0 {
		grant.Permissions = []string{"account-view-packages"}
	}
	if grant.TTL == 0 {
		grant.TTL = 24 * time.Hour
	}
	pair, err := l.pair(ctx, site, "/v1/tokens/usso", grant.gatewayBody(false))
	if err != nil {
		return Credentials{}, err
	}
	return exchange(ctx, site, "/v1/tokens/usso/exchange", pair, l.ClientDescription)
}

// DashboardExchange trades a pair of the dashboard (kind UbuntuOne) for a token
// of the publisher gateway. The grant is not sent: the token gets the pair's
// rights. Error code "account-not-found" if the account never accepted the
// store's terms.
type DashboardExchange struct {
	Pair Credentials
	// ClientDescription is shown beside the token; empty sends none.
	ClientDescription string
}

// Login implements Login.
func (l DashboardExchange) Login(ctx context.Context, site Site, _ Grant) (Credentials, error) {
	return exchange(ctx, site, "/v1/tokens/dashboard/exchange", l.Pair, l.ClientDescription)
}

func exchange(ctx context.Context, site Site, path string, pair Credentials, description string) (Credentials, error) {
	body := map[string]string{}
	if description != "" {
		body["client-description"] = description
	}
	token, err := site.macaroon(ctx, path, body, pair.Authorize)
	if err != nil {
		return Credentials{}, err
	}
	return NewToken(token), nil
}

// OfflineLogin trades the administrator's macaroon of an air-gapped store for a
// token (SNAPCRAFT_STORE_AUTH=onprem). The grant is not sent: the token gets the
// macaroon's rights.
type OfflineLogin struct {
	// AdminMacaroon is the text itself, as SNAPCRAFT_ADMIN_MACAROON holds it.
	AdminMacaroon string
	// Path is the exchange; empty is "/v1/tokens/offline/exchange".
	Path string
}

// String shows no secret.
func (l OfflineLogin) String() string { return "login with an administrator's macaroon" }

// GoString is String.
func (l OfflineLogin) GoString() string { return l.String() }

// Login implements Login.
func (l OfflineLogin) Login(ctx context.Context, site Site, _ Grant) (Credentials, error) {
	path := l.Path
	if path == "" {
		path = "/v1/tokens/offline/exchange"
	}
	body := map[string]string{"macaroon": strings.TrimSpace(l.AdminMacaroon)}
	token, err := site.macaroon(ctx, path, body, nil)
	if err != nil {
		return Credentials{}, err
	}
	return NewToken(token), nil
}

// TokenLogin uses a token that was issued elsewhere: a developer token, one of
// larder's API tokens, or exported credentials. It asks the store nothing.
type TokenLogin struct{ Credentials Credentials }

// Login implements Login.
func (l TokenLogin) Login(context.Context, Site, Grant) (Credentials, error) {
	_, err := l.Credentials.Header()
	return l.Credentials, err
}

// BasicLogin keeps a name and a password and sends them with every request.
type BasicLogin struct{ Username, Password string }

// String shows no secret.
func (l BasicLogin) String() string { return "login of " + l.Username }

// GoString is String.
func (l BasicLogin) GoString() string { return l.String() }

// Login implements Login.
func (l BasicLogin) Login(context.Context, Site, Grant) (Credentials, error) {
	return NewBasic(l.Username, l.Password), nil
}

// CandidLogin logs in through an identity manager that speaks the bakery
// protocol, usually by a page in the browser, and exchanges the result for one
// token of the store (kind Macaroon).
type CandidLogin struct {
	// Discharger knows the ways to log in; its HTTP defaults to the site's.
	Discharger Discharger
	// Dashboard uses /api/v2/tokens and the dashboard's words; else /v1/tokens
	// and the gateway's.
	Dashboard bool
}

// Login implements Login. Errors: ErrInteractionRequired, ErrTokenTimeout,
// ErrTokenKind, ErrTokenValue, and the services'.
func (l CandidLogin) Login(ctx context.Context, site Site, grant Grant) (Credentials, error) {
	path, body := "/v1/tokens", grant.gatewayBody(true)
	if l.Dashboard {
		path, body = "/api/v2/tokens", grant.dashboardBody(time.Now())
	}
	text, err := site.macaroon(ctx, path, body, nil)
	if err != nil {
		return Credentials{}, err
	}
	if l.Discharger.HTTP == nil {
		l.Discharger.HTTP = site.HTTP
	}
	header, err := l.Discharger.DischargeAll(ctx, text)
	if err != nil {
		return Credentials{}, err
	}
	token, err := site.macaroon(ctx, path+"/exchange", struct{}{}, func(req *http.Request) error {
		req.Header.Set("Macaroons", header)
		return nil
	})
	if err != nil {
		return Credentials{}, err
	}
	return NewToken(token), nil
}

// macaroon posts and returns the member "macaroon" of the answer: a text, which
// may hold JSON, or (from some stores) the JSON itself.
func (s Site) macaroon(ctx context.Context, path string, in any, authorize func(*http.Request) error) (string, error) {
	var out struct {
		Macaroon json.RawMessage `json:"macaroon"`
	}
	err := s.client().JSON(ctx, transport.Call{
		Method: http.MethodPost, URL: s.at(path), In: in, Out: &out, Authorize: authorize,
	})
	if err != nil {
		return "", err
	}
	var text string
	if json.Unmarshal(out.Macaroon, &text) != nil {
		text = string(out.Macaroon)
	}
	if text == "" || text == "null" || len(text) > maxMacaroon {
		return "", s.invalid(path, errors.New("it has no macaroon"))
	}
	return text, nil
}

func (s Site) invalid(path string, err error) error {
	return &transport.InvalidResponseError{Method: http.MethodPost, URL: s.at(path), Status: http.StatusOK, Err: err}
}
