package catalog

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// EachPackage calls yield with every package of a namespace, by name, until
// yield returns an error. It needs PermManage.
func (c *Catalog) EachPackage(ctx context.Context, who store.Principal, ns store.Namespace, yield func(store.Package) error) error {
	if err := who.Need(store.PermManage); err != nil {
		return err
	}
	filter := store.PackageFilter{Namespace: ns, AfterNamespace: ns, Limit: 500}
	for {
		var page []store.Package
		err := c.db.View(ctx, func(tx *db.Tx) (err error) {
			page, err = tx.Packages(filter)
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range page {
			if err := yield(p); err != nil {
				return err
			}
		}
		if len(page) < filter.Limit {
			return nil
		}
		filter.AfterName = page[len(page)-1].Name
	}
}

// PushedSnap is a snap and the stores that show it.
type PushedSnap struct {
	Name   string   `json:"name"`
	ID     string   `json:"snap-id"`
	Stores []string `json:"stores"`
}

// EachPushedSnap calls yield with every snap and the stores it is seen in. It
// needs PermManage.
func (c *Catalog) EachPushedSnap(ctx context.Context, who store.Principal, yield func(PushedSnap) error) error {
	var views []store.View
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		views, err = tx.Views()
		return err
	})
	if err != nil {
		return err
	}
	return c.EachPackage(ctx, who, store.Snap, func(p store.Package) error {
		s := PushedSnap{Name: p.Name, ID: p.ID, Stores: []string{p.StoreID}}
		for _, v := range views {
			if v.ID != p.StoreID && (slices.Contains(v.Packages, p.ID) || slices.Contains(v.Includes, p.StoreID)) {
				s.Stores = append(s.Stores, v.ID)
			}
		}
		return yield(s)
	})
}

// ChannelLine is one line of a package's channel map as people read it.
type ChannelLine struct {
	Channel      store.Channel `json:"channel"`
	Architecture string        `json:"architecture"`
	// Base is what a charm runs on there, as ubuntu@24.04; all is any.
	Base     string `json:"base,omitempty"`
	Revision int    `json:"revision"`
	Version  string `json:"version"`
	// Resources are those of a charm's release.
	Resources  []store.ResourcePin `json:"resources,omitempty"`
	ReleasedAt time.Time           `json:"released-at"`
	Overridden bool                `json:"overridden,omitempty"`
	Percentage float64             `json:"percentage,omitempty"` // of a progressive release on top
	OnTop      int                 `json:"progressive-revision,omitempty"`
	Expires    time.Time           `json:"expires,omitzero"`
}

// Note is what a person should know besides.
func (l ChannelLine) Note() string {
	note := ""
	if l.Overridden {
		note = ", overridden"
	}
	if l.OnTop != 0 {
		note += fmt.Sprintf(", %g%% get %d", l.Percentage, l.OnTop)
	}
	return note
}

// Description is everything about one package that an operator asks for.
type Description struct {
	Package   store.Package     `json:"package"`
	Channels  []ChannelLine     `json:"channels"`
	Revisions []*store.Revision `json:"revisions"` // newest first, at most maxDescribed
}

const maxDescribed = 100

// maxListingText bounds each text of a listing, bytes.
const maxListingText = 64 << 10

// Describe tells all about a package. It needs PermManage.
func (c *Catalog) Describe(ctx context.Context, who store.Principal, ns store.Namespace, name string) (Description, error) {
	var d Description
	if err := who.Need(store.PermManage); err != nil {
		return d, err
	}
	var facts *store.Facts
	err := c.db.View(ctx, func(tx *db.Tx) error {
		pkg, err := tx.PackageByName(ns, name)
		if err != nil {
			return err
		}
		d.Package = *pkg
		if d.Revisions, err = tx.Revisions(pkg.ID, 0, maxDescribed); err != nil {
			return err
		}
		found, err := tx.Facts(ns, []store.Ref{{ID: pkg.ID}}, db.FactsOptions{})
		if err == nil {
			facts = found[0]
		}
		return err
	})
	if err != nil || facts == nil {
		return d, err
	}
	now := c.now()
	channels := store.Fold(facts.Releases, now)
	d.Channels = []ChannelLine{}
	list := store.ChannelList(facts, channels, "", now)
	if ns == store.Charm {
		list = store.CharmChannels(facts, channels, now)
	}
	for _, l := range list {
		line := ChannelLine{
			Channel: l.Channel, Architecture: l.Architecture, Base: baseName(l.Platform), Revision: l.Revision.Number,
			Version: l.Revision.Version, ReleasedAt: l.ReleasedAt, Overridden: l.Override != nil,
		}
		if s := channels.Slot(l.Channel, l.Platform); s != nil && s.Progressive() {
			line.Percentage, line.OnTop = s.Release.Percentage, s.Release.Revision
		}
		if l.Override != nil {
			line.Expires = l.Override.Expires
		} else if l.Release != nil {
			line.Expires, line.Resources = l.Release.Expires, l.Release.Resources
		}
		d.Channels = append(d.Channels, line)
	}
	d.Channels = append(d.Channels, branchLines(facts, channels)...)
	return d, nil
}

// baseName is a base as juju's users write it; "" is that of a snap.
func baseName(p store.Platform) string {
	switch p.BaseName {
	case "", store.AnyArchitecture:
		return p.BaseName
	}
	return p.BaseName + "@" + p.BaseChannel
}

// branchLines are the open branches, which devices find only by name.
func branchLines(facts *store.Facts, channels *store.ChannelMap) []ChannelLine {
	var lines []ChannelLine
	for _, s := range channels.Slots() {
		if s.Channel.Branch == "" || s.Release == nil {
			continue
		}
		line := ChannelLine{
			Channel: s.Channel, Architecture: s.Architecture, Base: baseName(s.Platform), Revision: s.Release.Revision,
			ReleasedAt: s.Release.At, Expires: s.Release.Expires,
		}
		if rev := facts.Revisions[s.Release.Revision]; rev != nil {
			line.Version = rev.Version
		}
		lines = append(lines, line)
	}
	return lines
}

// PackageChange says what to change of a package; nil leaves a field alone.
type PackageChange struct {
	Title, Summary, Description *string
	DefaultTrack                *string
	StoreID                     *string
	Private, Unlisted           *bool
	// Categories replace the shelves it stands on; nil leaves them.
	Categories []string
	Featured   bool // on each of Categories
}

// ChangePackage changes a package's listing, home and access. It needs
// PermManage.
func (c *Catalog) ChangePackage(ctx context.Context, who store.Principal, ns store.Namespace, name string, change PackageChange) (store.Package, error) {
	var changed store.Package
	if err := who.Need(store.PermManage); err != nil {
		return changed, err
	}
	for _, text := range []*string{change.Title, change.Summary, change.Description} {
		if text != nil && len(*text) > maxListingText {
			return changed, store.TooLargef("text-too-long", "cannot change %s: a text is longer than %d bytes", name, maxListingText)
		}
	}
	err := c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := tx.PackageByName(ns, name)
		if err != nil {
			return err
		}
		details := map[string]any{"name": name}
		set := func(field string, into *string, v *string) {
			if v != nil && *into != *v {
				*into, details[field] = *v, *v
			}
		}
		set("title", &pkg.Listing.Title, change.Title)
		set("summary", &pkg.Listing.Summary, change.Summary)
		set("description", &pkg.Listing.Description, change.Description)
		for _, field := range slices.Sorted(maps.Keys(details)) {
			if field != "name" && !slices.Contains(pkg.Listing.Edited, field) {
				pkg.Listing.Edited = append(pkg.Listing.Edited, field)
			}
		}
		set("store", &pkg.StoreID, change.StoreID)
		set("default-track", &pkg.DefaultTrack, change.DefaultTrack)
		if change.Private != nil && pkg.Private != *change.Private {
			pkg.Private, details["private"] = *change.Private, *change.Private
		}
		if change.Unlisted != nil && pkg.Unlisted != *change.Unlisted {
			pkg.Unlisted, details["unlisted"] = *change.Unlisted, *change.Unlisted
		}
		if err := checkChange(tx, pkg, change); err != nil {
			return err
		}
		if change.Categories != nil && !onShelves(pkg, change) {
			if err := setCategories(tx, pkg, change); err != nil {
				return err
			}
			details["categories"], details["featured"] = change.Categories, change.Featured
		}
		if len(details) > 1 {
			if err := tx.UpdatePackage(pkg); err != nil {
				return err
			}
			tx.Record(store.PackageUpdated, "package/"+pkg.ID, details)
		}
		changed = *pkg
		return nil
	})
	return changed, err
}

func checkChange(tx *db.Tx, pkg *store.Package, change PackageChange) error {
	if change.StoreID != nil {
		if _, err := tx.View(pkg.StoreID); err != nil {
			return err
		}
	}
	if t := change.DefaultTrack; t != nil && *t != "" && *t != store.LatestTrack &&
		!slices.ContainsFunc(pkg.Tracks, func(have store.Track) bool { return have.Name == *t }) {
		return store.NotFoundf("track-not-found", "cannot make %s the default track of %s: there is no such track", *t, pkg.Name).
			Try("release something to it first")
	}
	return nil
}

// categoryName is how the public store names its categories; the names stand in
// URLs.
var categoryName = regexp.MustCompile(`^[a-z0-9]([a-z0-9]|-[a-z0-9]){0,63}$`)

// onShelves reports whether pkg is on the wanted shelves already, and no other.
func onShelves(pkg *store.Package, change PackageChange) bool {
	have := make(map[store.Category]bool)
	for _, c := range pkg.Categories {
		have[store.Category{Name: c.Name, Featured: c.Featured}] = true
	}
	want := make(map[store.Category]bool)
	for _, name := range change.Categories {
		want[store.Category{Name: name, Featured: change.Featured}] = true
	}
	return maps.Equal(have, want)
}

func setCategories(tx *db.Tx, pkg *store.Package, change PackageChange) error {
	pkg.Categories = nil
	for _, name := range change.Categories {
		if !categoryName.MatchString(name) {
			return store.Invalidf("invalid-category", "%.100q cannot name a category", name).
				Try("use up to 64 lower-case letters, digits and single hyphens")
		}
		added, err := tx.AddCategory(name)
		if err != nil {
			return err
		}
		if added {
			tx.Record(store.CategoryPut, "category/"+name, nil)
		}
		pkg.Categories = append(pkg.Categories, store.Category{Name: name, Featured: change.Featured})
	}
	return tx.SetCategories(pkg.ID, pkg.Categories)
}
