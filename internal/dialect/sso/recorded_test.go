package sso

import (
	"testing"

	"github.com/larder-store/larder/internal/store"
)

// What web back ends were seen to ask of the public store, and what was in its
// answers: one macaroon, as text.
func TestRecordedExchanges(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
	}{
		"dashboard.get_macaroon": {
			"POST", "/api/v2/tokens", `{"permissions":["package_access"]}`, nil,
		},
		"dashboard.get_package_upload_macaroon": {
			"POST", "/dev/api/acl/", `{"packages":[{"name":"test-snap","series":"16"}],"permissions":["package_upload"],"channels":["testing"]}`,
			[]string{"Authorization", w.pair("alice")},
		},
		"publishergw.get_macaroon": {"GET", "/v1/tokens", "", nil},
	} {
		got := w.do(c.method, c.path, c.body, append(c.headers, "Accept", "*/*", "Content-Type", "application/json")...)
		v := got.object(200)
		if _, ok := v["macaroon"].(string); !ok || len(v) != 1 {
			t.Errorf("%s: %v", name, v)
		}
		if got.Header().Get("Vary") != "Authorization" {
			t.Errorf("%s: Vary is %q", name, got.Header().Get("Vary"))
		}
	}
}
