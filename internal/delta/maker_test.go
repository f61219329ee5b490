package delta

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func TestReleasesBringDeltas(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		id := h.push(t, "hello", "1", 1, "stable").PackageID
		h.push(t, "hello", "2", 1, "edge")
		m := h.maker(t)
		h.catchUp(t, m)
		made, refused := h.ways(t, id)
		wantWays(t, "deltas", made, "2-1", "1-2")
		wantWays(t, "refused", refused)
		h.push(t, "hello", "3", 1, "stable")
		h.catchUp(t, m)
		made, _ = h.ways(t, id)
		slices.Sort(made)
		wantWays(t, "deltas", made, "1-2", "1-3", "2-1", "2-3", "3-2")
		h.wantApplies(t, id)
		h.wantNothingStaged(t)
		if s := m.Stats(); s.Made != 5 || s.Refused+s.Failed != 0 || s.Time <= 0 {
			t.Errorf("figures: %+v", s)
		}
		log, err := h.db.Changes(t.Context(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		recorded := 0
		for _, c := range log {
			if c.Kind == store.DeltaAdded && c.Subject == "package/"+id && c.Actor == actor {
				recorded++
			}
		}
		if recorded != 5 {
			t.Errorf("the change log has %d deltas", recorded)
		}
	})
}

func TestWhatIsMadeIsNotMadeAgain(t *testing.T) {
	h := newHouse(t)
	id := h.push(t, "hello", "1", 1, "stable").PackageID
	h.push(t, "hello", "2", 1, "stable")
	h.catchUp(t, h.maker(t))
	before, err := h.db.Fresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	again := h.maker(t)
	h.catchUp(t, again)
	h.release(t, "hello", 2, "candidate")
	h.catchUp(t, again)
	if s := again.Stats(); s != (Stats{}) {
		t.Errorf("figures: %+v", s)
	}
	if made, _ := h.ways(t, id); len(made) != 1 {
		t.Errorf("deltas are %v", made)
	}
	if after, err := h.db.Fresh(t.Context()); err != nil || after != before+1 {
		t.Errorf("%d changes, %v", after-before, err)
	}
}

func TestARestartGoesOnWhereTheLogWasFollowedTo(t *testing.T) {
	h := newHouse(t)
	id := h.push(t, "hello", "1", 1, "stable").PackageID
	h.catchUp(t, h.maker(t))
	var before, after int64
	read := func(into *int64) {
		t.Helper()
		if err := h.db.View(t.Context(), func(tx *db.Tx) (err error) {
			*into, err = tx.FollowedUpTo(follower)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	read(&before)
	h.push(t, "hello", "2", 1, "stable") // while no maker runs
	h.catchUp(t, h.maker(t))
	read(&after)
	made, _ := h.ways(t, id)
	wantWays(t, "deltas", made, "1-2")
	if before == 0 || after <= before {
		t.Errorf("the log was followed to %d and %d", before, after)
	}
}

func TestADeltaThatIsNotWorthItIsNotTriedAgain(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		id := h.push(t, "hello", "1", 1, "stable").PackageID
		h.push(t, "hello", "2", 2, "stable")
		blobs := h.countBlobs(t)
		m := h.maker(t)
		h.catchUp(t, m)
		made, refused := h.ways(t, id)
		wantWays(t, "deltas", made)
		wantWays(t, "refused", refused, "1-2")
		if s := m.Stats(); s.Refused != 1 {
			t.Errorf("figures: %+v", s)
		}
		h.release(t, "hello", 2, "edge")
		again := h.maker(t)
		h.catchUp(t, again)
		if s := again.Stats(); s != (Stats{}) {
			t.Errorf("tried again: %+v", s)
		}
		if n := h.countBlobs(t); n != blobs {
			t.Errorf("%d blobs came", n-blobs)
		}
		h.wantNothingStaged(t)
	})
}

func TestSettingsTakeEffect(t *testing.T) {
	h := newHouse(t)
	id := h.push(t, "hello", "1", 1, "stable").PackageID
	size := h.push(t, "hello", "2", 1, "stable").Size
	on, most := false, size-1
	m := h.maker(t, func(o *Options) {
		o.Enabled = func(context.Context) (bool, error) { return on, nil }
		o.MaxSize = func(context.Context) (int64, error) { return most, nil }
	})
	for _, step := range []struct {
		on   bool
		most int64
		want []string
	}{{false, size, nil}, {true, size - 1, nil}, {true, size, []string{"1-2"}}} {
		on, most = step.on, step.most
		if step.on && most == size { // a snap that was too large waits for the next release
			h.release(t, "hello", 2, "candidate")
		}
		h.catchUp(t, m)
		made, refused := h.ways(t, id)
		wantWays(t, "deltas", made, step.want...)
		wantWays(t, "refused", refused)
	}
}

func TestWhatWasReleasedWhileDeltasWereOffIsCaughtUpWith(t *testing.T) {
	h := newHouse(t)
	id := h.push(t, "hello", "1", 1, "stable").PackageID
	h.push(t, "hello", "2", 1, "stable")
	on := false
	m := h.maker(t, func(o *Options) { o.Enabled = func(context.Context) (bool, error) { return on, nil } })
	h.catchUp(t, m)
	on = true
	h.catchUp(t, m)
	made, _ := h.ways(t, id)
	wantWays(t, "deltas", made, "1-2")
}

func TestOldDeltasGoWithALaterRelease(t *testing.T) {
	h := newHouse(t)
	id := h.push(t, "hello", "1", 1, "stable").PackageID
	h.push(t, "hello", "2", 1, "stable")
	h.catchUp(t, h.maker(t))
	h.push(t, "hello", "3", 1, "stable")
	h.catchUp(t, h.makerLater(t, Life+time.Hour))
	made, _ := h.ways(t, id)
	wantWays(t, "deltas", made, "1-3", "2-3")
	h.wantApplies(t, id)
}

func TestTwoNodesShareTheWork(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		const snaps = 4
		var ids []string
		for _, name := range []string{"one", "two", "three", "four"} {
			ids = append(ids, h.push(t, name, "1", 1, "stable").PackageID)
			h.push(t, name, "2", 1, "stable")
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		makers := []*Maker{h.maker(t), h.maker(t)}
		var wg sync.WaitGroup
		for _, m := range makers {
			wg.Go(func() {
				if err := m.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(time.Minute); ; <-tick.C {
			n := 0
			for _, id := range ids {
				made, _ := h.ways(t, id)
				n += len(made)
			}
			if n == snaps {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d deltas", n)
			}
		}
		stop()
		wg.Wait()
		if a, b := makers[0].Stats(), makers[1].Stats(); a.Made+b.Made != snaps || a.Failed+b.Failed != 0 {
			t.Errorf("figures: %+v, %+v", a, b)
		}
	})
}

func TestADamagedSourceGivesNoDelta(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		id := h.push(t, "hello", "1", 1, "stable").PackageID
		h.push(t, "hello", "2", 1, "stable")
		var rev *store.Revision
		err := h.db.View(t.Context(), func(tx *db.Tx) (err error) {
			rev, err = tx.Revision(id, 1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.store.Delete(t.Context(), rev.Blob, time.Time{}); err != nil {
			t.Fatal(err)
		}
		m := h.maker(t)
		h.catchUp(t, m)
		made, refused := h.ways(t, id)
		wantWays(t, "deltas", made)
		wantWays(t, "refused", refused) // it may be healed
		if s := m.Stats(); s.Made+s.Failed+s.Refused != 0 {
			t.Errorf("figures: %+v", s)
		}
	})
}

func TestWithoutTheProgramItSaysSoAndNothingFails(t *testing.T) {
	t.Setenv("PATH", filepath.Join(t.TempDir(), "empty"))
	h := newHouse(t)
	var log bytes.Buffer
	o := Options{DB: h.db, Blobs: h.store, Log: slog.New(slog.NewTextHandler(&log, nil))}
	if err := New(o).Run(t.Context()); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "xdelta3 is not on the PATH"); n != 1 || !strings.Contains(log.String(), "apt install xdelta3") {
		t.Errorf("the log says %s", log.String())
	}
	if _, err := Find(); store.KindOf(err) != store.KindUnavailable || store.CodeOf(err) != "no-xdelta3" {
		t.Errorf("error %v", err)
	}
}
