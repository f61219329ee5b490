package snappublisher

import (
	"maps"
	"net/http"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// dashboardCodes are the dashboard's names of what this store calls otherwise.
var dashboardCodes = map[string]string{
	store.CodePermission: "macaroon-permission-required",
	"package-not-found":  "resource-not-found",
	"revision-not-found": "resource-not-found",
	"store-not-found":    "resource-not-found",

	"invalid-channel":         "invalid-field",
	"invalid-percentage":      "invalid-field",
	"grade-not-allowed":       "invalid-field",
	"confinement-not-allowed": "invalid-field",
	"version-not-allowed":     "invalid-field",
	"revision-not-approved":   "resource-not-ready",

	"invalid-snap-name":           "invalid",
	catalog.CodeReservedName:      "reserved_name",
	catalog.CodeAlreadyOwned:      "already_owned",
	catalog.CodeAlreadyRegistered: "already_registered",
	catalog.CodeAlreadyClaimed:    "already_claimed",
	catalog.CodeRegisterWindow:    "register_window",
	"upload-not-found":            "resource-not-found",
}

// gatewayCodes are the same for the gateway and /api/v2.
var gatewayCodes = map[string]string{
	"invalid-snap-name":  "invalid-name",
	"upload-not-found":   "resource-not-found",
	"package-not-found":  "resource-not-found",
	"revision-not-found": "resource-not-found",
	"store-not-found":    "resource-not-found",
}

// dashboardV2Codes are those of /api/v2, which has the gateway's shape, and the
// dashboard's word for a missing permission: it makes web clients log in again.
var dashboardV2Codes = func() map[string]string {
	codes := maps.Clone(gatewayCodes)
	codes[store.CodePermission] = dashboardCodes[store.CodePermission]
	return codes
}()

// challenges are the WWW-Authenticate headers of a 401, by code. Clients
// compare the first as a whole: only it makes them refresh.
var challenges = map[string]string{
	identity.CodeNeedsRefresh: "Macaroon needs_refresh=1",
}

const plainChallenge = `Macaroon realm="larder"`

// dashboardErrors is the shape under /dev/api. Older clients look for what
// programs need at the top level, newer ones in the entry's extra.
var dashboardErrors reply.Shape = func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
	body := dashboardBody(w, &f)
	reply.JSON(w, r, f.Status, body)
}

func dashboardBody(w http.ResponseWriter, f *reply.Failure) map[string]any {
	*f = named(w, *f, dashboardCodes)
	body := map[string]any{"error_list": entries(*f), "status": f.Status, "code": f.Code}
	for key, value := range f.Extra {
		if _, taken := body[key]; !taken {
			body[key] = value
		}
	}
	return body
}

// errorList is the shape under /api/v2 and /v1.
var errorList reply.Shape = func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
	codes := gatewayCodes
	if strings.HasPrefix(r.URL.Path, "/api/v2/") {
		codes = dashboardV2Codes
	}
	f = named(w, f, codes)
	reply.JSON(w, r, f.Status, map[string]any{"error-list": entries(f)})
}

// named puts the wire's codes in place of this store's, and the challenge of a
// 401 into the header.
func named(w http.ResponseWriter, f reply.Failure, codes map[string]string) reply.Failure {
	if code, ok := codes[f.Code]; ok {
		f.Code = code
	}
	if f.Status == http.StatusUnauthorized {
		challenge, ok := challenges[f.Code]
		if !ok {
			challenge = plainChallenge
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	also := make([]reply.Failure, len(f.Also))
	for i, more := range f.Also {
		also[i] = more
		if code, ok := codes[more.Code]; ok {
			also[i].Code = code
		}
	}
	f.Also = also
	return f
}

func entries(f reply.Failure) []map[string]any {
	list := make([]map[string]any, 0, 1+len(f.Also))
	for _, one := range append([]reply.Failure{f}, f.Also...) {
		entry := map[string]any{"code": one.Code, "message": one.Message}
		if one.Extra != nil {
			entry["extra"] = maps.Clone(one.Extra)
		}
		list = append(list, entry)
	}
	return list
}

// failV1 answers as /dev/api does, fail as /api/v2 and /v1 do.
func failV1(w http.ResponseWriter, r *http.Request, err error) {
	reply.Fail(w, r, dashboardErrors, err)
}
func fail(w http.ResponseWriter, r *http.Request, err error) { reply.Fail(w, r, errorList, err) }
