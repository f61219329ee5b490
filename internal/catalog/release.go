package catalog

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Pointing says how a release is made.
type Pointing struct {
	Channel store.Channel
	// Architecture limits it to one; "" is every architecture of the revision.
	Architecture string
	// Percentage of devices, above 0 and below 100; 0 is everyone.
	Percentage float64
	// Expires is when the channel closes by itself; zero is never, but for a
	// branch store.BranchLife after now.
	Expires time.Time
	// Resources are released with it; the order is that of their names. Nil is
	// the newest revisions of those that belong to the revision.
	Resources []store.ResourcePin
}

// Release points a channel at a revision on its platforms. It needs
// PermRelease. Where a channel points there already nothing is written, and
// the answer leaves it out.
func (c *Catalog) Release(ctx context.Context, who store.Principal, ns store.Namespace, name string, revision int, to []Pointing) ([]store.Release, error) {
	if err := who.Need(store.PermRelease); err != nil {
		return nil, err
	}
	var made []store.Release
	err := c.change(ctx, who, func(tx *db.Tx) error {
		made = nil
		pkg, err := tx.PackageByName(ns, name)
		if err != nil {
			return err
		}
		rev, err := revisionOf(tx, pkg, revision)
		if err != nil {
			return err
		}
		for _, p := range to {
			facts, err := c.point(tx, who, pkg, rev, p)
			if err != nil {
				return err
			}
			made = append(made, facts...)
		}
		return nil
	})
	return made, err
}

// revisionOf returns a package's revision; its error calls the package by name.
func revisionOf(tx *db.Tx, pkg *store.Package, number int) (*store.Revision, error) {
	rev, err := tx.Revision(pkg.ID, number)
	if store.KindOf(err) == store.KindNotFound {
		err = store.NotFoundf("revision-not-found", "%s has no revision %d", pkg.Name, number)
	}
	return rev, err
}

// Close closes channels on one architecture, or on all when it is empty. It
// needs PermRelease.
func (c *Catalog) Close(ctx context.Context, who store.Principal, ns store.Namespace, name string, channels []store.Channel, arch string) ([]store.Release, error) {
	if err := who.Need(store.PermRelease); err != nil {
		return nil, err
	}
	var made []store.Release
	err := c.change(ctx, who, func(tx *db.Tx) error {
		made = nil
		pkg, err := tx.PackageByName(ns, name)
		if err != nil {
			return err
		}
		had, err := tx.Releases(pkg.ID)
		if err != nil {
			return err
		}
		current := store.Fold(had, tx.Now())
		var only []store.Platform
		if arch != "" {
			only = []store.Platform{{Architecture: arch}}
		}
		for i, ch := range channels {
			if slices.ContainsFunc(channels[:i], func(c store.Channel) bool { return c.Normal() == ch.Normal() }) {
				continue
			}
			made = append(made, store.CloseFacts(current, pkg.ID, ch, tx.Now(), who.Name, only...)...)
		}
		return c.appendReleases(tx, pkg, made)
	})
	return made, err
}

// point appends the facts that make a channel point at rev, leaving out those
// that hold already. A branch is released to again to keep it open.
func (c *Catalog) point(tx *db.Tx, who store.Principal, pkg *store.Package, rev *store.Revision, p Pointing) ([]store.Release, error) {
	ch := p.Channel.Normal()
	if p.Architecture != "" {
		only := store.Platform{Architecture: p.Architecture}
		if !rev.RunsOn(only) {
			return nil, store.Invalidf("wrong-architecture", "cannot release revision %d of %s on %s: it was built for %s",
				rev.Number, pkg.Name, p.Architecture, strings.Join(architectures(rev.Platforms), ", ")).
				Try("leave the architecture out, or name one of those")
		}
		narrowed := *rev
		narrowed.Platforms = []store.Platform{only}
		rev = &narrowed
	}
	if p.Resources == nil {
		var err error
		if p.Resources, err = c.pins(tx, pkg.ID, rev.Number); err != nil {
			return nil, err
		}
	}
	had, err := tx.Releases(pkg.ID)
	if err != nil {
		return nil, err
	}
	current := store.Fold(had, tx.Now())
	facts, err := store.ReleaseFacts(current, rev, ch, store.ReleaseOptions{
		At: tx.Now(), By: who.Name, Resources: p.Resources, Percentage: p.Percentage, Expires: p.Expires,
	})
	if err != nil {
		return nil, err
	}
	made := slices.DeleteFunc(facts, func(f store.Release) bool {
		if p.Architecture != "" && f.Platform.Architecture != p.Architecture {
			return true // "all" alone would also go to the architectures open by themselves
		}
		slot := current.Slot(ch, f.Platform)
		return slot != nil && slot.Release.Revision == rev.Number && slot.Release.Percentage == f.Percentage &&
			slot.Release.Expires.Equal(f.Expires) && slices.Equal(slot.Release.Resources, f.Resources)
	})
	if err := c.ensureTrack(tx, pkg, ch.Track); err != nil {
		return nil, err
	}
	return made, c.appendReleases(tx, pkg, made)
}

// appendReleases writes facts and what the change log says of them.
func (c *Catalog) appendReleases(tx *db.Tx, pkg *store.Package, facts []store.Release) error {
	if len(facts) == 0 {
		return nil
	}
	if _, err := tx.AppendReleases(facts); err != nil {
		return err
	}
	for _, f := range facts {
		details := map[string]any{"name": pkg.Name, "channel": f.Channel.String(), "architecture": f.Platform.Architecture}
		if f.Revision != 0 {
			details["revision"] = f.Revision
		}
		if f.Percentage != 0 {
			details["percentage"] = f.Percentage
		}
		tx.Record(store.Released, "package/"+pkg.ID, details)
	}
	return nil
}

// ensureTrack makes a track that a release names for the first time. Whoever
// may release on the host may open tracks.
func (c *Catalog) ensureTrack(tx *db.Tx, pkg *store.Package, name string) error {
	if name == store.LatestTrack {
		return nil
	}
	t := store.Track{Name: name, CreatedAt: tx.Now()}
	added, err := tx.AddTrack(pkg.ID, t)
	if err != nil || !added {
		return err
	}
	pkg.Tracks = append(pkg.Tracks, t)
	tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "track": name})
	return nil
}

// change runs a use case's transaction. The caches notice it by the change log.
func (c *Catalog) change(ctx context.Context, who store.Principal, f func(*db.Tx) error) error {
	_, err := c.db.Update(ctx, who.Name, f)
	return err
}
