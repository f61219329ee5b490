// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// library is what charmcraft tells of a library, published, fetched or listed.
type library struct {
	Charm     string `json:"charm_name"`
	Name      string `json:"library_name"`
	ID        string `json:"library_id"`
	API       int    `json:"api"`
	Patch     *int   `json:"patch"`
	Published *patch `json:"published"`
	Fetched   *patch `json:"fetched"`
	Error     string `json:"error_message"`
}

type patch struct {
	Patch int    `json:"patch"`
	Hash  string `json:"content_hash"`
}

// libraryFile writes a library of the pantry's into a project.
func libraryFile(t *testing.T, folder, id string, api, patch int, body string) string {
	t.Helper()
	path := filepath.Join(folder, "lib", "charms", "pantry", fmt.Sprintf("v%d", api), "shelf.py")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("\"\"\"Shelves.\"\"\"\n\nLIBID = %q\nLIBAPI = %d\nLIBPATCH = %d\n\nPYDEPS = [\"ops\"]\n\n\n%s\n", id, api, patch, body)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	shelfOne = "def shelf():\n    return 1"
	shelfTwo = "def shelf():\n    return \"zwei, größer\""
)

func (m *market) libraries(t *testing.T) {
	own := m.cc.In
	defer func() { m.cc.In = own }()
	// No command creates libraries any more.
	var id string
	m.cc.Get(&id, "store", "create_library_id", "pantry", "shelf")
	if e := m.cc.Call("store", "create_library_id", "nobodys", "shelf"); e.Code == 0 {
		t.Error("a library of nothing is created")
	}
	if listed := m.cc.Run("list-lib", "lamp"); !strings.Contains(listed, "No libraries found") {
		t.Errorf("list-lib lamp: %s", listed)
	}

	publish := func(code int, says string) {
		t.Helper()
		e := m.cc.Try(nil, "publish-lib", "charms.pantry.v0.shelf", "--format", "json")
		if e.Code != code || !strings.Contains(e.Out, says) {
			t.Fatalf("publish-lib ended with %d, not %d for %q\n%s%s", e.Code, code, says, e.Out, e.Err)
		}
	}
	libraryFile(t, own, id, 0, 1, shelfOne)
	publish(0, `"published"`)
	publish(0, "already updated")
	libraryFile(t, own, id, 0, 1, shelfTwo)
	publish(1, "content is different")
	libraryFile(t, own, id, 0, 3, shelfTwo)
	publish(1, "too high")
	libraryFile(t, own, id, 0, 2, shelfOne)
	publish(1, "same content")
	libraryFile(t, own, id, 0, 2, shelfTwo)
	// What the store has not seen yet, whoever uploads hears of.
	if e := m.cc.Try(nil, "upload", charmFile(t, "pantry", pantryCharm("1.2"))); e.Code != 0 || !strings.Contains(e.Err, "not published on the store") {
		t.Errorf("upload ended with %d\n%s%s", e.Code, e.Out, e.Err)
	}
	publish(0, `"published"`)
	libraryFile(t, own, id, 1, 0, shelfTwo)
	var told []library
	m.cc.Read(&told, "publish-lib", "charms.pantry.v1.shelf")
	if len(told) != 1 || told[0].Published == nil || told[0].Published.Patch != 0 {
		t.Errorf("publish-lib of a second API: %s", asJSON(told))
	}

	var listed []library
	m.cc.Read(&listed, "list-lib", "pantry")
	zero, two := 0, 2
	same(t, "list-lib", listed, []library{
		{Charm: "pantry", Name: "shelf", ID: id, API: 0, Patch: &two}, {Charm: "pantry", Name: "shelf", ID: id, API: 1, Patch: &zero},
	})
	m.fetched(t, own, id)
}

// fetched gets the libraries into somebody else's charm.
func (m *market) fetched(t *testing.T, own, id string) {
	m.cc.In = projectFolder(t, "guest", "pantry.shelf 0.1")
	m.cc.Run("fetch-libs")
	first := filepath.Join(m.cc.In, "lib", "charms", "pantry", "v0", "shelf.py")
	if got := mustRead(t, first); !strings.Contains(got, shelfOne) {
		t.Errorf("fetch-libs of a patch: %s", got)
	}
	var told []library
	m.cc.Read(&told, "fetch-lib", "charms.pantry.v0.shelf")
	if len(told) != 1 || told[0].Fetched == nil || told[0].Fetched.Patch != 2 {
		t.Errorf("fetch-lib: %s", asJSON(told))
	}
	if got, want := mustRead(t, first), mustRead(t, filepath.Join(own, "lib", "charms", "pantry", "v0", "shelf.py")); got != want {
		t.Errorf("fetch-lib got %q, not %q", got, want)
	}
	m.cc.Read(&told, "fetch-lib", "charms.pantry.v0.shelf")
	if len(told) != 1 || !strings.Contains(told[0].Error, "already up to date") {
		t.Errorf("fetch-lib again: %s", asJSON(told))
	}
	m.cc.In = projectFolder(t, "guest", "pantry.shelf 0")
	if out := m.cc.Run("fetch-libs"); !strings.Contains(out, "Downloaded 1 charm") {
		t.Errorf("fetch-libs: %s", out)
	}
	if out := m.cc.Run("fetch-libs"); !strings.Contains(out, "Downloaded 0 charm") {
		t.Errorf("fetch-libs again: %s", out)
	}
	m.cc.In = projectFolder(t, "guest", "pantry.nothing 0")
	refused(t, m.cc, nil, 1, "could not be found in the store", "fetch-libs")
	refused(t, m.cc, nil, 1, "not found in Charmhub", "fetch-lib", "charms.nobodys.v0.shelf")

	var byID map[string]any
	m.cc.Get(&byID, "service", "get_libraries_metadata_by_id", id)
	if _, has := byID[id]; !has || len(byID) != 1 {
		t.Errorf("the library by its id: %v", byID)
	}
}

func mustRead(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
