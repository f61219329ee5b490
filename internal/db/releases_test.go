package db

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/larder-store/larder/internal/store"
)

// channelMapText writes what is open in a channel map.
func channelMapText(m *store.ChannelMap) (lines []string) {
	for _, s := range m.Slots() {
		under := 0
		if s.Plain != nil {
			under = s.Plain.Revision
		}
		lines = append(lines, fmt.Sprintf("%s %s %d over %d with %v", s.Channel, s.Architecture, s.Release.Revision, under, s.Release.Resources))
	}
	return lines
}

func TestCurrentReleasesFoldToTheSameChannelMap(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		n := 0
		rapid.Check(t, func(r *rapid.T) {
			n++
			p := testPackage(n)
			at := day
			var facts []store.Release
			for range rapid.IntRange(0, 25).Draw(r, "facts") {
				at = at.Add(time.Duration(rapid.IntRange(0, 40).Draw(r, "hours")) * time.Hour)
				fact := testRelease(p, rapid.SampledFrom([]string{"stable", "edge", "2.0/edge", "stable/fix"}).Draw(r, "channel"), rapid.IntRange(0, 3).Draw(r, "revision"))
				fact.At = at
				fact.Platform.Architecture = rapid.SampledFrom([]string{"amd64", "arm64", "all"}).Draw(r, "architecture")
				if fact.Revision != 0 {
					fact.Percentage = rapid.SampledFrom([]float64{0, 0, 10, 50}).Draw(r, "percentage")
				}
				if fact.Percentage > 0 {
					fact.Phasing = rapid.SampledFrom([]float64{0, 40}).Draw(r, "phasing")
					fact.Paused = rapid.Bool().Draw(r, "paused")
				}
				facts = append(facts, fact)
			}
			_, err := db.Update(t.Context(), "tester", func(tx *Tx) error {
				if err := addPackage(tx, p, 3); err != nil {
					return err
				}
				_, err := tx.AppendReleases(facts)
				return err
			})
			if err != nil {
				r.Fatal(err)
			}
			end := at.Add(time.Duration(rapid.IntRange(0, 100).Draw(r, "until")) * time.Hour)
			err = db.View(t.Context(), func(tx *Tx) error {
				all, err := tx.Releases(p.ID)
				if err != nil {
					return err
				}
				current, err := tx.CurrentReleases(p.ID)
				if err != nil {
					return err
				}
				if got, want := channelMapText(store.Fold(current, end)), channelMapText(store.Fold(all, end)); !slices.Equal(got, want) {
					r.Fatalf("got %q\nwant %q", got, want)
				}
				for i := range current {
					at := slices.IndexFunc(all, func(r store.Release) bool { return r.Seq == current[i].Seq })
					same(t, "a current release", current[i], all[at])
				}
				edge := store.Channel{Risk: store.Edge}
				one, err := tx.CurrentReleases(p.ID, edge, edge.Normal())
				want := slices.DeleteFunc(current, func(r store.Release) bool { return r.Channel != edge.Normal() })
				if len(one) != len(want) || len(one) > 0 && one[len(one)-1].Seq != want[len(want)-1].Seq {
					r.Fatalf("of edge: got %v, want %v", one, want)
				}
				return err
			})
			if err != nil {
				r.Fatal(err)
			}
		})
	})
}

func TestReleasesAndRevisionsByPages(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		pin := store.ResourcePin{Name: "data", Revision: 1}
		update(t, db, func(tx *Tx) error {
			if err := addPackage(tx, p, 7); err != nil {
				return err
			}
			if err := tx.InsertResource(&store.ResourceRevision{
				PackageID: p.ID, Name: pin.Name, Revision: pin.Revision, Blob: testBlob("revision of " + p.ID).Digest,
			}); err != nil {
				return err
			}
			var facts []store.Release
			for n := 1; n <= 5; n++ {
				r := testRelease(p, "edge", n)
				r.Resources = []store.ResourcePin{pin}
				facts = append(facts, r)
			}
			_, err := tx.AppendReleases(facts)
			return err
		})
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(db.View(t.Context(), func(tx *Tx) error {
			all, err := tx.Releases(p.ID)
			must(err)
			slices.Reverse(all)
			var paged []store.Release
			for skip := 0; ; skip += 2 {
				some, err := tx.ReleasesPage(p.ID, skip, 2)
				must(err)
				if len(some) == 0 {
					break
				}
				paged = append(paged, some...)
			}
			same(t, "releases page by page", paged, all)
			n, err := tx.CountReleases(p.ID)
			must(err)
			same(t, "the number of releases", n, 6)

			var numbers []int
			list, err := tx.RevisionsPage(p.ID, 2, 3)
			must(err)
			named, err := tx.RevisionsNumbered(p.ID, []int{5, 3, 4, 99})
			must(err)
			same(t, "revisions by number", named, list)
			for _, v := range list {
				numbers = append(numbers, v.Number)
			}
			same(t, "a page of revisions", numbers, []int{5, 4, 3})
			n, err = tx.CountRevisions(p.ID)
			must(err)
			same(t, "the number of revisions", n, 7)

			released, err := tx.ReleasedEver(p.ID, []int{6, 5, 7, 8, 1})
			must(err)
			slices.Sort(released)
			same(t, "those that were released", released, []int{1, 5, 7})
			return nil
		}))
	})
}
