package catalog

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// libraryText is a library's content that says what it must.
func libraryText(id string, api, patch int, more string) store.LibraryRevision {
	content := fmt.Sprintf("LIBID = %q\nLIBAPI = %d\nLIBPATCH = %d\n%s\n", id, api, patch, more)
	return store.LibraryRevision{LibraryID: id, API: api, Patch: patch, Content: content, Hash: store.LibraryHash(content)}
}

func number(n int) *int { return &n }

func versionsOf(list []LibraryVersion) (names []string) {
	for _, v := range list {
		names = append(names, fmt.Sprintf("%s.%s %d.%d", v.Charm, v.Library.Name, v.API, v.Patch))
	}
	return names
}

func TestALibraryIsPublishedAndFetched(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		alice := h.person(t, "alice", store.RolePublisher)
		h.charmed(t, alice, Registration{Name: "hello"})
		h.charmed(t, alice, Registration{Name: "bare"})
		since := h.seq(t)
		l, err := h.CreateLibrary(ctx, alice, "hello", "db")
		if err != nil {
			t.Fatal(err)
		}
		again, err := h.CreateLibrary(ctx, alice, "hello", "db")
		if err != nil || again.ID != l.ID {
			t.Errorf("created again: %v, %v", again, err)
		}
		other, err := h.CreateLibrary(ctx, alice, "hello", "cache")
		if err != nil || other.ID == l.ID {
			t.Fatalf("another: %v, %v", other, err)
		}
		// Known, but without any version: charmcraft asks before it publishes the first.
		none, err := h.Libraries(ctx, store.Principal{}, []LibraryWish{{ID: l.ID, API: number(0)}, {Charm: "hello"}, {Charm: "bare"}})
		if err != nil || len(none) != 0 {
			t.Errorf("before anything is published: %v, %v", none, err)
		}
		for _, v := range []store.LibraryRevision{
			libraryText(l.ID, 0, 1, "one"), libraryText(l.ID, 0, 2, "two"), libraryText(l.ID, 1, 0, "three"), libraryText(other.ID, 0, 7, "four"),
		} {
			for range 2 { // sent twice, it is published once
				got, err := h.PublishLibrary(ctx, alice, "hello", v)
				if err != nil || got.Charm != "hello" || got.Hash != v.Hash || got.Content != v.Content {
					t.Fatalf("published %+v, %v", got, err)
				}
			}
		}
		want := []string{
			store.LibraryAdded, store.LibraryAdded, store.LibraryPublished, store.LibraryPublished, store.LibraryPublished, store.LibraryPublished,
		}
		if got := h.kinds(t, since); !slices.Equal(got, want) {
			t.Errorf("changes %q", got)
		}
		if _, err := h.CreateLibrary(ctx, alice, "hello", "db"); store.CodeOf(err) != "library-taken" {
			t.Errorf("created after it was published: %v", err)
		}
		for what, c := range map[string]struct {
			wishes []LibraryWish
			want   []string
		}{
			"all of a charm":     {[]LibraryWish{{Charm: "hello"}}, []string{"hello.cache 0.7", "hello.db 0.2", "hello.db 1.0"}},
			"one api":            {[]LibraryWish{{Charm: "hello", API: number(0)}}, []string{"hello.cache 0.7", "hello.db 0.2"}},
			"by name":            {[]LibraryWish{{Charm: "hello", Name: "db"}}, []string{"hello.db 0.2", "hello.db 1.0"}},
			"by id":              {[]LibraryWish{{ID: l.ID, API: number(1)}}, []string{"hello.db 1.0"}},
			"an older one":       {[]LibraryWish{{Charm: "hello", Name: "db", API: number(0), Patch: number(1)}}, []string{"hello.db 0.1"}},
			"no such version":    {[]LibraryWish{{ID: l.ID, API: number(0), Patch: number(9)}, {ID: l.ID, API: number(7)}}, nil},
			"the same in ways":   {[]LibraryWish{{ID: l.ID, API: number(0)}, {Charm: "hello", Name: "db"}, {ID: l.ID, API: number(0), Patch: number(2)}}, []string{"hello.db 0.2", "hello.db 1.0"}},
			"a charm with none":  {[]LibraryWish{{Charm: "bare"}}, nil},
			"nothing":            {nil, nil},
			"in their own order": {[]LibraryWish{{ID: l.ID, API: number(1)}, {ID: other.ID}}, []string{"hello.db 1.0", "hello.cache 0.7"}},
		} {
			got, err := h.Libraries(ctx, store.Principal{}, c.wishes)
			if err != nil || !slices.Equal(versionsOf(got), c.want) {
				t.Errorf("%s: %q, %v", what, versionsOf(got), err)
			}
			if slices.ContainsFunc(got, func(v LibraryVersion) bool { return v.Content != "" }) {
				t.Errorf("%s: a list has contents", what)
			}
		}
		for what, wishes := range map[string][]LibraryWish{
			"an id":                   {{Charm: "hello"}, {ID: "nobody"}},
			"a charm":                 {{Charm: "nobody"}},
			"a library":               {{Charm: "hello", Name: "nobody"}},
			"no word":                 {{}},
			"a library without charm": {{Name: "db"}},
		} {
			if _, err := h.Libraries(ctx, store.Principal{}, wishes); store.CodeOf(err) != CodeNoLibrary {
				t.Errorf("%s that there is not: %v", what, err)
			}
		}
		for what, wishes := range map[string][]LibraryWish{
			"without api": {{ID: l.ID, Patch: number(1)}}, "of a whole charm": {{Charm: "hello", API: number(0), Patch: number(1)}},
		} {
			if _, err := h.Libraries(ctx, store.Principal{}, wishes); store.CodeOf(err) != "invalid-field" {
				t.Errorf("a patch %s: %v", what, err)
			}
		}
		if _, err := h.Libraries(ctx, store.Principal{}, make([]LibraryWish, maxLibraryWishes+1)); store.KindOf(err) != store.KindTooLarge {
			t.Errorf("too many wishes: %v", err)
		}
		for what, c := range map[string]struct {
			api, patch *int
			want       string
		}{
			"the newest":      {nil, nil, "three"},
			"of an api":       {number(0), nil, "two"},
			"an older one":    {number(0), number(1), "one"},
			"no such api":     {number(4), nil, ""},
			"below all apis":  {number(-1), nil, ""},
			"no such patch":   {number(0), number(3), ""},
			"a patch of what": {nil, number(1), ""},
		} {
			got, err := h.Library(ctx, store.Principal{}, "hello", l.ID, c.api, c.patch)
			if c.want == "" {
				if code := store.CodeOf(err); code != "library-version-not-found" && code != "invalid-field" {
					t.Errorf("%s: %v", what, err)
				}
			} else if err != nil || !strings.Contains(got.Content, c.want+"\n") {
				t.Errorf("%s: %q, %v", what, got.Content, err)
			}
		}
		if _, err := h.Library(ctx, store.Principal{}, "bare", l.ID, nil, nil); store.CodeOf(err) != CodeNoLibrary {
			t.Errorf("of another charm: %v", err)
		}
		if _, err := h.Unregister(ctx, alice, store.Charm, "hello"); store.CodeOf(err) != "package-published" {
			t.Errorf("gave up a name with libraries: %v", err)
		}
	})
}

func TestALibraryIsPublishedOnceByAnyNumberOfNodes(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		alice := h.person(t, "alice", store.RolePublisher)
		h.charmed(t, alice, Registration{Name: "hello"})
		nodes := []*Catalog{h.Catalog, h.neighbour(t)}
		const many = 8
		ids, results := make([]string, many), make([]error, many)
		var all sync.WaitGroup
		for i := range many {
			all.Go(func() {
				l, err := nodes[i%2].CreateLibrary(t.Context(), alice, "hello", "db")
				if err == nil {
					ids[i] = l.ID
				}
				results[i] = err
			})
		}
		all.Wait()
		for i := range many {
			if results[i] != nil || ids[i] != ids[0] {
				t.Errorf("created as %s, %v", ids[i], results[i])
			}
		}
		for i := range many {
			all.Go(func() {
				// Two each are alike, as when a client sends one twice.
				_, results[i] = nodes[i%2].PublishLibrary(t.Context(), alice, "hello", libraryText(ids[0], 0, 1, fmt.Sprint(i/2)))
			})
		}
		all.Wait()
		published := 0
		for i := 0; i < many; i += 2 {
			if (results[i] == nil) != (results[i+1] == nil) {
				t.Errorf("of one request twice: %v and %v", results[i], results[i+1])
			}
			if results[i] == nil {
				published++
			} else if store.KindOf(results[i]) != store.KindConflict {
				t.Errorf("refused with %v", results[i])
			}
		}
		if published != 1 {
			t.Errorf("%d contents were published as one version", published)
		}
	})
}

func TestWhatPublishersOfLibrariesAreRefused(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	alice, bob := h.person(t, "alice", store.RolePublisher), h.person(t, "bob", store.RolePublisher)
	h.charmed(t, alice, Registration{Name: "hello", Private: true})
	h.charmed(t, alice, Registration{Name: "other"})
	h.charmed(t, alice, Registration{Name: "many", Type: store.TypeBundle})
	l, err := h.CreateLibrary(ctx, alice, "hello", "db")
	if err != nil {
		t.Fatal(err)
	}
	limited := func(permissions ...string) store.Principal {
		who := alice
		who.Limits = []store.Limits{{Permissions: store.WirePermissions(permissions)}}
		return who
	}
	for _, c := range []struct {
		what, charm, name string
		who               store.Principal
		code              string
	}{
		{"a device", "hello", "x", store.Principal{}, store.CodePermission},
		{"another", "hello", "x", bob, "package-not-found"}, // it is private
		{"another, of one to be seen", "other", "x", bob, store.CodeForeignPackage},
		{"a token for all but libraries", "hello", "x", limited("package-manage-metadata", "package-manage-releases", "package-manage-revisions", "package-manage-acl", "package-view"), store.CodePermission},
		{"no such charm", "nothing", "x", alice, "package-not-found"},
		{"a bundle", "many", "x", alice, "no-libraries"},
		{"a name that is none", "hello", "X-y", alice, "invalid-library-name"},
		{"a module's end", "hello", "db.py", alice, "invalid-library-name"},
	} {
		if _, err := h.CreateLibrary(ctx, c.who, c.charm, c.name); store.CodeOf(err) != c.code {
			t.Errorf("%s creates: %v, want %s", c.what, err, c.code)
		}
	}
	good := libraryText(l.ID, 0, 1, "x")
	for _, c := range []struct {
		what, charm string
		who         store.Principal
		next        store.LibraryRevision
		code        string
	}{
		{"a device", "hello", store.Principal{}, good, store.CodePermission},
		{"another", "hello", bob, good, "package-not-found"},
		{"a token for all but libraries", "hello", limited("package-manage-revisions"), good, store.CodePermission},
		{"an id that is none", "hello", alice, libraryText("none", 0, 1, "x"), CodeNoLibrary},
		{"under another charm", "other", alice, good, CodeNoLibrary},
		{"another hash", "hello", alice, store.LibraryRevision{LibraryID: l.ID, API: 0, Patch: 1, Content: good.Content, Hash: "0"}, "invalid-library-hash"},
	} {
		if _, err := h.PublishLibrary(ctx, c.who, c.charm, c.next); store.CodeOf(err) != c.code {
			t.Errorf("%s publishes: %v, want %s", c.what, err, c.code)
		}
	}
	librarian := limited("package-manage-library")
	if _, err := h.PublishLibrary(ctx, librarian, "hello", good); err != nil {
		t.Errorf("a token for libraries alone: %v", err)
	}
	for _, next := range []store.LibraryRevision{libraryText(l.ID, 0, 3, "y"), libraryText(l.ID, 0, 1, "y"), libraryText(l.ID, 0, 2, "x")} {
		if _, err := h.PublishLibrary(ctx, alice, "hello", next); store.KindOf(err) != store.KindConflict {
			t.Errorf("%d.%d after 0.1: %v", next.API, next.Patch, err)
		}
	}

}

func TestThePrivateCharmsLibrariesAreItsTeams(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	alice, bob := h.person(t, "alice", store.RolePublisher), h.person(t, "bob", store.RolePublisher)
	carol := h.person(t, "carol", store.RolePublisher)
	pkg := h.charmed(t, alice, Registration{Name: "hello", Private: true})
	h.update(t, func(tx *db.Tx) error {
		tx.Record(store.CollaboratorPut, "package/"+pkg.ID, nil)
		return tx.PutCollaborator(store.Collaborator{PackageID: pkg.ID, Account: store.Account{ID: carol.Account}, CreatedAt: tx.Now()})
	})
	l, err := h.CreateLibrary(ctx, carol, "hello", "db")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.PublishLibrary(ctx, carol, "hello", libraryText(l.ID, 0, 1, "x")); err != nil {
		t.Fatal(err)
	}
	librarian := alice
	librarian.Limits = []store.Limits{{Permissions: store.WirePermissions([]string{"package-manage-library"})}}
	elsewhere := alice
	elsewhere.Limits = []store.Limits{{Packages: []store.PackageLimit{{Name: "other"}}}}
	for _, c := range []struct {
		what string
		who  store.Principal
		sees bool
	}{
		{"anybody", store.Principal{}, false}, {"another publisher", bob, false}, {"its publisher", alice, true},
		{"a collaborator", carol, true}, {"a token for libraries", librarian, true}, {"a token for another charm", elsewhere, false},
		{"the operator", operator, true},
	} {
		_, err := h.Library(ctx, c.who, "hello", l.ID, nil, nil)
		if (err == nil) != c.sees || err != nil && store.CodeOf(err) != CodeNoLibrary {
			t.Errorf("%s fetches it: %v", c.what, err)
		}
		for _, wish := range []LibraryWish{{Charm: "hello"}, {Charm: "hello", Name: "db"}, {ID: l.ID}} {
			list, err := h.Libraries(ctx, c.who, []LibraryWish{wish})
			if (err == nil && len(list) == 1) != c.sees || err != nil && store.CodeOf(err) != CodeNoLibrary {
				t.Errorf("%s lists %+v: %v, %v", c.what, wish, list, err)
			}
		}
		// In the same words as what does not exist.
		_, none := h.Library(ctx, c.who, "hello", "nobody", nil, nil)
		if !c.sees && fmt.Sprint(err) != fmt.Sprint(none) {
			t.Errorf("%s is told %v, and of nothing %v", c.what, err, none)
		}
	}
}

func TestLibrariesAreCounted(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	alice := h.person(t, "alice", store.RolePublisher)
	pkg := h.charmed(t, alice, Registration{Name: "hello"})
	h.update(t, func(tx *db.Tx) error {
		tx.Record(store.LibraryAdded, "package/"+pkg.ID, nil)
		for i := range maxLibraries {
			if err := tx.AddLibrary(store.Library{ID: fmt.Sprint("lib", i), PackageID: pkg.ID, Name: fmt.Sprint("lib", i), CreatedAt: tx.Now()}); err != nil {
				return err
			}
		}
		for i := range maxLibraryAPIs {
			if err := tx.AddLibraryRevision(store.LibraryRevision{LibraryID: "lib0", API: i, Patch: 1, Hash: "h", CreatedAt: tx.Now()}); err != nil {
				return err
			}
		}
		for i := range maxLibraryRevisions {
			if err := tx.AddLibraryRevision(store.LibraryRevision{LibraryID: "lib1", API: 0, Patch: i, Hash: "h", CreatedAt: tx.Now()}); err != nil {
				return err
			}
		}
		for i := range maxLibrariesSeen + 1 {
			id := fmt.Sprint("lib", 2+i%(maxLibraries-2))
			if err := tx.AddLibraryRevision(store.LibraryRevision{LibraryID: id, API: i, Patch: 1, Hash: "h", CreatedAt: tx.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
	if _, err := h.CreateLibrary(ctx, alice, "hello", "more"); store.CodeOf(err) != "too-many-libraries" {
		t.Errorf("one more library: %v", err)
	}
	if _, err := h.PublishLibrary(ctx, alice, "hello", libraryText("lib0", maxLibraryAPIs, 1, "x")); store.CodeOf(err) != "too-many-versions" {
		t.Errorf("one more api: %v", err)
	}
	if _, err := h.PublishLibrary(ctx, alice, "hello", libraryText("lib0", 1, 2, "x")); err != nil {
		t.Errorf("one more patch of the last api: %v", err)
	}
	if _, err := h.PublishLibrary(ctx, alice, "hello", libraryText("lib1", 0, maxLibraryRevisions, "x")); store.CodeOf(err) != "too-many-versions" {
		t.Errorf("one more patch: %v", err)
	}
	if _, err := h.Libraries(ctx, store.Principal{}, []LibraryWish{{Charm: "hello"}}); store.CodeOf(err) != "too-many-libraries" {
		t.Errorf("more than can be listed: %v", err)
	}
}
