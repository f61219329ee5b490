package charmhub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/larder-store/larder/client/transport"
)

// A Resource is what a revision of a charm declares to need beside itself.
type Resource struct {
	Name     string       `json:"name"`
	Type     ResourceType `json:"type"`
	Optional bool         `json:"optional"`
	// CharmRevision is the charm's revision that declares it.
	CharmRevision int `json:"revision"`
}

// ListResources returns the resources that the revisions of a charm declare
// (permission package-view-revisions).
func (c *Client) ListResources(ctx context.Context, charm string) ([]Resource, error) {
	var out struct {
		Resources *[]Resource `json:"resources"`
	}
	u := c.path(charm, "resources")
	if err := c.Gateway().Call(ctx, transport.Call{URL: u, Out: &out}); err != nil {
		return nil, err
	}
	if out.Resources == nil {
		return nil, missing(http.MethodGet, u, "resources")
	}
	return *out.Resources, nil
}

// ListResourceRevisions returns the revisions of a charm's resource (permission
// package-view-revisions).
func (c *Client) ListResourceRevisions(ctx context.Context, charm, resource string) ([]ResourceRevision, error) {
	return c.Gateway().ListResourceRevisions(ctx, charm, resource)
}

// PushResource makes an uploaded file a revision of a charm's resource, once it
// is reviewed, and returns the URL of the review (permission
// package-manage-revisions).
func (c *Client) PushResource(ctx context.Context, charm, resource, uploadID string, o ResourceOptions) (statusURL string, err error) {
	return c.Gateway().PushResource(ctx, charm, resource, uploadID, o)
}

// UpdateResourceRevisions changes what revisions of a resource are for, and
// returns how many changed (permission package-manage-revisions).
func (c *Client) UpdateResourceRevisions(ctx context.Context, charm, resource string, updates ...ResourceUpdate) (int, error) {
	return c.Gateway().UpdateResourceRevisions(ctx, charm, resource, updates...)
}

// SetResourceArchitectures says for which architectures revisions of a resource
// are, on any base, and returns those revisions as the store then has them, in
// order. The map goes from the resource's revision to the architectures.
func (c *Client) SetResourceArchitectures(ctx context.Context, charm, resource string, architectures map[int][]string) ([]ResourceRevision, error) {
	numbers := slices.Sorted(maps.Keys(architectures))
	updates := make([]ResourceUpdate, len(numbers))
	for i, n := range numbers {
		if len(architectures[n]) == 0 {
			return nil, invalidf("revision %d of resource %q needs an architecture; \"all\" is one", n, resource)
		}
		updates[i] = ResourceUpdate{Revision: n, Bases: []ResourceBase{{Architectures: architectures[n]}}}
	}
	if _, err := c.UpdateResourceRevisions(ctx, charm, resource, updates...); err != nil {
		return nil, err
	}
	all, err := c.ListResourceRevisions(ctx, charm, resource)
	if err != nil {
		return nil, err
	}
	changed := slices.DeleteFunc(all, func(r ResourceRevision) bool { _, ok := architectures[r.Revision]; return !ok })
	slices.SortFunc(changed, func(a, b ResourceRevision) int { return a.Revision - b.Revision })
	return changed, nil
}

// ImageCredentials say where to push a resource's container images. They print
// without the password.
type ImageCredentials struct {
	// ImageName is host, port and repository, without tag or digest.
	ImageName string `json:"image-name"`
	Username  string `json:"username"`
	Password  string `json:"password"`
}

// String shows no secret.
func (i ImageCredentials) String() string {
	return "credentials of " + i.Username + " for " + i.ImageName
}

// GoString is String.
func (i ImageCredentials) GoString() string { return i.String() }

// LogValue is String, for log/slog.
func (i ImageCredentials) LogValue() slog.Value { return slog.StringValue(i.String()) }

// MarshalJSON leaves the password out.
func (i ImageCredentials) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"image-name": i.ImageName, "username": i.Username})
}

// ImageCredentials returns where to push the images of a resource of type
// ResourceOCIImage (permission package-manage-revisions). RegistryURL replaces
// the host.
func (c *Client) ImageCredentials(ctx context.Context, charm, resource string) (ImageCredentials, error) {
	var out ImageCredentials
	u := c.path(charm, "resources", resource, "oci-image", "upload-credentials")
	if err := c.Gateway().Call(ctx, transport.Call{URL: u, Out: &out}); err != nil {
		return ImageCredentials{}, err
	}
	if out.ImageName == "" {
		return ImageCredentials{}, missing(http.MethodGet, u, "image-name")
	}
	if c.RegistryURL != "" {
		_, repository, _ := strings.Cut(out.ImageName, "/")
		host := c.RegistryURL
		if _, rest, ok := strings.Cut(host, "://"); ok {
			host = rest
		}
		out.ImageName = strings.TrimRight(host, "/") + "/" + repository
	}
	return out, nil
}

// maxImageBlob bounds what describes an image, in bytes.
const maxImageBlob = 1 << 20

// ImageBlob returns the text that describes a pushed image to juju, to be
// uploaded unchanged as the resource's file (permission
// package-manage-revisions). It may hold a password. The digest is the image's,
// for example "sha256:…".
func (c *Client) ImageBlob(ctx context.Context, charm, resource, digest string) (string, error) {
	body, err := json.Marshal(map[string]string{"image-digest": digest})
	if err != nil {
		return "", fmt.Errorf("cannot encode the request: %w", err)
	}
	u := c.path(charm, "resources", resource, "oci-image", "blob")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u, bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("cannot build the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Gateway().Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxImageBlob+1))
	invalid := func(problem string) error {
		return &InvalidResponseError{Method: http.MethodPost, URL: u, Status: resp.StatusCode, Err: errors.New(problem)}
	}
	switch {
	case err != nil:
		return "", &NetworkError{Method: http.MethodPost, URL: u, Attempts: 1, Err: err}
	case len(text) > maxImageBlob:
		return "", invalid(fmt.Sprintf("longer than %d bytes", maxImageBlob))
	case len(bytes.TrimSpace(text)) == 0:
		return "", invalid("the body is empty")
	}
	return string(text), nil
}
