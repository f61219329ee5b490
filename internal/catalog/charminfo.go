package catalog

import (
	"context"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// CharmPage is what people are shown of a charm or bundle.
type CharmPage struct {
	Snapshot *Snapshot
	// Channels has one line for each channel and base, as store.ConcreteBases.
	Channels []store.Listed
	// Default is the line that stands for the package; nil when nothing is open.
	Default *store.Listed
	// Attachments are the resource revisions released with Default.
	Attachments []*store.ResourceRevision
	// Contains are the charms of a bundle, in its order, those left out that the
	// asker may not see.
	Contains []*store.Package
}

// CharmInfo returns what people are shown of a charm or bundle. With a channel,
// Default is what stands there. It needs PermView, and costs one more database
// query for the charms of a bundle that nobody has looked at lately.
func (c *Catalog) CharmInfo(ctx context.Context, a Asker, ref store.Ref, channel *store.Channel) (CharmPage, error) {
	snaps, err := c.lookup(ctx, a, store.Charm, []store.Ref{ref})
	if err != nil {
		return CharmPage{}, err
	}
	s := snaps[0]
	if s == nil {
		return CharmPage{}, unknown(ref)
	}
	now := c.now()
	page := CharmPage{Snapshot: s, Channels: store.ConcreteBases(store.CharmChannels(s.Facts, s.Channels(now, true), now))}
	shown, ok := shownCharm(s, page.Channels, channel)
	if !ok {
		return page, nil
	}
	page.Default, page.Attachments = &shown, attachedTo(s, shown)
	if charm := shown.Revision.Meta.Charm; charm != nil && len(charm.Charms) > 0 {
		page.Contains, err = c.contained(ctx, a, charm.Charms)
	}
	return page, err
}

func shownCharm(s *Snapshot, list []store.Listed, channel *store.Channel) (store.Listed, bool) {
	if channel != nil {
		return store.ReleaseIn(s.Facts, list, *channel)
	}
	return store.DefaultRelease(s.Facts, list)
}

// attachedTo is the resource revisions of a line's release; beneath an override
// those of the newest release that names its revision.
func attachedTo(s *Snapshot, l store.Listed) []*store.ResourceRevision {
	if l.Override == nil && l.Release != nil {
		return s.Facts.Attachments(l.Release.Resources)
	}
	for _, r := range slices.Backward(s.Facts.Releases) {
		if r.Revision == l.Revision.Number {
			return s.Facts.Attachments(r.Resources)
		}
	}
	return nil
}

// maxContained bounds how many charms of a bundle are looked up.
const maxContained = 256

func (c *Catalog) contained(ctx context.Context, a Asker, names []string) ([]*store.Package, error) {
	names = names[:min(len(names), maxContained)]
	refs := make([]store.Ref, len(names))
	for i, name := range names {
		refs[i].Name = name
	}
	snaps, err := c.lookup(ctx, a, store.Charm, refs)
	if err != nil {
		return nil, err
	}
	var found []*store.Package
	for _, s := range snaps {
		if s != nil {
			found = append(found, s.Package())
		}
	}
	return found, nil
}

// CharmFindQuery is what a search for charms asks for. The zero CharmFindQuery
// finds every listed charm and bundle that has something on its default track.
type CharmFindQuery struct {
	Text      string
	Category  string
	Publisher string         // username
	Channel   *store.Channel // that must have something; nil is the default release
	store.CharmFilter
}

// FoundCharm is one result of a search for charms.
type FoundCharm struct {
	Snapshot *Snapshot
	Shown    store.Listed // what stands for it
}

// FindCharms searches the charms and bundles that the asker may see, best match
// first, as Find.
func (c *Catalog) FindCharms(ctx context.Context, a Asker, q CharmFindQuery) ([]FoundCharm, error) {
	wanted := FindQuery{Text: q.Text, Category: q.Category, Risk: store.Edge}
	if q.Publisher != "" {
		err := c.db.View(ctx, func(tx *db.Tx) error {
			account, err := tx.AccountByUsername(q.Publisher)
			wanted.PublisherID = account.ID
			return err
		})
		switch store.KindOf(err) {
		case store.KindNotFound, store.KindConflict: // nobody, or nobody can say who
			return nil, a.Who.Need(store.PermView)
		}
		if err != nil {
			return nil, err
		}
	}
	shown := make(map[*Snapshot]store.Listed)
	wanted.show = func(s *Snapshot) (store.Choice, bool) {
		l, ok := c.showCharm(s, &q)
		if ok {
			shown[s] = l
		}
		return store.Choice{Revision: l.Revision, Effective: l.Channel}, ok
	}
	found, err := c.Find(ctx, a, store.Charm, wanted)
	list := make([]FoundCharm, len(found))
	for i, f := range found {
		list[i] = FoundCharm{f.Snapshot, shown[f.Snapshot]}
	}
	return list, err
}

// showCharm picks the line that stands for a charm in a list, if the query lets
// it.
func (c *Catalog) showCharm(s *Snapshot, q *CharmFindQuery) (store.Listed, bool) {
	now := c.now()
	list := store.ConcreteBases(store.CharmChannels(s.Facts, s.Channels(now, true), now))
	list = slices.DeleteFunc(list, func(l store.Listed) bool { return !q.RunsThere(l) })
	l, ok := shownCharm(s, list, q.Channel)
	if !ok || !q.Matches(l) {
		return store.Listed{}, false
	}
	return l, true
}
