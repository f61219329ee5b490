package sso

import (
	"maps"
	"net/http"
	"strings"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// signOnCodes are the single sign-on's names of what this store calls
// otherwise.
var signOnCodes = map[string]string{
	reply.CodeBadJSON: identity.CodeInvalidData,
}

// dashboardCodes are the dashboard's, under /dev/api.
var dashboardCodes = map[string]string{
	identity.CodeBadAsk:  "invalid-field",
	reply.CodeBadJSON:    "invalid-request",
	store.CodePermission: "macaroon-permission-required",
}

// gatewayCodes are those of the gateway and of /api/v2.
var gatewayCodes = map[string]string{
	identity.CodeBadAsk: reply.CodeBadJSON,
	"session-not-found": "resource-not-found",
}

// The WWW-Authenticate headers of a 401. Clients compare the first as a whole:
// only it makes them refresh.
const (
	refreshChallenge = "Macaroon needs_refresh=1"
	plainChallenge   = `Macaroon realm="larder"`
)

// signOnErrors is the shape of the single sign-on. snapd reads the code at the
// top, in upper case; craft-store and its users read the list.
var signOnErrors reply.Shape = func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
	f = named(f, signOnCodes)
	reply.JSON(w, r, f.Status, map[string]any{
		"code":       strings.ToUpper(strings.ReplaceAll(f.Code, "-", "_")),
		"message":    f.Message,
		"extra":      texts(f.Extra),
		"error_list": []map[string]any{{"code": f.Code, "message": f.Message}},
	})
}

// texts are the values that snapd can read there: anything else hides the whole
// error from it.
func texts(extra map[string]any) map[string]any {
	kept := map[string]any{}
	for key, value := range extra {
		switch value.(type) {
		case string, []string:
			kept[key] = value
		}
	}
	return kept
}

// dashboardErrors is the shape under /dev/api. Older clients look for what
// programs need at the top level.
var dashboardErrors reply.Shape = func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
	f = named(f, dashboardCodes)
	challenge(w, f)
	reply.JSON(w, r, f.Status, dashboardBody(f))
}

func dashboardBody(f reply.Failure) map[string]any {
	body := maps.Clone(f.Extra)
	if body == nil {
		body = map[string]any{}
	}
	body["error_list"], body["status"], body["code"] = []map[string]any{entry(f)}, f.Status, f.Code
	return body
}

// gatewayErrors is the shape under /v1 and /api/v2.
var gatewayErrors reply.Shape = func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
	f = named(f, gatewayCodes)
	challenge(w, f)
	reply.JSON(w, r, f.Status, map[string]any{"error-list": []map[string]any{entry(f)}})
}

func named(f reply.Failure, codes map[string]string) reply.Failure {
	if code, ok := codes[f.Code]; ok {
		f.Code = code
	}
	return f
}

func challenge(w http.ResponseWriter, f reply.Failure) {
	switch {
	case f.Status != http.StatusUnauthorized:
	case f.Code == identity.CodeNeedsRefresh:
		w.Header().Set("WWW-Authenticate", refreshChallenge)
	default:
		w.Header().Set("WWW-Authenticate", plainChallenge)
	}
}

func entry(f reply.Failure) map[string]any {
	e := map[string]any{"code": f.Code, "message": f.Message}
	if f.Extra != nil {
		e["extra"] = f.Extra
	}
	return e
}

// handler is what a path does: it answers with a value, or with an error in its
// family's shape.
type handler func(*http.Request) (any, error)

func answering(shape reply.Shape, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := h(r)
		if err != nil {
			reply.Fail(w, r, shape, err)
			return
		}
		reply.JSON(w, r, http.StatusOK, body)
	}
}

// read reads the body. The value of a client that sends none stays as it is.
func read(r *http.Request, v any) error {
	if r.ContentLength == 0 {
		return nil
	}
	return reply.Decode(nil, r, BodyLimit, v)
}
