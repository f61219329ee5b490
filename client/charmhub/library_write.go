package charmhub

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// Write puts a library in its place, whole or not at all, and returns its path
// below Dir. The content must be that of the library: its own LIBAPI, LIBPATCH
// and LIBID, and ErrWrongDigest if it does not hash to Hash.
func (f LibraryFiles) Write(l Library) (string, error) {
	if err := checkLibraryPlace(l.CharmName, l.LibraryName); err != nil {
		return "", err
	}
	source, err := ParseLibrary([]byte(l.Content))
	if err != nil {
		return "", fmt.Errorf("cannot write library %s: %w", l.Name(), err)
	}
	if source.LibraryVersion != l.Version() || l.LibraryID != "" && source.ID != l.LibraryID {
		return "", invalidf("library %s %s says of itself that it is %s with the id %s", l.Name(), l.Version(), source.LibraryVersion, source.ID)
	}
	if l.Hash != "" && source.Hash != l.Hash {
		return "", fmt.Errorf("cannot write library %s %s: %w", l.Name(), l.Version(), ErrWrongDigest)
	}
	root, err := f.root()
	if err != nil {
		return "", fmt.Errorf("cannot write a library: %w", err)
	}
	defer root.Close()
	name := LibraryPath(l.CharmName, l.LibraryName, l.API)
	if err := writeWhole(root, name, l.Content); err != nil {
		return "", fmt.Errorf("cannot write library %s: %w", l.Name(), err)
	}
	return name, nil
}

// writeWhole writes beside the place, syncs and renames.
func writeWhole(root *os.Root, name, content string) (err error) {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	partial := name + "." + rand.Text() + ".partial"
	file, err := root.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = root.Remove(partial)
		}
	}()
	_, err = io.WriteString(file, content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err = root.Rename(partial, name); err != nil {
		return err
	}
	if directory, openErr := root.Open(path.Dir(name)); openErr == nil {
		_ = directory.Sync() // not every file system can
		_ = directory.Close()
	}
	return nil
}

// NewLibrary is the content of a new library of a charm: version 0.1, to be
// filled in. Create its id with CreateLibraryID, and put it in place with Write.
func NewLibrary(charm, library, libraryID string) (Library, error) {
	if err := checkLibraryPlace(charm, library); err != nil {
		return Library{}, err
	}
	module := "charms." + strings.ReplaceAll(charm, "-", "_") + ".v0." + library
	content := fmt.Sprintf(libraryTemplate, library, charm, module, libraryID)
	if _, err := ParseLibrary([]byte(content)); err != nil {
		return Library{}, err
	}
	return Library{
		Patch: 1, LibraryID: libraryID, LibraryName: library, CharmName: charm,
		Hash: ContentHash([]byte(content)), Content: content,
	}, nil
}

const libraryTemplate = `"""The %[1]s library of the charm %[2]s.

Write here what the library does and how a charm uses it, in Markdown: this text
is its page in the store.

    from %[3]s import ...
"""

# Who this library is, for the store. Never change it.
LIBID = "%[4]s"

# Raise this when existing users must change their charms, and start LIBPATCH at 0.
LIBAPI = 0

# Raise this before each publication.
LIBPATCH = 1

# Python packages that the library needs, as pip names them.
PYDEPS = []
`
