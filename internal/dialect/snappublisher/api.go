package snappublisher

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// Identity says who asks. *identity.Identity is one; tests that are not about
// credentials have a simpler one.
type Identity interface {
	// Authenticate returns an account's principal, or an error of kind
	// unauthorised.
	Authenticate(ctx context.Context, e identity.Evidence) (store.Principal, error)
	// User returns an account that can log in; its error code is
	// "user-not-found".
	User(ctx context.Context, accountID string) (store.User, error)
	// Users finds accounts by address; those that do not exist are left out.
	UsersByEmail(ctx context.Context, emails []string) ([]store.User, error)
	// Agree notes that the account has accepted the terms; Rename gives it another
	// username.
	Agree(ctx context.Context, who store.Principal) (store.User, error)
	Rename(ctx context.Context, who store.Principal, username string) (store.User, error)
}

// Options are what the API is made of. Catalog and Identity are required.
type Options struct {
	Catalog  *catalog.Catalog
	Identity Identity

	// BaseURL is the store's own URL as the asking client reaches it, without a
	// path. Default: the scheme and Host of the request.
	BaseURL func(*http.Request) string

	// Terms are what publishers have to agree to. Default: nothing.
	Terms func(context.Context) (Terms, error)

	Now func() time.Time // default: time.Now
}

type api struct {
	Options
}

// Where the API hangs.
var (
	Under   = []string{"/dev/api", "/api/v2", "/unscanned-upload", "/v1/snap"}
	Exactly []string
)

// New returns the handler of every path in the tables of routes.
func New(o Options) http.Handler {
	a := &api{o}
	if a.BaseURL == nil {
		a.BaseURL = reply.RequestBase
	}
	if a.Terms == nil {
		a.Terms = func(context.Context) (Terms, error) { return Terms{}, nil }
	}
	if a.Now == nil {
		a.Now = time.Now
	}
	// A snap may be called "state" or "close": where the word info stands, what
	// follows is a name, and the rest of the table must not see it.
	info := reply.Routes(dashboardErrors, a.infoRoutes())
	dashboard := reply.Routes(dashboardErrors, a.dashboardRoutes())
	rest := reply.Routes(errorList, slices.Concat(a.dashboardV2Routes(), a.gatewayRoutes()))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = reply.WithoutFinalSlash(r)
		path := r.URL.EscapedPath()
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case strings.HasPrefix(path, "/dev/api/snaps/info/"):
			info.ServeHTTP(w, r)
		case strings.HasPrefix(path, "/dev/api/"), strings.HasPrefix(path, "/unscanned-upload"):
			dashboard.ServeHTTP(w, r)
		default:
			rest.ServeHTTP(w, r)
		}
	})
}

// dashboardRoutes are the rows under /dev/api and the upload store's.
func (a *api) dashboardRoutes() []reply.Route {
	return slices.Concat(a.namesV1(), a.accountV1(), a.uploadsV1(), a.releasesV1(), a.listingV1(), a.metricsV1(), a.papersV1())
}

// infoRoutes are the rows under /dev/api/snaps/info.
func (a *api) infoRoutes() []reply.Route {
	return slices.Concat(a.listingInfo())
}

// dashboardV2Routes are the rows under /api/v2.
func (a *api) dashboardV2Routes() []reply.Route {
	return slices.Concat(a.releasesV2(), a.setsV2(), a.storesV2())
}

// gatewayRoutes are the rows under /v1/snap.
func (a *api) gatewayRoutes() []reply.Route {
	return slices.Concat(a.common().Routes(), a.uploadsGateway(), a.releasesGateway(), a.featuredGateway())
}

// common is what charms have under /v1/charm in the same way.
func (a *api) common() *gateway.Gateway {
	return &gateway.Gateway{
		Namespace: store.Snap, Catalog: a.Catalog, Who: a.who, Errors: errorList, BaseURL: a.BaseURL,
		Ready: gateway.Ready(a.Identity, a.Terms),
	}
}

// Patterns lists every route of the API.
func Patterns() []string {
	a := &api{}
	return reply.Patterns(a.infoRoutes(), a.dashboardRoutes(), a.dashboardV2Routes(), a.gatewayRoutes())
}

// who says who asks. Every use case then says what that account may do.
func (a *api) who(r *http.Request) (store.Principal, error) {
	return a.Identity.Authenticate(r.Context(), identity.EvidenceOf(r))
}

// answer does what whoever asks may, and answers 200 with what comes of it.
func (a *api) answer(w http.ResponseWriter, r *http.Request, do func(who store.Principal) (body any, err error)) {
	who, err := a.who(r)
	var body any
	if err == nil {
		body, err = do(who)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, body)
}
