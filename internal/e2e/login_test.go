package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"gopkg.in/macaroon.v2"
)

const password = "correct horse battery"

// snapcraft asks for these.
var wanted = []string{
	"package_access", "package_manage", "package_metrics", "package_push", "package_register", "package_release",
	"package_update", "edit_account",
}

// login is a client of the single sign-on, as snapcraft is one: it knows HTTP
// and macaroons, and nothing of larder.
type login struct {
	t    *testing.T
	base string

	root, discharge *macaroon.Macaroon
}

// post answers with the status and the object that came back.
func (l *login) post(path string, body any) (int, map[string]any) {
	l.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.do("POST", path, "", text)
}

func (l *login) do(method, path, authorization string, body []byte) (int, map[string]any) {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), method, l.base+path, bytes.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		l.t.Fatalf("%s %s: %s: %v in %s", method, path, resp.Status, err, raw)
	}
	return resp.StatusCode, v
}

func (l *login) decode(v any) *macaroon.Macaroon {
	l.t.Helper()
	text, _ := v.(string)
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		l.t.Fatal(err)
	}
	m := new(macaroon.Macaroon)
	if err := m.UnmarshalBinary(raw); err != nil {
		l.t.Fatal(err)
	}
	return m
}

func (l *login) encode(m *macaroon.Macaroon) string {
	l.t.Helper()
	raw, err := m.MarshalBinary()
	if err != nil {
		l.t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// start gets a root, and returns the id of the caveat that the single sign-on
// at this host discharges.
func (l *login) start() string {
	l.t.Helper()
	status, v := l.post("/dev/api/acl/", map[string]any{"permissions": wanted, "description": "snapcraft@test"})
	if status != http.StatusOK {
		l.t.Fatalf("no root: %d %v", status, v)
	}
	l.root = l.decode(v["macaroon"])
	for _, c := range l.root.Caveats() {
		if c.Location == strings.TrimPrefix(l.base, "http://") {
			return string(c.Id)
		}
	}
	l.t.Fatalf("no caveat is at %s", l.base)
	return ""
}

// in logs in; otp may be empty.
func (l *login) in(caveat, email, otp string) (status int, code any) {
	l.t.Helper()
	ask := map[string]any{"email": email, "password": password, "caveat_id": caveat}
	if otp != "" {
		ask["otp"] = otp
	}
	status, v := l.post("/api/v2/tokens/discharge", ask)
	if status == http.StatusOK {
		l.discharge = l.decode(v["discharge_macaroon"])
	}
	return status, v["code"]
}

// header is the pair, bound, as snapcraft sends it.
func (l *login) header() string {
	l.t.Helper()
	bound := l.discharge.Clone()
	bound.Bind(l.root.Signature())
	return "Macaroon root=" + l.encode(l.root) + ", discharge=" + l.encode(bound)
}

// whoami fails the test unless the credentials have the status.
func (l *login) whoami(authorization string, want int) map[string]any {
	l.t.Helper()
	status, v := l.do("GET", "/api/v2/tokens/whoami", authorization, nil)
	if status != want {
		l.t.Fatalf("whoami: %d %v, want %d", status, v, want)
	}
	return v
}

// with is must with something on standard input.
func (n *node) with(input string, args ...string) string {
	n.t.Helper()
	cmd := n.command(args...)
	cmd.Stdin = strings.NewReader(input)
	a := n.finish(cmd)
	if a.code != 0 {
		n.t.Fatal(a)
	}
	return a.out
}

func TestAPublisherLogsInWithASecondFactorAndTheTokenOutlivesAKill(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			n := newStore(t, p.make(t))
			n.with(password+"\n", "account", "create", "alice@example.com", "--username", "alice", "--password-stdin")
			s := n.serve()
			l := &login{t: t, base: s.url}

			// A password is enough at first.
			if status, code := l.in(l.start(), "alice@example.com", ""); status != http.StatusOK {
				t.Fatalf("the first login: %d %v", status, code)
			}
			account, _ := l.whoami(l.header(), http.StatusOK)["account"].(map[string]any)
			if account["username"] != "alice" || account["email"] != "alice@example.com" {
				t.Errorf("whoami says %v", account)
			}

			// Publishers' API takes the same credentials.
			status, mine := l.do("GET", "/dev/api/account", l.header(), nil)
			if status != http.StatusOK || mine["username"] != "alice" {
				t.Errorf("the account: %d %v", status, mine)
			}
			if status, v := l.do("GET", "/dev/api/account", "", nil); status != http.StatusUnauthorized || v["error_list"] == nil {
				t.Errorf("anybody's account: %d %v", status, v)
			}

			// Then there is a second factor.
			var enrolled struct {
				Secret, Ticket string
				Recovery       []string `json:"recovery-codes"`
			}
			n.ask(&enrolled, "account", "enable-2fa", "alice")
			now := time.Now()
			code := func(at time.Time) string {
				c, err := totp.GenerateCode(enrolled.Secret, at)
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			n.with(enrolled.Ticket+"\n"+code(now)+"\n", "account", "enable-2fa", "alice", "--confirm")
			caveat := l.start()
			if status, code := l.in(caveat, "alice@example.com", ""); status != http.StatusUnauthorized || code != "TWOFACTOR_REQUIRED" {
				t.Errorf("without a code: %d %v", status, code)
			}
			if status, code := l.in(caveat, "alice@example.com", code(now)); status != http.StatusForbidden || code != "TWOFACTOR_FAILURE" {
				t.Errorf("with a code for the second time: %d %v", status, code)
			}
			if status, code := l.in(caveat, "alice@example.com", code(now.Add(30*time.Second))); status != http.StatusOK {
				t.Fatalf("with the next code: %d %v", status, code)
			}
			pair := l.header()
			l.whoami(pair, http.StatusOK)
			status, exchanged := l.do("POST", "/publishergw/v1/tokens/usso/exchange", pair, []byte(`{"client-description":"charmcraft"}`))
			if status != http.StatusOK {
				t.Fatalf("the exchange: %d %v", status, exchanged)
			}
			token := "Macaroon " + exchanged["macaroon"].(string)

			// A crash takes nothing of it.
			s.kill()
			s = n.serve()
			l.base = s.url
			l.whoami(pair, http.StatusOK)
			l.whoami(token, http.StatusOK)
			status, fresh := l.post("/api/v2/tokens/refresh", map[string]any{"discharge_macaroon": l.encode(l.discharge)})
			if status != http.StatusOK {
				t.Fatalf("the refresh: %d %v", status, fresh)
			}
			l.discharge = l.decode(fresh["discharge_macaroon"])
			l.whoami(l.header(), http.StatusOK)

			// Neither does it outlive its end.
			var list struct {
				Tokens []struct {
					ID   string `json:"session-id"`
					Kind string `json:"kind"`
				} `json:"sessions"`
			}
			n.ask(&list, "token", "list", "--account", "alice")
			status, shown := l.do("GET", "/v1/tokens", token, nil)
			if listed, _ := shown["macaroons"].([]any); status != http.StatusOK || len(listed) != len(list.Tokens) || len(listed) == 0 {
				t.Errorf("the command lists %d tokens, the gateway %d %v", len(list.Tokens), status, shown)
			}
			for _, one := range list.Tokens {
				n.must("token", "revoke", one.ID)
			}
			poll(t, "the tokens to end", func() error { return refused(l, token) })
			l.whoami(l.header(), http.StatusUnauthorized)
			l.whoami(pair, http.StatusUnauthorized)
			status, v := l.post("/api/v2/tokens/refresh", map[string]any{"discharge_macaroon": l.encode(l.discharge)})
			if status != http.StatusUnauthorized || v["code"] != "INVALID_CREDENTIALS" {
				t.Errorf("a revoked login is refreshed: %d %v", status, v)
			}
			if status, code := l.in(l.start(), "alice@example.com", enrolled.Recovery[0]); status != http.StatusOK {
				t.Errorf("with a recovery code: %d %v", status, code)
			}
			for _, secret := range []string{password, l.encode(l.root), l.encode(l.discharge), token, pair} {
				if strings.Contains(s.log.String(), secret) {
					t.Error("the log has a secret")
				}
			}
		})
	}
}

func refused(l *login, authorization string) error {
	status, v := l.do("GET", "/api/v2/tokens/whoami", authorization, nil)
	if status == http.StatusUnauthorized {
		return nil
	}
	return fmt.Errorf("it gets %d %v", status, v)
}

func TestTheSignOnIsKnownByTheNamesThatTheOperatorSets(t *testing.T) {
	n := newStore(t, place{})
	n.with(password+"\n", "account", "create", "alice@example.com", "--username", "alice", "--password-stdin")
	s := n.serve()
	ask := func(agent, host string) string {
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/dev/api/acl/", strings.NewReader(`{"permissions":["package_access"]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("User-Agent", agent)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var v struct{ Macaroon string }
		if err := json.NewDecoder(resp.Body).Decode(&v); err != nil {
			t.Fatal(resp.Status, err)
		}
		l := &login{t: t}
		for _, c := range l.decode(v.Macaroon).Caveats() {
			if len(c.VerificationId) > 0 {
				return c.Location
			}
		}
		return ""
	}
	expect := func(want map[[2]string]string) {
		t.Helper()
		for who, location := range want {
			if got := ask(who[0], who[1]); got != location {
				t.Errorf("%s at %s finds %q, want %q", who[0], who[1], got, location)
			}
		}
	}
	expect(map[[2]string]string{
		{"snapcraft/9", "store.test:8444"}:        "store.test:8444",
		{"snapcraft/9", "dashboard.snapcraft.io"}: "login.ubuntu.com",
		{"snapd/2.70", "store.test"}:              "login.ubuntu.com",
	})
	n.must("config", "larder.sso.location=login.test:8443", `larder.sso.aliases=["dashboard.test"]`, "larder.sso.keys-by-email=True")
	poll(t, "the server to see the settings", func() error {
		if got := ask("snapcraft/9", "store.test"); got != "login.test:8443" {
			return fmt.Errorf("it says %q", got)
		}
		return nil
	})
	expect(map[[2]string]string{
		{"snapcraft/9", "dashboard.snapcraft.io"}: "login.test:8443",
		{"snapcraft/9", "dashboard.test:443"}:     "login.ubuntu.com",
	})
	l := &login{t: t, base: s.url}
	if status, v := l.do("GET", "/api/v2/keys/alice@example.com", "", nil); status != http.StatusOK || v["username"] != "alice" {
		t.Errorf("keys: %d %v", status, v)
	}
}
