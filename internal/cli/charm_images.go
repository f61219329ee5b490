package cli

import (
	"context"
	"errors"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/client/charmhub/image"
	"github.com/larder-store/larder/client/transport"
)

// sendImage pushes an image and makes it a revision of a resource.
func (u *resourceUploading) sendImage(ctx context.Context, r *remote, name, resource string) (charmhub.Review, error) {
	r.o.t.say("Pushing %s", u.image)
	meter := r.o.t.newMeter(image.NameFromURL(u.image), "bytes")
	uploaded, found, err := image.UploadResource(ctx, r.charms, name, resource, u.image, &image.Options{
		Progress: func(p transport.Progress) { meter.show(p.Done, p.Total) },
	})
	meter.done()
	if err != nil && !errors.As(err, new(*charmhub.ReviewError)) {
		return uploaded.Review, imageTrouble(u.image, err)
	}
	r.o.t.say("Pushed %s", found.Digest)
	return uploaded.Review, nil
}
