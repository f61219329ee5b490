package snapdevice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/server"
	"github.com/larder-store/larder/internal/store"
)

// The tests of this file carry the numbers of the traps of the device API:
// what a store must get right that its description alone does not tell.

func TestTrap01BothHeaderFamiliesOnEveryEndpoint(t *testing.T) {
	w := newWorld(t)
	session := w.session()
	families := map[string][]string{
		"v2":    {"Snap-Device-Authorization", session, "Snap-Device-Store", brandStore, "Snap-Device-Series", "16", "Snap-Device-Architecture", "amd64"},
		"v1":    {"X-Device-Authorization", session, "X-Ubuntu-Store", brandStore, "X-Ubuntu-Series", "16", "X-Ubuntu-Architecture", "amd64"},
		"mixed": {"X-Device-Authorization", session, "Snap-Device-Store", brandStore, "X-Ubuntu-Series", "16", "Snap-Device-Architecture", "amd64"},
	}
	install := `{"context":[],"actions":[{"action":"install","instance-key":"i","name":"branded","epoch":null}],"fields":["name"]}`
	requests := []struct{ method, path, body, want string }{
		{"POST", "/v2/snaps/refresh", install, `"result":"install"`},
		{"GET", "/v2/snaps/info/branded", "", `"channel-map":[{`},
		{"GET", "/v2/snaps/find?q=branded", "", brandedID},
		{"POST", "/v2/cohorts", `{"snaps":["branded"]}`, `"branded":"`},
		{"HEAD", snapPath(brandedID, 1), "", ""},
		{"GET", "/api/v1/snaps/search?q=branded", "", brandedID},
		{"GET", "/api/v1/snaps/details/branded", "", brandedID},
		{"GET", "/api/v1/snaps/names", "", `"package_name":"branded"`},
		{"POST", "/api/v1/snaps/metadata", `{"snaps":[{"snap_id":"` + brandedID + `"}]}`, brandedID},
	}
	for family, headers := range families {
		for _, q := range requests {
			got := w.do(q.method, q.path, q.body, headers...)
			if got.Code != 200 || !strings.Contains(got.Body.String(), q.want) {
				t.Errorf("%s %s with %s headers: %d %s", q.method, q.path, family, got.Code, got.Body)
			}
		}
	}
	for _, q := range requests {
		got := w.do(q.method, q.path, q.body, "Snap-Device-Store", brandStore, "Snap-Device-Architecture", "amd64")
		if got.Code == 200 && (q.want == "" || strings.Contains(got.Body.String(), q.want)) {
			t.Errorf("%s %s shows a private store without a session: %s", q.method, q.path, got.Body)
		}
	}
}

func TestTrap02ContentTypesAreExact(t *testing.T) {
	w := newWorld(t)
	for path, want := range map[string]string{
		"/v2/snaps/find?q=hello":                                   "application/json",
		"/v2/snaps/find?channel=a/b/c/d":                           "application/json",
		"/v2/snaps/categories":                                     "application/json",
		"/v2/snaps/info/hello":                                     "application/json",
		"/api/v1/snaps/sections":                                   "application/hal+json",
		"/api/v1/snaps/search?q=hello":                             "application/hal+json",
		"/api/v1/snaps/names":                                      "application/hal+json",
		"/api/v1/snaps/details/hello":                              "application/json",
		"/v2/assertions/account/none?max-format=0":                 "application/json",
		"/v2/assertions/account/dev?max-format=0":                  "application/x.ubuntu.assertion",
		"/api/v1/snaps/assertions/account/none":                    "application/problem+json",
		"/v2/assertions/validation-set/16/acme/no?sequence=latest": "application/json",
	} {
		if got := w.get(path).Header()["Content-Type"]; !slices.Equal(got, []string{want}) {
			t.Errorf("%s: Content-Type %q, want exactly %q", path, got, want)
		}
	}
}

func TestTrap03DigestsAreHexInJSONAndBase64InAssertions(t *testing.T) {
	w := newWorld(t)
	download := w.result("", install("hello"))["snap"].(map[string]any)["download"].(map[string]any)
	digest, err := store.ParseHex(download["sha3-384"].(string))
	if err != nil {
		t.Fatal(err)
	}
	got := w.get("/v2/assertions/snap-revision/" + digest.Base64URL() + "?max-format=0")
	if got.Code != 200 || !strings.Contains(got.Body.String(), "snap-id: "+helloID) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

func install(name string) string {
	return fmt.Sprintf(`{"action":"install","instance-key":"install-1","name":%q,"epoch":null}`, name)
}

func TestTrap04FreeSnapsHaveAnEmptyPriceMap(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{
		w.get("/v2/snaps/info/hello?fields=prices").Body.String(),
		w.get("/v2/snaps/find?q=hello&fields=prices").Body.String(),
		w.get("/api/v1/snaps/search?q=hello&fields=prices").Body.String(),
	} {
		if !strings.Contains(body, `"prices":{}`) {
			t.Error(body)
		}
	}
}

func TestTrap05TypeIsAlwaysOneThatSnapdKnows(t *testing.T) {
	for of, want := range map[string]string{
		"": "app", "app": "app", "gadget": "gadget", "kernel": "kernel", "os": "os", "base": "base", "snapd": "snapd",
		"application": "application", "from-the-future": "app",
	} {
		s := subject{&store.Package{}, &store.Revision{Meta: store.Meta{Type: of}}}
		var object map[string]any
		b := newSheet(s).AppendTo([]byte{'{'}, uint64(setOf("type")), "")
		if err := json.Unmarshal(wire.CloseObject(b), &object); err != nil || object["type"] != want {
			t.Errorf("type %q is answered as %v (%v), want %q", of, object["type"], err, want)
		}
	}
}

func TestTrap06EpochIsAnObjectOfNumberLists(t *testing.T) {
	w := newWorld(t)
	body := w.get("/v2/snaps/info/epochal?fields=epoch").Body.String()
	if !strings.Contains(body, `"epoch":{"read":[2],"write":[2]}`) {
		t.Error(body)
	}
	body = w.get("/v2/snaps/info/hello?fields=epoch").Body.String()
	if !strings.Contains(body, `"epoch":{"read":[0],"write":[0]}`) {
		t.Error(body)
	}
}

func TestTrap07AFailedInstallSaysWhichSnap(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ action, name, code string }{
		{install("no-such-snap"), "no-such-snap", "name-not-found"},
		{`{"action":"download","instance-key":"download-1","name":"hello","channel":"9.9/stable"}`, "hello", "revision-not-found"},
		{`{"action":"install","instance-key":"i","snap-id":"` + helloID + `","revision":77}`, "hello", "revision-not-found"},
		{`{"action":"install","instance-key":"i","snap-id":"unknown"}`, "unknown", "id-not-found"},
	} {
		got := w.result("", tt.action)
		if got["result"] != "error" || got["name"] != tt.name || errorCode(got) != tt.code {
			t.Errorf("%s: %v", tt.action, got)
		}
	}
}

func TestTrap08TheRevisionADeviceShouldHaveIsAnsweredEvenIfItHasIt(t *testing.T) {
	w := newWorld(t)
	got := w.result(have(helloID, 1, ""), refreshOf(helloID))
	if got["result"] != "refresh" || revision(got) != 1 {
		t.Error(got)
	}
}

func TestTrap09StreamURLsAreAbsoluteAndServeWhatTheyPromise(t *testing.T) {
	w := newWorld(t)
	body := `{"context":[],"actions":[{"action":"fetch-assertions","key":"k","assertions":[
		{"type":"account","primary-key":["dev"]},{"type":"snap-declaration","primary-key":["16","` + helloID + `"]}]}],"fields":[]}`
	urls := w.refresh(body)["results"].([]any)[0].(map[string]any)["assertion-stream-urls"].([]any)
	if len(urls) != 1 {
		t.Fatal(urls)
	}
	got := w.get(path(t, urls[0].(string)), "X-Ubuntu-Series", "16", "Accept", contentAssertion)
	if list := stream(t, got.Body); len(list) != 2 || list[0].HeaderString("account-id") != "dev" || list[1].HeaderString("snap-id") != helloID {
		t.Error(got.Code, list)
	}

	w.serve(Options{BaseURL: reply.RequestBase})
	r := httptest.NewRequestWithContext(t.Context(), "POST", "http://elsewhere.example:8080/v2/snaps/refresh", strings.NewReader(body))
	recorder := httptest.NewRecorder()
	w.api.ServeHTTP(recorder, r)
	if !strings.Contains(recorder.Body.String(), `"http://elsewhere.example:8080/v2/assertions/`) {
		t.Error("without a configured URL, URLs begin with what the client asked: ", recorder.Body)
	}
}

func TestTrap10RepairsAreServedWhereverTheBaseURLPutsThem(t *testing.T) {
	w := newWorld(t)
	w.repair(1)
	for _, path := range []string{"/v2/repairs/acme/1", "/repairs/acme/1"} {
		got := w.get(path, "Accept", "application/json")
		headers := member[map[string]any](t, got, "headers")
		if headers["brand-id"] != "acme" || headers["repair-id"] != "1" || headers["disabled"] != "true" {
			t.Errorf("%s: %s", path, got.Body)
		}
	}
	if got := w.get("/repairs/acme/2", "Accept", "application/json"); got.Code != 404 {
		t.Error("the walk over the repairs does not end: ", got.Code)
	}
}

// repair enters a repair of the brand's.
func (w *world) repair(number int) {
	w.t.Helper()
	w.add(w.sign(w.brand, assertiontest.Headers{
		"type": "repair", "brand-id": "acme", "repair-id": strconv.Itoa(number), "summary": "mend it",
		"disabled": "true", "timestamp": assertiontest.Time, "series": []any{"16"},
	}, []byte("#!/bin/sh\n")...))
}

func TestTrap11RegistrationIsServedAtBothOfItsPaths(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"/api/v1/snaps/auth/request-id", "/v1/request-id"} {
		if id := member[string](t, w.post(path, ""), "request-id"); id == "" {
			t.Error(path)
		}
	}
	for _, path := range []string{"/api/v1/snaps/auth/devices", "/v1/serial"} {
		got := w.post(path, "not an assertion", "Content-Type", contentAssertion)
		if list := member[[]any](t, got, "error_list"); got.Code != 400 || len(list) != 1 {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
}

func TestTrap12AssertionsAreRelayedByteForByte(t *testing.T) {
	w := newWorld(t)
	// A header nobody knows, in an order no encoder of ours would choose.
	a := w.sign(w.store, assertiontest.With(assertiontest.DeclarationHeaders(helloID, "hello", "dev"),
		"revision", "3", "zz-future", "kept"))
	w.add(a)
	for _, path := range []string{"/v2/assertions/", "/api/v1/snaps/assertions/"} {
		got := w.get(path + "snap-declaration/16/" + helloID + "?max-format=7")
		if !bytes.Equal(got.Body.Bytes(), a.Encoded()) {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
}

func TestTrap13DownloadsAreNeverRedirected(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{snapPath(helloID, 1), componentPath(partsID, store.ResourcePin{Name: "extra", Revision: 4})} {
		if got := w.get(path); got.Code != 200 {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
}

func TestTrap14WhatIsWrongForGoodIs4xxAndNot5xx(t *testing.T) {
	w := newWorld(t)
	for _, q := range []struct{ method, path, body string }{
		{"POST", "/v2/snaps/refresh", "{"},
		{"POST", "/v2/snaps/refresh", `{"context":[],"actions":[{"action":"dance","instance-key":"i"}]}`},
		{"POST", "/v2/snaps/refresh", strings.Repeat("[", 100000)},
		{"POST", "/v2/cohorts", `{"snaps":[7]}`},
		{"POST", "/api/v1/snaps/auth/sessions", `{}`},
		{"POST", "/api/v1/snaps/auth/sessions", `{"device-session-request":"x","serial-assertion":"y"}`},
		{"GET", "/v2/snaps/find?q=" + strings.Repeat("x", maxTerm+1), ""},
		{"GET", "/v2/snaps/info/%00", ""},
		{"GET", "/v2/assertions/account/", ""},
		{"GET", "/v2/assertions/account/dev?max-format=x", ""},
		{"GET", "/v2/assertions/account/dev?sequence=1", ""},
		{"GET", "/v2/assertions/validation-set/16/acme/s?sequence=0", ""},
		{"GET", streamPath, ""},
		{"GET", streamPath + "?assertion=account", ""},
		{"GET", streamPath + "?assertion=account/dev&max-format=account", ""},
		{"GET", "/api/v1/snaps/search?size=-1", ""},
		{"GET", "/api/v1/snaps/search?page=0", ""},
		{"GET", "/api/v1/snaps/download/" + helloID + "_01.snap", ""},
		{"GET", "/api/v1/snaps/media/" + helloID + "/zz", ""},
		{"GET", "/v2/repairs/acme/x/y", ""},
	} {
		if got := w.do(q.method, q.path, q.body, deviceHeaders...); got.Code < 400 || got.Code >= 500 {
			t.Errorf("%s %.60s: %d %s", q.method, q.path, got.Code, got.Body)
		}
	}
}

func TestTrap15EveryAnswerCarriesTheStoreVersion(t *testing.T) {
	w := newWorld(t)
	a := &api{}
	for _, route := range a.routes() {
		method, path, _ := strings.Cut(route.Pattern, " ")
		path = strings.NewReplacer("{name}", "hello", "{type}", "account", "{key...}", "dev", "{file}", "x",
			"{id}", helloID, "{digest}", "x", "{brand}", "acme", "{number}", "1").Replace(path)
		got := w.do(method, path, "")
		if v, err := strconv.Atoi(got.Header().Get("Snap-Store-Version")); err != nil || v < 55 {
			t.Errorf("%s: %d, Snap-Store-Version %q", route.Pattern, got.Code, got.Header().Get("Snap-Store-Version"))
		}
	}
	if got := w.get("/nowhere"); got.Header().Get("Snap-Store-Version") == "" {
		t.Error("an unknown path has no version")
	}
}

func TestTrap16HeadOfTheStoreURLIs200WithAVersion(t *testing.T) {
	w := newWorld(t)
	s := server.New(server.Options{Mounts: []server.Mount{{Name: "snapdevice", Under: Under, Exactly: Exactly, Handler: w.api}}})
	for _, q := range []struct {
		method, path string
		code         int
	}{{"HEAD", "/", 200}, {"GET", "/v2/snaps/info/hello", 200}, {"POST", "/v1/request-id", 200}, {"GET", "/v2/auth/store/assertions", 404}} {
		got := httptest.NewRecorder()
		s.ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), q.method, q.path, http.NoBody))
		if got.Code != q.code || got.Header().Get("Snap-Store-Version") != StoreVersion {
			t.Errorf("%s %s: %d %v", q.method, q.path, got.Code, got.Header())
		}
	}
}
