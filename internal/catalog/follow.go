package catalog

import (
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// follow makes the texts of a package those of a revision that has just come to
// its stable channel, where its publisher wants that: see
// store.Listing.FollowsReleases. A phase of a progressive release does not
// count, since most devices have something else.
func follow(tx *db.Tx, pkg *store.Package, rev *store.Revision, made []store.Release) error {
	if !pkg.Listing.FollowsReleases || len(made) == 0 {
		return nil
	}
	track := pkg.DefaultTrack
	if track == "" {
		track = store.LatestTrack
	}
	ch := made[0].Channel
	if ch.Track != track || ch.Risk != store.Stable || ch.Branch != "" || made[0].Percentage != 0 {
		return nil
	}
	l := pkg.Listing
	l.Title, l.Summary, l.Description = rev.Meta.Title, rev.Meta.Summary, rev.Meta.Description
	if l.Title == pkg.Listing.Title && l.Summary == pkg.Listing.Summary && l.Description == pkg.Listing.Description {
		return nil
	}
	pkg.Listing = l
	tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "listing-of-revision": rev.Number})
	return tx.UpdatePackage(pkg)
}
