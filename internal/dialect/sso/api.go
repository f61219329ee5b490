package sso

import (
	"net/http"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
)

// Options are what the API is made of. Identity is required.
type Options struct {
	Identity *identity.Identity

	// Hosts says by which names clients know the single sign-on. Default: the
	// Host of the request.
	Hosts func(*http.Request) credential.SSOHosts

	// BaseURL is the store's own URL as the asking client reaches it, without a
	// path. Default: the scheme and Host of the request.
	BaseURL func(*http.Request) string

	// KeysByEmail says whether anybody may ask for an account's SSH keys by its
	// address, and so learn who has one. Default: nobody may.
	KeysByEmail func(*http.Request) (bool, error)

	Now func() time.Time // default: time.Now
}

type api struct {
	Options
}

// Where the API hangs. All of it is below what other dialects own; the longer
// path wins.
var (
	Under   = []string{"/api/v2/tokens", "/api/v2/keys", "/dev/api/acl", "/v1/tokens"}
	Exactly = []string{"/v1/whoami"}
)

// BodyLimit bounds the bodies of requests, bytes. The largest that a client
// sends holds one pair of macaroons.
const BodyLimit = 64 << 10

// New returns the handler of every path in the tables of routes.
func New(o Options) http.Handler {
	a := &api{o}
	if a.BaseURL == nil {
		a.BaseURL = reply.RequestBase
	}
	if a.Hosts == nil {
		a.Hosts = func(r *http.Request) credential.SSOHosts { return credential.SSOHosts{Netloc: r.Host} }
	}
	if a.KeysByEmail == nil {
		a.KeysByEmail = func(*http.Request) (bool, error) { return false, nil }
	}
	if a.Now == nil {
		a.Now = time.Now
	}
	tables := map[family]http.Handler{
		signOn:    reply.Routes(signOnErrors, a.signOnRoutes()),
		acl:       reply.Routes(dashboardErrors, a.aclRoutes()),
		dashboard: reply.Routes(gatewayErrors, a.dashboardRoutes()),
		gateway:   reply.Routes(gatewayErrors, a.gatewayRoutes()),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Vary", "Authorization")
		r = reply.WithoutFinalSlash(r)
		tables[familyOf(r.URL.Path)].ServeHTTP(w, r)
	})
}

// Patterns lists every route of the API.
func Patterns() []string {
	a := &api{}
	return reply.Patterns(a.signOnRoutes(), a.aclRoutes(), a.dashboardRoutes(), a.gatewayRoutes())
}

// family is one API with its own routes and errors.
type family uint8

const (
	gateway family = iota
	dashboard
	acl
	signOn
)

// familyOf returns the family of a path, which may be any.
func familyOf(path string) family {
	for _, f := range []struct {
		under string
		family
	}{
		{"/api/v2/tokens/discharge", signOn},
		{"/api/v2/tokens/refresh", signOn},
		{"/api/v2/keys", signOn},
		{"/api/v2", dashboard},
		{"/dev/api/acl", acl},
	} {
		if path == f.under || strings.HasPrefix(path, f.under+"/") {
			return f.family
		}
	}
	return gateway
}

// Errors is how errors look at a path of this API, the server's own included.
var Errors reply.Shape = func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
	w.Header().Set("Cache-Control", "no-store")
	switch familyOf(r.URL.Path) {
	case signOn:
		signOnErrors(w, r, f)
	case acl:
		dashboardErrors(w, r, f)
	default:
		gatewayErrors(w, r, f)
	}
}

// location is the text by which the client of a request knows the single
// sign-on.
func (a *api) location(r *http.Request) string {
	return a.Hosts(r).Location(r.UserAgent(), r.Host)
}

// identityURL is where the identity service is that discharges bakery roots.
func (a *api) identityURL(r *http.Request) string {
	return strings.TrimSuffix(a.BaseURL(r), "/") + "/identity/"
}
