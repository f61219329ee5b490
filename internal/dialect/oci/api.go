package oci

import (
	"net/http"
	"net/url"
	"slices"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
)

// Options are what the API is made of. Catalog and Identity are required.
type Options struct {
	Catalog  *catalog.Catalog
	Identity *identity.Identity

	// BaseURL is the store's own URL as the asking client reaches it, without a
	// path. Default: the scheme and Host of the request.
	BaseURL func(*http.Request) string
}

type api struct {
	Options
}

// Where the API hangs.
var (
	Under   = []string{"/v2/charm"}
	Exactly = []string{"/v2/", "/v2/_catalog", "/v2/token"}
)

// Errors is the shape of errors under these paths.
var Errors reply.Shape = registryErrors

// New returns the handler of every path in the table of routes.
func New(o Options) http.Handler {
	a := &api{o}
	if a.BaseURL == nil {
		a.BaseURL = reply.RequestBase
	}
	routes := reply.Routes(Errors, a.routes())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		routes.ServeHTTP(w, r)
	})
}

// Patterns lists every route of the API.
func Patterns() []string { return reply.Patterns((&api{}).routes()) }

const repository = "/v2/charm/{key}/{resource}"

func (a *api) routes() []reply.Route {
	return slices.Concat([]reply.Route{
		{Pattern: "GET /v2/{$}", Handle: a.check},
		{Pattern: "GET /v2/token", Handle: a.getToken},
		{Pattern: "POST /v2/token", Handle: a.postToken},
		{Pattern: "GET /v2/_catalog", Handle: a.listRepositories},
	}, a.blobRoutes(), a.manifestRoutes())
}

func (a *api) blobRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + repository + "/blobs/{digest}", Handle: a.to(pull, a.getBlob)},
		{Pattern: "POST " + repository + "/blobs/uploads", Handle: a.to(push, a.beginUpload)},
		{Pattern: "POST " + repository + "/blobs/uploads/{$}", Handle: a.to(push, a.beginUpload)},
		{Pattern: "GET " + repository + "/blobs/uploads/{id}", Handle: a.to(push, a.stateOfUpload)},
		{Pattern: "PATCH " + repository + "/blobs/uploads/{id}", Handle: a.to(push, a.appendUpload)},
		{Pattern: "PUT " + repository + "/blobs/uploads/{id}", Handle: a.to(push, a.finishUpload)},
		{Pattern: "DELETE " + repository + "/blobs/uploads/{id}", Handle: a.to(push, a.cancelUpload)},
	}
}

func (a *api) manifestRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + repository + "/manifests/{reference}", Handle: a.to(pull, a.getManifest)},
		{Pattern: "PUT " + repository + "/manifests/{reference}", Handle: a.to(push, a.putManifest)},
		{Pattern: "DELETE " + repository + "/manifests/{reference}", Handle: a.to(remove, a.deleteManifest)},
		{Pattern: "GET " + repository + "/tags/list", Handle: a.to(pull, a.listTags)},
		{Pattern: "GET " + repository + "/referrers/{digest}", Handle: a.to(pull, a.listReferrers)},
	}
}

// service is whose tokens are: the host that clients know the registry by.
func (a *api) service(r *http.Request) string {
	if u, err := url.Parse(a.BaseURL(r)); err == nil && u.Host != "" {
		return u.Host
	}
	return r.Host
}
