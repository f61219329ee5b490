package db

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/store"
)

func follow(t *testing.T, db *DB, holder string, until time.Duration) (seq int64, mine bool) {
	t.Helper()
	_, err := db.Update(t.Context(), "", func(tx *Tx) (err error) {
		seq, mine, err = tx.Follow("reader", holder, tx.Now().Add(until))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return seq, mine
}

func TestOneHolderFollowsAtATime(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		steps := []struct {
			holder string
			until  time.Duration
			mine   bool
			seq    int64
		}{
			{"one", time.Hour, true, 0},
			{"two", time.Hour, false, 0},
			{"one", -time.Second, true, 0}, // renewed, and lapsed at once
			{"two", time.Hour, true, 0},
			{"one", time.Hour, false, 0},
		}
		for i, s := range steps {
			if seq, mine := follow(t, db, s.holder, s.until); mine != s.mine || seq != s.seq {
				t.Errorf("step %d: %d, mine %t", i, seq, mine)
			}
		}
		keep := func(f func(*Tx) error) {
			t.Helper()
			if _, err := db.Update(t.Context(), "", f); err != nil {
				t.Fatal(err)
			}
		}
		keep(func(tx *Tx) error { return tx.Followed("reader", "one", 9) }) // it has lost the lease
		keep(func(tx *Tx) error { return tx.Followed("reader", "two", 7) })
		keep(func(tx *Tx) error { return tx.Followed("reader", "two", 5) })
		keep(func(tx *Tx) error { return tx.Unfollow("reader", "one") })
		if _, mine := follow(t, db, "one", time.Hour); mine {
			t.Error("one lease was given back by another")
		}
		keep(func(tx *Tx) error { return tx.Unfollow("reader", "two") })
		if seq, mine := follow(t, db, "one", time.Hour); !mine || seq != 7 {
			t.Errorf("after the lease was given back: %d, mine %t", seq, mine)
		}
		if seq, err := db.Fresh(t.Context()); err != nil || seq != 0 {
			t.Errorf("bookkeeping made changes up to %d, %v", seq, err)
		}
	})
}

func TestOfManyWhoFollowAtOnceOneDoes(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		var won atomic.Int32
		var wg sync.WaitGroup
		for _, holder := range []string{"a", "b", "c", "d", "e", "f"} {
			wg.Go(func() {
				if _, mine := follow(t, db, holder, time.Hour); mine {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if n := won.Load(); n != 1 {
			t.Errorf("%d have the lease", n)
		}
	})
}

func TestRefusedDeltasAreRemembered(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		update(t, db, func(tx *Tx) error { return addPackage(tx, p, 2) })
		d := store.Delta{PackageID: p.ID, Format: "xdelta3", Source: 1, Target: 2}
		change := func(f func(*Tx) error) {
			t.Helper()
			if _, err := db.Update(t.Context(), "", f); err != nil {
				t.Fatal(err)
			}
		}
		list := func() (refused []store.Delta, packages []string) {
			view(t, db, func(tx *Tx) (err error) {
				if refused, err = tx.RefusedDeltas(p.ID); err != nil {
					return err
				}
				packages, err = tx.DeltaPackages("", 10)
				return err
			})
			return refused, packages
		}
		change(func(tx *Tx) error { return tx.RefuseDelta(d, "not worth it") })
		change(func(tx *Tx) error { return tx.RefuseDelta(d, "too slow") })
		refused, packages := list()
		same(t, "refused", refused, []store.Delta{d})
		same(t, "packages", packages, []string{p.ID})
		change(func(tx *Tx) error { return tx.ForgetRefusedDelta(d) })
		if refused, packages = list(); len(refused)+len(packages) != 0 {
			t.Errorf("left are %v of %v", refused, packages)
		}
	})
}
