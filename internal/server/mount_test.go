package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/dialect/reply"
)

// saying answers with its name and the path that it saw.
func saying(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", name, r.URL.EscapedPath())
	})
}

func TestEachPathHasOneOwner(t *testing.T) {
	s := New(Options{Logger: discard(), Mounts: []Mount{
		{Name: "snaps", Under: []string{"/v2/snaps", "/v2/assertions"}, Exactly: []string{"/v1/serial"}, Handler: saying("snaps")},
		{Name: "snapinfo", Under: []string{"/v2/snaps/info/"}, Handler: saying("snapinfo")},
		{Name: "oci", Under: []string{"/v2/charm"}, Exactly: []string{"/v2/", "/v2/_catalog"}, Handler: saying("oci")},
		{Name: "dashboard", Under: []string{"/dev/api"}, Handler: saying("dashboard")},
	}})
	const notFound = `"not-found"`
	tests := []struct{ path, want string }{
		{"/v2/snaps", "snaps /v2/snaps"},
		{"/v2/snaps/", "snaps /v2/snaps/"},
		{"/v2/snaps/find", "snaps /v2/snaps/find"},
		{"/v2/snaps/a%2Fb", "snaps /v2/snaps/a%2Fb"},
		{"/v2/snapshots", notFound},
		{"/v2/snaps%2Ffind", notFound},
		{"/v2/snaps/info/hello", "snapinfo /v2/snaps/info/hello"},
		{"/v2/snaps/information", "snaps /v2/snaps/information"},
		{"/v1/serial", "snaps /v1/serial"},
		{"/v1/serial/x", notFound},
		{"/v2/", "oci /v2/"},
		{"/v2", notFound},
		{"/v2/other", notFound},
		{"/v2/charm/x/y/tags/list", "oci /v2/charm/x/y/tags/list"},
		{"/v2/charms/info", notFound},
		{"/dev/api/acl", "dashboard /dev/api/acl"},
		{"/publishergw/dev/api/acl", "dashboard /dev/api/acl"},
		{"/publishergw/v2/snaps/info/hello", "snapinfo /v2/snaps/info/hello"},
		{"/publishergw/v2/snaps/find", notFound},
		{"/publishergw/", notFound},
		{"/publishergwdev/api/acl", notFound},
		{"/publishergw/dev/api/a%2Fb", "dashboard /dev/api/a%2Fb"},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
		if !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: %d %s, want %s", tt.path, w.Code, w.Body, tt.want)
		}
	}
}

func TestAPathThatNothingServesIsA404InTheShapeOfTheNearestPrefix(t *testing.T) {
	s := New(Options{Logger: discard()})
	tests := []struct{ path, want string }{
		{"/nothing", `{"error-list":[{"code":"not-found"`},
		{"/v2/snaps/nothing", `{"error-list":[{"code":"not-found"`},
		{"/dev/api/nothing", `{"error_list":[{"code":"not-found"`},
		{"/dev/apis", `{"error-list":[{"code":"not-found"`},
		{"/publishergw/dev/api/nothing", `{"error_list":[{"code":"not-found"`},
		{"/charmstore/v5/nothing", `{"Code":"not found","Message":`},
		{"/v2/charm/x/nothing", `{"errors":[{"code":"NOT_FOUND"`},
		{"/v2/_catalog", `{"errors":[{"code":"NOT_FOUND"`},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
		if w.Code != http.StatusNotFound || !strings.HasPrefix(w.Body.String(), tt.want) {
			t.Errorf("%s: %d %s, want 404 %s", tt.path, w.Code, w.Body, tt.want)
		}
		if got := w.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: Content-Type is %q", tt.path, got)
		}
	}
}

func TestTwoMountsCannotClaimOnePath(t *testing.T) {
	a := Mount{Name: "a", Under: []string{"/v2/snaps"}, Exactly: []string{"/v2/"}, Handler: saying("a")}
	tests := []struct {
		name   string
		b      Mount
		panics string // part of what it says; nothing if empty
	}{
		{"below", Mount{Name: "b", Under: []string{"/v2/snaps/info"}}, ""},
		{"exactly what the other has with all below", Mount{Name: "b", Exactly: []string{"/v2/snaps"}}, ""},
		{"the same", Mount{Name: "b", Under: []string{"/v2/snaps/"}}, "a and b both claim /v2/snaps/"},
		{"exactly the same", Mount{Name: "b", Exactly: []string{"/v2/"}}, "a and b both claim /v2/"},
		{"a page of the server", Mount{Name: "b", Exactly: []string{"/metrics"}}, "server and b both claim /metrics"},
		{"no path", Mount{Name: "b", Under: []string{"v2"}}, "does not begin with a slash"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				said, _ := recover().(string)
				if (said == "") != (tt.panics == "") || !strings.Contains(said, tt.panics) {
					t.Errorf("panicked with %q, want %q", said, tt.panics)
				}
			}()
			tt.b.Handler = saying("b")
			New(Options{Logger: discard(), Mounts: []Mount{a, tt.b}})
		})
	}
}

func TestAMountsOwnShapeIsUsedForTheServersErrors(t *testing.T) {
	s := New(Options{Logger: discard(), Mounts: []Mount{{
		Name: "sso", Under: []string{"/api/v2/tokens"}, BodyLimit: 10, Handler: saying("sso"),
		Errors: func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
			reply.JSON(w, r, f.Status, map[string]string{"code": f.Code})
		},
	}}})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", "/api/v2/tokens/discharge", strings.NewReader("more than ten bytes")))
	if want := `{"code":"request-too-large"}`; w.Code != 413 || strings.TrimSpace(w.Body.String()) != want {
		t.Errorf("%d %s, want 413 %s", w.Code, w.Body, want)
	}
}

func TestHeadAndGetOfTheRootSayTheStoreVersion(t *testing.T) {
	s := New(Options{Logger: discard(), StoreID: "orangepi", Version: "1.2.3", Mounts: []Mount{
		{Name: "web", Under: []string{"/docs"}, Handler: saying("web")},
	}})
	for _, method := range []string{"HEAD", "GET"} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		if w.Code != 200 || w.Header().Get("Snap-Store-Version") != "69" {
			t.Errorf("%s /: %d, version %q", method, w.Code, w.Header().Get("Snap-Store-Version"))
		}
		if page := w.Body.String(); !strings.Contains(page, "orangepi") || !strings.Contains(page, `href="/docs/"`) || strings.Contains(page, "/admin/") {
			t.Errorf("%s /: the page should name the store and link what is served: %s", method, page)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST /: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}
