package catalog

import (
	"context"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// ResourceClaim says which revision of a charm's resource an upload is to be.
type ResourceClaim struct {
	Name     string // of the charm
	Resource string
	UploadID string
	Type     string // file or oci-image; "" is what the charm declares
	// Platforms that it is for; none, or all, is every one, and those of an image.
	Platforms []store.Platform
}

// ClaimResource makes an upload a revision of a charm's resource, on the terms of
// Claim. Some revision of the charm must declare the resource. It needs PermPush
// on the charm, and an account.
func (c *Catalog) ClaimResource(ctx context.Context, who store.Principal, cl ResourceClaim) (store.Upload, error) {
	var wish store.UploadResource
	err := c.db.View(ctx, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermPush, store.Charm, cl.Name)
		if err != nil {
			return err
		}
		declared, err := declaredAs(tx, pkg, cl.Resource, cl.Type)
		if err != nil {
			return err
		}
		wish = store.UploadResource{Name: declared.Name, Type: declared.Type}
		said, err := store.ResourcePlatforms(cl.Platforms)
		// charmcraft says all where nobody told it anything.
		if !slices.Equal(said, []store.Platform{store.AnyBase}) {
			wish.Platforms = said
		}
		return err
	})
	if err != nil {
		return store.Upload{}, err
	}
	return c.Claim(ctx, who, store.Charm, Claim{Name: cl.Name, UploadID: cl.UploadID, Resource: &wish})
}

// ImageResource finds a charm for whoever is to push images of one of its
// resources, which some revision must declare as an OCI image. It needs PermPush
// on the charm.
func (c *Catalog) ImageResource(ctx context.Context, who store.Principal, name, resource string) (pkg *store.Package, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) error {
		if pkg, err = mine(tx, who, store.PermPush, store.Charm, name); err != nil {
			return err
		}
		_, err := declaredAs(tx, pkg, resource, store.ResourceImage)
		return err
	})
	return pkg, err
}

// declaredAs returns how the newest revision of a charm that declares a resource
// declares it, which must be as the given type unless that is "".
func declaredAs(tx *db.Tx, pkg *store.Package, name, kind string) (store.DeclaredResource, error) {
	d, _, found, err := declared(tx, pkg, name)
	switch {
	case err != nil:
		return d, err
	case !found:
		return d, store.NotFoundf("resource-not-found", "no revision of %s declares a resource %.100q", pkg.Name, name).
			Try("declare it under resources, and upload the charm first")
	case kind != "" && kind != d.Type:
		return d, store.Invalidf("wrong-resource-type", "the resource %.100s of %s is of type %s, not %.40q", name, pkg.Name, d.Type, kind).
			With("name", "type")
	}
	return d, nil
}

// declared finds the newest revision of a charm that declares a resource, but for
// rejected ones.
func declared(tx *db.Tx, pkg *store.Package, name string) (d store.DeclaredResource, revision int, found bool, err error) {
	err = eachDeclared(tx, pkg, func(number int, r store.DeclaredResource) bool {
		if r.Name == name {
			d, revision, found = r, number, true
		}
		return !found
	})
	return d, revision, found, err
}

// eachDeclared yields what the revisions of a charm declare, but for rejected
// ones: the newest revision first, the resources of each by name.
func eachDeclared(tx *db.Tx, pkg *store.Package, yield func(revision int, r store.DeclaredResource) bool) error {
	for below, n := 0, 0; n < maxRevisionList; n += revisionPage {
		page, err := tx.Revisions(pkg.ID, below, revisionPage)
		if err != nil {
			return err
		}
		for _, rev := range page {
			if rev.Status == store.StatusRejected {
				continue
			}
			for _, r := range rev.Declares() {
				if !yield(rev.Number, r) {
					return nil
				}
			}
		}
		if len(page) < revisionPage {
			break
		}
		below = page[len(page)-1].Number
	}
	return nil
}

// Declared is a resource as one revision of a charm declares it.
type Declared struct {
	store.DeclaredResource
	Revision int // of the charm
}

// maxDeclared bounds the list of what a charm's revisions declare.
const maxDeclared = 50_000

// Resources lists what the revisions of a charm declare, the newest revision
// first, the resources of each by name. It needs PermSeeRevisions on the charm.
func (c *Catalog) Resources(ctx context.Context, who store.Principal, name string) ([]Declared, error) {
	var list []Declared
	err := c.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		pkg, err := mine(tx, who, store.PermSeeRevisions, store.Charm, name)
		if err != nil {
			return err
		}
		return eachDeclared(tx, pkg, func(revision int, r store.DeclaredResource) bool {
			list = append(list, Declared{r, revision})
			return len(list) < maxDeclared
		})
	})
	return list, err
}

// ResourceRevisions lists the revisions of a charm's resource, newest first. It
// needs PermSeeRevisions on the charm.
func (c *Catalog) ResourceRevisions(ctx context.Context, who store.Principal, name, resource string) ([]*store.ResourceRevision, error) {
	var list []*store.ResourceRevision
	err := c.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		pkg, err := mine(tx, who, store.PermSeeRevisions, store.Charm, name)
		if err != nil {
			return err
		}
		for below := 0; len(list) < maxRevisionList; {
			page, err := tx.ResourcesNamed(pkg.ID, resource, below, revisionPage)
			if err != nil {
				return err
			}
			list = append(list, page...)
			if len(page) < revisionPage {
				break
			}
			below = page[len(page)-1].Revision
		}
		if len(list) == 0 {
			_, err = declaredAs(tx, pkg, resource, "")
		}
		return err
	})
	return list, err
}

// ResourceUpdate says anew what one revision of a resource is for.
type ResourceUpdate struct {
	Revision  int
	Platforms []store.Platform // none is every one
}

// maxResourceUpdates bounds one request.
const maxResourceUpdates = 500

// SetResourcePlatforms says anew what revisions of a charm's resource are for,
// all of them or none, and returns how many they are. It needs PermPush on the
// charm.
func (c *Catalog) SetResourcePlatforms(ctx context.Context, who store.Principal, name, resource string, updates []ResourceUpdate) (int, error) {
	if err := who.Need(store.PermPush); err != nil {
		return 0, err
	}
	if len(updates) > maxResourceUpdates {
		return 0, store.TooLargef("too-many-updates", "one request changes at most %d revisions of a resource", maxResourceUpdates)
	}
	updates = slices.Clone(updates)
	for i := range updates {
		u := &updates[i]
		if slices.ContainsFunc(updates[:i], func(before ResourceUpdate) bool { return before.Revision == u.Revision }) {
			return 0, store.Invalidf("duplicated-key", "revision %d is there twice", u.Revision).With("name", "revision")
		}
		var err error
		if u.Platforms, err = store.ResourcePlatforms(u.Platforms); err != nil {
			return 0, err
		}
	}
	err := c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermPush, store.Charm, name)
		if err != nil {
			return err
		}
		var numbers []int
		for _, u := range updates {
			pin := store.ResourcePin{Name: resource, Revision: u.Revision}
			found, err := tx.SetResourcePlatforms(pkg.ID, pin, u.Platforms, who.Account)
			if err != nil {
				return err
			}
			if !found {
				return store.NotFoundf("resource-not-found", "%s has no revision %d of a resource %.100q", pkg.Name, u.Revision, resource)
			}
			numbers = append(numbers, u.Revision)
		}
		if len(numbers) > 0 {
			tx.Record(store.ResourceChanged, "package/"+pkg.ID, map[string]any{
				"name": pkg.Name, "resource": resource, "revisions": numbers,
			})
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(updates), nil
}
