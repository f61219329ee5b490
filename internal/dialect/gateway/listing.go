package gateway

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (g *Gateway) listingRoutes(path string) []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + path + "/{name}", Handle: g.metadata},
		{Pattern: "PATCH " + path + "/{name}", Handle: g.patchMetadata},
	}
}

func (g *Gateway) metadata(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, http.StatusOK, func(who store.Principal) (any, error) { return g.describe(r, who) })
}

// describe is the package that a path names.
func (g *Gateway) describe(r *http.Request, who store.Principal) (any, error) {
	s, err := g.Catalog.Show(r.Context(), who, g.Namespace, store.Ref{Name: r.PathValue("name")})
	if err != nil {
		return nil, err
	}
	return map[string]any{"metadata": g.whole(r, &s)}, nil
}

func (g *Gateway) patchMetadata(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, http.StatusOK, func(who store.Principal) (any, error) {
		e, err := ReadEdit(w, r, Fields)
		if err != nil {
			return nil, err
		}
		_, err = g.Catalog.EditListing(r.Context(), who, g.Namespace, store.Ref{Name: r.PathValue("name")}, e)
		if err != nil {
			return nil, err
		}
		return g.describe(r, who)
	})
}

// EditField reads one field of a request into an edit.
type EditField func(raw json.RawMessage, e *catalog.Edit) error

// Into reads a field's value; null is the empty one.
func Into[T any](at func(*catalog.Edit) **T) EditField {
	return func(raw json.RawMessage, e *catalog.Edit) error {
		v := new(T)
		*at(e) = v
		return json.Unmarshal(raw, v)
	}
}

// Fields are what a request may change of what people read about a package.
var Fields = map[string]EditField{
	"title":         Into(func(e *catalog.Edit) **string { return &e.Title }),
	"summary":       Into(func(e *catalog.Edit) **string { return &e.Summary }),
	"description":   Into(func(e *catalog.Edit) **string { return &e.Description }),
	"license":       Into(func(e *catalog.Edit) **string { return &e.License }),
	"contact":       Into(func(e *catalog.Edit) **string { return &e.Contact }),
	"website":       Into(func(e *catalog.Edit) **string { return &e.Website }),
	"links":         Into(func(e *catalog.Edit) **map[string][]string { return &e.Links }),
	"keywords":      Into(func(e *catalog.Edit) **[]string { return &e.Keywords }),
	"private":       Into(func(e *catalog.Edit) **bool { return &e.Private }),
	"unlisted":      Into(func(e *catalog.Edit) **bool { return &e.Unlisted }),
	"default-track": Into(func(e *catalog.Edit) **string { return &e.DefaultTrack }),
	"categories":    Into(func(e *catalog.Edit) **[]string { return &e.Categories }),
}

// MaxEdit bounds a request that edits a listing, bytes.
const MaxEdit = 256 << 10

// ReadEdit reads a request that edits a listing.
func ReadEdit(w http.ResponseWriter, r *http.Request, fields map[string]EditField) (catalog.Edit, error) {
	var e catalog.Edit
	var body map[string]json.RawMessage
	if err := reply.Decode(w, r, MaxEdit, &body); err != nil {
		return e, err
	}
	if body == nil {
		return e, store.Invalidf("invalid-request", "send an object with what to change")
	}
	var faults []*store.Error
	for _, name := range slices.Sorted(maps.Keys(body)) {
		read, known := fields[name]
		switch {
		case !known:
			faults = append(faults, store.Invalidf("invalid-field", "there is no field %.60q to change", name).With("name", name))
		case read(body[name], &e) != nil:
			faults = append(faults, store.Invalidf("invalid-field", "%s is of the wrong type", name).With("name", name))
		}
	}
	return e, store.Together(faults)
}
