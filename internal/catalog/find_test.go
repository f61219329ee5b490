package catalog

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// furnished is a store whose packages differ in what find looks at.
func furnished(t *testing.T, h *house) {
	t.Helper()
	h.fill(t, 8, func(i int, p *store.Package, r *store.Revision) {
		p.Name = []string{"anvil", "anchor", "bell", "candle", "drum", "essay", "hidden", "secret"}[i]
		switch p.Name {
		case "anvil":
			p.Listing.Summary = "made of iron"
			r.Meta.CommonIDs = []string{"org.example.anvil"}
		case "bell":
			r.Meta.Confinement = "classic"
		case "candle":
			r.Platforms[0].Architecture = "arm64"
		case "hidden":
			p.Unlisted = true
		case "secret":
			p.Private = true
		}
	})
	for name, change := range map[string]PackageChange{
		"anvil": {Categories: []string{"tools"}, Featured: true},
		"bell":  {Categories: []string{"tools", "music"}},
	} {
		if _, err := h.ChangePackage(t.Context(), operator, store.Snap, name, change); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Close(t.Context(), operator, store.Snap, "drum", channelsOf(t, "stable"), ""); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Release(t.Context(), operator, store.Snap, "drum", 1, []Pointing{{Channel: channel(t, "edge")}}); err != nil {
		t.Fatal(err)
	}
}

func (h *house) found(t *testing.T, a Asker, q FindQuery) []string {
	t.Helper()
	list, err := h.Find(t.Context(), a, store.Snap, q)
	if err != nil {
		t.Fatal(err)
	}
	return names(list)
}

func names(list []Found) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.Snapshot.Package().Name)
	}
	return out
}

func TestFind(t *testing.T) {
	tests := []struct {
		name  string
		query FindQuery
		want  []string
	}{
		{"everything stable", FindQuery{}, []string{"anchor", "anvil", "bell", "candle", "essay"}},
		{"a word of the summary", FindQuery{Text: "iron"}, []string{"anvil"}},
		{"all words", FindQuery{Text: "iron made"}, []string{"anvil"}},
		{"no match", FindQuery{Text: "iron curtain"}, nil},
		{"the beginning of a name", FindQuery{Prefix: "an"}, []string{"anchor", "anvil"}},
		{"category", FindQuery{Category: "tools"}, []string{"anvil", "bell"}},
		{"featured", FindQuery{Category: "featured"}, []string{"anvil"}},
		{"confinement", FindQuery{Confinements: []string{"classic", "devmode"}}, []string{"bell"}},
		{"architecture", FindQuery{Architecture: "amd64"}, []string{"anchor", "anvil", "bell", "essay"}},
		{"risk", FindQuery{Risk: store.Edge, Prefix: "d"}, []string{"drum"}},
		{"common id", FindQuery{CommonID: "org.example.anvil"}, []string{"anvil"}},
		{"publisher", FindQuery{PublisherID: "nobody"}, nil},
		{"a page", FindQuery{Offset: 1, Limit: 2}, []string{"anvil", "bell"}},
	}
	inHouses(t, func(t *testing.T, h *house) {
		furnished(t, h)
		for _, tt := range tests {
			if got := h.found(t, Asker{}, tt.query); !slices.Equal(got, tt.want) {
				t.Errorf("%s: found %v, want %v", tt.name, got, tt.want)
			}
			if tt.query.Limit == 0 {
				if n, err := h.Count(t.Context(), Asker{}, store.Snap, tt.query); err != nil || n != len(tt.want) {
					t.Errorf("%s: counted %d, %v", tt.name, n, err)
				}
			}
		}
		shelves, err := h.Categories(t.Context(), Asker{})
		if err != nil || !slices.Equal(shelves, []string{"featured", "music", "tools"}) {
			t.Errorf("categories %v, %v", shelves, err)
		}
	})
}

func TestAPrivateStoreShowsItselfOnlyToThoseWhoBelong(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		furnished(t, h)
		brand := "brandstore"
		bell, err := h.Describe(t.Context(), operator, store.Snap, "bell")
		if err != nil {
			t.Fatal(err)
		}
		owner := bell.Package.PublisherID
		if _, _, err := h.MakeView(t.Context(), operator, store.View{ID: brand, Private: true}, nil); store.CodeOf(err) != "brand-missing" {
			t.Errorf("a private store without a brand gives %v", err)
		}
		if _, _, err := h.MakeView(t.Context(), operator, store.View{ID: brand, Private: true, Brand: owner}, []string{"bell"}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.ChangePackage(t.Context(), operator, store.Snap, "essay", PackageChange{StoreID: &brand}); err != nil {
			t.Fatal(err)
		}
		member := Asker{Who: store.Principal{StoreID: brand, Device: store.DeviceID{Brand: owner, Model: "m", Serial: "1"}}, StoreID: brand}
		otherBrand := Asker{Who: store.Principal{StoreID: brand, Device: store.DeviceID{Brand: "else", Model: "m", Serial: "1"}}, StoreID: brand}
		stranger := Asker{StoreID: brand}
		for _, tt := range []struct {
			asker       Asker
			find        []string
			essay, bell int
		}{
			{member, []string{"bell", "essay"}, 1, 1},
			{stranger, nil, 0, 0},
			{otherBrand, nil, 0, 0},
			{Asker{}, []string{"anchor", "anvil", "bell", "candle"}, 0, 1},
		} {
			if got := h.found(t, tt.asker, FindQuery{}); !slices.Equal(got, tt.find) {
				t.Errorf("%+v finds %v, want %v", tt.asker, got, tt.find)
			}
			if got := install(t, h.Catalog, tt.asker, "essay", "stable", "amd64"); got != tt.essay {
				t.Errorf("%+v gets essay %d", tt.asker, got)
			}
			if got := install(t, h.Catalog, tt.asker, "bell", "stable", "amd64"); got != tt.bell {
				t.Errorf("%+v gets bell %d", tt.asker, got)
			}
		}
		// It opens up, and includes the global store; other processes notice.
		other := h.neighbour(t)
		if _, err := other.ChangeView(t.Context(), operator, brand, ViewChange{Private: new(false), Includes: []string{store.GlobalStore}}); err != nil {
			t.Fatal(err)
		}
		for h.found(t, stranger, FindQuery{}) == nil {
			runtime.Gosched()
		}
		if got := h.found(t, stranger, FindQuery{}); len(got) != 5 {
			t.Errorf("the open store shows %v", got)
		}
	})
}

func TestAViewMustNameWhatExists(t *testing.T) {
	h := newHouse(t)
	for _, tt := range []struct {
		view     store.View
		packages []string
		code     string
	}{
		{store.View{ID: "a b"}, nil, "invalid-store-id"},
		{store.View{ID: ""}, nil, "invalid-store-id"},
		{store.View{ID: "x", Brand: "nobody"}, nil, "account-not-found"},
		{store.View{ID: "x", Includes: []string{"nowhere"}}, nil, "store-not-found"},
		{store.View{ID: "x", Includes: []string{"x"}}, nil, "invalid-include"},
		{store.View{ID: "x"}, []string{"nothing"}, "package-not-found"},
	} {
		_, _, err := h.MakeView(t.Context(), operator, tt.view, tt.packages)
		wantCode(t, err, tt.code)
	}
	if views, err := h.Views(t.Context(), operator); err != nil || len(views) != 1 {
		t.Errorf("views %v, %v", views, err)
	}
}

func TestListingEverythingTakesBoundedMemory(t *testing.T) {
	h := newHouse(t)
	const packages = 6000
	for from := 0; from < packages; from += 3000 {
		h.fill(t, 3000, func(i int, p *store.Package, r *store.Revision) {
			p.ID, p.Name = fmt.Sprintf("%032d", from+i), fmt.Sprintf("name-%d", from+i)
			r.PackageID = p.ID
		})
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	n, most := 0, uint64(0)
	err := h.EachListed(t.Context(), Asker{}, store.Snap, FindQuery{}, func(Found) error {
		if n++; n%2000 == 0 {
			most = max(most, heap())
		}
		return nil
	})
	if err != nil || n != packages {
		t.Fatalf("listed %d, %v", n, err)
	}
	if grown := int64(most) - int64(before); grown > 4<<20 {
		t.Errorf("listing took %d bytes", grown)
	}
	if s := h.Stats(); s.Packages != 0 {
		t.Errorf("listing pushed %d packages into the cache", s.Packages)
	}
	stop := errors.New("enough")
	if err := h.EachListed(t.Context(), Asker{}, store.Snap, FindQuery{}, func(Found) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

func TestWalksWaitForEachOtherAndDevicesForNone(t *testing.T) {
	h := newHouse(t)
	const packages = 1300
	h.fill(t, packages, nil)
	if n, err := h.Count(t.Context(), Asker{}, store.Snap, FindQuery{}); err != nil || n != packages {
		t.Errorf("counted %d, %v", n, err)
	}
	late, err := h.Find(t.Context(), Asker{}, store.Snap, FindQuery{Offset: packages - 1})
	if err != nil || len(late) != 1 {
		t.Errorf("found %d after all others, %v", len(late), err)
	}
	for range cap(h.walking) {
		h.walking <- struct{}{}
	}
	if found, err := h.Find(t.Context(), Asker{}, store.Snap, FindQuery{}); err != nil || len(found) != maxFound {
		t.Errorf("found %d while others walk, %v", len(found), err)
	}
	if rev := install(t, h.Catalog, Asker{}, "name-7", "stable", "amd64"); rev != 1 {
		t.Errorf("got revision %d while others walk", rev)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = h.walk(ctx, func() error { t.Error("one step too many ran"); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a step that was given up while it waited: %v", err)
	}
	for range cap(h.walking) {
		<-h.walking
	}
	err = h.EachListed(t.Context(), Asker{}, store.Snap, FindQuery{}, func(Found) error {
		if len(h.walking) > 0 {
			return errors.New("a slow reader holds up other walks")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAssertionsAreAnsweredFromMemoryUntilTheyChange(t *testing.T) {
	h := newHouse(t)
	root := h.foreign(t)
	s := h.snap(t, snapYAML("hello", "1", ""))
	p := publish(t, root, s, "snapidsnapidsnapidsnapidsnap0001", "hello", 5)
	h.push(t, Incoming{Snaps: []IncomingSnap{s}, Assertions: p.all()})
	ref := p.declaration.Ref()
	first, err := h.Assertion(t.Context(), ref, 0)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.Assertion(t.Context(), ref, 0); err != nil || again != first {
		t.Errorf("read again: %v", err)
	}
	h.update(t, func(tx *db.Tx) error {
		tx.Record(store.AssertionAdded, "assertion/x/y", nil)
		return nil
	})
	if again, err := h.Assertion(t.Context(), ref, 0); err != nil || again == first {
		t.Errorf("after a change it is still the one in memory: %v", err)
	}
	h.papers.bytes = maxPaperBytes
	if _, err := h.Assertion(t.Context(), p.account.Ref(), 0); err != nil || len(h.papers.kept) != 1 {
		t.Errorf("%d are kept beyond the bound, %v", len(h.papers.kept), err)
	}
}
