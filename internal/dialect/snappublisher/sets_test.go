package snappublisher

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/device"
	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/dialect/snapdevice"
	"github.com/larder-store/larder/internal/store"
)

const (
	setsPath    = "/api/v2/validation-sets"
	schemasPath = "/api/v2/confdb-schemas"
)

// authoring is a world with snaps of alice and bob, one of bob's private, and
// alice's pen. The second revision of hello has the component extra.
func authoring(t *testing.T) (*world, pen) {
	w := newWorld(t)
	hello := w.listed(1, "hello", "alice")
	w.listed(2, "world", "bob")
	w.private(w.listed(3, "secret", "bob").ID)
	w.private(w.listed(4, "mine", "alice").ID)
	digest, err := store.ParseHex(strings.Repeat("ab", 48))
	w.Must(err)
	w.Update(func(tx *db.Tx) error {
		if _, err := tx.AddBlob(store.Blob{Digest: digest, SHA256: strings.Repeat("cd", 32), Size: 4096, CreatedAt: w.Now}); err != nil {
			return err
		}
		for n := 1; n <= 2; n++ {
			r := &store.Revision{
				PackageID: hello.ID, Number: n, Status: store.StatusApproved, Version: "1", CreatedAt: w.Now, CreatedBy: "alice-id",
				Blob: digest, SHA256: strings.Repeat("cd", 32), Size: 4096, Platforms: []store.Platform{{Architecture: "amd64"}},
			}
			if n == 2 {
				r.Meta.Components = map[string]string{"extra": "standard"}
			}
			tx.Record(store.RevisionAdded, "package/"+hello.ID, nil)
			if err := tx.InsertRevision(r); err != nil {
				return err
			}
		}
		return nil
	})
	return w, w.pen("alice-id", assertiontest.StoreKey)
}

// description is a sound one with changes.
func description(more ...any) map[string]any {
	return assertiontest.With(map[string]any{
		"account-id": "alice-id", "name": "certified", "sequence": 1,
		"snaps": []any{map[string]any{"name": "hello", "presence": "required"}},
	}, more...)
}

// signed signs what the store has built, as a client does that turns every
// scalar into text first.
func (p pen) signed(built map[string]any, more ...any) []byte {
	p.t.Helper()
	headers, body := assertiontest.With(built, more...), []byte(nil)
	if text, ok := headers["body"].(string); ok {
		delete(headers, "body")
		body = []byte(text)
	}
	return p.Sign(p.t, headers, body).Encoded()
}

// built has the store build a set.
func (w *world) built(more ...any) map[string]any {
	w.T.Helper()
	return w.Do("alice", "POST", setsPath+"/build-assertion", description(more...)).Object(200)
}

func (w *world) publish(token string, encoded []byte) answer {
	w.T.Helper()
	return w.Do(token, "POST", setsPath, encoded, "Content-Type", "application/x.ubuntu.assertion")
}

// listedSets are "name/sequence/revision" of what a path answers.
func (w *world) listedSets(path string) (list []string) {
	w.T.Helper()
	var got struct {
		Assertions []struct{ Headers map[string]any }
	}
	w.Do("alice", "GET", path, nil).Into(200, &got)
	for _, a := range got.Assertions {
		revision := a.Headers["revision"]
		if revision == nil { // as signed: the first revision may go without saying
			revision = "0"
		}
		list = append(list, fmt.Sprint(a.Headers["name"], "/", a.Headers["sequence"], "/", revision))
	}
	return list
}

func TestGoldenSets(t *testing.T) {
	w, alice := authoring(t)
	w.golden(t, "snapcraft-edit-validation-sets-get-new")
	w.golden(t, "snapcraft-edit-validation-sets-build")
	w.golden(t, "snapcraft-edit-validation-sets-build-revision")
	signed := alice.signed(w.built())
	w.golden(t, "snapcraft-edit-validation-sets-post", "assertion", string(signed))
	w.golden(t, "snapcraft-edit-validation-sets-post-again", "assertion", string(signed))
	w.golden(t, "snapcraft-edit-validation-sets-get")
	w.golden(t, "snapcraft-validation-sets")

	w.golden(t, "snapcraft-edit-confdb-schema-get-new")
	w.golden(t, "snapcraft-edit-confdb-schema-build")
	w.golden(t, "snapcraft-edit-confdb-schema-post", "assertion", string(alice.signed(w.builtSchema())))
	w.golden(t, "snapcraft-confdb-schemas")
}

func TestASetIsBuiltSignedPublishedAndEdited(t *testing.T) {
	w, alice := authoring(t)
	w.publish("alice", alice.signed(w.built())).Object(http.StatusCreated)

	again := w.built("snaps", []any{map[string]any{"name": "mine"}})
	if again["revision"] != "1" {
		t.Fatalf("the edited set has the revision %v", again["revision"])
	}
	snap := again["snaps"].([]any)[0].(map[string]any)
	if snap["id"] != assertiontest.SnapID(4) || snap["presence"] != nil {
		t.Errorf("the set names %v", snap)
	}
	w.publish("alice", alice.signed(again)).Object(http.StatusCreated)
	w.publish("alice", alice.signed(w.built("sequence", 2))).Object(http.StatusCreated)
	w.publish("alice", alice.signed(w.built("sequence", 10))).Object(http.StatusCreated)
	w.publish("alice", alice.signed(w.built("name", "other", "sequence", 3))).Object(http.StatusCreated)

	for path, want := range map[string][]string{
		setsPath:                              {"certified/10/0", "other/3/0"},
		setsPath + "/":                        {"certified/10/0", "other/3/0"},
		setsPath + "?sequence=all":            {"certified/1/1", "certified/2/0", "certified/10/0", "other/3/0"},
		setsPath + "?sequence=3":              {"other/3/0"},
		setsPath + "/certified":               {"certified/10/0"},
		setsPath + "/certified/":              {"certified/10/0"},
		setsPath + "/certified?sequence=all":  {"certified/1/1", "certified/2/0", "certified/10/0"},
		setsPath + "/certified?sequence=1":    {"certified/1/1"},
		setsPath + "/certified?sequence=7":    nil,
		setsPath + "/certi?sequence=all":      nil,
		setsPath + "/unknown?sequence=latest": nil,
	} {
		if got := w.listedSets(path); !slices.Equal(got, want) {
			t.Errorf("%s lists %v, want %v", path, got, want)
		}
	}
	var bobs struct{ Assertions []any }
	w.Do("bob", "GET", setsPath+"?sequence=all", nil).Into(200, &bobs)
	if bobs.Assertions == nil || len(bobs.Assertions) != 0 {
		t.Errorf("bob is shown %v, want an empty list", bobs.Assertions)
	}
}

func TestAnyTokenOfAnAccountMayAuthorSets(t *testing.T) {
	w, alice := authoring(t)
	w.Token("nothing", "alice", store.Limits{Permissions: []store.Permission{}, Packages: []store.PackageLimit{}})
	if got := w.Do("nothing", "POST", setsPath+"/build-assertion", description("snaps", []any{map[string]any{"name": "mine"}})).Object(200); got["revision"] != "0" {
		t.Error(got)
	}
	w.publish("nothing", alice.signed(w.built())).Object(http.StatusCreated)
	w.Do("nothing", "GET", setsPath, nil).Object(200)
	if code := w.Do("", "GET", setsPath, nil).ErrorCode(401); code != "macaroon-authorization-required" {
		t.Error(code)
	}
}

// TestTrap8UnknownSetsAndSchemasAreEmptyLists: clients ask outside of their
// error handling.
func TestTrap8UnknownSetsAndSchemasAreEmptyLists(t *testing.T) {
	w, _ := authoring(t)
	for _, path := range []string{setsPath, setsPath + "/none", setsPath + "/none?sequence=4", schemasPath, schemasPath + "/none"} {
		if got := w.Do("alice", "GET", path, nil).Object(200); len(got) != 1 || fmt.Sprint(got["assertions"]) != "[]" {
			t.Errorf("%s answers %v", path, got)
		}
	}
}

// TestTrap19SignedAssertionsAreTakenAsBytes whatever the content type says.
func TestTrap19SignedAssertionsAreTakenAsBytes(t *testing.T) {
	w, alice := authoring(t)
	encoded := alice.signed(w.built())
	w.Do("alice", "POST", setsPath+"/certified/", encoded, "Content-Type", "application/json").Object(http.StatusCreated)
	ref, err := assertion.NewRef("validation-set", "16", "alice-id", "certified", "1")
	w.Must(err)
	kept, err := w.Catalog.Assertion(t.Context(), ref, -1)
	w.Must(err)
	if !bytes.Equal(kept.Encoded(), encoded) {
		t.Errorf("kept\n%s\nsent\n%s", kept.Encoded(), encoded)
	}
}

// TestTrap6SetsHaveNoHeadersThatClientsRefuse even where others put them in.
func TestTrap6SetsHaveNoHeadersThatClientsRefuse(t *testing.T) {
	w, alice := authoring(t)
	more := alice.Sign(t, assertiontest.With(w.built(), "gadgets", "many", "snaps",
		[]any{map[string]any{"name": "hello", "id": assertiontest.SnapID(1), "colour": "red", "components": map[string]any{
			"extra": map[string]any{"presence": "required", "size": "3"}, "plain": "optional",
		}}}), nil)
	schema := alice.Sign(t, assertiontest.Headers{
		"type": "confdb-schema", "account-id": "alice-id", "name": "network", "timestamp": assertiontest.Time, "colour": "red",
		"views": map[string]any{"wifi": map[string]any{"parameters": map[string]any{"x": "y"}, "rules": []any{
			map[string]any{"storage": "wifi", "parameters": "p", "content": []any{map[string]any{"storage": "ssid", "colour": "red"}}},
		}}},
	}, []byte("{\n  \"storage\": {\n    \"schema\": {\n      \"wifi\": \"any\"\n    }\n  }\n}"))
	w.Update(func(tx *db.Tx) error {
		_, err := w.Auth.Add(tx, []*assertion.Assertion{more, schema})
		return err
	})
	sameShape(t, setsPath, w.Do("alice", "GET", setsPath, nil).Object(200), map[string]any{"assertions": []any{map[string]any{
		"headers": map[string]any{
			"type": "", "authority-id": "", "series": "", "account-id": "", "name": "", "sequence": "",
			"timestamp": "", "sign-key-sha3-384": "",
			"snaps": []any{map[string]any{"name": "", "id": "", "components": map[string]any{
				"extra": map[string]any{"presence": ""}, "plain": "",
			}}},
		},
	}}})
	sameShape(t, schemasPath, w.Do("alice", "GET", schemasPath, nil).Object(200), map[string]any{"assertions": []any{map[string]any{
		"headers": map[string]any{
			"type": "", "authority-id": "", "account-id": "", "name": "", "timestamp": "", "sign-key-sha3-384": "", "body-length": "",
			"views": map[string]any{"wifi": map[string]any{"rules": []any{
				map[string]any{"storage": "", "content": []any{map[string]any{"storage": ""}}},
			}}},
		},
		"body": "",
	}}})
}

func TestDescriptionsThatAreRefused(t *testing.T) {
	w, _ := authoring(t)
	snap := func(more ...any) []any {
		return []any{assertiontest.With(map[string]any{"name": "hello"}, more...)}
	}
	for _, tt := range []struct {
		why  string
		body any
		says string
	}{
		{"a revision", description("revision", "1"), "'revision' was unexpected) at /"},
		{"another key of a snap", description("snaps", snap("colour", "red")), "('colour' was unexpected) at /snaps/0"},
		{"a key in other letters", description("snaps", snap("Presence", "optional")), "('Presence' was unexpected) at /snaps/0"},
		{"another key of a component", description("snaps", snap("components", map[string]any{"extra": map[string]any{"presence": "required", "size": 1}})),
			"('size' was unexpected) at /snaps/0/components/extra"},
		{"no account", description("account-id", nil), "account-id"},
		{"another's account", description("account-id", "bob-id"), "account-id"},
		{"no name", description("name", nil), "name"},
		{"a name with capitals", description("name", "Certified"), "name"},
		{"a name with two hyphens", description("name", "certi--fied"), "name"},
		{"a long name", description("name", strings.Repeat("a", 101)), "name"},
		{"no sequence", description("sequence", nil), "sequence"},
		{"sequence 0", description("sequence", 0), "sequence"},
		{"a sequence in quotes", description("sequence", "1"), "sequence"},
		{"half a sequence", description("sequence", 1.5), "sequence"},
		{"no snaps", description("snaps", []any{}), "snaps"},
		{"snaps that are none", description("snaps", "hello"), "snaps"},
		{"a snap without name", description("snaps", snap("name", nil)), "snaps[0].name"},
		{"an unknown snap", description("snaps", snap("name", "none")), "cannot find the snap none"},
		{"another's private snap", description("snaps", snap("name", "secret")), "cannot find the snap secret"},
		{"another snap's id", description("snaps", snap("id", assertiontest.SnapID(2))), "snaps[0].id"},
		{"an id of another name", description("snaps", snap("name", "none", "id", assertiontest.SnapID(1))), "is called hello"},
		{"an id that is none", description("snaps", snap("id", "short")), "snaps[0].id"},
		{"a snap twice", description("snaps", append(snap(), snap()...)), "listed twice"},
		{"another presence", description("snaps", snap("presence", "perhaps")), "presence"},
		{"a revision below 0", description("snaps", snap("revision", -1)), "revision"},
		{"a revision of what must be absent", description("snaps", snap("presence", "invalid", "revision", 1)), "revision"},
		{"a component that is not declared", description("snaps", snap("components", map[string]any{"none": "required"})), "components.none"},
		{"a component that another revision declares", description("snaps", snap("revision", 1, "components",
			map[string]any{"extra": map[string]any{"presence": "required", "revision": 1}})), "revision 1 of hello has no such component"},
		{"a component without presence", description("snaps", snap("components", map[string]any{"extra": map[string]any{"revision": 1}})), "presence"},
		{"a component with revision 0", description("snaps", snap("components", map[string]any{"extra": map[string]any{"presence": "required", "revision": 0}})), "below 1"},
		{"a component with a revision alone", description("snaps", snap("components", map[string]any{"extra": map[string]any{"presence": "required", "revision": 1}})), "exactly if"},
		{"a component of a bad name", description("snaps", snap("components", map[string]any{"Extra": "required"})), "cannot name a component"},
		{"a list", []any{}, "wrong type"},
		{"no JSON", "{", "JSON"},
		{"nothing", nil, "JSON"},
		{"deep", strings.Repeat("[", 100), "nests deeper"},
	} {
		got := w.Do("alice", "POST", setsPath+"/build-assertion", tt.body)
		if code := got.ErrorCode(400); code != "invalid-request" || !strings.Contains(got.Body.String(), tt.says) {
			t.Errorf("%s: %s", tt.why, got.Body)
		}
	}
	secret := w.Do("alice", "POST", setsPath+"/build-assertion", description("snaps", snap("name", "secret"))).Body.String()
	none := w.Do("alice", "POST", setsPath+"/build-assertion", description("snaps", snap("name", "nonono"))).Body.String()
	if strings.ReplaceAll(secret, "secret", "") != strings.ReplaceAll(none, "nonono", "") {
		t.Errorf("a private snap is refused otherwise than one that is not there:\n%s%s", secret, none)
	}
	for query, status := range map[string]int{"0": 400, "-1": 400, "01": 400, "first": 400, "1.5": 400, "99999999999999999999": 400, "": 200, "latest": 200, "all": 200} {
		got := w.Do("alice", "GET", setsPath+"?sequence="+query, nil)
		if status == 200 {
			got.Object(200)
		} else if code := got.ErrorCode(status); code != "invalid-request" {
			t.Errorf("sequence=%s: %s", query, code)
		}
	}
	if code := w.Do("alice", "GET", setsPath+"/no.name", nil).ErrorCode(404); code != "not-found" {
		t.Error(code)
	}
}

func TestSignedSetsThatAreRefused(t *testing.T) {
	w, alice := authoring(t)
	bob := w.pen("bob-id", assertiontest.DeviceKey)
	built := w.built()
	good := alice.signed(built)
	stranger := pen{&assertiontest.Authority{AccountID: "alice-id", Signer: assertiontest.Signer(assertiontest.BrandKey)}, t}
	snap := func(more ...any) []any {
		return []any{assertiontest.With(map[string]any{"name": "hello", "id": assertiontest.SnapID(1)}, more...)}
	}
	for _, tt := range []struct {
		why    string
		body   []byte
		status int
		code   string
	}{
		{"another account's", bob.signed(built, "account-id", "bob-id", "authority-id", "bob-id"), 400, "invalid-request"},
		{"an unregistered key", stranger.signed(built), 400, "invalid-request"},
		{"another account's key", pen{&assertiontest.Authority{AccountID: "alice-id", Signer: bob.Signer}, t}.signed(built), 400, "invalid-request"},
		{"a forged signature", bytes.Replace(good, []byte("name: certified"), []byte("name: certifier"), 1), 400, "invalid-request"},
		{"another type", alice.validation().Encoded(), 400, "invalid-request"},
		{"a confdb schema", alice.signed(w.builtSchema()), 400, "invalid-request"},
		{"two in one", append(append(bytes.Clone(good), "\n"...), good...), 400, "invalid-request"},
		{"nothing", nil, 400, "invalid-request"},
		{"JSON", []byte(`{"assertion": "x"}`), 400, "invalid-request"},
		{"half", good[:len(good)/2], 400, "invalid-request"},
		{"another series", alice.signed(built, "series", "15"), 400, "invalid-request"},
		{"another header", alice.signed(built, "colour", "red"), 400, "invalid-request"},
		{"a body", alice.signed(built, "body", "more"), 400, "invalid-request"},
		{"another header of a snap", alice.signed(built, "snaps", snap("colour", "red")), 400, "invalid-request"},
		{"another header of a component", alice.signed(built, "snaps", snap("components",
			map[string]any{"extra": map[string]any{"presence": "required", "colour": "red"}})), 400, "invalid-request"},
		{"another snap's id", alice.signed(built, "snaps", snap("id", assertiontest.SnapID(2))), 400, "invalid-request"},
		{"a component that is not declared", alice.signed(built, "snaps", snap("components", map[string]any{"none": "required"})), 400, "invalid-request"},
		{"large", bytes.Repeat([]byte("x"), maxSignedDocument+1), 413, "request-too-large"},
		{"a large header", append([]byte("type: validation-set\nname: "), bytes.Repeat([]byte("x"), 200<<10)...), 413, "assertion-too-large"},
	} {
		got := w.publish("alice", tt.body)
		if code := got.ErrorCode(tt.status); code != tt.code {
			t.Errorf("%s: %s", tt.why, got.Body)
		}
	}
	if code := w.Do("alice", "POST", setsPath+"/other", good).ErrorCode(400); code != "invalid-request" {
		t.Error("a name that is not that of the path", code)
	}
	if got := w.listedSets(setsPath + "?sequence=all"); got != nil {
		t.Errorf("something is kept: %v", got)
	}
	if code := w.publish("bob", good).ErrorCode(400); code != "invalid-request" {
		t.Error("sent by another", code)
	}
	w.publish("alice", good).Object(http.StatusCreated)
	newer := alice.signed(w.built())
	w.publish("alice", newer).Object(http.StatusCreated)
	for why, body := range map[string][]byte{
		"the same again":                    newer,
		"an older one replayed":             good,
		"the same revision of another text": alice.signed(built, "revision", "1", "snaps", snap("presence", "invalid")),
	} {
		if code := w.publish("alice", body).ErrorCode(http.StatusConflict); code != "conflict" {
			t.Error(why, code)
		}
	}
	if got := w.listedSets(setsPath + "?sequence=all"); !slices.Equal(got, []string{"certified/1/1"}) {
		t.Errorf("kept are %v", got)
	}
}

// TestAMillionSnapsAreRefusedCheaply: the limits are met before anything is
// looked up.
func TestAMillionSnapsAreRefusedCheaply(t *testing.T) {
	w, alice := authoring(t)
	million := `{"account-id":"alice-id","name":"n","sequence":1,"snaps":[` + strings.Repeat(`{},`, 1_000_000) + `{}]}`
	if code := w.Do("alice", "POST", setsPath+"/build-assertion", million).ErrorCode(413); code != "request-too-large" {
		t.Error(code)
	}
	var many []any
	for n := range 1001 {
		many = append(many, map[string]any{"name": fmt.Sprintf("snap-%d", n), "id": assertiontest.SnapID(n + 10)})
	}
	got := w.Do("alice", "POST", setsPath+"/build-assertion", description("snaps", many))
	if code := got.ErrorCode(400); code != "invalid-request" || !strings.Contains(got.Body.String(), "at most 1000") {
		t.Error(got.Body)
	}
	if code := w.publish("alice", alice.signed(w.built("snaps", many[:1]), "snaps", many)).ErrorCode(400); code != "invalid-request" {
		t.Error(code)
	}
	// As many as there may be fit into one assertion.
	w.publish("alice", alice.signed(w.built("snaps", many[:1000]))).Object(http.StatusCreated)
}

func TestDevicesFetchPublishedSets(t *testing.T) {
	w, alice := authoring(t)
	w.publish("alice", alice.signed(w.built())).Object(http.StatusCreated)
	w.publish("alice", alice.signed(w.built("sequence", 2))).Object(http.StatusCreated)
	w.publish("alice", alice.signed(w.built("sequence", 2, "snaps", []any{map[string]any{"name": "world"}}))).Object(http.StatusCreated)
	devices := snapdevice.New(snapdevice.Options{
		Catalog: w.Catalog, Devices: device.New(w.DB, w.Auth, device.Config{}),
		BaseURL: func(*http.Request) string { return publishertest.BaseURL },
	})
	ask := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Snap-Device-Series", "16")
		r.Header.Set("Snap-Device-Architecture", "amd64")
		got := httptest.NewRecorder()
		devices.ServeHTTP(got, r)
		return got
	}
	for query, want := range map[string]string{"sequence=1": "1 0", "sequence=latest": "2 1"} {
		list, err := authority.ParseStream(ask("GET", "/v2/assertions/validation-set/16/alice-id/certified?"+query, "").Body.Bytes(), 1)
		w.Must(err)
		if got := fmt.Sprint(list[0].Sequence(), " ", list[0].Revision()); got != want {
			t.Errorf("%s answers %s, want %s", query, got, want)
		}
	}
	var bulk struct {
		Results []struct {
			Result string
			URLs   []string `json:"assertion-stream-urls"`
		}
	}
	body := ask("POST", "/v2/snaps/refresh", `{"context":[],"fields":[],"actions":[{"action":"fetch-assertions","key":"k","assertions":[
		{"type":"validation-set","sequence-key":["16","alice-id","certified"],"if-sequence-equal-or-newer-than":1,"if-newer-than":0}]}]}`).Body
	w.Must(json.Unmarshal(body.Bytes(), &bulk))
	if len(bulk.Results) != 1 || len(bulk.Results[0].URLs) != 1 || !strings.Contains(bulk.Results[0].URLs[0], "/alice-id/certified") {
		t.Errorf("devices are told %s", body)
	}
}

// schemaDescription is a sound one with changes.
func schemaDescription(more ...any) map[string]any {
	return assertiontest.With(map[string]any{
		"account-id": "alice-id", "name": "network",
		"views": map[string]any{"wifi": map[string]any{"rules": []any{map[string]any{"request": "ssid", "storage": "wifi.ssid", "access": "read"}}}},
		"body":  `{"storage":{"schema":{"wifi":"any"}}}`,
	}, more...)
}

func (w *world) builtSchema(more ...any) map[string]any {
	w.T.Helper()
	return w.Do("alice", "POST", schemasPath+"/build-assertion", schemaDescription(more...)).Object(200)
}

func TestAConfdbSchemaIsBuiltSignedPublishedAndEdited(t *testing.T) {
	w, alice := authoring(t)
	post := func(body []byte) answer {
		return w.Do("alice", "POST", schemasPath+"/", body, "Content-Type", "application/x.ubuntu.assertion")
	}
	built := w.builtSchema("summary", "what devices join")
	if built["revision"] != "0" || !strings.Contains(fmt.Sprint(built["body"]), "\n  \"storage\"") {
		t.Errorf("built is %v", built)
	}
	first := alice.signed(built)
	post(first).Object(http.StatusCreated)
	again := w.builtSchema("revision", 5)
	if again["revision"] != "5" {
		t.Errorf("the wish for a revision is lost: %v", again["revision"])
	}
	post(alice.signed(again)).Object(http.StatusCreated)
	if next := w.builtSchema("revision", 2); next["revision"] != "6" {
		t.Errorf("the next revision is %v", next["revision"])
	}
	if code := post(first).ErrorCode(http.StatusConflict); code != "conflict" {
		t.Error(code)
	}
	var got struct {
		Assertions []struct {
			Headers map[string]any
			Body    string
		}
	}
	w.Do("alice", "GET", schemasPath+"/network", nil).Into(200, &got)
	if len(got.Assertions) != 1 || got.Assertions[0].Headers["revision"] != "5" || got.Assertions[0].Body != built["body"] {
		t.Errorf("answered %+v", got)
	}
	ref, err := assertion.NewRef("confdb-schema", "alice-id", "network")
	w.Must(err)
	if _, err := w.Catalog.Assertion(t.Context(), ref, 0); err != nil {
		t.Error("devices do not find it:", err)
	}
}

func TestConfdbSchemasThatAreRefused(t *testing.T) {
	w, alice := authoring(t)
	rule := func(more ...any) map[string]any {
		return map[string]any{"wifi": map[string]any{"rules": []any{assertiontest.With(map[string]any{"storage": "wifi"}, more...)}}}
	}
	for why, body := range map[string]any{
		"another key":              schemaDescription("series", "16"),
		"another key of a view":    schemaDescription("views", map[string]any{"wifi": map[string]any{"parameters": map[string]any{}, "rules": []any{}}}),
		"another key of a rule":    schemaDescription("views", rule("parameters", "x")),
		"another key of a subrule": schemaDescription("views", rule("content", []any{map[string]any{"storage": "a", "x": "y"}})),
		"another's account":        schemaDescription("account-id", "bob-id"),
		"no views":                 schemaDescription("views", nil),
		"a bad access":             schemaDescription("views", rule("access", "all")),
		"no body":                  schemaDescription("body", nil),
		"a body without storage":   schemaDescription("body", "{}"),
		"a revision in quotes":     schemaDescription("revision", "1"),
		"no JSON":                  "x",
	} {
		if code := w.Do("alice", "POST", schemasPath+"/build-assertion", body).ErrorCode(400); code != "invalid-request" {
			t.Errorf("%s: %s", why, code)
		}
	}
	built := w.builtSchema()
	for why, body := range map[string][]byte{
		"another type":            alice.signed(w.built()),
		"another's":               w.pen("bob-id", assertiontest.DeviceKey).signed(built, "account-id", "bob-id", "authority-id", "bob-id"),
		"another header":          alice.signed(built, "colour", "red"),
		"parameters of a rule":    alice.signed(built, "views", rule("parameters", "x")),
		"no assertion":            []byte("x"),
		"a body that was swapped": bytes.Replace(alice.signed(built), []byte(`"any"`), []byte(`"int"`), 1),
	} {
		if code := w.Do("alice", "POST", schemasPath, body).ErrorCode(400); code != "invalid-request" {
			t.Errorf("%s: %s", why, code)
		}
	}
	if got := w.Do("alice", "GET", schemasPath, nil).Object(200); fmt.Sprint(got["assertions"]) != "[]" {
		t.Error("something is kept:", got)
	}
}
