package snappublisher

import (
	"bytes"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/store"
)

func snapYAML(name, version, more string) string {
	return fmt.Sprintf("name: %s\nversion: %q\nsummary: s\ndescription: d\nbase: core24\n%s", name, version, more)
}

// form is a file as clients upload it.
func uploadForm(t testing.TB, content []byte) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	part, err := m.CreateFormFile("binary", "a.snap")
	if err != nil {
		t.Fatal(err)
	}
	part.Write(content)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), m.FormDataContentType()
}

// upload sends a file and returns the id of the upload.
func (w *world) upload(content []byte) string {
	w.T.Helper()
	body, contentType := uploadForm(w.T, content)
	got := w.Do("", "POST", "/unscanned-upload/", body, "Content-Type", contentType).Object(http.StatusOK)
	if got["successful"] != true {
		w.T.Fatalf("answered %v", got)
	}
	return got["upload_id"].(string)
}

func (w *world) snapFile(yaml string) []byte {
	w.T.Helper()
	content, err := os.ReadFile(snaptest.Snap(w.T, yaml))
	w.Must(err)
	return content
}

func (w *world) componentFile(yaml string) []byte {
	w.T.Helper()
	content, err := os.ReadFile(snaptest.Component(w.T, yaml))
	w.Must(err)
	return content
}

// register registers a name for alice and returns its id.
func (w *world) register(name string) string {
	w.T.Helper()
	got := w.Do("alice", "POST", "/dev/api/register-name/", map[string]any{"snap_name": name, "series": "16"}).Object(http.StatusCreated)
	return got["snap_id"].(string)
}

// process does the background's work now.
func (w *world) process() {
	w.T.Helper()
	_, err := w.Catalog.ProcessUploads(w.T.Context())
	w.Must(err)
}

// pushed claims an upload for alice, has it processed, and returns its status.
func (w *world) pushed(claim map[string]any) map[string]any {
	w.T.Helper()
	got := w.Do("alice", "POST", "/dev/api/snap-push/", claim).Object(http.StatusAccepted)
	w.process()
	return w.Do("", "GET", strings.TrimPrefix(got["status_details_url"].(string), publishertest.BaseURL), nil).Object(http.StatusOK)
}

// TestTrap1 and those that follow are named after the traps of the publisher's
// wire reference.
func TestTrap1UploadsNeedNoCredentialsAndAnswerBothKeys(t *testing.T) {
	w := newWorld(t)
	body, contentType := uploadForm(t, w.snapFile(snapYAML("hello", "1", "")))
	for _, path := range []string{"/unscanned-upload/", "/unscanned-upload"} {
		got := w.Do("", "POST", path, body, "Content-Type", contentType, "Accept", "application/json").Object(http.StatusOK)
		if id, _ := got["upload_id"].(string); got["successful"] != true || len(id) < 16 {
			t.Errorf("%s answers %v", path, got)
		}
	}
}

func TestTrap2TheGatewaysStatusIsAPathWithOneEntry(t *testing.T) {
	w := newWorld(t)
	w.register("hello")
	id := w.upload(w.snapFile(snapYAML("hello", "1", "")))
	got := w.Do("alice", "POST", "/v1/snap/hello/revisions", map[string]any{"upload-id": id}).Object(http.StatusOK)
	path := got["status-url"].(string)
	if !strings.HasPrefix(path, "/v1/snap/hello/revisions/review?upload-id=") {
		t.Fatalf("the path is %s", path)
	}
	entry := func() map[string]any {
		list := w.Do("alice", "GET", path, nil).Object(http.StatusOK)["revisions"].([]any)
		if len(list) != 1 {
			t.Fatalf("%d entries", len(list))
		}
		return list[0].(map[string]any)
	}
	if e := entry(); e["status"] != "received" || e["revision"] != nil {
		t.Errorf("before it is processed: %v", e)
	}
	w.process()
	if e := entry(); e["status"] != "approved" || e["revision"] != 1.0 || e["upload-id"] != id {
		t.Errorf("afterwards: %v", e)
	}
	w.Do("", "GET", path, nil).ErrorCode(http.StatusUnauthorized)
	if code := w.Do("bob", "GET", path, nil).ErrorCode(http.StatusForbidden); code != store.CodeForeignPackage {
		t.Errorf("bob is told %s", code)
	}
}

func TestTrap3WhatAnAccountMayNotDoIs403AndNot401(t *testing.T) {
	w := newWorld(t)
	w.register("hello")
	id := w.upload(w.snapFile(snapYAML("hello", "1", "")))
	w.Token("reading", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package_access"})})
	for _, token := range []string{"bob", "vera", "reading"} {
		for path, body := range map[string]any{
			"/dev/api/snap-push/":      map[string]any{"name": "hello", "updown_id": id},
			"/v1/snap/hello/revisions": map[string]any{"upload-id": id},
		} {
			if got := w.Do(token, "POST", path, body); got.Code != http.StatusForbidden {
				t.Errorf("%s at %s: %d %s", token, path, got.Code, got.Body)
			}
		}
	}
	if code := w.Do("reading", "POST", "/dev/api/register-name", map[string]any{"snap_name": "other"}).ErrorCode(403); code != "macaroon-permission-required" {
		t.Errorf("the code is %s", code)
	}
}

func TestTrap6AnEntryOfRevisionsHasThirteenKeys(t *testing.T) {
	w := newWorld(t)
	w.register("hello")
	w.pushed(map[string]any{"name": "hello", "updown_id": w.upload(w.snapFile(snapYAML("hello", "1", "")))})
	w.pushed(map[string]any{"name": "hello", "updown_id": w.upload(w.snapFile(snapYAML("hello", "2", "confinement: classic\n")))})
	list := w.Do("alice", "GET", "/v1/snap/hello/revisions", nil).Object(200)["revisions"].([]any)
	want := []string{
		"architectures", "attributes", "base", "build-url", "confinement", "created-at", "epoch", "grade", "revision",
		"sha3-384", "size", "status", "version",
	}
	statuses := []string{}
	for _, e := range list {
		entry := e.(map[string]any)
		if keys := slices.Sorted(maps.Keys(entry)); !slices.Equal(keys, want) {
			t.Errorf("the keys are %v", keys)
		}
		statuses = append(statuses, entry["status"].(string))
	}
	if !slices.Equal(statuses, []string{"ManualReviewPending", "approved"}) {
		t.Errorf("the statuses are %v", statuses)
	}
	one := w.Do("alice", "GET", "/v1/snap/hello/revisions?revision=1&fields=apps,type&include-craft-yaml=true", nil).Object(200)["revisions"].([]any)
	if e := one[0].(map[string]any); len(one) != 1 || e["type"] != "app" || e["apps"] == nil || !strings.Contains(e["craft-yaml"].(string), "name: hello") {
		t.Errorf("on wish: %v", one)
	}
	w.Do("alice", "GET", "/v1/snap/hello/revisions?revision=9", nil).ErrorCode(404)
	w.Do("alice", "GET", "/v1/snap/hello/revisions?revision=x", nil).ErrorCode(400)
	w.Do("bob", "GET", "/v1/snap/hello/revisions", nil).ErrorCode(403)
}

func TestTrap9AnUploadIsClaimedByStringOrNumber(t *testing.T) {
	var id uploadID
	for text, want := range map[string]uploadID{`"abc"`: "abc", `17`: "17", `"17"`: "17"} {
		if err := id.UnmarshalJSON([]byte(text)); err != nil || id != want {
			t.Errorf("%s is %q, %v", text, id, err)
		}
	}
	w := newWorld(t)
	w.register("hello")
	for _, id := range []any{17, "17"} {
		if code := w.Do("alice", "POST", "/dev/api/snap-push", map[string]any{"name": "hello", "updown_id": id}).ErrorCode(404); code != "resource-not-found" {
			t.Errorf("%v gives %s", id, code)
		}
	}
	w.Do("alice", "POST", "/dev/api/snap-push", map[string]any{"name": "hello", "updown_id": []int{1}}).ErrorCode(400)
}

func TestTrap10TheStatusNeedsNoCredentialsAndAlwaysHasACode(t *testing.T) {
	w := newWorld(t)
	id := w.register("hello")
	got := w.Do("alice", "POST", "/dev/api/snap-push/", map[string]any{
		"name": "hello", "updown_id": w.upload(w.snapFile(snapYAML("hello", "1", ""))), "series": "16",
		"source_uploaded": false, "channels": []string{"edge", "beta/fix"}, "built_at": "2026-01-02T03:04:05Z",
	}).Object(http.StatusAccepted)
	details := strings.TrimPrefix(got["status_details_url"].(string), publishertest.BaseURL)
	old := strings.TrimPrefix(got["status_url"].(string), publishertest.BaseURL)
	if got["success"] != true || !strings.HasPrefix(details, "/dev/api/snaps/"+id+"/builds/") {
		t.Errorf("the claim answers %v", got)
	}
	status := w.Do("", "GET", details, nil).Object(200)
	if status["code"] != "being_processed" || status["processed"] != false || status["can_release"] != false {
		t.Errorf("at first: %v", status)
	}
	if o := w.Do("", "GET", old, nil).Object(200); o["completed"] != false || o["revision"] != nil || o["package_name"] != "hello" {
		t.Errorf("at first in the old form: %v", o)
	}
	w.process()
	for _, token := range []string{"", "alice"} {
		status = w.Do(token, "GET", details, nil).Object(200)
		if status["code"] != "ready_to_release" || status["processed"] != true || status["revision"] != 1.0 ||
			status["can_release"] != true || len(status["errors"].([]any)) != 0 || status["url"] == nil {
			t.Errorf("in the end, to %q: %v", token, status)
		}
	}
	if o := w.Do("", "GET", old, nil).Object(200); o["completed"] != true || o["revision"] != 1.0 {
		t.Errorf("in the end in the old form: %v", o)
	}
	channels := w.Do("alice", "GET", "/dev/api/account", nil).Object(200)["snaps"].(map[string]any)["16"].(map[string]any)["hello"].(map[string]any)["latest_revisions"].([]any)[0].(map[string]any)["channels"].([]any)
	if len(channels) != 2 {
		t.Errorf("it stands in %v", channels)
	}
	w.Do("", "GET", strings.Replace(details, id, strings.Repeat("x", 32), 1), nil).ErrorCode(404)
}

func TestTrap11ErrorsAreInTheirFamilysList(t *testing.T) {
	w := newWorld(t)
	for path, key := range map[string]string{
		"POST /dev/api/snap-push/": "error_list", "POST /unscanned-upload/": "error_list", "POST /dev/api/register-name": "error_list",
		"POST /v1/snap": "error-list", "POST /v1/snap/x/revisions": "error-list", "DELETE /v1/snap/x": "error-list",
	} {
		method, path, _ := strings.Cut(path, " ")
		for _, body := range []string{"", "[]", "{", `"x"`, strings.Repeat("[", 1000)} {
			got := w.Do("alice", method, path, body)
			var v map[string]any
			got.Into(got.Code, &v)
			list, _ := v[key].([]any)
			if got.Code < 400 || got.Code >= 500 || len(list) == 0 {
				t.Errorf("%s %s %q: %d %s", method, path, body, got.Code, got.Body)
			}
		}
	}
}

func TestTrap14NoGetOfThisFamilyAnswersA5xx(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{
		"/dev/api/snaps/x/builds/y/status", "/dev/api/click-scan-complete/updown/z", "/v1/snap/x/revisions",
		"/v1/snap/x/revisions/review", "/v1/snap/x/revisions/review?upload-id=%00", "/v1/snap?include-collaborations=maybe",
		"/unscanned-upload/resumable/nothing", "/dev/api/account", "/dev/api/agreement/",
	} {
		for _, token := range []string{"", "alice"} {
			if got := w.Do(token, "GET", path, nil); got.Code >= 500 {
				t.Errorf("%s: %d %s", path, got.Code, got.Body)
			}
		}
	}
}

func TestTrap16AnySeriesIsTaken(t *testing.T) {
	w := newWorld(t)
	for i, series := range []any{"16", "18", nil, 16, []string{"16"}} {
		name := fmt.Sprintf("snap-%c", 'a'+i)
		w.Do("alice", "POST", "/dev/api/register-name/", map[string]any{"snap_name": name, "series": series}).Object(201)
		claim := map[string]any{"name": name, "series": series, "updown_id": w.upload(w.snapFile(snapYAML(name, "1", "")))}
		if got := w.pushed(claim); got["revision"] != 1.0 {
			t.Errorf("series %v: %v", series, got)
		}
	}
}

func TestADryRunTellsWhetherAPushWouldBeTaken(t *testing.T) {
	w := newWorld(t)
	w.register("hello")
	dry := func(token, name string) answer {
		return w.Do(token, "POST", "/dev/api/snap-push/", map[string]any{"name": name, "dry_run": true})
	}
	dry("alice", "hello").Object(http.StatusAccepted)
	if code := dry("alice", "nothing").ErrorCode(404); code != "resource-not-found" {
		t.Errorf("an unknown name gives %s", code)
	}
	if code := dry("bob", "hello").ErrorCode(403); code != "resource-forbidden" {
		t.Errorf("another's gives %s", code)
	}
	w.terms = Terms{URL: "https://store.example/terms", Since: w.Now.AddDate(0, 0, 1)}
	if code := dry("alice", "hello").ErrorCode(403); code != "user-not-ready" {
		t.Errorf("who has not agreed is told %s", code)
	}
}

func TestADeltaOfAnOldClientMakesItSendTheWholeSnap(t *testing.T) {
	w := newWorld(t)
	w.register("hello")
	hash := strings.Repeat("ab", 48)
	got := w.pushed(map[string]any{
		"name": "hello", "updown_id": w.upload([]byte("a delta")), "delta_format": "xdelta3", "delta_hash": hash,
		"source_hash": hash, "target_hash": hash,
	})
	if got["code"] != "processing_upload_delta_error" || got["processed"] != true || len(got["errors"].([]any)) != 1 {
		t.Errorf("answered %v", got)
	}
}

func TestWhatIsWrongWithAnUploadIsTold(t *testing.T) {
	w := newWorld(t)
	w.register("hello")
	withPart := snapYAML("hello", "1", "components:\n  extra:\n    type: standard\n")
	part := "component: hello+extra\ntype: standard\nversion: '1'\n"
	first := w.snapFile(snapYAML("hello", "0", ""))
	w.pushed(map[string]any{"name": "hello", "updown_id": w.upload(first)})
	for name, tt := range map[string]struct {
		file       []byte
		components map[string][]byte
		says       string
	}{
		"no snap":                   {[]byte("hello"), nil, "squashfs"},
		"another name":              {w.snapFile(snapYAML("other", "1", "")), nil, "names the snap other"},
		"no version":                {w.snapFile("name: hello\nsummary: s\ndescription: d\nbase: core24\n"), nil, "version"},
		"a component":               {w.componentFile(part), nil, "snap.yaml"},
		"the same again":            {first, nil, "as revision 1"},
		"lacks its component":       {w.snapFile(withPart), nil, "extra"},
		"undeclared component":      {w.snapFile(snapYAML("hello", "2", "")), map[string][]byte{"extra": w.componentFile(part)}, "extra"},
		"component by a wrong name": {w.snapFile(withPart), map[string][]byte{"more": w.componentFile(part)}, "calls itself extra"},
		"component of another":      {w.snapFile(withPart), map[string][]byte{"extra": w.componentFile("component: bye+extra\ntype: standard\nversion: '1'\n")}, "belongs to the snap bye"},
		"component is a snap":       {w.snapFile(withPart), map[string][]byte{"extra": w.snapFile(snapYAML("hello", "3", ""))}, "component.yaml"},
		"undelegated provenance":    {w.snapFile(snapYAML("hello", "4", "provenance: prod\n")), nil, "prod"},
	} {
		t.Run(name, func(t *testing.T) {
			claim := map[string]any{"name": "hello", "updown_id": w.upload(tt.file)}
			components := map[string]string{}
			for name, content := range tt.components {
				components[name] = w.upload(content)
			}
			claim["components"] = components
			got := w.pushed(claim)
			if got["code"] != "processing_error" || got["processed"] != true || got["revision"] != nil {
				t.Errorf("answered %v", got)
			}
			if text := fmt.Sprint(got["errors"]); !strings.Contains(text, tt.says) {
				t.Errorf("it is told %s", text)
			}
		})
	}
	list := w.Do("alice", "GET", "/v1/snap/hello/revisions", nil).Object(200)["revisions"].([]any)
	if len(list) != 1 {
		t.Errorf("%d revisions came of it", len(list))
	}
}

func TestComponentsComeWithTheirSnap(t *testing.T) {
	w := newWorld(t)
	id := w.register("hello")
	got := w.pushed(map[string]any{
		"name": "hello", "updown_id": w.upload(w.snapFile(snapYAML("hello", "1", "components:\n  extra:\n    type: standard\n"))),
		"components": map[string]string{"extra": w.upload(w.componentFile("component: hello+extra\ntype: standard\nversion: '1'\n"))},
		"channels":   []string{"stable"},
	})
	if got["revision"] != 1.0 || len(got["errors"].([]any)) != 0 {
		t.Fatalf("answered %v", got)
	}
	releases := w.Releases(id)
	if len(releases) != 1 || len(releases[0].Resources) != 1 || releases[0].Resources[0] != (store.ResourcePin{Name: "extra", Revision: 1}) {
		t.Errorf("released was %+v", releases)
	}
}

func TestAReleaseThatTheTokenForbidsIsTold(t *testing.T) {
	w := newWorld(t)
	id := w.register("hello")
	w.Token("edge", "alice", store.Limits{Channels: []string{"edge"}})
	got := w.Do("edge", "POST", "/dev/api/snap-push/", map[string]any{
		"name": "hello", "updown_id": w.upload(w.snapFile(snapYAML("hello", "1", ""))), "channels": []string{"stable", "edge"},
	}).Object(202)
	w.process()
	status := w.Do("", "GET", strings.TrimPrefix(got["status_details_url"].(string), publishertest.BaseURL), nil).Object(200)
	errors := fmt.Sprint(status["errors"])
	if status["revision"] != 1.0 || !strings.Contains(errors, "latest/stable") || strings.Contains(errors, "latest/edge") {
		t.Errorf("answered %v", status)
	}
	if releases := w.Releases(id); len(releases) != 1 || releases[0].Channel.Risk != store.Edge {
		t.Errorf("released was %+v", releases)
	}
}
