package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What a store's refusal means, whatever its body says. A *StoreError is one of
// them to errors.Is by its status.
var (
	// ErrUnauthorized: the store does not (or no longer) know who asks (401).
	ErrUnauthorized = errors.New("not logged in, or the login has expired")
	// ErrForbidden: the store knows who asks and refuses (403).
	ErrForbidden = errors.New("not permitted")
	// ErrNotFound: there is no such thing, or none that the caller may see (404).
	ErrNotFound = errors.New("not found")
	// ErrConflict: what is asked contradicts what the store has (409).
	ErrConflict = errors.New("conflict")
	// ErrTooManyRequests: the caller must wait (429); see StoreError.RetryAfter.
	ErrTooManyRequests = errors.New("too many requests")
)

var statusErrors = map[int]error{
	http.StatusUnauthorized:    ErrUnauthorized,
	http.StatusForbidden:       ErrForbidden,
	http.StatusNotFound:        ErrNotFound,
	http.StatusConflict:        ErrConflict,
	http.StatusTooManyRequests: ErrTooManyRequests,
}

// A StoreError is an answer of the store that is no success.
type StoreError struct {
	// Method and URL are of the request; the URL is without its query, which
	// may hold secrets.
	Method, URL string
	// Status is the HTTP status, for example 404.
	Status int
	// RequestID is what the store calls this exchange (X-Request-Id), or "".
	// Give it to the store's operator.
	RequestID string
	// RetryAfter is how long the store asks to wait, or 0.
	RetryAfter time.Duration
	// NeedsRefresh says that the store wants the discharge macaroon renewed:
	// it answered the code "macaroon-needs-refresh" or the header
	// "WWW-Authenticate: Macaroon needs_refresh=1".
	NeedsRefresh bool
	// Errors is what the store listed under "error-list" or "error_list"; empty
	// when the body was something else.
	Errors ErrorList
	// Extra holds the other members of the body, such as "retry_after" or
	// "register_name_url"; nil when the body was no JSON object.
	Extra map[string]json.RawMessage
}

// Error names the request, the status and everything the store listed.
func (e *StoreError) Error() string {
	text := fmt.Sprintf("cannot %s %s: the store answered %d", e.Method, e.URL, e.Status)
	if s := http.StatusText(e.Status); s != "" {
		text += " " + s
	}
	switch len(e.Errors) {
	case 0:
	case 1:
		text += ": " + e.Errors[0].String()
	default:
		text += ":\n" + e.Errors.String()
	}
	if e.RequestID != "" {
		text += " (request " + e.RequestID + ")"
	}
	return text
}

// Is makes errors.Is(err, ErrNotFound) and the like true by status.
func (e *StoreError) Is(target error) bool {
	want, ok := statusErrors[e.Status]
	return ok && target == want
}

// HasCode reports whether the store gave this code, in its list or at the top
// of the body. Case, '-' and '_' do not matter: stores spell one code in several
// ways (already_owned and already-owned, TWOFACTOR_REQUIRED and
// twofactor-required).
func (e *StoreError) HasCode(code string) bool {
	if e.Errors.Has(code) {
		return true
	}
	for _, key := range []string{"code", "error_code"} {
		var top string
		if json.Unmarshal(e.Extra[key], &top) == nil && top != "" && sameCode(top, code) {
			return true
		}
	}
	return false
}

// Codes are the codes of the list, as the store spelled them.
func (e *StoreError) Codes() []string {
	codes := make([]string, len(e.Errors))
	for i, item := range e.Errors {
		codes[i] = item.Code
	}
	return codes
}

// An ErrorList is what a store says about one refused request.
type ErrorList []ErrorItem

// An ErrorItem is one entry of an ErrorList.
type ErrorItem struct {
	// Code is for programs, for example "resource-not-found".
	Code string `json:"code"`
	// Message is for people.
	Message string `json:"message"`
	// Extra depends on the code, for example {"name": "title", "current": "…"};
	// nil when the store gave none.
	Extra json.RawMessage `json:"extra,omitempty"`
}

// String is "code: message".
func (i ErrorItem) String() string {
	switch {
	case i.Code == "":
		return i.Message
	case i.Message == "":
		return i.Code
	}
	return i.Code + ": " + i.Message
}

// Has reports whether an entry has this code; spelling as in
// StoreError.HasCode.
func (l ErrorList) Has(code string) bool {
	_, ok := l.Get(code)
	return ok
}

// Get returns the first entry with this code.
func (l ErrorList) Get(code string) (ErrorItem, bool) {
	for _, item := range l {
		if sameCode(item.Code, code) {
			return item, true
		}
	}
	return ErrorItem{}, false
}

// String has one line "- code: message" per entry.
func (l ErrorList) String() string {
	lines := make([]string, len(l))
	for i, item := range l {
		lines[i] = "- " + item.String()
	}
	return strings.Join(lines, "\n")
}

func sameCode(a, b string) bool { return plainCode(a) == plainCode(b) }

func plainCode(code string) string {
	return strings.ReplaceAll(strings.ToLower(code), "_", "-")
}

// A NetworkError says that no usable answer came: the store could not be
// reached, or kept answering 5xx until the tries were used up. In the second
// case it wraps the last *StoreError.
type NetworkError struct {
	Method, URL string
	// Attempts is how often the request was sent.
	Attempts int
	Err      error
}

// Error names the request and why no answer came.
func (e *NetworkError) Error() string {
	text := fmt.Sprintf("cannot %s %s", e.Method, e.URL)
	if e.Attempts > 1 {
		text += fmt.Sprintf(" after %d tries", e.Attempts)
	}
	var refused *StoreError
	if errors.As(e.Err, &refused) {
		return fmt.Sprintf("%s: the store keeps answering %d %s", text, refused.Status, http.StatusText(refused.Status))
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns the last failure.
func (e *NetworkError) Unwrap() error { return e.Err }

// An InvalidResponseError is a success whose body is not what it must be: no
// JSON, a member missing, or too long. The server is probably no store, or a
// proxy stands before it.
type InvalidResponseError struct {
	Method, URL string
	Status      int
	Err         error
}

// Error names the request and what was wrong.
func (e *InvalidResponseError) Error() string {
	return fmt.Sprintf("cannot use the answer to %s: %v", strings.TrimSpace(e.Method+" "+e.URL), e.Err)
}

// Unwrap returns what was wrong.
func (e *InvalidResponseError) Unwrap() error { return e.Err }
