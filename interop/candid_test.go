// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/go-macaroon-bakery/macaroon-bakery/v3/bakery"
	"github.com/go-macaroon-bakery/macaroon-bakery/v3/bakery/checkers"
	"github.com/go-macaroon-bakery/macaroon-bakery/v3/httpbakery"
	"github.com/go-macaroon-bakery/macaroon-bakery/v3/httpbakery/agent"
	"github.com/go-macaroon-bakery/macaroon-bakery/v3/httpbakery/form"
	envform "gopkg.in/juju/environschema.v1/form"
	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/interop/harness"
)

// login is a larder with people, whom clients of the bakery log in.
type login struct {
	*harness.Larder
	t     *testing.T
	agent *bakery.KeyPair // of alice
}

const peoplesPassword = "four fine words here"

func newLogin(t *testing.T) *login {
	l := &login{Larder: harness.New(t, harness.Place{}), t: t, agent: bakery.MustGenerateKey()}
	l.Serve()
	for name, role := range map[string]string{"alice": "publisher", "adam": "admin"} {
		said := l.Run("account", "create", name+"@example.com", "--username", name, "--role", role, "--link")
		link := regexp.MustCompile(`token=(\S+)`).FindStringSubmatch(said)
		if link == nil {
			t.Fatalf("no link in %s", said)
		}
		p := l.browse(l.URL + "/identity/setup?token=" + link[1])
		p.submit("new", peoplesPassword, "again", peoplesPassword)
		p.wants("new password")
	}
	l.Run("account", "add-key", "alice", l.agent.Public.String(), "--kind", "agent")
	return l
}

// browsing is a person with a browser.
type browsing struct {
	l      *login
	client *http.Client
	page   string
}

func (l *login) browse(url string) *browsing {
	l.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	b := &browsing{l: l, client: &http.Client{Jar: jar}}
	b.took(b.client.Get(url))
	return b
}

func (b *browsing) took(resp *http.Response, err error) {
	b.l.t.Helper()
	if err != nil {
		b.l.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.l.t.Fatal(err)
	}
	b.page = string(body)
}

var (
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
	action = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
)

func (b *browsing) submit(filled ...string) {
	b.l.t.Helper()
	v := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(b.page, -1) {
		v.Set(m[1], html.UnescapeString(m[2]))
	}
	for i := 0; i < len(filled); i += 2 {
		v.Set(filled[i], filled[i+1])
	}
	at := action.FindStringSubmatch(b.page)
	if at == nil {
		b.l.t.Fatalf("there is no form on %s", b.page)
	}
	b.took(b.client.PostForm(b.l.URL+at[1], v))
}

func (b *browsing) wants(text string) {
	b.l.t.Helper()
	if !strings.Contains(b.page, text) {
		b.l.t.Errorf("the page does not say %q: %s", text, b.page)
	}
}

// window logs alice in while the client waits.
func (l *login) window() httpbakery.WebBrowserInteractor {
	return httpbakery.WebBrowserInteractor{OpenWebBrowser: func(visit *url.URL) error {
		b := l.browse(visit.String())
		b.submit("login", "alice", "password", peoplesPassword)
		b.wants("Allow this login?")
		b.submit("decision", "approve")
		b.wants("close this window")
		return nil
	}}
}

type filler map[string]any

func (f filler) Fill(form envform.Form) (map[string]any, error) {
	for name := range f {
		if _, ok := form.Fields[name]; !ok {
			return nil, fmt.Errorf("the form has no field %s", name)
		}
	}
	return f, nil
}

// clients are the ways in which a client of the bakery logs alice in.
func (l *login) clients() map[string]func() *httpbakery.Client {
	return map[string]func() *httpbakery.Client{
		"browser": func() *httpbakery.Client {
			c := httpbakery.NewClient()
			c.AddInteractor(l.window())
			return c
		},
		"form": func() *httpbakery.Client {
			c := httpbakery.NewClient()
			c.AddInteractor(form.Interactor{Filler: filler{"username": "alice", "password": peoplesPassword}})
			return c
		},
		"agent": func() *httpbakery.Client { return l.agentClient("alice", l.agent) },
	}
}

func (l *login) agentClient(name string, key *bakery.KeyPair) *httpbakery.Client {
	l.t.Helper()
	c := httpbakery.NewClient()
	err := agent.SetUpAuth(c, &agent.AuthInfo{Key: key, Agents: []agent.Agent{{URL: l.URL + "/identity", Username: name}}})
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// A service of somebody else sends its users here, in each version of the
// protocol, and each way to log in ends in a discharge that the bakery takes.
func TestCandidDischargesForOtherServices(t *testing.T) {
	l := newLogin(t)
	service := bakery.MustGenerateKey()
	locator := httpbakery.NewThirdPartyLocator(nil, nil)
	locator.AllowInsecure()
	namespace := checkers.New(nil).Namespace()
	for _, condition := range []string{"is-authenticated-user", "<is-authenticated-user", "is-member-of nobodies publisher"} {
		for version := bakery.Version1; version <= bakery.LatestVersion; version++ {
			for name, client := range l.clients() {
				legacy := strings.HasPrefix(condition, "<")
				if legacy && name == "form" {
					continue // no old client has it
				}
				t.Run(fmt.Sprint(condition, " ", version, " ", name), func(t *testing.T) {
					l.t = t
					m, err := bakery.NewMacaroon([]byte("a key of the service"), []byte("id"), "service", version, namespace)
					if err != nil {
						t.Fatal(err)
					}
					need := checkers.NeedDeclaredCaveat(checkers.Caveat{Location: l.URL + "/identity", Condition: condition}, "username")
					if legacy { // the mark begins the whole condition
						need.Condition = "<" + strings.Replace(need.Condition, "<", "", 1)
					}
					if err := m.AddCaveat(t.Context(), need, service, locator); err != nil {
						t.Fatal(err)
					}
					slice, err := client().DischargeAll(t.Context(), m)
					if err != nil {
						t.Fatal(err)
					}
					conditions, err := slice[0].VerifySignature([]byte("a key of the service"), slice[1:])
					if err != nil {
						t.Fatal(err)
					}
					if who := checkers.InferDeclaredFromConditions(namespace, conditions); who["username"] != "alice" {
						t.Errorf("declared are %v by %q", who, conditions)
					}
				})
			}
		}
	}
}

// The store's own tokens, as clients of the gateway get them.
func TestCandidLogsClientsInToTheStore(t *testing.T) {
	l := newLogin(t)
	for name, client := range l.clients() {
		t.Run(name, func(t *testing.T) {
			l.t = t
			var issued, exchanged struct{ Macaroon string }
			l.call(t, "POST", "/v1/tokens", nil, `{"permissions":["account-view-packages","package-manage"],"description":"a test"}`, &issued)
			var root bakery.Macaroon
			if err := json.Unmarshal([]byte(issued.Macaroon), &root); err != nil {
				t.Fatal(err)
			}
			slice, err := client().DischargeAll(t.Context(), &root)
			if err != nil {
				t.Fatal(err)
			}
			l.call(t, "POST", "/v1/tokens/exchange", http.Header{"Macaroons": {encode(t, slice)}}, `{}`, &exchanged)
			var who struct {
				Account     struct{ Username string }
				Permissions []string
			}
			l.call(t, "GET", "/v1/tokens/whoami", http.Header{"Authorization": {"Macaroon " + exchanged.Macaroon}}, "", &who)
			if who.Account.Username != "alice" || len(who.Permissions) != 2 {
				t.Errorf("the token is of %+v", who)
			}
		})
	}
}

func encode(t *testing.T, slice macaroon.Slice) string {
	t.Helper()
	text, err := json.Marshal(slice)
	if err != nil {
		t.Fatal(err)
	}
	return base64.URLEncoding.EncodeToString(text)
}

func (l *login) call(t *testing.T, method, path string, h http.Header, body string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, l.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range h {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal(text, into) != nil {
		t.Fatalf("%s %s: %d %s, %v", method, path, resp.StatusCode, text, err)
	}
}

// Services ask as agents what somebody is.
func TestCandidTellsServicesWhatSomebodyIs(t *testing.T) {
	l := newLogin(t)
	key := bakery.MustGenerateKey()
	l.Run("account", "add-key", "adam", key.Public.String(), "--kind", "agent")
	ask := func(c *httpbakery.Client, method, path string, body []byte) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), method, l.URL+"/identity"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		var resp *http.Response
		if body == nil {
			resp, err = c.Do(req)
		} else {
			req.Header.Set("Content-Type", "application/json")
			req.Body = io.NopCloser(bytes.NewReader(body))
			req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
			resp, err = c.Do(req)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, strings.TrimSpace(string(text))
	}
	adam, alice := l.agentClient("adam", key), l.agentClient("alice", l.agent)
	for _, tt := range []struct {
		client *httpbakery.Client
		path   string
		status int
		says   string
	}{
		{adam, "/v1/whoami", 200, `{"user":"adam"}`},
		{adam, "/v1/u/alice/groups", 200, `["publisher"]`},
		{adam, "/v1/u?email=alice@example.com", 200, `["alice"]`},
		{adam, "/v1/u/alice", 200, l.agent.Public.String()},
		{adam, "/v1/u/nobody/groups", 404, `"not found"`},
		{alice, "/v1/whoami", 200, `{"user":"alice"}`},
		{alice, "/v1/u/alice/groups", 200, `["publisher"]`},
		{alice, "/v1/u/adam/groups", 403, `"forbidden"`},
		{alice, "/v1/u/nobody/groups", 403, `"forbidden"`},
		{alice, "/v1/u?email=adam@example.com", 403, `"forbidden"`},
	} {
		if status, said := ask(tt.client, "GET", tt.path, nil); status != tt.status || !strings.Contains(said, tt.says) {
			t.Errorf("%s: %d %s", tt.path, status, said)
		}
	}
	// What alice shows a service, which asks here who that is.
	var issued struct{ Macaroon string }
	l.call(t, "POST", "/v1/tokens", nil, `{"permissions":["account-view-packages"]}`, &issued)
	var root bakery.Macaroon
	if err := json.Unmarshal([]byte(issued.Macaroon), &root); err != nil {
		t.Fatal(err)
	}
	slice, err := alice.DischargeAll(t.Context(), &root)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(slice)
	if err != nil {
		t.Fatal(err)
	}
	if status, said := ask(adam, "POST", "/v1/verify", text); status != 200 || said != `{"username":"alice"}` {
		t.Errorf("verify: %d %s", status, said)
	}
	text, err = json.Marshal(slice[:1])
	if err != nil {
		t.Fatal(err)
	}
	if status, said := ask(adam, "POST", "/v1/verify", text); status != 403 {
		t.Errorf("verify of a root alone: %d %s", status, said)
	}
}

// An agent without the private key gets nowhere.
func TestCandidRefusesAgentsWithAnotherKey(t *testing.T) {
	l := newLogin(t)
	locator := httpbakery.NewThirdPartyLocator(nil, nil)
	locator.AllowInsecure()
	other := bakery.MustGenerateKey()
	lying := &bakery.KeyPair{Public: l.agent.Public, Private: other.Private}
	for name, client := range map[string]*httpbakery.Client{
		"a key that is not known":  l.agentClient("alice", other),
		"alice's key as adam":      l.agentClient("adam", l.agent),
		"only alice's public half": l.agentClient("alice", lying),
	} {
		m, err := bakery.NewMacaroon([]byte("k"), []byte("id"), "service", bakery.LatestVersion, nil)
		if err != nil {
			t.Fatal(err)
		}
		caveat := checkers.Caveat{Location: l.URL + "/identity", Condition: "is-authenticated-user"}
		if err := m.AddCaveat(t.Context(), caveat, bakery.MustGenerateKey(), locator); err != nil {
			t.Fatal(err)
		}
		if slice, err := client.DischargeAll(t.Context(), m); err == nil {
			t.Errorf("%s: discharged %d macaroons", name, len(slice))
		}
	}
}
