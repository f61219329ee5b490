package image

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Limits of what is read into memory or walked, of files that strangers made.
const (
	// maxManifest bounds a manifest or an index, in bytes; registries have the
	// same bound.
	maxManifest = 4 << 20
	// maxConfig bounds an image's configuration, in bytes.
	maxConfig = 8 << 20
	// maxManifests bounds how many manifests an index leads to, itself counted.
	maxManifests = 1000
	// maxDepth bounds indexes in indexes.
	maxDepth = 4
	// maxEntries bounds the members of an archive.
	maxEntries = 100_000
)

var blobName = regexp.MustCompile(`^blobs/(sha256|sha512)/[0-9a-f]{64,128}$`)

// eachEntry calls visit with every member of an archive under its clean name.
func eachEntry(file string, visit func(name string, h *tar.Header, content io.Reader) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	reader := tar.NewReader(f)
	for n := 0; ; n++ {
		h, err := reader.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("it is no archive: %w", err)
		case n >= maxEntries:
			return fmt.Errorf("the archive has more than %d members", maxEntries)
		}
		if err := visit(path.Clean("/" + h.Name)[1:], h, reader); err != nil {
			return err
		}
	}
}

func holdsLayout(file string) (found bool, err error) {
	err = eachEntry(file, func(name string, h *tar.Header, _ io.Reader) error {
		found = found || name == "index.json" && h.Typeflag == tar.TypeReg
		return nil
	})
	return found, err
}

// unpackLayout takes the files that a layout consists of out of an archive, and
// nothing else. An archive cannot fill the disk: its members are no longer
// together than it is, so one that claims holes is refused.
func unpackLayout(ctx context.Context, file, dir string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	left := info.Size()
	return eachEntry(file, func(name string, h *tar.Header, content io.Reader) error {
		if h.Typeflag != tar.TypeReg || name != "index.json" && name != "oci-layout" && !blobName.MatchString(name) {
			return ctx.Err()
		}
		if left -= h.Size; left < 0 {
			return errors.New("the archive's members are longer than the archive")
		}
		if err := root.MkdirAll(path.Dir(name), 0o700); err != nil {
			return err
		}
		out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, content)
		return errors.Join(err, out.Close(), ctx.Err())
	})
}

// checkLayout walks the manifests of a layout before anything reads them whole.
func checkLayout(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	w := layoutWalk{root: root}
	return w.index("index.json", 0)
}

type layoutWalk struct {
	root *os.Root
	seen int
}

func (w *layoutWalk) read(name string, limit int64) ([]byte, error) {
	if w.seen++; w.seen > maxManifests {
		return nil, fmt.Errorf("it has more than %d manifests", maxManifests)
	}
	f, err := w.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	return content, err
}

func (w *layoutWalk) index(name string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("its indexes are more than %d deep", maxDepth)
	}
	content, err := w.read(name, maxManifest)
	if err != nil {
		return err
	}
	var index v1.IndexManifest
	if err := json.Unmarshal(content, &index); err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	for _, d := range index.Manifests {
		blob := "blobs/" + d.Digest.Algorithm + "/" + d.Digest.Hex
		switch {
		case !blobName.MatchString(blob):
			return fmt.Errorf("%s names a manifest by the digest %.100q", name, d.Digest)
		case d.MediaType.IsIndex():
			err = w.index(blob, depth+1)
		case d.MediaType.IsImage():
			err = w.image(blob)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *layoutWalk) image(name string) error {
	content, err := w.read(name, maxManifest)
	if err != nil {
		return err
	}
	var image v1.Manifest
	if err := json.Unmarshal(content, &image); err != nil {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	config := "blobs/" + image.Config.Digest.Algorithm + "/" + image.Config.Digest.Hex
	if !blobName.MatchString(config) {
		return fmt.Errorf("%s names its configuration by the digest %.100q", name, image.Config.Digest)
	}
	info, err := w.root.Stat(config)
	if err == nil && info.Size() > maxConfig {
		err = fmt.Errorf("%s is longer than %d bytes", config, maxConfig)
	}
	return err
}

// checkDockerSaved looks at the sizes of what is read whole.
func checkDockerSaved(file string) error {
	var manifest tarball.Manifest
	sizes := map[string]int64{}
	err := eachEntry(file, func(name string, h *tar.Header, content io.Reader) error {
		sizes[name] = h.Size
		if name != "manifest.json" {
			return nil
		}
		if h.Size > maxManifest {
			return fmt.Errorf("%s is longer than %d bytes", name, maxManifest)
		}
		return json.NewDecoder(content).Decode(&manifest)
	})
	if err != nil {
		return err
	}
	if len(manifest) == 0 {
		return errors.New("it is neither an OCI archive nor one of docker save: it has no index.json and no manifest.json")
	}
	for _, image := range manifest {
		if sizes[path.Clean("/" + filepath.ToSlash(image.Config))[1:]] > maxConfig {
			return fmt.Errorf("an image's configuration is longer than %d bytes", maxConfig)
		}
	}
	return nil
}
