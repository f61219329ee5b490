package catalog

import (
	"reflect"
	"slices"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

func TestMakingAStoreAgainChangesNothing(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		furnished(t, h)
		v := store.View{ID: "kiosks", Name: "Kiosks", Includes: []string{store.GlobalStore}}
		made, isNew, err := h.MakeView(t.Context(), operator, v, []string{"bell", "anchor"})
		if err != nil || !isNew {
			t.Fatalf("made %v, %v", isNew, err)
		}
		seq, err := h.db.Fresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		again, isNew, err := h.MakeView(t.Context(), operator, v, []string{"anchor", "bell"})
		if err != nil || isNew || !reflect.DeepEqual(again, made) {
			t.Errorf("made again %v: %+v, %v, want %+v", isNew, again, err, made)
		}
		for _, other := range []store.View{
			{ID: "kiosks", Name: "Other", Includes: v.Includes},
			{ID: "kiosks", Name: "Kiosks"},
		} {
			_, _, err = h.MakeView(t.Context(), operator, other, []string{"bell", "anchor"})
			wantCode(t, err, "store-exists")
		}
		_, _, err = h.MakeView(t.Context(), operator, v, []string{"bell"})
		wantCode(t, err, "store-exists")
		if now, err := h.db.Fresh(t.Context()); err != nil || now != seq {
			t.Errorf("the change log went from %d to %d, %v", seq, now, err)
		}
	})
}

func TestChangingAStoreLeavesTheRestAsItIs(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		furnished(t, h)
		bell, err := h.Describe(t.Context(), operator, store.Snap, "bell")
		if err != nil {
			t.Fatal(err)
		}
		owner := bell.Package.PublisherID
		want, _, err := h.MakeView(t.Context(), operator, store.View{ID: "acme", Name: "Acme", Brand: owner, Private: true}, []string{"bell"})
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			change ViewChange
			now    func()
		}{
			{ViewChange{}, func() {}},
			{ViewChange{Name: new("Acme devices")}, func() { want.Name = "Acme devices" }},
			{ViewChange{Includes: []string{store.GlobalStore, store.GlobalStore}}, func() { want.Includes = []string{store.GlobalStore} }},
			{ViewChange{Packages: []string{"bell"}}, func() {}},
			{ViewChange{NotPackages: []string{"bell"}}, func() { want.Packages = []string{} }},
			{ViewChange{NotIncludes: []string{store.GlobalStore}}, func() { want.Includes = []string{} }},
			{ViewChange{Private: new(false)}, func() { want.Private = false }},
			{ViewChange{Brand: new("")}, func() { want.Brand = "" }},
		} {
			got, err := h.ChangeView(t.Context(), operator, "acme", tt.change)
			tt.now()
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v makes it %+v, %v, want %+v", tt.change, got, err, want)
			}
			views, err := h.Views(t.Context(), operator)
			if err != nil || !reflect.DeepEqual(inOrder(views[0]), want) {
				t.Errorf("%+v keeps %+v, %v, want %+v", tt.change, views[0], err, want)
			}
		}
		for _, tt := range []struct {
			id     string
			change ViewChange
			code   string
		}{
			{"nowhere", ViewChange{}, "store-not-found"},
			{"acme", ViewChange{Private: new(true)}, "brand-missing"},
			{"acme", ViewChange{Brand: new("nobody")}, "account-not-found"},
			{"acme", ViewChange{Includes: []string{"acme"}}, "invalid-include"},
			{"acme", ViewChange{NotIncludes: []string{"other"}}, "not-included"},
			{"acme", ViewChange{NotPackages: []string{"bell"}}, "not-shown"},
			{"acme", ViewChange{Packages: []string{"nothing"}}, "package-not-found"},
		} {
			_, err := h.ChangeView(t.Context(), operator, tt.id, tt.change)
			wantCode(t, err, tt.code)
		}
	})
}

func TestAStoreIsRemovedOnlyWhenNothingNeedsIt(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		furnished(t, h)
		home, global := "home", store.GlobalStore
		for _, v := range []store.View{{ID: home, Includes: []string{global}}, {ID: "other", Includes: []string{home}}} {
			if _, _, err := h.MakeView(t.Context(), operator, v, []string{"bell"}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.ChangePackage(t.Context(), operator, store.Snap, "essay", PackageChange{StoreID: &home}); err != nil {
			t.Fatal(err)
		}
		wantCode(t, h.RemoveView(t.Context(), operator, global), "global-store")
		wantCode(t, h.RemoveView(t.Context(), operator, "nowhere"), "store-not-found")
		wantCode(t, h.RemoveView(t.Context(), operator, home), "store-in-use")
		if _, err := h.ChangePackage(t.Context(), operator, store.Snap, "essay", PackageChange{StoreID: &global}); err != nil {
			t.Fatal(err)
		}
		wantCode(t, h.RemoveView(t.Context(), operator, home), "store-in-use")
		for _, id := range []string{"other", home} {
			if err := h.RemoveView(t.Context(), operator, id); err != nil {
				t.Fatal(err)
			}
		}
		views, err := h.Views(t.Context(), operator)
		if err != nil || !slices.EqualFunc(views, []string{global}, func(v store.View, id string) bool { return v.ID == id }) {
			t.Errorf("stores %+v, %v", views, err)
		}
		if v, err := h.View(t.Context(), home); err != nil || len(v.Includes)+len(v.Packages) > 0 {
			t.Errorf("the removed store is still %+v, %v", v, err)
		}
	})
}
