package identity

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// A visit is a login on behalf of a client that waits: the client is given two
// ids, opens a page with one of them and waits with the other. Who sees the
// page's address can therefore not collect what the login brings.

// The codes of visits.
const (
	CodeVisitNotFound = "visit-not-found"
	CodeVisitUsed     = "visit-used"      // its token was handed out already
	CodeVisitRefused  = "visit-refused"   // whoever saw the page said no
	CodeVisitAwaited  = "visit-awaited"   // another client waits for it
	CodeVisitPending  = "visit-pending"   // nobody has approved it yet
	CodeTooManyVisits = "too-many-visits" // of this address, or altogether
)

const (
	visitLife          = 10 * time.Minute
	maxVisits          = 5000
	maxVisitsOfAddress = 60
	// approveWithin is how long after a login it may approve something.
	approveWithin = 5 * time.Minute
	// tokenLife is how long a discharge token is good for: the client comes
	// back with it at once.
	tokenLife = 10 * time.Minute
)

// VisitAsked says what a client waits for, and who it says it is.
type VisitAsked struct {
	// Caveat is what OpenBakeryCaveat has opened; nil for a login that no
	// caveat asked for, whose token is good for any.
	Caveat    []byte
	CaveatID  []byte // the caveat's id on the wire
	ReturnTo  string // where the browser goes afterwards; may be empty
	State     string // given back there
	Address   string // of the client, without its port
	UserAgent string
}

// Visiting is a visit that has begun.
type Visiting struct {
	Visit Secret // for the page
	Wait  Secret // for the client
	Code  string // shown on the page, to be compared
}

// The members of a visit's details.
const (
	detailCaveat   = "caveat"
	detailCaveatID = "caveat-id"
	detailClient   = "client"
	detailFrom     = "from"
	detailReturnTo = "return-to"
	detailState    = "state"
	detailRefused  = "refused"
	detailLastAuth = "last-auth"
	detailFactor   = "second-factor"
	detailAgentKey = "agent-key"
	detailWaiter   = "waiter"
	detailUntil    = "waiting-until"
	detailRedirect = "code" // hash of what the browser carries back
)

// BeginVisit opens a visit. One address, and all together, may have only so
// many that wait.
func (i *Identity) BeginVisit(ctx context.Context, a VisitAsked) (Visiting, error) {
	wait := randomText(32)
	visit := visitOf(wait)
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		address := store.AddressPrefix(a.Address)
		all, ofAddress, err := tx.CountVisits(address)
		if err != nil {
			return err
		}
		if all >= maxVisits || ofAddress >= maxVisitsOfAddress {
			return store.Unavailablef(CodeTooManyVisits, "too many logins are waiting already").
				Try("finish one, or try again in some minutes")
		}
		details := map[string]string{detailClient: clip(a.UserAgent), detailFrom: clip(a.Address)}
		if a.Caveat != nil {
			details[detailCaveat] = base64.StdEncoding.EncodeToString(a.Caveat)
			details[detailCaveatID] = base64.StdEncoding.EncodeToString(a.CaveatID)
		}
		if a.ReturnTo != "" {
			details[detailReturnTo], details[detailState] = a.ReturnTo, a.State
		}
		return tx.PutVisit(store.Visit{
			ID: hashText(visit), Details: details, Address: address, CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(visitLife),
		})
	})
	if err != nil {
		return Visiting{}, err
	}
	return Visiting{Visit: NewSecret(visit), Wait: NewSecret(wait), Code: codeOf(visit)}, nil
}

// visitOf is the id for the page that belongs to the one for waiting. There is
// no way back.
func visitOf(wait string) string {
	sum := sha256.Sum256([]byte("visit\x00" + wait))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// waitRow and visitRow are the row of an id.
func waitRow(wait Secret) string   { return hashText(visitOf(wait.Reveal())) }
func visitRow(visit Secret) string { return hashText(visit.Reveal()) }

var codeLetters = base32.NewEncoding("ABCDEFGHJKLMNPQRSTUVWXYZ23456789").WithPadding(base32.NoPadding)

// codeOf is the short code of a visit, the same on the page and in the client's
// terminal.
func codeOf(visit string) string {
	sum := sha256.Sum256([]byte("code\x00" + visit))
	text := codeLetters.EncodeToString(sum[:5])
	return text[:4] + "-" + text[4:]
}

// ShownVisit is what the page shows of a visit.
type ShownVisit struct {
	Code     string
	Address  string // of the client
	Client   string // what it calls itself
	Asked    *credential.AskedFor
	ReturnTo string
	State    string
	Expires  time.Time
}

var errNoVisit = store.NotFoundf(CodeVisitNotFound, "no login waits under this address").
	Try("it may have expired: begin again")

// ShowVisit shows a visit that waits to be approved.
func (i *Identity) ShowVisit(ctx context.Context, visit Secret) (s ShownVisit, err error) {
	var v store.Visit
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		v, err = openVisit(tx, visitRow(visit))
		return err
	})
	if err != nil {
		return s, err
	}
	s = ShownVisit{
		Code: codeOf(visit.Reveal()), Address: v.Details[detailFrom], Client: v.Details[detailClient],
		ReturnTo: v.Details[detailReturnTo], State: v.Details[detailState], Expires: v.ExpiresAt,
	}
	if caveat, _, ok := caveatOf(v); ok {
		keys, err := i.BakeryKeys(ctx)
		if err != nil {
			return s, err
		}
		if opened, err := credential.OpenBakeryCaveat(caveat, keys...); err == nil {
			s.Asked = opened.Asked
		}
	}
	return s, nil
}

// openVisit finds a visit that nobody has decided about yet.
func openVisit(tx *db.Tx, row string) (store.Visit, error) {
	v, err := liveVisit(tx, row)
	switch {
	case err != nil:
		return v, err
	case v.Details[detailRefused] != "":
		return v, errRefused
	case !v.ApprovedAt.IsZero():
		return v, errVisitUsed
	}
	return v, nil
}

// liveVisit finds a visit that has not expired.
func liveVisit(tx *db.Tx, row string) (store.Visit, error) {
	v, err := tx.Visit(row)
	if store.KindOf(err) == store.KindNotFound || err == nil && !tx.Now().Before(v.ExpiresAt) {
		return store.Visit{}, errNoVisit
	}
	return v, err
}

var (
	errVisitUsed = store.Forbiddenf(CodeVisitUsed, "this login is over already").Try("begin again")
	errRefused   = store.Forbiddenf(CodeVisitRefused, "the login was refused")
)

// ApproveVisit lets the client of a visit have what it waits for, as somebody
// who has just logged in.
func (i *Identity) ApproveVisit(ctx context.Context, visit Secret, e AuthEvent) (back Redirect, err error) {
	_, err = i.db.Update(ctx, e.User.Account.ID, func(tx *db.Tx) error {
		v, err := i.approve(tx, visitRow(visit), e)
		if err != nil {
			return err
		}
		if v.Details[detailReturnTo] != "" {
			back = Redirect{To: v.Details[detailReturnTo], State: v.Details[detailState], Code: NewSecret(randomText(32))}
			v.Details[detailRedirect] = hashText(back.Code.Reveal())
		}
		return tx.PutVisit(v)
	})
	if err != nil {
		return Redirect{}, err
	}
	i.waiting.wake(visitRow(visit))
	return back, nil
}

// Redirect is where a browser goes after a login, and what it carries there.
// It is zero where the client waits by itself.
type Redirect struct {
	To    string
	State string
	Code  Secret
}

func (i *Identity) approve(tx *db.Tx, row string, e AuthEvent) (store.Visit, error) {
	v, err := openVisit(tx, row)
	if err != nil {
		return v, err
	}
	if tx.Now().Sub(e.At) > approveWithin {
		return v, store.Forbiddenf(CodeNeedsLogin, "the login was too long ago").Try("log in again")
	}
	if err := stillStands(tx, e.User.Account.ID, e.At); err != nil {
		return v, err
	}
	v.AccountID, v.Method, v.ApprovedAt = e.User.Account.ID, e.Method, tx.Now()
	v.Details[detailLastAuth] = e.At.Format(time.RFC3339Nano)
	if e.SecondFactor {
		v.Details[detailFactor] = "yes"
	}
	return v, nil
}

// stillStands checks that a login of a time ago counts now.
func stillStands(tx *db.Tx, accountID string, at time.Time) error {
	_, err := vouched(tx, store.Session{
		AccountID: accountID, LastAuth: at, ValidUntil: tx.Now().Add(time.Second),
	})
	return err
}

// RefuseVisit ends a visit: its client is told. Whoever has the page may do so.
func (i *Identity) RefuseVisit(ctx context.Context, visit Secret) error {
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		v, err := openVisit(tx, visitRow(visit))
		if err != nil {
			return err
		}
		v.Details[detailRefused] = "yes"
		return tx.PutVisit(v)
	})
	if err == nil {
		i.waiting.wake(visitRow(visit))
	}
	return err
}

// caveatOf returns the caveat that a visit is for.
func caveatOf(v store.Visit) (caveat, id []byte, ok bool) {
	text, ok := v.Details[detailCaveat]
	if !ok {
		return nil, nil, false
	}
	caveat, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, nil, false
	}
	id, err = base64.StdEncoding.DecodeString(v.Details[detailCaveatID])
	return caveat, id, err == nil
}
