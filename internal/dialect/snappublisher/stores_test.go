package snappublisher

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/store"
)

const brandPath = "/api/v2/stores/brandstore"

// branded is a world with a private store of alice's brand, which alice
// administers. It has the snaps own, of bob's, and added, of the global store.
func branded(t *testing.T) *world {
	w := newWorld(t)
	w.listed(1, "added", "bob")
	w.listed(2, "other", "bob")
	w.private(w.listed(3, "secret", "bob").ID)
	w.listed(4, "snapd", "adam")
	_, _, err := w.Catalog.MakeView(t.Context(), publishertest.Operator, store.View{ID: "brandstore", Name: "Brand", Brand: "alice-id", Private: true}, []string{"added"})
	w.Must(err)
	_, _, err = w.Catalog.MakeView(t.Context(), publishertest.Operator, store.View{ID: "rival", Name: "Rival", Brand: "bob-id", Private: true, Includes: []string{"brandstore"}}, nil)
	w.Must(err)
	own := w.listed(5, "own", "bob")
	foreign := w.listed(6, "foreign", "bob")
	w.Update(func(tx *db.Tx) error {
		own.StoreID, foreign.StoreID = "brandstore", "rival"
		for _, p := range []*store.Package{own, foreign} {
			tx.Record(store.PackageUpdated, "package/"+p.ID, nil)
			if err := tx.UpdatePackage(p); err != nil {
				return err
			}
		}
		return nil
	})
	w.member("brandstore", "alice", "admin")
	return w
}

// member gives somebody roles behind the API's back.
func (w *world) member(storeID, name string, roles ...string) {
	w.T.Helper()
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.StoreMemberPut, "store/"+storeID, nil)
		return tx.PutStoreMember(storeID, name+"-id", roles)
	})
}

func wish(email string, roles ...string) map[string]any {
	return map[string]any{"email": email, "roles": roles}
}

// The shapes that the dashboard was seen to answer.
var (
	seenStore = map[string]any{
		"id": "", "brand-id": "", "name": "", "private": true, "parent": nil, "manual-review-policy": "",
		"roles":           []any{map[string]any{"role": "", "label": "", "description": ""}},
		"store-whitelist": []any{}, "allowed-inclusion-source-stores": []any{""}, "allowed-inclusion-target-stores": []any{""},
		"snap-name-prefixes": []any{map[string]any{"prefix": "", "inheritable": false, "parent-id": nil}},
	}
	seenStoreAnswer = map[string]any{
		"store": seenStore,
		"users": []any{map[string]any{"id": "", "username": "", "displayname": "", "email": "", "roles": []any{""}}},
		"invites": []any{map[string]any{
			"email": "", "roles": []any{""}, "status": "", "expiration-date": "",
		}},
	}
	seenStoreSnaps = map[string]any{
		"store": seenStore,
		"snaps": []any{map[string]any{
			"id": "", "essential": false, "name": "", "private": false,
			"users": []any{map[string]any{"displayname": "", "username": "", "roles": []any{""}}},
			"store": "", "other-stores": []any{""},
			"latest-release": map[string]any{"channel": "", "timestamp": "", "version": "", "revision": 1.0},
		}},
	}
)

func TestAStoreIsShownToItsMembers(t *testing.T) {
	w := branded(t)
	w.member("brandstore", "bob", "view")
	w.Do("alice", "POST", brandPath+"/invites", []any{wish("new@example.com", "access")}).Object(200)
	got := w.Do("alice", "GET", brandPath, nil).Object(200)
	sameShape(t, brandPath, got, seenStoreAnswer)
	s := got["store"].(map[string]any)
	if s["id"] != "brandstore" || s["brand-id"] != "alice-id" || s["private"] != true || s["manual-review-policy"] != "allow" {
		t.Errorf("the store is %v", s)
	}
	var roles []string
	for _, r := range s["roles"].([]any) {
		roles = append(roles, r.(map[string]any)["role"].(string))
	}
	if !slices.Equal(roles, []string{"admin", "review", "view", "access"}) {
		t.Errorf("the roles are %v", roles)
	}
	if fmt.Sprint(s["allowed-inclusion-source-stores"], s["allowed-inclusion-target-stores"]) != "[ubuntu] []" {
		t.Errorf("inclusions are %v of %v", s["allowed-inclusion-source-stores"], s["allowed-inclusion-target-stores"])
	}
	if users := w.storeUsers("alice"); !slices.Equal(users, []string{"alice admin", "bob view"}) {
		t.Errorf("the members are %v", users)
	}
	if invites := w.Do("bob", "GET", brandPath, nil).Object(200)["invites"].([]any); len(invites) != 0 {
		t.Errorf("a viewer is shown the invites %v", invites)
	}
	if invites := got["invites"].([]any); fmt.Sprint(invites[0].(map[string]any)["status"]) != "Pending" || len(invites) != 1 {
		t.Errorf("the invites are %v", invites)
	}
	// An administrator of everything knows who includes it.
	all := w.Do("adam", "GET", brandPath, nil).Object(200)["store"].(map[string]any)
	if fmt.Sprint(all["allowed-inclusion-target-stores"]) != "[rival]" {
		t.Errorf("adam is shown %v", all)
	}
}

// storeUsers are "username roles" of the store's members.
func (w *world) storeUsers(token string) (list []string) {
	w.T.Helper()
	var got struct {
		Users []struct {
			Username string
			Roles    []string
		}
	}
	w.Do(token, "GET", brandPath, nil).Into(200, &got)
	for _, u := range got.Users {
		list = append(list, u.Username+" "+strings.Join(u.Roles, ","))
	}
	return list
}

func TestStoresAreListedForTheirMembers(t *testing.T) {
	w := branded(t)
	w.member("rival", "alice", "view", "access")
	for token, want := range map[string]string{
		"alice": "[map[id:brandstore name:Brand roles:[admin]] map[id:rival name:Rival roles:[view access]]]",
		"bob":   "[]",
		"vera":  "[]",
		"adam":  "[map[id:brandstore name:Brand roles:[admin]] map[id:rival name:Rival roles:[admin]] map[id:ubuntu name:Global roles:[admin]]]",
	} {
		if got := fmt.Sprint(w.Do(token, "GET", "/api/v2/stores", nil).Object(200)["stores"]); got != want {
			t.Errorf("%s is shown %s, want %s", token, got, want)
		}
	}
}

// TestStoresOfOthersAreNotThere: as the recording has it, for lack of rights too.
func TestStoresOfOthersAreNotThere(t *testing.T) {
	w := branded(t)
	w.member("brandstore", "rita", "view", "review")
	w.Token("reader", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package_access"})})
	w.Token("elsewhere", "alice", store.Limits{Stores: []string{"rival"}})
	var cases []refusal
	for _, call := range []struct {
		method, path string
		body         any
	}{
		{"GET", "", nil},
		{"GET", "/snaps", nil},
		{"POST", "/snaps", []any{map[string]string{"name": "other"}}},
		{"GET", "/snaps?allowed-for-inclusion=brandstore&q=o", nil},
		{"POST", "/users", []any{wish("bob@example.com", "view")}},
		{"POST", "/invites", []any{wish("new@example.com", "view")}},
		{"PUT", "/invites", []any{map[string]string{"email": "new@example.com", "action": "revoke"}}},
		{"PUT", "/settings", map[string]any{"private": true}},
	} {
		for _, tt := range []struct{ who, path string }{{"bob", brandPath}, {"elsewhere", brandPath}, {"alice", "/api/v2/stores/none"}} {
			if strings.Contains(call.path, "inclusion") && tt.who == "alice" {
				continue // it names the store itself
			}
			cases = append(cases, refusal{
				call.method + call.path + " by " + tt.who, tt.who, call.method, tt.path + call.path, call.body, 404, "resource-not-found",
			})
		}
		cases = append(cases,
			refusal{call.method + call.path + " without credentials", "", call.method, brandPath + call.path, call.body, 401, "macaroon-authorization-required"},
			refusal{call.method + call.path + " by a token for less", "reader", call.method, brandPath + call.path, call.body, 403, "macaroon-permission-required"})
		if call.method != "GET" || strings.Contains(call.path, "inclusion") {
			cases = append(cases, refusal{call.method + call.path + " by a viewer", "rita", call.method, brandPath + call.path, call.body, 404, "resource-not-found"})
		}
	}
	w.refuses(t, cases)
	if a, b := w.Do("bob", "GET", brandPath, nil).Body.String(), w.Do("bob", "GET", "/api/v2/stores/bradstore", nil).Body.String(); strings.ReplaceAll(a, "brand", "brad") != b {
		t.Errorf("a store of others is told from none:\n%s%s", a, b)
	}
}

func TestMembersComeAndGo(t *testing.T) {
	w := branded(t)
	set := func(body ...any) answer { return w.Do("alice", "POST", brandPath+"/users", body) }
	set(wish("BOB@example.com", "access", "view", "access"), wish("vera@example.com", "view")).Object(200)
	if got := w.storeUsers("alice"); !slices.Equal(got, []string{"alice admin", "bob view,access", "vera view"}) {
		t.Errorf("the members are %v", got)
	}
	set(wish("bob@example.com"), wish("vera@example.com", "admin")).Object(200)
	if got := w.storeUsers("vera"); !slices.Equal(got, []string{"alice admin", "vera admin"}) {
		t.Errorf("the members are %v", got)
	}
	w.Do("bob", "GET", brandPath, nil).ErrorCode(404)
	set(wish("vera@example.com")).Object(200)

	for _, tt := range []struct {
		why    string
		body   any
		status int
		code   string
	}{
		{"nobody has the address", []any{wish("none@example.com", "view")}, 400, "store-users-no-match"},
		{"the last administrator", []any{wish("alice@example.com", "view")}, 409, "last-admin"},
		{"an unknown role", []any{wish("bob@example.com", "owner")}, 400, "invalid-role"},
		{"no address", []any{wish("bob", "view")}, 400, "invalid-field"},
		{"twice", []any{wish("bob@example.com", "view"), wish("Bob@example.com", "admin")}, 400, "invalid-field"},
		{"nothing", []any{}, 400, "missing-field"},
		{"an object", map[string]any{"email": "bob@example.com"}, 400, "api-error"},
		{"too many", slices.Repeat([]any{wish("bob@example.com", "view")}, 101), 413, "too-many-members"},
		{"too large", `[{"email":"` + strings.Repeat("x", smallBody) + `"}]`, 413, "request-too-large"},
	} {
		if code := w.Do("alice", "POST", brandPath+"/users", tt.body).ErrorCode(tt.status); code != tt.code {
			t.Errorf("%s: %s", tt.why, code)
		}
	}
	var both struct {
		Errors []struct {
			Code  string
			Extra map[string]string
		} `json:"error-list"`
	}
	set(wish("bob@example.com", "view"), wish("x@example.com", "view"), wish("y@example.com", "view")).Into(400, &both)
	if len(both.Errors) != 2 || both.Errors[1].Code != "store-users-no-match" || both.Errors[1].Extra["email"] != "y@example.com" {
		t.Errorf("told of %+v", both)
	}
	if got := w.storeUsers("alice"); !slices.Equal(got, []string{"alice admin"}) {
		t.Errorf("a refused request left %v", got)
	}
	// Administrators of everything may.
	w.Do("adam", "POST", brandPath+"/users", []any{wish("alice@example.com")}).Object(200)
	w.Do("alice", "GET", brandPath, nil).ErrorCode(404)
}

func TestAnAddressThatIsNotVerifiedIsNobodys(t *testing.T) {
	w := branded(t)
	u := w.People.Users["bob-id"]
	u.EmailVerified = false
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.UserPut, "account/bob-id", nil)
		return tx.PutUser(u)
	})
	if code := w.Do("alice", "POST", brandPath+"/users", []any{wish("bob@example.com", "admin")}).ErrorCode(400); code != "store-users-no-match" {
		t.Error(code)
	}
	w.Do("alice", "POST", brandPath+"/invites", []any{wish("bob@example.com", "admin")}).Object(200)
	if got := w.storeUsers("alice"); !slices.Equal(got, []string{"alice admin"}) {
		t.Errorf("the members are %v", got)
	}
}

func TestInvitesWaitForAnAccount(t *testing.T) {
	w := branded(t)
	status := func() string {
		var got struct {
			Invites []struct {
				Email, Status string
				Expires       string `json:"expiration-date"`
			}
		}
		w.Do("alice", "GET", brandPath, nil).Into(200, &got)
		return strings.TrimPrefix(fmt.Sprint(got.Invites), "[")
	}
	act := func(email, action string) answer {
		return w.Do("alice", "PUT", brandPath+"/invites", []any{map[string]string{"email": email, "action": action}})
	}
	w.Do("alice", "POST", brandPath+"/invites", []any{wish("New@example.com", "access")}).Object(200)
	for _, step := range []struct {
		action string
		after  time.Duration
		want   string
	}{
		{"", 0, "{new@example.com Pending 2026-03-05T04:05:06Z}"},
		{"", 31 * 24 * time.Hour, "{new@example.com Expired"},
		{"resend", 0, "{new@example.com Pending 2026-04-05T04:05:06Z}"},
		{"revoke", 0, "{new@example.com Revoked"},
		{"open", 0, "{new@example.com Pending"},
	} {
		w.Now = w.Now.Add(step.after)
		if step.action != "" {
			act("new@example.com", step.action).Object(200)
		}
		if got := status(); !strings.HasPrefix(got, step.want) {
			t.Errorf("after %s the invite is %s, want %s", step.action, got, step.want)
		}
	}
	if code := act("none@example.com", "revoke").ErrorCode(404); code != "invite-not-found" {
		t.Error(code)
	}
	if code := act("new@example.com", "burn").ErrorCode(400); code != "invalid-field" {
		t.Error(code)
	}
	if code := w.Do("alice", "POST", brandPath+"/invites", []any{wish("x@example.com")}).ErrorCode(400); code != "missing-field" {
		t.Error(code)
	}
	newcomer := w.Person("new", store.RolePublisher)
	w.Update(func(tx *db.Tx) error { return tx.AcceptStoreInvites(newcomer) })
	// Whoever has an account is a member at once, and keeps the roles of before.
	w.member("brandstore", "bob", "view")
	w.Do("alice", "POST", brandPath+"/invites", []any{wish("bob@example.com", "access")}).Object(200)
	if got := w.storeUsers("alice"); !slices.Equal(got, []string{"alice admin", "bob view,access", "new access"}) {
		t.Errorf("the members are %v", got)
	}
	if got := status(); strings.Count(got, "Accepted") != 2 {
		t.Errorf("the invites are %s", got)
	}
	if code := act("new@example.com", "revoke").ErrorCode(409); code != "invite-accepted" {
		t.Error(code)
	}
}

func TestARevokedInviteIsNotAccepted(t *testing.T) {
	w := branded(t)
	w.Do("alice", "POST", brandPath+"/invites", []any{wish("new@example.com", "admin"), wish("late@example.com", "admin")}).Object(200)
	w.Do("alice", "PUT", brandPath+"/invites", []any{map[string]string{"email": "new@example.com", "action": "revoke"}}).Object(200)
	revoked := w.Person("new", store.RolePublisher)
	w.Now = w.Now.Add(31 * 24 * time.Hour)
	late := w.Person("late", store.RolePublisher)
	w.Update(func(tx *db.Tx) error {
		if err := tx.AcceptStoreInvites(revoked); err != nil {
			return err
		}
		return tx.AcceptStoreInvites(late)
	})
	if got := w.storeUsers("alice"); !slices.Equal(got, []string{"alice admin"}) {
		t.Errorf("the members are %v", got)
	}
}

// storeSnapNames are the names that a list of snaps has.
func (w *world) storeSnapNames(token, path string) (names []string) {
	w.T.Helper()
	var got struct{ Snaps []struct{ Name string } }
	w.Do(token, "GET", path, nil).Into(200, &got)
	for _, s := range got.Snaps {
		names = append(names, s.Name)
	}
	return names
}

func TestTheSnapsOfAStore(t *testing.T) {
	w := branded(t)
	w.Update(func(tx *db.Tx) error {
		digest, err := store.ParseHex(strings.Repeat("ab", 48))
		if err != nil {
			return err
		}
		if _, err := tx.AddBlob(store.Blob{Digest: digest, SHA256: strings.Repeat("cd", 32), Size: 4096, CreatedAt: w.Now}); err != nil {
			return err
		}
		r := &store.Revision{
			PackageID: assertiontest.SnapID(5), Number: 1, Status: store.StatusApproved, Version: "1.2", CreatedAt: w.Now,
			CreatedBy: "bob-id", Blob: digest, SHA256: strings.Repeat("cd", 32), Size: 4096, Platforms: []store.Platform{{Architecture: "amd64"}},
		}
		if err := tx.InsertRevision(r); err != nil {
			return err
		}
		tx.Record(store.Released, "package/"+r.PackageID, nil)
		_, err = tx.AppendReleases([]store.Release{{
			PackageID: r.PackageID, At: w.Now, By: "bob-id", Channel: store.Channel{Track: "1.2", Risk: store.Edge}.Normal(),
			Platform: store.Platform{Architecture: "amd64"}, Revision: 1,
		}})
		return err
	})
	got := w.Do("alice", "GET", brandPath+"/snaps", nil).Object(200)
	sameShape(t, "snaps", got, seenStoreSnaps)
	if own := fmt.Sprint(got["snaps"].([]any)[0]); !strings.Contains(own, "name:own") ||
		!strings.Contains(own, "latest-release:map[channel:1.2/edge revision:1 timestamp:2026-02-03T04:05:06.789000+00:00 version:1.2]") {
		t.Errorf("own is answered as %s", own)
	}
	if added := fmt.Sprint(got["snaps"].([]any)[1]); !strings.Contains(added, "other-stores:[brandstore]") || !strings.Contains(added, "store:ubuntu") {
		t.Errorf("added is answered as %s", added)
	}
	names := func(path string, want ...string) {
		t.Helper()
		if got := w.storeSnapNames("alice", path); !slices.Equal(got, want) {
			t.Errorf("%s lists %v, want %v", path, got, want)
		}
	}
	names(brandPath+"/snaps", "own", "added", "snapd")
	names(brandPath+"/snaps?q=ow", "own")
	names(brandPath+"/snaps?q=o&allowed-for-inclusion=brandstore", "other")
	names("/api/v2/stores/ubuntu/snaps?q=other&allowed-for-inclusion=brandstore", "other")
	change := func(body any) answer { return w.Do("alice", "POST", brandPath+"/snaps", body) }
	change([]any{map[string]string{"name": "other"}}).Object(200)
	names(brandPath+"/snaps", "own", "added", "other", "snapd")
	names(brandPath + "/snaps?q=other&allowed-for-inclusion=brandstore")
	change(map[string]any{"add": []any{map[string]string{"name": "other"}, map[string]string{"name": "own"}}, "remove": []any{map[string]string{"name": "added"}}}).Object(200)
	names(brandPath+"/snaps", "own", "other", "snapd")
	for _, tt := range []struct {
		why, code string
		status    int
		body      any
	}{
		{"an unknown snap", "resource-not-found", 404, []any{map[string]string{"name": "none"}}},
		{"another's private snap", "resource-not-found", 404, []any{map[string]string{"name": "secret"}}},
		{"a snap of another's private store", "resource-not-found", 404, []any{map[string]string{"name": "foreign"}}},
		{"taking out what was not added", "not-shown", 404, map[string]any{"remove": []any{map[string]string{"name": "added"}}}},
		{"taking out what is at home", "not-shown", 404, map[string]any{"remove": []any{map[string]string{"name": "own"}}}},
		{"too many", "too-many-snaps", 413, slices.Repeat([]any{map[string]string{"name": "other"}}, 501)},
		{"no list", "api-error", 400, `"other"`},
	} {
		if code := change(tt.body).ErrorCode(tt.status); code != tt.code {
			t.Errorf("%s: %s", tt.why, code)
		}
	}
	names(brandPath+"/snaps", "own", "other", "snapd")
	if code := w.Do("alice", "GET", brandPath+"/snaps?q="+strings.Repeat("x", 201), nil).ErrorCode(413); code != "query-too-long" {
		t.Error(code)
	}
}

func TestStoreSettings(t *testing.T) {
	w := branded(t)
	put := func(body any) answer { return w.Do("alice", "PUT", brandPath+"/settings", body) }
	for _, policy := range []string{"avoid", "require", "allow"} {
		s := put(map[string]any{"private": true, "manual-review-policy": policy}).Object(200)["store"].(map[string]any)
		if s["manual-review-policy"] != policy || s["private"] != true {
			t.Errorf("%s: %v", policy, s)
		}
	}
	if s := put(map[string]any{"private": false, "manual-review-policy": nil}).Object(200)["store"].(map[string]any); s["private"] != false {
		t.Error(s)
	}
	if code := put(map[string]any{"manual-review-policy": "never"}).ErrorCode(400); code != "invalid-field" {
		t.Error(code)
	}
	if code := put([]any{}).ErrorCode(400); code != "api-error" {
		t.Error(code)
	}
}

func TestFeaturedSnapsAreReplaced(t *testing.T) {
	w := branded(t)
	hello, other := assertiontest.SnapID(1), assertiontest.SnapID(2)
	names := func() string {
		return fmt.Sprint(w.Do("adam", "GET", "/v1/snap/featured", nil).Object(200)["packages"])
	}
	w.Do("adam", "PUT", "/v1/snap/featured", []string{hello}).Object(http.StatusCreated)
	w.Do("adam", "PUT", "/v1/snap/featured/", map[string]any{"packages": []string{other, hello}}).Object(http.StatusCreated)
	if got := names(); got != "[map[id:"+hello+" name:added] map[id:"+other+" name:other]]" {
		t.Errorf("featured are %s", got)
	}
	if shelves := w.stored(hello).Categories; len(shelves) != 1 || !shelves[0].Featured {
		t.Errorf("added stands on %v", shelves)
	}
	w.Do("adam", "DELETE", "/v1/snap/featured", map[string]any{"packages": []string{hello}}).Object(http.StatusCreated)
	if got := names(); got != "[map[id:"+other+" name:other]]" {
		t.Errorf("featured are %s", got)
	}
	if shelves := w.stored(hello).Categories; len(shelves) != 0 {
		t.Errorf("added still stands on %v", shelves)
	}
	// What stands on a shelf of its own stays there.
	_, err := w.Catalog.ChangePackage(t.Context(), publishertest.Operator, store.Snap, "added", catalog.PackageChange{Categories: []string{"games"}})
	w.Must(err)
	w.Do("adam", "PUT", "/v1/snap/featured", []string{hello}).Object(http.StatusCreated)
	w.Do("adam", "DELETE", "/v1/snap/featured", map[string]any{"packages": []string{hello}}).Object(http.StatusCreated)
	if shelves := w.stored(hello).Categories; len(shelves) != 1 || shelves[0].Name != "games" || shelves[0].Featured {
		t.Errorf("added stands on %v", shelves)
	}
	// As recorded.
	refused := w.Do("adam", "DELETE", "/v1/snap/featured", map[string]any{"snaps": "hello"})
	if code := refused.ErrorCode(400); code != "api-error" || !strings.Contains(refused.Body.String(), "('snaps' was unexpected) at /") {
		t.Error(refused.Body)
	}
	w.refuses(t, []refusal{
		{"a publisher", "alice", "PUT", "/v1/snap/featured", []string{hello}, 403, "permission-required"},
		{"a publisher that looks", "alice", "GET", "/v1/snap/featured", nil, 403, "permission-required"},
		{"nobody", "", "DELETE", "/v1/snap/featured", map[string]any{"packages": []string{hello}}, 401, "macaroon-authorization-required"},
		{"an unknown id", "adam", "PUT", "/v1/snap/featured", []string{hello, "none"}, 404, "resource-not-found"},
		{"too many", "adam", "PUT", "/v1/snap/featured", slices.Repeat([]string{hello}, 201), 413, "too-many-snaps"},
		{"a number", "adam", "PUT", "/v1/snap/featured", "1", 400, "api-error"},
	})
	if got := names(); got != "[map[id:"+other+" name:other]]" {
		t.Errorf("a refused request left %s", got)
	}
}

// TestMembersSeeWhatIsInAPrivateStore: identity puts the stores of an account
// into its principal.
func TestMembersSeeWhatIsInAPrivateStore(t *testing.T) {
	w := branded(t)
	set := map[string]any{"account-id": "vera-id", "name": "mine", "sequence": 1, "snaps": []any{map[string]any{"name": "own"}}}
	vera := w.People.Principals["vera"]
	vera.Role = store.RolePublisher // who sees everything proves nothing here
	w.People.Principals["vera"] = vera
	if got := w.Do("vera", "POST", setsPath+"/build-assertion", set); got.ErrorCode(400) != "invalid-request" || !strings.Contains(got.Body.String(), "cannot find the snap own") {
		t.Error(got.Body)
	}
	vera.Stores = []string{"brandstore"}
	w.People.Principals["vera"] = vera
	w.Do("vera", "POST", setsPath+"/build-assertion", set).Object(200)
}
