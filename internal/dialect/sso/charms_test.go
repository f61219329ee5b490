package sso

import (
	"encoding/base64"
	"slices"
	"testing"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// charmPermissions are all that a client of Charmhub may ask for.
var charmPermissions = []string{
	"account-register-package", "account-view-packages",
	"package-manage", "package-manage-acl", "package-manage-library", "package-manage-metadata", "package-manage-releases",
	"package-manage-revisions",
	"package-view", "package-view-acl", "package-view-metadata", "package-view-metrics", "package-view-releases", "package-view-revisions",
}

// charmTokens are tokens of alice's by each way in that clients of Charmhub go.
func (w *world) charmTokens(ask object) map[string]string {
	w.t.Helper()
	root := w.root("/v1/tokens/usso", ask)
	pair := w.as(w.pairOf(root, w.discharge(root, "alice")), "POST", "/v1/tokens/usso/exchange", object{"client-description": "charmcraft"})
	_, slice := w.slice("alice", "/v1/tokens", ask)
	return map[string]string{
		"single sign-on":   pair.text(200, "macaroon"),
		"identity service": w.do("POST", "/v1/tokens/exchange", object{}, "Macaroons", slice).text(200, "macaroon"),
	}
}

func TestTokensForCharmsSayWhatWasAskedFor(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	ask := object{
		"permissions": charmPermissions, "ttl": 108000, "channels": []string{"latest/edge", "2.0/*"},
		"packages": []object{
			{"type": "charm", "name": "hello"}, {"type": "bundle", "name": "many"},
			{"type": "charm", "id": "charm-id"}, {"type": "bundle", "id": "bundle-id"},
		},
	}
	want := text(object{
		"permissions": ask["permissions"], "channels": ask["channels"],
		"packages": []object{
			{"type": "charm", "name": "hello"}, {"type": "bundle", "name": "many"},
			{"type": "charm", "id": "charm-id"}, {"type": "bundle", "id": "bundle-id"},
		},
	})
	for way, token := range w.charmTokens(ask) {
		got := w.as("Macaroon "+token, "GET", "/v1/tokens/whoami", nil).object(200)
		account := got["account"].(object)
		for _, key := range []string{"id", "username", "display-name", "email", "validation"} {
			if account[key] == nil {
				t.Errorf("%s: the account has no %s", way, key)
			}
		}
		delete(got, "account")
		if text(got) != want {
			t.Errorf("%s: whoami says\n%s, want\n%s", way, text(got), want)
		}
	}
}

func TestWhatIsNotLimitedIsNullForCharmcraft(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	// charmcraft's own defaults.
	ask := object{"permissions": []string{"account-register-package", "account-view-packages", "package-manage", "package-view"}, "ttl": 108000}
	for way, token := range w.charmTokens(ask) {
		got := w.as("Macaroon "+token, "GET", "/v1/tokens/whoami", nil).object(200)
		for _, key := range []string{"packages", "channels"} {
			if v, there := got[key]; !there || v != nil {
				t.Errorf("%s: %s is %v, want null", way, key, v)
			}
		}
	}
}

// principal is whom the rest of the store takes a token's bearer for.
func (w *world) principal(token string) store.Principal {
	w.t.Helper()
	who, err := w.people.Authenticate(w.t.Context(), identity.Evidence{Authorization: []string{"Macaroon " + token}})
	w.must(err)
	return who
}

func TestATokenForABundleIsForNoCharm(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	pkg := func(typ, name string) *store.Package {
		return &store.Package{ID: typ + "-id", Namespace: store.Charm, Type: typ, Name: name, PublisherID: alice.Account.ID}
	}
	ask := object{"permissions": []string{"package-manage"}, "packages": []object{{"type": "bundle", "name": "hello"}, {"type": "bundle", "id": "charm-id"}}}
	for way, token := range w.charmTokens(ask) {
		who := w.principal(token)
		for _, c := range []struct {
			what string
			pkg  *store.Package
			want string
		}{
			{"the bundle", pkg("bundle", "hello"), ""},
			{"a charm of its name", &store.Package{ID: "another", Namespace: store.Charm, Type: "charm", Name: "hello", PublisherID: alice.Account.ID}, store.CodeForeignPackage},
			{"a snap of its name", &store.Package{ID: "third", Namespace: store.Snap, Name: "hello", PublisherID: alice.Account.ID}, store.CodeForeignPackage},
			{"another bundle", pkg("bundle", "other"), store.CodeForeignPackage},
			{"what has the id, whatever it was called", pkg("charm", "other"), ""},
		} {
			if got := store.CodeOf(who.NeedOn(store.PermPush, c.pkg)); got != c.want {
				t.Errorf("%s, %s: %q, want %q", way, c.what, got, c.want)
			}
		}
	}
}

func TestEachPermissionForCharmsAllowsWhatItSays(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	mine := &store.Package{Namespace: store.Charm, Type: store.TypeCharm, Name: "hello", PublisherID: alice.Account.ID}
	// What the public store's documents say of each, as this store's words.
	means := map[string][]store.Permission{
		"account-register-package": {store.PermRegister},
		"account-view-packages":    {store.PermAccountView, store.PermView},
		"package-manage-acl":       {store.PermACL, store.PermSeeACL},
		"package-manage-library":   {store.PermLibrary},
		"package-manage-metadata":  {store.PermListing, store.PermSeeListing},
		"package-manage-releases":  {store.PermRelease, store.PermSeeReleases},
		"package-manage-revisions": {store.PermPush, store.PermSeeRevisions},
		"package-view-acl":         {store.PermSeeACL},
		"package-view-metadata":    {store.PermSeeListing},
		"package-view-metrics":     {store.PermSeeMetrics},
		"package-view-releases":    {store.PermSeeReleases},
		"package-view-revisions":   {store.PermSeeRevisions},
		"package-manage": {
			store.PermACL, store.PermSeeACL, store.PermLibrary, store.PermListing, store.PermSeeListing, store.PermRelease,
			store.PermSeeReleases, store.PermPush, store.PermSeeRevisions, store.PermDelegate,
		},
		"package-view": {
			store.PermView, store.PermSeeACL, store.PermSeeListing, store.PermSeeMetrics, store.PermSeeReleases, store.PermSeeRevisions,
		},
	}
	for _, name := range charmPermissions {
		for way, token := range w.charmTokens(object{"permissions": []string{name}}) {
			who := w.principal(token)
			for _, perm := range store.Permissions() {
				may, should := who.NeedOn(perm, mine) == nil, slices.Contains(means[name], perm)
				if may != should {
					t.Errorf("%s of the %s: %s is %v, want %v", name, way, perm, may, should)
				}
			}
		}
	}
}

// Older clients keep the token in an envelope, and newer ones send it as it is.
func TestATokenInItsEnvelopeIsNoAccident(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	for way, token := range w.charmTokens(object{"permissions": []string{"account-view-packages"}}) {
		envelope := `{"t": "macaroon", "v": "` + token + `"}`
		for _, value := range []string{envelope, base64.StdEncoding.EncodeToString([]byte(envelope)), base64.StdEncoding.EncodeToString([]byte(token))} {
			if got := w.as("Macaroon "+value, "GET", "/v1/tokens/whoami", nil); got.Code != 200 && got.Code != 401 {
				t.Errorf("%s: %.40q answers %d %s", way, value, got.Code, got.Body)
			}
		}
		if got := w.as("Macaroon "+envelope, "GET", "/v1/tokens/whoami", nil); got.Code != 200 {
			t.Errorf("%s: the envelope answers %d %s", way, got.Code, got.Body)
		}
	}
}
