// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/go-macaroon-bakery/macaroon-bakery/v3/bakery"
	"github.com/go-macaroon-bakery/macaroon-bakery/v3/httpbakery"
	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

var openIDRequest = regexp.MustCompile(`<input type="hidden" name="id" value="([^"]+)">`)

// The OpenID provider of the zitadel project, with the user that it comes with:
// its address is verified. The provider is told of larder after it is there,
// as operators do.
func TestOpenIDProviderLogsAClientIn(t *testing.T) {
	var provider http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { provider.ServeHTTP(w, r) }))
	defer server.Close()
	l := newLogin(t)
	storage.RegisterClients(storage.WebClient("larder", "a secret of the client", l.URL+"/identity/login/openid/callback"))
	provider = exampleop.SetupServer(server.URL, storage.NewStorage(storage.NewUserStore(server.URL)), slog.New(slog.DiscardHandler), false)
	l.Run("config", "larder.oidc.issuer="+server.URL, "larder.oidc.client-id=larder", "larder.oidc.client-secret=a secret of the client",
		"larder.oidc.name=Zitadel")

	// through is where the provider leads to.
	through := func(visit *url.URL) *browsing {
		b := l.browse(visit.String())
		b.wants("Log in with Zitadel")
		b.took(b.client.Get(strings.Replace(visit.String(), "/login?", "/login/openid?", 1)))
		request := openIDRequest.FindStringSubmatch(b.page)
		if request == nil {
			t.Fatalf("the provider says %s", b.page)
		}
		b.took(b.client.PostForm(server.URL+"/login/username", url.Values{
			"id": {request[1]}, "username": {"test-user@127.0.0.1"}, "password": {"verysecure"},
		}))
		return b
	}
	root := func() *bakery.Macaroon {
		var issued struct{ Macaroon string }
		l.call(t, "POST", "/v1/tokens", nil, `{"permissions":["account-view-packages"]}`, &issued)
		m := new(bakery.Macaroon)
		if err := json.Unmarshal([]byte(issued.Macaroon), m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	client := httpbakery.NewClient()
	var visits []func(b *browsing)
	client.AddInteractor(httpbakery.WebBrowserInteractor{OpenWebBrowser: func(visit *url.URL) error {
		next := visits[0]
		visits = visits[1:]
		next(through(visit))
		return nil
	}})

	visits = []func(*browsing){
		func(b *browsing) { // nobody has made an account
			b.wants("account of this store belongs to you")
			b.wants("Log in")
			b.submit("login", "alice", "password", peoplesPassword)
			b.submit("decision", "approve")
		},
		func(b *browsing) {
			b.wants("Allow this login?")
			b.wants("test-user@zitadel.ch")
			b.submit("decision", "approve")
		},
	}
	for _, want := range []string{"alice", "tester"} {
		if want == "tester" {
			l.Run("account", "create", "test-user@zitadel.ch", "--username", "tester", "--link")
		}
		slice, err := client.DischargeAll(t.Context(), root())
		if err != nil {
			t.Fatal(err)
		}
		var exchanged struct{ Macaroon string }
		l.call(t, "POST", "/v1/tokens/exchange", http.Header{"Macaroons": {encode(t, slice)}}, `{}`, &exchanged)
		var who struct{ Account struct{ Username string } }
		l.call(t, "GET", "/v1/tokens/whoami", http.Header{"Authorization": {"Macaroon " + exchanged.Macaroon}}, "", &who)
		if who.Account.Username != want {
			t.Errorf("the client is %q, want %q", who.Account.Username, want)
		}
	}
}
