package catalog

import (
	"encoding/hex"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func digestsOf(media []store.Medium) []string {
	list := make([]string, len(media))
	for i, m := range media {
		list[i] = m.Kind + " " + m.Blob.Hex()
	}
	return list
}

// media are the pictures that the order asks for, and which of them are new.
func (o *MediaOrder) media(had []Picture, files newMedia) (media, fresh []store.Medium, err error) {
	for i, e := range o.Entries {
		at := slices.IndexFunc(had, func(p Picture) bool { return p.Kind == e.Kind && p.SHA256 == e.Hash })
		f := files[e.File]
		switch {
		case e.File == "" && at < 0:
			return nil, nil, store.Conflictf("media-modified", "the package has no %.40s with the hash %.64q any more", e.Kind, e.Hash).
				With("name", e.Kind).With("value", e.Hash).Try("read the list of pictures anew")
		case e.File == "":
			media = append(media, had[at].Medium)
		case f == nil:
			return nil, nil, store.Invalidf("invalid-request", "entry %d names the file %.100q, which the request does not have", i, e.File).
				With("name", "info")
		case e.Hash != "" && e.Hash != hex.EncodeToString(f.digests.SHA256[:]):
			return nil, nil, store.Invalidf("invalid-request", "the file %.100q does not have the hash that entry %d says", e.File, i).
				With("name", "info")
		default:
			m := f.medium
			m.Kind = e.Kind
			media, fresh = append(media, m), append(fresh, m)
		}
	}
	return media, fresh, nil
}

// checkMedia holds pictures to the store's rules. Those that the package has had,
// such as a snap's own icon, need not obey them.
func checkMedia(media, fresh []store.Medium) error {
	err := store.CheckMedia(media)
	if err == nil {
		return nil
	}
	kept := slices.DeleteFunc(slices.Clone(media), func(m store.Medium) bool { return slices.Contains(fresh, m) })
	if store.CheckMedia(kept) == nil {
		return err
	}
	return store.CheckMedia(fresh)
}

// changedKinds are the kinds of which there are other pictures than before, or in
// another order.
func changedKinds(before, after []store.Medium) []string {
	var kinds []string
	for _, kind := range []string{store.MediumIcon, store.MediumScreenshot, store.MediumBanner} {
		if !slices.Equal(ofKind(before, kind), ofKind(after, kind)) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

func ofKind(media []store.Medium, kind string) []store.Digest {
	var list []store.Digest
	for _, m := range media {
		if m.Kind == kind {
			list = append(list, m.Blob)
		}
	}
	return list
}

// conflicts fails when the order would overwrite what somebody has chosen in the
// store.
func (o *MediaOrder) conflicts(pkg *store.Package, changed []string, media []store.Medium) error {
	var conflicts []*store.Error
	for _, kind := range changed {
		current := ofKind(pkg.Media, kind)
		if o.KeepEdits && len(current) > 0 && slices.Contains(pkg.Listing.Edited, kind) {
			conflicts = append(conflicts, store.Conflictf("conflict", "cannot change the %s of %s: somebody has chosen it in the store", kind, pkg.Name).
				With("name", kind).With("current", hexes(current)).With("value", hexes(ofKind(media, kind))))
		}
	}
	return store.Together(conflicts)
}

func hexes(digests []store.Digest) []string {
	list := make([]string, len(digests))
	for i, d := range digests {
		list[i] = d.Hex()
	}
	return list
}

// mark remembers which kinds somebody has chosen in the store.
func (o *MediaOrder) mark(tx *db.Tx, pkg *store.Package, changed []string) error {
	edited := slices.DeleteFunc(slices.Clone(pkg.Listing.Edited), func(name string) bool { return slices.Contains(changed, name) })
	if !o.Uploaded {
		edited = append(edited, changed...)
	}
	slices.Sort(edited)
	if slices.Equal(edited, pkg.Listing.Edited) {
		return nil
	}
	pkg.Listing.Edited = edited
	return tx.UpdatePackage(pkg)
}
