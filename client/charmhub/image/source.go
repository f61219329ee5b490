package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// A Source is an opened image or index. Close it after use.
type Source struct {
	reference string
	image     v1.Image      // nil for an index
	index     v1.ImageIndex // nil for an image
	digest    v1.Hash
	temporary string // directory to remove, or empty

	remote *remoteSource // nil unless it is in a registry
	layout v1.ImageIndex // nil unless it is in a layout: all that is there
}

type remoteSource struct {
	ref     name.Reference
	options []remote.Option
}

// manifest is what images and indexes have in common.
type manifest interface {
	Digest() (v1.Hash, error)
	RawManifest() ([]byte, error)
}

func (s *Source) manifest() manifest {
	if s.index != nil {
		return s.index
	}
	return s.image
}

// Close removes what was unpacked.
func (s *Source) Close() error {
	if s.temporary == "" {
		return nil
	}
	return os.RemoveAll(s.temporary)
}

// The transports of skopeo that are known here.
const (
	inRegistry    = "docker"
	inLayout      = "oci"
	inArchive     = "oci-archive"
	inDockerSaved = "docker-archive"
)

// Open finds an image; see the package's comment for how it is written. Options
// may be nil.
func Open(ctx context.Context, source string, o *Options) (*Source, error) {
	o = o.orZero()
	kind, rest := splitTransport(source)
	s, err := open(ctx, kind, rest, o)
	if err != nil {
		return nil, fmt.Errorf("cannot open the image %.200q: %w", source, err)
	}
	s.reference = source
	if s.digest, err = s.manifest().Digest(); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open the image %.200q: %w", source, err), s.Close())
	}
	return s, nil
}

func open(ctx context.Context, kind, rest string, o *Options) (*Source, error) {
	switch kind {
	case inRegistry:
		return openRemote(ctx, rest, o)
	case inLayout:
		dir, tag := splitTag(rest)
		return openLayout(dir, tag)
	case inArchive:
		file, tag := splitTag(rest)
		return openArchive(ctx, file, tag, o)
	case inDockerSaved:
		file, tag := splitTag(rest)
		return openDockerSaved(file, tag)
	case "":
		return openPath(ctx, rest, o)
	}
	return nil, fmt.Errorf("images of the kind %q cannot be read; save it to a file and name that", kind)
}

// splitTransport knows the transports of skopeo, to say that one is not
// offered, and lets other colons be part of a name.
func splitTransport(source string) (kind, rest string) {
	if rest, ok := strings.CutPrefix(source, inRegistry+"://"); ok {
		return inRegistry, rest
	}
	known := []string{inLayout, inArchive, inDockerSaved, "dir", "docker-daemon", "containers-storage", "sif", "ostree", "tarball"}
	if kind, rest, ok := strings.Cut(source, ":"); ok && slices.Contains(known, kind) {
		return kind, rest
	}
	return "", source
}

// splitTag cuts at the first colon: paths with one are not written this way.
func splitTag(rest string) (file, tag string) {
	file, tag, _ = strings.Cut(rest, ":")
	return file, tag
}

func openPath(ctx context.Context, source string, o *Options) (*Source, error) {
	info, err := os.Stat(source)
	switch {
	case err != nil && looksLikeFile(source):
		return nil, err
	case err != nil:
		return openRemote(ctx, source, o)
	case info.IsDir():
		return openLayout(source, "")
	}
	return openArchive(ctx, source, "", o)
}

// looksLikeFile is true for what nobody means as an address.
func looksLikeFile(source string) bool {
	return filepath.IsAbs(source) || strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../") || strings.HasSuffix(source, ".tar")
}

func openRemote(ctx context.Context, text string, o *Options) (*Source, error) {
	ref, err := o.reference(text)
	if err != nil {
		return nil, err
	}
	options := o.remote(ctx, o.Source)
	at := &remoteSource{ref, options}
	found, err := remote.Get(ref, options...)
	if err != nil {
		return nil, err
	}
	switch {
	case found.MediaType.IsIndex():
		index, err := found.ImageIndex()
		return &Source{index: index, remote: at}, err
	case found.MediaType.IsImage():
		image, err := found.Image()
		return &Source{image: image, remote: at}, err
	}
	return nil, fmt.Errorf("it is %.100q, not an image", found.MediaType)
}

// refName is the annotation that names an image in a layout (OCI image
// specification, annotations).
const refName = "org.opencontainers.image.ref.name"

func openLayout(dir, tag string) (*Source, error) {
	if err := checkLayout(dir); err != nil {
		return nil, err
	}
	all, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	entries, err := all.IndexManifest()
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(slices.Clone(entries.Manifests), func(d v1.Descriptor) bool {
		return tag != "" && d.Annotations[refName] != tag
	})
	switch {
	case len(found) == 0 && tag != "":
		return nil, fmt.Errorf("the layout has no image with the tag %.100q", tag)
	case len(found) != 1:
		return nil, fmt.Errorf("the layout has %d images; name one by its tag", len(found))
	}
	switch d := found[0]; {
	case d.MediaType.IsIndex():
		index, err := all.ImageIndex(d.Digest)
		return &Source{index: index, layout: all}, err
	case d.MediaType.IsImage():
		image, err := all.Image(d.Digest)
		return &Source{image: image, layout: all}, err
	default:
		return nil, fmt.Errorf("it is %.100q, not an image", d.MediaType)
	}
}

func openDockerSaved(file, tag string) (*Source, error) {
	if err := checkDockerSaved(file); err != nil {
		return nil, err
	}
	var wanted *name.Tag
	if tag != "" {
		parsed, err := name.NewTag(tag)
		if err != nil {
			return nil, fmt.Errorf("%.100q is no tag: %w", tag, err)
		}
		wanted = &parsed
	}
	image, err := tarball.ImageFromPath(file, wanted)
	return &Source{image: image}, err
}

// openArchive prefers the layout where an archive is both, as those of newer
// docker save are: it has the manifests.
func openArchive(ctx context.Context, file, tag string, o *Options) (*Source, error) {
	isLayout, err := holdsLayout(file)
	if err != nil {
		return nil, err
	}
	if !isLayout {
		return openDockerSaved(file, tag)
	}
	dir, err := os.MkdirTemp(o.TempDir, "image-*")
	if err != nil {
		return nil, err
	}
	s, err := func() (*Source, error) {
		if err := unpackLayout(ctx, file, dir); err != nil {
			return nil, err
		}
		return openLayout(dir, tag)
	}()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.temporary = dir
	return s, nil
}

// NameFromURL is the last element of an image's address, without transport,
// tag and digest: "mysql" for "docker://ghcr.io/org/mysql:8@sha256:…".
func NameFromURL(url string) string {
	_, rest := splitTransport(url)
	rest, _, _ = strings.Cut(rest, "@")
	rest, _, _ = strings.Cut(path.Base(filepath.ToSlash(rest)), ":")
	return rest
}

var _ io.Closer = (*Source)(nil)
