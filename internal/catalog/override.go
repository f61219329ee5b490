package catalog

import (
	"context"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// OverrideLine is one override beside what it replaces.
type OverrideLine struct {
	Namespace    store.Namespace `json:"namespace"`
	Name         string          `json:"snap"` // also of a charm
	PackageID    string          `json:"snap-id"`
	Channel      store.Channel   `json:"channel"`
	Architecture string          `json:"architecture"`
	Revision     int             `json:"revision,omitempty"` // 0: just deleted
	// Upstream is what the channel map says; 0 is nothing.
	Upstream int       `json:"upstream-revision,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	Expires  time.Time `json:"expires,omitzero"`
}

// OverrideTo is a channel and the revision it is to serve.
type OverrideTo struct {
	Channel  store.Channel
	Revision int
}

// Override makes channels serve revisions whatever the channel map says, on
// every architecture of those revisions, all or none; one for all architectures
// also takes the place of the channel's overrides for single ones. It needs
// PermOverride. A zero expires never ends.
func (c *Catalog) Override(ctx context.Context, who store.Principal, ns store.Namespace, name string, to []OverrideTo, reason string, expires time.Time) ([]OverrideLine, error) {
	if err := who.Need(store.PermOverride); err != nil {
		return nil, err
	}
	if len(reason) > 1000 {
		return nil, store.Invalidf("reason-too-long", "cannot override %s: the reason is longer than 1000 bytes", name)
	}
	var lines []OverrideLine
	err := c.change(ctx, who, func(tx *db.Tx) error {
		lines = nil
		pkg, err := tx.PackageByName(ns, name)
		if err != nil {
			return err
		}
		for _, one := range to {
			more, err := c.override(tx, who, pkg, one, store.Override{Reason: reason, Expires: expires})
			if err != nil {
				return err
			}
			lines = append(lines, more...)
		}
		return nil
	})
	return lines, err
}

// override writes what o leaves open for each architecture of a revision.
func (c *Catalog) override(tx *db.Tx, who store.Principal, pkg *store.Package, to OverrideTo, o store.Override) ([]OverrideLine, error) {
	rev, err := revisionOf(tx, pkg, to.Revision)
	if err != nil {
		return nil, err
	}
	switch {
	case rev.Status != store.StatusApproved:
		return nil, store.Conflictf("revision-not-approved", "cannot override %s with revision %d: it is %s", pkg.Name, rev.Number, rev.Status)
	case !o.Expires.IsZero() && !o.Expires.After(tx.Now()):
		return nil, store.Invalidf("invalid-expiry", "cannot override %s: the expiry has passed", pkg.Name).Try("give a time in the future")
	}
	had, err := tx.Overrides(pkg.ID)
	if err != nil {
		return nil, err
	}
	o.PackageID, o.Channel, o.Revision, o.At, o.By = pkg.ID, to.Channel.Normal(), to.Revision, tx.Now(), who.Name
	for _, o.Architecture = range overriding(rev, o.Channel, had) {
		if holds(had, o) {
			continue
		}
		if err := tx.PutOverride(o); err != nil {
			return nil, err
		}
		details := map[string]any{
			"name": pkg.Name, "channel": o.Channel.String(), "architecture": o.Architecture, "revision": o.Revision, "reason": o.Reason,
		}
		if !o.Expires.IsZero() {
			details["expires"] = o.Expires
		}
		tx.Record(store.OverrideSet, "package/"+pkg.ID, details)
	}
	return c.overrideLines(tx, pkg, func(other store.Override) bool {
		return other.Channel == o.Channel && rev.RunsOn(store.Platform{Architecture: other.Architecture})
	})
}

// overriding lists the architectures on which rev is to replace what the channel
// says.
func overriding(rev *store.Revision, ch store.Channel, had []store.Override) []string {
	var archs []string
	for _, a := range architectures(rev.Platforms) {
		if !slices.Contains(archs, a) { // a charm may have several bases of each
			archs = append(archs, a)
		}
	}
	for _, h := range had {
		if h.Channel == ch && !slices.Contains(archs, h.Architecture) && rev.RunsOn(store.Platform{Architecture: h.Architecture}) {
			archs = append(archs, h.Architecture)
		}
	}
	return archs
}

func holds(had []store.Override, o store.Override) bool {
	for _, h := range had {
		if h.Channel == o.Channel && h.Architecture == o.Architecture {
			return h.Revision == o.Revision && h.Reason == o.Reason && h.Expires.Equal(o.Expires)
		}
	}
	return false
}

// Overrides lists the overrides of one package, or of all when name is empty. It
// needs PermOverride.
func (c *Catalog) Overrides(ctx context.Context, who store.Principal, ns store.Namespace, name string) ([]OverrideLine, error) {
	if err := who.Need(store.PermOverride); err != nil {
		return nil, err
	}
	var lines []OverrideLine
	err := c.db.View(ctx, func(tx *db.Tx) error {
		lines = nil
		pkgs, err := overridden(tx, ns, name)
		if err != nil {
			return err
		}
		for _, pkg := range pkgs {
			more, err := c.overrideLines(tx, pkg, func(store.Override) bool { return true })
			if err != nil {
				return err
			}
			lines = append(lines, more...)
		}
		return nil
	})
	return lines, err
}

// overridden returns the named package, or every package with an override.
func overridden(tx *db.Tx, ns store.Namespace, name string) ([]*store.Package, error) {
	if name != "" {
		pkg, err := tx.PackageByName(ns, name)
		return []*store.Package{pkg}, err
	}
	all, err := tx.Overrides("")
	if err != nil {
		return nil, err
	}
	var pkgs []*store.Package
	for _, o := range all {
		if len(pkgs) > 0 && pkgs[len(pkgs)-1].ID == o.PackageID {
			continue
		}
		pkg, err := tx.Package(o.PackageID)
		if err != nil {
			return nil, err
		}
		pkgs = append(pkgs, pkg)
	}
	return pkgs, nil
}

// DeleteOverride removes the overrides of a channel on all architectures, or
// of every channel when ch is nil. It needs PermOverride. The answer says what
// the channel serves now.
func (c *Catalog) DeleteOverride(ctx context.Context, who store.Principal, ns store.Namespace, name string, ch *store.Channel) ([]OverrideLine, error) {
	if err := who.Need(store.PermOverride); err != nil {
		return nil, err
	}
	var lines []OverrideLine
	err := c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := tx.PackageByName(ns, name)
		if err != nil {
			return err
		}
		lines, err = c.overrideLines(tx, pkg, func(o store.Override) bool { return ch == nil || o.Channel == ch.Normal() })
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			where := "any channel"
			if ch != nil {
				where = ch.Name()
			}
			return store.NotFoundf("override-not-found", "%s has no override in %s", name, where)
		}
		for i, l := range lines {
			if _, err := tx.DeleteOverride(pkg.ID, l.Channel, l.Architecture); err != nil {
				return err
			}
			tx.Record(store.OverrideDeleted, "package/"+pkg.ID, map[string]any{
				"name": name, "channel": l.Channel.String(), "architecture": l.Architecture, "revision": l.Revision,
			})
			lines[i].Revision = 0
		}
		return nil
	})
	return lines, err
}

// overrideLines reads a package's overrides beside the channel map.
func (c *Catalog) overrideLines(tx *db.Tx, pkg *store.Package, want func(store.Override) bool) ([]OverrideLine, error) {
	facts, err := tx.Facts(pkg.Namespace, []store.Ref{{ID: pkg.ID}}, db.FactsOptions{})
	if err != nil || facts[0] == nil {
		return nil, err
	}
	now := tx.Now()
	var lines []OverrideLine
	for _, l := range store.OverrideLines(facts[0], store.Fold(facts[0].Releases, now), now) {
		if want(l.Override) {
			lines = append(lines, OverrideLine{
				Namespace: pkg.Namespace, Name: pkg.Name, PackageID: pkg.ID, Channel: l.Override.Channel,
				Architecture: l.Override.Architecture, Revision: l.Override.Revision, Upstream: l.Upstream, Reason: l.Override.Reason, Expires: l.Override.Expires,
			})
		}
	}
	return lines, nil
}
