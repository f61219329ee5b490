package catalog

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Showing is a package as those see it who may change it.
type Showing struct {
	Package *store.Package
	Store   store.View     // its home
	Open    []store.Listed // what its channels hold, as store.ChannelList or CharmChannels has it
	// Speaks is the revision whose own metadata stands where the listing is
	// empty; nil when nothing was released.
	Speaks *store.Revision
}

// Show tells what people read about a package, and what its channels hold. It
// needs PermSeeListing.
func (c *Catalog) Show(ctx context.Context, who store.Principal, ns store.Namespace, ref store.Ref) (Showing, error) {
	var s Showing
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		if s.Package, err = owned(tx, who, store.PermSeeListing, ns, ref); err != nil {
			return err
		}
		if s.Store, err = tx.View(s.Package.StoreID); store.KindOf(err) == store.KindNotFound {
			s.Store, err = store.View{ID: s.Package.StoreID, Name: s.Package.StoreID}, nil
		}
		if err != nil {
			return err
		}
		if s.Open, err = openChannels(tx, s.Package); err != nil {
			return err
		}
		s.Speaks = speaks(s.Open)
		return nil
	})
	return s, err
}

// openChannels lists what a package's channels hold.
// It reads no releases but those that the channels hang on, however many there
// were.
func openChannels(tx *db.Tx, pkg *store.Package) ([]store.Listed, error) {
	releases, err := tx.CurrentReleases(pkg.ID)
	if err != nil {
		return nil, err
	}
	overrides, err := tx.Overrides(pkg.ID)
	if err != nil {
		return nil, err
	}
	at := acknowledged(tx, releases)
	m := store.Fold(releases, at)
	numbers := namedBy(m)
	for _, o := range overrides {
		numbers = append(numbers, o.Revision)
	}
	revs, err := tx.RevisionsNumbered(pkg.ID, numbers)
	if err != nil {
		return nil, err
	}
	facts := (&store.Facts{Package: *pkg, Releases: releases, Overrides: overrides}).With(revs)
	return listOpen(facts, m, at), nil
}

// listOpen lists what the channels of a package hold, a charm's by base.
func listOpen(f *store.Facts, m *store.ChannelMap, at time.Time) []store.Listed {
	if f.Package.Namespace == store.Charm {
		return store.CharmChannels(f, m, at)
	}
	return store.ChannelList(f, m, "", at)
}

// speaks is the newest revision in the least risky channel that holds any.
func speaks(open []store.Listed) *store.Revision {
	if len(open) == 0 {
		return nil
	}
	best := slices.MinFunc(open, func(a, b store.Listed) int {
		return cmp.Or(cmp.Compare(a.Channel.Risk, b.Channel.Risk), b.ReleasedAt.Compare(a.ReleasedAt))
	})
	return best.Revision
}

// Title is what people call the package.
func (s *Showing) Title() string {
	return cmp.Or(s.Package.Listing.Title, s.meta().Title, s.Package.Name)
}

// Summary is one line about the package.
func (s *Showing) Summary() string { return cmp.Or(s.Package.Listing.Summary, s.meta().Summary) }

// Description is the long text about the package.
func (s *Showing) Description() string {
	return cmp.Or(s.Package.Listing.Description, s.meta().Description)
}

// License is the package's, as an SPDX expression; empty when nobody has said.
func (s *Showing) License() string { return cmp.Or(s.Package.Listing.License, s.meta().License) }

// Links are the package's, by kind; never nil.
func (s *Showing) Links() map[string][]string {
	for _, links := range []map[string][]string{s.Package.Listing.Links, s.meta().Links} {
		if len(links) > 0 {
			return links
		}
	}
	return map[string][]string{}
}

// Contact and Website are the ones for clients that show one; they may be empty.
func (s *Showing) Contact() string {
	return cmp.Or(s.Package.Listing.Contact, *firstOf(s.Links()["contact"]))
}

// Website is as Contact.
func (s *Showing) Website() string {
	return cmp.Or(s.Package.Listing.Website, *firstOf(s.Links()["website"]))
}

func (s *Showing) meta() *store.Meta {
	if s.Speaks == nil {
		return &store.Meta{}
	}
	return &s.Speaks.Meta
}
