package snappublisher

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) listingV1() []reply.Route {
	return []reply.Route{
		{Pattern: "PUT /dev/api/snaps/{id}/metadata", Handle: a.editMetadata},
		{Pattern: "POST /dev/api/snaps/{id}/metadata", Handle: a.editMetadata},
		{Pattern: "GET /dev/api/snaps/{id}/binary-metadata", Handle: a.media},
		{Pattern: "PUT /dev/api/snaps/{id}/binary-metadata", Handle: a.setMedia},
		{Pattern: "POST /dev/api/snaps/{id}/binary-metadata", Handle: a.setMedia},
	}
}

func (a *api) listingInfo() []reply.Route {
	return []reply.Route{{Pattern: "GET /dev/api/snaps/info/{name}", Handle: a.snapInfo}}
}

func (a *api) listingGateway() []reply.Route {
	return []reply.Route{
		{Pattern: "GET /v1/snap/{name}", Handle: a.packageMetadata},
		{Pattern: "PATCH /v1/snap/{name}", Handle: a.patchMetadata},
	}
}

// maxMetadataBody bounds a request that edits a listing, bytes.
const maxMetadataBody = 256 << 10

func (a *api) snapInfo(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	s, err := a.Catalog.Show(r.Context(), who, store.Snap, store.Ref{Name: r.PathValue("name")})
	if err != nil {
		failV1(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, a.infoOf(r, &s))
}

// editField reads one field of a request into an edit.
type editField func(raw json.RawMessage, e *catalog.Edit) error

// into reads a field's value; null is the empty one.
func into[T any](at func(*catalog.Edit) **T) editField {
	return func(raw json.RawMessage, e *catalog.Edit) error {
		v := new(T)
		*at(e) = v
		return json.Unmarshal(raw, v)
	}
}

// ignored is a field that says nothing here which its neighbours do not.
func ignored(json.RawMessage, *catalog.Edit) error { return nil }

// dashboardFields are what a request to the dashboard may change.
var dashboardFields = map[string]editField{
	"title":                      into(func(e *catalog.Edit) **string { return &e.Title }),
	"summary":                    into(func(e *catalog.Edit) **string { return &e.Summary }),
	"description":                into(func(e *catalog.Edit) **string { return &e.Description }),
	"license":                    into(func(e *catalog.Edit) **string { return &e.License }),
	"contact":                    into(func(e *catalog.Edit) **string { return &e.Contact }),
	"website":                    into(func(e *catalog.Edit) **string { return &e.Website }),
	"links":                      into(func(e *catalog.Edit) **map[string][]string { return &e.Links }),
	"keywords":                   into(func(e *catalog.Edit) **[]string { return &e.Keywords }),
	"video_urls":                 into(func(e *catalog.Edit) **[]string { return &e.Videos }),
	"whitelist_countries":        into(func(e *catalog.Edit) **[]string { return &e.OnlyCountries }),
	"blacklist_countries":        into(func(e *catalog.Edit) **[]string { return &e.NotInCountries }),
	"whitelist_country_codes":    into(func(e *catalog.Edit) **[]string { return &e.OnlyCountries }),
	"blacklist_country_codes":    into(func(e *catalog.Edit) **[]string { return &e.NotInCountries }),
	"public_metrics_enabled":     into(func(e *catalog.Edit) **bool { return &e.PublicMetrics }),
	"public_metrics_blacklist":   into(func(e *catalog.Edit) **[]string { return &e.HiddenMetrics }),
	"public_metrics_distros":     ignored, // said again in public_metrics_blacklist
	"public_metrics_territories": ignored,
	"update_metadata_on_release": into(func(e *catalog.Edit) **bool { return &e.FollowsReleases }),
	"private":                    into(func(e *catalog.Edit) **bool { return &e.Private }),
	"unlisted":                   into(func(e *catalog.Edit) **bool { return &e.Unlisted }),
	"default_track":              into(func(e *catalog.Edit) **string { return &e.DefaultTrack }),
	"categories":                 into(func(e *catalog.Edit) **[]string { return &e.Categories }),
	"series":                     ignored,
	"name":                       ignored, // both name the snap again, whose id stands in the path
	"snap_name":                  ignored,
}

// gatewayFields are what a request to the gateway may change.
var gatewayFields = map[string]editField{
	"title":         dashboardFields["title"],
	"summary":       dashboardFields["summary"],
	"description":   dashboardFields["description"],
	"license":       dashboardFields["license"],
	"contact":       dashboardFields["contact"],
	"website":       dashboardFields["website"],
	"links":         dashboardFields["links"],
	"keywords":      dashboardFields["keywords"],
	"private":       dashboardFields["private"],
	"unlisted":      dashboardFields["unlisted"],
	"default-track": dashboardFields["default_track"],
	"categories":    dashboardFields["categories"],
}

// dashboardNames are the dashboard's names of the fields that the catalog calls
// otherwise.
var dashboardNames = map[string]string{
	"videos": "video_urls", "only-countries": "whitelist_countries", "not-in-countries": "blacklist_countries",
	"public-metrics": "public_metrics_enabled", "hidden-metrics": "public_metrics_blacklist",
	"follows-releases": "update_metadata_on_release", "default-track": "default_track",
}

// readEdit reads a request that edits a listing.
func readEdit(w http.ResponseWriter, r *http.Request, fields map[string]editField) (catalog.Edit, error) {
	var e catalog.Edit
	var body map[string]json.RawMessage
	if err := reply.Decode(w, r, maxMetadataBody, &body); err != nil {
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

// editMetadata changes what people read about a snap. snapcraft POSTs what the snap
// itself says, so as not to overwrite what somebody has edited in the store, and
// PUTs it to do just that. Web pages PUT what somebody has typed there, and ask not
// to change what would not last.
func (a *api) editMetadata(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	e, err := readEdit(w, r, dashboardFields)
	if err != nil {
		failV1(w, r, err)
		return
	}
	e.KeepFollowing = r.URL.Query().Get("conflict_on_update") == "true"
	e.KeepEdits = r.Method == http.MethodPost
	e.Uploaded = e.KeepEdits || !e.KeepFollowing
	pkg, err := a.Catalog.EditListing(r.Context(), who, store.Snap, snapByID(r), e)
	if err != nil {
		failV1(w, r, renamed(err, dashboardNames))
		return
	}
	reply.JSON(w, r, http.StatusOK, a.metadataOf(r, &catalog.Showing{Package: pkg}))
}

// renamed is err with the wire's names of fields in place of the catalog's.
func renamed(err error, names map[string]string) error {
	var e *store.Error
	if !errors.As(err, &e) {
		return err
	}
	rename := func(e *store.Error) *store.Error {
		if name, ok := e.Extra["name"].(string); ok {
			return e.With("name", cmp.Or(names[name], name))
		}
		return e
	}
	out := rename(e)
	also := make([]*store.Error, len(e.Also))
	for i, more := range e.Also {
		also[i] = rename(more)
	}
	one := *out
	one.Also = also
	return &one
}

func (a *api) packageMetadata(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	s, err := a.Catalog.Show(r.Context(), who, store.Snap, store.Ref{Name: r.PathValue("name")})
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"metadata": a.gatewayPackage(r, &s)})
}

func (a *api) patchMetadata(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	e, err := readEdit(w, r, gatewayFields)
	if err != nil {
		fail(w, r, err)
		return
	}
	ref := store.Ref{Name: r.PathValue("name")}
	if _, err := a.Catalog.EditListing(r.Context(), who, store.Snap, ref, e); err != nil {
		fail(w, r, err)
		return
	}
	a.packageMetadata(w, r)
}
