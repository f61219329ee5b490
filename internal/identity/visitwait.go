package identity

import (
	"context"
	"sync"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// waiting wakes those of this node that wait for a visit; those of other nodes
// look again by themselves.
type waiting struct {
	mu   sync.Mutex
	bell map[string]chan struct{} // closed to wake; owned by mu
}

func (w *waiting) on(row string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bell == nil {
		w.bell = make(map[string]chan struct{})
	}
	if w.bell[row] == nil {
		w.bell[row] = make(chan struct{})
	}
	return w.bell[row]
}

// wake wakes who waits for a visit, and forgets the bell.
func (w *waiting) wake(row string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.bell[row]; c != nil {
		close(c)
		delete(w.bell, row)
	}
}

// forget drops the bell of a visit for which nobody waits any more. Whoever else
// still does, past its lease, looks again by itself.
func (w *waiting) forget(row string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.bell, row)
}

const (
	visitPoll = time.Second // how soon another node's approval is seen
	// waiterLease is how long a waiter that has gone without a word still keeps
	// others from waiting.
	waiterLease = 15 * time.Second
)

// WaitVisit waits until a visit is approved, and returns its discharge token,
// in binary form. It is handed out once; a second waiter at a time is turned
// away. After as long as most it fails with CodeVisitPending: the client may
// wait again.
func (i *Identity) WaitVisit(ctx context.Context, wait Secret, most time.Duration) (credential.Macaroon, error) {
	v, err := i.await(ctx, waitRow(wait), most)
	if err != nil {
		return credential.Macaroon{}, err
	}
	return i.visitToken(ctx, v, credential.ThirdParty{})
}

// Waited is what a client of the old protocol waits for.
type Waited struct {
	Macaroon credential.Macaroon      // discharges the caveat
	Version  credential.BakeryVersion // of the caveat
	Token    credential.Macaroon      // what WaitVisit would have returned
}

// WaitDischarge is WaitVisit for clients that know no tokens.
func (i *Identity) WaitDischarge(ctx context.Context, wait Secret, most time.Duration, client string) (w Waited, err error) {
	v, err := i.await(ctx, waitRow(wait), most)
	if err != nil {
		return w, err
	}
	caveat, id, ok := caveatOf(v)
	if !ok {
		return w, errNoVisit
	}
	e, err := i.eventOf(ctx, v)
	if err != nil {
		return w, err
	}
	e.UserAgent = client
	c, _, err := i.CheckCaveat(ctx, caveat)
	if err != nil {
		return w, err
	}
	w.Version = c.Version
	if w.Macaroon, err = i.DischargeCaveat(ctx, e, caveat, id); err != nil {
		return w, err
	}
	w.Token, err = i.visitToken(ctx, v, credential.ThirdParty{})
	return w, err
}

// await waits for a visit and takes it.
func (i *Identity) await(ctx context.Context, row string, most time.Duration) (store.Visit, error) {
	waiter := randomText(9)
	if err := i.claimVisit(ctx, row, waiter); err != nil {
		return store.Visit{}, unlessGone(ctx, err)
	}
	defer i.releaseVisit(context.WithoutCancel(ctx), row, waiter)
	defer i.waiting.forget(row)
	over := time.NewTimer(most)
	defer over.Stop()
	tick := time.NewTicker(visitPoll)
	defer tick.Stop()
	renewed := i.now()
	for {
		bell := i.waiting.on(row)
		v, ready, err := i.lookAtVisit(ctx, row)
		if ready && err == nil {
			v, err = i.takeVisit(ctx, row)
		}
		if ready || err != nil {
			return v, unlessGone(ctx, err)
		}
		select {
		case <-ctx.Done():
			return v, errPending
		case <-over.C:
			return v, errPending
		case <-bell:
		case <-tick.C:
			if i.now().Sub(renewed) < waiterLease/3 {
				continue
			}
			if err := i.claimVisit(ctx, row, waiter); err != nil {
				return v, unlessGone(ctx, err)
			}
			renewed = i.now()
		}
	}
}

var errPending = store.Unavailablef(CodeVisitPending, "nobody has approved the login yet").Try("wait again")

// unlessGone is err, unless it comes of nobody waiting any more.
func unlessGone(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errPending
	}
	return err
}

func (i *Identity) lookAtVisit(ctx context.Context, row string) (v store.Visit, ready bool, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		v, err = liveVisit(tx, row)
		return err
	})
	switch {
	case err != nil:
		return v, false, err
	case v.Details[detailRefused] != "":
		return v, false, errRefused
	case !v.TakenAt.IsZero():
		return v, false, errVisitUsed
	}
	return v, !v.ApprovedAt.IsZero(), nil
}

// claimVisit makes a waiter the only one for a while.
func (i *Identity) claimVisit(ctx context.Context, row, waiter string) error {
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		v, err := liveVisit(tx, row)
		if err != nil {
			return err
		}
		if !v.TakenAt.IsZero() {
			return errVisitUsed
		}
		until, err := time.Parse(time.RFC3339Nano, v.Details[detailUntil])
		if err == nil && tx.Now().Before(until) && v.Details[detailWaiter] != waiter {
			return store.Conflictf(CodeVisitAwaited, "another client waits for this login already").Try("begin again")
		}
		v.Details[detailWaiter] = waiter
		v.Details[detailUntil] = tx.Now().Add(waiterLease).Format(time.RFC3339Nano)
		return tx.PutVisit(v)
	})
	return err
}

func (i *Identity) releaseVisit(ctx context.Context, row, waiter string) {
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		v, err := liveVisit(tx, row)
		if store.KindOf(err) == store.KindNotFound {
			return nil
		}
		if err != nil || v.Details[detailWaiter] != waiter {
			return err
		}
		delete(v.Details, detailWaiter)
		delete(v.Details, detailUntil)
		return tx.PutVisit(v)
	})
	if err != nil {
		i.log.WarnContext(ctx, "cannot note that nobody waits for a login any more", "error", err)
	}
}

// takeVisit takes an approved visit: of any number of callers, on any number of
// nodes, one gets it. Its row then stands for the token.
func (i *Identity) takeVisit(ctx context.Context, row string) (v store.Visit, err error) {
	_, err = i.db.Update(ctx, actorIdentity, func(tx *db.Tx) (err error) {
		v, err = take(tx, row)
		return err
	})
	return v, err
}

func take(tx *db.Tx, row string) (store.Visit, error) {
	first, err := tx.TakeVisit(row)
	if err != nil {
		return store.Visit{}, err
	}
	if !first {
		return store.Visit{}, errVisitUsed
	}
	v, err := tx.Visit(row)
	if err != nil {
		return v, err
	}
	v.ExpiresAt = tx.Now().Add(tokenLife)
	return v, tx.PutVisit(v)
}

// TakeRedirect is WaitVisit for a web site whose user has come back with a code.
func (i *Identity) TakeRedirect(ctx context.Context, visit, code Secret) (credential.Macaroon, error) {
	var v store.Visit
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		had, err := liveVisit(tx, visitRow(visit))
		if err != nil {
			return err
		}
		want := had.Details[detailRedirect]
		if want == "" || !NewSecret(want).Equal(NewSecret(hashText(code.Reveal()))) {
			return errNoVisit
		}
		v, err = take(tx, had.ID)
		return err
	})
	if err != nil {
		return credential.Macaroon{}, err
	}
	return i.visitToken(ctx, v, credential.ThirdParty{})
}
