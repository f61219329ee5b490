package charmhub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/larder-store/larder/client/snapstore"
)

// Uploaded is what became of an upload.
type Uploaded struct {
	// Review is the store's last word; its Revision is the one made.
	Review
	// StatusURL asks for the review again, with Gateway().WaitForReview; empty
	// if the store was not told of the upload.
	StatusURL string
}

// UploadFile uploads a file and returns the upload's id, which belongs to nobody
// yet; see snapstore.Client.UploadFile. Options may be nil.
func (c *Client) UploadFile(ctx context.Context, file string, o *UploadOptions) (uploadID string, err error) {
	return c.Gateway().UploadFile(ctx, file, o)
}

// NotifyRevision makes an uploaded file a revision of a package, once it is
// reviewed, and returns the URL of the review (permission
// package-manage-revisions).
func (c *Client) NotifyRevision(ctx context.Context, name, uploadID string) (statusURL string, err error) {
	return c.Gateway().NotifyRevision(ctx, name, uploadID)
}

// Upload makes a file a revision of a charm or bundle: it checks the login,
// uploads, tells the store, and waits for the review (permission
// package-manage-revisions). Options may be nil.
//
// Errors: *UploadError, *ReviewError if the store does not accept the file, and
// context.DeadlineExceeded if the review takes longer than ReviewTimeout; the
// answer then has the StatusURL to ask again.
func (c *Client) Upload(ctx context.Context, name, file string, o *UploadOptions) (Uploaded, error) {
	// A login that has ended shall not be noticed after a gigabyte.
	if _, err := c.Whoami(ctx); err != nil {
		return Uploaded{}, err
	}
	id, err := c.UploadFile(ctx, file, o)
	if err != nil {
		return Uploaded{}, err
	}
	statusURL, err := c.NotifyRevision(ctx, name, id)
	return c.reviewed(ctx, statusURL, err)
}

// UploadResource makes a file a revision of a charm's resource, and waits for the
// review, as Upload does. ResourceOptions without a type say ResourceFile; nil
// bases are all. For container images see package image.
func (c *Client) UploadResource(ctx context.Context, charm, resource, file string, r ResourceOptions, o *UploadOptions) (Uploaded, error) {
	return c.uploadResource(ctx, charm, resource, r, func() (string, error) { return c.UploadFile(ctx, file, o) })
}

// UploadResourceContent is UploadResource for any content that can be read again
// from any place, such as the text of ImageBlob.
func (c *Client) UploadResourceContent(
	ctx context.Context, charm, resource, filename string, content io.ReaderAt, size int64, r ResourceOptions, o *UploadOptions,
) (Uploaded, error) {
	return c.uploadResource(ctx, charm, resource, r, func() (string, error) {
		return c.Gateway().Upload(ctx, filename, content, size, o)
	})
}

func (c *Client) uploadResource(ctx context.Context, charm, resource string, r ResourceOptions, upload func() (string, error)) (Uploaded, error) {
	if r.Type == "" {
		r.Type = ResourceFile
	}
	if _, err := c.Whoami(ctx); err != nil {
		return Uploaded{}, err
	}
	id, err := upload()
	if err != nil {
		return Uploaded{}, err
	}
	statusURL, err := c.PushResource(ctx, charm, resource, id, r)
	return c.reviewed(ctx, statusURL, err)
}

// reviewed waits at most ReviewTimeout.
func (c *Client) reviewed(ctx context.Context, statusURL string, err error) (Uploaded, error) {
	if err != nil {
		return Uploaded{}, err
	}
	waiting, limit := ctx, c.ReviewTimeout
	if limit == 0 {
		limit = DefaultReviewTimeout
	}
	if limit > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	review, err := c.Gateway().WaitForReview(waiting, statusURL, nil)
	if waiting.Err() != nil && ctx.Err() == nil && !errors.As(err, new(*snapstore.ReviewError)) && err != nil {
		err = fmt.Errorf("the review is not done after %s; the upload is not lost, ask again later: %w", limit.Round(time.Millisecond), err)
	}
	return Uploaded{Review: review, StatusURL: statusURL}, err
}
