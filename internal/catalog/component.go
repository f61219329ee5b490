package catalog

import (
	"slices"
	"strconv"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// component enters one component. A signed one keeps its revision and belongs
// to the snap's revisions that its pair assertions name; one that this store
// signs gets the next revision, and belongs to the snap's revision of this
// push, or else to the snap's newest.
func (p *push) component(c *IncomingComponent) error {
	pkg, err := p.tx.PackageByName(store.Snap, c.Info.Snap)
	if err != nil {
		return err
	}
	number, own, err := p.signedComponent(pkg, c)
	if err != nil {
		return err
	}
	if number == 0 {
		if err := p.mayUploadComponent(pkg, c); err != nil {
			return err
		}
	}
	row := rowOf(c.Staged.Digests())
	res, isNew, err := p.resource(pkg, c, row, number)
	if err != nil {
		return err
	}
	if own {
		if err := p.pair(pkg, c, res, isNew); err != nil {
			return err
		}
	}
	p.out.Pushed = append(p.out.Pushed, Pushed{
		Source: c.Source, Name: pkg.Name, PackageID: pkg.ID, Component: c.Info.Name,
		Revision: res.Revision, Version: res.Version, Size: res.Size, New: isNew,
	})
	return nil
}

// mayUploadComponent refuses a component that this store may not sign.
func (p *push) mayUploadComponent(pkg *store.Package, c *IncomingComponent) error {
	if c.Problems != nil {
		return store.Invalidf("invalid-component", "cannot push %s: %v", c.Source, c.Problems).
			Try("mend the component and build it again")
	}
	me, err := p.signsAs(c.Source, "snap-resource-revision")
	if err != nil {
		return err
	}
	return p.mayUpload(pkg, c.Source, c.Info.Provenance, me)
}

// signedComponent returns the revision that a snap-resource-revision assertion
// gives to the component's bytes, 0 when there is none, and whether it is for
// this store to say where they belong.
func (p *push) signedComponent(pkg *store.Package, c *IncomingComponent) (number int, own bool, err error) {
	digests := c.Staged.Digests()
	ref, err := assertion.NewRef("snap-resource-revision",
		pkg.ID, c.Info.Name, digests.SHA3_384.Base64URL(), provenanceOf(c.Info.Provenance))
	if err != nil {
		return 0, false, store.Invalidf("invalid-component", "cannot push %s", c.Source).Because(err)
	}
	a, err := p.c.authority.Find(p.tx, ref, -1)
	if store.KindOf(err) == store.KindNotFound {
		return 0, true, nil
	}
	if err != nil {
		return 0, false, err
	}
	v, err := assertion.As[assertion.SnapResourceRevision](a)
	if err != nil {
		return 0, false, err
	}
	if int64(v.Size) != digests.Size {
		return 0, false, store.Invalidf("wrong-size", "cannot push %s: it has %d bytes, and its assertion says %d", c.Source, digests.Size, v.Size).
			Try("download both again")
	}
	me, err := p.c.authority.Own(p.tx)
	if err != nil && store.KindOf(err) != store.KindNotFound {
		return 0, false, err
	}
	return v.Revision, err == nil && a.AuthorityID() == me, nil
}

func (p *push) resource(pkg *store.Package, c *IncomingComponent, row store.Blob, number int) (*store.ResourceRevision, bool, error) {
	had, err := p.tx.Resources(pkg.ID)
	if err != nil {
		return nil, false, err
	}
	for _, r := range had {
		if r.Name == c.Info.Name && r.Blob == row.Digest && (number == 0 || r.Revision == number) {
			return r, false, nil
		}
	}
	res := &store.ResourceRevision{
		PackageID: pkg.ID, Name: c.Info.Name, Revision: number, Type: "component/" + c.Info.Type,
		Version: c.Info.Version, Description: c.Info.Description, CreatedAt: p.tx.Now(),
		Blob: row.Digest, SHA256: row.SHA256, Size: row.Size, Provenance: provenanceOf(c.Info.Provenance),
	}
	if _, err := p.tx.AddBlob(row); err != nil {
		return nil, false, err
	}
	if err := p.tx.InsertResource(res); err != nil {
		if store.CodeOf(err) == "resource-exists" {
			return nil, false, store.Conflictf("revision-conflict", "cannot push %s: %s has another revision %d of %s already",
				c.Source, pkg.Name, number, res.Name).Try("compare it with what larder package show " + pkg.Name + " says").Because(err)
		}
		return nil, false, err
	}
	if number == 0 {
		_, _, err := p.c.authority.SignSnapResourceRevision(p.tx, authority.ResourceUpload{
			SnapID: pkg.ID, Name: res.Name, Revision: res.Revision, Blob: res.Blob, Size: res.Size,
			DeveloperID: pkg.PublisherID, Provenance: res.Provenance,
		})
		if err != nil {
			return nil, false, err
		}
	}
	p.tx.Record(store.ResourceAdded, "package/"+pkg.ID, map[string]any{
		"name": pkg.Name, "component": res.Name, "revision": res.Revision, "sha3-384": res.Blob.Hex(), "size": res.Size,
	})
	return res, true, nil
}

// pair states that the component goes with the snap's revision. One that was
// here before and comes without a snap need not go with the newest.
func (p *push) pair(pkg *store.Package, c *IncomingComponent, res *store.ResourceRevision, isNew bool) error {
	snap := p.revs[pkg.ID]
	together := snap != nil
	if !together {
		newest, err := p.tx.Revisions(pkg.ID, 0, 1)
		if err != nil {
			return err
		}
		if len(newest) == 0 {
			return store.Conflictf("no-revision", "cannot push %s: %s has no revision yet that it could belong to", c.Source, pkg.Name).
				Try("push the snap first, or with it")
		}
		snap = newest[0]
	}
	if _, declared := snap.Meta.Components[res.Name]; !declared {
		if !isNew && !together {
			return nil
		}
		return store.Invalidf("undeclared-component", "cannot push %s: revision %d of %s declares no component %s",
			c.Source, snap.Number, pkg.Name, res.Name).Try("declare it under components in snap.yaml")
	}
	_, fresh, err := p.c.authority.SignSnapResourcePair(p.tx, authority.Pair{
		SnapID: pkg.ID, Name: res.Name, ResourceRevision: res.Revision, SnapRevision: snap.Number,
		DeveloperID: pkg.PublisherID, Provenance: res.Provenance,
	})
	if fresh {
		p.out.Assertions++
	}
	return err
}

// pins returns the newest resource revisions that pair assertions join to one
// revision of a snap, by name.
func (c *Catalog) pins(tx *db.Tx, packageID string, number int) ([]store.ResourcePin, error) {
	had, err := tx.Resources(packageID)
	if err != nil {
		return nil, err
	}
	var pins []store.ResourcePin
	for _, r := range had { // by name, newest first
		if len(pins) > 0 && pins[len(pins)-1].Name == r.Name {
			continue
		}
		pair, err := assertion.NewRef("snap-resource-pair",
			packageID, r.Name, strconv.Itoa(r.Revision), strconv.Itoa(number), r.Provenance)
		if err != nil {
			return nil, err
		}
		_, err = c.authority.Find(tx, pair, -1)
		switch {
		case err == nil:
			pins = append(pins, store.ResourcePin{Name: r.Name, Revision: r.Revision})
		case store.KindOf(err) != store.KindNotFound:
			return nil, err
		}
	}
	return pins, nil
}

// pinsFor is pins with those named in the place of the newest. They must belong
// to the revision.
func (c *Catalog) pinsFor(tx *db.Tx, pkg *store.Package, number int, named []store.ResourcePin) ([]store.ResourcePin, error) {
	pins, err := c.pins(tx, pkg.ID, number)
	if err != nil {
		return nil, err
	}
	for _, want := range named {
		at := slices.IndexFunc(pins, func(p store.ResourcePin) bool { return p.Name == want.Name })
		if want.Revision == 0 && at >= 0 {
			continue
		}
		if at < 0 {
			return nil, foreignComponent(pkg, number, want)
		}
		if belongs, err := c.belongs(tx, pkg, number, want); err != nil {
			return nil, err
		} else if !belongs {
			return nil, foreignComponent(pkg, number, want)
		}
		pins[at].Revision = want.Revision
	}
	return pins, nil
}

func foreignComponent(pkg *store.Package, number int, pin store.ResourcePin) error {
	what := "component " + strconv.Quote(pin.Name)
	if pin.Revision != 0 {
		what = "revision " + strconv.Itoa(pin.Revision) + " of " + what
	}
	return store.Invalidf("foreign-component", "cannot release revision %d of %s with %.200s, which does not belong to it", number, pkg.Name, what).
		Try("upload the component with the snap")
}

// belongs reports whether a pair assertion joins the component's revision to
// the snap's.
func (c *Catalog) belongs(tx *db.Tx, pkg *store.Package, number int, pin store.ResourcePin) (bool, error) {
	r, err := tx.Resource(pkg.ID, pin)
	if err == nil {
		var pair assertion.Ref
		pair, err = assertion.NewRef("snap-resource-pair", pkg.ID, r.Name, strconv.Itoa(r.Revision), strconv.Itoa(number), r.Provenance)
		if err == nil {
			_, err = c.authority.Find(tx, pair, -1)
		}
	}
	if store.KindOf(err) == store.KindNotFound {
		return false, nil
	}
	return err == nil, err
}
