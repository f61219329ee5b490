package catalog

import (
	"context"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// FindQuery is what a search asks for. The zero FindQuery finds every listed
// snap that has a stable release.
type FindQuery struct {
	Text        string // words; all must match
	Prefix      string // the name begins with it
	Category    string // a category's name; "featured" is every featured package
	CommonID    string // exact AppStream id
	PublisherID string
	// Own finds the private packages that the asker publishes, and nothing else.
	Own bool
	// Architecture that must be able to run it; empty is any.
	Architecture string
	// Confinements that are wanted; empty is any.
	Confinements []string
	// Risk is the riskiest level that counts; store.Stable finds what is
	// stable, store.Edge everything that is released at all.
	Risk    store.Risk
	Offset, // results to leave out
	Limit int // results at most; 0 is maxFound

	// show, if set, picks the revision in showcase's place.
	show func(*Snapshot) (store.Choice, bool)
}

// maxFound bounds the results of one search; searchPage is how many candidates
// it looks at together, and searchMore how many the queries after its first
// fetch; maxScanned is how many candidates it looks at before it stops, however
// few of them pass its filters.
const (
	maxFound   = 100
	searchPage = 128
	searchMore = 1000
	maxScanned = 4096
)

// Found is one result: a package and the revision that a device would get.
type Found struct {
	Snapshot *Snapshot
	Choice   store.Choice
}

// Find searches what the asker may see, best match first. It needs PermView.
func (c *Catalog) Find(ctx context.Context, a Asker, ns store.Namespace, q FindQuery) ([]Found, error) {
	if q.Limit <= 0 || q.Limit > maxFound {
		q.Limit = maxFound
	}
	var found []Found
	err := c.scan(ctx, a, ns, q, func(f Found) bool {
		if q.Offset > 0 {
			q.Offset--
			return true
		}
		found = append(found, f)
		return len(found) < q.Limit
	})
	return found, err
}

// Count is how many packages Find would find without a limit, counted no
// further than Find looks. It needs PermView.
func (c *Catalog) Count(ctx context.Context, a Asker, ns store.Namespace, q FindQuery) (int, error) {
	n := 0
	err := c.scan(ctx, a, ns, q, func(Found) bool { n++; return true })
	return n, err
}

// scan calls yield with what matches, best first, until it returns false or
// maxScanned candidates have been looked at.
func (c *Catalog) scan(ctx context.Context, a Asker, ns store.Namespace, q FindQuery, yield func(Found) bool) error {
	if err := a.Who.Need(store.PermView); err != nil {
		return err
	}
	view, err := c.View(ctx, a.StoreID)
	if err != nil || !store.Enter(view, a.Who) {
		return err
	}
	search := store.SearchQuery{
		Namespace: ns, Text: q.Text, NamePrefix: q.Prefix, Category: q.Category,
		CommonID: q.CommonID, PublisherID: q.PublisherID, Limit: searchPage,
		Stores: append([]string{view.ID}, view.Includes...), Packages: view.Packages,
	}
	if q.Category == featured {
		search.Category, search.Featured = "", true
	}
	if q.Own {
		if a.Who.Account == "" {
			return nil
		}
		search.Private, search.PublisherID = true, a.Who.Account
	}
	ids, err := c.db.Search(ctx, search)
	if err != nil {
		return err
	}
	page, err := c.sift(ctx, a, ns, q, ids, c.cache.get)
	if err != nil || !each(page, yield) {
		return err
	}
	// Few look further, and whoever does walks. The database ranks everything
	// that matches each time it is asked, so it is asked for many at a time.
	for len(ids) == search.Limit && search.Offset+len(ids) < maxScanned {
		search.Offset += len(ids)
		search.Limit = min(searchMore, maxScanned-search.Offset)
		err := c.walk(ctx, func() (err error) {
			ids, err = c.db.Search(ctx, search)
			return err
		})
		if err != nil {
			return err
		}
		for part := range slices.Chunk(ids, searchPage) {
			err := c.walk(ctx, func() (err error) {
				page, err = c.sift(ctx, a, ns, q, part, c.cache.pass)
				return err
			})
			if err != nil || !each(page, yield) {
				return err
			}
		}
	}
	return nil
}

// each calls yield with each of page and reports whether it wants more.
func each(page []Found, yield func(Found) bool) bool {
	for _, f := range page {
		if !yield(f) {
			return false
		}
	}
	return true
}

// walk takes one step of a walk through the catalog. Anyone may start one, and
// it takes as long as the catalog is large, so only a few steps run at a time,
// which leaves processors to the devices.
func (c *Catalog) walk(ctx context.Context, step func() error) error {
	select {
	case c.walking <- struct{}{}:
		defer func() { <-c.walking }()
		return step()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sift keeps those of ids that the asker may see and the filters let through.
func (c *Catalog) sift(ctx context.Context, a Asker, ns store.Namespace, q FindQuery, ids []string,
	get fetch) ([]Found, error) {
	refs := make([]store.Ref, len(ids))
	for i, id := range ids {
		refs[i].ID = id
	}
	snaps, err := c.lookupWith(ctx, a, ns, refs, get)
	if err != nil {
		return nil, err
	}
	var found []Found
	for _, s := range snaps {
		if s == nil || s.Package().Unlisted || s.Package().Private != q.Own || q.Own && s.Package().PublisherID != a.Who.Account {
			continue
		}
		if choice, ok := c.showcase(s, q); ok {
			found = append(found, Found{s, choice})
		}
	}
	return found, nil
}

// showcase picks the revision that stands for a package in a list: what its
// default track offers at the safest risk that the query lets count.
func (c *Catalog) showcase(s *Snapshot, q FindQuery) (store.Choice, bool) {
	if q.show != nil {
		return q.show(s)
	}
	now := c.now()
	for _, listed := range store.ChannelList(s.Facts, s.Channels(now, true), q.Architecture, now) {
		if listed.Channel.Risk > q.Risk || listed.Revision == nil {
			continue
		}
		if len(q.Confinements) > 0 && !slices.Contains(q.Confinements, listed.Revision.Meta.Confinement) {
			continue
		}
		return store.Choice{Revision: listed.Revision, Effective: listed.Channel}, true
	}
	return store.Choice{}, false
}

// featured is the name of the shelf that holds what is featured anywhere.
const featured = "featured"

// Categories lists the names of the catalog's shelves, the featured one first.
// It needs PermView.
func (c *Catalog) Categories(ctx context.Context, a Asker) ([]string, error) {
	if err := a.Who.Need(store.PermView); err != nil {
		return nil, err
	}
	names := []string{featured}
	err := c.db.View(ctx, func(tx *db.Tx) error {
		list, err := tx.Categories()
		for _, name := range list {
			if name != featured {
				names = append(names, name)
			}
		}
		return err
	})
	return names, err
}

// EachListed calls yield with every package that find could show the asker, in
// the order of their names, until yield returns an error. It needs PermView.
// It holds one page of packages at a time, so a million cost no more memory
// than a hundred.
func (c *Catalog) EachListed(ctx context.Context, a Asker, ns store.Namespace, q FindQuery, yield func(Found) error) error {
	if err := a.Who.Need(store.PermView); err != nil {
		return err
	}
	filter := store.PackageFilter{Namespace: ns, AfterNamespace: ns, Limit: searchPage}
	for {
		var page []Found
		last := false
		err := c.walk(ctx, func() error {
			var pkgs []store.Package
			err := c.db.View(ctx, func(tx *db.Tx) (err error) {
				pkgs, err = tx.Packages(filter)
				return err
			})
			if err != nil {
				return err
			}
			ids := make([]string, len(pkgs))
			for i, p := range pkgs {
				ids[i], filter.AfterName = p.ID, p.Name
			}
			last = len(ids) < searchPage
			page, err = c.sift(ctx, a, ns, q, ids, c.cache.pass)
			return err
		})
		if err != nil {
			return err
		}
		for _, f := range page {
			if err := yield(f); err != nil {
				return err
			}
		}
		if last {
			return nil
		}
	}
}
