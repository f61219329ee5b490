package reply

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// Failure is an error as a client may see it: nothing internal.
type Failure struct {
	Status  int
	Code    string
	Message string
	Extra   map[string]any // for programs; may be nil
	Also    []Failure      // what else was wrong, for the shapes that have a list
}

// kinds is how the domain's kinds of error look over HTTP, unless a dialect
// knows better: the status, and the code of an error that has none.
var kinds = map[store.Kind]Failure{
	store.KindInternal:     {Status: http.StatusInternalServerError, Code: "internal-error"},
	store.KindNotFound:     {Status: http.StatusNotFound, Code: "not-found"},
	store.KindConflict:     {Status: http.StatusConflict, Code: "conflict"},
	store.KindInvalid:      {Status: http.StatusBadRequest, Code: CodeBadJSON},
	store.KindUnauthorised: {Status: http.StatusUnauthorized, Code: "user-authentication-error"},
	store.KindForbidden:    {Status: http.StatusForbidden, Code: "forbidden"},
	store.KindUnavailable:  {Status: http.StatusServiceUnavailable, Code: "remote-service-unavailable"},
	store.KindTooLarge:     {Status: http.StatusRequestEntityTooLarge, Code: CodeTooLarge},
}

// CodeRateLimit is the code of a refusal because too many ask. Its status is
// 429 whatever its kind: devices take that as "not now", where they retry a
// 5xx at once.
const CodeRateLimit = "rate-limit-exceeded"

// CodeTooMany is the same for those who guess at passwords and codes, as the
// single sign-on calls it.
const CodeTooMany = "too-many-requests"

// tooMany are the codes whose status is 429.
var tooMany = map[string]bool{
	CodeRateLimit: true, CodeTooMany: true, "register-window": true, "too-many-uploads": true,
}

// ExtraRetryAfter is where an error says, as text, after how many seconds whom
// a limit turned away may ask again, and ExtraRetryAfterV1 where it says so as a
// number, as the dashboard does; retryAfter where it does not.
const (
	ExtraRetryAfter   = "retry-after"
	ExtraRetryAfterV1 = "retry_after"
	retryAfter        = "5"
)

// internalMessage is all that a client learns of a defect. The request id in
// the answer's header leads to the rest in the log.
const internalMessage = "internal error"

// Describe says how err looks to a client. A cause is never part of it.
func Describe(err error) Failure {
	var e *store.Error
	if !errors.As(err, &e) || e.Kind == store.KindInternal {
		f := kinds[store.KindInternal]
		f.Message = internalMessage
		return f
	}
	f, known := kinds[e.Kind]
	if !known {
		f = kinds[store.KindInternal]
	}
	if e.Code != "" {
		f.Code = e.Code
	}
	if tooMany[f.Code] {
		f.Status = http.StatusTooManyRequests
	}
	f.Message = e.Message
	if e.Next != "" {
		f.Message += " (" + e.Next + ")"
	}
	f.Extra = e.Extra
	for _, also := range e.Also {
		f.Also = append(f.Also, Describe(also))
	}
	return f
}

// Shape writes an error as one API family has it.
type Shape func(w http.ResponseWriter, r *http.Request, f Failure)

// The shapes.
var (
	// ErrorList is the shape of the v2 device API and of everything that
	// belongs to no other family.
	ErrorList Shape = func(w http.ResponseWriter, r *http.Request, f Failure) {
		JSON(w, r, f.Status, map[string]any{"error-list": codeAndMessage(f)})
	}

	// DashboardErrorList is that of the publisher API under /dev/api, with an
	// underscore.
	DashboardErrorList Shape = func(w http.ResponseWriter, r *http.Request, f Failure) {
		JSON(w, r, f.Status, map[string]any{"error_list": codeAndMessage(f)})
	}

	// CharmStoreError is that of the legacy charm store, whose codes are
	// spelled in words: "not found".
	CharmStoreError Shape = func(w http.ResponseWriter, r *http.Request, f Failure) {
		JSON(w, r, f.Status, map[string]string{
			"Message": f.Message,
			"Code":    strings.ReplaceAll(f.Code, "-", " "),
		})
	}

	// RegistryErrors is that of an OCI registry, whose codes are upper case:
	// "NOT_FOUND".
	RegistryErrors Shape = func(w http.ResponseWriter, r *http.Request, f Failure) {
		JSON(w, r, f.Status, map[string]any{"errors": []map[string]string{{
			"code":    strings.ToUpper(strings.ReplaceAll(f.Code, "-", "_")),
			"message": f.Message,
		}}})
	}
)

func codeAndMessage(f Failure) []map[string]any {
	entry := map[string]any{"code": f.Code, "message": f.Message}
	if f.Extra != nil {
		entry["extra"] = f.Extra
	}
	list := []map[string]any{entry}
	for _, also := range f.Also {
		list = append(list, codeAndMessage(also)...)
	}
	return list
}

// Fail answers with err in the given shape. What the client is not told (the
// cause, or all of a defect) goes to the log with the request's id.
func Fail(w http.ResponseWriter, r *http.Request, shape Shape, err error) {
	f := Describe(err)
	switch {
	case r.Context().Err() != nil:
		slog.DebugContext(r.Context(), "the client left", "error", err)
	case f.Status >= http.StatusInternalServerError:
		slog.ErrorContext(r.Context(), "cannot serve a request", "error", err)
	case errors.Unwrap(err) != nil:
		slog.DebugContext(r.Context(), "refused a request", "error", err)
	}
	if f.Status == http.StatusTooManyRequests {
		after, given := f.Extra[ExtraRetryAfter].(string)
		if seconds, number := f.Extra[ExtraRetryAfterV1].(int); number {
			after, given = strconv.Itoa(seconds), true
		}
		if !given {
			after = retryAfter
		}
		w.Header().Set("Retry-After", after)
	}
	shape(w, r, f)
}

// NotFound is the answer to a path that nothing serves.
var NotFound = Failure{Status: http.StatusNotFound, Code: "not-found", Message: "there is no such path here"}

// MethodNotAllowed is the answer to a path that is served, but not so. The
// Allow header goes with it.
var MethodNotAllowed = Failure{
	Status: http.StatusMethodNotAllowed, Code: "method-not-allowed", Message: "this path does not take this method",
}
