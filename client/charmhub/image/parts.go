package image

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// A Part is a blob or a manifest of an image.
type Part struct {
	// Digest is "sha256:…".
	Digest    string
	MediaType string
	// Size is in bytes.
	Size int64
	// Manifest says that it is one, or an index.
	Manifest bool
	// Open reads it; nothing vouches for the bytes.
	Open func() (io.ReadCloser, error)
}

// More bounds of Parts.
const (
	maxParts = 10_000
	maxRead  = 64 << 20 // bytes of manifests
)

// Parts returns what the image or index consists of, each once, and what something
// needs before it: the image itself is last. Layers that are not distributed are
// left out. It reads every manifest and no layer.
func (s *Source) Parts() ([]Part, error) {
	w := &walk{seen: make(map[v1.Hash]bool)}
	var err error
	if s.index != nil {
		err = w.index(s.index, 0)
	} else {
		err = w.image(s.image)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the image %.200q: %w", s.reference, err)
	}
	return w.parts, nil
}

type walk struct {
	seen  map[v1.Hash]bool
	parts []Part
	bytes int // of the manifests
}

func (w *walk) add(digest v1.Hash, p Part) error {
	if w.seen[digest] {
		return nil
	}
	if len(w.parts) == maxParts {
		return fmt.Errorf("it has more than %d parts", maxParts)
	}
	w.seen[digest] = true
	p.Digest = digest.String()
	w.parts = append(w.parts, p)
	return nil
}

func (w *walk) document(digest v1.Hash, mediaType string, raw []byte) error {
	if w.bytes += len(raw); len(raw) > maxManifest || w.bytes > maxRead {
		return fmt.Errorf("its manifests are larger than %d bytes, or than %d together", maxManifest, maxRead)
	}
	return w.add(digest, Part{
		MediaType: mediaType, Size: int64(len(raw)), Manifest: true,
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(raw)), nil },
	})
}

func (w *walk) image(i v1.Image) error {
	m, err := i.Manifest()
	if err != nil {
		return err
	}
	blobs := append([]v1.Descriptor{m.Config}, m.Layers...)
	for n, d := range blobs {
		if n > 0 && !d.MediaType.IsDistributable() {
			continue
		}
		open := func() (io.ReadCloser, error) {
			l, err := i.LayerByDigest(d.Digest)
			if err != nil {
				return nil, err
			}
			return l.Compressed()
		}
		if n == 0 {
			open = func() (io.ReadCloser, error) {
				raw, err := configuration(i)
				return io.NopCloser(bytes.NewReader(raw)), err
			}
		}
		if err := w.add(d.Digest, Part{MediaType: string(d.MediaType), Size: d.Size, Open: open}); err != nil {
			return err
		}
	}
	mediaType, err := i.MediaType()
	if err != nil {
		return err
	}
	raw, err := i.RawManifest()
	if err != nil {
		return err
	}
	digest, err := i.Digest()
	if err != nil {
		return err
	}
	return w.document(digest, string(mediaType), raw)
}

func (w *walk) index(x v1.ImageIndex, depth int) error {
	if depth == maxDepth {
		return fmt.Errorf("its indexes nest deeper than %d levels", maxDepth)
	}
	m, err := x.IndexManifest()
	if err != nil {
		return err
	}
	for _, d := range m.Manifests {
		if w.seen[d.Digest] {
			continue
		}
		switch {
		case d.MediaType.IsIndex():
			child, err := x.ImageIndex(d.Digest)
			if err != nil {
				return err
			}
			if err := w.index(child, depth+1); err != nil {
				return err
			}
		case d.MediaType.IsImage():
			child, err := x.Image(d.Digest)
			if err != nil {
				return err
			}
			if err := w.image(child); err != nil {
				return err
			}
		default:
			return fmt.Errorf("its index names %.100q, which is no image", d.MediaType)
		}
	}
	mediaType, err := x.MediaType()
	if err != nil {
		return err
	}
	raw, err := x.RawManifest()
	if err != nil {
		return err
	}
	digest, err := x.Digest()
	if err != nil {
		return err
	}
	return w.document(digest, string(mediaType), raw)
}

// Only narrows an index to platforms such as "linux/arm64" or "arm64", which is on
// Linux. Of one platform the image remains, of several an index that is made of
// them: its digest is a new one. An image that is in no index must run on one of
// them.
func (s *Source) Only(platforms ...string) error {
	if len(platforms) == 0 {
		return nil
	}
	wanted := make([]v1.Platform, len(platforms))
	for i, text := range platforms {
		if !strings.Contains(text, "/") {
			text = "linux/" + text
		}
		p, err := v1.ParsePlatform(text)
		if err != nil {
			return fmt.Errorf("%.100q is no platform: %w", text, err)
		}
		wanted[i] = *p
	}
	if s.index == nil {
		raw, err := configuration(s.image)
		var config *v1.ConfigFile
		if err == nil {
			config, err = v1.ParseConfigFile(bytes.NewReader(raw))
		}
		if err != nil {
			return fmt.Errorf("cannot read the image %.200q: %w", s.reference, err)
		}
		if on := config.Platform(); on == nil || !slices.ContainsFunc(wanted, func(p v1.Platform) bool { return on.Satisfies(p) }) {
			return fmt.Errorf("the image %.200q is for %s only", s.reference, on)
		}
		return nil
	}
	return s.narrow(wanted)
}

func (s *Source) narrow(wanted []v1.Platform) error {
	m, err := s.index.IndexManifest()
	if err != nil {
		return fmt.Errorf("cannot read the image %.200q: %w", s.reference, err)
	}
	var has []string
	for _, d := range m.Manifests {
		if d.Platform != nil {
			has = append(has, d.Platform.String())
		}
	}
	var keep []v1.Descriptor
	for _, p := range wanted {
		at := slices.IndexFunc(m.Manifests, func(d v1.Descriptor) bool { return d.Platform != nil && d.Platform.Satisfies(p) })
		if at < 0 {
			return fmt.Errorf("the image %.200q is not for %s: it is for %.500s", s.reference, p, strings.Join(has, ", "))
		}
		keep = append(keep, m.Manifests[at])
	}
	switch {
	case len(keep) > 1:
		s.index = mutate.RemoveManifests(s.index, func(d v1.Descriptor) bool {
			return !slices.ContainsFunc(keep, func(k v1.Descriptor) bool { return k.Digest == d.Digest })
		})
	case keep[0].MediaType.IsImage():
		s.image, err = s.index.Image(keep[0].Digest)
		s.index = nil
	default:
		s.index, err = s.index.ImageIndex(keep[0].Digest)
	}
	if err == nil {
		s.digest, err = s.manifest().Digest()
	}
	return err
}
