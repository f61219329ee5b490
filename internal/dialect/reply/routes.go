package reply

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// Route is a row of a dialect's route table.
type Route struct {
	Pattern string // as http.ServeMux takes it, such as "GET /v2/snaps/info/{name}"
	Handle  http.HandlerFunc
}

// Patterns lists the patterns of route tables, for documentation and tests.
func Patterns(tables ...[]Route) (patterns []string) {
	for _, routes := range tables {
		for _, route := range routes {
			patterns = append(patterns, route.Pattern)
		}
	}
	return patterns
}

// Routes serves a route table. A path that is not in it gets a 404, and one
// that is there with other methods only a 405 with Allow, both in the given
// shape. GET rows answer HEAD too. Two rows that overlap without one being
// narrower make it panic, as http.ServeMux does.
//
// A path with empty or dotted elements is not in the table: the mux would
// redirect to a shorter one, with a page that no client reads, and the client
// resend what may be secret.
func Routes(shape Shape, routes []Route) http.Handler {
	mux := http.NewServeMux()
	for _, route := range routes {
		mux.HandleFunc(route.Pattern, route.Handle)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		allowed := allowedMethods(mux, r)
		if len(allowed) == 0 {
			shape(w, r, NotFound)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		shape(w, r, MethodNotAllowed)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !clean(r.URL.EscapedPath()) {
			shape(w, r, NotFound)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// clean reports whether the mux takes a path as it is.
func clean(p string) bool {
	if p != "/" {
		p = strings.TrimSuffix(p, "/")
	}
	return path.Clean(p) == p
}

var methods = []string{
	http.MethodDelete, http.MethodGet, http.MethodHead, http.MethodPatch, http.MethodPost, http.MethodPut,
}

// allowedMethods asks the table for every method, which only a request that
// fits no row pays for.
func allowedMethods(mux *http.ServeMux, r *http.Request) (allowed []string) {
	probe := *r
	for _, method := range methods {
		probe.Method = method
		if _, pattern := mux.Handler(&probe); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	slices.Sort(allowed)
	return allowed
}
