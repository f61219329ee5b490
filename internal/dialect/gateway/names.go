package gateway

import (
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (g *Gateway) nameRoutes(path string) []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + path, Handle: g.listNames},
		{Pattern: "POST " + path, Handle: g.register},
		{Pattern: "DELETE " + path + "/{name}", Handle: g.unregister},
	}
}

func (g *Gateway) listNames(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, http.StatusOK, func(who store.Principal) (any, error) {
		collaborations, err := Truth(r, "include-collaborations")
		if err != nil {
			return nil, err
		}
		list, err := g.Catalog.Owned(r.Context(), who, g.Namespace, collaborations)
		if err != nil {
			return nil, err
		}
		results := make([]wirePackage, len(list))
		for i := range list {
			results[i] = g.listed(r, &list[i].Showing)
		}
		return map[string]any{"results": results}, nil
	})
}

func (g *Gateway) register(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, http.StatusOK, func(who store.Principal) (any, error) {
		wanted, err := g.registration(w, r)
		if err == nil && g.Ready != nil {
			err = g.Ready(r.Context(), who)
		}
		if err != nil {
			return nil, err
		}
		made, err := g.Catalog.Register(r.Context(), who, wanted)
		if err != nil {
			return nil, err
		}
		return map[string]any{"id": made.ID}, nil
	})
}

// registration reads which name is wanted.
func (g *Gateway) registration(w http.ResponseWriter, r *http.Request) (catalog.Registration, error) {
	var body struct {
		Name    string `json:"name"`
		Private bool   `json:"private"`
		Type    string `json:"type"`
		Team    string `json:"team"`
	}
	wanted := catalog.Registration{Namespace: g.Namespace}
	if err := reply.Decode(w, r, smallBody, &body); err != nil {
		return wanted, err
	}
	typ, known := g.custom().types[body.Type]
	if !known {
		return wanted, store.Invalidf(reply.CodeBadJSON, "cannot register a %.32q here: only %s", body.Type, g.custom().only)
	}
	if body.Team != "" {
		return wanted, store.Invalidf("invalid-field", "cannot register a name for the team %.64q: this store has no teams", body.Team).
			With("name", "team").Try("register it as yourself and invite the others to collaborate")
	}
	wanted.Name, wanted.Type, wanted.Private = body.Name, typ, body.Private
	return wanted, nil
}

func (g *Gateway) unregister(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, http.StatusOK, func(who store.Principal) (any, error) {
		id, err := g.Catalog.Unregister(r.Context(), who, g.Namespace, r.PathValue("name"))
		return map[string]any{"package-id": id}, err
	})
}
