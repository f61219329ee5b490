package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

const setSeries = "16"

// BuildValidationSet returns the headers of a validation set for its author to
// sign, with what the store knows: ids of snaps, and the next revision. It needs
// an account, which the set must be of. Every mistake is of kind invalid and
// names the field.
func (c *Catalog) BuildValidationSet(ctx context.Context, who store.Principal, r store.ValidationSetRequest) (map[string]any, error) {
	if err := needAuthor(who, r.AccountID); err != nil {
		return nil, err
	}
	ids, err := c.checkSetSnaps(ctx, who, &r)
	if err != nil {
		return nil, err
	}
	revision, err := c.nextRevision(ctx, "validation-set", setSeries, r.AccountID, r.Name, strconv.Itoa(r.Sequence))
	if err != nil {
		return nil, err
	}
	return store.BuildValidationSet(r, store.ValidationSetFacts{SnapIDs: ids, Revision: revision, At: c.now()})
}

// ValidationSets lists the caller's own validation sets, or the one of this name
// if there is any: of each the sequences asked for, in their newest revisions. It
// needs an account.
func (c *Catalog) ValidationSets(ctx context.Context, who store.Principal, name string, q store.SequenceQuery) ([]*assertion.Assertion, error) {
	if err := needAccount(who); err != nil {
		return nil, err
	}
	key := setSeries + "/" + who.Account + "/" + name // ends in a slash for all
	var list []*assertion.Assertion
	err := c.db.View(ctx, func(tx *db.Tx) error {
		rows, err := tx.Sequences("validation-set", key, q, maxAuthored)
		if err != nil {
			return err
		}
		list, err = parseAll(rows)
		return err
	})
	return list, err
}

// PublishValidationSet keeps a validation set that the caller has signed with a
// registered key of its account, for devices to fetch. It needs an account. A
// revision that is not above the stored one of its sequence is a conflict with
// the code conflict.
func (c *Catalog) PublishValidationSet(ctx context.Context, who store.Principal, encoded []byte) (*assertion.Assertion, error) {
	if err := needAccount(who); err != nil {
		return nil, err
	}
	a, err := parseAuthored(encoded, "validation-set")
	if err != nil {
		return nil, err
	}
	if len(a.Body()) > 0 {
		return nil, store.Invalidf(codeInvalidRequest, "a validation set has no body")
	}
	headers := a.Headers()
	if err := store.CheckSignedValidationSet(headers, who.Account, 0, false); err != nil {
		return nil, err
	}
	r, err := store.ReadValidationSet(headers)
	if err != nil {
		return nil, err
	}
	if _, err := c.checkSetSnaps(ctx, who, r); err != nil {
		return nil, err
	}
	return a, c.authored(ctx, who, a, setSeries+"/"+who.Account+"/", func(stored int, found bool) error {
		return store.CheckSignedValidationSet(headers, who.Account, stored, found)
	})
}

// checkSetSnaps holds a set to what the catalog knows of its snaps, and returns
// the ids of those it knows, by name. A snap that the author may not see is not
// known.
func (c *Catalog) checkSetSnaps(ctx context.Context, who store.Principal, r *store.ValidationSetRequest) (map[string]string, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	refs := make([]store.Ref, 0, 2*len(r.Snaps))
	for _, s := range r.Snaps {
		refs = append(refs, store.Ref{Name: s.Name})
	}
	for _, s := range r.Snaps {
		if s.ID != "" {
			refs = append(refs, store.Ref{ID: s.ID})
		}
	}
	snaps, err := c.seen(ctx, who, refs)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*Snapshot)
	for _, s := range snaps {
		if s != nil {
			byID[s.Package().ID] = s
		}
	}
	ids := make(map[string]string)
	for i, s := range r.Snaps {
		known := snaps[i]
		if known != nil {
			ids[s.Name] = known.Package().ID
		}
		if s.ID != "" {
			if known != nil && known.Package().ID != s.ID {
				return nil, store.Invalidf(codeInvalidRequest, "snaps[%d].id: %s is not the id of the snap %s", i, s.ID, s.Name)
			}
			if known = byID[s.ID]; known != nil && known.Package().Name != s.Name {
				return nil, store.Invalidf(codeInvalidRequest, "snaps[%d].name: the snap with the id %s is called %s", i, s.ID, known.Package().Name)
			}
		}
		if known != nil {
			if err := c.checkSetComponents(ctx, known, i, s); err != nil {
				return nil, err
			}
		}
	}
	return ids, nil
}

// seen returns the snaps that an account sees, whichever stores they are at home
// in; nil for others.
func (c *Catalog) seen(ctx context.Context, who store.Principal, refs []store.Ref) ([]*Snapshot, error) {
	if err := c.catchUp(ctx); err != nil {
		return nil, err
	}
	snaps, err := c.cache.pass(ctx, store.Snap, refs)
	if err != nil {
		return nil, err
	}
	for i, s := range snaps {
		if s == nil {
			continue
		}
		home, err := c.view(ctx, s.Package().StoreID)
		if err != nil {
			return nil, err
		}
		if !sees(who, home, s.Package()) {
			snaps[i] = nil
		}
	}
	return snaps, nil
}

// sees reports whether an account sees a package in the store it is at home in.
func sees(who store.Principal, home store.View, pkg *store.Package) bool {
	return who.Account != "" && (pkg.PublisherID == who.Account || slices.Contains(pkg.Collaborators, who.Account)) ||
		store.Visible(home, *pkg, who) || who.NeedOn(store.PermSeeListing, pkg) == nil
}

// checkSetComponents refuses components that the snap does not have: in the
// revision that the set names, if it is known, or else in any that is.
func (c *Catalog) checkSetComponents(ctx context.Context, snap *Snapshot, i int, s store.ValidationSetSnap) error {
	if len(s.Components) == 0 {
		return nil
	}
	revs, err := c.revisionsForSet(ctx, snap, s.Revision)
	if err != nil || len(revs) == 0 {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Components)) {
		declares := func(r *store.Revision) bool { _, there := r.Meta.Components[name]; return there }
		if s.Components[name].Presence != store.PresenceInvalid && !slices.ContainsFunc(revs, declares) {
			what := s.Name
			if s.Revision > 0 {
				what = fmt.Sprintf("revision %d of %s", s.Revision, s.Name)
			}
			return store.Invalidf(codeInvalidRequest, "snaps[%d].components.%s: %s has no such component", i, name, what)
		}
	}
	return nil
}

// revisionsForSet are the revisions that may say which components a snap has.
func (c *Catalog) revisionsForSet(ctx context.Context, snap *Snapshot, number int) ([]*store.Revision, error) {
	if number > 0 {
		if r := snap.Facts.Revisions[number]; r != nil {
			return []*store.Revision{r}, nil
		}
		return c.cache.source.Revisions(ctx, snap.Package().ID, []int{number})
	}
	var revs []*store.Revision
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		revs, err = tx.Revisions(snap.Package().ID, 0, maxDescribed)
		return err
	})
	return slices.AppendSeq(revs, maps.Values(snap.Facts.Revisions)), err
}
