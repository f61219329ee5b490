package cli

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/larder-store/larder/client/charmhub/image"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/transfer"
)

// copyImage returns what copies an image for a charm that is pushed.
func (h *house) copyImage(show func(transfer.Progress)) func(ctx context.Context, packageID, resource, source string) (digest string, err error) {
	return func(ctx context.Context, packageID, resource, source string) (digest string, err error) {
		s, err := image.Open(ctx, source, nil)
		if err != nil {
			return "", imageTrouble(source, err)
		}
		defer s.Close()
		var shown int64
		c := imageCopier{h: h, repo: store.ImageRepo{PackageID: packageID, Resource: resource}, progress: func(done, total int64) {
			show(transfer.Progress{Unit: source, Read: done - shown, Total: total})
			shown = done
		}}
		defer func() { show(transfer.Progress{Unit: source, Total: shown, Done: true}) }()
		return c.copy(ctx, s, source, "")
	}
}

// imageCopier brings images into one repository.
type imageCopier struct {
	h        *house
	repo     store.ImageRepo
	progress func(done, total int64) // bytes

	fetched, present int
	bytes            int64
}

// copy brings what an image consists of into the repository, what is needed first.
// The image is there, under the tag unless that is "", when all of it is.
func (c *imageCopier) copy(ctx context.Context, s *image.Source, source, tag string) (digest string, err error) {
	parts, err := s.Parts()
	if err != nil {
		return "", imageTrouble(source, err)
	}
	var done, total int64
	for _, p := range parts {
		total += p.Size
	}
	for i, p := range parts {
		reference := p.Digest
		if i == len(parts)-1 && tag != "" {
			reference = tag
		}
		if err := c.part(ctx, p, reference, func(n int64) { c.progress(done+n, total) }); err != nil {
			return "", imageTrouble(source, err)
		}
		done += p.Size
		c.progress(done, total)
		digest = p.Digest
	}
	return digest, nil
}

func (c *imageCopier) part(ctx context.Context, p image.Part, reference string, on func(int64)) error {
	there, err := c.has(ctx, p)
	if err != nil {
		return err
	}
	if there {
		c.present++
		if reference == p.Digest {
			return nil
		}
	}
	body, err := p.Open()
	if err != nil {
		return err
	}
	defer body.Close()
	if p.Manifest {
		text, err := io.ReadAll(io.LimitReader(body, p.Size))
		if err != nil {
			return err
		}
		_, err = c.h.catalog.PushImage(ctx, c.h.who, c.repo, reference, p.MediaType, text)
		if err != nil {
			return err
		}
	} else {
		var read int64
		counted := countingReader{body, func(n int) { read += int64(n); on(read) }}
		piece := catalog.Piece{Offset: -1, Size: p.Size, Bytes: counted}
		if err := c.h.catalog.PutImageBlob(ctx, c.h.who, c.repo, p.Digest, piece); err != nil {
			return err
		}
	}
	if !there {
		c.fetched++
		c.bytes += p.Size
	}
	return nil
}

// has reports whether the repository has a part, with its bytes.
func (c *imageCopier) has(ctx context.Context, p image.Part) (bool, error) {
	var f *catalog.File
	var err error
	if p.Manifest {
		_, f, err = c.h.catalog.ImageManifest(ctx, c.h.who, c.repo, p.Digest)
	} else {
		f, err = c.h.catalog.OpenImageBlob(ctx, c.h.who, c.repo, p.Digest)
	}
	if store.KindOf(err) == store.KindNotFound && store.CodeOf(err) != store.CodeRepositoryUnknown {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

// referrers copies what is about an image, and returns how many there were.
func (c *imageCopier) referrers(ctx context.Context, s *image.Source, source string) (int, error) {
	list, err := s.Referrers(ctx)
	if err != nil {
		return 0, imageTrouble(source, err)
	}
	for _, about := range list {
		if _, err := c.copy(ctx, about, source, ""); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

type countingReader struct {
	io.Reader
	on func(n int)
}

func (r countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.on(n)
	return n, err
}

// imageTrouble is what went wrong with an image from elsewhere, in the words of
// the command line.
func imageTrouble(source string, err error) error {
	var ours *store.Error
	var refused *transport.Error
	var network net.Error
	switch {
	case errors.As(err, &ours), errors.Is(err, context.Canceled), errors.As(err, new(usageError)):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return store.NotFoundf("image-not-found", "there is no image %s", source).Try("check the path")
	case errors.As(err, &refused):
		switch refused.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			return store.Unauthorisedf("image-refused", "the registry of %s refuses: %s", source, http.StatusText(refused.StatusCode)).
				Try("log in to it with docker login or podman login")
		case http.StatusNotFound:
			return store.NotFoundf("image-not-found", "there is no image %s", source).Try("check the name and the tag")
		}
		return store.Unavailablef("image-unavailable", "the registry of %s does not give the image: %d", source, refused.StatusCode).
			Because(err).Try("try again later")
	case errors.As(err, &network):
		return store.Unavailablef("image-unavailable", "cannot reach the registry of %s: %s", source, rootCause(err)).
			Try("check the name, and that the registry runs")
	}
	return store.Invalidf("bad-image", "%v", err).Try("name an image as HOST/REPOSITORY:TAG, oci:DIRECTORY or the path of an archive")
}
