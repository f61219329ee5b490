package charmhub

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// publisherPaths are a request for every route that asks who it is.
func publisherPaths() (requests [][2]string) {
	a := &api{}
	for _, pattern := range reply.Patterns(a.publisherRoutes(), a.libraryRoutes()) {
		method, path, _ := strings.Cut(pattern, " ")
		for _, wildcard := range []string{"{name}", "{charm}", "{library}", "{resource}"} {
			path = strings.ReplaceAll(path, wildcard, "hello")
		}
		requests = append(requests, [2]string{method, path})
	}
	return requests
}

// The ground rules are what breaks clients where a store does not keep to it. Those
// of downloads, of refresh and of what it decodes are tested beside their routes.

// refusing is an identity that answers everybody with one error.
type refusing struct{ err error }

func (i refusing) Authenticate(context.Context, identity.Evidence) (store.Principal, error) {
	return store.Principal{}, i.err
}

// Ground rule 3: juju tries again after 10 seconds, and waits longer only where it
// is told to; of a 5xx it sees the status alone.
func TestRule3WhoIsTurnedAwayIsNotMadeToWaitLong(t *testing.T) {
	w := newWorld(t)
	for code, want := range map[string]struct {
		status int
		after  string
	}{
		reply.CodeRateLimit: {429, "5"}, "overloaded": {503, ""},
	} {
		w.API = New(Options{Catalog: w.Catalog, Identity: refusing{store.Unavailablef(code, "not now")}, Registry: registry{}})
		for _, path := range []string{"/v2/charms/info/hello", "/v2/charms/find", charmPrefix + "x_1.charm"} {
			got := w.Do("alice", "GET", path, nil)
			if after := got.Header().Get("Retry-After"); got.ErrorCode(want.status) != code || after != want.after {
				t.Errorf("%s: %d, Retry-After %q", path, got.Code, after)
			}
		}
	}
}

// Ground rule 8: charmcraft puts status URLs behind the address that it knows.
func TestRule8StatusURLsArePaths(t *testing.T) {
	w := newWorld(t)
	w.register("hello", "charm")
	url := w.Do("alice", "POST", "/v1/charm/hello/revisions", map[string]string{"upload-id": w.upload([]byte("bytes"))}).Object(200)["status-url"].(string)
	if !strings.HasPrefix(url, "/v1/charm/hello/revisions/review?upload-id=") {
		t.Errorf("the status is at %q", url)
	}
	w.Do("alice", "GET", url, nil).Object(200)
}

// Ground rule 9: charmcraft takes the members of a base for arguments.
func TestRule9BasesHaveThreeMembers(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("hello", "charm")
	rev := w.revision(pkg, "bytes", store.Revision{Number: 1, Platforms: []store.Platform{base("22.04", "amd64"), base("24.04", "all")}})
	w.release(pkg, rev, "edge")
	bases := 0
	check := func(where string, v any) {
		if v == nil {
			return
		}
		bases++
		sameShape(t, where, v, map[string]any{"name": "", "channel": "", "architecture": ""})
	}
	list := w.Do("alice", "GET", "/v1/charm/hello/revisions", nil).Object(200)["revisions"].([]any)
	releases := w.Do("alice", "GET", "/v1/charm/hello/releases", nil).Object(200)
	for _, rev := range append(list, releases["revisions"].([]any)...) {
		for _, one := range rev.(map[string]any)["bases"].([]any) {
			check("a revision's base", one)
		}
	}
	for _, entry := range releases["channel-map"].([]any) {
		check("a channel's base", entry.(map[string]any)["base"])
	}
	if bases != 6 {
		t.Errorf("there are %d bases", bases)
	}
}

// Ground rule 10: craft-store has nowhere to refresh a charm's credentials.
func TestRule10NobodyIsToldToRefresh(t *testing.T) {
	w := newWorld(t)
	expired := refusing{store.Unauthorisedf(identity.CodeNeedsRefresh, "the discharge has expired")}
	w.API = New(Options{Catalog: w.Catalog, Identity: expired, Registry: registry{}})
	for _, request := range publisherPaths() {
		a := w.Do("expired", request[0], request[1], `{}`)
		if code := a.ErrorCode(http.StatusUnauthorized); code != "user-authentication-error" {
			t.Errorf("%s %s: %s", request[0], request[1], code)
		}
		if c := a.Header().Get("WWW-Authenticate"); !strings.HasPrefix(c, "Macaroon ") || strings.Contains(c, "needs_refresh") {
			t.Errorf("%s %s challenges with %q", request[0], request[1], c)
		}
	}
}

// Ground rule 11: clients join v1/… to the root of the host.
func TestRule11PublishersAskAtTheRoot(t *testing.T) {
	for _, pattern := range Patterns() {
		_, path, _ := strings.Cut(pattern, " ")
		under := false
		for _, prefix := range Under {
			under = under || path == prefix || strings.HasPrefix(path, prefix+"/")
		}
		if !under {
			t.Errorf("%s is outside of %v", pattern, Under)
		}
	}
}

// Both spellings of the list, since craft-store's older parts know only one.
func TestErrorsComeInBothSpellings(t *testing.T) {
	w := newWorld(t)
	requests := append(publisherPaths(), [2]string{"GET", "/v1/charm/hello/no/such/path"}, [2]string{"PUT", "/v1/charm/hello"})
	for _, request := range requests {
		a := w.Do("nobody", request[0], request[1], `{`)
		var body map[string]json.RawMessage
		w.Must(json.Unmarshal(a.Body.Bytes(), &body))
		if a.Code < 400 || len(body) != 2 || string(body["error-list"]) != string(body["error_list"]) || len(body["error-list"]) == 0 {
			t.Errorf("%s %s: %d %s", request[0], request[1], a.Code, a.Body)
		}
		if got := a.Header().Get("Content-Type"); got != reply.ContentJSON {
			t.Errorf("%s %s: content type %q", request[0], request[1], got)
		}
		if got := a.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s %s: caching %q", request[0], request[1], got)
		}
	}
}

// Nothing but libraries can be done with a token for them.
func TestATokenForLibrariesIsForNothingElse(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("hello", "charm")
	w.revision(pkg, "bytes", store.Revision{Number: 1})
	w.permitted("librarian", "package-manage-library")
	bodies := map[string]any{
		"POST /v1/charm":                   map[string]any{"name": "new", "type": "charm"},
		"PATCH /v1/charm/hello":            map[string]any{"title": "x"},
		"POST /v1/charm/hello/tracks":      []map[string]any{{"name": "1"}},
		"POST /v1/charm/hello/releases":    []map[string]any{{"channel": "edge", "revision": 1}},
		"POST /v1/charm/hello/revisions":   map[string]any{"upload-id": w.upload([]byte("x"))},
		"POST " + helloInvites:             invitesFor("x@example.com"),
		"POST " + helloInvites + "/revoke": invitesFor("x@example.com"),
		"POST " + helloInvites + "/accept": map[string]any{"token": "x"},
		"POST " + helloInvites + "/reject": map[string]any{"token": "x"},
	}
	a := &api{}
	asked := 0
	for _, pattern := range reply.Patterns(a.gatewayRoutes(), a.uploadRoutes(), a.releaseRoutes()) {
		request := strings.ReplaceAll(pattern, "{name}", "hello")
		method, path, _ := strings.Cut(request, " ")
		got := w.Do("librarian", method, path, bodies[request])
		if code := got.ErrorCode(403); code != "permission-required" {
			t.Errorf("%s: %s", pattern, code)
		}
		asked++
	}
	if asked < 15 {
		t.Errorf("only %d requests were tried", asked)
	}
	id := w.Do("librarian", "POST", helloLibraries, map[string]string{"library-name": "db"}).Object(200)["library-id"].(string)
	w.Do("librarian", "POST", helloLibraries+"/"+id, libraryVersion(id, 0, 1, "x")).Object(200)
}
