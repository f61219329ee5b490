package catalog

import (
	"context"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// history is a source that counts how many revisions are asked of it.
type history struct {
	Source
	calls, numbers int
}

func (h *history) Revisions(ctx context.Context, packageID string, numbers []int) ([]*store.Revision, error) {
	h.calls++
	h.numbers += len(numbers)
	return h.Source.Revisions(ctx, packageID, numbers)
}

// aged is a house with a package of 40 revisions, released one after the other.
func aged(t *testing.T) (*house, *history) {
	t.Helper()
	h := newHouse(t)
	h.fill(t, 1, nil)
	h.update(t, func(tx *db.Tx) error {
		for range 39 {
			r, err := tx.Revision("00000000000000000000000000000000", 1)
			if err != nil {
				return err
			}
			r.Number = 0
			if err := tx.InsertRevision(r); err != nil {
				return err
			}
			if _, err := tx.AppendReleases([]store.Release{{PackageID: r.PackageID, At: tx.Now(), By: "tester",
				Channel: store.Channel{Track: store.LatestTrack}, Platform: r.Platforms[0], Revision: r.Number}}); err != nil {
				return err
			}
			tx.Record(store.RevisionAdded, "package/"+r.PackageID, nil)
		}
		return nil
	})
	source := &history{Source: h.cache.source}
	h.cache.source = source
	return h, source
}

func TestRevisionsThatNothingCurrentNamesCostOneQueryPerPackage(t *testing.T) {
	h, source := aged(t)
	wishes := make([]Wish, 200)
	for i := range wishes {
		wishes[i] = Wish{Ref: store.Ref{Name: "name-0"}, Query: store.Query{
			Action: store.ActionInstall, Architecture: "amd64", Revision: 1 + i%50, MayByRevision: true,
		}}
	}
	answers, err := h.Resolve(t.Context(), Asker{}, store.Snap, wishes)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range answers {
		want := wishes[i].Query.Revision
		switch {
		case want > 40 && store.CodeOf(a.Err) != "revision-not-found":
			t.Errorf("revision %d: %v, want none", want, a.Err)
		case want <= 40 && (a.Err != nil || a.Choice.Revision.Number != want):
			t.Errorf("revision %d: %v", want, a.Err)
		}
	}
	if source.calls != 1 || source.numbers > 50 {
		t.Errorf("%d queries for %d revisions", source.calls, source.numbers)
	}
	one := wishes[:1]
	if _, err := h.Resolve(t.Context(), Asker{}, store.Snap, one); err != nil {
		t.Fatal(err)
	}
	if source.numbers > 51 {
		t.Errorf("%d revisions were read for one by its number", source.numbers-50)
	}
}

func TestACohortHasNoOverrideThatHasEnded(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	c := &Catalog{now: func() time.Time { return now }}
	rev := func(n int) *store.Revision {
		return &store.Revision{Number: n, Status: store.StatusApproved, Platforms: []store.Platform{{Architecture: "all"}}}
	}
	stable := store.Channel{Track: store.LatestTrack}
	s := newSnapshot(&store.Facts{
		Revisions: map[int]*store.Revision{1: rev(1), 2: rev(2), 3: rev(3)},
		Releases: []store.Release{
			{At: now.AddDate(0, -3, 0), Channel: stable, Platform: store.Platform{Architecture: "all"}, Revision: 1},
			{At: now.AddDate(0, -1, 0), Channel: stable, Platform: store.Platform{Architecture: "all"}, Revision: 2},
		},
		Overrides: []store.Override{{Channel: stable, Architecture: "all", Revision: 3, Expires: now.AddDate(0, 0, -1)}},
	})
	a := c.answer(s, s.Facts, Wish{
		AsOf: now.AddDate(0, -2, 0), Query: store.Query{Action: store.ActionRefresh, Architecture: "amd64", IgnorePhasing: true},
	})
	if a.Err != nil || a.Choice.Revision.Number != 1 {
		t.Errorf("got %+v, want revision 1, that of the cohort's view", a)
	}
}
