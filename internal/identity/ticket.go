package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// A browser that has logged in keeps nothing that would log it in again: what
// it needs for the next page is sealed and lies in that page. A ticket is good
// for one thing, in one browser, for a few minutes.

// sealedEvent is a login in a ticket.
type sealedEvent struct {
	Account string    `json:"account"`
	Method  string    `json:"method"`
	Factor  bool      `json:"factor"`
	At      time.Time `json:"at"`
	Address string    `json:"address"`
	Client  string    `json:"client"`
}

// sealedAttempt is a password that was right, while its code is asked for.
type sealedAttempt struct {
	Login    string    `json:"login"`
	Password string    `json:"password"`
	At       time.Time `json:"at"`
}

var errTicket = store.Forbiddenf(CodeNeedsLogin, "the page is too old").Try("log in again")

// SealEvent keeps a login for the next page. What it is good for (a visit, a
// browser) is said in the same words when it is opened.
func (i *Identity) SealEvent(e AuthEvent, goodFor ...string) (Secret, error) {
	return i.sealTicket("login", goodFor, sealedEvent{e.User.Account.ID, e.Method, e.SecondFactor, e.At, e.Address, clip(e.UserAgent)})
}

// OpenEvent opens what SealEvent has made, if the login still counts.
func (i *Identity) OpenEvent(ctx context.Context, ticket Secret, goodFor ...string) (e AuthEvent, err error) {
	var s sealedEvent
	if err := i.openTicket("login", goodFor, ticket, &s); err != nil {
		return e, err
	}
	if i.now().Sub(s.At) > approveWithin {
		return e, errTicket
	}
	err = i.db.View(ctx, func(tx *db.Tx) error {
		if stillStands(tx, s.Account, s.At) != nil {
			return errTicket
		}
		u, err := tx.User(s.Account)
		e = AuthEvent{User: u, Method: s.Method, SecondFactor: s.Factor, At: s.At, Address: s.Address, UserAgent: s.Client}
		return err
	})
	return e, err
}

// SealAttempt keeps a right password while the code of the second factor is
// asked for on another page.
func (i *Identity) SealAttempt(a Attempt, goodFor ...string) (Secret, error) {
	return i.sealTicket("attempt", goodFor, sealedAttempt{a.Login, a.Password.Reveal(), i.now()})
}

// OpenAttempt opens what SealAttempt has made.
func (i *Identity) OpenAttempt(ticket Secret, goodFor ...string) (Attempt, error) {
	var s sealedAttempt
	if err := i.openTicket("attempt", goodFor, ticket, &s); err != nil {
		return Attempt{}, err
	}
	if i.now().Sub(s.At) > approveWithin {
		return Attempt{}, errTicket
	}
	return Attempt{Login: s.Login, Password: NewSecret(s.Password)}, nil
}

func ticketFor(kind string, goodFor []string) string {
	return fmt.Sprintf("%s ticket %q", kind, goodFor)
}

func (i *Identity) sealTicket(kind string, goodFor []string, v any) (Secret, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return Secret{}, fmt.Errorf("cannot make a ticket: %w", err)
	}
	return NewSecret(base64.RawURLEncoding.EncodeToString(i.authority.Seal(ticketFor(kind, goodFor), text))), nil
}

func (i *Identity) openTicket(kind string, goodFor []string, ticket Secret, v any) error {
	sealed, err := base64.RawURLEncoding.DecodeString(ticket.Reveal())
	if err != nil {
		return errTicket
	}
	text, err := i.authority.Open(ticketFor(kind, goodFor), sealed)
	if err != nil || json.Unmarshal(text, v) != nil {
		return errTicket
	}
	return nil
}
