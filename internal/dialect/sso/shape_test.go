package sso

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// Each family has its shape of error, for what it does not know and for what
// the server refuses by itself, with the gateway's prefix and without.
func TestEachFamilyHasItsShapeOfError(t *testing.T) {
	w := newWorld(t)
	large := `{"x":"` + strings.Repeat("a", BodyLimit) + `"}`
	for _, prefix := range []string{"", "/publishergw"} {
		for _, c := range []struct {
			method, path, body string
			status             int
			keys               []string
			allow              string
		}{
			{"GET", "/api/v2/tokens/discharge", "", 405, []string{"code", "error_list", "extra", "message"}, "POST"},
			{"POST", "/api/v2/tokens/refresh/more", "{}", 404, []string{"code", "error_list", "extra", "message"}, ""},
			{"POST", "/api/v2/tokens/discharge", large, 413, []string{"code", "error_list", "extra", "message"}, ""},
			{"POST", "/api/v2/keys/alice@example.com", "{}", 405, []string{"code", "error_list", "extra", "message"}, "GET, HEAD"},
			{"GET", "/dev/api/acl/", "", 405, []string{"code", "error_list", "status"}, "POST"},
			{"POST", "/dev/api/acl/a/b", "{}", 404, []string{"code", "error_list", "status"}, ""},
			{"POST", "/dev/api/acl/verify/", large, 413, []string{"code", "error_list", "status"}, ""},
			{"GET", "/api/v2/tokens/nothing", "", 404, []string{"error-list"}, ""},
			{"GET", "/api/v2/tokens", "", 405, []string{"error-list"}, "POST"},
			{"POST", "/api/v2/tokens/exchange", large, 413, []string{"error-list"}, ""},
			{"POST", "/v1/whoami", "{}", 405, []string{"error-list"}, "GET, HEAD"},
			{"DELETE", "/v1/tokens", "", 405, []string{"error-list"}, "GET, HEAD, POST"},
			{"POST", "/v1/tokens/usso", large, 413, []string{"error-list"}, ""},
		} {
			got := w.do(c.method, prefix+c.path, c.body)
			v := got.object(c.status)
			if keys := slices.Sorted(maps.Keys(v)); !slices.Equal(keys, c.keys) {
				t.Errorf("%s %s%s has %v, want %v", c.method, prefix, c.path, keys, c.keys)
			}
			if got.code(c.status) == "" || got.Header().Get("Allow") != c.allow {
				t.Errorf("%s %s%s: Allow %q in %s", c.method, prefix, c.path, got.Header().Get("Allow"), got.Body)
			}
		}
	}
}
