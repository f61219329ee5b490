package gateway

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// Gateway serves one namespace. All but Ready is required.
type Gateway struct {
	Namespace store.Namespace
	Catalog   *catalog.Catalog
	// Who says who asks.
	Who func(*http.Request) (store.Principal, error)
	// Errors is the shape of the dialect.
	Errors reply.Shape
	// BaseURL is the store's own URL as the asking client reaches it, without a
	// path.
	BaseURL func(*http.Request) string
	// Ready refuses accounts that may not register names yet. Default: none.
	Ready func(context.Context, store.Principal) error
}

// custom is what clients of one namespace expect otherwise than those of the
// other.
type custom struct {
	path string // of the list of names
	// types are the words for what a name can be registered for, and how the
	// catalog calls it; only is how people do.
	types map[string]string
	only  string
	// short leaves tracks and guardrails out of lists, where no default track is
	// shown either.
	short bool
	// defaultTrack stands where a package has none of its own, unless in lists;
	// "" is null.
	defaultTrack string
	// answered is the status of an invite's answer.
	answered int
}

var customs = map[store.Namespace]custom{
	store.Snap: {path: "/v1/snap", types: map[string]string{"": "", "snap": ""}, only: "snaps", answered: http.StatusOK},
	store.Charm: {
		path:  "/v1/charm",
		types: map[string]string{"": store.TypeCharm, "charm": store.TypeCharm, "bundle": store.TypeBundle}, only: "charms and bundles",
		short: true,
		// charmcraft promotes within the track that stands here.
		defaultTrack: store.LatestTrack,
		// charmhub.io takes nothing else for a success.
		answered: http.StatusNoContent,
	},
}

func (g *Gateway) custom() custom { return customs[g.Namespace] }

// Routes are the rows of all that this package serves.
func (g *Gateway) Routes() []reply.Route {
	path := g.custom().path
	return slices.Concat(g.nameRoutes(path), g.listingRoutes(path), g.trackRoutes(path), g.teamRoutes(path))
}

// smallBody bounds requests that hold a few words or name a few things, bytes.
const smallBody = 64 << 10

// answer does what whoever asks may, and answers with what comes of it.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, status int, do func(who store.Principal) (body any, err error)) {
	who, err := g.Who(r)
	var body any
	if err == nil {
		body, err = do(who)
	}
	switch {
	case err != nil:
		reply.Fail(w, r, g.Errors, err)
	case status == http.StatusNoContent:
		w.WriteHeader(status)
	default:
		reply.JSON(w, r, status, body)
	}
}

// Truth reads an optional true or false of the query.
func Truth(r *http.Request, name string) (bool, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return false, nil
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, store.Invalidf(reply.CodeBadJSON, "%s is true or false, not %.32q", name, text)
	}
	return v, nil
}
