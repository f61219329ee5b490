package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/store"
)

func TestAnUpdateWithoutAChangeRowIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		_, err := db.Update(t.Context(), "tester", func(tx *Tx) error { return tx.PutAccount(testAccount(1)) })
		if !errors.Is(err, errNoChange) {
			t.Fatalf("got %v", err)
		}
		view(t, db, func(tx *Tx) error {
			if _, err := tx.Account(testAccount(1).ID); store.CodeOf(err) != "account-not-found" {
				t.Errorf("the account was kept: %v", err)
			}
			return nil
		})
		if seq := update(t, db, func(*Tx) error { return nil }); seq != 0 {
			t.Errorf("an update of nothing has seq %d", seq)
		}
	})
}

func TestOnlyChangesOfTheTableAreRecorded(t *testing.T) {
	db := open(t, databases["sqlite"](t))
	for name, record := range map[string]func(*Tx){
		"unknown kind":  func(tx *Tx) { tx.Record("no-such-kind", "package/x", nil) },
		"wrong subject": func(tx *Tx) { tx.Record(store.Released, "account/x", nil) },
		"empty id":      func(tx *Tx) { tx.Record(store.Released, "package/", nil) },
		"no object":     func(tx *Tx) { tx.Record(store.Released, "package/x", 7) },
		"no JSON":       func(tx *Tx) { tx.Record(store.Released, "package/x", make(chan int)) },
	} {
		if _, err := db.Update(t.Context(), "tester", func(tx *Tx) error { record(tx); return nil }); err == nil {
			t.Errorf("%s: recorded", name)
		}
	}
	if list, err := db.Changes(t.Context(), 0, 0); err != nil || len(list) != 0 {
		t.Errorf("changes %v, %v", list, err)
	}
}

func TestAViewCannotWrite(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		for name, write := range map[string]func(*Tx) error{
			"put":    func(tx *Tx) error { return tx.PutAccount(testAccount(1)) },
			"append": func(tx *Tx) error { _, err := tx.AppendReleases([]store.Release{{}}); return err },
			"nonce":  func(tx *Tx) error { _, err := tx.UseNonce("x", "y"); return err },
		} {
			if err := db.View(t.Context(), write); !errors.Is(err, errReadOnly) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestAChangeIsReadAsItWasRecorded(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		before := time.Now().Add(-time.Second)
		seq := update(t, db, func(tx *Tx) error {
			tx.Record(store.SettingSet, "setting/a", map[string]any{"value": "ü'\";--"})
			tx.Record(store.SettingDeleted, "setting/b", nil)
			return nil
		})
		list, err := db.Changes(t.Context(), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 2 || list[1].Seq != seq || list[0].Seq >= seq {
			t.Fatalf("got %+v, last seq %d", list, seq)
		}
		c := list[0]
		if c.Actor != "tester" || c.Kind != store.SettingSet || c.Subject != "setting/a" || c.Details["value"] != "ü'\";--" ||
			c.At.Before(before) || c.At.Location() != time.UTC {
			t.Errorf("got %+v", c)
		}
		if rest, err := db.Changes(t.Context(), c.Seq, 1); err != nil || len(rest) != 1 || rest[0].Kind != store.SettingDeleted {
			t.Errorf("after %d: %+v, %v", c.Seq, rest, err)
		}
		view(t, db, func(tx *Tx) error {
			of, err := tx.ChangesOf("setting/b", 0)
			if err == nil && (len(of) != 1 || of[0].Seq != seq) {
				t.Errorf("changes of b: %+v", of)
			}
			return err
		})
	})
}

func TestAFailedUpdateLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		failure := errors.New("no")
		_, err := db.Update(t.Context(), "tester", func(tx *Tx) error {
			if err := addPackage(tx, testPackage(1), 2); err != nil {
				return err
			}
			return failure
		})
		if !errors.Is(err, failure) {
			t.Fatalf("got %v", err)
		}
		func() {
			defer func() { recover() }()
			db.Update(t.Context(), "tester", func(tx *Tx) error {
				if err := addPackage(tx, testPackage(1), 2); err != nil {
					return err
				}
				panic("in the middle")
			})
		}()
		ctx, cancel := context.WithCancel(t.Context())
		_, err = db.Update(ctx, "tester", func(tx *Tx) error {
			err := addPackage(tx, testPackage(1), 2)
			cancel()
			return errors.Join(err, ctx.Err())
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		view(t, db, func(tx *Tx) error {
			if p, err := tx.Packages(store.PackageFilter{}); err != nil || len(p) != 0 {
				t.Errorf("packages %v, %v", p, err)
			}
			if c, err := tx.Changes(0, 0); err != nil || len(c) != 0 {
				t.Errorf("changes %v, %v", c, err)
			}
			return nil
		})
		update(t, db, func(tx *Tx) error { return addPackage(tx, testPackage(1), 2) })
	})
}

func TestAViewSeesOneState(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		update(t, db, func(tx *Tx) error { return addPackage(tx, testPackage(1), 1) })
		view(t, db, func(tx *Tx) error {
			if _, err := tx.Package(testPackage(1).ID); err != nil {
				return err
			}
			update(t, db, func(other *Tx) error { return addPackage(other, testPackage(2), 1) })
			if _, err := tx.Package(testPackage(2).ID); store.CodeOf(err) != "package-not-found" {
				t.Errorf("a later package is seen: %v", err)
			}
			return nil
		})
	})
}

// Two handles stand for two processes: they share nothing but the database.
func TestConcurrentWritersOfTwoHandlesKeepEveryRule(t *testing.T) {
	onBoth(t, func(t *testing.T, first *DB, url string) {
		const writers, rounds = 8, 6
		handles := []*DB{first, open(t, url)}
		p := testPackage(1)
		update(t, first, func(tx *Tx) error { return addPackage(tx, p, 1) })

		// Each round reads the channel map, adds the next revision and points
		// the channel at the successor of what it read. The chain is whole
		// only if nobody acted on what somebody else had changed.
		var wg sync.WaitGroup
		seqs := make([][]int64, writers)
		for w := range writers {
			wg.Go(func() {
				for range rounds {
					seq, err := handles[w%2].Update(t.Context(), fmt.Sprint("writer ", w), func(tx *Tx) error {
						had, err := tx.Releases(p.ID)
						if err != nil {
							return err
						}
						v := testRevision(p, 0)
						if err := tx.InsertRevision(v); err != nil {
							return err
						}
						if want := had[len(had)-1].Revision + 1; v.Number != want {
							return fmt.Errorf("revision %d follows release of %d", v.Number, want-1)
						}
						if _, err = tx.AppendReleases([]store.Release{testRelease(p, "stable", v.Number)}); err != nil {
							return err
						}
						tx.Record(store.RevisionAdded, "package/"+p.ID, map[string]any{"revision": v.Number})
						tx.Record(store.Released, "package/"+p.ID, map[string]any{"revision": v.Number})
						return nil
					})
					if err != nil {
						t.Errorf("writer %d: %v", w, err)
						return
					}
					seqs[w] = append(seqs[w], seq)
				}
			})
		}
		// A reader that polls by seq must see every row once, in order.
		stop := make(chan struct{})
		var polled []store.Change
		reader := make(chan error, 1)
		go func() {
			var after int64
			for last := false; ; {
				list, err := handles[1].Changes(t.Context(), after, 5)
				if err != nil {
					reader <- err
					return
				}
				for _, c := range list {
					polled, after = append(polled, c), c.Seq
				}
				if last && len(list) == 0 {
					reader <- nil
					return
				}
				select {
				case <-stop:
					last = true
				default:
				}
			}
		}()
		wg.Wait()
		close(stop)
		if err := <-reader; err != nil {
			t.Fatal(err)
		}

		total := writers * rounds
		view(t, first, func(tx *Tx) error {
			list, err := tx.Releases(p.ID)
			if err != nil {
				return err
			}
			if len(list) != total+1 {
				t.Errorf("%d releases, want %d", len(list), total+1)
			}
			for i, r := range list {
				if r.Revision != i+1 {
					t.Errorf("release %d points at %d", i, r.Revision)
				}
			}
			all, err := tx.Changes(0, 0)
			if err == nil && !slices.EqualFunc(all, polled, func(a, b store.Change) bool { return a.Seq == b.Seq }) {
				t.Errorf("the log has %d rows, polling saw %d", len(all), len(polled))
			}
			for i, c := range all {
				if i >= 2 && c.Kind == store.Released && c.Details["revision"] != all[i-1].Details["revision"] {
					t.Errorf("changes of two transactions are mixed at seq %d", c.Seq)
				}
			}
			return err
		})
		for w := range seqs {
			if !slices.IsSorted(seqs[w]) || slices.Contains(seqs[w], 0) {
				t.Errorf("writer %d got seqs %v", w, seqs[w])
			}
		}
	})
}

func TestAnUpdateThatMissesAConflictIsRepeatedAllTheSame(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, url string) {
		other := open(t, url)
		p := testPackage(1)
		update(t, db, func(tx *Tx) error { return addPackage(tx, p, 1) })
		calls := 0
		update(t, db, func(tx *Tx) error {
			calls++
			q, err := tx.Package(p.ID)
			if err != nil {
				return err
			}
			if calls == 1 && db.backend.dialect().name == "postgres" {
				update(t, other, func(tx *Tx) error {
					tx.Record(store.PackageUpdated, "package/"+p.ID, nil)
					changed := *q
					changed.Unlisted = true
					return tx.UpdatePackage(&changed)
				})
			}
			tx.Record(store.PackageUpdated, "package/"+p.ID, nil)
			q.DefaultTrack = "1.0"
			if err := tx.UpdatePackage(q); err != nil {
				return errors.New("something was wrong")
			}
			return nil
		})
		if db.backend.dialect().name == "postgres" && calls != 2 {
			t.Errorf("called %d times", calls)
		}
		view(t, db, func(tx *Tx) error {
			q, err := tx.Package(p.ID)
			if err == nil && (q.DefaultTrack != "1.0" || q.Unlisted != (calls == 2)) {
				t.Errorf("an update was lost: %+v", q)
			}
			return err
		})
	})
}

func TestANonceIsGoodOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, first *DB, url string) {
		handles := []*DB{first, open(t, url)}
		seq := update(t, first, func(tx *Tx) error {
			for _, n := range []struct {
				nonce, purpose string
				expires        time.Time
			}{
				{"race", "session", tx.Now().Add(time.Hour)},
				{"old", "session", tx.Now().Add(-time.Hour)},
				{"other", "login", tx.Now().Add(time.Hour)},
			} {
				if err := tx.PutNonce(n.nonce, n.purpose, n.expires); err != nil {
					return err
				}
			}
			return nil
		})
		if seq != 0 {
			t.Errorf("nonces are in the change log, at %d", seq)
		}
		var wins atomic.Int32
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				var good bool
				_, err := handles[i%2].Update(t.Context(), "tester", func(tx *Tx) (err error) {
					good, err = tx.UseNonce("race", "session")
					return err
				})
				if err != nil {
					t.Error(err)
				}
				if good {
					wins.Add(1)
				}
			})
		}
		wg.Wait()
		if n := wins.Load(); n != 1 {
			t.Errorf("%d of 32 used the nonce", n)
		}
		update(t, first, func(tx *Tx) error {
			for _, n := range []string{"old", "other", "never"} {
				if good, err := tx.UseNonce(n, "session"); err != nil || good {
					t.Errorf("nonce %q is good: %t, %v", n, good, err)
				}
			}
			return tx.PutNonce("stale", "session", tx.Now().Add(-time.Second))
		})
		update(t, first, func(tx *Tx) error {
			n, err := tx.DropNonces()
			if err == nil && n != 1 {
				t.Errorf("%d nonces dropped", n)
			}
			return err
		})
	})
}

func TestFreshFollowsEveryHandle(t *testing.T) {
	onBoth(t, func(t *testing.T, first *DB, url string) {
		second := open(t, url)
		if seq, err := first.Fresh(t.Context()); err != nil || seq != 0 {
			t.Fatalf("fresh database: %d, %v", seq, err)
		}
		for i := range 5 {
			seq := update(t, second, func(tx *Tx) error {
				tx.Record(store.SettingSet, "setting/x", map[string]any{"i": json.Number(fmt.Sprint(i))})
				return nil
			})
			if got, err := second.Fresh(t.Context()); err != nil || got != seq {
				t.Errorf("own change: %d, %v, want %d", got, err, seq)
			}
			// On PostgreSQL the notification is on its way.
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			for {
				got, err := first.Fresh(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if got == seq {
					break
				}
				if got > seq || ctx.Err() != nil {
					t.Fatalf("the other handle sees %d, want %d", got, seq)
				}
			}
			cancel()
		}
	})
}

func TestAClosedDatabaseAnswersWithAnError(t *testing.T) {
	for name, newURL := range databases {
		t.Run(name, func(t *testing.T) {
			db, err := Open(t.Context(), newURL(t), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(db.Close(), db.Close()); err != nil {
				t.Error(err)
			}
			nothing := func(*Tx) error { return nil }
			if err := db.View(t.Context(), nothing); err == nil {
				t.Error("it can be read")
			}
			if _, err := db.Update(t.Context(), "tester", nothing); err == nil {
				t.Error("it can be written")
			}
			if _, err := db.Search(t.Context(), store.SearchQuery{}); err == nil {
				t.Error("it can be searched")
			}
		})
	}
}

func TestAWriterThatOthersKeepOvertakingRunsAlone(t *testing.T) {
	url := databases["postgres"](t)
	db, other := open(t, url), open(t, url)
	set := func(tx *Tx, value int) error {
		tx.Record(store.SettingSet, "setting/x", nil)
		return tx.PutSetting("x", fmt.Append(nil, value), "tester")
	}
	calls := 0
	update(t, db, func(tx *Tx) error {
		calls++
		if _, err := tx.Settings(); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if calls > patience {
			cancel()
			ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
		}
		defer cancel()
		_, err := other.Update(ctx, "other", func(tx *Tx) error { return set(tx, calls) })
		if overtaken := err == nil; overtaken != (calls <= patience) {
			t.Errorf("attempt %d was overtaken: %t, %v", calls, overtaken, err)
		}
		return set(tx, 100)
	})
	if calls != patience+1 {
		t.Errorf("called %d times", calls)
	}
	view(t, db, func(tx *Tx) error {
		s, err := tx.Setting("x")
		if err == nil && string(s.Value) != "100" {
			t.Errorf("x is %s", s.Value)
		}
		return err
	})
}
