package catalog

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// AddAssertions verifies and keeps assertions, all or none, and takes over
// what they say about accounts and packages. It needs PermAccount.
func (c *Catalog) AddAssertions(ctx context.Context, who store.Principal, batch []*assertion.Assertion) (authority.Added, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return authority.Added{}, err
	}
	var added authority.Added
	err := c.change(ctx, who, func(tx *db.Tx) (err error) {
		if added, err = c.enter(tx, batch); err != nil {
			return err
		}
		return c.checkNumbers(tx, added)
	})
	return added, err
}

// checkNumbers refuses a snap-revision of the store's own authority whose snap
// is not here: the next bare snap would be given, and signed for, the number
// that it takes.
func (c *Catalog) checkNumbers(tx *db.Tx, added authority.Added) error {
	own, err := c.authority.Own(tx)
	if store.KindOf(err) == store.KindNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	for _, ref := range slices.Concat(added.New, added.Updated) {
		if ref.Type.Name != "snap-revision" {
			continue
		}
		a, err := c.authority.Find(tx, ref, ref.Type.MaxFormat)
		if store.KindOf(err) == store.KindNotFound {
			continue
		}
		if err != nil {
			return err
		}
		if a.AuthorityID() != own {
			continue
		}
		v, err := assertion.As[assertion.SnapRevision](a)
		if err != nil {
			return err
		}
		rev, err := tx.Revision(v.SnapID, v.Revision)
		if err != nil && store.KindOf(err) != store.KindNotFound {
			return err
		}
		if err != nil || rev.Blob.Base64URL() != v.SHA3_384 {
			return store.Invalidf("snap-missing", "cannot add the snap-revision of revision %d of %s: this store would sign another snap under its number", v.Revision, v.SnapID).
				Try("push the snap with it: larder push-snap FILE.snap with FILE.assert beside it")
		}
	}
	return nil
}

// enter adds assertions within a transaction and takes over what they say.
func (c *Catalog) enter(tx *db.Tx, batch []*assertion.Assertion) (authority.Added, error) {
	added, err := c.authority.Add(tx, batch)
	if err != nil {
		return added, err
	}
	// A package that is new may take the name that another has just given up.
	return added, c.absorbRefs(tx, slices.Concat(added.Updated, added.New))
}

// Absorb takes over what assertions say that others put in: accounts and
// packages never differ from what their newest assertions say.
func (c *Catalog) Absorb(tx *db.Tx, batch []*assertion.Assertion) error {
	refs := make([]assertion.Ref, len(batch))
	for i, a := range batch {
		refs[i] = a.Ref()
	}
	return c.absorbRefs(tx, refs)
}

// absorbRefs does accounts first, since packages refer to them. A document in
// a format this program does not understand says nothing it could take over.
func (c *Catalog) absorbRefs(tx *db.Tx, refs []assertion.Ref) error {
	for _, pass := range []struct {
		typ    string
		absorb func(*db.Tx, *assertion.Assertion) error
	}{{"account", absorbAccount}, {"snap-declaration", c.absorbDeclaration}} {
		for _, ref := range refs {
			if ref.Type.Name != pass.typ {
				continue
			}
			a, err := c.authority.Find(tx, ref, ref.Type.MaxFormat)
			if store.KindOf(err) == store.KindNotFound {
				continue
			}
			if err != nil {
				return err
			}
			if err := pass.absorb(tx, a); err != nil {
				return err
			}
		}
	}
	return nil
}

func absorbAccount(tx *db.Tx, a *assertion.Assertion) error {
	v, err := assertion.As[assertion.Account](a)
	if err != nil {
		return err
	}
	acct := store.Account{
		ID: v.AccountID, Username: v.Username, DisplayName: v.DisplayName,
		Validation: v.Validation, CreatedAt: v.Timestamp,
	}
	if acct.Username == "" {
		acct.Username = acct.ID
	}
	had, err := tx.Account(acct.ID)
	if err == nil && had.CreatedAt.Equal(acct.CreatedAt) {
		if had.CreatedAt = acct.CreatedAt; had == acct {
			return nil
		}
	} else if err != nil && store.KindOf(err) != store.KindNotFound {
		return err
	}
	if err := tx.PutAccount(acct); err != nil {
		return err
	}
	tx.Record(store.AccountPut, "account/"+acct.ID, map[string]any{"username": acct.Username, "validation": acct.Validation})
	return nil
}

// ensureAccount makes sure of a row for an account whose assertion is known: that
// of a trust anchor has never come in by itself.
func (c *Catalog) ensureAccount(tx *db.Tx, id string) error {
	if _, err := tx.Account(id); store.KindOf(err) != store.KindNotFound {
		return err
	}
	ref, err := assertion.NewRef("account", id)
	if err != nil {
		return err
	}
	a, err := c.authority.Find(tx, ref, ref.Type.MaxFormat)
	if err != nil {
		return err
	}
	return absorbAccount(tx, a)
}

// absorbDeclaration registers, renames or hands over a package as its newest
// snap-declaration says.
func (c *Catalog) absorbDeclaration(tx *db.Tx, a *assertion.Assertion) error {
	v, err := assertion.As[assertion.SnapDeclaration](a)
	if err != nil {
		return err
	}
	if err := c.ensureAccount(tx, v.PublisherID); err != nil {
		return err
	}
	pkg, err := tx.Package(v.SnapID)
	switch {
	case v.Revoked():
		return withdraw(tx, pkg, err)
	case err == nil:
		if pkg.Name == v.SnapName && pkg.PublisherID == v.PublisherID {
			return nil
		}
		pkg.Name, pkg.PublisherID = v.SnapName, v.PublisherID
		if err := tx.UpdatePackage(pkg); err != nil {
			return nameTaken(err, v)
		}
		tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "publisher-id": pkg.PublisherID})
		return nil
	case store.KindOf(err) != store.KindNotFound:
		return err
	}
	pkg = &store.Package{
		ID: v.SnapID, Namespace: store.Snap, Name: v.SnapName, PublisherID: v.PublisherID,
		StoreID: store.GlobalStore, CreatedAt: tx.Now(),
	}
	if err := tx.InsertPackage(pkg); err != nil {
		return nameTaken(err, v)
	}
	tx.Record(store.PackageRegistered, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "publisher-id": pkg.PublisherID})
	return nil
}

// withdraw takes its name from a package whose declaration was revoked, so that
// another may have it. Devices that have the snap still find it by its id, and
// refuse it by the assertion itself.
func withdraw(tx *db.Tx, pkg *store.Package, err error) error {
	switch {
	case store.KindOf(err) == store.KindNotFound:
		return nil
	case err != nil || pkg.Name == pkg.ID:
		return err
	}
	was := pkg.Name
	pkg.Name, pkg.Unlisted = pkg.ID, true
	if err := tx.UpdatePackage(pkg); err != nil {
		return err
	}
	tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "withdrawn-name": was})
	return nil
}

func nameTaken(err error, v *assertion.SnapDeclaration) error {
	if store.CodeOf(err) != "name-taken" {
		return err
	}
	return store.Conflictf("name-taken", "cannot take in the declaration of %s (%s): another package here has that name", v.SnapName, v.SnapID).
		Try("see which with larder package show " + v.SnapName).Because(err)
}

// register makes a package of a free name under the store's own authority.
func (c *Catalog) register(tx *db.Tx, name, publisherID string) (*store.Package, error) {
	if err := store.ValidSnapName(name); err != nil {
		return nil, err
	}
	if store.ReservedName(store.Snap, name) {
		return nil, store.Conflictf("reserved-name", "the name %s is reserved: addresses of the store's API contain it", name)
	}
	id := store.NewID(rand.Reader)
	declared, _, err := c.authority.SignSnapDeclaration(tx, authority.Declaration{SnapID: id, Name: name, PublisherID: publisherID})
	if err != nil {
		return nil, err
	}
	if err := c.absorbDeclaration(tx, declared); err != nil {
		return nil, err
	}
	return tx.Package(id)
}

// maxAssertions bounds the assertions of one call.
const maxAssertions = 100_000

// AddAssertionText is AddAssertions for a stream of encoded assertions, which
// must be of the given types if any are given.
func (c *Catalog) AddAssertionText(ctx context.Context, who store.Principal, text []byte, types ...string) (authority.Added, error) {
	batch, err := authority.ParseStream(text, maxAssertions)
	if err != nil {
		return authority.Added{}, err
	}
	for _, a := range batch {
		if len(types) > 0 && !slices.Contains(types, a.Type().Name) {
			return authority.Added{}, store.Invalidf("wrong-type", "cannot add a %s here: only %s", a.Type().Name, strings.Join(types, " and ")).
				Try("add it with larder assertion add")
		}
	}
	return c.AddAssertions(ctx, who, batch)
}

// Assertions lists the assertions of a type whose primary keys begin with key,
// in the order of their keys: those stored, and the documents of the trust
// anchors. It needs PermAccount.
func (c *Catalog) Assertions(ctx context.Context, who store.Principal, typ string, key []string) ([]*assertion.Assertion, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return nil, err
	}
	if assertion.TypeByName(typ) == nil {
		return nil, store.NotFoundf("unknown-type", "there is no assertion type %.64q", typ)
	}
	prefix := strings.Join(key, "/")
	wanted := func(primary string) bool {
		return prefix == "" || primary == prefix || strings.HasPrefix(primary, prefix+"/")
	}
	var found []*assertion.Assertion
	err := c.db.View(ctx, func(tx *db.Tx) error {
		anchors, err := c.authority.AnchorDocuments(tx)
		if err != nil {
			return err
		}
		anchored := make(map[string]bool) // by primary key
		for _, a := range anchors {
			if primary := primaryKey(a); a.Type().Name == typ && wanted(primary) {
				anchored[primary] = true
				found = append(found, a)
			}
		}
		filter := store.AssertionFilter{Type: typ, KeyPrefix: prefix, Limit: 1000}
		for {
			rows, err := tx.Assertions(filter)
			if err != nil {
				return err
			}
			for _, r := range rows {
				filter.After = r
				if anchored[r.PrimaryKey] || !wanted(r.PrimaryKey) {
					continue
				}
				list, err := authority.ParseStream(r.Encoded, 1)
				if err != nil {
					return err
				}
				found = append(found, list...)
			}
			if len(rows) < filter.Limit {
				return nil
			}
		}
	})
	slices.SortStableFunc(found, func(a, b *assertion.Assertion) int { return strings.Compare(primaryKey(a), primaryKey(b)) })
	return found, err
}

func primaryKey(a *assertion.Assertion) string { return strings.Join(a.Ref().Key, "/") }
