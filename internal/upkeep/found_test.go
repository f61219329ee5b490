package upkeep

import (
	"bytes"
	"sync"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/testservice"
)

func seq(t testing.TB, u *Upkeep) int64 {
	t.Helper()
	n, err := u.DB.Fresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFoundingAgainChangesNothing(t *testing.T) {
	trusted := assertiontest.NewRoot(t, "partner", assertiontest.BrandKey)
	anchors := []authority.Documents{{Origin: "partner.assert", Text: authority.Encode([]*assertion.Assertion{trusted.Account, trusted.Key})}}
	for name, f := range map[string]Founding{
		"imported root": {Root: ownRoot(t, "own")},
		"no root":       {NoRoot: true, Trust: anchors},
		"root later":    {RootLater: true, Trust: anchors},
	} {
		t.Run(name, func(t *testing.T) {
			u := open(t, newPlace(t), authority.NewSecret())
			if _, err := u.Founded(t.Context()); store.CodeOf(err) != "no-store" {
				t.Fatalf("error %v", err)
			}
			first, err := u.Found(t.Context(), operator, f)
			if err != nil || !first.New || len(first.StoreID) != 32 {
				t.Fatalf("founded %+v, %v", first, err)
			}
			if want := map[bool]string{true: "own"}[f.Root != nil]; first.Authority != want {
				t.Errorf("authority %q", first.Authority)
			}
			before := seq(t, u)
			again, err := u.Found(t.Context(), operator, f)
			if err != nil || again.New || again.StoreID != first.StoreID || again.Authority != first.Authority {
				t.Errorf("founded again %+v, %v", again, err)
			}
			if after := seq(t, u); after != before {
				t.Errorf("founding again wrote %d changes", after-before)
			}
			clean(t, u)
		})
	}
}

func TestAPublisherMayBeATrustAnchor(t *testing.T) {
	u := open(t, newPlace(t), authority.NewSecret())
	partner := assertiontest.NewRoot(t, "partner", assertiontest.BrandKey)
	if _, err := u.Found(t.Context(), operator, Founding{NoRoot: true, Trust: []authority.Documents{
		{Origin: "x", Text: authority.Encode([]*assertion.Assertion{partner.Account, partner.Key})}}}); err != nil {
		t.Fatal(err)
	}
	declared := partner.Sign(t, assertiontest.DeclarationHeaders(assertiontest.SnapID(1), "hello", "partner"), nil)
	if _, err := u.Catalog.AddAssertions(t.Context(), operator, []*assertion.Assertion{declared}); err != nil {
		t.Fatal(err)
	}
}

func TestManyProcessesMakeOneRoot(t *testing.T) {
	for name, p := range map[string]place{"sqlite": newPlace(t), "postgresql": {testservice.PostgreSQL(t), newPlace(t).blobs}} {
		t.Run(name, func(t *testing.T) {
			secret := authority.NewSecret()
			houses := make([]*Upkeep, 4)
			for i := range houses {
				houses[i] = open(t, p, secret)
			}
			if _, err := houses[0].Found(t.Context(), operator, Founding{RootLater: true}); err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for _, u := range houses {
				wg.Go(func() {
					if err := u.EnsureRoot(t.Context(), operator); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			first, err := houses[0].Founded(t.Context())
			if err != nil || first.Authority == "" {
				t.Fatalf("founded %+v, %v", first, err)
			}
			anchors, err := houses[1].Anchors(t.Context(), operator)
			own := 0
			for _, a := range anchors {
				if a.Origin == authority.OriginOwn {
					own++
				}
			}
			if err != nil || own != 1 {
				t.Errorf("%d roots of its own, %v", own, err)
			}
			before := seq(t, houses[0])
			if err := houses[2].EnsureRoot(t.Context(), operator); err != nil || seq(t, houses[0]) != before {
				t.Errorf("a later wish for a root: %v", err)
			}
			mustPush(t, houses[3], "hello", 1)
		})
	}
}

func TestARootThatIsGivenEndsTheWishForOne(t *testing.T) {
	u := open(t, newPlace(t), authority.NewSecret())
	if _, err := u.Found(t.Context(), operator, Founding{RootLater: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Found(t.Context(), operator, Founding{Root: ownRoot(t, "own")}); err != nil {
		t.Fatal(err)
	}
	if s, err := u.Status(t.Context(), operator); err != nil || s.Authority != "own" || s.NoAuthority != "" {
		t.Errorf("status %+v, %v", s, err)
	}
	if err := u.EnsureRoot(t.Context(), operator); err != nil {
		t.Error(err)
	}
	if _, err := u.Found(t.Context(), operator, Founding{Root: ownRoot(t, "other")}); store.KindOf(err) != store.KindConflict {
		t.Errorf("a second root: %v", err)
	}
}

func TestTheStoreAssertionIsSignedOnceForEachURL(t *testing.T) {
	u := found(t, newPlace(t), authority.NewSecret())
	get := func(listening string) []byte {
		t.Helper()
		text, id, err := u.StoreAssertions(t.Context(), listening)
		if err != nil || len(id) != 32 {
			t.Fatal(err)
		}
		return text
	}
	first := get("http://127.0.0.1:8444")
	if !bytes.Contains(first, []byte("url: http://127.0.0.1:8444\n")) {
		t.Errorf("assertions %s", first)
	}
	before := seq(t, u)
	if again := get("http://127.0.0.1:8444"); !bytes.Equal(again, first) || seq(t, u) != before {
		t.Error("it was signed again for the same URL")
	}
	for _, tt := range []struct {
		set map[string]string
		url string
	}{
		{map[string]string{"proxy.domain": "snaps.example", "proxy.port.http": "8000"}, "http://snaps.example:8000"},
		{map[string]string{"proxy.port.http": "80"}, "http://snaps.example"},
		{map[string]string{"proxy.domain": "::1"}, "http://[::1]"},
		{map[string]string{"proxy.domain": "snaps.example", "proxy.tls.cert": "x"}, "https://snaps.example"},
		{map[string]string{"internal.store.url": "https://elsewhere.example/"}, "https://elsewhere.example"},
	} {
		if _, err := u.Settings.Set(t.Context(), operator, tt.set); err != nil {
			t.Fatal(err)
		}
		if text := get("http://127.0.0.1:1"); !bytes.Contains(text, []byte("\nurl: "+tt.url+"\n")) {
			t.Errorf("after %v: %s", tt.set, text)
		}
	}
}

func TestWithoutARootThereIsNoStoreAssertion(t *testing.T) {
	u := open(t, newPlace(t), authority.NewSecret())
	if _, err := u.Found(t.Context(), operator, Founding{NoRoot: true}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := u.StoreAssertions(t.Context(), "http://x"); store.CodeOf(err) != "not-registered" {
		t.Errorf("error %v", err)
	}
	if s, err := u.Status(t.Context(), operator); err != nil || s.NoAuthority == "" || len(s.Services) != 2 {
		t.Errorf("status %+v, %v", s, err)
	}
}
