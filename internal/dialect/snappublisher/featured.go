package snappublisher

import (
	"encoding/json"
	"net/http"

	"github.com/larder-store/larder/internal/dialect/reply"
)

// The word featured wins over a snap's name, see store.ReservedName.
func (a *api) featuredGateway() []reply.Route {
	return []reply.Route{
		{Pattern: "GET /v1/snap/featured", Handle: a.featured},
		{Pattern: "PUT /v1/snap/featured", Handle: a.feature(true)},
		{Pattern: "DELETE /v1/snap/featured", Handle: a.feature(false)},
	}
}

// wireFeatured names snaps by id: under packages, or as a list alone.
type wireFeatured struct {
	Packages []string `json:"packages"`
}

// UnmarshalJSON reads either form.
func (f *wireFeatured) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, &f.Packages)
	}
	type plain wireFeatured
	return json.Unmarshal(data, (*plain)(f))
}

// feature adds to what is featured, or takes from it. Clients that replace it all
// do one after the other, and take nothing but 201 for success.
func (a *api) feature(on bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := a.who(r)
		if err != nil {
			fail(w, r, err)
			return
		}
		var body wireFeatured
		if err := decodeClosed(w, r, smallBody, reply.CodeBadJSON, closed{"packages": nil}, &body); err != nil {
			fail(w, r, err)
			return
		}
		if err := a.Catalog.Feature(r.Context(), who, body.Packages, on); err != nil {
			fail(w, r, err)
			return
		}
		a.answerFeatured(w, r, http.StatusCreated)
	}
}

func (a *api) featured(w http.ResponseWriter, r *http.Request) { a.answerFeatured(w, r, http.StatusOK) }

func (a *api) answerFeatured(w http.ResponseWriter, r *http.Request, status int) {
	type wirePackage struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	list, err := a.Catalog.FeaturedSnaps(r.Context(), who)
	if err != nil {
		fail(w, r, err)
		return
	}
	packages := make([]wirePackage, len(list))
	for i, p := range list {
		packages[i] = wirePackage{p.ID, p.Name}
	}
	reply.JSON(w, r, status, map[string]any{"packages": packages})
}
