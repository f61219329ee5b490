package identity

import (
	"context"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// Issued is a token with its row.
type Issued struct {
	Token   Secret // for Authorization: Macaroon
	Session store.Session
}

// ExchangePair makes one token of a root and its discharge of the single
// sign-on. It allows what they allow, and ends with the root.
func (i *Identity) ExchangePair(ctx context.Context, e Evidence, client string) (Issued, error) {
	return i.exchange(ctx, e, client, credential.KindPair, credential.U1Root, credential.AdminRoot)
}

// ExchangeSlice is ExchangePair for a root and discharge of the identity
// service, in a Macaroons header, an Authorization header or a cookie.
func (i *Identity) ExchangeSlice(ctx context.Context, e Evidence, client string) (Issued, error) {
	return i.exchange(ctx, e, client, credential.KindSlices, credential.BakeryRoot)
}

func (i *Identity) exchange(ctx context.Context, e Evidence, client string, kind credential.Kind, purposes ...credential.Purpose) (Issued, error) {
	p, err := e.present()
	if err != nil {
		return Issued{}, err
	}
	if p.Kind != kind {
		return Issued{}, noCredentials(nil)
	}
	// The first slice that proves anything is exchanged.
	var refusal error
	for _, s := range p.Slices {
		w, err := i.byMacaroon(ctx, s, purposes...)
		if err != nil {
			if refusal = err; store.KindOf(err) != store.KindUnauthorised {
				return Issued{}, err
			}
			continue
		}
		return i.issue(ctx, w.Principal.Name, newToken{
			kind: KindExchanged, user: w.User, limits: w.verified.Limits, client: client, method: w.Session.Method,
			lastAuth: w.LastAuth, expires: earlier(w.verified.RootExpires, w.LastAuth.Add(maxLife)),
		})
	}
	return Issued{}, refusal
}

// newToken is a token to be made.
type newToken struct {
	kind        string
	user        store.User
	limits      []credential.Limits
	client      string
	description string
	method      string
	lastAuth    time.Time
	expires     time.Time
	// before runs in the transaction that stores the row, and may forbid it.
	before func(*db.Tx, store.Session) error
}

// issue makes a token and its row. The account is asked again in the
// transaction, so that none is made for a login that has just ended.
func (i *Identity) issue(ctx context.Context, actor string, n newToken) (Issued, error) {
	purpose := credential.Exchanged
	switch n.kind {
	case KindAdmin:
		purpose = credential.AdminRoot
	case KindImageUpload:
		purpose = credential.RegistryPassword
	}
	k, err := i.keysFor(ctx, purpose.String())
	if err != nil {
		return Issued{}, err
	}
	s := store.Session{
		ID: credential.NewSessionID(), Kind: n.kind, AccountID: n.user.Account.ID, Client: clip(n.client),
		Description: n.description, Method: n.method, LastAuth: n.lastAuth, ValidSince: since(i.now()), ValidUntil: n.expires,
		Limits: row(n.limits[0]),
	}
	m, err := mint(k, purpose, credential.Token{
		Location: i.location, Session: s.ID, Subject: s.AccountID, Since: s.ValidSince, Expires: n.expires, Limits: n.limits,
	})
	if err != nil {
		return Issued{}, err
	}
	text, err := m.Macaroon.Text()
	if err != nil {
		return Issued{}, err
	}
	_, err = i.db.Update(ctx, actor, func(tx *db.Tx) error {
		if n.before != nil {
			if err := n.before(tx, s); err != nil {
				return err
			}
		}
		if _, err := vouched(tx, s); err != nil {
			return err
		}
		recordIssued(tx, s)
		return tx.PutSession(s)
	})
	if err != nil {
		return Issued{}, err
	}
	return Issued{text, s}, nil
}
