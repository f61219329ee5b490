package catalog

import (
	"cmp"
	"context"
	"io"
	"strconv"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// seenCharm is an upload that is a charm or a bundle.
type seenCharm struct {
	row  store.Blob
	more blob.Further
	info *inspect.CharmInfo
	icon *icon // stored; nil when there is none
}

// lookIntoCharm inspects a charm or bundle. What is wrong with it is no error.
func (c *Catalog) lookIntoCharm(ctx context.Context, u store.Upload) (seen, []store.UploadProblem, error) {
	s := new(seenCharm)
	row, problems, err := c.inspectBlob(ctx, blob.Digests{SHA3_384: u.Blob}, func(r blob.Reader) (err error) {
		if s.info, err = inspect.Charm(ctx, r, r.Size(), inspect.Limits{}); err != nil {
			return err
		}
		s.more, err = blob.MoreDigests(ctx, io.NewSectionReader(r, 0, r.Size()))
		return err
	})
	if err != nil || len(problems) > 0 {
		return nil, problems, err
	}
	s.row = row
	if s.icon, err = c.storeIcon(ctx, s.info.Icon); err != nil {
		return nil, nil, err
	}
	return s, nil, nil
}

func (s *seenCharm) bytes() store.Blob { return s.row }

func (s *seenCharm) belongs(tx *db.Tx, pkg *store.Package) error {
	return charmBelongs(tx, pkg, s.info)
}

// charmBelongs returns nil when a charm or bundle can be a revision of the package:
// it is of the type that the name was registered for, bears that name, and takes
// resources of the types that they are here of. A bundle need not have a name.
func charmBelongs(tx *db.Tx, pkg *store.Package, info *inspect.CharmInfo) error {
	if registered := cmp.Or(pkg.Type, store.TypeCharm); info.Type != registered {
		return store.Invalidf("wrong-type", "this is a %s, and the name %s is registered for a %s", info.Type, pkg.Name, registered).
			Try("register another name for it")
	}
	if info.Name != pkg.Name && (info.Name != "" || info.Type != store.TypeBundle) {
		return store.Invalidf("wrong-name", "it calls itself %s, and was uploaded as %s", info.Name, pkg.Name).
			Try("upload it under its own name, which may have to be registered first")
	}
	for _, d := range info.Resources {
		newest, err := tx.ResourcesNamed(pkg.ID, d.Name, 0, 1)
		if err != nil {
			return err
		}
		if len(newest) > 0 && newest[0].Type != d.Type {
			return store.Invalidf("wrong-resource-type", "it declares the resource %.100s as %s, and revision %d of that is of type %s",
				d.Name, d.Type, newest[0].Revision, newest[0].Type).Try("give a resource of another type another name")
		}
	}
	return nil
}

func (s *seenCharm) facts(pkg *store.Package) store.ReviewFacts {
	return charmFacts(pkg, s.info, s.row.Size)
}

// charmFacts is what the review policy looks at of a charm or bundle.
func charmFacts(pkg *store.Package, info *inspect.CharmInfo, size int64) store.ReviewFacts {
	f := info.ReviewFacts()
	f.Package, f.Publisher, f.Size = pkg.Name, pkg.Publisher, size
	return f
}

func (s *seenCharm) revision(number int) *store.Revision {
	rev := charmRevision(s.info, number)
	rev.SHA384, rev.SHA512 = s.more.SHA384, s.more.SHA512
	return rev
}

// approve signs nothing: no client of charms asks for a signature.
func (s *seenCharm) approve(c *Catalog, tx *db.Tx, pkg *store.Package, rev *store.Revision) error {
	p := &push{c: c, tx: tx, revs: map[string]*store.Revision{pkg.ID: rev}}
	return p.ownIcon(pkg, s.icon, rev)
}

// charmRevision is what a charm or bundle says of itself. One that does not say
// its version is called by its number.
func charmRevision(info *inspect.CharmInfo, number int) *store.Revision {
	rev := &store.Revision{
		Version: cmp.Or(info.Version, strconv.Itoa(number)), Platforms: info.Platforms,
		Manifest: info.Metadata, Texts: make(map[string]string), Meta: charmMeta(info),
	}
	if info.Type == store.TypeBundle {
		rev.Manifest = info.Bundle
	}
	for key, text := range map[string]string{
		store.TextConfig: info.Config, store.TextActions: info.Actions, store.TextBundle: info.Bundle,
		store.TextReadme: info.Readme, store.TextCraft: info.CharmcraftYAML,
	} {
		if text != "" {
			rev.Texts[key] = text
		}
	}
	return rev
}

// charmMeta turns what inspection read into what the domain keeps.
func charmMeta(i *inspect.CharmInfo) store.Meta {
	m := &store.CharmMeta{
		Subordinate: i.Subordinate, Provides: relations(i.Provides), Requires: relations(i.Requires), Peers: relations(i.Peers),
		DeployableOn: i.DeployableOn, Charms: i.Charms, Attributes: i.Attributes,
	}
	for _, r := range i.Resources {
		m.Resources = append(m.Resources, store.DeclaredResource{
			Name: r.Name, Type: r.Type, Filename: r.Filename, Description: r.Description, Optional: r.Optional,
		})
	}
	return store.Meta{
		Type: i.Type, Title: i.Title, Summary: i.Summary, Description: i.Description, Links: i.Links, Charm: m,
	}
}

func relations(of map[string]inspect.Relation) map[string]store.Relation {
	if len(of) == 0 {
		return nil
	}
	out := make(map[string]store.Relation, len(of))
	for name, r := range of {
		out[name] = store.Relation{Interface: r.Interface, Limit: r.Limit, Scope: r.Scope, Optional: r.Optional}
	}
	return out
}
