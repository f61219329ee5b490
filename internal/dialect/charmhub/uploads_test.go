package charmhub

import (
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/store"
)

// charmOf is a charm that says nothing but its name; more is further metadata.
func charmOf(name, more string) charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: "name: " + name + "\nsummary: s\ndescription: d\n" + more,
		Bases:    []charmbuild.Base{{Name: "ubuntu", Channel: "24.04", Architectures: []string{"amd64"}}},
	}
}

// push claims bytes as a charm, and returns the path that tells what becomes of
// them.
func (w *world) push(name string, content []byte) (statusURL string) {
	w.T.Helper()
	var got struct {
		URL string `json:"status-url"`
	}
	w.Do("alice", "POST", "/v1/charm/"+name+"/revisions", object{"upload-id": w.upload(content)}).Into(200, &got)
	return got.URL
}

func TestACharmIsPushedAndLookedAfterAsCharmcraftDoes(t *testing.T) {
	w := newWorld(t)
	w.register("pantry", "charm")
	content := charmtest.CharmBytes(t, charmtest.Machine())
	id := w.upload(content)
	w.golden(t, "push", "UPLOAD", id)
	w.golden(t, "review-received", "UPLOAD", id)
	w.process()
	w.golden(t, "review-approved", "UPLOAD", id)
	w.golden(t, "revision-with-more")
	again := w.upload(content)
	w.Do("alice", "POST", "/v1/charm/pantry/revisions", object{"upload-id": again}).Object(200)
	w.process()
	w.golden(t, "review-rejected", "UPLOAD", again)
}

// charmcraft puts the path behind the address that it knows, and ends its wait
// with two words.
func TestTheStatusOfAnUpload(t *testing.T) {
	w := newWorld(t)
	w.register("pantry", "charm")
	w.Settings["larder.review.policy"] = "hold size>1MiB\nreject package=pantry\n"
	path := w.push("pantry", charmtest.CharmBytes(t, charmOf("pantry", "")))
	if !strings.HasPrefix(path, "/v1/charm/pantry/revisions/review?upload-id=") {
		t.Fatalf("the status is at %q", path)
	}
	type entry struct {
		ID       string `json:"upload-id"`
		Status   string
		Revision *int
		Errors   []struct{ Code, Message string }
	}
	var got struct{ Revisions []entry }
	w.Do("alice", "GET", path, nil).Into(200, &got)
	if e := got.Revisions; len(e) != 1 || e[0].Status != "received" || e[0].Revision != nil || e[0].Errors != nil {
		t.Errorf("before: %+v", e)
	}
	w.process()
	w.Do("alice", "GET", path, nil).Into(200, &got)
	if e := got.Revisions; len(e) != 1 || e[0].Status != "rejected" || *e[0].Revision != 1 || e[0].Errors[0].Code != "review-rejected" {
		t.Errorf("rejected: %+v", e)
	}
	w.Settings["larder.review.policy"] = "hold"
	path = w.push("pantry", charmtest.CharmBytes(t, charmOf("pantry", "subordinate: false\n")))
	w.process()
	w.Do("alice", "GET", path, nil).Into(200, &got)
	if e := got.Revisions; e[0].Status != "need_manual_review" || *e[0].Revision != 2 {
		t.Errorf("held: %+v", e)
	}
	w.Do("bob", "GET", path, nil).ErrorCode(403)
	w.Do("", "GET", path, nil).ErrorCode(401)
	other := w.register("cellar", "charm")
	if code := w.Do("alice", "GET", strings.Replace(path, "pantry", other.Name, 1), nil).ErrorCode(404); code != "resource-not-found" {
		t.Errorf("of another charm: %s", code)
	}
	var list struct {
		Revisions []struct {
			Revision int
			Status   string
			Errors   []struct{ Code, Message string }
		}
	}
	w.Do("alice", "GET", "/v1/charm/pantry/revisions", nil).Into(200, &list)
	if r := list.Revisions; len(r) != 2 || r[0].Status != "ManualReviewPending" || r[1].Status != "rejected" || len(r[1].Errors) != 1 || r[0].Errors != nil {
		t.Errorf("the list: %+v", r)
	}
}

func TestWhatNobodyCanPush(t *testing.T) {
	w := newWorld(t)
	w.register("pantry", "charm")
	w.Token("reader", "alice", store.Limits{Permissions: []store.Permission{store.PermSeeRevisions}})
	content := charmtest.CharmBytes(t, charmOf("pantry", ""))
	claimed := w.upload(content)
	w.Do("alice", "POST", "/v1/charm/pantry/revisions", object{"upload-id": claimed}).Object(200)
	w.registerFor("bob", "cellar", "charm")
	for _, tt := range []struct {
		name, token, charm string
		body               any
		status             int
		code               string
	}{
		{"no credentials", "", "pantry", object{"upload-id": w.upload(content)}, 401, ""},
		{"another's charm", "bob", "pantry", object{"upload-id": w.upload(content)}, 403, ""},
		{"a token that only reads", "reader", "pantry", object{"upload-id": w.upload(content)}, 403, ""},
		{"no such charm", "alice", "nothing", object{"upload-id": w.upload(content)}, 404, "resource-not-found"},
		{"no such upload", "alice", "pantry", object{"upload-id": "nothing"}, 404, "resource-not-found"},
		{"no upload at all", "alice", "pantry", object{}, 404, "resource-not-found"},
		{"another's upload", "bob", "cellar", object{"upload-id": claimed}, 409, "upload-claimed"},
		{"no bytes", "alice", "pantry", object{"upload-id": w.upload(nil)}, 400, "empty-upload"},
		{"a number", "alice", "pantry", object{"upload-id": 7}, 400, "api-error"},
		{"no object", "alice", "pantry", "[]", 400, "api-error"},
		{"no JSON", "alice", "pantry", "upload-id", 400, "api-error"},
		{"too much", "alice", "pantry", strings.Repeat(" ", 1<<20), 413, "request-too-large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := answer{ResponseRecorder: w.Do(tt.token, "POST", "/v1/charm/"+tt.charm+"/revisions", tt.body).ResponseRecorder, T: t}
			if code := got.ErrorCode(tt.status); tt.code != "" && code != tt.code {
				t.Errorf("%s, want %s", code, tt.code)
			}
		})
	}
	for _, query := range []string{"revision=0", "revision=x", "include-craft-yaml=perhaps"} {
		if code := w.Do("alice", "GET", "/v1/charm/pantry/revisions?"+query, nil).ErrorCode(400); code != "api-error" {
			t.Errorf("%s: %s", query, code)
		}
	}
	w.Do("alice", "GET", "/v1/charm/pantry/revisions?revision=9", nil).ErrorCode(404)
}
