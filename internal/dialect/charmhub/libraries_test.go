package charmhub

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

// seenLibrary is what charmcraft needs of a library.
var seenLibrary = map[string]any{"api": 1.0, "patch": 1.0, "hash": "", "library-id": "", "library-name": "", "charm-name": ""}

const helloLibraries = "/v1/charm/libraries/hello"

// library creates a library of hello, and returns its id.
func (w *world) library(name string) string {
	w.T.Helper()
	got := w.Do("alice", "POST", helloLibraries, map[string]string{"library-name": name}).Object(200)
	sameShape(w.T, "created", got, map[string]any{"library-id": ""})
	return got["library-id"].(string)
}

// libraryVersion is what charmcraft publishes of a library: without more as the
// file that create-lib writes.
func libraryVersion(id string, api, patch int, more string) map[string]any {
	content := fmt.Sprintf("\"\"\"A library.\r\n\"\"\"\n\nLIBID = %q\nLIBAPI = %d\nLIBPATCH = %d\n# ü %s\n", id, api, patch, more)
	return map[string]any{"api": api, "patch": patch, "content": content, "hash": store.LibraryHash(content)}
}

// bulk lists libraries as "charm.name api.patch".
func (w *world) bulk(token string, items ...map[string]any) string {
	w.T.Helper()
	got := w.Do(token, "POST", "/v1/charm/libraries/bulk", items).Object(200)
	sameShape(w.T, "bulk", got, map[string]any{"libraries": []any{seenLibrary}})
	var list []string
	for _, one := range got["libraries"].([]any) {
		one := one.(map[string]any)
		list = append(list, fmt.Sprintf("%s.%s %v.%v", one["charm-name"], one["library-name"], one["api"], one["patch"]))
	}
	return strings.Join(list, ", ")
}

type item = map[string]any

func TestALibraryIsCreatedPublishedAndFetched(t *testing.T) {
	w := newWorld(t)
	w.register("hello", "charm")
	w.register("bare", "charm")
	id := w.library("db")
	if len(id) != 32 || w.library("db") != id {
		t.Errorf("the id is %s", id)
	}
	// charmcraft asks for the newest version of what it publishes first.
	if got := w.bulk("alice", item{"library-id": id, "api": 0}); got != "" {
		t.Errorf("before it is published: %s", got)
	}
	publish := func(body map[string]any) map[string]any {
		t.Helper()
		got := w.Do("alice", "POST", helloLibraries+"/"+id, body).Object(200)
		sameShape(t, "published", got, seenLibrary)
		return got
	}
	first := libraryVersion(id, 0, 1, "first")
	got := publish(first)
	if got["hash"] != first["hash"] || got["library-id"] != id || got["charm-name"] != "hello" || got["library-name"] != "db" || got["api"] != 0.0 || got["patch"] != 1.0 {
		t.Errorf("published %v", got)
	}
	publish(first) // the answer was lost on the way
	second := libraryVersion(id, 0, 2, "second")
	publish(second)
	publish(libraryVersion(id, 3, 0, "third"))

	for what, c := range map[string]struct {
		items []map[string]any
		want  string
	}{
		"list-lib":          {[]item{{"charm-name": "hello"}}, "hello.db 0.2, hello.db 3.0"},
		"publish-lib":       {[]item{{"library-id": id, "api": 0}, {"library-id": id, "api": 3}}, "hello.db 0.2, hello.db 3.0"},
		"fetch-libs":        {[]item{{"charm-name": "hello", "library-name": "db", "api": 0}}, "hello.db 0.2"},
		"a pinned patch":    {[]item{{"charm-name": "hello", "library-name": "db", "api": 0, "patch": 1}}, "hello.db 0.1"},
		"by id":             {[]item{{"library-id": id}}, "hello.db 0.2, hello.db 3.0"},
		"a charm with none": {[]item{{"charm-name": "bare"}}, ""},
		"no such api":       {[]item{{"charm-name": "hello", "library-name": "db", "api": 9}}, ""},
		"nothing":           {[]item{}, ""},
	} {
		for _, token := range []string{"", "bob"} {
			if got := w.bulk(token, c.items...); got != c.want {
				t.Errorf("%s as %q: %s, want %s", what, token, got, c.want)
			}
		}
	}
	for query, want := range map[string]any{
		"":               libraryVersion(id, 3, 0, "third")["content"],
		"?api=0":         second["content"],
		"?api=0&patch=1": first["content"],
	} {
		got := w.Do("", "GET", helloLibraries+"/"+id+query, nil).Object(200)
		with := map[string]any{"content": ""}
		for key, value := range seenLibrary {
			with[key] = value
		}
		sameShape(t, "library", got, with)
		if got["content"] != want {
			t.Errorf("%q is %q", query, got["content"])
		}
	}
	w.refuses(t, []refusal{
		{"no such api", "", "GET", helloLibraries + "/" + id + "?api=9", nil, 404, "resource-not-found"},
		{"no such patch", "", "GET", helloLibraries + "/" + id + "?api=0&patch=9", nil, 404, "resource-not-found"},
		{"no such library", "", "GET", helloLibraries + "/nothing", nil, 404, "resource-not-found"},
		{"no such charm", "", "GET", "/v1/charm/libraries/nothing/" + id, nil, 404, "resource-not-found"},
		{"another charm", "", "GET", "/v1/charm/libraries/bare/" + id, nil, 404, "resource-not-found"},
		{"a patch alone", "", "GET", helloLibraries + "/" + id + "?patch=1", nil, 400, "invalid-field"},
		{"no number", "", "GET", helloLibraries + "/" + id + "?api=latest", nil, 400, "api-error"},
		{"more than a number holds", "", "GET", helloLibraries + "/" + id + "?api=99999999999999999999", nil, 400, "api-error"},
		{"credentials that are none", "stale", "GET", helloLibraries + "/" + id, nil, 401, "macaroon-authorization-required"},
	})
}

// charmcraft indexes the list of errors by null, and compares the message.
func TestBulkAnswersWhatThereIsNotWithANullCode(t *testing.T) {
	w := newWorld(t)
	w.register("hello", "charm")
	secret := w.register("secret", "charm")
	id := w.library("db")
	w.hide(secret)
	for what, items := range map[string][]map[string]any{
		"a charm":         {{"charm-name": "nothing"}},
		"a library":       {{"charm-name": "hello", "library-name": "nothing", "api": 0}},
		"an id":           {{"library-id": id}, {"library-id": "nothing"}},
		"a private charm": {{"charm-name": "secret"}},
		"neither":         {{}},
		"a name alone":    {{"library-name": "db"}},
	} {
		a := w.Do("", "POST", "/v1/charm/libraries/bulk", items)
		want := `{"error-list":[{"code":null,"message":"Items need to include 'library_id' or 'package_id'"}],` +
			`"error_list":[{"code":null,"message":"Items need to include 'library_id' or 'package_id'"}]}`
		if got := strings.TrimSpace(a.Body.String()); a.Code != 400 || got != want || a.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", what, a.Code, got)
		}
	}
	w.refuses(t, []refusal{
		{"no list", "", "POST", "/v1/charm/libraries/bulk", `{"charm-name":"hello"}`, 400, "api-error"},
		{"a patch alone", "", "POST", "/v1/charm/libraries/bulk", []item{{"library-id": id, "patch": 1}}, 400, "invalid-field"},
		{"too many", "", "POST", "/v1/charm/libraries/bulk", make([]item, 201), 413, "too-many-libraries"},
		{"too much", "", "POST", "/v1/charm/libraries/bulk", "[" + strings.Repeat(" ", maxBulk) + "]", 413, "request-too-large"},
	})
}

func TestWhoPublishesLibraries(t *testing.T) {
	w := newWorld(t)
	w.register("hello", "charm")
	w.register("many", "bundle")
	w.hide(w.register("secret", "charm"))
	w.Collaborate(fakeID("hello"), "rita-id")
	w.permitted("librarian", "package-manage-library")
	w.permitted("others", "package-manage-metadata", "package-manage-releases", "package-manage-revisions", "package-manage-acl", "package-view", "account-view-packages", "account-register-package")
	w.Token("elsewhere", "alice", store.Limits{Packages: []store.PackageLimit{{Namespace: store.Charm, Name: "other"}}})
	id := w.library("db")
	path, name := helloLibraries+"/"+id, map[string]string{"library-name": "cache"}
	good := libraryVersion(id, 0, 1, "x")
	with := func(key string, value any) map[string]any {
		body := libraryVersion(id, 0, 1, "x")
		body[key] = value
		return body
	}
	without := with("api", nil)
	delete(without, "api")
	cases := []refusal{
		{"nobody", "", "POST", helloLibraries, name, 401, "macaroon-authorization-required"},
		{"a stranger", "bob", "POST", helloLibraries, name, 403, "resource-forbidden"},
		{"a viewer", "vera", "POST", helloLibraries, name, 403, "permission-required"},
		{"a token for all else", "others", "POST", helloLibraries, name, 403, "permission-required"},
		{"a token for another", "elsewhere", "POST", helloLibraries, name, 403, "resource-forbidden"},
		{"no such charm", "alice", "POST", "/v1/charm/libraries/nothing", name, 404, "resource-not-found"},
		{"a private one", "bob", "POST", "/v1/charm/libraries/secret", name, 404, "resource-not-found"},
		{"a bundle", "alice", "POST", "/v1/charm/libraries/many", name, 400, "no-libraries"},
		{"no name", "alice", "POST", helloLibraries, `{}`, 400, "invalid-library-name"},
		{"a name with a hyphen", "alice", "POST", helloLibraries, `{"library-name":"a-b"}`, 400, "invalid-library-name"},
		{"a path", "alice", "POST", helloLibraries, `{"library-name":"../x"}`, 400, "invalid-library-name"},
		{"no object", "alice", "POST", helloLibraries, `["db"]`, 400, "api-error"},
		{"too long", "alice", "POST", helloLibraries, `{"library-name":"` + strings.Repeat("x", maxName) + `"}`, 413, "request-too-large"},

		{"nobody publishes", "", "POST", path, good, 401, "macaroon-authorization-required"},
		{"a stranger publishes", "bob", "POST", path, good, 403, "resource-forbidden"},
		{"a token for all else publishes", "others", "POST", path, good, 403, "permission-required"},
		{"of no such charm", "alice", "POST", "/v1/charm/libraries/nothing/" + id, good, 404, "resource-not-found"},
		{"of no such library", "alice", "POST", helloLibraries + "/nothing", good, 404, "resource-not-found"},
		{"under another charm", "alice", "POST", "/v1/charm/libraries/secret/" + id, good, 404, "resource-not-found"},
		{"another hash", "alice", "POST", path, with("hash", strings.Repeat("0", 64)), 400, "invalid-library-hash"},
		{"no hash", "alice", "POST", path, with("hash", ""), 400, "invalid-library-hash"},
		{"another api than it says", "alice", "POST", path, with("api", 1), 400, "invalid-library"},
		{"no api", "alice", "POST", path, without, 400, "missing-field"},
		{"no content", "alice", "POST", path, with("content", ""), 400, "invalid-library"},
		{"an api below nought", "alice", "POST", path, with("api", -1), 400, "invalid-library-version"},
		{"half a patch", "alice", "POST", path, with("patch", 0.5), 400, "api-error"},
		{"NUL", "alice", "POST", path, with("content", "a\x00b"), 400, "invalid-library"},
		{"a MiB and more", "alice", "POST", path, with("content", strings.Repeat("x", store.MaxLibrary+1)), 413, "library-too-large"},
		{"three MiB", "alice", "POST", path, with("content", strings.Repeat("x", maxLibraryBody)), 413, "request-too-large"},
	}
	w.refuses(t, cases)
	w.Do("librarian", "POST", helloLibraries, name).Object(200)
	w.Do("librarian", "POST", path, good).Object(200)
	w.Do("rita", "POST", path, libraryVersion(id, 0, 2, "y")).Object(200)
	w.refuses(t, []refusal{
		{"a name that is published", "alice", "POST", helloLibraries, map[string]string{"library-name": "db"}, 409, "library-taken"},
		{"a patch left out", "alice", "POST", path, libraryVersion(id, 0, 4, "z"), 409, "library-version-conflict"},
		{"an older patch", "alice", "POST", path, good, 409, "library-version-conflict"},
		{"the patch with other words", "alice", "POST", path, libraryVersion(id, 0, 2, "z"), 409, "library-version-conflict"},
		{"the same words", "alice", "POST", path, libraryVersion(id, 0, 3, "y"), 409, "library-unchanged"},
		{"giving up the name", "alice", "DELETE", "/v1/charm/hello", nil, 403, "forbidden"},
	})
}

func TestALargeLibraryOfAnyLanguageFits(t *testing.T) {
	w := newWorld(t)
	w.register("hello", "charm")
	id := w.library("db")
	body := libraryVersion(id, 0, 1, "")
	content := body["content"].(string)
	content += "# " + strings.Repeat("é", (store.MaxLibrary-len(content)-2)/2)
	body["content"], body["hash"] = content, store.LibraryHash(content)
	// Python writes what is not ASCII in six bytes.
	plain, err := json.Marshal(body)
	w.Must(err)
	var ascii strings.Builder
	for _, c := range string(plain) {
		if c < 0x80 {
			ascii.WriteRune(c)
		} else {
			fmt.Fprintf(&ascii, `\u%04x`, c)
		}
	}
	w.Do("alice", "POST", helloLibraries+"/"+id, ascii.String()).Object(200)
	if got := w.Do("", "GET", helloLibraries+"/"+id, nil).Object(200)["content"]; got != content {
		t.Error("it comes back otherwise")
	}
}

func TestAPrivateCharmsLibrariesAreForItsPublishers(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("hello", "charm")
	w.Collaborate(pkg.ID, "rita-id")
	w.permitted("librarian", "package-manage-library")
	id := w.library("db")
	w.Do("alice", "POST", helloLibraries+"/"+id, libraryVersion(id, 0, 1, "x")).Object(200)
	w.hide(pkg)
	for _, token := range []string{"alice", "rita", "librarian", "adam"} {
		w.Do(token, "GET", helloLibraries+"/"+id, nil).Object(200)
		if got := w.bulk(token, item{"library-id": id, "api": 0}); got != "hello.db 0.1" {
			t.Errorf("%s lists %s", token, got)
		}
	}
	for _, token := range []string{"", "bob"} {
		if code := w.Do(token, "GET", helloLibraries+"/"+id, nil).ErrorCode(404); code != "resource-not-found" {
			t.Errorf("%q is told %s", token, code)
		}
		if a := w.Do(token, "POST", "/v1/charm/libraries/bulk", []item{{"library-id": id}}); a.Code != 400 || !strings.Contains(a.Body.String(), `"code":null`) {
			t.Errorf("%q lists it: %s", token, a.Body)
		}
	}
}
