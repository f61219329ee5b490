package charmhub

import (
	"net/http"
	"strconv"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) libraryRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "POST /v1/charm/libraries/bulk", Handle: a.libraries},
		{Pattern: "GET /v1/charm/libraries/{charm}/{library}", Handle: a.library},
		{Pattern: "POST /v1/charm/libraries/{charm}", Handle: a.createLibrary},
		{Pattern: "POST /v1/charm/libraries/{charm}/{library}", Handle: a.publishLibrary},
	}
}

// wireLibrary is one version of a library. Lists are without content, where it is
// nil.
type wireLibrary struct {
	API     int     `json:"api"`
	Patch   int     `json:"patch"`
	Hash    string  `json:"hash"`
	ID      string  `json:"library-id"`
	Name    string  `json:"library-name"`
	Charm   string  `json:"charm-name"`
	Content *string `json:"content,omitempty"`
}

func libraryOf(v *catalog.LibraryVersion) wireLibrary {
	return wireLibrary{API: v.API, Patch: v.Patch, Hash: v.Hash, ID: v.Library.ID, Name: v.Library.Name, Charm: v.Charm}
}

// reader is whoever fetches libraries: anybody, or who shows credentials.
func (a *api) reader(r *http.Request) (store.Principal, error) {
	e := identity.EvidenceOf(r)
	if len(e.Authorization) == 0 && len(e.Macaroons) == 0 {
		return store.Principal{}, nil
	}
	return a.Identity.Authenticate(r.Context(), e)
}

// maxBulk bounds a request for libraries, bytes.
const maxBulk = 128 << 10

func (a *api) libraries(w http.ResponseWriter, r *http.Request) {
	list, err := a.librariesOf(w, r)
	switch {
	case store.CodeOf(err) == catalog.CodeNoLibrary:
		noSuchLibrary(w, r)
	case err != nil:
		fail(w, r, err)
	default:
		reply.JSON(w, r, http.StatusOK, object{"libraries": list})
	}
}

func (a *api) librariesOf(w http.ResponseWriter, r *http.Request) ([]wireLibrary, error) {
	who, err := a.reader(r)
	if err != nil {
		return nil, err
	}
	wishes, err := readWishes(w, r)
	if err != nil {
		return nil, err
	}
	found, err := a.Catalog.Libraries(r.Context(), who, wishes)
	list := make([]wireLibrary, len(found))
	for i := range found {
		list[i] = libraryOf(&found[i])
	}
	return list, err
}

// readWishes reads which libraries are wanted: each by its id, or by the name of a
// charm and perhaps its own.
func readWishes(w http.ResponseWriter, r *http.Request) ([]catalog.LibraryWish, error) {
	var items []struct {
		ID    string `json:"library-id"`
		Charm string `json:"charm-name"`
		Name  string `json:"library-name"`
		API   *int   `json:"api"`
		Patch *int   `json:"patch"`
	}
	if err := reply.Decode(w, r, maxBulk, &items); err != nil {
		return nil, err
	}
	wishes := make([]catalog.LibraryWish, len(items))
	for i, item := range items {
		wishes[i] = catalog.LibraryWish(item)
	}
	return wishes, nil
}

// noSuchLibrary is how the public store answers where one of the libraries or
// charms does not exist: charmcraft looks for an error whose code is null, and
// compares its message.
func noSuchLibrary(w http.ResponseWriter, r *http.Request) {
	list := []object{{"code": nil, "message": "Items need to include 'library_id' or 'package_id'"}}
	reply.JSON(w, r, http.StatusBadRequest, object{"error-list": list, "error_list": list})
}

func (a *api) library(w http.ResponseWriter, r *http.Request) {
	v, err := a.versionOf(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	shown := libraryOf(&v)
	shown.Content = &v.Content
	reply.JSON(w, r, http.StatusOK, shown)
}

func (a *api) versionOf(r *http.Request) (v catalog.LibraryVersion, err error) {
	who, err := a.reader(r)
	if err != nil {
		return v, err
	}
	api, err := number(r, "api")
	if err != nil {
		return v, err
	}
	patch, err := number(r, "patch")
	if err != nil {
		return v, err
	}
	return a.Catalog.Library(r.Context(), who, r.PathValue("charm"), r.PathValue("library"), api, patch)
}

// number reads an optional number of the query.
func number(r *http.Request, name string) (*int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return nil, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, store.Invalidf(reply.CodeBadJSON, "%s is a number, not %.32q", name, text)
	}
	return &n, nil
}

// maxName bounds a request that names a library, bytes.
const maxName = 4 << 10

func (a *api) createLibrary(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		var body struct {
			Name string `json:"library-name"`
		}
		if err := reply.Decode(w, r, maxName, &body); err != nil {
			return nil, err
		}
		made, err := a.Catalog.CreateLibrary(r.Context(), who, r.PathValue("charm"), body.Name)
		return object{"library-id": made.ID}, err
	})
}

// maxLibraryBody bounds a request that publishes a library, bytes. JSON takes more
// room than the text itself: what is not ASCII up to three times as much.
const maxLibraryBody = 3*store.MaxLibrary + 64<<10

func (a *api) publishLibrary(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		var body struct {
			API     *int   `json:"api"`
			Patch   *int   `json:"patch"`
			Content string `json:"content"`
			Hash    string `json:"hash"`
		}
		if err := reply.Decode(w, r, maxLibraryBody, &body); err != nil {
			return nil, err
		}
		if body.API == nil || body.Patch == nil {
			name := "api"
			if body.API != nil {
				name = "patch"
			}
			return nil, store.Invalidf("missing-field", "cannot publish a version of a library without its %s", name).With("name", name)
		}
		v, err := a.Catalog.PublishLibrary(r.Context(), who, r.PathValue("charm"), store.LibraryRevision{
			LibraryID: r.PathValue("library"), API: *body.API, Patch: *body.Patch, Hash: body.Hash, Content: body.Content,
		})
		return libraryOf(&v), err
	})
}
