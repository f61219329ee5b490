package identity

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// visitToken makes the token of a visit. The visit's row is the session's: the
// token counts as long as it does.
func (i *Identity) visitToken(ctx context.Context, v store.Visit, agent credential.ThirdParty) (credential.Macaroon, error) {
	k, err := i.keysFor(ctx, credential.DischargeToken.String())
	if err != nil {
		return credential.Macaroon{}, err
	}
	root, err := mint(k, credential.DischargeToken, credential.Token{
		Location: i.location, Session: v.ID, Subject: v.AccountID, Since: since(i.now()), Expires: v.ExpiresAt, Identity: agent,
	})
	return root.Macaroon, err
}

// FormLogin logs somebody in who has typed password and code into the waiting
// client itself. It returns the token.
func (i *Identity) FormLogin(ctx context.Context, wait Secret, a Attempt) (credential.Macaroon, error) {
	row := waitRow(wait)
	// Not before there is a visit: else it would be a way around its limits.
	err := i.db.View(ctx, func(tx *db.Tx) error {
		_, err := openVisit(tx, row)
		return err
	})
	if err != nil {
		return credential.Macaroon{}, err
	}
	e, err := i.Login(ctx, a)
	if err != nil {
		return credential.Macaroon{}, err
	}
	var v store.Visit
	_, err = i.db.Update(ctx, e.User.Account.ID, func(tx *db.Tx) error {
		approved, err := i.approve(tx, row, e)
		if err != nil {
			return err
		}
		if err := tx.PutVisit(approved); err != nil {
			return err
		}
		v, err = take(tx, row)
		return err
	})
	if err != nil {
		return credential.Macaroon{}, err
	}
	i.waiting.wake(row)
	return i.visitToken(ctx, v, credential.ThirdParty{})
}

var errAgent = store.Forbiddenf("unknown-agent", "there is no agent with this name and key").
	Try("add its key to an account with larder account add-key")

// AgentLogin begins the login of an agent: the macaroon it returns is a token
// once the agent has discharged its caveat, for which it needs its private key.
func (i *Identity) AgentLogin(
	ctx context.Context, visit Secret, username string, public credential.BoxPublic, version credential.BakeryVersion,
) (Root, error) {
	keys, err := i.BakeryKeys(ctx)
	if err != nil {
		return Root{}, err
	}
	var v store.Visit
	_, err = i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		if v, err = openVisit(tx, visitRow(visit)); err != nil {
			return err
		}
		k, err := tx.UserKey(store.UserKeyAgent, public.String())
		if store.KindOf(err) == store.KindNotFound {
			return errAgent
		}
		if err != nil {
			return err
		}
		u, err := tx.User(k.AccountID)
		if err != nil {
			return err
		}
		if u.Account.Username != username || u.State != store.UserActive {
			return errAgent
		}
		v.Details[detailAgentKey] = k.Key
		if err := tx.PutVisit(v); err != nil {
			return err
		}
		v.AccountID = u.Account.ID // of the token; the row says so once it is approved
		return nil
	})
	if err != nil {
		return Root{}, err
	}
	caveat, err := credential.NewAgentCaveat(version, keys[0], public)
	if err != nil {
		return Root{}, err
	}
	m, err := i.visitToken(ctx, v, caveat)
	return Root{m, caveat}, err
}

// ApproveByAgent approves a visit for the agent that shows its discharged
// macaroon, so that a client of the old protocol goes on by waiting.
func (i *Identity) ApproveByAgent(ctx context.Context, visit Secret, shown Evidence) error {
	p, err := shown.present()
	if err != nil {
		return err
	}
	if p.Kind != credential.KindSlices {
		return noCredentials(nil)
	}
	row := visitRow(visit)
	for _, s := range p.Slices {
		v, err := i.verify(ctx, s, credential.DischargeToken)
		if err != nil || v.Identity.IsZero() || v.Session != row {
			continue
		}
		_, err = i.db.Update(ctx, v.Subject, func(tx *db.Tx) error {
			e, err := i.agentEvent(tx, v, shown.Address, shown.UserAgent)
			if err != nil {
				return err
			}
			approved, err := i.approve(tx, row, e)
			if err != nil {
				return err
			}
			e.record(tx)
			return tx.PutVisit(approved)
		})
		if err == nil {
			i.waiting.wake(row)
		}
		return err
	}
	return noCredentials(nil)
}

// agentEvent is the login of an agent that has shown that it has its key.
func (i *Identity) agentEvent(tx *db.Tx, v credential.Verified, address, client string) (AuthEvent, error) {
	visit, err := liveVisit(tx, v.Session)
	if err != nil {
		return AuthEvent{}, err
	}
	k, err := tx.UserKey(store.UserKeyAgent, visit.Details[detailAgentKey])
	if err != nil {
		return AuthEvent{}, err
	}
	u, err := tx.User(v.Subject)
	if err != nil {
		return AuthEvent{}, err
	}
	if k.AccountID != v.Subject || u.State != store.UserActive {
		return AuthEvent{}, errAgent
	}
	return AuthEvent{User: u, Method: MethodAgent, At: tx.Now(), Address: address, UserAgent: client}, nil
}

// BadToken is the code of a discharge token that proves nothing, whatever is
// wrong with it.
const BadToken = "discharge-token-invalid"

func badToken(cause error) error {
	err := store.Unauthorisedf(BadToken, "the discharge token is not valid").Try("log in again")
	if cause == nil {
		return err
	}
	return err.Because(cause)
}

// ByDischargeToken says who a discharge token of a kind proves, for the caveat
// with the id that the client wants discharged. It is only good for that of
// the visit which it comes from.
func (i *Identity) ByDischargeToken(ctx context.Context, kind string, token, caveatID []byte, asker Evidence) (AuthEvent, error) {
	k, err := i.keysFor(ctx, credential.DischargeToken.String())
	if err != nil {
		return AuthEvent{}, err
	}
	v, err := k.ring.VerifyDischargeToken(i.now(), kind, token)
	if err != nil {
		// The key may have been made by another node a moment ago.
		i.readAgain()
		if k, err = i.keysFor(ctx, credential.DischargeToken.String()); err != nil {
			return AuthEvent{}, err
		}
		if v, err = k.ring.VerifyDischargeToken(i.now(), kind, token); err != nil {
			return AuthEvent{}, badToken(err)
		}
	}
	var e AuthEvent
	_, err = i.db.Update(ctx, v.Subject, func(tx *db.Tx) error {
		visit, err := liveVisit(tx, v.Session)
		if err != nil {
			return err
		}
		if _, id, ok := caveatOf(visit); ok && !bytes.Equal(id, caveatID) {
			return badToken(nil)
		}
		if kind == credential.TokenKindAgent {
			if e, err = i.agentEvent(tx, v, asker.Address, asker.UserAgent); err != nil {
				return err
			}
			e.record(tx)
			return nil
		}
		if visit.TakenAt.IsZero() || visit.AccountID != v.Subject {
			return badToken(nil)
		}
		e, err = eventIn(tx, visit)
		e.Address, e.UserAgent = asker.Address, asker.UserAgent
		return err
	})
	switch store.KindOf(err) {
	case store.KindNotFound, store.KindUnauthorised, store.KindForbidden:
		return AuthEvent{}, badToken(err)
	}
	return e, err
}

// eventOf is the login that has approved a visit, if it still counts.
func (i *Identity) eventOf(ctx context.Context, v store.Visit) (e AuthEvent, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		e, err = eventIn(tx, v)
		return err
	})
	return e, err
}

func eventIn(tx *db.Tx, v store.Visit) (AuthEvent, error) {
	at, err := time.Parse(time.RFC3339Nano, v.Details[detailLastAuth])
	if err != nil || v.ApprovedAt.IsZero() {
		return AuthEvent{}, errNoVisit
	}
	if err := stillStands(tx, v.AccountID, at); err != nil {
		return AuthEvent{}, err
	}
	u, err := tx.User(v.AccountID)
	return AuthEvent{
		User: u, Method: v.Method, SecondFactor: v.Details[detailFactor] != "", At: at,
		Address: v.Details[detailFrom], UserAgent: v.Details[detailClient],
	}, err
}

// The codes of discharges.
const (
	CodeBadCaveat    = credential.CodeCaveat
	CodeNotSatisfied = "condition-not-satisfied"
)

// CheckCaveat opens a caveat and reads its condition, before anybody logs in.
func (i *Identity) CheckCaveat(ctx context.Context, caveat []byte) (credential.BakeryCaveat, credential.Condition, error) {
	keys, err := i.BakeryKeys(ctx)
	if err != nil {
		return credential.BakeryCaveat{}, credential.Condition{}, err
	}
	c, err := credential.OpenBakeryCaveat(caveat, keys...)
	if err != nil {
		return c, credential.Condition{}, err
	}
	condition, err := credential.ParseCondition(c.Condition)
	if err == nil && condition.Domain != "" {
		err = store.Forbiddenf(CodeNotSatisfied, "this store has no users of the domain %.100q", condition.Domain)
	}
	return c, condition, err
}

// DischargeCaveat discharges a caveat for somebody who has just logged in, if
// its condition holds for them.
func (i *Identity) DischargeCaveat(ctx context.Context, e AuthEvent, caveat, id []byte) (credential.Macaroon, error) {
	c, condition, err := i.CheckCaveat(ctx, caveat)
	if err != nil {
		return credential.Macaroon{}, err
	}
	if condition.Is == credential.IsMember {
		groups, err := i.Groups(ctx, e.User)
		if err != nil {
			return credential.Macaroon{}, err
		}
		in := func(group string) bool {
			return slices.Contains(groups, group) || group == e.User.Account.Username && !store.GroupName(group)
		}
		if !slices.ContainsFunc(condition.Groups, in) {
			return credential.Macaroon{}, store.Forbiddenf(CodeNotSatisfied, "%s is in none of the groups", e.User.Account.Username)
		}
	}
	return i.DischargeBakery(ctx, e, c, condition, id)
}

// Groups are the names by which other services may ask what somebody is: the
// role, and for each membership of a store the store's id, a hyphen and the
// role there. Who may see them is for the caller to decide.
func (i *Identity) Groups(ctx context.Context, u store.User) (groups []string, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) error {
		groups = []string{string(u.Role)}
		members, err := tx.Memberships(u.Account.ID)
		for _, m := range members {
			for _, role := range m.Roles {
				groups = append(groups, m.StoreID+"-"+role)
			}
		}
		return err
	})
	return groups, err
}
