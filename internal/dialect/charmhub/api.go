package charmhub

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// Identity says who asks. *identity.Identity is one.
type Identity interface {
	// Authenticate returns an account's principal, or an error of kind
	// unauthorised.
	Authenticate(ctx context.Context, e identity.Evidence) (store.Principal, error)
}

// Registry hands out what is needed to push and pull images. *identity.Identity is
// one.
type Registry interface {
	// UploadCredentials let whoever asks push to one repository for a while.
	UploadCredentials(ctx context.Context, who store.Principal, repo store.ImageRepo) (username string, password identity.Secret, err error)
	// PullCredentials let whoever has them pull from one repository, until they
	// are revoked. They are the same every time.
	PullCredentials(ctx context.Context, repo store.ImageRepo) (username string, password identity.Secret, err error)
}

// Options are what the API is made of. Catalog, Identity and Registry are
// required.
type Options struct {
	Catalog  *catalog.Catalog
	Identity Identity
	Registry Registry

	// BaseURL is the store's own URL as the asking client reaches it, without a
	// path. Default: the scheme and Host of the request.
	BaseURL func(*http.Request) string
	// RegistryHost is the host, and port if any, that images are pulled from.
	// Default: that of BaseURL.
	RegistryHost func(*http.Request) string
	// Ready refuses accounts that may not publish yet, such as those that have not
	// agreed to the terms. Default: none.
	Ready func(context.Context, store.Principal) error
}

type api struct {
	Options
	memory wire.Memory // of those who refresh
}

// Under is where the API hangs.
var Under = []string{"/v2/charms", "/v1/charm", "/api/v1/charms", "/api/v1/resources"}

// New returns the handler of every path in the tables of routes.
func New(o Options) http.Handler {
	a := &api{Options: o, memory: wire.NewMemory()}
	if a.BaseURL == nil {
		a.BaseURL = reply.RequestBase
	}
	if a.RegistryHost == nil {
		a.RegistryHost = func(r *http.Request) string {
			scheme, host, _ := strings.Cut(a.BaseURL(r), "://")
			return store.RegistryHost(scheme, strings.TrimSuffix(host, "/"))
		}
	}
	if a.Ready == nil {
		a.Ready = func(context.Context, store.Principal) error { return nil }
	}
	consumers := reply.Routes(consumerErrors, a.consumerRoutes())
	// A charm may be called anything but libraries: where that word stands, the
	// rest of the publishers' table must not see it.
	libraries := reply.Routes(publisherErrors, a.libraryRoutes())
	publishers := reply.Routes(publisherErrors, a.publisherRoutes())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		switch {
		case strings.HasPrefix(path, "/v1/charm/libraries/"):
			w.Header().Set("Cache-Control", "no-store")
			libraries.ServeHTTP(w, r)
		case strings.HasPrefix(path, "/v1/"):
			w.Header().Set("Cache-Control", "no-store")
			publishers.ServeHTTP(w, r)
		default:
			if len(r.Header["Authorization"]) > 0 { // it may have had a part in the answer
				w.Header().Set("Cache-Control", "private")
			}
			consumers.ServeHTTP(w, r)
		}
	})
}

// consumerRoutes are the rows that juju asks.
func (a *api) consumerRoutes() []reply.Route {
	return slices.Concat(a.infoRoutes(), a.findRoutes(), a.refreshRoutes(), a.attachmentRoutes(), a.downloadRoutes(), a.categoryRoutes())
}

// publisherRoutes are the rows under /v1/charm but for the libraries.
func (a *api) publisherRoutes() []reply.Route {
	return slices.Concat(a.gatewayRoutes(), a.uploadRoutes(), a.releaseRoutes(), a.resourceRoutes())
}

// Patterns lists every route of the API.
func Patterns() []string {
	a := &api{}
	return reply.Patterns(a.consumerRoutes(), a.libraryRoutes(), a.publisherRoutes())
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
