package charmhub

import (
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) gatewayRoutes() []reply.Route {
	g := gateway.Gateway{
		Namespace: store.Charm, Catalog: a.Catalog, Who: a.who, Errors: publisherErrors, BaseURL: a.BaseURL, Ready: a.Ready,
	}
	return g.Routes()
}

func (a *api) categoryRoutes() []reply.Route {
	return []reply.Route{{Pattern: "GET /v2/charms/categories", Handle: a.categories}}
}

// categories lists the shelves, which snaps and charms share. charmhub.io asks
// for those that are shared; there are no others.
func (a *api) categories(w http.ResponseWriter, r *http.Request) {
	type wireCategory struct {
		Name string `json:"name"`
	}
	names, err := a.Catalog.Categories(r.Context(), catalog.Asker{})
	if err != nil {
		reply.Fail(w, r, consumerErrors, err)
		return
	}
	list := make([]wireCategory, len(names))
	for i, name := range names {
		list[i].Name = name
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"categories": list})
}
