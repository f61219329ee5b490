package catalog

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// LibraryWish asks for versions of libraries.
type LibraryWish struct {
	ID    string // of a library, or
	Charm string // a charm's name, and
	Name  string // that of one of its libraries; "" is each of them
	// API is the only one wanted, and Patch the version in it; nil is each api, and
	// its newest version. A patch needs an api, and one library.
	API, Patch *int
}

// Bounds of one question for libraries.
const (
	maxLibraryWishes = 200
	maxLibrariesSeen = 10_000
)

// errNoLibrary is in the same words whether what was asked for does not exist or
// may not be seen.
var errNoLibrary = store.NotFoundf(CodeNoLibrary, "there is no such library or charm").
	Try("check the names; charmcraft list-lib lists the libraries of a charm")

// errLonePatch refuses a patch of anything but one api of one library.
var errLonePatch = store.Invalidf(codeInvalidField, "a patch says nothing without a library and its api").With("name", "patch")

// Libraries lists what versions there are of libraries, without their contents, in
// the order of the wishes and each once. A wish for a library or charm that does
// not exist, or may not be seen, fails all with CodeNoLibrary; a version that does
// not exist is left out. Whom it needs is store.SeesLibraries.
func (c *Catalog) Libraries(ctx context.Context, who store.Principal, wishes []LibraryWish) ([]LibraryVersion, error) {
	if len(wishes) > maxLibraryWishes {
		return nil, store.TooLargef("too-many-libraries", "cannot list more than %d libraries at once", maxLibraryWishes)
	}
	for _, w := range wishes {
		if w.Patch != nil && (w.API == nil || w.ID == "" && w.Name == "") {
			return nil, errLonePatch
		}
	}
	view, err := c.View(ctx, store.GlobalStore)
	if err != nil {
		return nil, err
	}
	var list []LibraryVersion
	err = c.db.View(ctx, func(tx *db.Tx) error {
		index, err := readLibraries(tx, view, who, wishes)
		if err != nil {
			return err
		}
		list, err = index.answers(tx, wishes)
		return err
	})
	return list, err
}

// Library returns one version of a library with its content: without a patch the
// newest of its api, and without an api of all. Whom it needs is
// store.SeesLibraries.
func (c *Catalog) Library(ctx context.Context, who store.Principal, charm, id string, api, patch *int) (LibraryVersion, error) {
	var v LibraryVersion
	if patch != nil && api == nil {
		return v, errLonePatch
	}
	view, err := c.View(ctx, store.GlobalStore)
	if err != nil {
		return v, err
	}
	err = c.db.View(ctx, func(tx *db.Tx) error {
		index, err := readLibraries(tx, view, who, []LibraryWish{{ID: id}})
		if err != nil {
			return err
		}
		library, known := index.byID[id]
		if !known || index.charmOf[library.PackageID] != charm {
			return errNoLibrary
		}
		v.Charm, v.Library = charm, library
		switch {
		case patch != nil:
			v.LibraryRevision, err = tx.LibraryRevision(id, *api, *patch)
		case api != nil && *api < 0:
			err = noVersion(library, charm, api, patch)
		case api != nil:
			v.LibraryRevision, err = tx.LibraryTip(id, *api)
		default:
			v.LibraryRevision, err = tx.LibraryTip(id, -1)
		}
		if store.CodeOf(err) == codeNoVersion {
			err = noVersion(library, charm, api, patch)
		}
		return err
	})
	return v, err
}

// codeNoVersion is the code of a library that has not the version asked for.
const codeNoVersion = "library-version-not-found"

func noVersion(library store.Library, charm string, api, patch *int) error {
	version := "published"
	if api != nil {
		version = strconv.Itoa(*api)
	}
	if patch != nil {
		version += "." + strconv.Itoa(*patch)
	}
	return store.NotFoundf(codeNoVersion, "the library %s of %s has no version %s", library.Name, charm, version).
		Try("charmcraft list-lib lists the newest of each api")
}

// libraryIndex is the libraries that some wishes are about, as far as they may be
// seen.
type libraryIndex struct {
	charmOf map[string]string // the charm's name by its id
	byID    map[string]store.Library
	// byCharm has every library of the charms that were named, by their names, and
	// each such charm, also one without libraries.
	byCharm map[string][]store.Library
}

func readLibraries(tx *db.Tx, view store.View, who store.Principal, wishes []LibraryWish) (*libraryIndex, error) {
	var ids, charms, packages []string
	for _, w := range wishes {
		if w.ID != "" {
			ids = append(ids, w.ID)
		} else {
			charms = append(charms, w.Charm)
		}
	}
	libraries, err := tx.LibrariesByID(distinct(ids))
	if err != nil {
		return nil, err
	}
	for _, l := range libraries {
		packages = append(packages, l.PackageID)
	}
	found, err := tx.SomePackages(store.Charm, distinct(packages), distinct(charms))
	if err != nil {
		return nil, err
	}
	x := &libraryIndex{charmOf: make(map[string]string), byID: make(map[string]store.Library), byCharm: make(map[string][]store.Library)}
	var named []string
	for _, p := range found {
		seen, err := seesLibraries(tx, view, who, p)
		if err != nil {
			return nil, err
		}
		if !seen {
			continue
		}
		x.charmOf[p.ID] = p.Name
		if slices.Contains(charms, p.Name) {
			x.byCharm[p.Name] = nil
			named = append(named, p.ID)
		}
	}
	of, err := tx.LibrariesOf(named)
	if err != nil {
		return nil, err
	}
	for _, l := range of {
		charm := x.charmOf[l.PackageID]
		x.byCharm[charm] = append(x.byCharm[charm], l)
		x.byID[l.ID] = l
	}
	for _, l := range libraries {
		if _, seen := x.charmOf[l.PackageID]; seen {
			x.byID[l.ID] = l
		}
	}
	return x, nil
}

// seesLibraries is store.SeesLibraries for a package without its collaborators,
// who are read where they decide.
func seesLibraries(tx *db.Tx, view store.View, who store.Principal, p store.Package) (bool, error) {
	if store.SeesLibraries(view, p, who) {
		return true, nil
	}
	if who.Account == "" {
		return false, nil
	}
	whole, err := tx.Package(p.ID)
	if err != nil {
		return false, err
	}
	return store.SeesLibraries(view, *whole, who), nil
}

// distinct is each of a list once.
func distinct(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

// find lists the libraries that a wish is about.
func (x *libraryIndex) find(w LibraryWish) ([]store.Library, error) {
	if w.ID != "" {
		l, known := x.byID[w.ID]
		if !known {
			return nil, errNoLibrary
		}
		return []store.Library{l}, nil
	}
	all, known := x.byCharm[w.Charm]
	if !known {
		return nil, errNoLibrary
	}
	if w.Name == "" {
		return all, nil
	}
	at := slices.IndexFunc(all, func(l store.Library) bool { return l.Name == w.Name })
	if at < 0 {
		return nil, errNoLibrary
	}
	return all[at : at+1], nil
}

// tips are the newest versions of all that is in the index, by library.
func (x *libraryIndex) tips(tx *db.Tx) (map[string][]store.LibraryRevision, error) {
	tips, err := tx.LibraryTips(slices.Sorted(maps.Keys(x.byID)), maxLibrariesSeen+1)
	if err != nil {
		return nil, err
	}
	if len(tips) > maxLibrariesSeen {
		return nil, store.TooLargef("too-many-libraries", "cannot list more than %d versions at once", maxLibrariesSeen).
			Try("ask for fewer libraries")
	}
	byLibrary := make(map[string][]store.LibraryRevision)
	for _, r := range tips {
		byLibrary[r.LibraryID] = append(byLibrary[r.LibraryID], r)
	}
	return byLibrary, nil
}

// answers are the versions that are wished for.
func (x *libraryIndex) answers(tx *db.Tx, wishes []LibraryWish) ([]LibraryVersion, error) {
	tips, err := x.tips(tx)
	if err != nil {
		return nil, err
	}
	type version struct {
		id         string
		api, patch int
	}
	list, seen := []LibraryVersion{}, make(map[version]bool)
	for _, w := range wishes {
		found, err := x.find(w)
		if err != nil {
			return nil, err
		}
		for _, l := range found {
			versions, err := w.versions(tx, l, tips[l.ID])
			if err != nil {
				return nil, err
			}
			for _, r := range versions {
				if v := (version{l.ID, r.API, r.Patch}); !seen[v] {
					seen[v] = true
					list = append(list, LibraryVersion{x.charmOf[l.PackageID], l, r})
				}
			}
		}
	}
	return list, nil
}

// versions are those of one library that are wished for.
func (w LibraryWish) versions(tx *db.Tx, l store.Library, tips []store.LibraryRevision) ([]store.LibraryRevision, error) {
	if w.API == nil {
		return tips, nil
	}
	if w.Patch == nil {
		at := slices.IndexFunc(tips, func(r store.LibraryRevision) bool { return r.API == *w.API })
		if at < 0 {
			return nil, nil
		}
		return tips[at : at+1], nil
	}
	r, err := tx.LibraryVersion(l.ID, *w.API, *w.Patch)
	if store.KindOf(err) == store.KindNotFound {
		return nil, nil
	}
	return []store.LibraryRevision{r}, err
}
