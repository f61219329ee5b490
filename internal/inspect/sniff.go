package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/larder-store/larder/internal/inspect/squashfs"
)

// Kind is what an image holds.
type Kind string

const (
	KindSnap      Kind = "snap"
	KindComponent Kind = "component"
)

// Sniff says whether the first size bytes of r are a snap or a component. An image
// that is neither, or both, gives ErrNoMetadata; other errors are as for Snap.
func Sniff(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (Kind, error) {
	image, err := squashfs.Open(r, size, limits.Image)
	if err != nil {
		return "", fmt.Errorf("cannot tell what the file is: %w", err)
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
			return "", fmt.Errorf("cannot tell what the file is: %w", err)
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
