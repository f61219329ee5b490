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
	"github.com/larder-store/larder/internal/store"
)

// hide makes a package private.
func (w *world) hide(pkg *store.Package) {
	w.t.Helper()
	w.update(func(tx *db.Tx) error {
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
	w.t.Helper()
	_, err := w.catalog.ChangeGuardrails(w.t.Context(), operator, store.Charm, name, []string{pattern}, nil)
	w.must(err)
}

// permitted lets alice in with no more than these permissions of the wire.
func (w *world) permitted(token string, permissions ...string) {
	w.token(token, "alice", store.Limits{Permissions: store.WirePermissions(permissions)})
}

func TestANameIsRegisteredListedAndGivenUp(t *testing.T) {
	w := newWorld(t)
	id := func(body any) string {
		t.Helper()
		got := w.do("alice", "POST", "/v1/charm", body).object(200)
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
	w.collaborate(collaborated.ID, "alice-id")

	names := func(query string) (list []string) {
		t.Helper()
		got := w.do("alice", "GET", "/v1/charm"+query, nil).object(200)
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
		got := w.do("alice", "DELETE", "/v1/charm/"+name, nil).object(200)
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
	w.update(func(tx *db.Tx) error {
		tx.Record(store.PackageRegistered, "package/x", nil)
		return tx.InsertPackage(&store.Package{
			ID: fakeID("snap"), Namespace: store.Snap, Name: "hello", PublisherID: "bob-id", StoreID: store.GlobalStore, CreatedAt: w.now,
		})
	})
	w.do("bob", "GET", "/v1/charm/hello", nil).code(404)
	w.do("alice", "POST", "/v1/charm", map[string]any{"name": "hello", "type": "charm"}).object(200)
}

func TestNamesThatCannotBeHad(t *testing.T) {
	w := newWorld(t)
	w.settings["larder.names.reserved"] = `["acme-*"]`
	w.register("mine", "charm")
	w.registerFor("bob", "theirs", "bundle")
	w.hide(w.registerFor("bob", "secret", "charm"))
	w.permitted("reader", "account-view-packages", "package-view", "package-manage")
	w.token("narrow", "alice", store.Limits{Packages: []store.PackageLimit{{Namespace: store.Charm, Name: "other"}}})
	ask := func(name string) any { return map[string]any{"name": name, "type": "charm"} }
	cases := []refusal{
		{"nobody", "", "POST", "/v1/charm", ask("new"), 401, "macaroon-authorization-required"},
		{"a viewer", "vera", "POST", "/v1/charm", ask("new"), 403, "permission-required"},
		{"a token that may not", "reader", "POST", "/v1/charm", ask("new"), 403, "permission-required"},
		{"a token for another name", "narrow", "POST", "/v1/charm", ask("new"), 403, "resource-forbidden"},
		{"one's own", "alice", "POST", "/v1/charm", ask("mine"), 409, "already-owned"},
		{"another's", "alice", "POST", "/v1/charm", ask("theirs"), 409, "already-registered"},
		{"a private one", "alice", "POST", "/v1/charm", ask("secret"), 409, "already-registered"},
		{"what the operator keeps", "alice", "POST", "/v1/charm", ask("acme-tool"), 409, "reserved-name"},
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
	if got := w.do("narrow", "GET", "/v1/charm", nil).object(200)["results"].([]any); len(got) != 0 {
		t.Errorf("a token for another package lists %v", got)
	}
}

func TestWhoHasNotAgreedRegistersNothing(t *testing.T) {
	w := newWorld(t)
	terms := gateway.Terms{URL: "https://terms.example", Since: w.now.Add(time.Second)}
	w.api = New(Options{Catalog: w.catalog, Identity: w.people, Registry: registry{}, Ready: gateway.Ready(w.people, func(context.Context) (gateway.Terms, error) { return terms, nil })})
	w.refuses(t, []refusal{{"who has not agreed", "alice", "POST", "/v1/charm", map[string]any{"name": "hello"}, 403, "user-not-ready"}})
	terms.Since = w.now // which is when alice did
	w.do("alice", "POST", "/v1/charm", map[string]any{"name": "hello"}).object(200)
	terms = gateway.Terms{}
	w.do("alice", "POST", "/v1/charm", map[string]any{"name": "world"}).object(200)
}

// User is for what needs more than a principal.
func (p *people) User(_ context.Context, id string) (store.User, error) {
	if u, ok := p.users[id]; ok {
		return u, nil
	}
	return store.User{}, store.NotFoundf("user-not-found", "no such account can log in")
}

func TestWhoRegistersTooFastWaits(t *testing.T) {
	w := newWorld(t)
	w.settings["larder.names.per-hour"] = "1"
	w.do("alice", "POST", "/v1/charm", map[string]any{"name": "one"}).object(200)
	a := w.do("alice", "POST", "/v1/charm", map[string]any{"name": "two"})
	if code := a.code(429); code != "register-window" || a.Header().Get("Retry-After") != "3600" {
		t.Errorf("%s, Retry-After %q", code, a.Header().Get("Retry-After"))
	}
}

func TestWhyANameIsNotGivenUp(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("hello", "charm")
	w.revision(pkg, "bytes", store.Revision{Number: 1})
	w.register("free", "charm")
	w.hide(w.register("secret", "charm"))
	w.collaborate(fakeID("free"), "rita-id")
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
	w.do("alice", "DELETE", "/v1/charm/free", nil).object(200)
}

func TestAPackageIsDescribedAsItWasSeenToBe(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("hello", "charm")
	one := func(a answer) map[string]any {
		t.Helper()
		got := a.object(200)
		sameShape(t, "package", got, seenPackage)
		return got["metadata"].(map[string]any)
	}
	got := one(w.do("alice", "GET", "/v1/charm/hello", nil))
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
	w.update(func(tx *db.Tx) error {
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
	w.do("alice", "POST", "/v1/charm/hello/tracks", `[{"name":"1.0","version-pattern":null,"automatic-phasing-percentage":null},`+
		`{"name":"2.0","version-pattern":"2.*","automatic-phasing-percentage":"12.5"}]`).object(201)
	got = one(w.do("alice", "GET", "/v1/charm/hello", nil))
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
	if media := got["media"].([]any); len(media) != 1 || !strings.HasPrefix(media[0].(map[string]any)["url"].(string), baseURL+"/") {
		t.Errorf("media %v", media)
	}

	got = one(w.do("alice", "PATCH", "/v1/charm/hello", map[string]any{
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
	listed := w.do("alice", "GET", "/v1/charm", nil).object(200)
	sameShape(t, "names", listed, seenNames)
	if one := listed["results"].([]any)[0].(map[string]any); one["default-track"] != nil || one["status"] != "published" {
		t.Errorf("listed %v", one)
	}
}

func TestWhoReadsAndEditsAPackage(t *testing.T) {
	w := newWorld(t)
	w.register("hello", "charm")
	w.hide(w.register("secret", "charm"))
	w.collaborate(fakeID("hello"), "rita-id")
	w.permitted("reader", "package-view-metadata")
	w.permitted("writer", "package-manage-metadata")
	w.permitted("releaser", "package-manage-releases")
	w.token("elsewhere", "alice", store.Limits{Packages: []store.PackageLimit{{Namespace: store.Charm, Name: "other"}}})
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
	w.do("reader", "GET", path, nil).object(200)
	w.do("vera", "GET", path, nil).object(200)
	w.do("writer", "PATCH", path, `{"title":"x"}`).object(200)
	w.do("rita", "PATCH", path, `{"title":"y"}`).object(200)
}

func TestTracksThatAreRefused(t *testing.T) {
	w := newWorld(t)
	w.register("hello", "charm")
	w.register("bare", "charm")
	w.guarded("hello", `[0-9]+`)
	w.permitted("lister", "package-manage-metadata")
	w.collaborate(fakeID("hello"), "rita-id")
	const path = "/v1/charm/hello/tracks"
	track := func(name string) any { return []map[string]any{{"name": name}} }
	if got := w.do("rita", "POST", path, track("1")).object(201); got["num-tracks-created"] != 1.0 || len(got) != 1 {
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
		if text := w.do("alice", "POST", path, track(name)).Body.String(); !strings.Contains(text, words) {
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
	w.t.Helper()
	got := w.do("alice", "POST", helloInvites, invitesFor(email)).object(201)
	sameShape(w.t, "tokens", got, seenTokens)
	return got["tokens"].([]any)[0].(map[string]any)["token"].(string)
}

// empty fails the test unless the answer is a 204 of nothing.
func (a answer) empty() {
	a.t.Helper()
	if a.Code != 204 || a.Body.Len() > 0 {
		a.t.Fatalf("answered %d %s", a.Code, a.Body)
	}
}

func TestAnInvitedAccountPublishesACharm(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("hello", "charm")
	token := w.invited("Bob@Example.com")
	// charmhub.io takes only a 204 for a success.
	w.do("bob", "POST", helloInvites+"/accept", map[string]string{"token": token}).empty()
	team := w.do("alice", "GET", "/v1/charm/hello/collaborators", nil).object(200)
	sameShape(t, "collaborators", team, seenCollaborators)
	one := team["collaborators"].([]any)[0].(map[string]any)
	if text := fmt.Sprint(one["account"].(map[string]any)["id"], one["permissions"], one["created-at"]); text != "bob-id[package-collaborator]2026-02-03T04:05:06Z" {
		t.Errorf("the collaborator is %s", text)
	}
	list := w.do("alice", "GET", helloInvites, nil).object(200)
	sameShape(t, "invites", list, seenInvites)
	invite := list["invites"].([]any)[0].(map[string]any)
	if invite["accepted-at"] == nil || invite["revoked-at"] != nil || invite["email"] != "bob@example.com" || invite["invite-type"] != "package-collaborator" {
		t.Errorf("the invite is %v", invite)
	}
	w.do("bob", "PATCH", "/v1/charm/hello", `{"title":"Bob's"}`).object(200)

	w.do("alice", "POST", helloInvites+"/revoke", invitesFor("bob@example.com")).empty()
	if got := w.stored(pkg.ID).Collaborators; len(got) > 0 {
		t.Errorf("collaborators %v are left", got)
	}
	declined := w.invited("rita@example.com")
	w.do("rita", "POST", helloInvites+"/reject", map[string]string{"token": declined}).empty()
	if code := w.do("rita", "POST", helloInvites+"/accept", map[string]string{"token": declined}).code(409); code != "invite-ended" {
		t.Errorf("after it was rejected: %s", code)
	}
	late := w.invited("bob@example.com")
	w.now = w.now.Add(30 * 24 * time.Hour)
	if code := w.do("bob", "POST", helloInvites+"/accept", map[string]string{"token": late}).code(409); code != "invite-ended" {
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
	w.token("guest", "bob", store.Limits{Packages: []store.PackageLimit{{Name: "other"}}})
	w.collaborate(fakeID("hello"), "rita-id")
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
	w.do("reader", "GET", helloInvites, nil).object(200)
	w.do("writer", "POST", helloInvites, invitesFor("y@example.com")).object(201)
}

func TestTheShelvesAreThoseOfSnaps(t *testing.T) {
	w := newWorld(t)
	w.update(func(tx *db.Tx) error {
		tx.Record(store.CategoryPut, "category/databases", nil)
		_, err := tx.AddCategory("databases")
		return err
	})
	got := w.do("", "GET", "/v2/charms/categories?type=shared", nil).object(200)
	sameShape(t, "categories", got, seenCategories)
	if text := fmt.Sprint(got["categories"]); text != "[map[name:featured] map[name:databases]]" {
		t.Errorf("categories %s", text)
	}
}
