package catalog

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// What a dispute can come to.
const (
	DisputeGranted = "granted" // the name goes to whoever disputed it
	DisputeRefused = "refused"
)

// maxComment bounds what somebody says about a dispute, bytes.
const maxComment = 4096

// Dispute files a claim to a name that another has or that is reserved. It
// needs PermRegister and an account.
func (c *Catalog) Dispute(ctx context.Context, who store.Principal, name, comment string) (store.Dispute, error) {
	var d store.Dispute
	if err := who.Need(store.PermRegister); err != nil {
		return d, err
	}
	if who.Account == "" {
		return d, errNoAccount
	}
	if err := store.ValidSnapName(name); err != nil {
		return d, err
	}
	if len(comment) > maxComment {
		return d, store.TooLargef("comment-too-long", "cannot dispute %s: the comment is longer than %d bytes", name, maxComment)
	}
	reserved, err := c.reserved(ctx, store.Snap, name)
	if err != nil {
		return d, err
	}
	err = c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := tx.PackageByName(store.Snap, name)
		switch {
		case err == nil && pkg.PublisherID == who.Account:
			return store.Conflictf("name-not-available-for-dispute", "the name %s is yours already", name)
		case store.KindOf(err) == store.KindNotFound && !reserved:
			return store.Invalidf("name-not-registered", "the name %s is free", name).Try("register it")
		case err != nil && store.KindOf(err) != store.KindNotFound:
			return err
		}
		if err := mayDisputeMore(tx, who.Account); err != nil {
			return err
		}
		d = store.Dispute{
			ID: store.NewID(rand.Reader), Namespace: store.Snap, Name: name, AccountID: who.Account,
			Comment: comment, CreatedAt: tx.Now(),
		}
		tx.Record(store.NameDisputed, "dispute/"+d.ID, map[string]any{"name": name, "account-id": who.Account})
		return tx.PutDispute(d)
	})
	return d, err
}

// maxOpenDisputes is how many claims of one account may wait to be decided: a list
// that nobody can look through helps nobody.
const maxOpenDisputes = 20

func mayDisputeMore(tx *db.Tx, accountID string) error {
	open, err := tx.Disputes(true)
	if err != nil {
		return err
	}
	count := 0
	for _, d := range open {
		if d.AccountID == accountID {
			count++
		}
	}
	if count >= maxOpenDisputes {
		return store.Conflictf("too-many-disputes", "%d names that you dispute are not decided yet", count).
			Try("wait until the operator has decided about them")
	}
	return nil
}

// Disputes lists claims to names, oldest first; without all only those to be
// decided. It needs PermManage.
func (c *Catalog) Disputes(ctx context.Context, who store.Principal, all bool) ([]store.Dispute, error) {
	if err := who.Need(store.PermManage); err != nil {
		return nil, err
	}
	list := []store.Dispute{}
	err := c.db.View(ctx, func(tx *db.Tx) error {
		found, err := tx.Disputes(!all)
		list = append(list[:0], found...)
		return err
	})
	return list, err
}

// DecideDispute ends a dispute. Granted, the package goes to whoever disputed
// its name, with all that was published under it: devices that have the snap go
// on to get it. Whom the old publisher has let work on it, or invited to, may no
// more. It needs PermManage.
func (c *Catalog) DecideDispute(ctx context.Context, who store.Principal, id, decision string) (store.Dispute, error) {
	var d store.Dispute
	if err := who.Need(store.PermManage); err != nil {
		return d, err
	}
	if !slices.Contains([]string{DisputeGranted, DisputeRefused}, decision) {
		return d, store.Invalidf("invalid-decision", "a dispute is %s or %s, not %.32q", DisputeGranted, DisputeRefused, decision)
	}
	err := c.change(ctx, who, func(tx *db.Tx) (err error) {
		if d, err = tx.Dispute(id); err != nil {
			return err
		}
		if !d.DecidedAt.IsZero() {
			return store.Conflictf("dispute-decided", "the dispute about %s was decided before: it was %s", d.Name, d.Decision)
		}
		d.DecidedAt, d.Decision = tx.Now(), decision
		if decision == DisputeGranted {
			if err := c.handOver(tx, d); err != nil {
				return err
			}
		}
		tx.Record(store.NameDisputeDecided, "dispute/"+d.ID, map[string]any{
			"name": d.Name, "account-id": d.AccountID, "decision": decision,
		})
		return tx.PutDispute(d)
	})
	return d, err
}

// handOver gives a disputed name to the account that disputed it: the package,
// or a new one of a name that nobody has.
func (c *Catalog) handOver(tx *db.Tx, d store.Dispute) error {
	if err := c.ensureSigned(tx, d.AccountID); err != nil {
		return err
	}
	pkg, err := tx.PackageByName(d.Namespace, d.Name)
	if store.KindOf(err) == store.KindNotFound {
		_, err = c.register(tx, d.Name, d.AccountID)
		return err
	}
	if err != nil {
		return err
	}
	if err := c.restate(tx, pkg.ID, func(headers map[string]any) { headers["publisher-id"] = d.AccountID }); err != nil {
		return err
	}
	if err := disband(tx, pkg); err != nil {
		return err
	}
	was := pkg.PublisherID
	pkg.PublisherID = d.AccountID
	tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{
		"name": pkg.Name, "publisher-id": pkg.PublisherID, "was-publisher-id": was,
	})
	return tx.UpdatePackage(pkg)
}

// disband ends all collaborations on a package, and the invites to it.
func disband(tx *db.Tx, pkg *store.Package) error {
	for _, id := range pkg.Collaborators {
		if _, err := tx.RemoveCollaborator(pkg.ID, id); err != nil {
			return err
		}
		tx.Record(store.CollaboratorGone, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "account": id})
	}
	pkg.Collaborators = nil
	invites, err := tx.Invites(pkg.ID)
	if err != nil {
		return err
	}
	for i := range invites {
		if !invites[i].Open(tx.Now()) {
			continue
		}
		if err := revoke(tx, store.Principal{Name: "dispute"}, &invites[i]); err != nil {
			return err
		}
	}
	return nil
}
