package catalog

import (
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func TestManifestsAreListedOnWishAndWithinBounds(t *testing.T) {
	h := newHouse(t)
	pkg := h.published(t, 1)
	first := h.revisionAt(t, pkg.ID, 1)
	list := func(q RevisionQuery) ([]PublishedRevision, error) {
		return h.RevisionList(t.Context(), publisher("alice"), store.Snap, "hello", q)
	}
	for _, tt := range []struct {
		q    RevisionQuery
		want string
	}{{RevisionQuery{}, ""}, {RevisionQuery{Manifests: true}, first.Manifest}, {RevisionQuery{Number: 1}, first.Manifest}} {
		got, err := list(tt.q)
		if err != nil || len(got) != 1 || got[0].Manifest != tt.want {
			t.Errorf("%+v: %+v, %v", tt.q, got, err)
		}
	}
	const more = 9
	h.update(t, func(tx *db.Tx) error {
		tx.Record(store.RevisionAdded, "package/"+pkg.ID, nil)
		for range more {
			v := *first
			v.Number, v.Manifest = 0, strings.Repeat("#", maxManifestBytes/(more-1))
			if err := tx.InsertRevision(&v); err != nil {
				return err
			}
		}
		return nil
	})
	if got, err := list(RevisionQuery{}); err != nil || len(got) != 1+more {
		t.Errorf("%d revisions, %v", len(got), err)
	}
	_, err := list(RevisionQuery{Manifests: true})
	wantCode(t, err, "too-many-manifests")
}
