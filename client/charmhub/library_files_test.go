package charmhub

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/client/internal/storetest"
)

// library makes a library whose content fits what it says.
func library(t *testing.T, charm, name, id string, version LibraryVersion, body string) Library {
	t.Helper()
	l, err := NewLibrary(charm, name, id)
	must(t, err)
	l.API, l.Patch = version.API, version.Patch
	l.Content = strings.NewReplacer("LIBAPI = 0", "LIBAPI = "+version.String()[:1], "LIBPATCH = 1", "LIBPATCH = "+version.String()[2:]).Replace(l.Content) + body
	l.Hash = ContentHash([]byte(l.Content))
	return l
}

func TestNewLibrary(t *testing.T) {
	files := LibraryFiles{Dir: t.TempDir()}
	l, err := NewLibrary("bake-it", "oven", "0123abcd")
	must(t, err)
	path, err := files.Write(l)
	if err != nil || path != "lib/charms/bake_it/v0/oven.py" {
		t.Fatalf("written to %s: %v", path, err)
	}
	got, err := files.Read("bake-it", "oven", 0)
	if err != nil || got.ID != "0123abcd" || got.Patch != 1 || got.Library() != l || len(got.PythonDependencies) != 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	if !strings.Contains(l.Content, "from charms.bake_it.v0.oven import") {
		t.Errorf("content %s", l.Content)
	}
	for _, wrong := range [][3]string{{"bake", "Oven", "i"}, {"../bake", "oven", "i"}, {"bake", "oven", ""}, {"bake", "oven", "\"\nimport os"}} {
		if _, err := NewLibrary(wrong[0], wrong[1], wrong[2]); !errors.As(err, new(*RequestError)) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestLibraryFiles(t *testing.T) {
	files := LibraryFiles{Dir: t.TempDir()}
	if found, err := files.IsDownloaded("bake-it", "oven", 0, nil); found || err != nil {
		t.Errorf("in an empty directory: %v, %v", found, err)
	}
	if _, found, err := files.LocalVersion("bake-it", "oven"); found || err != nil {
		t.Errorf("in an empty directory: %v, %v", found, err)
	}
	for _, v := range []LibraryVersion{{1, 4}, {0, 9}, {1, 5}} {
		if _, err := files.Write(library(t, "bake-it", "oven", "one", v, "")); err != nil {
			t.Fatal(err)
		}
	}
	if v, found, err := files.LocalVersion("bake-it", "oven"); v != (LibraryVersion{1, 5}) || !found || err != nil {
		t.Errorf("got %v, %v, %v", v, found, err)
	}
	for _, tt := range []struct {
		api   int
		patch *int
		want  bool
	}{{0, nil, true}, {0, ptr(9), true}, {0, ptr(8), false}, {1, ptr(5), true}, {1, ptr(4), false}, {2, nil, false}} {
		if got, err := files.IsDownloaded("bake-it", "oven", tt.api, tt.patch); got != tt.want || err != nil {
			t.Errorf("%+v: %v, %v", tt, got, err)
		}
	}
	// What is no library is passed over.
	other := filepath.Join(files.Dir, "lib/charms/bake_it")
	must(t, os.MkdirAll(filepath.Join(other, "v1", "dir.py"), 0o755))
	must(t, os.MkdirAll(filepath.Join(other, "v01"), 0o755))
	must(t, os.WriteFile(filepath.Join(other, "v1", "__init__.py"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(other, "v2"), nil, 0o600))
	got, err := files.List("bake-it")
	if err != nil || len(got) != 2 || got[0].API != 0 || got[1].Patch != 5 || got[1].CharmName != "bake-it" || got[1].Path != "lib/charms/bake_it/v1/oven.py" {
		t.Errorf("got %+v, %v", got, err)
	}
	if names, err := files.Charms(); err != nil || !slices.Equal(names, []string{"bake-it"}) {
		t.Errorf("charms %q, %v", names, err)
	}
	// A file in the directory of another API is told of.
	must(t, os.Rename(filepath.Join(other, "v1/oven.py"), filepath.Join(other, "v01/oven.py")))
	must(t, os.Rename(filepath.Join(other, "v0"), filepath.Join(other, "v7")))
	if _, err := files.List("bake-it"); !errors.As(err, new(*RequestError)) || !strings.Contains(err.Error(), "v7/oven.py") {
		t.Errorf("a library in the wrong place: %v", err)
	}
}

// TestWriteRefuses what is not what it says, and leaves what is there.
func TestWriteRefuses(t *testing.T) {
	files := LibraryFiles{Dir: t.TempDir()}
	right := library(t, "bake-it", "oven", "one", LibraryVersion{0, 1}, "")
	_, err := files.Write(right)
	must(t, err)
	for name, change := range map[string]func(*Library){
		"other bytes":     func(l *Library) { l.Content += "x = 1\n" },
		"another version": func(l *Library) { l.Patch = 2 },
		"another id":      func(l *Library) { l.LibraryID = "two" },
		"no library":      func(l *Library) { l.Content, l.Hash = "x = 1\n", "" },
		"another place":   func(l *Library) { l.LibraryName = "../../../x" },
		"charm's place":   func(l *Library) { l.CharmName = "../x" },
	} {
		l := right
		change(&l)
		if _, err := files.Write(l); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	got, err := files.Read("bake-it", "oven", 0)
	if err != nil || got.Library() != right {
		t.Errorf("now there is %+v, %v", got, err)
	}
	// A link that leads out of the charm is not followed.
	outside := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(files.Dir, "lib/charms"), 0o755))
	must(t, os.Symlink(outside, filepath.Join(files.Dir, "lib/charms/evil")))
	right.CharmName = "evil"
	if _, err := files.Write(right); err == nil {
		t.Error("written through a link")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("outside there is %v, %v", entries, err)
	}
	if entries, err := os.ReadDir(filepath.Join(files.Dir, "lib/charms/bake_it/v0")); err != nil || len(entries) != 1 {
		t.Errorf("something is left over: %v, %v", entries, err)
	}
}

func TestUnpublished(t *testing.T) {
	files := LibraryFiles{Dir: t.TempDir()}
	published := library(t, "bake-it", "pan", "same", LibraryVersion{0, 3}, "")
	local := []Library{
		published,
		library(t, "bake-it", "oven", "newer", LibraryVersion{0, 5}, ""),
		library(t, "bake-it", "fridge", "older", LibraryVersion{1, 2}, ""),
		library(t, "bake-it", "sink", "changed", LibraryVersion{0, 2}, "x = 1\n"),
		library(t, "bake-it", "table", "unknown", LibraryVersion{0, 1}, ""),
	}
	for _, l := range local {
		_, err := files.Write(l)
		must(t, err)
	}
	tips := map[string]Library{
		"same": published, "newer": {LibraryID: "newer", Patch: 4}, "older": {LibraryID: "older", API: 1, Patch: 3},
		"changed": {LibraryID: "changed", Patch: 2, Hash: "other"},
	}
	s := newFakeStore(t)
	s.Mux.HandleFunc("POST /v1/charm/libraries/bulk", func(w http.ResponseWriter, r *http.Request) {
		var requests []LibraryRequest
		if err := json.NewDecoder(r.Body).Decode(&requests); err != nil {
			w.WriteHeader(400)
			return
		}
		found := []Library{}
		for _, request := range requests {
			tip, ok := tips[request.LibraryID]
			if !ok || tip.API != *request.API {
				storetest.Write(w, 400, unknownLibrary)
				return
			}
			found = append(found, tip)
		}
		body, _ := json.Marshal(map[string]any{"libraries": found})
		storetest.Write(w, 200, string(body))
	})
	deltas, err := files.Unpublished(t.Context(), s.client(), "bake-it")
	must(t, err)
	var got []string
	for _, d := range deltas {
		store := "-"
		if d.Store != nil {
			store = d.Store.String()
		}
		line := d.LibraryName + " " + d.LibraryVersion.String() + " " + store
		if d.SameVersion {
			line += " changed"
		}
		got = append(got, line)
	}
	if strings.Join(got, ", ") != "oven 0.5 0.4, sink 0.2 0.2 changed, table 0.1 -" {
		t.Errorf("got %q", got)
	}
	if deltas, err := (LibraryFiles{Dir: t.TempDir()}).Unpublished(t.Context(), s.client(), "bake-it"); err != nil || deltas != nil {
		t.Errorf("without libraries: %v, %v", deltas, err)
	}
	ill := newFakeStore(t)
	ill.Answer("POST /v1/charm/libraries/bulk", 403, `{"error-list":[{"code":"forbidden","message":"No."}]}`)
	if _, err := files.Unpublished(t.Context(), ill.client(), "bake-it"); !errors.Is(err, ErrForbidden) {
		t.Errorf("a store that refuses: %v", err)
	}
}
