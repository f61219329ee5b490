package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/internal/store"
)

// charmLib is what publish-lib and fetch-lib did with a library, with the keys of
// charmcraft.
type charmLib struct {
	Charm     string        `json:"charm_name"`
	Library   string        `json:"library_name"`
	ID        string        `json:"library_id"`
	API       int           `json:"api"`
	Published *charmLibDone `json:"published,omitempty"`
	Fetched   *charmLibDone `json:"fetched,omitempty"`
	Message   string        `json:"error_message,omitempty"` // why nothing was done

	failed bool
}

type charmLibDone struct {
	Patch int    `json:"patch"`
	Hash  string `json:"content_hash"`
}

// fullName is the module as Python imports it.
func (l *charmLib) fullName() string {
	return fmt.Sprintf("charms.%s.v%d.%s", charmDirectoryName(l.Charm), l.API, l.Library)
}

var libraryModule = regexp.MustCompile(`^charms\.([a-z][a-z0-9_]*)\.v([0-9]{1,9})\.([a-z][a-z0-9_]*)$`)

// parseModule reads charms.CHARM.vAPI.LIBRARY. The charm's name has - for _.
func parseModule(text string) (charm, library string, api int, err error) {
	m := libraryModule.FindStringSubmatch(text)
	if m == nil {
		return "", "", 0, usagef("%q is no library: name it as charms.CHARM.vAPI.LIBRARY", text)
	}
	api, err = strconv.Atoi(m[2])
	return strings.ReplaceAll(m[1], "_", "-"), m[3], api, err
}

func charmCreateLibCommand(o *options) *cobra.Command {
	return o.atCharms(&cobra.Command{
		Use:   "create-lib NAME",
		Short: "Begin a library of the charm in this directory",
		Long: `Registers a library of the charm in the current directory, and writes a file to begin
with, as lib/charms/CHARM/v0/NAME.py. publish-lib publishes it.`,
		Example: fmt.Sprintf("  %[1]s charm create-lib cooking", o.t.program),
		Args:    exactly(1, "the NAME of the library"),
	}, func(ctx context.Context, r *remote, args []string) error {
		charm, err := projectName()
		if err != nil {
			return err
		}
		if _, err := charmhub.NewLibrary(charm, args[0], "id"); err != nil { // before a name is taken that cannot be written
			return err
		}
		path := charmhub.LibraryPath(charm, args[0], 0)
		var files charmhub.LibraryFiles
		if _, err := files.Read(charm, args[0], 0); !errors.Is(err, fs.ErrNotExist) {
			return store.Conflictf("library-exists", "%s is there already", path).Try("choose another name, or publish it")
		}
		id, err := r.charms.CreateLibraryID(ctx, charm, args[0])
		if err != nil {
			return err
		}
		lib, err := charmhub.NewLibrary(charm, args[0], id)
		if err != nil {
			return err
		}
		if _, err := files.Write(lib); err != nil {
			return err
		}
		return o.t.print(map[string]string{"library_id": id}, func(w io.Writer) {
			made := charmLib{Charm: charm, Library: args[0]}
			fmt.Fprintf(w, "Library %s created with id %s\nAdd it to the project: %s\n", made.fullName(), id, path)
		})
	})
}

func charmPublishLibCommand(o *options) *cobra.Command {
	return o.atCharms(&cobra.Command{
		Use:   "publish-lib [LIBRARY]",
		Short: "Publish the libraries of the charm in this directory",
		Long: `Publishes one library of the charm in the current directory, charms.CHARM.vAPI.LIBRARY, or
all of them. Raise LIBPATCH before each publication. What the store has already is not
published again; what cannot be published for its number is told, with exit code 4.`,
		Example: fmt.Sprintf("  %[1]s charm publish-lib\n  %[1]s charm publish-lib charms.pantry.v0.cooking", o.t.program),
		Args:    atMost(1, "at most one LIBRARY"),
	}, func(ctx context.Context, r *remote, args []string) error {
		charm, err := projectName()
		if err != nil {
			return err
		}
		files, err := librariesHere(charm, args)
		if err != nil {
			return err
		}
		tips, err := r.charms.TipsOf(ctx, files...)
		if err != nil {
			return err
		}
		results := []charmLib{}
		for _, f := range files {
			l := libraryOf(f)
			if tip, known := tips[charmhub.LibraryKey{LibraryID: f.ID, API: f.API}]; known {
				l.Message, l.failed = unpublishable(f, tip)
			}
			if l.Message == "" {
				done, err := r.charms.CreateLibraryRevision(ctx, f.Library())
				if err != nil {
					return err
				}
				l.Published = &charmLibDone{done.Patch, done.Hash}
			}
			results = append(results, l)
		}
		return o.printLibraries(results, "published")
	})
}

// librariesHere are the libraries of a charm that are here, or the one of them
// that is named.
func librariesHere(charm string, args []string) ([]charmhub.LibraryFile, error) {
	var files charmhub.LibraryFiles
	if len(args) == 0 {
		found, err := files.List(charm)
		if err == nil && len(found) == 0 {
			err = store.NotFoundf("no-libraries", "there are no libraries of %s here", charm).
				Try("run it in the charm's directory, or begin one with create-lib")
		}
		return found, err
	}
	of, library, api, err := parseModule(args[0])
	if err != nil {
		return nil, err
	}
	if charmDirectoryName(of) != charmDirectoryName(charm) {
		return nil, usagef("%s is no library of %s, the charm in this directory", args[0], charm)
	}
	f, err := files.Read(charm, library, api)
	return []charmhub.LibraryFile{f}, err
}

func libraryOf(f charmhub.LibraryFile) charmLib {
	return charmLib{Charm: f.CharmName, Library: f.LibraryName, ID: f.ID, API: f.API}
}

// unpublishable says why a library is not published, and whether that is a
// mistake.
func unpublishable(f charmhub.LibraryFile, tip charmhub.Library) (why string, failed bool) {
	switch {
	case f.Patch == tip.Patch && f.Hash == tip.Hash:
		return fmt.Sprintf("the store has %s already", tip.Version()), false
	case f.Patch < tip.Patch:
		return fmt.Sprintf("the store has the newer %s: fetch it before you publish", tip.Version()), true
	case f.Patch == tip.Patch:
		return fmt.Sprintf("the store's %s differs: raise LIBPATCH", tip.Version()), true
	case f.Patch > tip.Patch+1:
		return fmt.Sprintf("LIBPATCH is too high: the store has %s, so the next is %d", tip.Version(), tip.Patch+1), true
	case f.Hash == tip.Hash:
		return fmt.Sprintf("nothing but LIBPATCH differs from the store's %s", tip.Version()), true
	}
	return "", false
}

// printLibraries ends with a conflict if something that should be done was not.
func (o *options) printLibraries(results []charmLib, done string) error {
	err := o.t.print(results, func(w io.Writer) {
		for _, l := range results {
			at := l.Published
			if at == nil {
				at = l.Fetched
			}
			if at == nil {
				fmt.Fprintf(w, "Library %s: %s\n", l.fullName(), l.Message)
				continue
			}
			fmt.Fprintf(w, "Library %s %s with version %d.%d\n", l.fullName(), done, l.API, at.Patch)
		}
	})
	if err != nil {
		return err
	}
	failed := 0
	for _, l := range results {
		if l.failed {
			failed++
		}
	}
	if failed > 0 {
		return store.Conflictf("libraries-left", "%d of %d libraries were not %s", failed, len(results), done).Try("see above why")
	}
	return nil
}

func charmListLibCommand(o *options) *cobra.Command {
	return o.atCharms(&cobra.Command{
		Use:     "list-lib [NAME]",
		Short:   "List the libraries of a charm in the store",
		Long:    "Lists the libraries of a charm in the store: of the one in the current directory, if\nnone is named.",
		Example: fmt.Sprintf("  %[1]s charm list-lib pantry", o.t.program),
		Args:    atMost(1, "at most one NAME of a charm"),
	}, func(ctx context.Context, r *remote, args []string) (err error) {
		if len(args) == 0 {
			name, err := projectName()
			if err != nil {
				return err
			}
			args = []string{name}
		}
		found, err := r.charms.ListLibraries(ctx, charmhub.LibraryRequest{CharmName: args[0]})
		if err != nil {
			return err
		}
		return o.printLibraryList(found)
	})
}
