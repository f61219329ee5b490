package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// charmPush is one transaction of PushCharms.
type charmPush struct {
	push
	in        IncomingCharms
	resources []*seenResource // of in.Resources
	icons     map[int]*icon   // of in.Charms
	made      CharmOutcome
	packages  map[string]*store.Package // by name: those of this push
}

// enterCharms is the transaction of a push of charms. It ends with the error
// given, which undoes it unless it is nil.
func (c *Catalog) enterCharms(ctx context.Context, who store.Principal, in IncomingCharms, resources []*seenResource, icons map[int]*icon, end error) (CharmOutcome, error) {
	var out CharmOutcome
	_, err := c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		p := charmPush{
			push: push{c: c, tx: tx, who: who}, in: in, resources: resources, icons: icons,
			made:     CharmOutcome{Pushed: []PushedCharm{}, Released: []store.Release{}},
			packages: make(map[string]*store.Package),
		}
		if err := p.run(); err != nil {
			return err
		}
		out = p.made
		return end
	})
	return out, err
}

func (p *charmPush) run() error {
	revs := make([]*store.Revision, len(p.in.Charms))
	for i := range p.in.Charms {
		var err error
		if revs[i], err = p.charm(i); err != nil {
			return err
		}
	}
	given := make(map[string][]store.ResourcePin) // by package id
	for i := range p.in.Resources {
		pkg, pin, err := p.resource(i)
		if err != nil {
			return err
		}
		given[pkg.ID] = append(given[pkg.ID], pin)
	}
	for i, charm := range p.in.Charms {
		pkg := p.packages[charm.Info.Name]
		if err := p.release(pkg, revs[i], given[pkg.ID]); err != nil {
			return pushing(charm.Source, err)
		}
	}
	return nil
}

// charm enters one charm or bundle. Bytes that have a revision already keep it.
func (p *charmPush) charm(i int) (*store.Revision, error) {
	charm := &p.in.Charms[i]
	pkg, registered, err := p.packageOf(charm.Info.Name, charm.Info.Type)
	if err != nil {
		return nil, pushing(charm.Source, err)
	}
	p.packages[pkg.Name] = pkg
	if err := charmBelongs(p.tx, pkg, charm.Info); err != nil {
		return nil, pushing(charm.Source, err)
	}
	rev, isNew, err := p.revision(pkg, charm)
	if err != nil {
		return nil, pushing(charm.Source, err)
	}
	if pic := p.icons[i]; pic != nil {
		if err := p.icon(pkg, *pic, rev); err != nil {
			return nil, err
		}
	}
	p.made.Pushed = append(p.made.Pushed, PushedCharm{
		Source: charm.Source, Name: pkg.Name, PackageID: pkg.ID, Revision: rev.Number, Version: rev.Version,
		Platforms: rev.Platforms, Size: rev.Size, New: isNew, Registered: registered, blob: rev.Blob,
	})
	return rev, nil
}

// pushing says which file an error is about, with its kind, code and next step.
func pushing(source string, err error) error {
	var e *store.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("cannot push %s: %w", source, err)
	}
	told := *e
	told.Message = "cannot push " + source + ": " + e.Message
	return &told
}

// packageOf finds the package of a charm's name, and makes it when the push may.
func (p *charmPush) packageOf(name, typ string) (_ *store.Package, registered bool, err error) {
	pkg, err := p.tx.PackageByName(store.Charm, name)
	switch {
	case err == nil || store.KindOf(err) != store.KindNotFound:
		return pkg, false, err
	case !p.in.Register:
		return nil, false, store.NotFoundf("name-not-registered", "nobody has registered the name %.100s for a %s", name, typ).
			Try("push it with --register")
	}
	if err := store.ValidName(store.Charm, name); err != nil {
		return nil, false, err
	}
	if store.ReservedName(store.Charm, name) {
		return nil, false, store.Conflictf(CodeReservedName, "the name %s is reserved: addresses of the store's API contain it", name)
	}
	me, err := p.c.authority.Own(p.tx)
	if store.KindOf(err) == store.KindNotFound {
		err = store.Invalidf("no-authority", "cannot register %s: this store has no root of its own whose account could publish it", name).
			Try("give the store its own root with larder init, or register the name as an account of the store")
	}
	if err != nil {
		return nil, false, err
	}
	if err := p.c.ensureAccount(p.tx, me); err != nil {
		return nil, false, err
	}
	pkg = &store.Package{Namespace: store.Charm, Name: name, Type: typ, PublisherID: me, StoreID: store.GlobalStore}
	if err := registerCharm(p.tx, pkg); err != nil {
		return nil, false, err
	}
	pkg, err = p.tx.Package(pkg.ID)
	return pkg, true, err
}

func (p *charmPush) revision(pkg *store.Package, charm *IncomingCharm) (*store.Revision, bool, error) {
	row := rowOf(charm.Staged.Digests())
	had, err := p.tx.RevisionsOfBlob(row.Digest)
	if err != nil {
		return nil, false, err
	}
	for _, r := range had {
		if r.PackageID == pkg.ID {
			return r, false, nil
		}
	}
	number, err := nextRevision(p.tx, pkg.ID)
	if err != nil {
		return nil, false, err
	}
	rev := charmRevision(charm.Info, number)
	rev.PackageID, rev.Status, rev.CreatedAt, rev.CreatedBy = pkg.ID, store.StatusApproved, p.tx.Now(), pkg.PublisherID
	rev.Blob, rev.SHA256, rev.Size, rev.SHA384, rev.SHA512 = row.Digest, row.SHA256, row.Size, charm.More.SHA384, charm.More.SHA512
	if _, err := p.tx.AddBlob(row); err != nil {
		return nil, false, err
	}
	if err := p.tx.InsertRevision(rev); err != nil {
		return nil, false, err
	}
	p.tx.Record(store.RevisionAdded, "package/"+pkg.ID, map[string]any{
		"name": pkg.Name, "revision": rev.Number, "version": rev.Version, "sha3-384": rev.Blob.Hex(), "size": rev.Size,
	})
	return rev, true, nil
}

// resource enters one resource of a charm of this push.
func (p *charmPush) resource(i int) (pkg *store.Package, pin store.ResourcePin, err error) {
	r := &p.in.Resources[i]
	if pkg = p.packages[r.Charm]; pkg == nil {
		return nil, pin, store.Invalidf("unknown-charm", "cannot push %s: the charm %.100s is not part of the push", r.Source, r.Charm).
			Try("push the charm with it")
	}
	res, isNew, err := enterResourceRevision(p.tx, pkg, p.resources[i], pkg.PublisherID)
	if err != nil {
		return nil, pin, pushing(r.Source, err)
	}
	p.made.Pushed = append(p.made.Pushed, PushedCharm{
		Source: r.Source, Name: pkg.Name, PackageID: pkg.ID, Resource: res.Name, Revision: res.Revision, Size: res.Size,
		New: isNew, blob: res.Blob,
	})
	return pkg, store.ResourcePin{Name: res.Name, Revision: res.Revision}, nil
}

// release points the channels of the push at a revision.
func (p *charmPush) release(pkg *store.Package, rev *store.Revision, given []store.ResourcePin) error {
	pins, err := p.pins(rev, given)
	if err != nil {
		return err
	}
	for _, ch := range p.in.Channels {
		made, _, err := p.c.point(p.tx, p.who, pkg, rev, Pointing{Channel: ch, Resources: pins, AtOnce: true})
		if err != nil {
			return withMissing(err)
		}
		p.made.Released = append(p.made.Released, made...)
	}
	return nil
}

// withMissing says how resources come with a push that cannot be released without.
func withMissing(err error) error {
	var e *store.Error
	if !errors.As(err, &e) || e.Code != "missing-resources" {
		return err
	}
	var flags strings.Builder
	names, _ := e.Extra["resources"].([]string)
	for _, name := range names {
		flags.WriteString(" --resource " + name + "=FILE")
	}
	return e.Try("push it with" + flags.String())
}

// pins are the resources that a revision is released with: those given, and else
// the newest of each that there is one of.
func (p *charmPush) pins(rev *store.Revision, given []store.ResourcePin) ([]store.ResourcePin, error) {
	var pins []store.ResourcePin
	for _, d := range rev.Declares() {
		at := slices.IndexFunc(given, func(pin store.ResourcePin) bool { return pin.Name == d.Name })
		if at >= 0 {
			pins = append(pins, given[at])
			continue
		}
		newest, err := p.tx.ResourcesNamed(rev.PackageID, d.Name, 0, 1)
		if err != nil {
			return nil, err
		}
		if len(newest) > 0 {
			pins = append(pins, store.ResourcePin{Name: d.Name, Revision: newest[0].Revision})
		}
	}
	return pins, nil
}
