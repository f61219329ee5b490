package catalog

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// What publishers sign about their snaps themselves: how one was built, which
// revisions of others it goes with, and who else publishes it. This store checks
// and keeps it, and serves it to whoever asks for assertions.

// codeInvalidField is the code of a refused part of a request; which one is in
// the error's Extra under "name".
const codeInvalidField = "invalid-field"

// AddBuild keeps a snap-build that the caller has signed: that some bytes were
// built of this snap, at which grade. It needs PermPush.
func (c *Catalog) AddBuild(ctx context.Context, who store.Principal, ref store.Ref, encoded []byte) (*assertion.Assertion, error) {
	return c.state(ctx, who, store.PermPush, ref, encoded, func(_ *db.Tx, pkg *store.Package, a *assertion.Assertion) error {
		build, err := statement[assertion.SnapBuild](a, "snap-build")
		if err != nil {
			return err
		}
		return isAbout(pkg, build.SnapID)
	})
}

// AddValidation keeps a validation that the caller has signed: that a revision of
// another snap goes with this one, or goes no more. It needs PermRelease.
func (c *Catalog) AddValidation(ctx context.Context, who store.Principal, ref store.Ref, encoded []byte) (*assertion.Assertion, error) {
	return c.state(ctx, who, store.PermRelease, ref, encoded, func(_ *db.Tx, pkg *store.Package, a *assertion.Assertion) error {
		v, err := statement[assertion.Validation](a, "validation")
		if err != nil {
			return err
		}
		return isAbout(pkg, v.SnapID)
	})
}

// AddDevelopers keeps the snap-developer that the caller has signed: who
// publishes the snap besides, and since when. Uploads by those who are named no
// more are a conflict with the code revoked-uploads, unless they are to be
// ignored. It needs PermACL.
func (c *Catalog) AddDevelopers(ctx context.Context, who store.Principal, ref store.Ref, encoded []byte, ignoreUploads bool) (*assertion.Assertion, error) {
	return c.state(ctx, who, store.PermACL, ref, encoded, func(tx *db.Tx, pkg *store.Package, a *assertion.Assertion) error {
		named, err := statement[assertion.SnapDeveloper](a, "snap-developer")
		if err != nil {
			return err
		}
		if err := isAbout(pkg, named.SnapID); err != nil || ignoreUploads {
			return err
		}
		before, err := c.developers(tx, pkg)
		if err != nil || before == nil {
			return err
		}
		return uploadedBy(tx, pkg, dropped(before, named))
	})
}

// Developers returns the snap-developer of a snap's publisher; its error code is
// snap-developer-not-found. It needs PermSeeACL.
func (c *Catalog) Developers(ctx context.Context, who store.Principal, ref store.Ref) (*assertion.Assertion, error) {
	var found *assertion.Assertion
	err := c.db.View(ctx, func(tx *db.Tx) error {
		pkg, err := owned(tx, who, store.PermSeeACL, store.Snap, ref)
		if err != nil {
			return err
		}
		if found, err = c.find(tx, "snap-developer", pkg.ID, pkg.PublisherID); err == nil && found == nil {
			err = store.NotFoundf("snap-developer-not-found", "the publisher of %s has named no developers", pkg.Name)
		}
		return err
	})
	return found, err
}

// developers is what the stored snap-developer says; nil without one.
func (c *Catalog) developers(tx *db.Tx, pkg *store.Package) (*assertion.SnapDeveloper, error) {
	found, err := c.find(tx, "snap-developer", pkg.ID, pkg.PublisherID)
	if found == nil || err != nil {
		return nil, err
	}
	return assertion.As[assertion.SnapDeveloper](found)
}

// find is the authority's Find, with nil for what is not there.
func (c *Catalog) find(tx *db.Tx, typ string, key ...string) (*assertion.Assertion, error) {
	ref, err := assertion.NewRef(typ, key...)
	if err != nil {
		return nil, nil // no key of this type has such a part
	}
	a, err := c.authority.Find(tx, ref, authority.AnyFormat)
	if store.KindOf(err) == store.KindNotFound {
		return nil, nil
	}
	return a, err
}

// dropped are the accounts that before names and after does not, or takes back.
func dropped(before, after *assertion.SnapDeveloper) []string {
	stays := make(map[string]bool)
	for _, d := range after.Developers {
		stays[d.DeveloperID] = stays[d.DeveloperID] || !d.Revoked()
	}
	var gone []string
	for _, d := range before.Developers {
		if !d.Revoked() && !stays[d.DeveloperID] && !slices.Contains(gone, d.DeveloperID) {
			gone = append(gone, d.DeveloperID)
		}
	}
	return gone
}

// uploadedBy fails when any of the accounts has uploaded a revision.
func uploadedBy(tx *db.Tx, pkg *store.Package, accounts []string) error {
	if len(accounts) == 0 {
		return nil
	}
	revs, err := tx.Revisions(pkg.ID, 0, maxDescribed)
	if err != nil {
		return err
	}
	var uploads []string
	for _, r := range revs {
		if slices.Contains(accounts, r.CreatedBy) {
			uploads = append(uploads, strconv.Itoa(r.Number))
		}
	}
	if len(uploads) == 0 {
		return nil
	}
	return store.Conflictf("revoked-uploads", "those who are to develop %s no more have uploaded revisions of it", pkg.Name).
		With("revisions", uploads)
}

// statement reads what an assertion says, which must be of the given type.
func statement[T assertion.View](a *assertion.Assertion, typ string) (*T, error) {
	if a.Type().Name != typ {
		return nil, badAssertion("it is a %s, not a %s", a.Type().Name, typ)
	}
	v, err := assertion.As[T](a)
	if err != nil {
		return nil, badAssertion("%s", err)
	}
	return v, nil
}

func isAbout(pkg *store.Package, snapID string) error {
	if snapID != pkg.ID {
		return badAssertion("it is about the snap with the id %.100q, not about %s", snapID, pkg.Name)
	}
	return nil
}

func badAssertion(format string, args ...any) error {
	return store.Invalidf(codeInvalidField, "cannot use the assertion: "+format, args...).With("name", "assertion")
}

// state keeps one assertion about a package that the caller's account has signed
// with a key that is registered here. The same again is no change; an older one
// than what is held is a conflict.
func (c *Catalog) state(ctx context.Context, who store.Principal, perm store.Permission, ref store.Ref, encoded []byte,
	check func(*db.Tx, *store.Package, *assertion.Assertion) error,
) (*assertion.Assertion, error) {
	if err := who.Need(perm); err != nil {
		return nil, err
	}
	a, err := assertion.Parse(encoded)
	if err != nil {
		return nil, badAssertion("%s", err)
	}
	err = c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := owned(tx, who, perm, store.Snap, ref)
		if err != nil {
			return err
		}
		if err := check(tx, pkg, a); err != nil {
			return err
		}
		if a.AuthorityID() != who.Account {
			return badAssertion("account %.100q has signed it, not the one that sends it", a.AuthorityID())
		}
		added, err := c.authority.Add(tx, []*assertion.Assertion{a})
		if err != nil {
			return refusedStatement(err)
		}
		if len(added.Notes) > 0 {
			return store.Conflictf("conflict", "cannot use the assertion: %s", added.Notes[0]).
				Try("sign it with the next revision")
		}
		return nil
	})
	return a, err
}

// refusedStatement is what the authority says of a document, to whoever signed it.
func refusedStatement(err error) error {
	var e *store.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Kind {
	case store.KindInvalid, store.KindForbidden, store.KindNotFound:
		return store.Invalidf(codeInvalidField, "%s", e.Message).With("name", "assertion").
			Try("register the key that signs, and publish what it is about, first").Because(err)
	}
	return err
}
