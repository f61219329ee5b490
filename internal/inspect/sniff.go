package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/larder-store/larder/internal/inspect/squashfs"
	"github.com/larder-store/larder/internal/inspect/ziparchive"
)

// Kind is what a file holds.
type Kind string

// Every kind.
const (
	KindSnap      Kind = "snap"
	KindComponent Kind = "component"
	KindCharm     Kind = "charm"
	KindBundle    Kind = "bundle"
)

// Sniff says whether the first size bytes of r are a snap, a component, a charm or a
// bundle. A file that is none of these, or two at once, gives ErrNoMetadata; other errors are
// as for Snap, or for Charm if it is a zip archive.
func Sniff(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (Kind, error) {
	kind, err := sniffImage(ctx, r, size, limits)
	if errors.Is(err, squashfs.ErrNotSquashfs) {
		archive, zipErr := ziparchive.Open(ctx, r, size, limits.Archive)
		switch {
		case zipErr == nil:
			kind, err = charmKind(archive)
		case !errors.Is(zipErr, ziparchive.ErrNotZip):
			err = zipErr
		}
	}
	if err != nil {
		return "", fmt.Errorf("cannot tell what the file is: %w", err)
	}
	return kind, nil
}

func sniffImage(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (Kind, error) {
	image, err := squashfs.Open(r, size, limits.Image)
	if err != nil {
		return "", err
	}
	var found []Kind
	for _, k := range []struct {
		kind Kind
		path string
	}{{KindSnap, snapYAMLPath}, {KindComponent, componentYAMLPath}} {
		switch err := image.Exists(ctx, k.path); {
		case err == nil:
			found = append(found, k.kind)
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", fmt.Errorf("%w: it has neither %s nor %s", ErrNoMetadata, snapYAMLPath, componentYAMLPath)
	default:
		return "", fmt.Errorf("%w: it has both %s and %s", ErrNoMetadata, snapYAMLPath, componentYAMLPath)
	}
}
