package image

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/larder-store/larder/client/charmhub"
)

// Metadata is what is told about an image (charmcraft: OCIMetadata).
type Metadata struct {
	// Reference is the image as it was asked for.
	Reference string `json:"reference"`
	// Digest of the manifest or the index, "sha256:…".
	Digest string `json:"digest"`
	// Architectures that it runs on under Linux, in the stores' words, sorted.
	Architectures []string `json:"architectures"`
}

// Inspect tells about an image; see the package's comment for how it is written.
// Options may be nil.
func Inspect(ctx context.Context, source string, o *Options) (Metadata, error) {
	s, err := Open(ctx, source, o)
	if err != nil {
		return Metadata{}, err
	}
	m, err := s.Metadata()
	return m, errors.Join(err, s.Close())
}

// Metadata tells about the image.
func (s *Source) Metadata() (Metadata, error) {
	m := Metadata{Reference: s.reference, Digest: s.digest.String(), Architectures: []string{}}
	var err error
	if s.index != nil {
		seen := 0
		m.Architectures, err = indexArchitectures(s.index, &seen, 0)
	} else {
		var one string
		if one, err = imageArchitecture(s.image); one != "" {
			m.Architectures = append(m.Architectures, one)
		}
	}
	if err != nil {
		return Metadata{}, fmt.Errorf("cannot inspect the image %.200q: %w", s.reference, err)
	}
	slices.Sort(m.Architectures)
	m.Architectures = slices.Compact(m.Architectures)
	return m, nil
}

// indexArchitectures leaves out what is no image of Linux: build attestations
// say "unknown". Entries without a platform are looked into.
func indexArchitectures(index v1.ImageIndex, seen *int, depth int) ([]string, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("its indexes are more than %d deep", maxDepth)
	}
	all, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	found := []string{}
	for _, d := range all.Manifests {
		if *seen++; *seen > maxManifests {
			return nil, fmt.Errorf("it has more than %d manifests", maxManifests)
		}
		switch {
		case d.Platform != nil && d.Platform.Architecture != "":
			if cmp.Or(d.Platform.OS, "linux") == "linux" && d.Platform.Architecture != "unknown" {
				found = append(found, charmhub.Architecture(d.Platform.Architecture))
			}
		case d.MediaType.IsIndex():
			inner, err := index.ImageIndex(d.Digest)
			if err != nil {
				return nil, err
			}
			more, err := indexArchitectures(inner, seen, depth+1)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		case d.MediaType.IsImage():
			inner, err := index.Image(d.Digest)
			if err != nil {
				return nil, err
			}
			one, err := imageArchitecture(inner)
			if err != nil {
				return nil, err
			}
			if one != "" {
				found = append(found, one)
			}
		}
	}
	return found, nil
}

// configuration reads an image's configuration, which is held in memory: by its
// size first.
func configuration(image v1.Image) ([]byte, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	if manifest.Config.Size > maxConfig {
		return nil, fmt.Errorf("its configuration is longer than %d bytes", maxConfig)
	}
	return image.RawConfigFile()
}

// imageArchitecture is "" for an image of another system than Linux.
func imageArchitecture(image v1.Image) (string, error) {
	raw, err := configuration(image)
	if err != nil {
		return "", err
	}
	var config struct {
		OS           string `json:"os"`
		Architecture string `json:"architecture"`
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		return "", fmt.Errorf("its configuration cannot be read: %w", err)
	}
	if cmp.Or(config.OS, "linux") != "linux" || config.Architecture == "" || config.Architecture == "unknown" {
		return "", nil
	}
	return charmhub.Architecture(config.Architecture), nil
}
