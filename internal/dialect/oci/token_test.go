package oci

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// given is the answer of the token service.
type given struct {
	Token        string    `json:"token"`
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	ExpiresIn    int       `json:"expires_in"`
	IssuedAt     time.Time `json:"issued_at"`
}

func (w *world) given(a answer) (g given, access string) {
	w.t.Helper()
	w.wants(a, http.StatusOK, "")
	w.must(json.Unmarshal(a.body, &g))
	if g.Token == "" || g.Token != g.AccessToken || g.ExpiresIn < 60 || !g.IssuedAt.Equal(w.clock().Truncate(time.Second)) {
		w.t.Errorf("given %s", a.body)
	}
	var claims struct {
		Access []identity.RegistryAccess `json:"access"`
	}
	w.must(json.Unmarshal(part(w.t, g.Token, 1), &claims))
	for _, a := range claims.Access {
		access += fmt.Sprintf("%s:%s:%s ", a.Type, a.Name, strings.Join(a.Actions, ","))
	}
	return g, strings.TrimSpace(access)
}

// part decodes one of the three parts of a token.
func part(t *testing.T, token string, n int) []byte {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %s", token)
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[n])
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func form(values url.Values) (string, []byte, []string) {
	return "/v2/token", []byte(values.Encode()), []string{"Content-Type", "application/x-www-form-urlencoded"}
}

func (c *client) post(values url.Values) answer {
	path, body, headers := form(values)
	return c.do("POST", path, body, headers...)
}

func TestEveryoneIsToldWhereToGetAToken(t *testing.T) {
	w := newWorld(t)
	nobody := &client{w, w.node, ""}
	host := strings.TrimPrefix(w.server.URL, "http://")
	repo := name(redis, "server")
	challenge := `Bearer realm="` + w.server.URL + `/v2/token",service="` + host + `"`
	for _, test := range []struct{ method, path, scope string }{
		{"GET", "/v2/", ""},
		{"GET", "/v2/_catalog", "registry:catalog:*"},
		{"GET", "/v2/" + repo + "/manifests/latest", "repository:" + repo + ":pull"},
		{"HEAD", "/v2/" + repo + "/blobs/sha256:x", "repository:" + repo + ":pull"},
		{"POST", "/v2/" + repo + "/blobs/uploads/", "repository:" + repo + ":pull,push"},
		{"PUT", "/v2/" + repo + "/manifests/latest", "repository:" + repo + ":pull,push"},
		{"DELETE", "/v2/" + repo + "/manifests/latest", "repository:" + repo + ":delete"},
		{"GET", "/v2/charm/NoKey/%0Aa%22/tags/list", ""},
	} {
		a := nobody.do(test.method, test.path, nil)
		want := challenge
		if test.scope != "" {
			want += `,scope="` + test.scope + `"`
		}
		if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") != want {
			t.Errorf("%s %s: %d %q, want %q", test.method, test.path, a.status, a.header.Get("WWW-Authenticate"), want)
		}
		if test.method != "HEAD" && a.code() != "UNAUTHORIZED" {
			t.Errorf("%s %s: %s", test.method, test.path, a.body)
		}
	}
	for _, c := range []*client{w.as("alice", "wrong"), w.as("nobody", password), w.as("", ""), {w, w.node, "Bearer x.y.z"}, {w, w.node, "Digest x"}} {
		w.wants(c.do("GET", "/v2/", nil), http.StatusUnauthorized, "UNAUTHORIZED")
		if c.auth != "Bearer x.y.z" {
			w.wants(c.do("GET", "/v2/token", nil), http.StatusUnauthorized, "UNAUTHORIZED")
		}
		w.pass(time.Hour) // past the limit of tries
	}
	w.wants(nobody.do("GET", "/v2/token", nil), http.StatusUnauthorized, "UNAUTHORIZED")
	w.wants(nobody.post(url.Values{"grant_type": {"password"}, "username": {"alice"}, "password": {"wrong"}}), http.StatusUnauthorized, "UNAUTHORIZED")
	w.wants(nobody.post(url.Values{"grant_type": {"client_credentials"}}), http.StatusBadRequest, "UNSUPPORTED")
	w.wants(nobody.post(url.Values{"x": {strings.Repeat("x", maxForm)}}), http.StatusRequestEntityTooLarge, "SIZE_INVALID")
	a := w.wants(w.person("alice").do("GET", "/v2/", nil), http.StatusOK, "")
	if strings.TrimSpace(string(a.body)) != "{}" {
		t.Errorf("the check says %s", a.body)
	}
	w.wants(w.person("alice").do("GET", "/v2/charm/x/y/tags/list", nil), http.StatusNotFound, "NAME_UNKNOWN")
	w.wants(w.person("alice").do("GET", "/v2/charm/x/nothing", nil), http.StatusNotFound, "NAME_UNKNOWN")
	w.wants(w.person("alice").do("DELETE", "/v2/"+repo+"/blobs/"+digestOf(nil), nil), http.StatusMethodNotAllowed, "UNSUPPORTED")
}

func TestTokensAreForWhatMayBeDone(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		server, secret, other := name(redis, "server"), name(hidden, "server"), name(evil, "server")
		scopes := []string{
			"repository:" + server + ":pull,push repository:" + secret + ":pull", "repository:" + other + ":*",
			"repository:" + server + ":delete", "registry:catalog:*", "repository:host:5000/" + server + ":pull",
			"repository(x):" + server + ":pull", "repository:" + server, "nonsense", ":::",
			"repository:" + name(strings.Repeat("q", 32), "server") + ":pull", "repository:charm/x/y:pull",
			"repository:" + server + ":" + strings.Repeat("x", maxScope),
		}
		for who, want := range map[string]string{
			"alice":   "repository:" + server + ":pull,push,delete repository:" + secret + ":pull registry:catalog:*",
			"bob":     "repository:" + server + ":pull,push,delete registry:catalog:*",
			"mallory": "repository:" + other + ":pull,push,delete registry:catalog:*",
			"vera":    "repository:" + server + ":pull repository:" + secret + ":pull repository:" + other + ":pull registry:catalog:*",
		} {
			g, access := w.given(w.person(who).do("GET", "/v2/token?account="+who+"&"+url.Values{"scope": scopes}.Encode(), nil))
			if access != want || g.RefreshToken != "" {
				t.Errorf("GET by %s: %s\nwant %s", who, access, want)
			}
			life := 3600
			if who == "vera" {
				life = 900
			}
			if g.ExpiresIn != life {
				t.Errorf("%s: it holds %d s", who, g.ExpiresIn)
			}
			nobody := &client{w, w.node, ""}
			_, access = w.given(nobody.post(url.Values{
				"grant_type": {"password"}, "username": {who}, "password": {password}, "client_id": {"containerd-client"},
				"service": {"any"}, "scope": {strings.Join(scopes, " ")},
			}))
			if access != want {
				t.Errorf("POST by %s: %s\nwant %s", who, access, want)
			}
		}
		w.wants(w.person("alice").do("GET", "/v2/token?scope="+strings.Repeat("a:b:c+", maxScopes+1), nil), http.StatusBadRequest, "UNSUPPORTED")

		// A token is good for its scope, and no longer than it says.
		puller := w.person("alice").token("repository:" + server + ":pull")
		w.wants(puller.do("GET", "/v2/", nil), http.StatusOK, "")
		w.wants(puller.do("GET", "/v2/"+server+"/manifests/x", nil), http.StatusNotFound, "MANIFEST_UNKNOWN")
		for _, test := range [][2]string{
			{"POST", "/v2/" + server + "/blobs/uploads/"}, {"DELETE", "/v2/" + server + "/manifests/x"}, {"GET", "/v2/" + secret + "/manifests/x"},
		} {
			a := w.wants(puller.do(test[0], test[1], nil), http.StatusUnauthorized, "UNAUTHORIZED")
			if !strings.Contains(a.header.Get("WWW-Authenticate"), `error="insufficient_scope"`) {
				t.Errorf("challenge %q", a.header.Get("WWW-Authenticate"))
			}
		}
		w.pass(15*time.Minute - time.Second)
		w.wants(puller.on(w.start()).do("GET", "/v2/"+server+"/manifests/x", nil), http.StatusUnauthorized, "") // another service
		w.wants(puller.do("GET", "/v2/"+server+"/manifests/x", nil), http.StatusNotFound, "MANIFEST_UNKNOWN")
		w.pass(time.Second)
		w.wants(puller.do("GET", "/v2/"+server+"/manifests/x", nil), http.StatusUnauthorized, "UNAUTHORIZED")
	})
}

func TestForgedTokensAreRefused(t *testing.T) {
	w := newWorld(t)
	repo := name(redis, "server")
	alice := w.person("alice").token("repository:" + repo + ":pull")
	good := strings.TrimPrefix(alice.auth, "Bearer ")
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	header := func(change func(map[string]any)) string {
		var h map[string]any
		w.must(json.Unmarshal(part(t, good, 0), &h))
		change(h)
		return encode(asJSON(h))
	}
	body := func(change func(map[string]any)) string {
		var c map[string]any
		w.must(json.Unmarshal(part(t, good, 1), &c))
		change(c)
		return encode(asJSON(c))
	}
	var id string
	keys, err := w.identity.TokenKeys(t.Context(), operator)
	w.must(err)
	for _, k := range keys {
		if k.Purpose == identity.PurposeRegistry {
			id = k.ID
		}
	}
	hs := header(func(h map[string]any) { h["alg"] = "HS256" })
	mac := hmac.New(sha256.New, []byte(id))
	mac.Write([]byte(hs + "." + parts[1]))
	same := func(map[string]any) {}
	for what, token := range map[string]string{
		"without a signature": header(func(h map[string]any) { h["alg"] = "none" }) + "." + parts[1] + ".",
		"signed with a MAC":   hs + "." + parts[1] + "." + encode(mac.Sum(nil)),
		"for more":            parts[0] + "." + body(func(c map[string]any) { c["access"] = []any{} }) + "." + parts[2],
		"of an unknown key":   header(func(h map[string]any) { h["kid"] = "x" }) + "." + body(same) + "." + parts[2],
		"with a key in it":    header(func(h map[string]any) { h["jwk"] = map[string]string{"kty": "EC"} }) + "." + parts[1] + "." + parts[2],
		"cut":                 good[:len(good)-4],
		"long":                good + strings.Repeat("a", 40_000),
		"nothing":             "",
		"dots":                "..",
	} {
		c := &client{w, w.node, "Bearer " + token}
		a := c.do("GET", "/v2/"+repo+"/manifests/x", nil)
		if a.status != http.StatusUnauthorized {
			t.Errorf("a token %s: %d %s", what, a.status, a.body)
		}
	}
	w.wants(alice.do("GET", "/v2/"+repo+"/manifests/x", nil), http.StatusNotFound, "")
	// No other service, and no other door.
	a := alice.do("GET", "/v2/"+repo+"/manifests/x", nil, "X-Nothing", "")
	w.wants(a, http.StatusNotFound, "")
	if _, err := w.identity.Authenticate(t.Context(), identity.Evidence{Authorization: []string{alice.auth}}); err == nil {
		t.Error("a registry's token opens another door")
	}
	w.wants(w.as("alice", good).do("GET", "/v2/token", nil), http.StatusUnauthorized, "UNAUTHORIZED")
}

func TestTokensEndWithWhatTheyWereMadeFrom(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		repo := name(redis, "server")
		scope := "repository:" + repo + ":pull,push"
		path := "/v2/" + repo + "/manifests/x"
		alice, err := w.identity.RegistryLogin(t.Context(), identity.RegistryLogin{User: "alice", Password: identity.NewSecret(password)})
		w.must(err)
		who := alice.Principal

		issued, err := w.identity.IssueAPIToken(t.Context(), who, who.Account, identity.Asked{
			Permissions: []string{"package_push"}, Packages: []store.PackageLimit{{ID: redis}},
		})
		w.must(err)
		bySecret := w.as("whatever", issued.Token.Reveal())
		if _, access := w.given(bySecret.do("GET", "/v2/token?scope="+url.QueryEscape(scope+" repository:"+name(hidden, "server")+":pull"), nil)); access != scope {
			t.Errorf("a token for one package is good for %s", access)
		}
		byToken := bySecret.token(scope)
		w.wants(byToken.do("GET", path, nil), http.StatusNotFound, "MANIFEST_UNKNOWN")
		_, err = w.identity.Revoke(t.Context(), who, issued.Session.ID)
		w.must(err)
		w.wants(byToken.do("GET", path, nil), http.StatusUnauthorized, "UNAUTHORIZED")
		w.wants(bySecret.do("GET", "/v2/token", nil), http.StatusUnauthorized, "UNAUTHORIZED")

		byPassword := w.person("alice").token(scope)
		w.wants(byPassword.do("GET", path, nil), http.StatusNotFound, "MANIFEST_UNKNOWN")
		w.pass(time.Second)
		_, err = w.identity.RevokeAll(t.Context(), who, who.Account)
		w.must(err)
		w.wants(byPassword.do("GET", path, nil), http.StatusUnauthorized, "UNAUTHORIZED")

		// A collaborator who is none any more.
		bob := w.person("bob").token(scope)
		w.wants(bob.do("POST", "/v2/"+repo+"/blobs/uploads/", nil), http.StatusAccepted, "")
		w.must(w.catalog.RemoveCollaborator(t.Context(), operator, store.Charm, "charm-r", "bob@example.com"))
		w.wants(bob.do("POST", "/v2/"+repo+"/blobs/uploads/", nil), http.StatusForbidden, "DENIED")
	})
}

func TestARefreshTokenStandsInForThePassword(t *testing.T) {
	w := newWorld(t)
	repo := name(redis, "server")
	scope := "repository:" + repo + ":pull,push"
	g, _ := w.given(w.person("alice").do("GET", "/v2/token?offline_token=true&client_id=docker&scope="+url.QueryEscape(scope), nil))
	if g.RefreshToken == "" || strings.Contains(g.RefreshToken, password) {
		t.Fatal("there is no refresh token")
	}
	nobody := &client{w, w.node, ""}
	_, access := w.given(nobody.post(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {g.RefreshToken}, "scope": {scope}}))
	if access != scope {
		t.Errorf("it is good for %s", access)
	}
	alice, err := w.identity.RegistryLogin(t.Context(), identity.RegistryLogin{User: "alice", Password: identity.NewSecret(password)})
	w.must(err)
	sessions, err := w.identity.Sessions(t.Context(), alice.Principal, store.SessionFilter{AccountID: alice.Principal.Account})
	w.must(err)
	if len(sessions) != 1 || sessions[0].Description != "image registry docker" {
		t.Fatalf("sessions: %v", sessions)
	}
	_, err = w.identity.Revoke(t.Context(), alice.Principal, sessions[0].ID)
	w.must(err)
	w.wants(nobody.post(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {g.RefreshToken}}), http.StatusUnauthorized, "UNAUTHORIZED")

	// What stands for little is kept as it is.
	_, pullPassword, err := w.identity.PullCredentials(t.Context(), store.ImageRepo{PackageID: redis, Resource: "server"})
	w.must(err)
	g, _ = w.given(nobody.post(url.Values{"grant_type": {"password"}, "password": {pullPassword.Reveal()}, "access_type": {"offline"}}))
	if g.RefreshToken != pullPassword.Reveal() {
		t.Error("pull credentials are refreshed with something else")
	}
}
