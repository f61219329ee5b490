// Package snapbuild makes small real snaps and components without mksquashfs or
// snapcraft: for the demo store, benchmarks and tests.
//
// It packs what it is given; whether that is valid is for package inspect to say.
package snapbuild

import (
	"encoding/binary"
	"io"
	"io/fs"
	"math/rand/v2"
	"strings"

	"github.com/larder-store/larder/internal/inspect/squashfs"
)

// Spec is what goes into a snap or a component.
type Spec struct {
	// YAML is the text of meta/snap.yaml or meta/component.yaml.
	YAML string
	// Files are added as they are.
	Files []squashfs.File
	// Options of the image; the zero value packs with gzip, snap pack uses XZ.
	Options squashfs.Options
}

// Snap writes a snap to w and returns its size. Equal specs give equal bytes.
func Snap(w io.WriterAt, spec Spec) (int64, error) {
	return build(w, "meta/snap.yaml", spec)
}

// Component writes a component to w and returns its size.
func Component(w io.WriterAt, spec Spec) (int64, error) {
	return build(w, "meta/component.yaml", spec)
}

func build(w io.WriterAt, metadata string, spec Spec) (int64, error) {
	files := append([]squashfs.File{Text(metadata, spec.YAML)}, spec.Files...)
	return squashfs.Write(w, files, spec.Options)
}

// Text is a file of mode 0644 with the given content.
func Text(path, content string) squashfs.File {
	return squashfs.File{Path: path, Size: int64(len(content)), Content: strings.NewReader(content)}
}

// Program is a file of mode 0755, such as a shell script.
func Program(path, content string) squashfs.File {
	f := Text(path, content)
	f.Mode = 0o755
	return f
}

// Link is a symbolic link.
func Link(path, target string) squashfs.File {
	return squashfs.File{Path: path, Mode: fs.ModeSymlink, Target: target}
}

// Noise is a file of size bytes that no compression makes smaller, generated while
// it is written; equal seeds give equal bytes.
func Noise(path string, size int64, seed uint64) squashfs.File {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return squashfs.File{Path: path, Size: size, Content: io.LimitReader(rand.NewChaCha8(key), size)}
}
