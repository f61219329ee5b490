package charmhub

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/store"
)

// hide makes a package private.
func (w *world) hide(pkg *store.Package) {
	w.T.Helper()
	w.Update(func(tx *db.Tx) error {
		one, err := tx.Package(pkg.ID)
		if err != nil {
			return err
		}
		one.Private = true
		tx.Record(store.PackageUpdated, "package/"+pkg.ID, nil)
		return tx.UpdatePackage(one)
	})
}

// guarded lets alice create tracks whose names match a pattern.
func (w *world) guarded(name, pattern string) {
	w.T.Helper()
	_, err := w.Catalog.ChangeGuardrails(w.T.Context(), publishertest.Operator, store.Charm, name, []string{pattern}, nil)
	w.Must(err)
}

// permitted lets alice in with no more than these permissions of the wire.
func (w *world) permitted(token string, permissions ...string) {
	w.Token(token, "alice", store.Limits{Permissions: store.WirePermissions(permissions)})
}

func TestANameIsRegisteredListedAndGivenUp(t *testing.T) {
	w := newWorld(t)
	id := func(body any) string {
		t.Helper()
		got := w.Do("alice", "POST", "/v1/charm", body).Object(200)
		sameShape(t, "registered", got, seenRegistered)
		if len(got["id"].(string)) != 32 {
			t.Errorf("the id is %v", got["id"])
		}
		return got["id"].(string)
	}
	charm := id(map[string]any{"name": "hello", "type": "charm"})
	bundle := id(map[string]any{"name": "many", "type": "bundle", "private": true, "team": nil})
	w.registerFor("bob", "theirs", "charm")
	collaborated := w.registerFor("bob", "shared", "charm")
	w.Collaborate(collaborated.ID, "alice-id")

	names := func(query string) (list []string) {
		t.Helper()
		got := w.Do("alice", "GET", "/v1/charm"+query, nil).Object(200)
		sameShape(t, "names", got, seenNames)
		for _, one := range got["results"].([]any) {
			one := one.(map[string]any)
			list = append(list, fmt.Sprint(one["name"], " ", one["type"], " ", one["private"], " ", one["status"], " ", one["default-track"], " ", one["publisher"].(map[string]any)["display-name"]))
		}
		return list
	}
	own := []string{"hello charm false registered <nil> Alice", "many bundle true registered <nil> Alice"}
	if got := names(""); !slices.Equal(got, own) {
		t.Errorf("the names are %q", got)
	}
	if got := names("?include-collaborations=false"); !slices.Equal(got, own) {
		t.Errorf("without collaborations: %q", got)
	}
	if got := names("?include-collaborations=true"); !slices.Equal(got, append(own, "shared charm false registered <nil> Bob")) {
		t.Errorf("with collaborations: %q", got)
	}

	for name, want := range map[string]string{"hello": charm, "many": bundle} {
		got := w.Do("alice", "DELETE", "/v1/charm/"+name, nil).Object(200)
		sameShape(t, "unregistered", got, seenUnregistered)
		if got["package-id"] != want {
			t.Errorf("%s was %v, answered %v", name, want, got)
		}
	}
	if got := names(""); len(got) != 0 {
		t.Errorf("given up are %q", got)
	}
}

func TestANameOfASnapIsNoCharms(t *testing.T) {
	w := newWorld(t)
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.PackageRegistered, "package/x", nil)
		return tx.InsertPackage(&store.Package{
			ID: fakeID("snap"), Namespace: store.Snap, Name: "hello", PublisherID: "bob-id", StoreID: store.GlobalStore, CreatedAt: w.Now,
		})
	})
	w.Do("bob", "GET", "/v1/charm/hello", nil).ErrorCode(404)
	w.Do("alice", "POST", "/v1/charm", map[string]any{"name": "hello", "type": "charm"}).Object(200)
}

func TestNamesThatCannotBeHad(t *testing.T) {
	w := newWorld(t)
	w.Settings["larder.names.reserved"] = `["acme-*"]`
	w.register("mine", "charm")
	w.registerFor("bob", "theirs", "bundle")
	w.hide(w.registerFor("bob", "secret", "charm"))
	w.permitted("reader", "account-view-packages", "package-view", "package-manage")
	w.Token("narrow", "alice", store.Limits{Packages: []store.PackageLimit{{Namespace: store.Charm, Name: "other"}}})
	ask := func(name string) any { return map[string]any{"name": name, "type": "charm"} }
	cases := []refusal{
		{"nobody", "", "POST", "/v1/charm", ask("new"), 401, "macaroon-authorization-required"},
		{"a viewer", "vera", "POST", "/v1/charm", ask("new"), 403, "permission-required"},
		{"a token that may not", "reader", "POST", "/v1/charm", ask("new"), 403, "permission-required"},
		{"a token for another name", "narrow", "POST", "/v1/charm", ask("new"), 403, "resource-forbidden"},
		{"one's own", "alice", "POST", "/v1/charm", ask("mine"), 409, "already-owned"},
		{"another's", "alice", "POST", "/v1/charm", ask("theirs"), 409, "already-registered"},
		{"a private one", "alice", "POST", "/v1/charm", ask("secret"), 409, "already-registered"},
		{"what the publishertest.Operator keeps", "alice", "POST", "/v1/charm", ask("acme-tool"), 409, "reserved-name"},
		{"a type that is none", "alice", "POST", "/v1/charm", map[string]any{"name": "new", "type": "snap"}, 400, "api-error"},
		{"a team", "alice", "POST", "/v1/charm", map[string]any{"name": "new", "type": "charm", "team": "us"}, 400, "invalid-field"},
		{"no name", "alice", "POST", "/v1/charm", map[string]any{"type": "charm"}, 400, "invalid-name"},
		{"a list", "alice", "POST", "/v1/charm", `[]`, 400, "api-error"},
		{"half of it", "alice", "POST", "/v1/charm", `{"name":`, 400, "api-error"},
		{"a number", "alice", "POST", "/v1/charm", `{"name":1}`, 400, "api-error"},
		{"too much", "alice", "POST", "/v1/charm", `{"name":"` + strings.Repeat("x", 1<<17) + `"}`, 413, "request-too-large"},
		{"neither yes nor no", "alice", "GET", "/v1/charm?include-collaborations=perhaps", nil, 400, "api-error"},
		{"nobody lists", "", "GET", "/v1/charm", nil, 401, "macaroon-authorization-required"},
	}
	for _, name := range []string{"libraries", "bulk", "list", "search", "featured"} {
		cases = append(cases, refusal{name, "alice", "POST", "/v1/charm", ask(name), 409, "reserved-name"})
	}
	for _, name := range []string{"Hello", "-a", "a-", "a--b", "1a", "a-1", "a_b", "../x", "a/b", "\u00e4b", strings.Repeat("a", 65), strings.Repeat("x", 9999)} {
		cases = append(cases, refusal{"the name " + name[:min(len(name), 10)], "alice", "POST", "/v1/charm", ask(name), 400, "invalid-name"})
	}
	w.refuses(t, cases)
	if got := w.Do("narrow", "GET", "/v1/charm", nil).Object(200)["results"].([]any); len(got) != 0 {
		t.Errorf("a token for another package lists %v", got)
	}
}

func TestWhoHasNotAgreedRegistersNothing(t *testing.T) {
	w := newWorld(t)
	terms := gateway.Terms{URL: "https://terms.example", Since: w.Now.Add(time.Second)}
	w.API = New(Options{Catalog: w.Catalog, Identity: w.People, Registry: registry{}, Ready: gateway.Ready(w.People, func(context.Context) (gateway.Terms, error) { return terms, nil })})
	w.refuses(t, []refusal{{"who has not agreed", "alice", "POST", "/v1/charm", map[string]any{"name": "hello"}, 403, "user-not-ready"}})
	terms.Since = w.Now // which is when alice did
	w.Do("alice", "POST", "/v1/charm", map[string]any{"name": "hello"}).Object(200)
	terms = gateway.Terms{}
	w.Do("alice", "POST", "/v1/charm", map[string]any{"name": "world"}).Object(200)
}

func TestWhoRegistersTooFastWaits(t *testing.T) {
	w := newWorld(t)
	w.Settings["larder.names.per-hour"] = "1"
	w.Do("alice", "POST", "/v1/charm", map[string]any{"name": "one"}).Object(200)
	a := w.Do("alice", "POST", "/v1/charm", map[string]any{"name": "two"})
	if code := a.ErrorCode(429); code != "register-window" || a.Header().Get("Retry-After") != "3600" {
		t.Errorf("%s, Retry-After %q", code, a.Header().Get("Retry-After"))
	}
}

func TestWhyANameIsNotGivenUp(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("hello", "charm")
	w.revision(pkg, "bytes", store.Revision{Number: 1})
	w.register("free", "charm")
	w.hide(w.register("secret", "charm"))
	w.Collaborate(fakeID("free"), "rita-id")
	w.permitted("reader", "account-view-packages", "package-manage")
	w.refuses(t, []refusal{
		{"nobody", "", "DELETE", "/v1/charm/free", nil, 401, "macaroon-authorization-required"},
		{"no such name", "alice", "DELETE", "/v1/charm/nothing", nil, 404, "resource-not-found"},
		{"a private one of another", "bob", "DELETE", "/v1/charm/secret", nil, 404, "resource-not-found"},
		{"with revisions", "alice", "DELETE", "/v1/charm/hello", nil, 403, "forbidden"},
		{"another's", "bob", "DELETE", "/v1/charm/free", nil, 403, "permission-required"},
		{"a collaborator's", "rita", "DELETE", "/v1/charm/free", nil, 403, "permission-required"},
		{"a token that may not", "reader", "DELETE", "/v1/charm/free", nil, 403, "permission-required"},
	})
	w.Do("alice", "DELETE", "/v1/charm/free", nil).Object(200)
}

func TestAPackageIsDescribedAsItWasSeenToBe(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("hello", "charm")
	one := func(a answer) map[string]any {
		t.Helper()
		got := a.Object(200)
		sameShape(t, "package", got, seenPackage)
		return got["metadata"].(map[string]any)
	}
	got := one(w.Do("alice", "GET", "/v1/charm/hello", nil))
	for key, want := range map[string]any{
		"status": "registered", "type": "charm", "store": "ubuntu", "default-track": "latest", "private": false, "id": pkg.ID,
		"title": "hello", "summary": nil, "description": nil, "contact": nil, "website": nil, "authority": nil,
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	for _, key := range []string{"links", "media", "tracks", "track-guardrails"} {
		if got[key] == nil {
			t.Errorf("%s is null, which clients refuse", key)
		}
	}

	// A web site of a charm may be anything, and clients refuse what is no link.
	rev := w.revision(pkg, "bytes", store.Revision{Number: 1, Meta: store.Meta{
		Title: "Hello", Summary: "It greets", Links: map[string][]string{"website": {"hello.example"}},
	}})
	w.release(pkg, rev, "edge")
	w.guarded("hello", `[0-9]\.[0-9]`)
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.PackageUpdated, "package/"+pkg.ID, nil)
		for _, size := range []int{1, 2} {
			if _, err := tx.AddBlob(store.Blob{Digest: store.Digest{byte(size)}, SHA256: fmt.Sprintf("%064d", size), Size: int64(size)}); err != nil {
				return err
			}
		}
		return tx.SetMedia(pkg.ID, []store.Medium{
			{Kind: store.MediumIcon, Blob: store.Digest{1}, Size: 1, ContentType: "image/png"},
			{Kind: store.MediumScreenshot, Blob: store.Digest{2}, Size: 2, ContentType: "image/png"},
		})
	})
	w.Do("alice", "POST", "/v1/charm/hello/tracks", `[{"name":"1.0","version-pattern":null,"automatic-phasing-percentage":null},`+
		`{"name":"2.0","version-pattern":"2.*","automatic-phasing-percentage":"12.5"}]`).Object(201)
	got = one(w.Do("alice", "GET", "/v1/charm/hello", nil))
	if got["status"] != "published" || got["website"] != nil || got["title"] != "Hello" || got["summary"] != "It greets" {
		t.Errorf("published: %v", got)
	}
	const at = "2026-02-03T04:05:06.789000" // with microseconds and without zone
	if text := fmt.Sprint(got["tracks"]); text != "[map[automatic-phasing-percentage:<nil> created-at:"+at+" name:1.0 version-pattern:<nil>]"+
		" map[automatic-phasing-percentage:12.5 created-at:"+at+" name:2.0 version-pattern:2.*]]" {
		t.Errorf("tracks %s", text)
	}
	if text := fmt.Sprint(got["track-guardrails"]); text != `[map[created-at:`+at+` pattern:[0-9]\.[0-9]]]` {
		t.Errorf("guardrails %s", text)
	}
	if media := got["media"].([]any); len(media) != 1 || !strings.HasPrefix(media[0].(map[string]any)["url"].(string), publishertest.BaseURL+"/") {
		t.Errorf("media %v", media)
	}

	got = one(w.Do("alice", "PATCH", "/v1/charm/hello", map[string]any{
		"title": "Hi", "summary": "s", "description": "Updated description", "contact": "https://a.example", "website": "https://hello.example",
		"links": map[string]any{"source": []string{"https://source.example"}}, "private": true, "default-track": "2.0",
	}))
	for key, want := range map[string]any{
		"title": "Hi", "summary": "s", "description": "Updated description", "contact": "https://a.example",
		"website": "https://hello.example", "private": true, "default-track": "2.0",
	} {
		if got[key] != want {
			t.Errorf("patched, %s is %v, want %v", key, got[key], want)
		}
	}
	if stored := w.stored(pkg.ID); !stored.Private || stored.Listing.Description != "Updated description" || stored.DefaultTrack != "2.0" {
		t.Errorf("stored %+v", stored)
	}
	listed := w.Do("alice", "GET", "/v1/charm", nil).Object(200)
	sameShape(t, "names", listed, seenNames)
	if one := listed["results"].([]any)[0].(map[string]any); one["default-track"] != nil || one["status"] != "published" {
		t.Errorf("listed %v", one)
	}
}

func TestWhoReadsAndEditsAPackage(t *testing.T) {
	w := newWorld(t)
	w.register("hello", "charm")
	w.hide(w.register("secret", "charm"))
	w.Collaborate(fakeID("hello"), "rita-id")
	w.permitted("reader", "package-view-metadata")
	w.permitted("writer", "package-manage-metadata")
	w.permitted("releaser", "package-manage-releases")
	w.Token("elsewhere", "alice", store.Limits{Packages: []store.PackageLimit{{Namespace: store.Charm, Name: "other"}}})
	const path = "/v1/charm/hello"
	w.refuses(t, []refusal{
		{"nobody", "", "GET", path, nil, 401, "macaroon-authorization-required"},
		{"nobody edits", "", "PATCH", path, `{"title":"x"}`, 401, "macaroon-authorization-required"},
		{"a stranger", "bob", "GET", path, nil, 403, "resource-forbidden"},
		{"a stranger edits", "bob", "PATCH", path, `{"title":"x"}`, 403, "resource-forbidden"},
		{"a stranger of a private one", "bob", "GET", "/v1/charm/secret", nil, 404, "resource-not-found"},
		{"nothing", "alice", "GET", "/v1/charm/nothing", nil, 404, "resource-not-found"},
		{"nothing is edited", "alice", "PATCH", "/v1/charm/nothing", `{"title":"x"}`, 404, "resource-not-found"},
		{"a viewer edits", "vera", "PATCH", path, `{"title":"x"}`, 403, "permission-required"},
		{"a token that reads", "reader", "PATCH", path, `{"title":"x"}`, 403, "permission-required"},
		{"a token that releases", "releaser", "GET", path, nil, 403, "permission-required"},
		{"a token for another", "elsewhere", "GET", path, nil, 403, "resource-forbidden"},
		{"a token that may not say who sees it", "writer", "PATCH", path, `{"private":true}`, 403, "permission-required"},
		{"a collaborator hides it", "rita", "PATCH", path, `{"private":true}`, 403, "resource-forbidden"},
		{"an unknown field", "alice", "PATCH", path, `{"status":"published"}`, 400, "invalid-field"},
		{"its type", "alice", "PATCH", path, `{"type":"bundle"}`, 400, "invalid-field"},
		{"a number", "alice", "PATCH", path, `{"title":1}`, 400, "invalid-field"},
		{"a link that runs", "alice", "PATCH", path, `{"website":"javascript:alert(1)"}`, 400, "invalid-field"},
		{"no contact", "alice", "PATCH", path, `{"contact":"nobody"}`, 400, "invalid-field"},
		{"an unknown track", "alice", "PATCH", path, `{"default-track":"9"}`, 400, "invalid-field"},
		{"null", "alice", "PATCH", path, `null`, 400, "invalid-request"},
		{"depth", "alice", "PATCH", path, strings.Repeat(`{"links":`, 100), 400, "api-error"},
		{"too much", "alice", "PATCH", path, `{"description":"` + strings.Repeat("x", 1<<18) + `"}`, 413, "request-too-large"},
	})
	w.Do("reader", "GET", path, nil).Object(200)
	w.Do("vera", "GET", path, nil).Object(200)
	w.Do("writer", "PATCH", path, `{"title":"x"}`).Object(200)
	w.Do("rita", "PATCH", path, `{"title":"y"}`).Object(200)
}

func TestTracksThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.register("hello", "charm")
	w.register("bare", "charm")
	w.guarded("hello", `[0-9]+`)
	w.permitted("lister", "package-manage-metadata")
	w.Collaborate(fakeID("hello"), "rita-id")
	const path = "/v1/charm/hello/tracks"
	track := func(name string) any { return []map[string]any{{"name": name}} }
	if got := w.Do("rita", "POST", path, track("1")).Object(201); got["num-tracks-created"] != 1.0 || len(got) != 1 {
		t.Errorf("created %v", got)
	}
	w.refuses(t, []refusal{
		{"nobody", "", "POST", path, track("2"), 401, "macaroon-authorization-required"},
		{"a stranger", "bob", "POST", path, track("2"), 403, "resource-forbidden"},
		{"a token that lists", "lister", "POST", path, track("2"), 403, "permission-required"},
		{"no such charm", "alice", "POST", "/v1/charm/nothing/tracks", track("2"), 404, "resource-not-found"},
		{"no guardrail", "alice", "POST", "/v1/charm/bare/tracks", track("2"), 403, "track-guardrail-missing"},
		{"outside of the guardrail", "alice", "POST", path, track("disallowed"), 400, "invalid-tracks"},
		{"no track's name", "alice", "POST", path, track("a b"), 400, "invalid-tracks"},
		{"too long", "alice", "POST", path, track(strings.Repeat("1", 29)), 400, "invalid-tracks"},
		{"a risk", "alice", "POST", path, track("edge"), 400, "invalid-tracks"},
		{"latest", "alice", "POST", path, track("latest"), 400, "api-error"},
		{"one that is there", "alice", "POST", path, track("1"), 409, "conflicting-tracks"},
		{"twice", "alice", "POST", path, []map[string]any{{"name": "5"}, {"name": "5"}}, 409, "conflicting-tracks"},
		{"none", "alice", "POST", path, `[]`, 400, "invalid-tracks"},
		{"no list", "alice", "POST", path, `{"name":"2"}`, 400, "api-error"},
		{"a pattern that is none", "alice", "POST", path, `[{"name":"2","version-pattern":"("}]`, 400, "invalid-pattern"},
		{"more than all", "alice", "POST", path, `[{"name":"2","automatic-phasing-percentage":101}]`, 400, "invalid-percentage"},
	})
	// craft-store's tests look for these words.
	for name, words := range map[string]string{"disallowed": "Invalid track name", "1": "Conflicting track exists"} {
		if text := w.Do("alice", "POST", path, track(name)).Body.String(); !strings.Contains(text, words) {
			t.Errorf("%s is refused with %s, without %q", name, text, words)
		}
	}
	if got := w.stored(fakeID("hello")).Tracks; len(got) != 1 {
		t.Errorf("tracks %v", got)
	}
}

const helloInvites = "/v1/charm/hello/collaborators/invites"

func invitesFor(emails ...string) map[string]any {
	list := []map[string]string{}
	for _, email := range emails {
		list = append(list, map[string]string{"email": email})
	}
	return map[string]any{"invites": list}
}

// invited invites somebody to hello and returns the token.
func (w *world) invited(email string) string {
	w.T.Helper()
	got := w.Do("alice", "POST", helloInvites, invitesFor(email)).Object(201)
	sameShape(w.T, "tokens", got, seenTokens)
	return got["tokens"].([]any)[0].(map[string]any)["token"].(string)
}

func TestAnInvitedAccountPublishesACharm(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("hello", "charm")
	token := w.invited("Bob@Example.com")
	// charmhub.io takes only a 204 for a success.
	w.Do("bob", "POST", helloInvites+"/accept", map[string]string{"token": token}).Empty()
	team := w.Do("alice", "GET", "/v1/charm/hello/collaborators", nil).Object(200)
	sameShape(t, "collaborators", team, seenCollaborators)
	one := team["collaborators"].([]any)[0].(map[string]any)
	if text := fmt.Sprint(one["account"].(map[string]any)["id"], one["permissions"], one["created-at"]); text != "bob-id[package-collaborator]2026-02-03T04:05:06Z" {
		t.Errorf("the collaborator is %s", text)
	}
	list := w.Do("alice", "GET", helloInvites, nil).Object(200)
	sameShape(t, "invites", list, seenInvites)
	invite := list["invites"].([]any)[0].(map[string]any)
	if invite["accepted-at"] == nil || invite["revoked-at"] != nil || invite["email"] != "bob@example.com" || invite["invite-type"] != "package-collaborator" {
		t.Errorf("the invite is %v", invite)
	}
	w.Do("bob", "PATCH", "/v1/charm/hello", `{"title":"Bob's"}`).Object(200)

	w.Do("alice", "POST", helloInvites+"/revoke", invitesFor("bob@example.com")).Empty()
	if got := w.stored(pkg.ID).Collaborators; len(got) > 0 {
		t.Errorf("collaborators %v are left", got)
	}
	declined := w.invited("rita@example.com")
	w.Do("rita", "POST", helloInvites+"/reject", map[string]string{"token": declined}).Empty()
	if code := w.Do("rita", "POST", helloInvites+"/accept", map[string]string{"token": declined}).ErrorCode(409); code != "invite-ended" {
		t.Errorf("after it was rejected: %s", code)
	}
	late := w.invited("bob@example.com")
	w.Now = w.Now.Add(30 * 24 * time.Hour)
	if code := w.Do("bob", "POST", helloInvites+"/accept", map[string]string{"token": late}).ErrorCode(409); code != "invite-ended" {
		t.Errorf("after a month: %s", code)
	}
}

func TestWhoMayInviteToACharm(t *testing.T) {
	w := newWorld(t)
	w.register("hello", "charm")
	w.register("other", "charm")
	w.hide(w.register("secret", "charm"))
	w.permitted("reader", "package-view-acl")
	w.permitted("writer", "package-manage-acl")
	w.permitted("librarian", "package-manage-library")
	w.Token("guest", "bob", store.Limits{Packages: []store.PackageLimit{{Name: "other"}}})
	w.Collaborate(fakeID("hello"), "rita-id")
	token := w.invited("bob@example.com")
	accept := map[string]string{"token": token}
	w.refuses(t, []refusal{
		{"nobody", "", "POST", helloInvites, invitesFor("x@example.com"), 401, "macaroon-authorization-required"},
		{"a stranger", "bob", "POST", helloInvites, invitesFor("x@example.com"), 403, "resource-forbidden"},
		{"a collaborator", "rita", "POST", helloInvites, invitesFor("x@example.com"), 403, "resource-forbidden"},
		{"a token that only reads", "reader", "POST", helloInvites, invitesFor("x@example.com"), 403, "permission-required"},
		{"a token for libraries", "librarian", "POST", helloInvites, invitesFor("x@example.com"), 403, "permission-required"},
		{"a token for libraries reads", "librarian", "GET", helloInvites, nil, 403, "permission-required"},
		{"a stranger reads", "bob", "GET", "/v1/charm/hello/collaborators", nil, 403, "resource-forbidden"},
		{"a stranger reads of a private one", "bob", "GET", "/v1/charm/secret/collaborators", nil, 404, "resource-not-found"},
		{"an unknown charm", "alice", "GET", "/v1/charm/nothing/collaborators", nil, 404, "resource-not-found"},
		{"no address", "alice", "POST", helloInvites, invitesFor("nobody"), 400, "invalid-field"},
		{"nothing", "alice", "POST", helloInvites, `{}`, 400, "missing-field"},
		{"a list", "alice", "POST", helloInvites, `["a@example.com"]`, 400, "api-error"},
		{"the publisher", "alice", "POST", helloInvites, invitesFor("alice@example.com"), 409, "already-collaborator"},
		{"too much", "alice", "POST", helloInvites, `{"invites":[],"x":"` + strings.Repeat("x", 1<<16) + `"}`, 413, "request-too-large"},
		{"nobody accepts", "", "POST", helloInvites + "/accept", accept, 401, "macaroon-authorization-required"},
		{"another accepts", "rita", "POST", helloInvites + "/accept", accept, 404, "invite-not-found"},
		{"for another charm", "bob", "POST", "/v1/charm/other/collaborators/invites/accept", accept, 404, "invite-not-found"},
		{"a token nobody made", "bob", "POST", "/v1/charm/hello/collaborators/invites/accept", map[string]string{"token": "x"}, 404, "invite-not-found"},
		{"a token for others accepts", "guest", "POST", helloInvites + "/accept", accept, 403, "resource-forbidden"},
		{"nobody rejects", "", "POST", helloInvites + "/reject", accept, 401, "macaroon-authorization-required"},
		{"a stranger revokes", "bob", "POST", helloInvites + "/revoke", invitesFor("bob@example.com"), 403, "resource-forbidden"},
		{"revoking what is not there", "alice", "POST", helloInvites + "/revoke", invitesFor("x@example.com"), 404, "invite-not-found"},
	})
	w.Do("reader", "GET", helloInvites, nil).Object(200)
	w.Do("writer", "POST", helloInvites, invitesFor("y@example.com")).Object(201)
}

func TestTheShelvesAreThoseOfSnaps(t *testing.T) {
	w := newWorld(t)
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.CategoryPut, "category/databases", nil)
		_, err := tx.AddCategory("databases")
		return err
	})
	got := w.Do("", "GET", "/v2/charms/categories?type=shared", nil).Object(200)
	sameShape(t, "categories", got, seenCategories)
	if text := fmt.Sprint(got["categories"]); text != "[map[name:featured] map[name:databases]]" {
		t.Errorf("categories %s", text)
	}
}
