package db

import (
	"time"

	"github.com/larder-store/larder/internal/store"
)

// A follower works through the change log, on one node at a time: it holds a
// lease while it works, and the log of what it has done is one number. All of
// it is bookkeeping.

// Follow takes or renews a follower's lease for holder until a time, and
// returns the seq up to which the log was followed. Unless mine, another holds
// the lease. A follower that is new begins before the first change.
func (tx *Tx) Follow(name, holder string, until time.Time) (seq int64, mine bool, err error) {
	defer wrap(&err, "follow the change log as %s", name)
	if holder == "" {
		return 0, false, store.Invalidf("no-holder", "a lease needs a holder")
	}
	if _, err := tx.keep(`
		INSERT INTO followers (name, seq, holder, until) VALUES (?, 0, '', 0) ON CONFLICT (name) DO NOTHING`, name); err != nil {
		return 0, false, err
	}
	n, err := tx.keep(`
		UPDATE followers SET holder = ?, until = ? WHERE name = ? AND (holder = ? OR holder = '' OR until <= ?)`,
		holder, micros(until), name, holder, micros(tx.now))
	if err != nil || n == 0 {
		return 0, false, err
	}
	seq, err = one[int64](tx.query, `SELECT seq FROM followers WHERE name = ?`, name)
	return seq, err == nil, err
}

// Followed notes that the log was followed up to seq. It does nothing once the
// lease belongs to another, or when seq is behind.
func (tx *Tx) Followed(name, holder string, seq int64) (err error) {
	defer wrap(&err, "note how far %s has come", name)
	_, err = tx.keep(`UPDATE followers SET seq = ? WHERE name = ? AND holder = ? AND seq < ?`, seq, name, holder, seq)
	return err
}

// Unfollow gives a lease back, if holder has it.
func (tx *Tx) Unfollow(name, holder string) (err error) {
	defer wrap(&err, "give back the lease of %s", name)
	_, err = tx.keep(`UPDATE followers SET holder = '', until = 0 WHERE name = ? AND holder = ?`, name, holder)
	return err
}

// FollowedUpTo returns how far a follower has come, whoever holds the lease.
func (tx *Tx) FollowedUpTo(name string) (seq int64, err error) {
	defer wrap(&err, "ask how far %s has come", name)
	return one[int64](tx.query, `SELECT COALESCE(MAX(seq), 0) FROM followers WHERE name = ?`, name)
}
