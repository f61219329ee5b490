package identity

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// begin opens a visit for a caveat of ours.
func (w *world) begin(address string) Visiting {
	w.t.Helper()
	r, err := w.IssueBakeryRoot(w.t.Context(), asked("account-view-packages"), 2, "https://store.example/identity/")
	w.must(err)
	id := r.Caveat.ID()
	v, err := w.BeginVisit(w.t.Context(), VisitAsked{Caveat: id, CaveatID: id, Address: address, UserAgent: "charmcraft/4"})
	w.must(err)
	return v
}

func (w *world) loggedIn(name string) AuthEvent {
	w.t.Helper()
	e, err := w.Login(w.t.Context(), w.attempt(name, testPassword))
	w.must(err)
	return e
}

// P20: of any number of clients on any number of nodes, one gets the token.
func TestOneOfManyWaitersGetsTheToken(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.person("alice", store.RolePublisher)
		v := w.begin("192.0.2.7")
		_, err := w.ApproveVisit(t.Context(), v.Visit, w.loggedIn("alice"))
		w.must(err)
		nodes := []*Identity{w.Identity, w.node(), w.node()}
		var all sync.WaitGroup
		results := make(chan error, 30)
		for n := range cap(results) {
			all.Go(func() {
				_, err := nodes[n%len(nodes)].WaitVisit(t.Context(), v.Wait, time.Minute)
				results <- err
			})
		}
		all.Wait()
		close(results)
		got := 0
		for err := range results {
			switch store.CodeOf(err) {
			case CodeVisitUsed, CodeVisitAwaited:
			default:
				w.must(err)
				got++
			}
		}
		if got != 1 {
			t.Errorf("%d clients got the token", got)
		}
	})
}

func TestAnApprovalOnAnotherNodeWakesTheWaiter(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		w.person("alice", store.RolePublisher)
		v := w.begin("192.0.2.7")
		done := make(chan error, 1)
		go func() {
			_, err := w.WaitVisit(t.Context(), v.Wait, time.Minute)
			done <- err
		}()
		e := w.loggedIn("alice")
		_, err := w.node().ApproveVisit(t.Context(), v.Visit, e)
		w.must(err)
		w.must(<-done)
	})
}

func TestVisitsAreCountedPerAddressAndAltogether(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		for n := range maxVisitsOfAddress {
			w.begin(fmt.Sprintf("2001:db8::%x", n+1)) // a /64 counts as one
		}
		_, err := w.BeginVisit(t.Context(), VisitAsked{Address: "2001:db8::ffff"})
		w.wants(err, CodeTooManyVisits)
		w.begin("2001:db8:0:1::1")
		w.pass(visitLife)
		w.begin("2001:db8::1") // those of before wait no more
		w.update(func(tx *db.Tx) error {
			for n := range maxVisits {
				err := tx.PutVisit(store.Visit{ID: fmt.Sprint("visit ", n), ExpiresAt: tx.Now().Add(time.Hour)})
				if err != nil {
					return err
				}
			}
			return nil
		})
		_, err = w.BeginVisit(t.Context(), VisitAsked{Address: "192.0.2.200"})
		w.wants(err, CodeTooManyVisits)
		w.pass(time.Hour)
		swept, err := w.Sweep(t.Context())
		w.must(err)
		if swept.Visits < maxVisits {
			t.Errorf("swept %+v", swept)
		}
	})
}

func TestNothingOfAVisitInTheDatabaseOpensIt(t *testing.T) {
	w := newWorld(t)
	v := w.begin("192.0.2.7")
	w.view(func(tx *db.Tx) error {
		for _, id := range []Secret{v.Visit, v.Wait} {
			if _, err := tx.Visit(id.Reveal()); store.KindOf(err) != store.KindNotFound {
				t.Errorf("a row is named by what opens it: %v", err)
			}
		}
		return nil
	})
	if len(v.Wait.Reveal()) != 43 || len(v.Visit.Reveal()) != 43 || v.Wait.Equal(v.Visit) {
		t.Error("the ids are not 256 bits, or the same")
	}
	_, err := w.WaitVisit(t.Context(), v.Visit, time.Second)
	w.wants(err, CodeVisitNotFound)
	_, err = w.ShowVisit(t.Context(), v.Wait)
	w.wants(err, CodeVisitNotFound)
}

func TestAWaiterThatIsGoneIsForgottenInTime(t *testing.T) {
	w := newWorld(t)
	v := w.begin("192.0.2.7")
	w.must(w.claimVisit(t.Context(), waitRow(v.Wait), "of a node that was killed"))
	_, err := w.WaitVisit(t.Context(), v.Wait, time.Millisecond)
	w.wants(err, CodeVisitAwaited)
	w.pass(waiterLease)
	_, err = w.WaitVisit(t.Context(), v.Wait, time.Millisecond)
	w.wants(err, CodeVisitPending)
	_, err = w.WaitVisit(t.Context(), v.Wait, time.Millisecond)
	w.wants(err, CodeVisitPending) // who comes back is let in at once
}

func TestWhatAClientAskedForIsShownToWhoLogsIn(t *testing.T) {
	w := newWorld(t)
	long := asked("package-manage", "package-view")
	long.Description = "charmcraft@builder"
	for n := range 90 {
		long.Packages = append(long.Packages, store.PackageLimit{Name: fmt.Sprintf("a-charm-with-a-long-name-%d", n), Namespace: store.Charm})
	}
	r, err := w.IssueBakeryRoot(t.Context(), long, 1, "https://store.example/identity/")
	if err != nil { // too long for a root, too
		var e *store.Error
		if !errors.As(err, &e) || e.Kind != store.KindTooLarge {
			t.Fatal(err)
		}
		long.Packages = long.Packages[:40]
		r, err = w.IssueBakeryRoot(t.Context(), long, 1, "https://store.example/identity/")
		w.must(err)
	}
	id := r.Caveat.ID()
	v, err := w.BeginVisit(t.Context(), VisitAsked{Caveat: id, CaveatID: id, Address: "192.0.2.7", UserAgent: "charmcraft/4"})
	w.must(err)
	s, err := w.ShowVisit(t.Context(), v.Visit)
	w.must(err)
	if s.Asked == nil || len(s.Asked.Permissions) != 2 || s.Asked.Description != "charmcraft@builder" || !s.Asked.More ||
		len(s.Asked.Packages) == 0 || s.Code != v.Code || s.Client != "charmcraft/4" || s.Address != "192.0.2.7" {
		t.Errorf("shown is %+v, asked %+v", s, s.Asked)
	}

	// Nobody else can say what is asked for.
	keys, err := w.BakeryKeys(t.Context())
	w.must(err)
	forged, err := credential.NewBakeryCaveat(2, credential.NewBoxKey(), keys[0].Public(), "x", credential.NeedUsername+"\n{\"p\":[]}")
	w.must(err)
	_, _, err = w.CheckCaveat(t.Context(), forged.ID())
	w.wants(err, "caveat-not-recognized")
}
