package image

import (
	"context"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// maxReferrers bounds Referrers.
const maxReferrers = 200

// Referrers opens what is about the image: signatures, lists of materials and the
// like, from the same registry or layout. Archives of docker save have none.
func (s *Source) Referrers(ctx context.Context) (list []*Source, err error) {
	candidates, open, err := s.referrers(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot find what is about the image %.200q: %w", s.reference, err)
	}
	for _, d := range candidates {
		if !d.MediaType.IsImage() || d.Digest == s.digest {
			continue
		}
		i, err := open(d.Digest)
		if err != nil {
			return nil, fmt.Errorf("cannot read what is about the image %.200q: %w", s.reference, err)
		}
		about, err := i.Manifest()
		if err != nil {
			return nil, fmt.Errorf("cannot read what is about the image %.200q: %w", s.reference, err)
		}
		if about.Subject == nil || about.Subject.Digest != s.digest {
			continue
		}
		if len(list) == maxReferrers {
			return nil, fmt.Errorf("more than %d manifests are about the image %.200q", maxReferrers, s.reference)
		}
		list = append(list, &Source{reference: s.reference, image: i, digest: d.Digest})
	}
	return list, nil
}

// referrers lists what may be about the image, and how to open it.
func (s *Source) referrers(ctx context.Context) (list []v1.Descriptor, open func(v1.Hash) (v1.Image, error), err error) {
	var all v1.ImageIndex
	switch {
	case s.remote != nil:
		repository, options := s.remote.ref.Context(), append(slices.Clone(s.remote.options), remote.WithContext(ctx))
		if all, err = remote.Referrers(repository.Digest(s.digest.String()), options...); err != nil {
			return nil, nil, err
		}
		open = func(d v1.Hash) (v1.Image, error) { return remote.Image(repository.Digest(d.String()), options...) }
	case s.layout != nil:
		all, open = s.layout, s.layout.Image
	default:
		return nil, nil, nil
	}
	m, err := all.IndexManifest()
	if err != nil {
		return nil, nil, err
	}
	return m.Manifests, open, nil
}
