package catalog

import (
	"cmp"
	"maps"
	"reflect"
	"slices"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// push is one transaction of Push.
type push struct {
	c     *Catalog
	tx    *db.Tx
	who   store.Principal
	in    Incoming
	icons map[int]icon
	out   Outcome
	names map[string]*store.Package  // by name: packages this push brought or touched
	fresh map[string]bool            // by package id: whether it had no release before
	revs  map[string]*store.Revision // by package id: the last snap this push brought
}

func (p *push) run() error {
	added, err := p.c.enter(p.tx, p.in.Assertions)
	if err != nil {
		return err
	}
	p.out.Assertions = len(added.New) + len(added.Updated)
	var pointing []func() error // after all revisions and components are in
	for i := range p.in.Snaps {
		pkg, rev, isNew, err := p.snap(i)
		if err != nil {
			return err
		}
		if p.in.Snaps[i].ReleaseNew && !isNew {
			continue
		}
		for _, ch := range p.in.Snaps[i].Channels {
			pointing = append(pointing, func() error { return p.point(pkg, rev, ch, "") })
		}
	}
	for i := range p.in.Components {
		if err := p.component(&p.in.Components[i]); err != nil {
			return err
		}
	}
	for _, point := range pointing {
		if err := point(); err != nil {
			return err
		}
	}
	if err := p.c.checkNumbers(p.tx, added); err != nil {
		return err
	}
	for _, r := range p.in.Releases {
		if err := p.release(r); err != nil {
			return err
		}
	}
	return p.setDefaultTracks()
}

// setDefaultTracks comes last, since a track to which nothing is released would
// lead installs nowhere.
func (p *push) setDefaultTracks() error {
	track := p.in.DefaultTrack
	if track == "" {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(p.fresh)) {
		pkg, err := p.tx.Package(id)
		if err != nil {
			return err
		}
		releases, err := p.tx.Releases(id)
		if err != nil {
			return err
		}
		there := func(s store.SlotState) bool { return s.Channel.Track == track && s.Channel.Branch == "" }
		if pkg.DefaultTrack != "" || !slices.ContainsFunc(store.Fold(releases, p.tx.Now()).Slots(), there) {
			continue
		}
		pkg.DefaultTrack = track
		if err := p.tx.UpdatePackage(pkg); err != nil {
			return err
		}
		p.tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "default-track": track})
	}
	return nil
}

// snap enters one snap.
func (p *push) snap(i int) (_ *store.Package, _ *store.Revision, isNew bool, err error) {
	s := &p.in.Snaps[i]
	digests := s.Staged.Digests()
	pkg, number, err := p.signed(s)
	if err != nil {
		return nil, nil, false, err
	}
	registered := false
	if pkg == nil {
		if pkg, registered, err = p.own(s); err != nil {
			return nil, nil, false, err
		}
	}
	if err := p.touch(pkg); err != nil {
		return nil, nil, false, err
	}
	p.names[s.Info.Name] = pkg // renamed since it was built, it may be spoken of by either name
	rev, isNew, err := p.revision(pkg, s, digests, number)
	if err != nil {
		return nil, nil, false, err
	}
	p.revs[pkg.ID] = rev
	if pic, ok := p.icons[i]; ok {
		if err := p.icon(pkg, pic, rev); err != nil {
			return nil, nil, false, err
		}
	}
	p.out.Pushed = append(p.out.Pushed, Pushed{
		Source: s.Source, Name: pkg.Name, PackageID: pkg.ID, Revision: rev.Number, Version: rev.Version,
		Architectures: architectures(rev.Platforms), Size: rev.Size, New: isNew, Registered: registered,
	})
	return pkg, rev, isNew, nil
}

// signed finds the package and revision that a snap-revision assertion gives
// to the snap's bytes; the package is nil when there is none.
func (p *push) signed(s *IncomingSnap) (*store.Package, int, error) {
	digests := s.Staged.Digests()
	ref, err := assertion.NewRef("snap-revision", digests.SHA3_384.Base64URL(), provenanceOf(s.Info.Provenance))
	if err != nil {
		return nil, 0, err
	}
	a, err := p.c.authority.Find(p.tx, ref, -1)
	if store.KindOf(err) == store.KindNotFound {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	v, err := assertion.As[assertion.SnapRevision](a)
	if err != nil {
		return nil, 0, err
	}
	if int64(v.Size) != digests.Size {
		return nil, 0, store.Invalidf("wrong-size", "cannot push %s: it has %d bytes, and its snap-revision assertion says %d",
			s.Source, digests.Size, v.Size).Try("download both again")
	}
	pkg, err := p.tx.Package(v.SnapID)
	return pkg, v.Revision, err
}

// touch remembers a package of this push, whether it had releases before, and
// fills what its listing lacks.
func (p *push) touch(pkg *store.Package) error {
	if _, known := p.fresh[pkg.ID]; known {
		return nil
	}
	p.names[pkg.Name] = pkg
	releases, err := p.tx.CountReleases(pkg.ID)
	if err != nil {
		return err
	}
	p.fresh[pkg.ID] = releases == 0
	listing := pkg.Listing
	for _, f := range []struct{ has, offered *string }{
		{&pkg.Listing.Title, &p.in.Listing.Title}, {&pkg.Listing.Summary, &p.in.Listing.Summary},
		{&pkg.Listing.Description, &p.in.Listing.Description}, {&pkg.Listing.License, &p.in.Listing.License},
		{&pkg.Listing.Website, &p.in.Listing.Website}, {&pkg.Listing.Contact, &p.in.Listing.Contact},
	} {
		*f.has = cmp.Or(*f.has, *f.offered)
	}
	if reflect.DeepEqual(listing, pkg.Listing) {
		return nil
	}
	if err := p.tx.UpdatePackage(pkg); err != nil {
		return err
	}
	p.tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "listing": pkg.Listing})
	return nil
}

// own finds or registers the package of a snap that came without a
// snap-revision assertion.
func (p *push) own(s *IncomingSnap) (_ *store.Package, registered bool, err error) {
	// What came with assertions about other bytes is damaged, and signing it
	// would hide that.
	if slices.ContainsFunc(p.in.Assertions, func(a *assertion.Assertion) bool { return a.Type().Name == "snap-revision" }) {
		return nil, false, store.Invalidf("wrong-bytes", "cannot push %s: the snap-revision assertion that comes with it is about other bytes", s.Source).
			Try("download both again")
	}
	if s.Problems != nil {
		return nil, false, store.Invalidf("invalid-snap", "cannot push %s: %v", s.Source, s.Problems).
			Try("mend the snap and build it again")
	}
	delegated := provenanceOf(s.Info.Provenance) != globalUpload
	var me string
	if !delegated {
		if me, err = p.signsAs(s.Source, "snap-revision"); err != nil {
			return nil, false, err
		}
	}
	pkg, err := p.tx.PackageByName(store.Snap, s.Info.Name)
	switch {
	case err == nil:
		return pkg, false, p.mayUpload(pkg, s.Source, s.Info.Provenance, me)
	case store.KindOf(err) != store.KindNotFound:
		return nil, false, err
	case delegated:
		return nil, false, store.NotFoundf("name-not-registered", "cannot push %s: nothing here is called %s whose declaration could delegate the provenance %s",
			s.Source, s.Info.Name, s.Info.Provenance).Try("add its snap-declaration with larder assertion add, or leave provenance out of snap.yaml")
	case !p.in.Register:
		return nil, false, store.NotFoundf("name-not-registered", "cannot push %s: nobody has registered the name %s", s.Source, s.Info.Name).
			Try("push it with --register")
	}
	pkg, err = p.c.register(p.tx, s.Info.Name, me)
	return pkg, true, err
}

// signsAs returns the account that this store signs as, for a file that came
// without an assertion of the missing type.
func (p *push) signsAs(source, missing string) (string, error) {
	me, err := p.c.authority.Own(p.tx)
	if store.KindOf(err) == store.KindNotFound {
		return "", store.Invalidf("missing-assertion",
			"cannot push %s: it comes without a %s assertion, and this store has no authority of its own to sign one", source, missing).
			Try("push the .assert file that snap download leaves beside it, or give the store its own root with larder init")
	}
	return me, err
}

// mayUpload refuses a bare file of a package that another authority declared,
// unless its provenance is one that this store's keys may sign, which signing
// finds out.
func (p *push) mayUpload(pkg *store.Package, source, provenance, me string) error {
	if provenanceOf(provenance) != globalUpload {
		return nil
	}
	ref, err := assertion.NewRef("snap-declaration", "16", pkg.ID)
	if err != nil {
		return err
	}
	declared, err := p.c.authority.Find(p.tx, ref, -1)
	if err != nil {
		return err
	}
	if by := declared.AuthorityID(); by != me {
		return store.Conflictf("foreign-package", "cannot push %s: the name %s was declared by %s, not by this store's own authority",
			source, pkg.Name, by).Try("push it with the .assert file that comes with it")
	}
	return nil
}

// revision enters the revision of a snap. Number 0 is the next, and signed
// here; bytes that have a revision already keep it.
func (p *push) revision(pkg *store.Package, s *IncomingSnap, digests blob.Digests, number int) (*store.Revision, bool, error) {
	had, err := p.tx.RevisionsOfBlob(digests.SHA3_384)
	if err != nil {
		return nil, false, err
	}
	for _, r := range had {
		if r.PackageID == pkg.ID && (number == 0 || r.Number == number) {
			return r, false, nil
		}
	}
	archs := s.Architectures
	if len(archs) == 0 {
		archs = s.Info.Architectures
	}
	row := rowOf(digests)
	rev := &store.Revision{
		PackageID: pkg.ID, Number: number, Status: store.StatusApproved, Version: s.Info.Version,
		CreatedAt: p.tx.Now(), CreatedBy: pkg.PublisherID,
		Blob: row.Digest, SHA256: row.SHA256, Size: row.Size,
		Platforms: platforms(archs), Provenance: provenanceOf(s.Info.Provenance),
		Manifest: s.Info.SnapYAML, Meta: metaOf(s.Info),
	}
	if _, err := p.tx.AddBlob(row); err != nil {
		return nil, false, err
	}
	if err := p.tx.InsertRevision(rev); err != nil {
		if store.CodeOf(err) == "revision-exists" {
			return nil, false, store.Conflictf("revision-conflict", "cannot push %s: %s has another revision %d already", s.Source, pkg.Name, number).
				Try("compare it with what larder package show " + pkg.Name + " says").Because(err)
		}
		return nil, false, err
	}
	if number == 0 {
		_, _, err := p.c.authority.SignSnapRevision(p.tx, authority.Upload{
			SnapID: pkg.ID, Revision: rev.Number, Blob: rev.Blob, Size: rev.Size,
			DeveloperID: pkg.PublisherID, Provenance: rev.Provenance,
		})
		if err != nil {
			return nil, false, err
		}
	}
	p.tx.Record(store.RevisionAdded, "package/"+pkg.ID, map[string]any{
		"name": pkg.Name, "revision": rev.Number, "version": rev.Version, "sha3-384": rev.Blob.Hex(), "size": rev.Size,
	})
	return rev, true, nil
}

// icon makes the newest revision's icon the package's.
func (p *push) icon(pkg *store.Package, pic icon, rev *store.Revision) error {
	newest, err := p.tx.Revisions(pkg.ID, 0, 1)
	if err != nil {
		return err
	}
	has := func(m store.Medium) bool { return m.Blob == pic.medium.Blob }
	if len(newest) == 0 || newest[0].Number != rev.Number || slices.ContainsFunc(pkg.Media, has) ||
		slices.Contains(pkg.Listing.Edited, store.MediumIcon) {
		return nil
	}
	if _, err := p.tx.AddBlob(rowOf(pic.digests)); err != nil {
		return err
	}
	others := slices.DeleteFunc(slices.Clone(pkg.Media), func(m store.Medium) bool { return m.Kind == "icon" })
	pkg.Media = append([]store.Medium{pic.medium}, others...)
	if err := p.tx.SetMedia(pkg.ID, pkg.Media); err != nil {
		return err
	}
	p.tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "icon": pic.medium.Blob.Hex()})
	return nil
}

// release applies one line of a channel map.
func (p *push) release(r IncomingRelease) error {
	pkg := p.names[r.Name]
	if pkg == nil {
		var err error
		if pkg, err = p.tx.PackageByName(store.Snap, r.Name); err != nil {
			return err
		}
		if err := p.touch(pkg); err != nil {
			return err
		}
	}
	if r.FirstOnly && !p.fresh[pkg.ID] {
		return nil
	}
	rev, err := p.tx.Revision(pkg.ID, r.Revision)
	if store.KindOf(err) == store.KindNotFound {
		// The channel map of an export may speak of revisions that were not exported.
		p.out.Skipped = append(p.out.Skipped, r)
		return nil
	}
	if err != nil {
		return err
	}
	return p.point(pkg, rev, r.Channel, r.Architecture)
}

func (p *push) point(pkg *store.Package, rev *store.Revision, ch store.Channel, arch string) error {
	made, _, err := p.c.point(p.tx, p.who, pkg, rev, Pointing{Channel: ch, Architecture: arch, AtOnce: true})
	p.out.Released = append(p.out.Released, made...)
	return err
}

// globalUpload is the provenance of what a snap does not say otherwise.
const globalUpload = "global-upload"

func provenanceOf(p string) string {
	if p == "" {
		return globalUpload
	}
	return p
}

func platforms(archs []string) []store.Platform {
	if len(archs) == 0 {
		archs = []string{store.AnyArchitecture}
	}
	out := make([]store.Platform, len(archs))
	for i, a := range archs {
		out[i].Architecture = a
	}
	return out
}

func architectures(ps []store.Platform) []string {
	out := make([]string, len(ps))
	for i, p := range ps {
		out[i] = p.Architecture
	}
	return out
}
