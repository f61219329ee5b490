package db

import (
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

// shelf fills a database with packages to look for; the keys are their names.
func shelf(t *testing.T, db *DB) map[string]*store.Package {
	packages := make(map[string]*store.Package)
	update(t, db, func(tx *Tx) error {
		clear(packages)
		kept := []struct {
			name    string
			listing store.Listing
			meta    store.Meta
			change  func(*store.Package)
		}{
			{name: "vlc", listing: store.Listing{Title: "VLC media player", Summary: "The ultimate player"}},
			{name: "vlc-extras", listing: store.Listing{Title: "Extras", Summary: "More for the player"}},
			{name: "hello-world", meta: store.Meta{Summary: "The greeting of programmers", Description: "Prints a line. Café crème.", CommonIDs: []string{"org.example.Hello.desktop"}}},
			{name: "player", listing: store.Listing{Title: "Just that"}},
			{name: "secret", listing: store.Listing{Title: "player"}, change: func(p *store.Package) { p.Private = true }},
			{name: "hidden", listing: store.Listing{Title: "player"}, change: func(p *store.Package) { p.Unlisted = true }},
			{name: "branded", listing: store.Listing{Title: "player"}, change: func(p *store.Package) { p.StoreID = "acme" }},
		}
		other := testAccount(2)
		other.Username, other.DisplayName = "videolan", "VideoLAN ✓"
		if err := tx.PutAccount(other); err != nil {
			return err
		}
		for i, k := range kept {
			p := testPackage(i)
			p.Name, p.Listing = k.name, k.listing
			if k.change != nil {
				k.change(p)
			}
			packages[k.name] = p
			if err := addPackage(tx, p, 0); err != nil {
				return err
			}
			if k.name == "vlc" {
				p.PublisherID = other.ID
				if err := tx.UpdatePackage(p); err != nil {
					return err
				}
			}
			if _, err := tx.AddBlob(testBlob("revision of " + p.ID)); err != nil {
				return err
			}
			v := testRevision(p, 1)
			v.Meta = k.meta
			if err := tx.InsertRevision(v); err != nil {
				return err
			}
			if _, err := tx.AppendReleases([]store.Release{testRelease(p, "stable", 1)}); err != nil {
				return err
			}
		}
		if _, err := tx.AddCategory("media"); err != nil {
			return err
		}
		if err := tx.SetCategories(packages["vlc"].ID, []store.Category{{Name: "media", Featured: true}}); err != nil {
			return err
		}
		return tx.SetCategories(packages["player"].ID, []store.Category{{Name: "media"}})
	})
	return packages
}

func TestSearchFinds(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		packages := shelf(t, db)
		named := make(map[string]string)
		for name, p := range packages {
			named[p.ID] = name
		}
		for _, c := range []struct {
			why   string
			query store.SearchQuery
			want  []string
			order bool
		}{
			{why: "the exact name first, then names that begin so", query: store.SearchQuery{Text: "vlc"}, want: []string{"vlc", "vlc-extras"}, order: true},
			{why: "the beginning of a name", query: store.SearchQuery{Text: "vl"}, want: []string{"vlc", "vlc-extras"}},
			{why: "any case", query: store.SearchQuery{Text: " VLC "}, want: []string{"vlc", "vlc-extras"}},
			{why: "a name before a title before a summary", query: store.SearchQuery{Text: "player", Stores: []string{store.GlobalStore}}, want: []string{"player", "vlc", "vlc-extras"}, order: true},
			{why: "every word", query: store.SearchQuery{Text: "ultimate player"}, want: []string{"vlc"}},
			{why: "words of different fields", query: store.SearchQuery{Text: "videolan media"}, want: []string{"vlc"}},
			{why: "a name with a hyphen", query: store.SearchQuery{Text: "hello-world"}, want: []string{"hello-world"}},
			{why: "the second word of a name", query: store.SearchQuery{Text: "wor"}, want: []string{"hello-world"}},
			{why: "the summary of the newest revision", query: store.SearchQuery{Text: "greeting"}, want: []string{"hello-world"}},
			{why: "accents or none", query: store.SearchQuery{Text: "cafe crÈme"}, want: []string{"hello-world"}},
			{why: "only names by their beginning", query: store.SearchQuery{Text: "greet"}},
			{why: "a common id as text", query: store.SearchQuery{Text: "org.example.Hello.desktop"}, want: []string{"hello-world"}},
			{why: "a common id exactly", query: store.SearchQuery{CommonID: "org.example.Hello.desktop"}, want: []string{"hello-world"}},
			{why: "no part of a common id", query: store.SearchQuery{CommonID: "org.example.Hello"}},
			{why: "a prefix of the name", query: store.SearchQuery{NamePrefix: "vlc-"}, want: []string{"vlc-extras"}},
			{why: "a publisher", query: store.SearchQuery{PublisherID: testAccount(2).ID}, want: []string{"vlc"}},
			{why: "a category", query: store.SearchQuery{Category: "media"}, want: []string{"player", "vlc"}, order: true},
			{why: "featured in a category", query: store.SearchQuery{Category: "media", Featured: true}, want: []string{"vlc"}},
			{why: "featured anywhere", query: store.SearchQuery{Featured: true}, want: []string{"vlc"}},
			{why: "another namespace", query: store.SearchQuery{Namespace: store.Charm, Text: "vlc"}},
			{why: "a store and a package besides", query: store.SearchQuery{Text: "player", Stores: []string{"acme"}, Packages: []string{packages["vlc"].ID}}, want: []string{"vlc", "branded"}},
			{why: "private ones on request", query: store.SearchQuery{NamePrefix: "secret", Private: true}, want: []string{"secret"}},
			{why: "unlisted ones never", query: store.SearchQuery{NamePrefix: "hidden", Private: true}},
			{why: "nothing asked, everything by name", query: store.SearchQuery{}, want: []string{"branded", "hello-world", "player", "vlc", "vlc-extras"}, order: true},
			{why: "a page of it", query: store.SearchQuery{Offset: 1, Limit: 2}, want: []string{"hello-world", "player"}, order: true},
			{why: "nothing but signs", query: store.SearchQuery{Text: `"'*:&|!()-^ {`}},
		} {
			ids, err := db.Search(t.Context(), c.query)
			if err != nil {
				t.Errorf("%s: %v", c.why, err)
				continue
			}
			var got []string
			for _, id := range ids {
				got = append(got, named[id])
			}
			if !c.order {
				slices.Sort(got)
				slices.Sort(c.want)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: found %q, want %q", c.why, got, c.want)
			}
		}
	})
}

func TestSearchFollowsChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		packages := shelf(t, db)
		finds := func(text, name string) bool {
			ids, err := db.Search(t.Context(), store.SearchQuery{Text: text})
			if err != nil {
				t.Fatal(err)
			}
			return slices.Contains(ids, packages[name].ID)
		}
		update(t, db, func(tx *Tx) error {
			vlc := packages["vlc"]
			vlc.Listing.Title = "Cone"
			if err := tx.UpdatePackage(vlc); err != nil {
				return err
			}
			hello := packages["hello-world"]
			v := testRevision(hello, 2)
			v.Meta = store.Meta{Summary: "Now a farewell"}
			if err := tx.InsertRevision(v); err != nil {
				return err
			}
			if _, err := tx.AppendReleases([]store.Release{testRelease(hello, "edge", 2)}); err != nil {
				return err
			}
			a := testAccount(2)
			a.Username, a.DisplayName = "renamed", "Renamed"
			tx.Record(store.AccountPut, "account/"+a.ID, nil)
			return tx.PutAccount(a)
		})
		for _, c := range []struct {
			text, name string
			want       bool
		}{
			{"cone", "vlc", true}, {"media", "vlc", false},
			{"farewell", "hello-world", true}, {"greeting", "hello-world", false},
			{"renamed", "vlc", true}, {"videolan", "vlc", false},
		} {
			if got := finds(c.text, c.name); got != c.want {
				t.Errorf("%q finds %s: %t", c.text, c.name, got)
			}
		}
		if ids, err := db.Search(t.Context(), store.SearchQuery{CommonID: "org.example.Hello.desktop"}); err != nil || len(ids) != 0 {
			t.Errorf("the common id of an older revision is found: %v, %v", ids, err)
		}
		if db.backend.dialect().name == "sqlite" { // PostgreSQL keeps the index itself
			const check = `INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)`
			if _, err := db.pool().ExecContext(t.Context(), check); err != nil {
				t.Errorf("the index and the documents differ: %v", err)
			}
		}
	})
}

// hostile is text that means something to one language or the other.
var hostile = []string{
	`'`, `"`, `''`, `""`, `\`, `'; DROP TABLE packages; --`, `" OR "1"="1`, `a" OR name : "b`, `name : x`,
	`NEAR(a b, 2)`, `a AND`, `NOT`, `OR OR`, `a*`, `*`, `^a`, `{name} : a`, `a + b`, `-a`, `(`, `)`, `((((`, `a:*`, `a & | b`,
	`a <-> b`, `!a`, `'a':*A`, `$1`, `?`, `??`, `%`, `_`, `json_each(?)`, `{"a": 1}`, `]`, `ﬀ`, `é̂`, `日本語`, `🦀`, ` `, "\t\n",
	`'a\'`, `a'b`, `a\'b`, `1e5`, `1.0`, `http://example.com/a?b=c`, `a@b.c`, `/usr/bin`, `<b>`, `&amp;`, `-1`, `0x1`, `a_b`,
}

func TestNoTextIsASyntaxError(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		shelf(t, db)
		for _, text := range hostile {
			for _, q := range []store.SearchQuery{
				{Text: text}, {Text: "vlc " + text}, {NamePrefix: text}, {CommonID: text}, {Category: text},
				{PublisherID: text}, {Namespace: store.Namespace(text)}, {Stores: []string{text}, Packages: []string{text}},
			} {
				if _, err := db.Search(t.Context(), q); err != nil {
					t.Errorf("%+v: %v", q, err)
				}
			}
			facts, err := db.Facts(t.Context(), store.Snap, []store.Ref{{ID: text}, {Name: text}}, FactsOptions{})
			if err != nil || facts[0] != nil || facts[1] != nil {
				t.Errorf("facts of %q: %v, %v", text, facts, err)
			}
			a := testAccount(7)
			a.Username, a.DisplayName = text, text
			update(t, db, func(tx *Tx) error {
				if err := tx.PutAccount(a); err != nil {
					return err
				}
				got, err := tx.AccountByUsername(text)
				if err == nil && got != a {
					t.Errorf("stored %+v, read %+v", a, got)
				}
				tx.Record(store.AccountPut, "account/"+text, map[string]any{"text": text})
				return err
			})
		}
		for _, text := range []string{"a\x00b", "a\xffb"} {
			if _, err := db.Facts(t.Context(), store.Snap, []store.Ref{{Name: text}}, FactsOptions{}); err != nil && store.KindOf(err) != store.KindInvalid {
				t.Errorf("facts of %q: %v", text, err)
			}
			if _, err := db.Search(t.Context(), store.SearchQuery{Text: text}); err != nil {
				t.Errorf("search for %q: %v", text, err)
			}
			err := db.View(t.Context(), func(tx *Tx) error { _, err := tx.Account(text); return err })
			if store.CodeOf(err) != "invalid-text" {
				t.Errorf("account %q: %v", text, err)
			}
		}
		if problems, err := db.Fsck(t.Context()); err != nil || len(problems) != 0 {
			t.Errorf("fsck: %v, %v", problems, err)
		}
	})
}

func TestManyKindsOfSearchesDoNotPileUp(t *testing.T) {
	db, err := Open(t.Context(), databases["sqlite"](t), Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	packages := shelf(t, db)
	pick := func(bits, bit int, s string) string {
		if bits&(1<<bit) == 0 {
			return ""
		}
		return s
	}
	for bits := range 1 << 8 {
		ids, err := db.Search(t.Context(), store.SearchQuery{
			Text: pick(bits, 0, "vlc"), Namespace: store.Namespace(pick(bits, 1, "snap")), NamePrefix: pick(bits, 2, "vl"),
			PublisherID: pick(bits, 3, testAccount(2).ID), Category: pick(bits, 4, "media"), Featured: bits&(1<<5) != 0,
			Private: bits&(1<<6) != 0, Stores: strings.Fields(pick(bits, 7, store.GlobalStore)),
		})
		if err != nil || !slices.Contains(ids, packages["vlc"].ID) {
			t.Errorf("search %08b: %v, %v", bits, ids, err)
		}
	}
	b := db.backend.(*sqliteBackend)
	c, err := b.take(t.Context(), b.readers)
	if err != nil {
		t.Fatal(err)
	}
	defer b.readers.put(c)
	if n := len(c.stmts); n != maxStatements {
		t.Errorf("%d statements are kept", n)
	}
}
