package catalog

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// shelf is a source in memory that counts how often it is asked.
type shelf struct {
	asked atomic.Int64
	gate  chan struct{} // when set, an answer waits for it

	mu    sync.Mutex
	facts map[string]*store.Facts // by id and by name; owned by mu
}

func newShelf(n, bytes int) *shelf {
	s := &shelf{facts: map[string]*store.Facts{}}
	for i := range n {
		s.put(fmt.Sprint("id", i), fmt.Sprint("name", i), make([]byte, bytes))
	}
	return s
}

func (s *shelf) put(id, name string, description []byte) {
	f := &store.Facts{Package: store.Package{ID: id, Name: name, Listing: store.Listing{Description: string(description)}}}
	s.mu.Lock()
	s.facts[id], s.facts[name] = f, f
	s.mu.Unlock()
}

func (s *shelf) Facts(_ context.Context, _ store.Namespace, refs []store.Ref) ([]*store.Facts, error) {
	s.asked.Add(1)
	out := make([]*store.Facts, len(refs))
	s.mu.Lock()
	for i, r := range refs {
		out[i] = s.facts[r.ID+r.Name]
	}
	s.mu.Unlock()
	if s.gate != nil {
		<-s.gate
	}
	return out, nil
}

func (s *shelf) Revisions(context.Context, string, []int) ([]*store.Revision, error) { return nil, nil }

func (s *shelf) Resources(context.Context, string, []store.ResourcePin) ([]*store.ResourceRevision, error) {
	return nil, nil
}

func ids(from, to int) []store.Ref {
	var refs []store.Ref
	for i := from; i < to; i++ {
		refs = append(refs, store.Ref{ID: fmt.Sprint("id", i)})
	}
	return refs
}

func mustGet(t testing.TB, c *cache, refs ...store.Ref) []*Snapshot {
	t.Helper()
	snaps, err := c.get(t.Context(), store.Snap, refs)
	if err != nil {
		t.Fatal(err)
	}
	return snaps
}

// counting counts what is asked of a source.
type counting struct {
	Source
	asked atomic.Int64
}

func (c *counting) Facts(ctx context.Context, ns store.Namespace, refs []store.Ref) ([]*store.Facts, error) {
	c.asked.Add(1)
	return c.Source.Facts(ctx, ns, refs)
}

// fill registers packages with a stable revision, without files.
func (h *house) fill(t testing.TB, n int, change func(i int, p *store.Package, r *store.Revision)) {
	t.Helper()
	h.update(t, func(tx *db.Tx) error {
		if err := tx.PutAccount(store.Account{ID: "dev", Username: "dev", DisplayName: "Dev", CreatedAt: tx.Now()}); err != nil {
			return err
		}
		b := store.Blob{Digest: store.Digest{1}, SHA256: fmt.Sprintf("%064d", 1), Size: 1}
		if _, err := tx.AddBlob(b); err != nil {
			return err
		}
		for i := range n {
			p := &store.Package{ID: fmt.Sprintf("%032d", i), Namespace: store.Snap, Name: fmt.Sprintf("name-%d", i),
				PublisherID: "dev", StoreID: store.GlobalStore, CreatedAt: tx.Now()}
			r := &store.Revision{PackageID: p.ID, Status: store.StatusApproved, Version: "1", CreatedAt: tx.Now(), CreatedBy: "dev",
				Blob: b.Digest, SHA256: b.SHA256, Size: 1, Platforms: []store.Platform{{Architecture: "all"}},
				Provenance: globalUpload, Meta: store.Meta{Type: "app", Confinement: "strict", Summary: "sum", Epoch: store.Epoch{Read: []uint32{0}, Write: []uint32{0}}}}
			if change != nil {
				change(i, p, r)
			}
			if err := tx.InsertPackage(p); err != nil {
				return err
			}
			if err := tx.InsertRevision(r); err != nil {
				return err
			}
			if _, err := tx.AppendReleases([]store.Release{{PackageID: p.ID, At: tx.Now(), By: "tester",
				Channel: store.Channel{Track: store.LatestTrack}, Platform: r.Platforms[0], Revision: r.Number}}); err != nil {
				return err
			}
			tx.Record(store.PackageRegistered, "package/"+p.ID, nil)
		}
		return nil
	})
}

func TestFiftyColdPackagesCostOneQueryAndWarmOnesNone(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.fill(t, 50, nil)
		source := &counting{Source: h.cache.source}
		h.cache.source = source
		wishes := make([]Wish, 50)
		for i := range wishes {
			wishes[i].Ref.Name = fmt.Sprintf("name-%d", i)
			wishes[i].Query = store.Query{Action: store.ActionInstall, Architecture: "amd64", At: h.now()}
		}
		for _, want := range []int64{1, 1} {
			answers, err := h.Resolve(t.Context(), Asker{}, store.Snap, wishes)
			if err != nil {
				t.Fatal(err)
			}
			for i, a := range answers {
				if a.Err != nil {
					t.Fatalf("package %d: %v", i, a.Err)
				}
			}
			if got := source.asked.Load(); got != want {
				t.Errorf("%d queries, want %d", got, want)
			}
		}
		if s := h.Stats(); s.Packages != 50 || s.Misses != 50 || s.Hits != 50 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestSimultaneousMissesShareOneLoad(t *testing.T) {
	source := newShelf(1, 10)
	source.gate = make(chan struct{})
	c := newCache(source, 1<<20)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if s := mustGet(t, c, store.Ref{ID: "id0"}); s[0] == nil {
				t.Error("nothing was found")
			}
		})
	}
	for c.misses.Load() < 20 {
		runtime.Gosched()
	}
	close(source.gate)
	wg.Wait()
	if n := source.asked.Load(); n != 1 {
		t.Errorf("%d loads", n)
	}
}

func TestAReaderThatGivesUpLeavesTheLoadToOthers(t *testing.T) {
	source := newShelf(1, 10)
	source.gate = make(chan struct{})
	c := newCache(source, 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.get(ctx, store.Snap, ids(0, 1)); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	close(source.gate)
	if s := mustGet(t, c, ids(0, 1)...); s[0] == nil || source.asked.Load() != 1 {
		t.Errorf("found %v after %d loads", s[0], source.asked.Load())
	}
}

func TestALoadThatRacesAChangeIsNotKept(t *testing.T) {
	source := newShelf(1, 10)
	source.gate = make(chan struct{})
	c := newCache(source, 1<<20)
	var old []*Snapshot
	done := make(chan struct{})
	go func() {
		defer close(done)
		old, _ = c.get(context.Background(), store.Snap, ids(0, 1))
	}()
	for source.asked.Load() == 0 {
		runtime.Gosched()
	}
	source.put("id0", "renamed", nil)
	c.forget("id0")
	close(source.gate)
	<-done
	if old[0] == nil {
		t.Error("the racing reader got nothing")
	}
	if s := mustGet(t, c, ids(0, 1)...); s[0].Package().Name != "renamed" {
		t.Errorf("a stale snapshot was kept: %s", s[0].Package().Name)
	}
}

func TestAReaderAfterAChangeDoesNotWaitForALoadFromBefore(t *testing.T) {
	source := newShelf(1, 10)
	source.gate = make(chan struct{})
	c := newCache(source, 1<<20)
	var before, after []*Snapshot
	var readers sync.WaitGroup
	readers.Go(func() { before, _ = c.get(context.Background(), store.Snap, ids(0, 1)) })
	for source.asked.Load() == 0 {
		runtime.Gosched()
	}
	source.put("id0", "renamed", nil)
	c.forget("id0")
	readers.Go(func() { after, _ = c.get(context.Background(), store.Snap, ids(0, 1)) })
	for c.misses.Load() < 2 {
		runtime.Gosched()
	}
	close(source.gate)
	readers.Wait()
	if before[0] == nil || after[0] == nil || after[0].Package().Name != "renamed" {
		t.Errorf("a reader that knows of the change got %v", after[0].Package().Name)
	}
	if s := mustGet(t, c, ids(0, 1)...); s[0] != after[0] || len(c.loading) != 0 {
		t.Errorf("what was loaded last is not what is kept, %d loads are left", len(c.loading))
	}
}

func TestTheCacheKeepsItsBoundMemosIncluded(t *testing.T) {
	const bound = 64 << 10
	source := newShelf(100, 1000)
	c := newCache(source, bound)
	snaps := mustGet(t, c, ids(0, 100)...)
	if got := c.bytes.Load(); got > bound || c.evictions.Load() == 0 {
		t.Errorf("%d bytes after loading, %d evictions", got, c.evictions.Load())
	}
	for i, s := range snaps {
		for j := range 10 {
			if _, err := s.Memo(fmt.Sprint(i, j), func() ([]byte, error) { return make([]byte, 4000), nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got := c.bytes.Load(); got > bound {
		t.Errorf("%d bytes after the memos", got)
	}
	c.invalidate(nil)
	if got := c.bytes.Load(); got != 0 {
		t.Errorf("an empty cache counts %d bytes", got)
	}
}

func TestWhatWasReadSinceTheLastSweepStays(t *testing.T) {
	source := newShelf(100, 1000)
	c := newCache(source, 10*(2048+1000))
	mustGet(t, c, ids(0, 10)...)
	for i := 10; i < 100; i++ {
		mustGet(t, c, ids(3, 4)...) // a device asks for this one again and again
		mustGet(t, c, ids(i, i+1)...)
	}
	before := source.asked.Load()
	mustGet(t, c, ids(3, 4)...)
	if source.asked.Load() != before {
		t.Error("the package in use was dropped")
	}
}

func TestWalkingTheCatalogKeepsNothing(t *testing.T) {
	source := newShelf(10, 10)
	c := newCache(source, 1<<20)
	mustGet(t, c, ids(0, 2)...)
	snaps, err := c.pass(t.Context(), store.Snap, ids(0, 10))
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range snaps {
		if s == nil {
			t.Errorf("package %d is missing", i)
		}
	}
	if len(c.ring) != 2 {
		t.Errorf("%d packages are kept", len(c.ring))
	}
}

func TestThePackageComesFromTheFirstLayerThatOwnsIt(t *testing.T) {
	above, below := newShelf(2, 0), newShelf(3, 0)
	above.put("id0", "above", nil)
	above.facts["id1"] = nil
	facts, err := Layers{above, below}.Facts(t.Context(), store.Snap, ids(0, 4))
	if err != nil {
		t.Fatal(err)
	}
	if facts[0].Package.Name != "above" || facts[1].Package.Name != "name1" || facts[2].Package.Name != "name2" || facts[3] != nil {
		t.Errorf("facts %v", facts)
	}
	if above.asked.Load() != 1 || below.asked.Load() != 1 {
		t.Errorf("the layers were asked %d and %d times", above.asked.Load(), below.asked.Load())
	}
}

// private says by itself what another process has changed.
func title(t *testing.T, c *Catalog, ref store.Ref) string {
	t.Helper()
	s, _, err := c.Info(t.Context(), Asker{}, store.Snap, ref, "")
	if err != nil {
		t.Fatal(err)
	}
	return s.Package().Listing.Title
}

func TestAChangeIsSeenAtOnceHereAndSoonElsewhere(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.fill(t, 1, nil)
		other := h.neighbour(t)
		ref := store.Ref{Name: "name-0"}
		for i := range 5 {
			title(t, h.Catalog, ref)
			title(t, other, ref)
			want := fmt.Sprint("title ", i)
			if _, err := h.ChangePackage(t.Context(), operator, store.Snap, "name-0", PackageChange{Title: &want}); err != nil {
				t.Fatal(err)
			}
			if got := title(t, h.Catalog, ref); got != want {
				t.Errorf("here it is still %q", got)
			}
			// Generous, since the machine may be busy; 5 ms is what is aimed at.
			for deadline := time.Now().Add(time.Minute); title(t, other, ref) != want; runtime.Gosched() {
				if time.Now().After(deadline) {
					t.Fatalf("elsewhere it is still %q", title(t, other, ref))
				}
			}
		}
	})
}

func TestMoreChangesThanAreWorthReplayingEmptyTheCaches(t *testing.T) {
	h := newHouse(t)
	h.fill(t, 1, nil)
	ref := store.Ref{Name: "name-0"}
	other := h.neighbour(t)
	title(t, other, ref)
	want := "changed"
	if _, err := h.ChangePackage(t.Context(), operator, store.Snap, "name-0", PackageChange{Title: &want}); err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *db.Tx) error {
		for i := range maxReplay + 1 {
			tx.Record(store.SettingSet, fmt.Sprint("setting/", i), nil)
		}
		return nil
	})
	for deadline := time.Now().Add(time.Minute); title(t, other, ref) != want; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("the title is still %q", title(t, other, ref))
		}
	}
}

func TestReadersAndWritersTogether(t *testing.T) {
	h := newHouse(t)
	h.fill(t, 20, nil)
	h.cache.maxBytes = 10 * 4096
	stop := make(chan struct{})
	var readers, writers sync.WaitGroup
	for n := range 4 {
		readers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				ref := store.Ref{Name: fmt.Sprintf("name-%d", (i*7+n)%20)}
				s, _, err := h.Info(t.Context(), Asker{}, store.Snap, ref, "amd64")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := s.Memo("x", func() ([]byte, error) { return make([]byte, 500), nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for n := range 2 {
		writers.Go(func() {
			for i := range 20 {
				text := fmt.Sprint(n, i)
				if _, err := h.ChangePackage(t.Context(), operator, store.Snap, fmt.Sprintf("name-%d", i), PackageChange{Title: &text}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	if got := h.cache.bytes.Load(); got > h.cache.maxBytes {
		t.Errorf("%d bytes are kept", got)
	}
}
