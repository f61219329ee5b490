package catalog

import (
	"slices"
	"testing"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// charmed registers a charm's name.
func (h *house) charmed(t testing.TB, who store.Principal, r Registration) *store.Package {
	t.Helper()
	r.Namespace = store.Charm
	pkg, err := h.Register(t.Context(), who, r)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// A store that signs nothing has charms all the same.
func TestCharmsNeedNoAuthority(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		alice, bob := h.person(t, "alice", store.RolePublisher), h.person(t, "bob", store.RolePublisher)
		since := h.seq(t)
		made := h.charmed(t, alice, Registration{Name: "hello", Private: true})
		bundle := h.charmed(t, alice, Registration{Name: "many", Type: store.TypeBundle})
		if got := h.kinds(t, since); !slices.Equal(got, []string{store.PackageRegistered, store.PackageRegistered}) {
			t.Errorf("changes: %v", got)
		}
		err := h.db.View(t.Context(), func(tx *db.Tx) error {
			for _, want := range []*store.Package{made, bundle} {
				got, err := tx.PackageByName(store.Charm, want.Name)
				if err != nil {
					return err
				}
				if got.ID != want.ID || len(got.ID) != 32 || got.Type != want.Type || got.PublisherID != alice.Account || got.Private != want.Private {
					t.Errorf("registered %+v", got)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if made.Type != store.TypeCharm || bundle.Type != store.TypeBundle {
			t.Errorf("types %q and %q", made.Type, bundle.Type)
		}
		for _, c := range []struct {
			what string
			who  store.Principal
			r    Registration
			code string
		}{
			{"one's own", alice, Registration{Name: "hello"}, CodeAlreadyOwned},
			{"another's", bob, Registration{Name: "hello", Type: store.TypeBundle}, CodeAlreadyRegistered},
			{"a word of a path", bob, Registration{Name: "libraries"}, CodeReservedName},
			{"a snap's name only", bob, Registration{Name: "hello-2"}, "invalid-charm-name"},
			{"another type", bob, Registration{Name: "other", Type: "snap"}, "invalid-field"},
			{"a device", store.Principal{}, Registration{Name: "other"}, store.CodePermission},
		} {
			c.r.Namespace = store.Charm
			if _, err := h.Register(t.Context(), c.who, c.r); store.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %s", c.what, err, c.code)
			}
		}
		if _, err := h.Register(t.Context(), bob, Registration{Name: "hello"}); store.CodeOf(err) != "no-authority" {
			t.Errorf("a snap without an authority: %v", err)
		}
		id, err := h.Unregister(t.Context(), alice, store.Charm, "hello")
		if err != nil || id != made.ID {
			t.Errorf("unregistered %q, %v", id, err)
		}
		if again := h.charmed(t, bob, Registration{Name: "hello"}); again.ID == made.ID {
			t.Error("the name came back with its old id")
		}
	})
}
