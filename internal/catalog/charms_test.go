package catalog

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

var noble = store.Platform{Architecture: "amd64", BaseName: "ubuntu", BaseChannel: "24.04"}

// asked counts everything that is asked of a source.
type asked struct {
	Source
	facts, revisions, resources atomic.Int64
}

func (a *asked) Facts(ctx context.Context, ns store.Namespace, refs []store.Ref) ([]*store.Facts, error) {
	a.facts.Add(1)
	return a.Source.Facts(ctx, ns, refs)
}

func (a *asked) Revisions(ctx context.Context, id string, numbers []int) ([]*store.Revision, error) {
	a.revisions.Add(1)
	return a.Source.Revisions(ctx, id, numbers)
}

func (a *asked) Resources(ctx context.Context, id string, pins []store.ResourcePin) ([]*store.ResourceRevision, error) {
	a.resources.Add(1)
	return a.Source.Resources(ctx, id, pins)
}

func (a *asked) String() string {
	return fmt.Sprintf("facts %d, revisions %d, resources %d", a.facts.Load(), a.revisions.Load(), a.resources.Load())
}

// fillCharms registers charms with a stable revision and a resource released with
// it.
func (h *house) fillCharms(t testing.TB, n int) *asked {
	t.Helper()
	h.fill(t, n, func(_ int, p *store.Package, r *store.Revision) {
		p.Namespace, p.Type = store.Charm, store.TypeCharm
		r.Meta, r.Platforms = store.Meta{Type: store.TypeCharm, Charm: &store.CharmMeta{}}, []store.Platform{noble}
		r.SHA384, r.SHA512 = "38", "51"
	})
	for i := range n {
		h.confReleased(t, fmt.Sprintf("%032d", i), 1, 1)
	}
	source := &asked{Source: h.cache.source}
	h.cache.source = source
	return source
}

// confReleased adds a revision of the resource conf, and releases it to stable with a
// revision of the charm; 0 releases nothing.
func (h *house) confReleased(t testing.TB, packageID string, revision, number int) {
	t.Helper()
	h.update(t, func(tx *db.Tx) error {
		tx.Record(store.ResourceAdded, "package/"+packageID, nil)
		err := tx.InsertResource(&store.ResourceRevision{
			PackageID: packageID, Name: "conf", Revision: number, Type: store.ResourceFile, CreatedAt: tx.Now(),
			Blob: store.Digest{1}, SHA256: fmt.Sprintf("%064d", 1), SHA384: "38", SHA512: "51", Size: 1,
		})
		if err != nil || revision == 0 {
			return err
		}
		_, err = tx.AppendReleases([]store.Release{{
			PackageID: packageID, At: tx.Now(), By: "tester", Channel: store.Channel{Track: store.LatestTrack}, Platform: noble,
			Revision: revision, Resources: []store.ResourcePin{{Name: "conf", Revision: number}},
		}})
		return err
	})
}

func numbersOf(list []*store.ResourceRevision) (numbers []int) {
	for _, r := range list {
		numbers = append(numbers, r.Revision)
	}
	return numbers
}

func TestFiftyColdCharmsCostOneQueryAndWarmOnesNone(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		source := h.fillCharms(t, 50)
		wishes := make([]CharmWish, 50)
		for i := range wishes {
			wishes[i] = CharmWish{Ref: store.Ref{Name: fmt.Sprintf("name-%d", i)}, Query: store.CharmQuery{Action: store.ActionInstall, Base: noble}}
		}
		for _, state := range []string{"cold", "warm"} {
			answers, err := h.ResolveCharms(t.Context(), Asker{}, wishes)
			if err != nil {
				t.Fatal(err)
			}
			for i, a := range answers {
				if a.Err != nil || a.Choice.Revision.Number != 1 || !slices.Equal(numbersOf(a.Attachments), []int{1}) {
					t.Fatalf("charm %d: %+v", i, a)
				}
			}
			if got := source.String(); got != "facts 1, revisions 0, resources 0" {
				t.Errorf("%s: %s", state, got)
			}
		}
	})
}

func TestWhatTheSnapshotHoldsBackCostsOneQueryPerPackage(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		source := h.fillCharms(t, 1)
		id := fmt.Sprintf("%032d", 0)
		for n := 2; n <= 40; n++ {
			h.update(t, func(tx *db.Tx) error {
				r, err := tx.Revision(id, 1)
				if err != nil {
					return err
				}
				r.Number = n
				tx.Record(store.RevisionAdded, "package/"+id, nil)
				return tx.InsertRevision(r)
			})
			h.confReleased(t, id, n, n)
		}
		h.confReleased(t, id, 0, 41) // never released
		var wishes []CharmWish
		for n := 1; n <= 41; n++ {
			wishes = append(wishes, CharmWish{
				Ref: store.Ref{ID: id}, Query: store.CharmQuery{Action: store.ActionDownload, Revision: min(n, 40)},
				Pins: []store.ResourcePin{{Name: "conf", Revision: n}},
			})
		}
		answers, err := h.ResolveCharms(t.Context(), Asker{}, wishes)
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range answers {
			n := i + 1
			switch {
			case n == 41 && store.CodeOf(a.Err) != "charm-resource-not-found":
				t.Errorf("what was never released: %v", a.Err)
			case n < 41 && (a.Err != nil || a.Choice.Revision.Number != n || !slices.Equal(numbersOf(a.Attachments), []int{n})):
				t.Errorf("revision %d: %+v", n, a)
			}
		}
		if source.facts.Load() != 1 || source.revisions.Load() != 1 || source.resources.Load() != 1 {
			t.Error(source)
		}
		publisher := Asker{Who: store.Principal{Role: store.RolePublisher, Name: "dev", Account: "dev"}}
		answers, err = h.ResolveCharms(t.Context(), publisher, wishes[40:])
		if err != nil || answers[0].Err != nil || !slices.Equal(numbersOf(answers[0].Attachments), []int{41}) {
			t.Errorf("its publisher: %v, %+v", err, answers)
		}
	})
}

func TestAPinReplacesWhatTheReleaseBrought(t *testing.T) {
	released := store.Choice{Resources: []store.ResourcePin{{Name: "a", Revision: 1}, {Name: "b", Revision: 1}}}
	pin := func(name string, n int) store.ResourcePin { return store.ResourcePin{Name: name, Revision: n} }
	for _, tt := range []struct {
		asked      []store.ResourcePin
		byRevision bool
		want       string
	}{
		{nil, false, "[{a 1} {b 1}]"},
		{[]store.ResourcePin{pin("b", 2)}, false, "[{a 1} {b 2}]"},
		{[]store.ResourcePin{pin("c", 1), pin("c", 1)}, false, "[{a 1} {b 1} {c 1}]"},
		{nil, true, "[]"},
		{[]store.ResourcePin{pin("b", 2)}, true, "[{b 2}]"},
	} {
		if got := fmt.Sprint(pinsOf(&released, tt.asked, tt.byRevision)); got != tt.want {
			t.Errorf("%v, by revision %v: %s, want %s", tt.asked, tt.byRevision, got, tt.want)
		}
	}
	if fmt.Sprint(released.Resources) != "[{a 1} {b 1}]" {
		t.Error("the release has changed")
	}
}

func TestAMemoOfAPackageEndsWithItsNextChange(t *testing.T) {
	h := newHouse(t)
	h.fillCharms(t, 1)
	id, built := fmt.Sprintf("%032d", 0), 0
	memo := func() {
		t.Helper()
		_, err := h.Memo(t.Context(), store.Charm, id, "key", func() ([]byte, error) { built++; return nil, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	memo()
	memo()
	if built != 1 {
		t.Errorf("built %d times", built)
	}
	h.confReleased(t, id, 1, 2)
	if memo(); built != 2 {
		t.Errorf("built %d times after a change", built)
	}
	if _, err := h.Memo(t.Context(), store.Charm, "nothing", "key", nil); store.CodeOf(err) != "id-not-found" {
		t.Error(err)
	}
}

func TestPicturesOfCharmsAreServedLikeThoseOfSnaps(t *testing.T) {
	h := newHouse(t)
	h.fillCharms(t, 1)
	id, picture := fmt.Sprintf("%032d", 0), "<svg/>"
	d, err := blob.Put(t.Context(), h.blobs, strings.NewReader(picture), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *db.Tx) error {
		if _, err := tx.AddBlob(store.Blob{Digest: d.SHA3_384, SHA256: hex.EncodeToString(d.SHA256[:]), Size: d.Size}); err != nil {
			return err
		}
		tx.Record(store.PackageUpdated, "package/"+id, nil)
		return tx.SetMedia(id, []store.Medium{{Kind: "icon", Blob: d.SHA3_384, Size: d.Size, ContentType: "image/svg+xml"}})
	})
	f, err := h.Medium(t.Context(), id, d.SHA3_384)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || string(got) != picture || f.Type != "image/svg+xml" {
		t.Errorf("%q of type %s (%v)", got, f.Type, err)
	}
}
