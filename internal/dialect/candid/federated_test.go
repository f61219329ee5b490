package candid

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/testservice"
)

// federatedWorld is a world whose people may log in with a provider.
func federatedWorld(t *testing.T, signUp bool) (*world, *testservice.OpenID) {
	t.Helper()
	w := newWorld(t)
	p := testservice.StartOpenID(t, w.clock)
	w.federate(func(context.Context) (identity.Federation, error) {
		return identity.Federation{
			Issuer: p.URL, Name: "Example Login", ClientID: p.ClientID, ClientSecret: identity.NewSecret(p.ClientSecret),
			Scopes: []string{"email", "profile"}, AllowSignup: signUp,
		}, nil
	})
	return w, p
}

// follow goes where the last page leads.
func (b *browser) follow() *browser {
	b.w.t.Helper()
	to, err := b.page.Location()
	if err != nil {
		b.w.t.Fatalf("the page leads nowhere: %d %s", b.page.StatusCode, b.page.body)
	}
	return b.open(to.String())
}

// throughProvider takes the way through the provider up to the answer here.
func (b *browser) throughProvider(visit string) *browser {
	b.w.t.Helper()
	b.open(visit).wants(http.StatusOK, "Log in with Example Login")
	return b.open(strings.Replace(visit, "/login?", "/login/openid?", 1)).follow().follow()
}

func TestSomebodyLogsInWithTheOpenIDProvider(t *testing.T) {
	w, p := federatedWorld(t, false)
	alice := w.person("alice", store.RolePublisher)
	for n, claims := range []map[string]any{
		{"sub": "1001", "email": "Alice@example.com", "email_verified": true},
		{"sub": "1001", "email": "alice@elsewhere.example", "email_verified": false}, // known by now
	} {
		p.LogIn(claims)
		root, caveat := w.root(2)
		i := w.begin(caveat)
		waiting := w.waitFor(i.wait())
		w.browser().throughProvider(i.visit()).wants(http.StatusOK, "Allow this login?", "alice@example.com").
			submit("decision", "approve").wants(http.StatusOK, "close this window")
		kind, token := w.token(<-waiting)
		who, err := w.finish(root, caveat, kind, token)
		if err != nil || who.User.Account.ID != alice.Account.ID || who.Session.Method != identity.MethodOIDC {
			t.Errorf("login %d: %+v by %s, %v", n, who.Principal, who.Session.Method, err)
		}
	}
	if scope := p.Asked().Get("scope"); scope != "openid email profile" {
		t.Errorf("asked for scope %q", scope)
	}
	if wrong := p.Wrong(); wrong != nil {
		t.Errorf("the provider complains: %q", wrong)
	}
}

func TestWhatAProviderSaysDecidesWhoItIs(t *testing.T) {
	w, p := federatedWorld(t, false)
	w.person("alice", store.RolePublisher)
	w.person("bob", store.RolePublisher)
	tests := []struct {
		name   string
		claims map[string]any
		status int
		says   string
	}{
		{"an address that is not verified", map[string]any{"sub": "1", "email": "alice@example.com"}, 403, "not verified"},
		{"verified is a no", map[string]any{"sub": "1", "email": "alice@example.com", "email_verified": false}, 403, "not verified"},
		{"verified is something else", map[string]any{"sub": "1", "email": "alice@example.com", "email_verified": 1}, 403, "not verified"},
		{"nobody here", map[string]any{"sub": "1", "email": "carol@example.com", "email_verified": true}, 403, "account of this store belongs to you"},
		{"no address", map[string]any{"sub": "1"}, 403, "account of this store belongs to you"},
		{"verified as a text", map[string]any{"sub": "2", "email": "bob@example.com", "email_verified": "true"}, 200, "bob@example.com"},
		{"another subject with bob's address", map[string]any{"sub": "3", "email": "bob@example.com", "email_verified": true}, 403, "somebody else"},
		{"no subject", map[string]any{"email": "alice@example.com", "email_verified": true}, 403, "cannot be accepted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.LogIn(tt.claims)
			_, caveat := w.root(2)
			w.browser().throughProvider(w.begin(caveat).visit()).wants(tt.status, tt.says)
		})
	}
}

func TestForgedAnswersOfAProviderAreRefused(t *testing.T) {
	w, p := federatedWorld(t, false)
	w.person("alice", store.RolePublisher)
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) { c[name] = value }
	}
	tests := []struct {
		name  string
		sign  string
		spoil func(map[string]any)
	}{
		{"wrong nonce", testservice.SignRS256, set("nonce", "another")},
		{"no nonce", testservice.SignRS256, func(c map[string]any) { delete(c, "nonce") }},
		{"wrong audience", testservice.SignRS256, set("aud", "somebody else")},
		{"two audiences", testservice.SignRS256, set("aud", []string{"larder", "somebody else"})},
		{"for another party", testservice.SignRS256, set("azp", "somebody else")},
		{"wrong issuer", testservice.SignRS256, set("iss", "https://evil.example")},
		{"expired", testservice.SignRS256, set("exp", w.clock().Unix()-1)},
		{"not signed", testservice.SignNone, nil},
		{"signed with the client's secret", testservice.SignHS256, nil},
		{"signed with another key", testservice.SignOtherKey, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p.LogIn(map[string]any{"sub": "1001", "email": "alice@example.com", "email_verified": true})
			p.Cheat(tt.sign, tt.spoil)
			_, caveat := w.root(2)
			w.browser().throughProvider(w.begin(caveat).visit()).wants(http.StatusForbidden, "cannot be accepted")
		})
	}
}

func TestTheWayBackFromAProviderBelongsToOneBrowserOnce(t *testing.T) {
	w, p := federatedWorld(t, false)
	w.person("alice", store.RolePublisher)
	p.LogIn(map[string]any{"sub": "1001", "email": "alice@example.com", "email_verified": true})
	// begun is a browser that stands before its answer is given back.
	begun := func() (b *browser, back *url.URL) {
		_, caveat := w.root(2)
		visit := w.begin(caveat).visit()
		b = w.browser().open(visit).open(strings.Replace(visit, "/login?", "/login/openid?", 1)).follow()
		back, err := b.page.Location()
		w.must(err)
		return b, back
	}
	with := func(u *url.URL, name, value string) string {
		q := u.Query()
		q.Set(name, value)
		c := *u
		c.RawQuery = q.Encode()
		return c.String()
	}

	b, back := begun()
	w.browser().open(back.String()).wants(http.StatusForbidden, "too old") // another browser
	other, otherBack := begun()
	other.open(with(otherBack, "state", back.Query().Get("state"))).wants(http.StatusForbidden, "cannot be accepted")
	b.open(with(back, "code", otherBack.Query().Get("code"))).wants(http.StatusForbidden, "cannot be accepted") // PKCE
	b.open(back.String()).wants(http.StatusForbidden)                                                           // used up

	b, back = begun()
	cookies := b.client.Jar.Cookies(back)
	b.open(back.String()).wants(http.StatusOK, "Allow this login?")
	b.client.Jar.SetCookies(back, cookies) // even one that kept its ticket
	b.open(back.String()).wants(http.StatusForbidden, "cannot be accepted")

	b, back = begun()
	b.open(with(back, "error", "access_denied")).wants(http.StatusForbidden, "access_denied", "Log in")
}

func TestWhoeverTheProviderKnowsMaySignUpWhereTheOperatorLets(t *testing.T) {
	w, p := federatedWorld(t, true)
	w.person("carol", store.RolePublisher)
	for _, tt := range []struct {
		claims   map[string]any
		username string
	}{
		{map[string]any{"sub": "7", "email": "c@x.example", "email_verified": true, "preferred_username": "Carol", "name": "Carol X"}, "carol-2"},
		{map[string]any{"sub": "8", "email": "dora.long@x.example", "email_verified": true}, "dora-long"},
		{map[string]any{"sub": "9", "email": "ü@x.example", "email_verified": true, "preferred_username": "💥"}, "user"},
	} {
		p.LogIn(tt.claims)
		root, caveat := w.root(2)
		i := w.begin(caveat)
		waiting := w.waitFor(i.wait())
		w.browser().throughProvider(i.visit()).submit("decision", "approve").wants(http.StatusOK)
		kind, token := w.token(<-waiting)
		who, err := w.finish(root, caveat, kind, token)
		if err != nil || who.User.Account.Username != tt.username || who.User.Role != store.RolePublisher {
			t.Errorf("%v is %s, %s, %v; want %s", tt.claims, who.User.Account.Username, who.User.Role, err, tt.username)
		}
	}
	p.LogIn(map[string]any{"sub": "10", "email": "eve@x.example", "email_verified": false})
	_, caveat := w.root(2)
	w.browser().throughProvider(w.begin(caveat).visit()).wants(http.StatusForbidden, "not verified")
}

func TestAProviderThatIsGoneLeavesThePassword(t *testing.T) {
	w := newWorld(t)
	for issuer, status := range map[string]int{
		"http://127.0.0.1:1":         http.StatusServiceUnavailable,
		"http://login.example":       http.StatusBadRequest, // anybody on the way could answer
		"https://user@:0/nonsense\n": http.StatusBadRequest,
	} {
		w.federate(func(context.Context) (identity.Federation, error) {
			return identity.Federation{Issuer: issuer, ClientID: "larder"}, nil
		})
		_, caveat := w.root(2)
		visit := w.begin(caveat).visit()
		w.browser().open(visit).wants(http.StatusOK).
			open(strings.Replace(visit, "/login?", "/login/openid?", 1)).wants(status, "Password")
	}
}
