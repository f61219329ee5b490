package snappublisher

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/store"
)

func TestANameIsRegisteredInBothFamilies(t *testing.T) {
	w := newWorld(t)
	try := w.Do("alice", "POST", "/dev/api/register-name/?dry_run=1", map[string]any{"snap_name": "hello"}).Object(http.StatusOK)
	if try["snap_id"] != nil || try["snap_name"] != "hello" {
		t.Errorf("the dry run answers %v", try)
	}
	got := w.Do("alice", "POST", "/dev/api/register-name/", map[string]any{
		"snap_name": "hello", "is_private": true, "series": "16", "store": "ubuntu", "registrant_comment": "mine",
	}).Object(http.StatusCreated)
	if id := got["snap_id"].(string); len(id) != 32 || got["snap_name"] != "hello" || len(got) != 2 {
		t.Errorf("answered %v", got)
	}
	second := w.Do("alice", "POST", "/v1/snap", map[string]any{"name": "world", "private": false, "type": "snap", "team": nil}).Object(http.StatusOK)
	if id := second["id"].(string); len(id) != 32 || len(second) != 1 {
		t.Errorf("answered %v", second)
	}
	list := w.Do("alice", "GET", "/v1/snap?include-collaborations=false", nil).Object(200)["results"].([]any)
	if len(list) != 2 || list[0].(map[string]any)["name"] != "hello" || list[0].(map[string]any)["private"] != true {
		t.Errorf("the names are %v", list)
	}
	for _, key := range []string{"links", "media", "tracks", "track-guardrails"} {
		if list[0].(map[string]any)[key] == nil {
			t.Errorf("%s is null, which clients refuse", key)
		}
	}
	if list := w.Do("bob", "GET", "/v1/snap", nil).Object(200)["results"].([]any); len(list) != 0 {
		t.Errorf("bob has %v", list)
	}
}

func TestANameThatCannotBeHadSaysWhyInEachFamilysWords(t *testing.T) {
	w := newWorld(t)
	w.Settings["larder.names.reserved"] = `["acme*", "root"]`
	w.register("mine")
	w.Do("bob", "POST", "/v1/snap", map[string]any{"name": "theirs"}).Object(200)
	w.Do("bob", "POST", "/v1/snap", map[string]any{"name": "claimed", "private": true}).Object(200)
	w.Do("alice", "POST", "/dev/api/register-name-dispute/", map[string]any{"snap_name": "claimed", "comment": "c"}).Object(201)
	for name, want := range map[string]struct {
		status      int
		v1, gateway string
		url         bool
	}{
		"mine":                    {409, "already_owned", "already-owned", false},
		"theirs":                  {409, "already_registered", "already-registered", true},
		"claimed":                 {409, "already_claimed", "already-claimed", true},
		"featured":                {409, "reserved_name", "reserved-name", true},
		"acme-tool":               {409, "reserved_name", "reserved-name", true},
		"root":                    {409, "reserved_name", "reserved-name", true},
		"Hello":                   {400, "invalid", "invalid-name", false},
		"-hello":                  {400, "invalid", "invalid-name", false},
		"he--llo":                 {400, "invalid", "invalid-name", false},
		"1234":                    {400, "invalid", "invalid-name", false},
		strings.Repeat("a", 41):   {400, "invalid", "invalid-name", false},
		"":                        {400, "invalid", "invalid-name", false},
		"../../etc":               {400, "invalid", "invalid-name", false},
		strings.Repeat("x", 9999): {400, "invalid", "invalid-name", false},
	} {
		for _, query := range []string{"", "?dry_run"} {
			got := w.Do("alice", "POST", "/dev/api/register-name/"+query, map[string]any{"snap_name": name}).Object(want.status)
			entry := got["error_list"].([]any)[0].(map[string]any)
			if entry["code"] != want.v1 || got["code"] != want.v1 || got["status"] != float64(want.status) || entry["message"] == "" {
				t.Errorf("%.50s: %v", name, got)
			}
			if url, _ := got["register_name_url"].(string); (url != "") != want.url {
				t.Errorf("%.50s: register_name_url is %q", name, url)
			}
		}
		if code := w.Do("alice", "POST", "/v1/snap", map[string]any{"name": name}).ErrorCode(want.status); code != want.gateway {
			t.Errorf("%.50s at the gateway: %s", name, code)
		}
	}
}

func TestWhoRegistersTooFastWaits(t *testing.T) {
	w := newWorld(t)
	w.Settings["larder.names.per-hour"] = "2"
	w.register("one")
	w.register("two")
	answer := w.Do("alice", "POST", "/dev/api/register-name/", map[string]any{"snap_name": "three"})
	got := answer.Object(http.StatusTooManyRequests)
	if got["code"] != "register_window" || got["retry_after"] != 3600.0 || answer.Header().Get("Retry-After") != "3600" {
		t.Errorf("answered %v, Retry-After %q", got, answer.Header().Get("Retry-After"))
	}
	w.Do("bob", "POST", "/dev/api/register-name/", map[string]any{"snap_name": "three"}).Object(201)
	w.Now = w.Now.Add(time.Hour)
	w.register("four")
}

func TestANameThatIsGivenUpIsFreeForOthersUnderAnotherID(t *testing.T) {
	w := newWorld(t)
	first := w.register("hello")
	w.Do("bob", "DELETE", "/v1/snap/hello", nil).ErrorCode(403)
	got := w.Do("alice", "DELETE", "/v1/snap/hello", nil).Object(200)
	if got["package-id"] != first || len(got) != 1 {
		t.Errorf("answered %v", got)
	}
	w.Do("alice", "DELETE", "/v1/snap/hello", nil).ErrorCode(404)
	ref, err := assertion.NewRef("snap-declaration", "16", first)
	w.Must(err)
	a, err := w.Catalog.Assertion(t.Context(), ref, -1)
	w.Must(err)
	if a.HeaderString("snap-name") != "" {
		t.Errorf("the old declaration still names %q", a.HeaderString("snap-name"))
	}
	second := w.Do("bob", "POST", "/v1/snap", map[string]any{"name": "hello"}).Object(200)["id"]
	if second == first {
		t.Error("the new package has the old id")
	}
	w.Do("bob", "POST", "/v1/snap/hello/revisions", map[string]any{"upload-id": w.upload(w.snapFile(snapYAML("hello", "1", "")))}).Object(200)
	w.process()
	if code := w.Do("bob", "DELETE", "/v1/snap/hello", nil).ErrorCode(409); code != "package-published" {
		t.Errorf("a published name: %s", code)
	}
}

func TestAStoreWithoutARootRegistersNothing(t *testing.T) {
	w := newWorld(t)
	w.Token("operator", "adam")
	p := w.People.Principals["operator"]
	p.Account = ""
	w.People.Principals["operator"] = p
	if code := w.Do("operator", "POST", "/v1/snap", map[string]any{"name": "hello"}).ErrorCode(403); code != "no-account" {
		t.Errorf("who is no account is told %s", code)
	}
}

func TestATokenForOnePackageRegistersNoOther(t *testing.T) {
	w := newWorld(t)
	w.Token("narrow", "alice", store.Limits{Packages: []store.PackageLimit{{Namespace: store.Snap, Name: "hello"}}})
	w.Do("narrow", "POST", "/v1/snap", map[string]any{"name": "world"}).ErrorCode(403)
	w.Do("narrow", "POST", "/v1/snap", map[string]any{"name": "hello"}).Object(200)
	w.register("more")
	if list := w.Do("narrow", "GET", "/v1/snap", nil).Object(200)["results"].([]any); len(list) != 1 {
		t.Errorf("it lists %v", list)
	}
}

func TestABrandStoreTakesNamesOfItsMembersOnly(t *testing.T) {
	w := newWorld(t)
	_, _, err := w.Catalog.MakeView(t.Context(), publishertest.Operator, store.View{ID: "brand", Name: "Brand"}, nil)
	w.Must(err)
	ask := map[string]any{"snap_name": "hello", "store": "brand"}
	w.Do("alice", "POST", "/dev/api/register-name/", ask).ErrorCode(400)
	w.Do("alice", "POST", "/dev/api/register-name/", map[string]any{"snap_name": "hello", "store": "none"}).ErrorCode(400)
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.StoreMemberPut, "store/brand", nil)
		return tx.PutStoreMember("brand", "alice-id", []string{store.StoreRoleAccess})
	})
	w.Do("alice", "POST", "/dev/api/register-name/", ask).Object(201)
	account := w.Do("alice", "GET", "/dev/api/account", nil).Object(200)
	if s := account["snaps"].(map[string]any)["16"].(map[string]any)["hello"].(map[string]any)["store"]; s != "Brand" {
		t.Errorf("it is at home in %v", s)
	}
	if s := account["stores"].([]any)[0].(map[string]any); s["id"] != "brand" || s["name"] != "Brand" || s["roles"] == nil {
		t.Errorf("the stores are %v", account["stores"])
	}
}

func TestADisputeIsDecidedByTheOperator(t *testing.T) {
	w := newWorld(t)
	id := w.register("hello")
	w.Settings["larder.names.reserved"] = `["acme"]`
	file := func(token, name string) answer {
		return w.Do(token, "POST", "/dev/api/register-name-dispute/", map[string]any{"snap_name": name, "comment": "testing a dispute"})
	}
	wantShape(t, recorded(t, "dashboard.post_register_name_dispute"), file("bob", "hello").Object(201))
	if code := file("bob", "hello").ErrorCode(409); code != "dispute-already-exists" {
		t.Errorf("twice: %s", code)
	}
	if code := file("alice", "hello").ErrorCode(409); code != "name-not-available-for-dispute" {
		t.Errorf("the own name: %s", code)
	}
	if code := file("alice", "free").ErrorCode(400); code != "name-not-registered" {
		t.Errorf("a free name: %s", code)
	}
	file("alice", "acme").Object(201)
	list, err := w.Catalog.Disputes(t.Context(), publishertest.Operator, false)
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	for _, d := range list {
		_, err := w.Catalog.DecideDispute(t.Context(), publishertest.Operator, d.ID, "granted")
		w.Must(err)
	}
	for token, want := range map[string]string{"bob": "hello", "alice": "acme"} {
		snaps := w.Do(token, "GET", "/dev/api/account", nil).Object(200)["snaps"].(map[string]any)["16"].(map[string]any)
		if names := slices.Collect(maps.Keys(snaps)); !slices.Equal(names, []string{want}) {
			t.Errorf("%s has %v", token, names)
		}
	}
	ref, err := assertion.NewRef("snap-declaration", "16", id)
	w.Must(err)
	a, err := w.Catalog.Assertion(t.Context(), ref, -1)
	if err != nil || a.HeaderString("publisher-id") != "bob-id" {
		t.Errorf("the declaration says %v, %v", a, err)
	}
	if _, err := w.Catalog.DecideDispute(t.Context(), publishertest.Operator, list[0].ID, "refused"); store.CodeOf(err) != "dispute-decided" {
		t.Errorf("deciding again: %v", err)
	}
}

func TestADisputedNameComesWithoutTheOldTeam(t *testing.T) {
	w := newWorld(t)
	id := w.register("hello")
	carol := w.Person("carol", store.RolePublisher)
	w.Person("dave", store.RolePublisher)
	w.Collaborate(id, carol.Account.ID)
	invited, err := w.Catalog.Invite(t.Context(), w.People.Principals["alice"], store.Snap, "hello", []string{"dave@example.com"})
	w.Must(err)
	w.Do("bob", "POST", "/dev/api/register-name-dispute/", map[string]any{"snap_name": "hello", "comment": "mine"}).Object(201)
	list, err := w.Catalog.Disputes(t.Context(), publishertest.Operator, false)
	w.Must(err)
	_, err = w.Catalog.DecideDispute(t.Context(), publishertest.Operator, list[0].ID, "granted")
	w.Must(err)
	for _, name := range []string{"alice", "carol"} {
		err := w.Catalog.MayClaim(t.Context(), w.People.Principals[name], store.Snap, "hello")
		if store.KindOf(err) != store.KindForbidden {
			t.Errorf("%s may still upload: %v", name, err)
		}
	}
	err = w.Catalog.AcceptInvite(t.Context(), w.People.Principals["dave"], store.Snap, "hello", invited[0].Token)
	if store.CodeOf(err) != "invite-ended" {
		t.Errorf("the old publisher's invite: %v", err)
	}
	w.Must(w.Catalog.MayClaim(t.Context(), w.People.Principals["bob"], store.Snap, "hello"))
}

func TestNobodyFillsTheListOfDisputes(t *testing.T) {
	w := newWorld(t)
	w.Settings["larder.names.reserved"] = `["acme-*"]`
	file := func(n int) answer {
		return w.Do("bob", "POST", "/dev/api/register-name-dispute/", map[string]any{"snap_name": fmt.Sprintf("acme-%d", n), "comment": "mine"})
	}
	for n := range 20 {
		file(n).Object(201)
	}
	if code := file(20).ErrorCode(409); code != "too-many-disputes" {
		t.Errorf("one more: %s", code)
	}
	list, err := w.Catalog.Disputes(t.Context(), publishertest.Operator, false)
	w.Must(err)
	_, err = w.Catalog.DecideDispute(t.Context(), publishertest.Operator, list[0].ID, "refused")
	w.Must(err)
	file(20).Object(201)
}

func TestAPrivateSnapsIDTellsNotItsName(t *testing.T) {
	w := newWorld(t)
	id := w.register("hello")
	w.private(id)
	unknown := strings.Repeat("x", len(id))
	for _, call := range []struct{ method, path string }{
		{"GET", "/v1/snap/%s/revisions"}, {"GET", "/v1/snap/%s/revisions/review?upload-id=x"}, {"GET", "/v1/snap/%s/releases"},
		{"GET", "/v1/snap/%s"}, {"GET", "/v1/snap/%s/collaborators"}, {"DELETE", "/v1/snap/%s"},
		{"GET", "/dev/api/snaps/%s/state"}, {"GET", "/api/v2/snaps/%s/channel-map"},
	} {
		hidden := w.Do("bob", call.method, fmt.Sprintf(call.path, id), nil)
		none := w.Do("bob", call.method, fmt.Sprintf(call.path, unknown), nil)
		if strings.Contains(hidden.Body.String(), "hello") {
			t.Errorf("%s %s tells the name: %s", call.method, call.path, hidden.Body)
		}
		if hidden.Code != none.Code || strings.ReplaceAll(hidden.Body.String(), id, unknown) != none.Body.String() {
			t.Errorf("%s %s tells that it is there: %d %s, not %d %s", call.method, call.path, hidden.Code, hidden.Body, none.Code, none.Body)
		}
	}
}

func TestPublishersDecideNoDisputes(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"alice", "rita", "vera"} {
		who := w.People.Principals[name]
		if _, err := w.Catalog.Disputes(t.Context(), who, true); store.KindOf(err) != store.KindForbidden {
			t.Errorf("%s lists them: %v", name, err)
		}
		if _, err := w.Catalog.DecideDispute(t.Context(), who, "x", "granted"); store.KindOf(err) != store.KindForbidden {
			t.Errorf("%s decides: %v", name, err)
		}
	}
}

func TestOversizedRequestsAreRefused(t *testing.T) {
	w := newWorld(t)
	huge, err := json.Marshal(map[string]string{"snap_name": strings.Repeat("x", 1<<20), "name": "y"})
	w.Must(err)
	for _, path := range []string{
		"/dev/api/register-name", "/dev/api/register-name-dispute", "/dev/api/snap-push", "/dev/api/account/account-key",
		"/dev/api/agreement", "/v1/snap", "/v1/snap/x/revisions", "/unscanned-upload/resumable",
	} {
		if got := w.Do("alice", "POST", path, huge); got.Code != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
}
