package oci

import (
	"net/http"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// spoken are the registry's codes for those of the store that are not the same in
// lower case, and their status where it is not that of their kind.
var spoken = map[string]struct {
	code   string
	status int
}{
	catalog.CodePieceOutOfOrder: {"BLOB_UPLOAD_INVALID", http.StatusRequestedRangeNotSatisfiable},
	store.CodeManifestPinned:    {"DENIED", 0},
	"too-many-images":           {"DENIED", 0},
	"bad-range":                 {"UNSUPPORTED", http.StatusRequestedRangeNotSatisfiable},
	reply.NotFound.Code:         {"NAME_UNKNOWN", 0},
	reply.MethodNotAllowed.Code: {"UNSUPPORTED", 0},
}

// byStatus are the codes of what has none of the registry's.
var byStatus = map[int]string{
	http.StatusUnauthorized: "UNAUTHORIZED", http.StatusForbidden: "DENIED", http.StatusTooManyRequests: "TOOMANYREQUESTS",
	http.StatusInternalServerError: "UNKNOWN", http.StatusServiceUnavailable: "UNAVAILABLE",
	http.StatusRequestEntityTooLarge: "SIZE_INVALID",
}

// registryErrors is the shape of the registry's errors.
func registryErrors(w http.ResponseWriter, r *http.Request, f reply.Failure) {
	said, known := spoken[f.Code]
	if said.status != 0 {
		f.Status = said.status
	}
	code := said.code
	if !known {
		if code = byStatus[f.Status]; code == "" {
			code = strings.ToUpper(strings.ReplaceAll(f.Code, "-", "_"))
		}
	}
	entry := map[string]any{"code": code, "message": f.Message}
	if f.Extra != nil {
		entry["detail"] = f.Extra
	}
	w.Header().Set("Cache-Control", "no-store")
	reply.JSON(w, r, f.Status, map[string]any{"errors": []any{entry}})
}

func fail(w http.ResponseWriter, r *http.Request, err error) { reply.Fail(w, r, Errors, err) }
