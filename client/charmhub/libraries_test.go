package charmhub

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/larder-store/larder/client/internal/storetest"
)

// unknownLibrary is what stores say about a library they do not have.
const unknownLibrary = `{"error-list":[{"code":null,"message":"Items need to include 'library_id' or 'package_id'"}]}`

func TestListLibraries(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("POST /v1/charm/libraries/bulk", 200, `{"libraries":[
		{"api":0,"patch":3,"hash":"aa","library-id":"one","library-name":"oven","charm-name":"bake-it"},
		{"api":1,"patch":0,"hash":"bb","library-id":"one","library-name":"oven","charm-name":"bake-it"},
		{"api":0,"patch":9,"hash":"cc","library-id":"two","library-name":"pan","charm-name":"bake-it"}]}`)
	c := s.client()
	tips, err := c.LibraryTips(t.Context(), LibraryRequest{LibraryID: "one", API: ptr(0)}, LibraryRequest{CharmName: "bake-it", LibraryName: "pan", Patch: ptr(9)})
	if err != nil || len(tips) != 3 || tips[LibraryKey{"one", 1}].Hash != "bb" || tips[LibraryKey{"one", 0}].Version().String() != "0.3" {
		t.Errorf("tips %+v, %v", tips, err)
	}
	if want := `[{"library-id":"one","api":0},{"charm-name":"bake-it","library-name":"pan","patch":9}]`; !storetest.SameJSON(t, s.Last().Body, want) {
		t.Errorf("sent %s", s.Last().Body)
	}
	ids, err := c.LibrariesByID(t.Context(), "one", "two")
	if err != nil || len(ids) != 2 || ids["two"].Patch != 9 || !storetest.SameJSON(t, s.Last().Body, `[{"library-id":"one"},{"library-id":"two"}]`) {
		t.Errorf("by id %+v, %v", ids, err)
	}
	names, err := c.LibrariesByName(t.Context(), LibraryRequest{CharmName: "bake-it"})
	if err != nil || len(names) != 2 || names["bake-it.pan"].LibraryID != "two" {
		t.Errorf("by name %+v, %v", names, err)
	}
}

// TestUnknownLibraries are found out by the code that is null, and by no other
// refusal.
func TestUnknownLibraries(t *testing.T) {
	for _, tt := range []struct {
		name    string
		status  int
		body    string
		unknown bool
	}{
		{"null code", 400, unknownLibrary, true},
		{"null code with 404", 404, unknownLibrary, true},
		{"another code", 400, `{"error-list":[{"code":"api-error","message":"Bad."}]}`, false},
		{"null code of a refused login", 403, unknownLibrary, false},
		{"no list", 400, `{}`, false},
		{"the store is ill", 500, unknownLibrary, false},
	} {
		s := newFakeStore(t)
		s.Answer("POST /v1/charm/libraries/bulk", tt.status, tt.body)
		_, err := s.client().ListLibraries(t.Context(), LibraryRequest{LibraryID: "x"})
		var refused *StoreError
		if err == nil || errors.Is(err, ErrNotFound) != tt.unknown || !errors.As(err, &refused) || refused.Status != tt.status {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestLibrariesWithAStaleLogin are read without it.
func TestLibrariesWithAStaleLogin(t *testing.T) {
	s := newFakeStore(t)
	s.Mux.HandleFunc("POST /v1/charm/libraries/bulk", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			storetest.Write(w, 401, `{"error-list":[{"code":"unauthorized","message":"It has expired."}]}`)
			return
		}
		storetest.Write(w, 200, `{"libraries":[]}`)
	})
	s.Answer("GET /v1/charm/libraries/secret/x", 401, `{"error-list":[{"code":"unauthorized","message":"It has expired."}]}`)
	if got, err := s.client().ListLibraries(t.Context(), LibraryRequest{CharmName: "bake"}); err != nil || len(got) != 0 || len(s.All()) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := s.client().Library(t.Context(), "secret", "x", nil, nil); !errors.Is(err, ErrUnauthorized) {
		t.Errorf("what is refused both ways: %v", err)
	}
}

func TestLibrary(t *testing.T) {
	s := newFakeStore(t)
	content := "LIBID = 'one'\nLIBAPI = 0\nLIBPATCH = 3\nx = 1\n"
	l := Library{Patch: 3, LibraryID: "one", LibraryName: "oven", CharmName: "bake-it", Hash: ContentHash([]byte(content)), Content: content}
	encoded, err := json.Marshal(l)
	must(t, err)
	s.Answer("GET /v1/charm/libraries/bake-it/one", 200, string(encoded))
	s.Answer("GET /v1/charm/libraries/bake-it/two", 200, strings.Replace(string(encoded), "x = 1", "x = 2", 1))
	s.Answer("GET /v1/charm/libraries/bake-it/three", 200, `{}`)
	c := s.client()
	if got, err := c.Library(t.Context(), "bake-it", "one", nil, nil); err != nil || got != l || s.Last().URI != "/v1/charm/libraries/bake-it/one" {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := c.Library(t.Context(), "bake-it", "one", ptr(0), ptr(3)); err != nil || s.Last().URI != "/v1/charm/libraries/bake-it/one?api=0&patch=3" {
		t.Errorf("asked for %s: %v", s.Last().URI, err)
	}
	if got, err := c.Library(t.Context(), "bake-it", "two", nil, nil); !errors.Is(err, ErrWrongDigest) || got.Patch != 3 {
		t.Errorf("changed content: %+v, %v", got, err)
	}
	if _, err := c.Library(t.Context(), "bake-it", "three", nil, nil); !errors.As(err, new(*InvalidResponseError)) {
		t.Errorf("no library: %v", err)
	}
}
