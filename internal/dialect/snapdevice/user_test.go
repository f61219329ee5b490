package snapdevice

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// logins is a world whose publisher, and somebody else, log in on devices.
type logins struct {
	*world
	people *identity.Identity
}

func newLogins(t *testing.T) logins {
	t.Helper()
	w := newWorld(t)
	l := logins{w, identity.New(identity.Options{
		DB: w.db, Authority: w.auth, Now: func() time.Time { return w.now },
		Hashing: identity.Hashing{Memory: 64, Passes: 1},
	})}
	for _, n := range []identity.NewUser{
		{AccountID: "dev", Email: "dev@example.com", Role: store.RolePublisher},
		{Email: "eve@example.com", Username: "eve", Role: store.RolePublisher},
	} {
		n.Password = identity.NewSecret("correct horse battery")
		_, err := l.people.Create(t.Context(), operator, n)
		w.must(err)
	}
	yes := true
	_, err := w.catalog.ChangePackage(t.Context(), operator, store.Snap, "tracky", catalog.PackageChange{Private: &yes})
	w.must(err)
	w.serve(Options{Users: l.people})
	return l
}

// pair logs somebody in as snapd does.
func (l logins) pair(email string, permissions ...string) string {
	l.t.Helper()
	ctx := l.t.Context()
	r, err := l.people.IssueRoot(ctx, identity.Asked{Permissions: permissions}, "login.ubuntu.com")
	l.must(err)
	text, err := r.Macaroon.Text()
	l.must(err)
	root := l.decode(text.Reveal())
	var caveat string
	for _, c := range root.Caveats() {
		if len(c.VerificationId) > 0 {
			caveat = string(c.Id)
		}
	}
	text, err = l.people.Discharge(ctx, identity.Attempt{
		Login: email, Password: identity.NewSecret("correct horse battery"), Address: "192.0.2.1",
	}, caveat, "login.ubuntu.com")
	l.must(err)
	discharge := l.decode(text.Reveal())
	discharge.Bind(root.Signature())
	return `Macaroon root="` + l.encode(root) + `", discharge="` + l.encode(discharge) + `"`
}

func (l logins) decode(text string) *macaroon.Macaroon {
	l.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	l.must(err)
	m := new(macaroon.Macaroon)
	l.must(m.UnmarshalBinary(raw))
	return m
}

func (l logins) encode(m *macaroon.Macaroon) string {
	l.t.Helper()
	raw, err := m.MarshalBinary()
	l.must(err)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// sees reports what an asker gets of the private snap by each path to it.
func (l logins) sees(headers ...string) map[string]bool {
	l.t.Helper()
	shelf := l.get("/v2/snaps/find?private=true", headers...)
	result := l.result(have(trackyID, 1, ""), refreshOf(trackyID), headers...)
	return map[string]bool{
		"info":     l.get("/v2/snaps/info/tracky", headers...).Code == 200,
		"details":  l.get("/api/v1/snaps/details/tracky", headers...).Code == 200,
		"download": l.get(snapPath(trackyID, 1), headers...).Code == 200,
		"shelf":    strings.Contains(shelf.Body.String(), `"tracky"`),
		"refresh":  result["result"] == "refresh",
	}
}

func TestAPrivateSnapIsSeenByItsPublisherOnADevice(t *testing.T) {
	l := newLogins(t)
	looking := []string{"package_access", "package_purchase"} // what snap login asks for
	dev := l.pair("dev@example.com", looking...)
	for name, c := range map[string]struct {
		headers []string
		want    bool
	}{
		"nobody":                      {nil, false},
		"its publisher":               {[]string{"Authorization", dev}, true},
		"its publisher with a device": {[]string{"Authorization", dev, "Snap-Device-Authorization", l.session()}, true},
		"a device":                    {[]string{"Snap-Device-Authorization", l.session()}, false},
		"somebody else":               {[]string{"Authorization", l.pair("eve@example.com", looking...)}, false},
		"a token that may not look":   {[]string{"Authorization", l.pair("dev@example.com", "package_purchase")}, false},
		"a login of another store":    {[]string{"Authorization", `Macaroon root="AAAA", discharge="BBBB"`}, false},
		"a password":                  {[]string{"Authorization", "Basic ZGV2QGV4YW1wbGUuY29tOmNvcnJlY3QgaG9yc2UgYmF0dGVyeQ=="}, false},
	} {
		for path, got := range l.sees(c.headers...) {
			if got != c.want {
				t.Errorf("%s by %s: seen is %t", name, path, got)
			}
		}
		// Whoever asks gets what is public.
		if got := l.get("/v2/snaps/info/hello", c.headers...); got.Code != 200 {
			t.Errorf("%s gets no public snap: %d %s", name, got.Code, got.Body)
		}
		if got := l.get("/v2/snaps/find?q=hello", c.headers...); !strings.Contains(got.Body.String(), `"hello"`) {
			t.Errorf("%s finds no public snap: %d %s", name, got.Code, got.Body)
		}
		if body := l.get("/v2/snaps/find?private=true", c.headers...).Body.String(); strings.Contains(body, `"hello"`) {
			t.Errorf("%s has a public snap on the private shelf: %s", name, body)
		}
	}
}

// P23: what a login has shown is kept for nobody else.
func TestP23WhatALoginShowsIsKeptByNobodyElse(t *testing.T) {
	l := newLogins(t)
	dev := l.pair("dev@example.com", "package_access")
	for _, path := range []string{
		"/v2/snaps/info/tracky", "/v2/snaps/find?private=true", "/v2/snaps/find?q=hello", "/v2/snaps/categories",
		"/api/v1/snaps/details/tracky", "/api/v1/snaps/search?q=hello", "/api/v1/snaps/names", snapPath(trackyID, 1),
	} {
		if got := l.get(path, "Authorization", dev); got.Code != 200 || !strings.HasPrefix(got.Header().Get("Cache-Control"), "private") {
			t.Errorf("%s: %d, Cache-Control %q", path, got.Code, got.Header().Get("Cache-Control"))
		}
	}
}

func TestALoginThatHasEndedIsRenewed(t *testing.T) {
	l := newLogins(t)
	dev, session := l.pair("dev@example.com", "package_access"), l.session()
	l.now = l.now.Add(8 * 24 * time.Hour)
	fresh := l.session()
	ended := []struct {
		headers   []string
		challenge string
		codes     []string
	}{
		{[]string{"Authorization", dev}, "Macaroon needs_refresh=1", []string{codeUserEnded}},
		{[]string{"Authorization", dev, "Snap-Device-Authorization", fresh}, "Macaroon needs_refresh=1", []string{codeUserEnded}},
	}
	check := func() {
		t.Helper()
		for _, e := range ended {
			for _, path := range []string{"/v2/snaps/info/hello", "/v2/snaps/find?q=hello", snapPath(helloID, 1), "/api/v1/snaps/names"} {
				got := l.get(path, e.headers...)
				if challenges := got.Header()["Www-Authenticate"]; got.Code != 401 || len(challenges) != 1 || challenges[0] != e.challenge {
					t.Errorf("%s: %d %q, want %q", path, got.Code, challenges, e.challenge)
				}
			}
			answer := l.refresh(`{"context":[],"actions":[`+install("hello")+`],"fields":["revision"]}`, e.headers...)
			var codes []string
			for _, one := range answer["error-list"].([]any) {
				codes = append(codes, one.(map[string]any)["code"].(string))
			}
			if strings.Join(codes, " ") != strings.Join(e.codes, " ") {
				t.Errorf("refresh says %v, want %v", codes, e.codes)
			}
			if got := answer["results"].([]any)[0].(map[string]any); got["result"] != "install" {
				t.Errorf("a public snap is withheld: %v", got)
			}
		}
	}
	check()
	l.now = l.now.Add(100 * 24 * time.Hour)
	both := []string{codeSessionEnded, codeUserEnded}
	ended = ended[:0]
	for _, old := range []string{session, fresh} {
		ended = append(ended, struct {
			headers   []string
			challenge string
			codes     []string
		}{[]string{"Authorization", dev, "Snap-Device-Authorization", old}, "Macaroon refresh_device_session=1, needs_refresh=1", both})
	}
	check()
}

// With an ended session, what the user's login shows is shown all the same.
func TestALoginOutlivesItsDevicesSession(t *testing.T) {
	l := newLogins(t)
	session := l.session()
	l.now = l.now.Add(100 * 24 * time.Hour)
	dev := l.pair("dev@example.com", "package_access")
	got := l.result(have(trackyID, 1, ""), refreshOf(trackyID), "Authorization", dev, "Snap-Device-Authorization", session)
	if got["result"] != "refresh" {
		t.Error(got)
	}
}

// The many devices on which nobody has logged in pay nothing for those few.
func TestNoLoginCostsNothing(t *testing.T) {
	cost := func(users Users) float64 {
		h := New(Options{Catalog: newWarm(), Users: users, BaseURL: func(*http.Request) string { return baseURL }})
		body := benchRequest()
		ask := func() {
			r := httptest.NewRequest("POST", "/v2/snaps/refresh", strings.NewReader(body))
			r.Header.Set("Snap-Device-Architecture", "amd64")
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != 200 {
				t.Fatal(w.Code, w.Body)
			}
		}
		// A pool may be emptied at any time, and the race detector empties them at
		// random: the least of many single requests had all that it asked for.
		least := testing.AllocsPerRun(1, ask)
		for range 300 {
			least = min(least, testing.AllocsPerRun(1, ask))
		}
		return least
	}
	without, with := cost(nil), cost(&identity.Identity{})
	if with > without {
		t.Errorf("%v allocations with logins, %v without", with, without)
	}
}
