package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// The settings that bound names.
const (
	settingReserved = "larder.names.reserved"
	settingPerHour  = "larder.names.per-hour"
)

// namesPerHour is how many names an account may register in an hour where the
// operator says nothing else.
const namesPerHour = 60

// The codes of what speaks against a name.
const (
	CodeReservedName      = "reserved-name"
	CodeAlreadyOwned      = "already-owned"      // by whoever asks
	CodeAlreadyRegistered = "already-registered" // by another
	CodeAlreadyClaimed    = "already-claimed"    // by another, which whoever asks disputes
	CodeRegisterWindow    = "register-window"    // too many in an hour; "retry_after" has the seconds to wait
)

// Registration says which name an account wants.
type Registration struct {
	Name    string
	StoreID string // where it is to be at home; "" is the global store
	Private bool
	// Try finds out whether it could be done, and does nothing.
	Try bool
}

// Register makes a package of a free name for whoever asks, and signs its
// declaration. It needs PermRegister and an account. In a store other than the
// global one the account must be a member that may publish there.
func (c *Catalog) Register(ctx context.Context, who store.Principal, r Registration) (*store.Package, error) {
	r.StoreID = cmp.Or(r.StoreID, store.GlobalStore)
	if err := who.Need(store.PermRegister); err != nil {
		return nil, err
	}
	if who.Account == "" {
		return nil, store.Forbiddenf("no-account", "cannot register %.100q: only accounts have names", r.Name).
			Try("on the host, push the snap with larder push-snap --register")
	}
	if err := store.ValidSnapName(r.Name); err != nil {
		return nil, err
	}
	reserved, err := c.reserved(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	if reserved {
		return nil, store.Conflictf(CodeReservedName, "the name %s is reserved", r.Name).
			Try("choose another, or dispute the name")
	}
	perHour, err := c.number(ctx, settingPerHour, namesPerHour)
	if err != nil {
		return nil, err
	}
	var made *store.Package
	err = c.change(ctx, who, func(tx *db.Tx) (err error) {
		made = &store.Package{Namespace: store.Snap, Name: r.Name, PublisherID: who.Account, StoreID: r.StoreID}
		if err := c.mayRegister(tx, who, made); err != nil || r.Try {
			return err
		}
		if err := countRegistration(tx, who.Account, perHour); err != nil {
			return err
		}
		if err := c.ensureSigned(tx, who.Account); err != nil {
			return err
		}
		if made, err = c.register(tx, r.Name, who.Account); err != nil {
			return err
		}
		if made.StoreID == r.StoreID && !r.Private {
			return nil
		}
		made.StoreID, made.Private = r.StoreID, r.Private
		tx.Record(store.PackageUpdated, "package/"+made.ID, map[string]any{
			"name": made.Name, "store": made.StoreID, "private": made.Private,
		})
		return tx.UpdatePackage(made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// reserved reports whether the operator keeps a name, or a path does.
func (c *Catalog) reserved(ctx context.Context, name string) (bool, error) {
	if store.ReservedName(store.Snap, name) {
		return true, nil
	}
	list, err := c.list(ctx, settingReserved)
	matches := func(pattern string) bool { return store.Fnmatch(pattern, name) }
	return slices.ContainsFunc(list, matches), err
}

// mayRegister refuses what the account, its token or the store's state speaks
// against.
func (c *Catalog) mayRegister(tx *db.Tx, who store.Principal, wanted *store.Package) error {
	if err := who.NeedOn(store.PermRegister, wanted); err != nil {
		return err
	}
	if wanted.StoreID != store.GlobalStore {
		if err := mayPublishInto(tx, who, wanted.StoreID); err != nil {
			return err
		}
	}
	had, err := tx.PackageByName(wanted.Namespace, wanted.Name)
	switch {
	case err == nil:
		return taken(tx, who, had)
	case store.KindOf(err) != store.KindNotFound:
		return err
	}
	if _, err := c.authority.Own(tx); err != nil {
		if store.KindOf(err) != store.KindNotFound {
			return err
		}
		return store.Unavailablef("no-authority", "this store cannot register names: it has no root of its own to sign with").
			Try("the operator gives it one with larder init").Because(err)
	}
	return nil
}

// taken says whose a name is that somebody wants. A private package is no
// exception: its name cannot be had.
func taken(tx *db.Tx, who store.Principal, had *store.Package) error {
	if had.PublisherID == who.Account {
		return store.Conflictf(CodeAlreadyOwned, "the name %s is yours already", had.Name)
	}
	disputes, err := tx.Disputes(true)
	if err != nil {
		return err
	}
	mine := func(d store.Dispute) bool {
		return d.Namespace == had.Namespace && d.Name == had.Name && d.AccountID == who.Account
	}
	if slices.ContainsFunc(disputes, mine) {
		return store.Conflictf(CodeAlreadyClaimed, "the name %s is another's, and your claim to it is not decided yet", had.Name)
	}
	return store.Conflictf(CodeAlreadyRegistered, "the name %s is another's", had.Name).
		Try("choose another, or dispute the name")
}

// mayPublishInto refuses accounts that are no members of a brand's store. One
// that they cannot look into does not exist for them.
func mayPublishInto(tx *db.Tx, who store.Principal, storeID string) error {
	roles, err := rolesIn(tx, who, storeID)
	if err != nil {
		return err
	}
	if slices.Contains(roles, store.StoreRoleAccess) || slices.Contains(roles, store.StoreRoleAdmin) {
		return nil
	}
	// Web clients take a 400 for just this.
	return store.Invalidf("store-not-allowed", "you cannot publish into a store with the id %.64q", storeID).
		Try("ask an administrator of the store for the role " + store.StoreRoleAccess)
}

// countRegistration counts the names of one account within an hour.
func countRegistration(tx *db.Tx, accountID string, perHour int) error {
	if perHour == 0 {
		return nil
	}
	key := "register " + accountID
	a, err := tx.Attempts(key)
	if err != nil {
		return err
	}
	now := tx.Now()
	if !a.BlockedUntil.After(now) { // the hour is over
		a.Failures, a.BlockedUntil = 0, now.Add(time.Hour)
	}
	if a.Failures >= perHour {
		wait := int((a.BlockedUntil.Sub(now) + time.Second - 1) / time.Second)
		return store.Unavailablef(CodeRegisterWindow, "cannot register more than %d names in an hour", perHour).
			Try(fmt.Sprintf("try again in %d seconds", wait)).With("retry_after", wait)
	}
	a.Failures++
	a.LastAt = now
	return tx.PutAttempts(key, a)
}

// ensureSigned makes sure that an account, which its row says all about, has an
// assertion: what it publishes refers to one.
func (c *Catalog) ensureSigned(tx *db.Tx, accountID string) error {
	ref, err := assertion.NewRef("account", accountID)
	if err != nil {
		return store.Invalidf("invalid-account-id", "%.64q cannot be an account's id", accountID).Because(err)
	}
	_, err = c.authority.Find(tx, ref, ref.Type.MaxFormat)
	if store.KindOf(err) != store.KindNotFound {
		return err
	}
	account, err := tx.Account(accountID)
	if err != nil {
		return err
	}
	_, _, err = c.authority.SignAccount(tx, account)
	return err
}

// Unregister gives up a name under which nothing was published. Its declaration
// is taken back by a newer one without a name, so that no device believes it
// any more; whoever registers the name next gets another package id. It needs
// PermRegister on the package.
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
			Showing: Showing{Package: &f.Package, Open: store.ChannelList(f, channels, "", tx.Now())},
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
