package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Unregister gives up a name under which nothing was published. The declaration
// of a snap is taken back by a newer one without a name, so that no device
// believes it any more; whoever registers the name next gets another package id.
// It needs PermRegister on the package.
func (c *Catalog) Unregister(ctx context.Context, who store.Principal, ns store.Namespace, name string) (packageID string, err error) {
	if err := who.Need(store.PermRegister); err != nil {
		return "", err
	}
	err = c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermRegister, ns, name)
		if err != nil {
			return err
		}
		packageID = pkg.ID
		if err := tx.RemovePackage(pkg.ID); err != nil {
			return err
		}
		tx.Record(store.PackageRemoved, "package/"+pkg.ID, map[string]any{"name": pkg.Name})
		if ns != store.Snap {
			return nil
		}
		return c.restate(tx, pkg.ID, func(headers map[string]any) { headers["snap-name"] = "" })
	})
	return packageID, err
}

// restate signs a snap's declaration anew with some headers changed. One that
// another authority has signed is a conflict, since the next that it signs
// would undo the change.
func (c *Catalog) restate(tx *db.Tx, packageID string, change func(headers map[string]any)) error {
	ref, err := assertion.NewRef("snap-declaration", "16", packageID)
	if err != nil {
		return err
	}
	declared, err := c.authority.Find(tx, ref, ref.Type.MaxFormat)
	if err != nil {
		return err
	}
	me, err := c.authority.Own(tx)
	if err != nil {
		return err
	}
	if by := declared.AuthorityID(); by != me {
		return store.Conflictf("foreign-package", "cannot change this: the declaration of the snap was signed by %s, not by this store's own authority", by)
	}
	headers := maps.Clone(declared.Headers())
	for _, name := range []string{"format", "revision", "timestamp", "body-length", "sign-key-sha3-384"} {
		delete(headers, name)
	}
	change(headers)
	_, _, err = c.authority.Sign(tx, headers, declared.Body())
	return err
}

// Owned is a package as its publisher looks after it.
type Owned struct {
	Showing
	// Latest are its newest revisions, newest first.
	Latest []*store.Revision
	// Channels are where revisions stand, by number.
	Channels map[int][]store.Channel
}

// maxOwned bounds how many packages of one account are listed.
const maxOwned = 10_000

// maxLatest is how many revisions of each package come along.
const maxLatest = 5

// Owned lists the packages that who publishes, and with collaborations those
// that it collaborates on, by name. Those that its token is not for are left
// out. It needs PermAccountView and an account.
func (c *Catalog) Owned(ctx context.Context, who store.Principal, ns store.Namespace, collaborations bool) ([]Owned, error) {
	if err := who.Need(store.PermAccountView); err != nil {
		return nil, err
	}
	if who.Account == "" {
		return nil, errNoAccount
	}
	var list []Owned
	err := c.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		refs, err := ownedRefs(tx, who.Account, ns, collaborations)
		if err != nil {
			return err
		}
		views, err := tx.Views()
		if err != nil {
			return err
		}
		for page := range slices.Chunk(refs, maxRefs) {
			some, err := ownedPage(tx, ns, page)
			if err != nil {
				return err
			}
			for _, o := range some {
				if who.NeedOn(store.PermAccountView, o.Package) == nil {
					o.Store = homeOf(o.Package, views)
					list = append(list, o)
				}
			}
		}
		return nil
	})
	slices.SortFunc(list, func(a, b Owned) int { return strings.Compare(a.Package.Name, b.Package.Name) })
	return list, err
}

// errNoAccount answers what only accounts have.
var errNoAccount = store.Forbiddenf("no-account", "only accounts have names, keys and agreements").
	Try("log in as an account of this store")

func ownedRefs(tx *db.Tx, accountID string, ns store.Namespace, collaborations bool) ([]store.Ref, error) {
	var refs []store.Ref
	filter := store.PackageFilter{PublisherID: accountID, Namespace: ns, AfterNamespace: ns, Limit: 1000}
	for len(refs) < maxOwned {
		page, err := tx.Packages(filter)
		if err != nil {
			return nil, err
		}
		for _, p := range page {
			refs = append(refs, store.Ref{ID: p.ID})
			filter.AfterName = p.Name
		}
		if len(page) < filter.Limit {
			break
		}
	}
	if !collaborations {
		return refs, nil
	}
	ids, err := tx.Collaborations(accountID)
	for _, id := range ids[:min(len(ids), maxOwned)] {
		refs = append(refs, store.Ref{ID: id})
	}
	return refs, err
}

// ownedPage reads up to maxRefs packages; those of another namespace are left
// out.
func ownedPage(tx *db.Tx, ns store.Namespace, refs []store.Ref) ([]Owned, error) {
	facts, err := tx.Facts(ns, refs, db.FactsOptions{History: 1})
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(refs))
	for i, r := range refs {
		ids[i] = r.ID
	}
	revisions, err := tx.LatestRevisions(ids, maxLatest)
	if err != nil {
		return nil, err
	}
	latest := make(map[string][]*store.Revision)
	for _, r := range revisions {
		latest[r.PackageID] = append(latest[r.PackageID], r)
	}
	var list []Owned
	for _, f := range facts {
		if f == nil {
			continue
		}
		channels := store.Fold(f.Releases, tx.Now())
		o := Owned{
			Showing: Showing{Package: &f.Package, Open: listOpen(f, channels, tx.Now())},
			Latest:  latest[f.Package.ID], Channels: make(map[int][]store.Channel),
		}
		o.Speaks = speaks(o.Open)
		for _, s := range channels.Slots() {
			if s.Release != nil && !slices.Contains(o.Channels[s.Release.Revision], s.Channel) {
				o.Channels[s.Release.Revision] = append(o.Channels[s.Release.Revision], s.Channel)
			}
		}
		list = append(list, o)
	}
	return list, nil
}

// homeOf is the store that a package is at home in, by its id alone where nobody
// has made it.
func homeOf(p *store.Package, views []store.View) store.View {
	for _, v := range views {
		if v.ID == p.StoreID {
			return v
		}
	}
	return store.View{ID: p.StoreID, Name: p.StoreID}
}

// number is a setting that is a whole number.
func (c *Catalog) number(ctx context.Context, name string, otherwise int) (int, error) {
	text, err := c.setting(ctx, name)
	if err != nil || text == "" {
		return otherwise, err
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("cannot read the setting %s: %w", name, err)
	}
	return n, nil
}

// list is a setting that is a list of words.
func (c *Catalog) list(ctx context.Context, name string) ([]string, error) {
	text, err := c.setting(ctx, name)
	if err != nil || text == "" {
		return nil, err
	}
	var list []string
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fmt.Errorf("cannot read the setting %s: %w", name, err)
	}
	return list, nil
}
