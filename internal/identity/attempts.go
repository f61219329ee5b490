package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// check is one counter of failed checks, and how long each further failure
// keeps the next waiting.
type check struct {
	key    string
	free   int           // failures that cost nothing
	first  time.Duration // after the next one; doubled with each further
	most   time.Duration
	forget time.Duration // without a failure, after which they count no more
}

// checks are the counters that one attempt counts on.
type checks []check

// The prefixes of the keys. Those of known addresses are kept longer.
const (
	knownPrefix  = "known:"
	keepKnown    = 90 * 24 * time.Hour
	keepFailures = 24 * time.Hour
)

// accountCheck counts for one login name, whether or not there is such an
// account. A minute is the most that others can lock its owner out.
func accountCheck(login string) check {
	return check{key: "account:" + hashText(login), free: 5, first: time.Second, most: time.Minute, forget: time.Hour}
}

// knownCheck counts for a login name at an address from which it has logged in
// before: there, failures elsewhere do not count.
func knownCheck(login, address string) check {
	return check{
		key:  knownPrefix + hashText(login+"\x00"+store.AddressPrefix(address)),
		free: 5, first: time.Second, most: time.Minute, forget: time.Hour,
	}
}

// addressCheck counts for one address, whoever it tries to be.
func addressCheck(address string) check {
	return check{key: "address:" + store.AddressPrefix(address), free: 20, first: time.Second, most: 5 * time.Minute, forget: time.Hour}
}

// codeCheck counts wrong codes of a second factor after a right password. Only
// who knows the password gets here, so its waits may be long.
func codeCheck(accountID string) check {
	return check{key: "code:" + accountID, free: 5, first: 2 * time.Second, most: 15 * time.Minute, forget: 24 * time.Hour}
}

// globalCheck counts all failures of a minute. Past its free ones, only
// addresses that are known get through at once.
var globalCheck = check{key: "global", free: 300, first: time.Second, most: 10 * time.Second, forget: time.Minute}

// charge counts a failure on each counter before the check is made, so that
// parallel guesses do not overtake the counting; refund takes it back. It
// fails with CodeTooMany, and counts nothing, while one of the counters says
// to wait.
func (i *Identity) charge(ctx context.Context, cs checks) error {
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		_, err := charge(tx, cs)
		return err
	})
	return err
}

func charge(tx *db.Tx, cs checks) (wait time.Duration, err error) {
	counted := make([]store.Attempts, len(cs))
	for n, c := range cs {
		a, err := tx.Attempts(c.key)
		if err != nil {
			return 0, err
		}
		if tx.Now().Sub(a.LastAt) >= c.forget && !tx.Now().Before(a.BlockedUntil) {
			a.Failures = 0
		}
		wait = max(wait, a.BlockedUntil.Sub(tx.Now()))
		counted[n] = a
	}
	if wait > 0 {
		return wait, tooMany(wait)
	}
	for n, c := range cs {
		a := counted[n]
		a.Failures++
		a.LastAt, a.BlockedUntil = tx.Now(), time.Time{}
		if over := a.Failures - c.free; over >= 0 {
			a.BlockedUntil = tx.Now().Add(c.delay(over))
		}
		if err := tx.PutAttempts(c.key, a); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// delay is how long to wait after so many failures more than are free.
func (c check) delay(over int) time.Duration {
	if over >= 30 {
		return c.most
	}
	return min(c.most, c.first<<over)
}

// refund takes back what charge counted.
func (i *Identity) refund(ctx context.Context, cs checks) {
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error { return refund(tx, cs) })
	if err != nil {
		i.log.WarnContext(ctx, "cannot take back a counted attempt", "error", err)
	}
}

func refund(tx *db.Tx, cs checks) error {
	for _, c := range cs {
		a, err := tx.Attempts(c.key)
		if err != nil {
			return err
		}
		a.Failures = max(0, a.Failures-1)
		if a.Failures < c.free {
			a.BlockedUntil = time.Time{}
		}
		if err := tx.PutAttempts(c.key, a); err != nil {
			return err
		}
	}
	return nil
}

// alone calls f while nobody else of this process counts, or fails when ctx
// ends first: whoever waits for a slow database does not outlive its request.
func (i *Identity) alone(ctx context.Context, f func() error) error {
	select {
	case i.counting <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("cannot count an attempt: %w", context.Cause(ctx))
	}
	defer func() { <-i.counting }()
	return f()
}

// mayTry fails with CodeTooMany while one of the counters says to wait. It is
// for what cannot be guessed: only failures cost a write, see note.
func (i *Identity) mayTry(ctx context.Context, cs checks) error {
	return i.db.View(ctx, func(tx *db.Tx) error {
		for _, c := range cs {
			a, err := tx.Attempts(c.key)
			if err != nil {
				return err
			}
			if wait := a.BlockedUntil.Sub(tx.Now()); wait > 0 {
				return tooMany(wait)
			}
		}
		return nil
	})
}

// note counts a failure after mayTry.
func (i *Identity) note(ctx context.Context, cs checks) {
	err := i.alone(ctx, func() error { return i.charge(ctx, cs) })
	if err != nil && store.CodeOf(err) != CodeTooMany {
		i.log.WarnContext(ctx, "cannot count a failure", "error", err)
	}
}

// clear forgets all failures of a counter. The row stays: of a known address
// it is what makes it known.
func clear(tx *db.Tx, c check) error {
	return tx.PutAttempts(c.key, store.Attempts{LastAt: tx.Now()})
}

// actorIdentity is whom the change log names where nobody is known yet.
const actorIdentity = "identity"
