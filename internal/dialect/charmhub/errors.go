package charmhub

import (
	"maps"
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// publisherCodes are the wire's names of what this store calls otherwise.
var publisherCodes = map[string]string{
	"invalid-charm-name": "invalid-name",
	"upload-not-found":   "resource-not-found",
	"package-not-found":  "resource-not-found",
	"revision-not-found": "resource-not-found",
	"store-not-found":    "resource-not-found",

	catalog.CodeNoLibrary:       "resource-not-found",
	"library-version-not-found": "resource-not-found",

	// Only snaps have discharges that a client can refresh: told so, craft-store
	// asks for an endpoint that charms do not have.
	"macaroon-needs-refresh": "user-authentication-error",
}

// unregisterCodes are the same for the one request that gives up a name: clients
// know why it may be refused.
var unregisterCodes = func() map[string]string {
	codes := maps.Clone(publisherCodes)
	codes[codePublished], codes[store.CodeForeignPackage] = "forbidden", store.CodePermission
	return codes
}()

// codePublished is the code of a name that cannot be given up any more.
const codePublished = "package-published"

// knownWords begin the messages in which clients look for them.
var knownWords = map[string]string{
	"invalid-tracks":     "Invalid track name: ",
	"conflicting-tracks": "Conflicting track exists: ",
}

// publisherErrors is the shape under /v1/charm. craft-store reads either
// spelling of the list.
var publisherErrors reply.Shape = func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
	if f.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Macaroon realm="larder"`)
	}
	codes := publisherCodes
	if r.Method == http.MethodDelete {
		codes = unregisterCodes
		if f.Code == codePublished {
			f.Status = http.StatusForbidden
		}
	}
	f.Message = knownWords[f.Code] + f.Message
	list := entries(f, codes)
	reply.JSON(w, r, f.Status, map[string]any{"error-list": list, "error_list": list})
}

// consumerErrors is the shape that juju reads, of the list only the first.
var consumerErrors reply.Shape = func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
	reply.JSON(w, r, f.Status, map[string]any{"error-list": entries(f, nil)})
}

func entries(f reply.Failure, codes map[string]string) []map[string]any {
	list := make([]map[string]any, 0, 1+len(f.Also))
	for _, one := range append([]reply.Failure{f}, f.Also...) {
		code := one.Code
		if wire, ok := codes[code]; ok {
			code = wire
		}
		entry := map[string]any{"code": code, "message": one.Message}
		if one.Extra != nil {
			entry["extra"] = maps.Clone(one.Extra)
		}
		list = append(list, entry)
	}
	return list
}

// fail answers as /v1/charm does.
func fail(w http.ResponseWriter, r *http.Request, err error) { reply.Fail(w, r, publisherErrors, err) }
