package catalog

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
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
	Namespace store.Namespace // "" is that of snaps
	Name      string
	Type      string // of what goes under it: charm, which "" means too, or bundle; "" for snaps
	StoreID   string // where it is to be at home; "" is the global store
	Private   bool
	// Try finds out whether it could be done, and does nothing.
	Try bool
}

// wanted is the package that a registration asks for.
func (r Registration) wanted(publisherID string) (*store.Package, error) {
	pkg := &store.Package{
		Namespace: cmp.Or(r.Namespace, store.Snap), Name: r.Name, Type: r.Type, PublisherID: publisherID,
		StoreID: cmp.Or(r.StoreID, store.GlobalStore), Private: r.Private,
	}
	if pkg.Namespace == store.Charm {
		pkg.Type = cmp.Or(pkg.Type, store.TypeCharm)
	}
	if err := store.ValidType(pkg.Namespace, pkg.Type); err != nil {
		return nil, err
	}
	return pkg, store.ValidName(pkg.Namespace, pkg.Name)
}

// Register makes a package of a free name for whoever asks; that of a snap gets
// a signed declaration. It needs PermRegister and an account. In a store other
// than the global one the account must be a member that may publish there.
func (c *Catalog) Register(ctx context.Context, who store.Principal, r Registration) (*store.Package, error) {
	if err := who.Need(store.PermRegister); err != nil {
		return nil, err
	}
	if who.Account == "" {
		return nil, store.Forbiddenf("no-account", "cannot register %.100q: only accounts have names", r.Name).
			Try("log in as an account of this store; on the host, larder push-snap --register does it for snaps")
	}
	wanted, err := r.wanted(who.Account)
	if err != nil {
		return nil, err
	}
	reserved, err := c.reserved(ctx, wanted.Namespace, r.Name)
	if err != nil {
		return nil, err
	}
	if reserved {
		return nil, store.Conflictf(CodeReservedName, "the name %s is reserved", r.Name).Try(anotherName(wanted.Namespace))
	}
	perHour, err := c.number(ctx, settingPerHour, namesPerHour)
	if err != nil {
		return nil, err
	}
	var made *store.Package
	err = c.change(ctx, who, func(tx *db.Tx) (err error) {
		pkg := *wanted
		made = &pkg
		if err := c.mayRegister(tx, who, made); err != nil || r.Try {
			return err
		}
		if err := countRegistration(tx, who.Account, perHour); err != nil {
			return err
		}
		if wanted.Namespace == store.Charm {
			return registerCharm(tx, made)
		}
		made, err = c.registerSnap(tx, wanted)
		return err
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// registerSnap makes a package that its signed declaration stands for.
func (c *Catalog) registerSnap(tx *db.Tx, wanted *store.Package) (*store.Package, error) {
	if err := c.ensureSigned(tx, wanted.PublisherID); err != nil {
		return nil, err
	}
	made, err := c.register(tx, wanted.Name, wanted.PublisherID)
	if err != nil || made.StoreID == wanted.StoreID && !wanted.Private {
		return made, err
	}
	made.StoreID, made.Private = wanted.StoreID, wanted.Private
	tx.Record(store.PackageUpdated, "package/"+made.ID, map[string]any{
		"name": made.Name, "store": made.StoreID, "private": made.Private,
	})
	return made, tx.UpdatePackage(made)
}

// registerCharm makes a package of the charms' namespace, about which nothing is
// signed. The name must be free and a charm's.
func registerCharm(tx *db.Tx, pkg *store.Package) error {
	pkg.ID, pkg.CreatedAt = store.NewID(rand.Reader), tx.Now()
	if err := tx.InsertPackage(pkg); err != nil {
		return err
	}
	tx.Record(store.PackageRegistered, "package/"+pkg.ID, map[string]any{
		"name": pkg.Name, "publisher-id": pkg.PublisherID, "type": pkg.Type, "store": pkg.StoreID, "private": pkg.Private,
	})
	return nil
}

// reserved reports whether the operator keeps a name, or a path does.
func (c *Catalog) reserved(ctx context.Context, ns store.Namespace, name string) (bool, error) {
	if store.ReservedName(ns, name) {
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
	if wanted.Namespace != store.Snap {
		return nil
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
	return store.Conflictf(CodeAlreadyRegistered, "the name %s is another's", had.Name).Try(anotherName(had.Namespace))
}

// anotherName is what to do about a name that cannot be had. Only snaps' names
// can be disputed.
func anotherName(ns store.Namespace) string {
	if ns == store.Snap {
		return "choose another, or dispute the name"
	}
	return "choose another"
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
