package catalog

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// seenSnap is an upload that is a snap.
type seenSnap struct {
	row   store.Blob // of the snap, which a delta only leads to
	info  *inspect.SnapInfo
	parts []seenPart // by name
	icon  *icon      // stored; nil when there is none
}

type seenPart struct {
	row  store.Blob
	info *inspect.ComponentInfo
}

// lookIntoSnap inspects a snap and its components. What is wrong with them is no
// error.
func (c *Catalog) lookIntoSnap(ctx context.Context, u store.Upload) (seen, []store.UploadProblem, error) {
	s := new(seenSnap)
	var problems []store.UploadProblem
	whole, err := c.wholeOf(ctx, u)
	if store.CodeOf(err) == CodeDelta {
		return nil, problemsOf(err, CodeDelta), nil
	}
	if err != nil {
		return nil, nil, err
	}
	row, problem, err := c.inspectBlob(ctx, whole, func(r blob.Reader) (err error) {
		s.info, err = inspect.Snap(ctx, r, r.Size(), inspect.Limits{})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	problems, s.row = append(problems, problem...), row
	for _, name := range slices.Sorted(maps.Keys(u.Wish.Components)) {
		part, err := c.uploadOf(ctx, u.Wish.Components[name])
		if err != nil {
			return nil, nil, err
		}
		var info *inspect.ComponentInfo
		row, problem, err := c.inspectBlob(ctx, blob.Digests{SHA3_384: part.Blob}, func(r blob.Reader) (err error) {
			info, err = inspect.Component(ctx, r, r.Size(), inspect.Limits{})
			return err
		})
		if err != nil {
			return nil, nil, err
		}
		problems = append(problems, problem...)
		if info == nil {
			continue
		}
		if info.Name != name {
			problems = append(problems, store.UploadProblem{Code: "wrong-component",
				Message: fmt.Sprintf("what was uploaded as the component %.100s calls itself %s", name, info.Name)})
		}
		s.parts = append(s.parts, seenPart{row, info})
	}
	if len(problems) > 0 {
		return nil, problems, nil
	}
	if problems := s.fit(); len(problems) > 0 {
		return nil, problems, nil
	}
	if s.icon, err = c.storeIcon(ctx, s.info.Icon); err != nil {
		return nil, nil, err
	}
	return s, nil, nil
}

func (s *seenSnap) bytes() store.Blob { return s.row }

func (s *seenSnap) belongs(_ *db.Tx, pkg *store.Package) error {
	if s.info.Name != pkg.Name {
		return store.Invalidf("wrong-name", "snap.yaml names the snap %s, and it was uploaded as %s", s.info.Name, pkg.Name).
			Try("upload it under its own name, which may have to be registered first")
	}
	return nil
}

func (s *seenSnap) facts(pkg *store.Package) store.ReviewFacts {
	return snapFacts(pkg, s.info, s.row.Size)
}

// snapFacts is what the review policy looks at of a snap.
func snapFacts(pkg *store.Package, info *inspect.SnapInfo, size int64) store.ReviewFacts {
	f := info.ReviewFacts()
	f.Package, f.Publisher, f.Size = pkg.Name, pkg.Publisher, size
	return f
}

func (s *seenSnap) revision(int) *store.Revision {
	return &store.Revision{
		Version: s.info.Version, Platforms: platforms(s.info.Architectures),
		Provenance: provenanceOf(s.info.Provenance), Manifest: s.info.SnapYAML, Meta: metaOf(s.info),
	}
}

// approve signs for the revision, and enters and signs for its components.
func (s *seenSnap) approve(c *Catalog, tx *db.Tx, pkg *store.Package, rev *store.Revision) error {
	p := &push{c: c, tx: tx, revs: map[string]*store.Revision{pkg.ID: rev}}
	source := fmt.Sprintf("revision %d of %s", rev.Number, pkg.Name)
	me := ""
	if rev.Provenance == globalUpload {
		var err error
		if me, err = p.signsAs(source, "snap-revision"); err != nil {
			return err
		}
	}
	if err := p.mayUpload(pkg, source, rev.Provenance, me); err != nil {
		return err
	}
	_, _, err := c.authority.SignSnapRevision(tx, authority.Upload{
		SnapID: pkg.ID, Revision: rev.Number, Blob: rev.Blob, Size: rev.Size,
		DeveloperID: pkg.PublisherID, Provenance: rev.Provenance,
	})
	if err != nil {
		return err
	}
	for _, part := range s.parts {
		comp := &IncomingComponent{Source: "component " + part.info.Name, Info: part.info}
		if err := p.mayUploadComponent(pkg, comp); err != nil {
			return err
		}
		res, isNew, err := p.resource(pkg, comp, part.row, 0)
		if err != nil {
			return err
		}
		if err := p.pair(pkg, comp, res, isNew); err != nil {
			return err
		}
	}
	return p.ownIcon(pkg, s.icon, rev)
}

// fit compares what was uploaded together.
func (s *seenSnap) fit() (problems []store.UploadProblem) {
	var declared, came []string
	for _, c := range s.info.Components {
		declared = append(declared, c.Name)
	}
	for _, p := range s.parts {
		came = append(came, p.info.Name)
		if p.info.Snap != s.info.Name {
			problems = append(problems, store.UploadProblem{Code: "wrong-component",
				Message: fmt.Sprintf("the component %s belongs to the snap %s, not to %s", p.info.Name, p.info.Snap, s.info.Name)})
		}
	}
	slices.Sort(declared)
	slices.Sort(came)
	if !slices.Equal(declared, came) {
		problems = append(problems, store.UploadProblem{Code: "wrong-components",
			Message: fmt.Sprintf("snap.yaml declares these components: %s; uploaded were: %s", words(declared), words(came))})
	}
	return problems
}

func words(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

// storeIcon makes a blob of a package's own picture.
func (c *Catalog) storeIcon(ctx context.Context, pic *inspect.Icon) (*icon, error) {
	if pic == nil {
		return nil, nil
	}
	d, err := blob.Put(ctx, c.blobs, bytes.NewReader(pic.Data), blob.PutOptions{})
	if err != nil {
		return nil, noSpace(err)
	}
	return &icon{d, store.Medium{
		Kind: "icon", Blob: d.SHA3_384, Size: d.Size, ContentType: pic.MediaType, Width: pic.Width, Height: pic.Height,
	}}, nil
}
