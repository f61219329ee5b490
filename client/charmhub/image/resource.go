package image

import (
	"context"
	"errors"
	"strings"

	"github.com/larder-store/larder/client/charmhub"
)

// UploadResource makes an image a revision of a charm's resource of type
// oci-image: it asks the store where to push, copies the image there unchanged,
// and uploads what describes it, for the architectures that it runs on
// (permission package-manage-revisions). Options.Destination is not used: the
// store gives the login. Options may be nil.
//
// Errors: those of Copy and of charmhub.Client.UploadResource.
func UploadResource(ctx context.Context, c *charmhub.Client, charm, resource, source string, o *Options) (charmhub.Uploaded, Metadata, error) {
	s, err := Open(ctx, source, o)
	if err != nil {
		return charmhub.Uploaded{}, Metadata{}, err
	}
	uploaded, m, err := s.uploadResource(ctx, c, charm, resource, o)
	return uploaded, m, errors.Join(err, s.Close())
}

func (s *Source) uploadResource(ctx context.Context, c *charmhub.Client, charm, resource string, o *Options) (charmhub.Uploaded, Metadata, error) {
	m, err := s.Metadata()
	if err != nil {
		return charmhub.Uploaded{}, m, err
	}
	credentials, err := c.ImageCredentials(ctx, charm, resource)
	if err != nil {
		return charmhub.Uploaded{}, m, err
	}
	pushing := *o.orZero()
	pushing.Destination = &Login{Username: credentials.Username, Password: credentials.Password}
	pushing.Insecure = pushing.Insecure || strings.HasPrefix(c.RegistryURL, "http://")
	if err := s.CopyTo(ctx, inRegistry+"://"+credentials.ImageName, &pushing); err != nil {
		return charmhub.Uploaded{}, m, err
	}
	text, err := c.ImageBlob(ctx, charm, resource, m.Digest)
	if err != nil {
		return charmhub.Uploaded{}, m, err
	}
	options := charmhub.ResourceOptions{Type: charmhub.ResourceOCIImage}
	if len(m.Architectures) > 0 {
		options.Bases = []charmhub.ResourceBase{{Architectures: m.Architectures}}
	}
	uploaded, err := c.UploadResourceContent(ctx, charm, resource, resource+".json", strings.NewReader(text), int64(len(text)), options, nil)
	return uploaded, m, err
}
