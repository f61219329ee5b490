package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/internal/store"
)

// storedLib is a library in the store, with the keys of charmcraft.
type storedLib struct {
	Charm   string `json:"charm_name"`
	Library string `json:"library_name"`
	ID      string `json:"library_id"`
	API     int    `json:"api"`
	Patch   int    `json:"patch"`
	Hash    string `json:"content_hash"`
}

func (o *options) printLibraryList(found []charmhub.Library) error {
	list := []storedLib{}
	for _, l := range found {
		list = append(list, storedLib{l.CharmName, l.LibraryName, l.LibraryID, l.API, l.Patch, l.Hash})
	}
	slices.SortFunc(list, func(a, b storedLib) int { return cmp.Or(cmp.Compare(a.Library, b.Library), a.API-b.API) })
	return o.t.print(list, func(w io.Writer) {
		table(w, "Library name\tAPI\tPatch", func(row func(string, ...any)) {
			for _, l := range list {
				row("%s\t%d\t%d", l.Library, l.API, l.Patch)
			}
		})
	})
}

func charmFetchLibCommand(o *options) *cobra.Command {
	return o.atCharms(&cobra.Command{
		Use:   "fetch-lib [LIBRARY]",
		Short: "Fetch a library, or the newest of those that are here",
		Long: `Fetches one library, charms.CHARM.vAPI.LIBRARY, or for every library in lib/charms the newest
of its API. One that was changed here is left alone, with exit code 4.`,
		Example: fmt.Sprintf("  %[1]s charm fetch-lib\n  %[1]s charm fetch-lib charms.pantry.v0.cooking", o.t.program),
		Args:    atMost(1, "at most one LIBRARY"),
	}, func(ctx context.Context, r *remote, args []string) error {
		if len(args) == 1 {
			charm, library, api, err := parseModule(args[0])
			if err != nil {
				return err
			}
			var files charmhub.LibraryFiles
			f, err := files.Read(charm, library, api)
			if errors.Is(err, fs.ErrNotExist) {
				return fetchNew(ctx, r, charm, library, api)
			}
			if err != nil {
				return err
			}
			return fetchNewer(ctx, r, []charmhub.LibraryFile{f})
		}
		here, err := allLibraries()
		if err != nil {
			return err
		}
		return fetchNewer(ctx, r, here)
	})
}

func allLibraries() (all []charmhub.LibraryFile, err error) {
	var files charmhub.LibraryFiles
	names, err := files.Charms()
	if err != nil {
		return nil, err
	}
	for _, charm := range names {
		found, err := files.List(charm)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func fetchNew(ctx context.Context, r *remote, charm, library string, api int) error {
	tips, err := r.charms.ListLibraries(ctx, charmhub.LibraryRequest{CharmName: charm, LibraryName: library, API: &api})
	if err == nil && len(tips) == 0 {
		err = store.NotFoundf("library-not-found", "the store has no library %s of %s with API %d", library, charm, api).
			Try(r.step("PUBLISH list-lib " + charm + " shows what it has"))
	}
	if err != nil {
		return err
	}
	l := charmLib{Charm: charm, Library: library, ID: tips[0].LibraryID, API: api}
	if l.Fetched, err = fetchLibrary(ctx, r, tips[0]); err != nil {
		return err
	}
	return r.o.printLibraries([]charmLib{l}, "downloaded")
}

// fetchLibrary puts a library of the store in its place.
func fetchLibrary(ctx context.Context, r *remote, tip charmhub.Library) (*charmLibDone, error) {
	l, err := r.charms.Library(ctx, tip.CharmName, tip.LibraryID, &tip.API, &tip.Patch)
	if err != nil {
		return nil, err
	}
	if _, err := (charmhub.LibraryFiles{}).Write(l); err != nil {
		return nil, err
	}
	return &charmLibDone{l.Patch, l.Hash}, nil
}

func fetchNewer(ctx context.Context, r *remote, here []charmhub.LibraryFile) error {
	results := []charmLib{}
	if len(here) == 0 {
		return r.o.printLibraries(results, "downloaded")
	}
	tips, err := r.charms.TipsOf(ctx, here...)
	if err != nil {
		return err
	}
	for _, f := range here {
		l := libraryOf(f)
		tip, known := tips[charmhub.LibraryKey{LibraryID: f.ID, API: f.API}]
		switch {
		case !known:
			l.Message, l.failed = "the store does not have it", true
		case f.Patch == tip.Patch && f.Hash == tip.Hash:
			l.Message = "it is up to date in version " + f.LibraryVersion.String()
		case f.Patch >= tip.Patch:
			l.Message, l.failed = "it was changed here and is left alone", true
		default:
			if l.Fetched, err = fetchLibrary(ctx, r, tip); err != nil {
				return err
			}
		}
		results = append(results, l)
	}
	return r.o.printLibraries(results, "downloaded")
}

func charmFetchLibsCommand(o *options) *cobra.Command {
	return o.atCharms(&cobra.Command{
		Use:   "fetch-libs",
		Short: "Fetch the libraries that charmcraft.yaml asks for",
		Long: `Fetches what charmcraft.yaml in the current directory lists as charm-libs: each lib,
CHARM.LIBRARY, in its version, API or API.PATCH. What is here already is not fetched again.`,
		Example: fmt.Sprintf("  %[1]s charm fetch-libs", o.t.program),
		Args:    none(),
	}, func(ctx context.Context, r *remote, _ []string) error {
		project, err := readProject("charmcraft.yaml")
		if errors.Is(err, fs.ErrNotExist) {
			return store.NotFoundf("no-project", "there is no charmcraft.yaml here").Try("run it in the charm's directory")
		}
		if err != nil {
			return err
		}
		requests, err := project.libraries()
		if err != nil {
			return err
		}
		fetched := []charmhub.Library{}
		if len(requests) > 0 {
			if fetched, err = fetchWanted(ctx, r, requests); err != nil {
				return err
			}
		}
		if o.t.json {
			return o.printLibraryList(fetched)
		}
		return o.t.print(nil, func(w io.Writer) { fmt.Fprintf(w, "Downloaded %d charm libraries\n", len(fetched)) })
	})
}

// libraries are the requests for what charmcraft.yaml lists.
func (p *charmProject) libraries() (requests []charmhub.LibraryRequest, err error) {
	for _, l := range p.Libs {
		charm, library, ok := strings.Cut(l.Lib, ".")
		version, patch, exact := strings.Cut(l.Version, ".")
		api, known := parseNumber(version)
		r := charmhub.LibraryRequest{CharmName: strings.ReplaceAll(charm, "_", "-"), LibraryName: library, API: &api}
		if exact {
			n, isNumber := parseNumber(patch)
			r.Patch, known = &n, known && isNumber
		}
		if !ok || charm == "" || library == "" || !known {
			return nil, store.Invalidf("bad-project", "charm-libs in charmcraft.yaml has %q with version %q", l.Lib, l.Version).
				Try(`write lib: CHARM.LIBRARY and version: "API" or "API.PATCH"`)
		}
		requests = append(requests, r)
	}
	return requests, nil
}

// fetchWanted returns those that were not here.
func fetchWanted(ctx context.Context, r *remote, requests []charmhub.LibraryRequest) ([]charmhub.Library, error) {
	tips, err := r.charms.ListLibraries(ctx, requests...)
	if err != nil {
		return nil, err
	}
	fetched := []charmhub.Library{}
	for _, wanted := range requests {
		at := slices.IndexFunc(tips, func(l charmhub.Library) bool {
			return l.CharmName == wanted.CharmName && l.LibraryName == wanted.LibraryName && l.API == *wanted.API &&
				(wanted.Patch == nil || l.Patch == *wanted.Patch)
		})
		if at < 0 {
			version := strconv.Itoa(*wanted.API)
			if wanted.Patch != nil {
				version += "." + strconv.Itoa(*wanted.Patch)
			}
			return fetched, store.NotFoundf("library-not-found", "the store has no %s.%s in version %s", wanted.CharmName, wanted.LibraryName, version).
				Try(r.step("PUBLISH list-lib " + wanted.CharmName + " shows what it has"))
		}
		tip := tips[at]
		f, err := charmhub.LibraryFiles{}.Read(tip.CharmName, tip.LibraryName, tip.API)
		if err == nil && f.Hash == tip.Hash && f.Patch == tip.Patch {
			continue
		}
		if _, err := fetchLibrary(ctx, r, tip); err != nil {
			return fetched, err
		}
		fetched = append(fetched, tip)
	}
	return fetched, nil
}
