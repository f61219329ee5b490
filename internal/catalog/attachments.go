package catalog

import (
	"cmp"
	"context"
	"slices"

	"github.com/larder-store/larder/internal/store"
)

// Attachments are the revisions of one resource that clients may have.
type Attachments struct {
	Package *store.Package
	// Declared is what the newest released revision that declares the resource says
	// of it; only zero where none does any more.
	Declared  store.DeclaredResource
	Revisions []*store.ResourceRevision // newest first
}

// maxAttachments bounds how many revisions of a resource clients are told of.
const maxAttachments = 500

// Attachments lists the newest revisions of a resource that a release has named:
// others are their publisher's own affair. The package is named, or given by its
// id. It needs PermView, and the asker must be able to see the package.
func (c *Catalog) Attachments(ctx context.Context, a Asker, ns store.Namespace, name, resource string) (Attachments, error) {
	refs := []store.Ref{{Name: name}}
	if len(name) == idLength {
		refs = append(refs, store.Ref{ID: name})
	}
	snaps, err := c.lookup(ctx, a, ns, refs)
	if err != nil {
		return Attachments{}, err
	}
	s := cmp.Or(snaps...)
	if s == nil {
		return Attachments{}, unknown(refs[0])
	}
	found := Attachments{Package: s.Package()}
	revision := 0
	for n, rev := range s.Facts.Revisions {
		if n < revision || rev == nil || rev.Status != store.StatusApproved || !s.Facts.Named(n) {
			continue
		}
		for _, d := range rev.Declares() {
			if d.Name == resource {
				found.Declared, revision = d, n
			}
		}
	}
	found.Revisions, err = c.released(ctx, s, resource)
	if err == nil && revision == 0 && len(found.Revisions) == 0 {
		err = store.NotFoundf("resource-not-found", "%s has no resource %.100q", s.Package().Name, resource)
	}
	return found, err
}

// released returns the newest revisions of a resource that a release has named,
// newest first: those in the snapshot, and what that holds back with one query.
func (c *Catalog) released(ctx context.Context, s *Snapshot, resource string) ([]*store.ResourceRevision, error) {
	var pins []store.ResourcePin
	seen := make(map[store.ResourcePin]bool)
	for i := range s.Facts.Releases {
		for _, pin := range s.Facts.Releases[i].Resources {
			if pin.Name == resource && !seen[pin] {
				seen[pin] = true
				pins = append(pins, pin)
			}
		}
	}
	slices.SortFunc(pins, func(a, b store.ResourcePin) int { return b.Revision - a.Revision })
	pins = pins[:min(len(pins), maxAttachments)]
	var list []*store.ResourceRevision
	var missing []store.ResourcePin
	for _, pin := range pins {
		if r := s.Facts.Resources[pin]; r != nil {
			list = append(list, r)
		} else {
			missing = append(missing, pin)
		}
	}
	if len(missing) > 0 {
		more, err := c.cache.source.Resources(ctx, s.Package().ID, missing)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	slices.SortFunc(list, func(a, b *store.ResourceRevision) int { return b.Revision - a.Revision })
	return list, nil
}
