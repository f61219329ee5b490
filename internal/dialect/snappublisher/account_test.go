package snappublisher

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/store"
)

// keyRequest is what a client signs to have a key registered.
func keyRequest(t *testing.T, accountID, name string, key assertion.Signer, headers map[string]any) []byte {
	t.Helper()
	h := map[string]any{
		"type": "account-key-request", "account-id": accountID, "name": name,
		"public-key-sha3-384": key.PublicKey().ID(), "since": "2026-02-01T00:00:00Z",
	}
	for name, value := range headers {
		h[name] = value
	}
	a, err := assertion.Sign(h, key.PublicKey().Encode(), key)
	if err != nil {
		t.Fatal(err)
	}
	return a.Encoded()
}

func TestTrap5TheAccountIsSpelledBothWays(t *testing.T) {
	w := newWorld(t)
	empty := w.Do("alice", "GET", "/dev/api/account", nil).Object(200)
	if empty["snaps"].(map[string]any)["16"] == nil {
		t.Error(`snaps has no "16"`)
	}
	id := w.register("hello")
	key := assertiontest.Signer(assertiontest.BrandKey)
	w.Do("alice", "POST", "/dev/api/account/account-key", map[string]any{
		"account_key_request": string(keyRequest(t, "alice-id", "laptop", key, nil)),
	}).Object(200)
	w.pushed(map[string]any{
		"name": "hello", "updown_id": w.upload(w.snapFile(snapYAML("hello", "1", ""))), "channels": []string{"stable"},
	})
	for _, path := range []string{"/dev/api/account", "/dev/api/account/"} {
		got := w.Do("alice", "GET", path, nil).Object(200)
		wantShape(t, recorded(t, "dashboard.get_account"), got)
		snap := got["snaps"].(map[string]any)["16"].(map[string]any)["hello"].(map[string]any)
		wantShape(t, recorded(t, "dashboard.get_account.snap"), snap)
		if snap["snap-id"] != id || snap["status"] != "Approved" || snap["store"] != "Global" {
			t.Errorf("the snap is %v", snap)
		}
		if rev := snap["latest_revisions"].([]any)[0].(map[string]any); rev["status"] != "Published" || rev["channels"].([]any)[0] != "stable" {
			t.Errorf("its revision is %v", rev)
		}
		for one, other := range map[string]string{"id": "account_id", "display-name": "displayname", "username": "namespace"} {
			if got[one] == "" || got[one] != got[other] {
				t.Errorf("%s is %v and %s is %v", one, got[one], other, got[other])
			}
		}
		for _, name := range []string{"account-keys", "account_keys"} {
			keys := got[name].([]any)
			if len(keys) != 1 || keys[0].(map[string]any)["public-key-sha3-384"] != key.PublicKey().ID() || keys[0].(map[string]any)["name"] != "laptop" {
				t.Errorf("%s is %v", name, keys)
			}
		}
	}
	w.Do("", "GET", "/dev/api/account", nil).ErrorCode(http.StatusUnauthorized)
}

func TestAKeyIsRegisteredOnceByWhoHoldsIt(t *testing.T) {
	w := newWorld(t)
	key := assertiontest.Signer(assertiontest.BrandKey)
	ask := func(token string, request []byte) answer {
		return w.Do(token, "POST", "/dev/api/account/account-key", map[string]any{"account_key_request": string(request)})
	}
	good := keyRequest(t, "alice-id", "laptop", key, nil)
	forged := append([]byte{}, good...)
	forged[len(forged)-20] ^= 1
	for name, request := range map[string][]byte{
		"nothing": nil, "no assertion": []byte("hello"), "another type": w.rootDocument(), "a bad signature": forged,
		"another's account": keyRequest(t, "bob-id", "laptop", key, nil),
		"two":               append(append([]byte{}, good...), append([]byte("\n"), good...)...),
	} {
		if code := ask("alice", request).ErrorCode(400); code != "invalid-field" {
			t.Errorf("%s: %s", name, code)
		}
	}
	got := ask("alice", good).Object(200)["account_key"].(map[string]any)
	if got["account-id"] != "alice-id" || got["name"] != "laptop" || got["public-key-sha3-384"] != key.PublicKey().ID() {
		t.Errorf("answered %v", got)
	}
	ask("alice", good).ErrorCode(409)
	ask("alice", keyRequest(t, "alice-id", "again", key, nil)).ErrorCode(409)
	ask("bob", keyRequest(t, "bob-id", "stolen", key, nil)).ErrorCode(409)
	w.Token("reading", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package_access"})})
	ask("reading", good).ErrorCode(403)
	w.Token("keys", "alice", store.Limits{Permissions: store.WirePermissions([]string{"modify_account_key"})})
	if keys := w.Do("keys", "GET", "/dev/api/account", nil).Object(200)["account-keys"].([]any); len(keys) != 1 {
		t.Errorf("who may register keys reads %v", keys)
	}
}

// rootDocument is a sound assertion of another type.
func (w *world) rootDocument() []byte {
	ref, err := assertion.NewRef("account", "own")
	w.Must(err)
	a, err := w.Catalog.Assertion(w.T.Context(), ref, -1)
	w.Must(err)
	return a.Encoded()
}

func TestTheAgreementIsAsRecorded(t *testing.T) {
	w := newWorld(t)
	w.terms = Terms{URL: "https://store.example/terms", Since: w.Now.AddDate(0, 0, 1)}
	if got := w.Do("alice", "GET", "/dev/api/agreement/", nil).Object(200); got["latest_tos_accepted"] != false || got["tos_url"] != w.terms.URL {
		t.Errorf("before: %v", got)
	}
	refusal := w.Do("alice", "GET", "/dev/api/account", nil).Object(403)["error_list"].([]any)[0].(map[string]any)
	if refusal["message"] != "Developer has not signed agreement." || refusal["code"] != "user-not-ready" ||
		refusal["extra"].(map[string]any)["url"] != w.terms.URL {
		t.Errorf("the account answers %v", refusal)
	}
	for _, body := range []any{map[string]any{"latest_tos_accepted": false}, map[string]any{}} {
		if code := w.Do("alice", "POST", "/dev/api/agreement/", body).ErrorCode(400); code != "bad-request" {
			t.Errorf("refusing them: %s", code)
		}
	}
	w.Do("vera", "POST", "/dev/api/agreement/", map[string]any{"latest_tos_accepted": true}).Object(200)
	got := w.Do("alice", "POST", "/dev/api/agreement/", map[string]any{"latest_tos_accepted": true}).Object(200)
	wantShape(t, recorded(t, "dashboard.get_agreement"), got)
	if got["latest_tos_accepted"] != true || len(got) != 4 {
		t.Errorf("afterwards: %v", got)
	}
	if _, err := time.Parse("2006-01-02 15:04:05.999999", got["accepted_tos_date"].(string)); err != nil {
		t.Error(err)
	}
	w.Do("alice", "GET", "/dev/api/account", nil).Object(200)
}

func TestAnAccountGetsAnotherUsername(t *testing.T) {
	w := newWorld(t)
	got := w.Do("alice", "PATCH", "/dev/api/account", map[string]any{"short_namespace": "the-user"})
	if got.Code != http.StatusNoContent || got.Body.Len() != 0 {
		t.Errorf("answered %d %s", got.Code, got.Body)
	}
	if name := w.Do("alice", "GET", "/dev/api/account", nil).Object(200)["username"]; name != "the-user" {
		t.Errorf("the username is %v", name)
	}
	w.Token("reading", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package_access"})})
	w.Do("reading", "PATCH", "/dev/api/account", map[string]any{"short_namespace": "x"}).ErrorCode(403)
}

func TestCollaborationsAreListedOnWish(t *testing.T) {
	w := newWorld(t)
	id := w.register("hello")
	w.Collaborate(id, "bob-id")
	names := func(query string) (list []string) {
		for _, p := range w.Do("bob", "GET", "/v1/snap"+query, nil).Object(200)["results"].([]any) {
			list = append(list, p.(map[string]any)["name"].(string))
		}
		return list
	}
	if got := names(""); len(got) != 0 {
		t.Errorf("bob has %v", got)
	}
	if got := names("?include-collaborations=true"); !slices.Equal(got, []string{"hello"}) {
		t.Errorf("bob works on %v", got)
	}
}
