package snappublisher

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/gateway"
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

// ignored is a field that says nothing here which its neighbours do not.
func ignored(json.RawMessage, *catalog.Edit) error { return nil }

// dashboardFields are what a request to the dashboard may change.
var dashboardFields = map[string]gateway.EditField{
	"title":                      gateway.Fields["title"],
	"summary":                    gateway.Fields["summary"],
	"description":                gateway.Fields["description"],
	"license":                    gateway.Fields["license"],
	"contact":                    gateway.Fields["contact"],
	"website":                    gateway.Fields["website"],
	"links":                      gateway.Fields["links"],
	"keywords":                   gateway.Fields["keywords"],
	"video_urls":                 gateway.Into(func(e *catalog.Edit) **[]string { return &e.Videos }),
	"whitelist_countries":        gateway.Into(func(e *catalog.Edit) **[]string { return &e.OnlyCountries }),
	"blacklist_countries":        gateway.Into(func(e *catalog.Edit) **[]string { return &e.NotInCountries }),
	"whitelist_country_codes":    gateway.Into(func(e *catalog.Edit) **[]string { return &e.OnlyCountries }),
	"blacklist_country_codes":    gateway.Into(func(e *catalog.Edit) **[]string { return &e.NotInCountries }),
	"public_metrics_enabled":     gateway.Into(func(e *catalog.Edit) **bool { return &e.PublicMetrics }),
	"public_metrics_blacklist":   gateway.Into(func(e *catalog.Edit) **[]string { return &e.HiddenMetrics }),
	"public_metrics_distros":     ignored, // said again in public_metrics_blacklist
	"public_metrics_territories": ignored,
	"update_metadata_on_release": gateway.Into(func(e *catalog.Edit) **bool { return &e.FollowsReleases }),
	"private":                    gateway.Fields["private"],
	"unlisted":                   gateway.Fields["unlisted"],
	"default_track":              gateway.Fields["default-track"],
	"categories":                 gateway.Fields["categories"],
	"series":                     ignored,
	"name":                       ignored, // both name the snap again, whose id stands in the path
	"snap_name":                  ignored,
}

// dashboardNames are the dashboard's names of the fields that the catalog calls
// otherwise.
var dashboardNames = map[string]string{
	"videos": "video_urls", "only-countries": "whitelist_countries", "not-in-countries": "blacklist_countries",
	"public-metrics": "public_metrics_enabled", "hidden-metrics": "public_metrics_blacklist",
	"follows-releases": "update_metadata_on_release", "default-track": "default_track",
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
	e, err := gateway.ReadEdit(w, r, dashboardFields)
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
