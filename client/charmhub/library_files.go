package charmhub

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// LibraryFiles are the libraries in the directory of a charm, one file each:
// lib/charms/CHARM/vAPI/LIBRARY.py, with _ for - in the charm's name (charmcraft:
// CharmLibsService). Symbolic links that lead out of the directory are not
// followed. The zero value is the current directory.
type LibraryFiles struct {
	// Dir is the charm's directory; empty is the current one.
	Dir string
}

// A LibraryFile is a library in a charm's directory.
type LibraryFile struct {
	LibrarySource
	// CharmName has - where the directory has _, as names in the store do.
	CharmName   string
	LibraryName string
	// Path is below Dir, with slashes.
	Path string
	// Content is the file.
	Content []byte
}

// Library is the file as CreateLibraryRevision takes it.
func (f LibraryFile) Library() Library {
	return Library{
		API: f.API, Patch: f.Patch, LibraryID: f.ID, LibraryName: f.LibraryName, CharmName: f.CharmName,
		Hash: f.Hash, Content: string(f.Content),
	}
}

var charmName = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

func checkLibraryPlace(charm, library string) error {
	if len(charm) > 128 || !charmName.MatchString(charm) {
		return invalidf("the charm name %.60q is not lower case letters, digits and -, with a letter first", charm)
	}
	return checkLibraryName(library)
}

// LibraryPath is where a library's file is below the charm's directory, with
// slashes.
func LibraryPath(charm, library string, api int) string {
	return path.Join(charmDirectory(charm), "v"+strconv.Itoa(api), library+".py")
}

func charmDirectory(charm string) string {
	return path.Join("lib/charms", strings.ReplaceAll(charm, "-", "_"))
}

func (f LibraryFiles) root() (*os.Root, error) {
	dir := f.Dir
	if dir == "" {
		dir = "."
	}
	return os.OpenRoot(dir)
}

// IsDownloaded reports whether a library is there, in this API and, unless patch
// is nil, with this patch. What cannot be read as a library is an error.
func (f LibraryFiles) IsDownloaded(charm, library string, api int, patch *int) (bool, error) {
	file, err := f.Read(charm, library, api)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && (patch == nil || file.Patch == *patch), err
}

// LocalVersion returns the newest version of a library that is there, and whether
// there is one.
func (f LibraryFiles) LocalVersion(charm, library string) (LibraryVersion, bool, error) {
	if err := checkLibraryPlace(charm, library); err != nil {
		return LibraryVersion{}, false, err
	}
	files, err := f.List(charm)
	var newest LibraryVersion
	found := false
	for _, file := range files {
		if file.LibraryName == library && (!found || newest.Before(file.LibraryVersion)) {
			newest, found = file.LibraryVersion, true
		}
	}
	return newest, found, err
}

// Read reads one library. fs.ErrNotExist if it is not there.
func (f LibraryFiles) Read(charm, library string, api int) (LibraryFile, error) {
	if err := checkLibraryPlace(charm, library); err != nil {
		return LibraryFile{}, err
	}
	root, err := f.root()
	if err != nil {
		return LibraryFile{}, fmt.Errorf("cannot read a library: %w", err)
	}
	defer root.Close()
	return read(root, charm, library, api)
}

func read(root *os.Root, charm, library string, api int) (LibraryFile, error) {
	name := LibraryPath(charm, library, api)
	file, err := root.Open(name)
	if err != nil {
		return LibraryFile{}, fmt.Errorf("cannot read library %s.%s: %w", charm, library, err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, MaxLibrary+1))
	if err != nil {
		return LibraryFile{}, fmt.Errorf("cannot read library %s.%s: %w", charm, library, err)
	}
	source, err := ParseLibrary(content)
	if err == nil && source.API != api {
		err = invalidf("LIBAPI is %d in the directory of v%d", source.API, api)
	}
	if err != nil {
		return LibraryFile{}, fmt.Errorf("cannot read %s: %w", name, err)
	}
	return LibraryFile{
		LibrarySource: source, CharmName: strings.ReplaceAll(charm, "_", "-"), LibraryName: library, Path: name, Content: content,
	}, nil
}

// Charms returns the names of the charms that have libraries here, sorted.
func (f LibraryFiles) Charms() ([]string, error) {
	root, err := f.root()
	if err != nil {
		return nil, fmt.Errorf("cannot list libraries: %w", err)
	}
	defer root.Close()
	entries, err := list(root, "lib/charms")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && charmName.MatchString(e.Name()) {
			names = append(names, strings.ReplaceAll(e.Name(), "_", "-"))
		}
	}
	slices.Sort(names)
	return names, nil
}

var apiDirectory = regexp.MustCompile(`^v(0|[1-9][0-9]{0,8})$`)

// List reads the libraries of a charm, ordered by API and name; none if it has no
// directory. Directories and files of other names are passed over.
func (f LibraryFiles) List(charm string) ([]LibraryFile, error) {
	if err := checkLibraryPlace(charm, "x"); err != nil {
		return nil, err
	}
	root, err := f.root()
	if err != nil {
		return nil, fmt.Errorf("cannot list libraries: %w", err)
	}
	defer root.Close()
	directories, err := list(root, charmDirectory(charm))
	if err != nil {
		return nil, err
	}
	var apis []int
	for _, d := range directories {
		if match := apiDirectory.FindStringSubmatch(d.Name()); match != nil && d.IsDir() {
			api, _ := strconv.Atoi(match[1]) // nine digits at most
			apis = append(apis, api)
		}
	}
	slices.Sort(apis)
	var files []LibraryFile
	for _, api := range apis {
		entries, err := list(root, path.Join(charmDirectory(charm), "v"+strconv.Itoa(api)))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			library, ok := strings.CutSuffix(e.Name(), ".py")
			if !ok || e.IsDir() || checkLibraryName(library) != nil {
				continue
			}
			file, err := read(root, charm, library, api)
			if err != nil {
				return nil, err
			}
			files = append(files, file)
		}
	}
	return files, nil
}

// list is sorted by name; what is not there is empty.
func list(root *os.Root, name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(root.FS(), name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list libraries: %w", err)
	}
	return entries, nil
}
