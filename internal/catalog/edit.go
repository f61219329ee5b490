package catalog

import (
	"context"
	"errors"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Edit says what to change of what people read about a package; nil leaves a
// field alone, and an empty text or list leaves the word to the newest revision.
type Edit struct {
	Title, Summary, Description, License *string
	Contact, Website                     *string
	Links                                *map[string][]string
	Keywords, Videos                     *[]string
	OnlyCountries, NotInCountries        *[]string
	PublicMetrics                        *bool
	HiddenMetrics                        *[]string
	FollowsReleases                      *bool
	Private, Unlisted                    *bool
	DefaultTrack                         *string
	Categories                           *[]string

	// Uploaded says that the values come from the package itself, rather than
	// from somebody who has thought of other words for the store.
	Uploaded bool
	// KeepEdits refuses to overwrite what somebody has edited in the store with
	// what was uploaded.
	KeepEdits bool
	// KeepFollowing refuses to change what the next release would change again.
	KeepFollowing bool
}

// EditListing changes what people read about a package, who sees it and where it
// stands. It needs PermListing, and PermACL to make it private or public.
//
// What must not be overwritten, see Edit, is an error of kind conflict with the
// code conflict for each field. Its Extra has the field's name, its current value
// and the refused value.
func (c *Catalog) EditListing(ctx context.Context, who store.Principal, ns store.Namespace, ref store.Ref, e Edit) (*store.Package, error) {
	if err := who.Need(store.PermListing); err != nil {
		return nil, err
	}
	var edited *store.Package
	err := c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := owned(tx, who, store.PermListing, ns, ref)
		if err != nil {
			return err
		}
		edited = pkg
		if e.Private != nil && *e.Private != pkg.Private {
			if err := who.NeedOn(store.PermACL, pkg); err != nil {
				return err
			}
		}
		e := e.normal(pkg)
		changed, conflicts := e.compare(pkg)
		if err := store.Together(conflicts); err != nil {
			return err
		}
		if len(changed) == 0 {
			return nil
		}
		return applyEdit(tx, pkg, &e, changed)
	})
	return edited, err
}

// applyEdit writes the changed fields and what the change log says of them.
func applyEdit(tx *db.Tx, pkg *store.Package, e *Edit, changed []*listingField) error {
	details := map[string]any{"name": pkg.Name}
	for _, f := range changed {
		f.set(pkg, e)
		details[f.name] = f.wanted(e)
		pkg.Listing.Edited = slices.DeleteFunc(slices.Clone(pkg.Listing.Edited), func(name string) bool { return name == f.name })
		if !e.Uploaded {
			pkg.Listing.Edited = append(pkg.Listing.Edited, f.name)
		}
	}
	slices.Sort(pkg.Listing.Edited)
	if e.FollowsReleases != nil && *e.FollowsReleases && e.Title == nil && e.Summary == nil && e.Description == nil {
		pkg.Listing.Title, pkg.Listing.Summary, pkg.Listing.Description = "", "", ""
	}
	if err := checkEdit(tx, pkg, changed); err != nil {
		return err
	}
	if err := tx.UpdatePackage(pkg); err != nil {
		return err
	}
	if e.Categories != nil {
		if err := tx.SetCategories(pkg.ID, pkg.Categories); err != nil {
			return err
		}
	}
	tx.Record(store.PackageUpdated, "package/"+pkg.ID, details)
	return nil
}

// compare tells which fields would change, and which of them must not.
func (e *Edit) compare(pkg *store.Package) (changed []*listingField, conflicts []*store.Error) {
	follows := pkg.Listing.FollowsReleases && (e.FollowsReleases == nil || *e.FollowsReleases)
	for i := range listingFields {
		f := &listingFields[i]
		if !f.given(e) || f.same(pkg, e) {
			continue
		}
		changed = append(changed, f)
		edited := e.KeepEdits && slices.Contains(pkg.Listing.Edited, f.name) && !f.empty(pkg)
		if edited || e.KeepFollowing && follows && f.follows {
			why := "somebody has edited it in the store"
			if !edited {
				why = "the next release would change it again"
			}
			conflicts = append(conflicts, store.Conflictf("conflict", "cannot change the %s of %s: %s", f.name, pkg.Name, why).
				With("name", f.name).With("current", f.current(pkg)).With("value", f.wanted(e)))
		}
	}
	return changed, conflicts
}

// checkEdit returns nil when the changed fields may be shown. What was there
// before, such as what another store has let through, is left as it is.
func checkEdit(tx *db.Tx, pkg *store.Package, changed []*listingField) error {
	var faults []*store.Error
	about := func(field string, err error) {
		var e *store.Error
		if err != nil && errors.As(err, &e) {
			faults = append(faults, e.With("name", field))
		}
	}
	var listing []error
	if joined, ok := store.CheckListing(pkg.Listing).(interface{ Unwrap() []error }); ok {
		listing = joined.Unwrap()
	}
	for _, f := range changed {
		for _, err := range listing {
			var fault *store.FieldError
			if errors.As(err, &fault) && f.covers(fault.Field) {
				about(f.name, fault)
			}
		}
		if f.check != nil {
			about(f.name, f.check(pkg))
		}
		if f.name == fieldDefaultTrack {
			about(f.name, checkChange(tx, pkg, PackageChange{DefaultTrack: &pkg.DefaultTrack}))
		}
		if f.name == fieldCategories {
			if err := onKnownShelves(tx, pkg); store.KindOf(err) == store.KindInvalid {
				about(f.name, err)
			} else if err != nil {
				return err
			}
		}
	}
	for i, e := range faults {
		if e.Kind != store.KindInvalid { // such as a track that is not there
			faults[i] = store.Invalidf(codeInvalidField, "%s", e.Message).Try(e.Next).With("name", e.Extra["name"])
		}
	}
	return store.Together(faults)
}

// onKnownShelves fails when pkg stands on a shelf that is none. Only operators
// make shelves, and put something in front.
func onKnownShelves(tx *db.Tx, pkg *store.Package) error {
	known, err := tx.Categories()
	if err != nil {
		return err
	}
	for _, c := range pkg.Categories {
		if !slices.Contains(known, c.Name) {
			return store.Invalidf(codeInvalidField, "there is no category %.100q", c.Name)
		}
	}
	return nil
}

// followRelease leaves the words of a package that follows its releases to the
// revision that everybody gets from now on.
func followRelease(tx *db.Tx, pkg *store.Package, facts []store.Release) error {
	l := &pkg.Listing
	inStable := func(r store.Release) bool {
		return r.Revision != 0 && r.Percentage == 0 && r.Channel.Risk == store.Stable && r.Channel.Branch == ""
	}
	if !l.FollowsReleases || l.Title+l.Summary+l.Description == "" || !slices.ContainsFunc(facts, inStable) {
		return nil
	}
	l.Title, l.Summary, l.Description = "", "", ""
	if err := tx.UpdatePackage(pkg); err != nil {
		return err
	}
	tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "follows": "release"})
	return nil
}
