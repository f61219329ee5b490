package sso

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

func TestEachClientFindsTheCaveatOfItsSignOn(t *testing.T) {
	w := newWorld(t)
	w.hosts = credential.SSOHosts{Netloc: "login.example:8443", Aliases: []string{host + ".alias"}}
	for _, c := range []struct{ agent, path, want string }{
		{"snapd/2.70 (series 16; classic)", "/dev/api/acl/", "login.ubuntu.com"},
		{"snapcraft/9.0", "/dev/api/acl/", "login.example:8443"},
		{"snapcraft/9.0", "/v1/tokens/usso", "login.example:8443"},
		{"charmcraft/4.4", "/publishergw/v1/tokens/usso", "login.example:8443"},
	} {
		w.agent = c.agent
		root := w.root(c.path, wanted())
		if got := caveat(root).Location; got != c.want {
			t.Errorf("%s at %s looks for %s and finds %q", c.agent, c.path, c.want, got)
		}
		if id := caveat(root).Id; !json.Valid(id) || slices.ContainsFunc(id, func(b byte) bool { return b >= 0x80 }) {
			t.Errorf("the caveat's id is no text: %q", id)
		}
		if root.Version() != macaroon.V1 {
			t.Errorf("%s is given a macaroon of version %v", c.agent, root.Version())
		}
	}
}

func TestADashboardRootSaysWhatItAllows(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	for _, expires := range []string{"2026-06-01T00:00:00+00:00", "2026-06-01 00:00:00", "2026-06-01", "2026-06-01T00:00:00Z", "2026-06-01T00:00:00.000000"} {
		root := w.root("/dev/api/acl/", object{
			"permissions": []string{"package_access", "package_release"}, "channels": []string{"edge", "*/candidate"},
			"packages": []object{{"name": "hello", "series": "16"}, {"snap_id": "abc"}}, "store_ids": []string{"acme"},
			"expires": expires, "description": "snapcraft@test",
		})
		got := w.whoami(w.pairOf(root, w.discharge(root, "alice"))).object(200)
		delete(got, "account")
		want := object{
			"permissions": []any{"package_access", "package_release"}, "channels": []any{"edge", "*/candidate"},
			"packages": []any{"hello", "abc"}, "store_ids": []any{"acme"}, "expires": "2026-06-01T00:00:00.000000",
		}
		if g, e := text(got), text(want); g != e {
			t.Errorf("%s: whoami says\n%s, want\n%s", expires, g, e)
		}
		if end := w.now.Add(26 * 24 * time.Hour); !slices.ContainsFunc(root.Caveats(), func(c macaroon.Caveat) bool {
			return strings.HasSuffix(string(c.Id), "|expires|2026-06-01T00:00:00.000000")
		}) {
			t.Errorf("the root does not end at %s", end)
		}
	}
}

func text(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func TestWhatCannotBeAskedForIsRefusedInTheWordsOfASchema(t *testing.T) {
	w := newWorld(t)
	gateway := func(more object) object {
		body := object{"permissions": []string{"package-view"}}
		maps.Copy(body, more)
		return body
	}
	dashboard := func(more object) object {
		body := object{"permissions": []string{"package_access"}}
		maps.Copy(body, more)
		return body
	}
	for _, c := range []struct {
		path, code, says string
		body             any
	}{
		{"/v1/tokens/usso", "api-error", "3 is less than the minimum of 10 at /ttl", gateway(object{"ttl": 3})},
		{"/v1/tokens/usso", "api-error", "31536001 is greater than the maximum of 31536000 at /ttl", gateway(object{"ttl": 31536001})},
		{"/v1/tokens", "api-error", "9 is less than the minimum of 10 at /ttl", gateway(object{"ttl": 9})},
		{"/v1/tokens", "api-error", "/ttl is of the wrong type", gateway(object{"ttl": 10.5})},
		{"/v1/tokens", "api-error", "permissions", object{}},
		{"/v1/tokens", "api-error", "permissions", nil},
		{"/v1/tokens", "api-error", `"everything"`, object{"permissions": []string{"everything"}}},
		{"/v1/tokens", "api-error", "/packages/0/type", gateway(object{"packages": []object{{"type": "rock", "name": "a"}}})},
		{"/v1/tokens", "api-error", "/channels", gateway(object{"channels": []string{}})},
		{"/v1/tokens", "api-error", "/channels", gateway(object{"channels": []string{"edge", "edge"}})},
		{"/v1/tokens", "api-error", "/packages/0", gateway(object{"packages": []object{{}}})},
		{"/v1/tokens/usso", "api-error", "wrong type", "[]"},
		{"/v1/tokens/usso", "api-error", "not JSON", "nonsense"},
		{"/v1/tokens/usso", "api-error", "nests deeper", `{"permissions":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}"},
		{"/api/v2/tokens", "api-error", `"surprise" was unexpected`, dashboard(object{"surprise": true})},
		{"/api/v2/tokens", "api-error", `"type" was unexpected`, dashboard(object{"packages": []object{{"name": "a", "type": "snap"}}})},
		{"/api/v2/tokens", "api-error", "/expires", dashboard(object{"expires": "2026-06-01T00:00:00+02:00"})},
		{"/api/v2/tokens", "api-error", "in the past at /expires", dashboard(object{"expires": "2026-05-06T07:08:09Z"})},
		{"/dev/api/acl/", "invalid-field", "/expires", dashboard(object{"expires": "tomorrow"})},
		{"/dev/api/acl/", "invalid-field", "permissions", object{}},
		{"/dev/api/acl/", "invalid-request", "not JSON", "{"},
	} {
		got := w.post(c.path, c.body)
		if code := got.code(400); code != c.code || !strings.Contains(got.Body.String(), strings.ReplaceAll(c.says, `"`, `\"`)) {
			t.Errorf("%s %v: %s %s, want %s with %q", c.path, c.body, code, got.Body, c.code, c.says)
		}
	}
	// The longest and the shortest, and craft-store's bare names.
	for _, body := range []object{gateway(object{"ttl": 10}), gateway(object{"ttl": 31536000}), gateway(object{"packages": []string{"hello"}})} {
		w.post("/v1/tokens/usso", body).text(200, "macaroon")
	}
	w.post("/api/v2/tokens", dashboard(object{"packages": []object{{"name": "a", "series": "16"}}})).text(200, "macaroon")
}

func TestTheGatewaysSignOnLeadsToOneToken(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	ask := object{"permissions": []string{"account-view-packages", "package-view"}, "ttl": 3600,
		"packages": []object{{"type": "charm", "name": "hello"}, {"id": "abc"}}, "channels": []string{"edge"}}
	root := w.root("/v1/tokens/usso", ask)
	issued := w.as(w.pairOf(root, w.discharge(root, "alice")), "POST", "/v1/tokens/usso/exchange", object{"client-description": "charmcraft@test"})
	token := "Macaroon " + issued.text(200, "macaroon")
	if json.Valid([]byte(strings.TrimPrefix(token, "Macaroon "))) {
		t.Error("the token is valid JSON, which craft-store takes for something else")
	}
	want := `{"account":{"display-name":"Alice","email":"alice@example.com","id":"ID","name":"Alice","username":"alice","validation":"unproven"},` +
		`"channels":["edge"],"packages":[{"name":"hello","type":"charm"},{"id":"abc","type":null}],"permissions":["account-view-packages","package-view"]}`
	for _, path := range []string{"/v1/tokens/whoami", "/v1/whoami", "/publishergw/v1/tokens/whoami"} {
		for _, scheme := range []string{"Macaroon", "macaroon", "Bearer"} {
			got := w.as(scheme+strings.TrimPrefix(token, "Macaroon"), "GET", path, nil).object(200)
			got["account"].(object)["id"] = "ID"
			if text(got) != want {
				t.Errorf("%s with %s says\n%s, want\n%s", path, scheme, text(got), want)
			}
		}
	}
	list := w.as(w.exchanged("alice"), "GET", "/v1/tokens", nil).object(200)["macaroons"].([]any)
	if !slices.ContainsFunc(list, func(v any) bool { return v.(object)["description"] == "charmcraft@test" }) {
		t.Errorf("the list does not say whose token it is: %v", list)
	}
	w.pass(time.Hour)
	w.refuses("a token past its time", token)
}

func TestTheDashboardsCredentialsBecomeTheGateways(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	token := w.as(w.pair("alice"), "POST", "/v1/tokens/dashboard/exchange", object{}).text(200, "macaroon")
	w.proves("of a pair", "Macaroon "+token, "alice")
	_, slice := w.slice("alice", "/api/v2/tokens", wanted())
	w.proves("of a slice", "Macaroon "+w.do("POST", "/v1/tokens/dashboard/exchange", object{}, "Macaroons", slice).text(200, "macaroon"), "alice")
}

func TestTheIdentityServicesRootIsExchanged(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	for _, c := range []struct {
		root, exchange string
		ask            any
	}{
		{"/api/v2/tokens", "/api/v2/tokens/exchange", wanted()},
		{"/v1/tokens", "/v1/tokens/exchange", object{"permissions": []string{"package-view"}, "ttl": 600}},
	} {
		root, slice := w.slice("alice", c.root, c.ask)
		if one := caveat(root); one.Location != "https://store.example/identity/" || one.Id[0] != 2 {
			t.Errorf("%s: the caveat is at %q and begins with %d", c.root, one.Location, one.Id[0])
		}
		for _, body := range []any{nil, object{}, object{"client-description": "x"}} {
			w.proves(c.exchange, "Macaroon "+w.do("POST", c.exchange, body, "Macaroons", slice).text(200, "macaroon"), "alice")
		}
		w.proves("in the body", "Macaroon "+w.post(c.exchange, object{"macaroon": slice}).text(200, "macaroon"), "alice")
		if code := w.post(c.exchange, object{}).code(401); code != identity.CodeNoCredentials {
			t.Errorf("without anything: %s", code)
		}
	}
	// Go's clients speak version 3, and read the caveat's data beside it.
	got := w.post("/api/v2/tokens", wanted(), "Bakery-Protocol-Version", "3").text(200, "macaroon")
	var wrapped struct {
		M    object            `json:"m"`
		V    int               `json:"v"`
		Data map[string]string `json:"cdata"`
	}
	w.must(json.Unmarshal([]byte(got), &wrapped))
	if wrapped.V != 3 || len(wrapped.Data) != 1 || wrapped.M["l"] == nil {
		t.Errorf("version 3 is %s", got)
	}
}

func TestWhoShowsNothingGetsARootAndWhoShowsATokenTheList(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	w.person("bob", store.RolePublisher)
	w.exchanged("bob")
	var root macaroon.Macaroon
	w.must(json.Unmarshal([]byte(w.do("GET", "/v1/tokens", nil).text(200, "macaroon")), &root))
	if caveat(&root).Location == "" {
		t.Error("the root needs no discharge")
	}
	token := w.exchanged("alice")
	list := w.as(token, "GET", "/v1/tokens", nil).object(200)["macaroons"].([]any)
	if len(list) != 2 { // the login, and what it was exchanged for
		t.Fatalf("the list is %v", list)
	}
	var id string
	for _, v := range list {
		one := v.(object)
		if got := slices.Sorted(maps.Keys(one)); !slices.Equal(got, []string{"description", "session-id", "valid-since", "valid-until"}) {
			t.Errorf("an entry has %v", got)
		}
		if _, err := time.Parse(time.RFC3339, one["valid-until"].(string)); err != nil {
			t.Error(err)
		}
		who, err := w.people.Whoami(t.Context(), identity.Evidence{Authorization: []string{token}})
		w.must(err)
		id = who.Session.ID
	}
	revoked := w.as(w.exchanged("alice"), "POST", "/v1/tokens/revoke", object{"session-id": id}).object(200)["macaroons"].([]any)
	if len(revoked) != 1 || revoked[0].(object)["revoked-at"] == nil || revoked[0].(object)["revoked-by"] == nil {
		t.Errorf("the revoked token is %v", revoked)
	}
	w.refuses("a revoked token", token)
	again := w.exchanged("alice")
	count := func(path string) (all, ended int) {
		for _, v := range w.as(again, "GET", path, nil).object(200)["macaroons"].([]any) {
			all++
			if v.(object)["revoked-at"] != nil {
				ended++
			}
		}
		return all, ended
	}
	for path, want := range map[string]int{
		"/v1/tokens": 0, "/v1/tokens?include-inactive": 1, "/v1/tokens?include-inactive=true": 1, "/v1/tokens?include-inactive=false": 0,
	} {
		if _, ended := count(path); ended != want {
			t.Errorf("%s lists %d ended tokens, want %d", path, ended, want)
		}
	}
	// Another's tokens do not exist, and neither does what never was.
	who, err := w.people.Whoami(t.Context(), identity.Evidence{Authorization: []string{w.exchanged("bob")}})
	w.must(err)
	for _, id := range []string{who.Session.ID, "nothing"} {
		if code := w.as(again, "POST", "/v1/tokens/revoke", object{"session-id": id}).code(404); code != "resource-not-found" {
			t.Errorf("revoking %s: %s", id, code)
		}
	}
	if code := w.as(again, "POST", "/v1/tokens/revoke", object{}).code(400); code != "api-error" {
		t.Error(code)
	}
	if code := w.post("/v1/tokens/revoke", object{"session-id": id}).code(401); code != identity.CodeNoCredentials {
		t.Error(code)
	}
}

func TestAnotherServiceMayUploadOnePackage(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	ask := object{"permissions": []string{"package_upload"}, "packages": []object{{"name": "hello", "series": "16"}}, "channels": []string{"edge"}}
	token := "Macaroon " + w.as(w.pair("alice"), "POST", "/dev/api/acl/", ask).text(200, "macaroon")
	got := w.whoami(token).object(200)
	if text(got["permissions"]) != `["package_upload"]` || text(got["packages"]) != `["hello"]` || text(got["channels"]) != `["edge"]` {
		t.Errorf("the token is for %v", got)
	}
	// Whoever may not ask for it, or asks for more, is refused.
	weak := w.root("/dev/api/acl/", object{"permissions": []string{"package_access"}})
	refusal := w.as(w.pairOf(weak, w.discharge(weak, "alice")), "POST", "/dev/api/acl/", ask)
	if code := refusal.code(403); code != "macaroon-permission-required" {
		t.Error(code)
	}
	delete(ask, "packages")
	if code := w.as(w.pair("alice"), "POST", "/dev/api/acl/", ask).code(400); code != "invalid-field" {
		t.Error(code)
	}
	// Without credentials it is a root like any other.
	if caveat(w.root("/dev/api/acl/", ask)).Location != host {
		t.Error("nobody is given a token that is good for something")
	}
	old := w.pair("alice")
	w.pass(8 * 24 * time.Hour)
	stale := w.as(old, "POST", "/dev/api/acl/", ask)
	if code := stale.code(401); code != identity.CodeNeedsRefresh || stale.Header().Get("WWW-Authenticate") != refreshChallenge {
		t.Errorf("%s %v", code, stale.Header())
	}
}

func TestAnotherServiceAsksWhatATokenIsGoodFor(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	pair := w.pair("alice")
	verify := func(header string) answer {
		return w.post("/dev/api/acl/verify/", object{"auth_data": object{"authorization": header, "http_uri": "/x", "http_method": "GET"}})
	}
	got := text(verify(pair).object(200))
	want := `{"account":{"displayname":"Alice","email":"alice@example.com","openid":"` + alice.OpenID + `","verified":true},` +
		`"allowed":true,"channels":null,"expires":"2027-05-06T07:08:09.123456","last_auth":"2026-05-06T07:08:09.123456",` +
		`"permissions":["package_access","package_push","package_release","package_upload_request","edit_account"],` +
		`"refresh_required":false,"snap_ids":null}`
	if got != want {
		t.Errorf("verify says\n%s, want\n%s", got, want)
	}
	if got := verify("Macaroon root=AAAA, discharge=AAAA").object(200); got["allowed"] != false || got["account"] != nil || got["permissions"] != nil {
		t.Errorf("verify says of nonsense %v", got)
	}
	w.pass(8 * 24 * time.Hour)
	stale := verify(pair)
	if v := stale.object(401); v["refresh_required"] != true || v["allowed"] != false || v["account"] != nil ||
		stale.Header().Get("WWW-Authenticate") != refreshChallenge {
		t.Errorf("verify says of a stale discharge %v", v)
	}
	// It is an oracle, so it does not answer for long.
	for n := range 60 {
		if got := verify("Macaroon root=AAAA, discharge=AAAA"); got.Code == 429 {
			if got.Header().Get("Retry-After") == "" || n < 10 {
				t.Errorf("after %d: %v", n, got.Header())
			}
			return
		}
	}
	t.Error("it may be asked for ever")
}

func TestKeysAreShownWhereTheOperatorWantsThem(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	w.person("bob", store.RolePublisher)
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3ZzjM5Oz0o3tH4B1C5pY2v5oQ8pV7iJ2m1q0bXw9Yz alice@laptop"
	_, err := w.people.AddKey(t.Context(), operator, store.UserKey{AccountID: alice.Account.ID, Kind: store.UserKeySSH, Key: key})
	w.must(err)
	hidden := w.do("GET", "/api/v2/keys/alice@example.com", nil)
	w.keys = true
	unknown := w.do("GET", "/api/v2/keys/nobody@example.com", nil)
	if hidden.code(404) != unknown.code(404) || hidden.Body.String() != unknown.Body.String() {
		t.Errorf("hidden is %s, unknown %s", hidden.Body, unknown.Body)
	}
	want := `{"openid_identifier":"` + alice.OpenID + `","ssh_keys":["` + key + `"],"username":"alice"}`
	if got := text(w.do("GET", "/api/v2/keys/alice%40example.com", nil).object(200)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := w.do("GET", "/api/v2/keys/bob@example.com", nil).object(200); text(got["ssh_keys"]) != "[]" {
		t.Errorf("no keys are %v", got["ssh_keys"])
	}
	_, err = w.people.Disable(t.Context(), operator, alice.Account.ID)
	w.must(err)
	w.do("GET", "/api/v2/keys/alice@example.com", nil).code(404)
}
