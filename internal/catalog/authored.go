package catalog

import (
	"context"
	"errors"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// What accounts author for devices: validation sets and confdb schemas. The
// account describes one, this store completes the headers, the account signs
// them, and this store checks and keeps what comes back. Every account may, with
// any token: there is nothing of others in it.

// codeInvalidRequest is the code of everything that is wrong with such a request.
const codeInvalidRequest = "invalid-request"

// Limits of what one account may author of one type. All of it is one answer.
const (
	maxAuthored      = 5000
	maxAuthoredBytes = 16 << 20
)

// needAccount returns nil for whoever has logged in.
func needAccount(who store.Principal) error {
	if who.Account == "" {
		return store.Forbiddenf("no-account", "only accounts have assertions of their own").Try("log in")
	}
	return nil
}

// needAuthor returns nil for whoever has logged in as the account that a
// description names.
func needAuthor(who store.Principal, accountID string) error {
	if err := needAccount(who); err != nil {
		return err
	}
	if accountID != who.Account {
		return store.Invalidf(codeInvalidRequest, "account-id: it is not that of the account that asks").
			Try("use " + who.Account)
	}
	return nil
}

// nextRevision is what the document with this key is to have when it is signed
// next.
func (c *Catalog) nextRevision(ctx context.Context, typ string, key ...string) (revision int, err error) {
	ref, err := assertion.NewRef(typ, key...)
	if err != nil {
		return 0, store.Invalidf(codeInvalidRequest, "%s", err)
	}
	err = c.db.View(ctx, func(tx *db.Tx) error {
		stored, found, err := c.storedRevision(tx, ref)
		revision = store.NextAssertionRevision(stored, found)
		return err
	})
	return revision, err
}

// parseAuthored reads the only assertion of a request, which must be of the type.
func parseAuthored(encoded []byte, typ string) (*assertion.Assertion, error) {
	a, err := assertion.Parse(encoded)
	switch {
	case errors.Is(err, assertion.ErrTooLarge):
		return nil, store.TooLargef("assertion-too-large", "cannot read the assertion: a part of it is too large").Because(err)
	case err != nil:
		return nil, store.Invalidf(codeInvalidRequest, "%s", err).Try("send one signed assertion as it is")
	case a.Type().Name != typ:
		return nil, store.Invalidf(codeInvalidRequest, "this is a %s, not a %s", a.Type().Name, typ)
	case !a.Supported():
		return nil, store.Invalidf(codeInvalidRequest, "format %d of %s is newer than this store understands", a.Format(), typ)
	}
	return a, nil
}

// authored keeps what an account has authored. prefix is what the primary keys of
// all of its kind begin with; check sees the revision that is stored under this
// one's key. Its errors are of kind invalid, a conflict where the revision is not
// above the stored one, or too large.
func (c *Catalog) authored(ctx context.Context, who store.Principal, a *assertion.Assertion, prefix string, check func(stored int, found bool) error) error {
	return c.change(ctx, who, func(tx *db.Tx) error {
		stored, found, err := c.storedRevision(tx, a.Ref())
		if err != nil {
			return err
		}
		if err := check(stored, found); err != nil {
			return err
		}
		count, bytes, err := tx.AssertionsKept(a.Type().Name, prefix)
		if err != nil {
			return err
		}
		if count >= maxAuthored && !found || bytes+int64(len(a.Encoded())) > maxAuthoredBytes {
			return store.TooLargef("too-many-assertions", "%s has as many %s assertions as an account may have", who.Account, a.Type().Name)
		}
		_, err = c.authority.Add(tx, []*assertion.Assertion{a})
		return refusedAuthored(err)
	})
}

// storedRevision is the newest revision that is stored under a key.
func (c *Catalog) storedRevision(tx *db.Tx, ref assertion.Ref) (revision int, found bool, err error) {
	a, err := c.authority.Find(tx, ref, authority.AnyFormat)
	switch {
	case store.KindOf(err) == store.KindNotFound:
		return 0, false, nil
	case err != nil:
		return 0, false, err
	}
	return a.Revision(), true, nil
}

// refusedAuthored is what the authority says of a document, to whoever signed it.
func refusedAuthored(err error) error {
	var e *store.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Kind {
	case store.KindInvalid, store.KindForbidden, store.KindNotFound:
		return store.Invalidf(codeInvalidRequest, "%s", e.Message).
			Try("sign it with a key of your account that is registered here").Because(err)
	case store.KindConflict:
		return store.Conflictf("conflict", "%s", e.Message).Because(err)
	}
	return err
}

// parseAll reads stored assertions.
func parseAll(rows []store.Assertion) ([]*assertion.Assertion, error) {
	list := make([]*assertion.Assertion, 0, len(rows))
	for _, row := range rows {
		parsed, err := authority.ParseStream(row.Encoded, 1)
		if err != nil {
			return nil, err
		}
		list = append(list, parsed...)
	}
	return list, nil
}
