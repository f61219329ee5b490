package identity

import (
	"context"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Sessions lists tokens: those of the account that asks, or of any with
// PermAccount; every account's when the filter names none.
func (i *Identity) Sessions(ctx context.Context, who store.Principal, f store.SessionFilter) (list []store.Session, err error) {
	if err := maySee(who, f.AccountID); err != nil {
		return nil, err
	}
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = tx.Sessions(f)
		return err
	})
	return list, err
}

// Revoke ends a token at once: the one that asks, another of its account, or
// any with PermAccount. What is not one's own does not exist. Doing it again
// changes nothing.
func (i *Identity) Revoke(ctx context.Context, who store.Principal, id string) (store.Session, error) {
	var revoked store.Session
	_, err := i.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		s, err := tx.Session(id)
		if err != nil {
			return err
		}
		if err := mayRevoke(who, s); err != nil {
			return err
		}
		if s.RevokedAt.IsZero() {
			s.RevokedAt, s.RevokedBy = tx.Now(), who.Name
			if err := tx.PutSession(s); err != nil {
				return err
			}
			recordRevoked(tx, s)
		}
		revoked = s
		return nil
	})
	return revoked, err
}

func mayRevoke(who store.Principal, s store.Session) error {
	switch {
	case who.Session != "" && who.Session == s.ID:
		return nil
	case isSelf(who, s.AccountID):
		return who.Need(store.PermAccountEdit)
	case who.Need(store.PermAccount) == nil:
		return nil
	}
	return store.NotFoundf("session-not-found", "there is no such session")
}

func recordRevoked(tx *db.Tx, s store.Session) {
	tx.Record(store.TokenRevoked, "token/"+s.ID, map[string]any{"kind": s.Kind, "account": s.AccountID})
}

// RevokeAll ends all tokens of an account, and returns how many there were. It
// needs PermAccount, or for the own account PermAccountEdit.
func (i *Identity) RevokeAll(ctx context.Context, who store.Principal, accountID string) (n int, err error) {
	if err := mayEdit(who, accountID); err != nil {
		return 0, err
	}
	_, err = i.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		n = 0
		u, err := tx.User(accountID)
		if err != nil {
			return err
		}
		f := store.SessionFilter{AccountID: accountID, Limit: 1000}
		for {
			list, err := tx.Sessions(f)
			if err != nil {
				return err
			}
			for _, s := range list {
				s.RevokedAt, s.RevokedBy = tx.Now(), who.Name
				if err := tx.PutSession(s); err != nil {
					return err
				}
				recordRevoked(tx, s)
				n++
			}
			if len(list) < f.Limit {
				break
			}
			f.After = list[len(list)-1].ID
		}
		// Whatever has no row yet, such as a login on its way.
		u.SessionsValidAfter = tx.Now()
		record(tx, u, "sessions ended")
		return tx.PutUser(u)
	})
	return n, err
}

// keepSessions is how long an ended session is still listed.
const keepSessions = 30 * 24 * time.Hour

// Swept says what Sweep removed.
type Swept struct {
	Sessions int64 `json:"sessions"`
	Attempts int64 `json:"attempts"`
	Visits   int64 `json:"visits"`
	Nonces   int64 `json:"nonces"`
}

// Sweep removes what counts no more: sessions that ended long ago, old failed
// attempts, logins that nobody came back for, and expired nonces. It changes
// nothing that anybody could notice, so everybody may.
func (i *Identity) Sweep(ctx context.Context) (s Swept, err error) {
	_, err = i.db.Update(ctx, actorIdentity, func(tx *db.Tx) (err error) {
		s = Swept{}
		if s.Sessions, err = tx.DropSessions(tx.Now().Add(-keepSessions)); err != nil {
			return err
		}
		if s.Attempts, err = tx.DropAttempts(tx.Now().Add(-keepFailures), knownPrefix); err != nil {
			return err
		}
		known, err := tx.DropAttempts(tx.Now().Add(-keepKnown), "")
		if err != nil {
			return err
		}
		s.Attempts += known
		if s.Visits, err = tx.DropVisits(); err != nil {
			return err
		}
		s.Nonces, err = tx.DropNonces()
		return err
	})
	return s, err
}
