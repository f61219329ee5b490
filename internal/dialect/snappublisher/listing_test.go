package snappublisher

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/store"
)

const (
	helloPath = "/dev/api/snaps/snapidsnapidsnapidsnapidsnap0001"
	helloInfo = "/dev/api/snaps/info/hello"
)

// published gives a snap a revision in each of the channels.
func (w *world) published(pkg *store.Package, number int, meta store.Meta, channels ...string) {
	w.T.Helper()
	w.Update(func(tx *db.Tx) error {
		blob := store.Blob{Digest: store.Digest{byte(number)}, SHA256: fmt.Sprintf("%064d", number), Size: 4096}
		if _, err := tx.AddBlob(blob); err != nil {
			return err
		}
		tx.Record(store.RevisionAdded, "package/"+pkg.ID, nil)
		return tx.InsertRevision(&store.Revision{
			PackageID: pkg.ID, Number: number, Status: store.StatusApproved, Version: fmt.Sprintf("%d.0", number), CreatedAt: w.Now,
			CreatedBy: pkg.PublisherID, Blob: blob.Digest, SHA256: blob.SHA256, Size: blob.Size,
			Platforms: []store.Platform{{Architecture: "amd64"}}, Provenance: "global-upload", Meta: meta,
		})
	})
	if len(channels) > 0 {
		w.Do("alice", "POST", "/dev/api/snap-release/", map[string]any{"name": pkg.Name, "revision": number, "channels": channels}).Object(200)
	}
}

func (w *world) category(names ...string) {
	w.Update(func(tx *db.Tx) error {
		for _, name := range names {
			tx.Record(store.CategoryPut, "category/"+name, nil)
			if _, err := tx.AddCategory(name); err != nil {
				return err
			}
		}
		return nil
	})
}

// everything is a request that changes every field.
var everything = map[string]any{
	"title": "Hello!", "summary": "It greets", "description": "Many\nlines", "license": "MIT OR Apache-2.0",
	"contact": "alice@example.com", "website": "https://hello.example", "keywords": []string{"greeting", "demo"},
	"video_urls": []string{"https://video.example/1"}, "whitelist_countries": []string{"GB"}, "blacklist_countries": []string{"DE", "FR"},
	"public_metrics_enabled": true, "public_metrics_blacklist": []string{"installed_base_by_country_percent"},
	"public_metrics_distros": true, "public_metrics_territories": false,
	"unlisted": true, "private": true, "default_track": "latest", "categories": []string{"games", "utilities"},
	"update_metadata_on_release": false,
	"links":                      map[string]any{"contact": []string{"bob@example.com"}, "source": []string{"https://source.example"}, "issues": []string{}},
}

func TestInfoTellsWhatWasEdited(t *testing.T) {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	w.category("games", "utilities", "unused")
	w.published(pkg, 1, store.Meta{Type: "app", Summary: "from the snap", License: "GPL-3.0"}, "stable", "edge")
	info := w.Do("alice", "GET", helloInfo, nil).Object(200)
	sameShape(t, "info", info, seenInfo)
	if info["summary"] != "from the snap" || info["title"] != "hello" || info["license"] != "GPL-3.0" || info["status"] != "published" || info["store"] != "Global" {
		t.Errorf("before any edit: %v", info)
	}
	one := info["channel_maps_list"].([]any)[0].(map[string]any)
	for i, ch := range one["map"].([]any) {
		if open := i == 0 || i == 3; open {
			sameShape(t, "channel", ch, seenChannel)
		} else {
			sameShape(t, "closed channel", ch, map[string]any{"channel": "", "info": nil})
		}
	}

	edited := w.Do("alice", "PUT", helloPath+"/metadata?conflict_on_update=true", everything).Object(200)
	info = w.Do("alice", "GET", helloInfo, nil).Object(200)
	sameShape(t, "info", info, seenInfo)
	for _, answer := range []map[string]any{edited, info} {
		for field, want := range map[string]string{
			"title": "Hello!", "summary": "It greets", "description": "Many\nlines", "license": "MIT OR Apache-2.0",
			"contact": "mailto:alice@example.com", "website": "https://hello.example", "keywords": "[greeting demo]",
			"video_urls": "[https://video.example/1]", "whitelist_country_codes": "[GB]", "blacklist_country_codes": "[DE FR]",
			"public_metrics_enabled": "true", "public_metrics_blacklist": "[installed_base_by_country_percent]",
			"unlisted": "true", "private": "true", "default_track": "<nil>", "update_metadata_on_release": "false",
			"links": "map[contact:[mailto:bob@example.com] source:[https://source.example]]",
		} {
			if got := fmt.Sprint(answer[field]); got != want {
				t.Errorf("%s is %s, want %s", field, got, want)
			}
		}
		var names []string
		for _, c := range answer["categories"].(map[string]any)["items"].([]any) {
			names = append(names, c.(map[string]any)["name"].(string))
		}
		if !slices.Equal(names, []string{"games", "utilities"}) {
			t.Errorf("categories %v", names)
		}
	}
	// What is empty leaves the word to the snap again; null is empty.
	w.Do("alice", "PUT", helloPath+"/metadata", `{"summary":"","license":null,"keywords":null,"categories":[]}`).Object(200)
	info = w.Do("alice", "GET", helloInfo, nil).Object(200)
	sameShape(t, "info", info, seenInfo)
	if info["summary"] != "from the snap" || info["license"] != "GPL-3.0" || len(info["keywords"].([]any)) > 0 {
		t.Errorf("emptied: %v", info)
	}
}

func TestTrap20MetadataIsAnsweredWithAnObject(t *testing.T) {
	w := newWorld(t)
	w.listed(1, "hello", "alice")
	for _, method := range []string{"PUT", "POST"} {
		if got := w.Do("alice", method, helloPath+"/metadata", `{}`).Object(200); got["snap_name"] != "hello" {
			t.Errorf("%s answers %v", method, got)
		}
	}
}

func TestUploadedMetadataDoesNotOverwriteEdits(t *testing.T) {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	upload := func(method, summary string) answer {
		return w.Do("alice", method, helloPath+"/metadata", map[string]string{"summary": summary, "title": "Hello"})
	}
	upload("POST", "one").Object(200)
	upload("POST", "two").Object(200) // its own words may be replaced
	w.Do("alice", "PUT", helloPath+"/metadata?conflict_on_update=true", `{"summary":"edited", "title":"Edited"}`).Object(200)
	w.Do("alice", "PUT", helloPath+"/metadata?conflict_on_update=true", `{"summary":"edited again"}`).Object(200)
	var refused struct {
		Errors []struct {
			Code, Message string
			Extra         map[string]any
		} `json:"error_list"`
	}
	upload("POST", "three").Into(409, &refused)
	var got []string
	for _, e := range refused.Errors {
		got = append(got, fmt.Sprint(e.Code, " ", e.Extra["name"], " ", e.Extra["current"], " ", e.Extra["value"]))
	}
	if !slices.Equal(got, []string{"conflict title Edited Hello", "conflict summary edited again three"}) {
		t.Errorf("conflicts %q", got)
	}
	if l := w.stored(pkg.ID).Listing; l.Summary != "edited again" || l.Title != "Edited" {
		t.Errorf("a refused upload changed %+v", l)
	}
	if a := upload("POST", "edited again"); a.Code != 409 { // the title is still in the way
		t.Errorf("status %d", a.Code)
	}
	upload("PUT", "three").Object(200) // --force
	upload("POST", "four").Object(200)
	// Operators edit, too.
	w.Now = w.Now.Add(1)
	summary := "the publishertest.Operator's"
	if _, err := w.Catalog.ChangePackage(t.Context(), publishertest.Operator, store.Snap, "hello", catalog.PackageChange{Summary: &summary}); err != nil {
		t.Fatal(err)
	}
	if code := upload("POST", "five").ErrorCode(409); code != "conflict" {
		t.Errorf("over the publishertest.Operator's words: %s", code)
	}
}

func TestMetadataFollowsReleases(t *testing.T) {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	w.published(pkg, 1, store.Meta{Type: "app", Summary: "first"}, "stable")
	w.Do("alice", "PUT", helloPath+"/metadata", `{"summary":"edited", "update_metadata_on_release":false}`).Object(200)
	w.Do("alice", "PUT", helloPath+"/metadata", `{"update_metadata_on_release":true}`).Object(200)
	summary := func() any { return w.Do("alice", "GET", helloInfo, nil).Object(200)["summary"] }
	if got := summary(); got != "first" {
		t.Errorf("following releases it says %v", got)
	}
	// Web pages ask not to change what would not last, and to say so.
	var refused map[string]any
	w.Do("alice", "PUT", helloPath+"/metadata?conflict_on_update=true", `{"summary":"typed","keywords":["a"]}`).Into(409, &refused)
	if e := refused["error_list"].([]any); len(e) != 1 || e[0].(map[string]any)["extra"].(map[string]any)["name"] != "summary" {
		t.Errorf("refused with %v", refused)
	}
	w.Do("alice", "POST", helloPath+"/metadata", `{"summary":"uploaded"}`).Object(200)
	if got := summary(); got != "uploaded" {
		t.Errorf("until the next release it says %v", got)
	}
	w.published(pkg, 2, store.Meta{Type: "app", Summary: "second"}, "edge")
	if got := summary(); got != "uploaded" {
		t.Errorf("after a release to edge it says %v", got)
	}
	w.published(pkg, 3, store.Meta{Type: "app", Summary: "third"}, "stable")
	if got := summary(); got != "third" {
		t.Errorf("after a release to stable it says %v", got)
	}
	w.Do("alice", "PUT", helloPath+"/metadata?conflict_on_update=true", `{"summary":"typed","update_metadata_on_release":false}`).Object(200)
	w.published(pkg, 4, store.Meta{Type: "app", Summary: "fourth"}, "stable")
	if got := summary(); got != "typed" {
		t.Errorf("following no more it says %v", got)
	}
}

func TestMetadataThatIsRefused(t *testing.T) {
	w := newWorld(t)
	w.listed(1, "hello", "alice")
	w.listed(2, "secret", "alice")
	w.private(assertiontest.SnapID(2))
	w.category("games")
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.CollaboratorPut, "package/"+assertiontest.SnapID(1), nil)
		return tx.PutCollaborator(store.Collaborator{PackageID: assertiontest.SnapID(1), Account: store.Account{ID: "rita-id"}, CreatedAt: w.Now})
	})
	w.Token("uploader", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package_push"})})
	w.Token("editor", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package_update"})})
	w.Token("elsewhere", "alice", store.Limits{Packages: []store.PackageLimit{{Name: "other"}}})
	put, path := "PUT", helloPath+"/metadata"
	long := strings.Repeat("x", 41)
	w.refuses(t, []refusal{
		{"nobody", "", put, path, `{"title":"x"}`, 401, "macaroon-authorization-required"},
		{"a stranger", "bob", put, path, `{"title":"x"}`, 403, "resource-forbidden"},
		{"a viewer", "vera", put, path, `{"title":"x"}`, 403, "macaroon-permission-required"},
		{"a token that only uploads", "uploader", put, path, `{"title":"x"}`, 403, "macaroon-permission-required"},
		{"a token for another snap", "elsewhere", put, path, `{"title":"x"}`, 403, "resource-forbidden"},
		{"a token that may not say who sees it", "editor", put, path, `{"private":true}`, 403, "macaroon-permission-required"},
		{"a collaborator who hides it", "rita", put, path, `{"private":true}`, 403, "resource-forbidden"},
		{"a private snap", "bob", put, "/dev/api/snaps/" + assertiontest.SnapID(2) + "/metadata", `{"title":"x"}`, 404, "resource-not-found"},
		{"its name in place of the id", "alice", put, "/dev/api/snaps/hello/metadata", `{"title":"x"}`, 404, "resource-not-found"},
		{"info of a private snap", "bob", "GET", "/dev/api/snaps/info/secret", nil, 404, "resource-not-found"},
		{"info of another's snap", "bob", "GET", helloInfo, nil, 403, "resource-forbidden"},
		{"info of nothing", "alice", "GET", "/dev/api/snaps/info/nothing", nil, 404, "resource-not-found"},
		{"an unknown field", "alice", put, path, `{"dumb_field":"x"}`, 400, "invalid-field"},
		{"a number for a text", "alice", put, path, `{"title":1}`, 400, "invalid-field"},
		{"a text for a list", "alice", put, path, `{"keywords":"a,b"}`, 400, "invalid-field"},
		{"a list", "alice", put, path, `[]`, 400, "api-error"},
		{"null", "alice", put, path, `null`, 400, "invalid-request"},
		{"a long title", "alice", put, path, `{"title":"` + long + `"}`, 400, "invalid-field"},
		{"a link that runs", "alice", put, path, `{"website":"javascript:alert(1)"}`, 400, "invalid-field"},
		{"a link in links that runs", "alice", put, path, `{"links":{"source":["javascript:alert(1)"]}}`, 400, "invalid-field"},
		{"a video that runs", "alice", put, path, `{"video_urls":["data:text/html,x"]}`, 400, "invalid-field"},
		{"a country that is none", "alice", put, path, `{"whitelist_countries":["England"]}`, 400, "invalid-field"},
		{"an unknown category", "alice", put, path, `{"categories":["nonsense"]}`, 400, "invalid-field"},
		{"an unknown track", "alice", put, path, `{"default_track":"9"}`, 400, "invalid-field"},
		{"a keyword with a tag", "alice", put, path, `{"keywords":["<b>"]}`, 400, "invalid-field"},
		{"NUL", "alice", put, path, `{"summary":"a\u0000b"}`, 400, "invalid-field"},
		{"too much", "alice", put, path, `{"description":"` + strings.Repeat("x", gateway.MaxEdit) + `"}`, 413, "request-too-large"},
		{"depth", "alice", put, path, strings.Repeat(`{"links":`, 100), 400, "api-error"},
	})
	for body, field := range map[string]string{
		`{"whitelist_countries":["x"]}`: "whitelist_countries", `{"default_track":"9"}`: "default_track",
		`{"links":{"source":["x"]}}`: "links", `{"video_urls":["x"]}`: "video_urls", `{"dumb_field":"x"}`: "dumb_field",
	} {
		var refused struct {
			Errors []struct{ Extra map[string]any } `json:"error_list"`
		}
		w.Do("alice", put, path, body).Into(400, &refused)
		if got := refused.Errors[0].Extra["name"]; got != field {
			t.Errorf("%s is refused for %v", body, got)
		}
	}
	if l := w.stored(assertiontest.SnapID(1)).Listing; len(l.Edited) > 0 || l.Title != "" {
		t.Errorf("refused edits changed %+v", l)
	}
	w.Do("editor", put, path, `{"private":false,"title":"x"}`).Object(200) // it is public already
	w.Do("rita", put, path, `{"title":"y"}`).Object(200)
}

func TestThePublisherDoesNotTouchWhatIsFeatured(t *testing.T) {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	w.category("games", "social", "featured")
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.PackageUpdated, "package/"+pkg.ID, nil)
		return tx.SetCategories(pkg.ID, []store.Category{{Name: "featured", Featured: true}, {Name: "games"}})
	})
	w.Do("alice", "PUT", helloPath+"/metadata", `{"categories":["social"]}`).Object(200)
	var got []string
	for _, c := range w.stored(pkg.ID).Categories {
		got = append(got, fmt.Sprint(c.Name, " ", c.Featured))
	}
	if !slices.Equal(got, []string{"featured true", "social false"}) {
		t.Errorf("categories %q", got)
	}
}

func TestGatewayMetadata(t *testing.T) {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	got := w.Do("alice", "GET", "/v1/snap/hello", nil).Object(200)
	sameShape(t, "package", got, seenPackage)
	one := got["metadata"].(map[string]any)
	for _, key := range []string{"links", "media", "tracks", "track-guardrails"} {
		if one[key] == nil {
			t.Errorf("%s is null, which clients refuse", key)
		}
	}
	if one["status"] != "registered" || one["type"] != "snap" || one["store"] != "ubuntu" {
		t.Errorf("the package is %v", one)
	}
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.PackageUpdated, "package/"+pkg.ID, nil)
		if _, err := tx.AddTrack(pkg.ID, store.Track{Name: "2.0", CreatedAt: w.Now, Phasing: 10, VersionPattern: "2.*"}); err != nil {
			return err
		}
		_, err := tx.AddGuardrail(pkg.ID, store.Guardrail{Pattern: "[0-9]", CreatedAt: w.Now})
		return err
	})
	// What a snap itself says may be no link, which clients would refuse.
	w.published(pkg, 1, store.Meta{Type: "app", Links: map[string][]string{"website": {"hello.example"}}}, "stable")
	got = w.Do("alice", "PATCH", "/v1/snap/hello", map[string]any{"description": "Updated description", "contact": "https://a.example", "default-track": "2.0"}).Object(200)
	sameShape(t, "package", got, seenPackage)
	one = got["metadata"].(map[string]any)
	if one["description"] != "Updated description" || one["website"] != nil || one["default-track"] != "2.0" || one["status"] != "published" {
		t.Errorf("patched: %v", one)
	}
	if code := w.Do("alice", "POST", helloPath+"/metadata", `{"description":"uploaded"}`).ErrorCode(409); code != "conflict" {
		t.Errorf("over what was patched: %s", code)
	}
	w.refuses(t, []refusal{
		{"nobody", "", "GET", "/v1/snap/hello", nil, 401, "macaroon-authorization-required"},
		{"a stranger", "bob", "PATCH", "/v1/snap/hello", `{"title":"x"}`, 403, "resource-forbidden"},
		{"a viewer", "vera", "PATCH", "/v1/snap/hello", `{"title":"x"}`, 403, "permission-required"},
		{"an unknown field", "alice", "PATCH", "/v1/snap/hello", `{"status":"published"}`, 400, "invalid-field"},
		{"another's id", "alice", "PATCH", "/v1/snap/hello", `{"id":"x"}`, 400, "invalid-field"},
		{"nothing", "alice", "GET", "/v1/snap/nothing", nil, 404, "resource-not-found"},
		{"no mail", "alice", "PATCH", "/v1/snap/hello", `{"contact":"nobody"}`, 400, "invalid-field"},
	})
}

func TestSnapcraftUploadMetadata(t *testing.T) {
	w := newWorld(t)
	w.listed(1, "hello", "alice")
	w.golden(t, "snapcraft-upload-metadata")
	w.Do("alice", "PUT", helloPath+"/metadata?conflict_on_update=true", `{"summary":"edited in the store"}`).Object(200)
	w.golden(t, "snapcraft-upload-metadata-conflict")
	w.golden(t, "snapcraft-upload-metadata-force")
	w.golden(t, "snapcraft-set-default-track")
	w.golden(t, "snapcraft-upload-metadata-icon")
	w.golden(t, "snapcraft-upload-metadata-icons")
	w.golden(t, "snapcraft-upload-metadata-icon-kept")
}

func TestEveryFieldThatCanBeEditedIsTried(t *testing.T) {
	for name := range maps.Keys(dashboardFields) {
		_, tried := everything[name]
		if !tried && !slices.Contains([]string{"series", "name", "snap_name", "whitelist_country_codes", "blacklist_country_codes"}, name) {
			t.Errorf("no test edits %s", name)
		}
	}
}
