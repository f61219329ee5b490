package oci

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

// beginUpload answers POST of an upload: a blob that is in another repository
// already, one whose bytes come at once, or else a place to send them to.
func (a *api) beginUpload(c *call) error {
	q := c.r.URL.Query()
	ctx := c.r.Context()
	if digest := q.Get("mount"); store.ValidImageDigest(digest) {
		mounted, err := a.mount(c, digest, q.Get("from"))
		if err != nil {
			return err
		}
		if mounted {
			return created(c, digest)
		}
	} else if digest := q.Get("digest"); digest != "" {
		if err := a.Catalog.PutImageBlob(ctx, c.who, c.repo, digest, body(c.r, -1)); err != nil {
			return err
		}
		return created(c, digest)
	}
	id, err := a.Catalog.BeginImageUpload(ctx, c.who, c.repo)
	if err != nil {
		return err
	}
	c.w.Header().Set("OCI-Chunk-Min-Length", strconv.Itoa(store.MinImagePiece))
	return progress(c, http.StatusAccepted, id, 0)
}

func (a *api) mount(c *call, digest, from string) (bool, error) {
	id, resource, ok := store.ParseImageRepository(from)
	if !ok || c.caller.ByToken && !allows(c.caller, "repository", from, pull) {
		return false, nil
	}
	return a.Catalog.MountImageBlob(c.r.Context(), c.who, c.repo, store.ImageRepo{PackageID: id, Resource: resource}, digest)
}

// body is what a request brings, from an offset on.
func body(r *http.Request, offset int64) catalog.Piece {
	return catalog.Piece{Offset: offset, Size: r.ContentLength, Bytes: r.Body}
}

// created tells where a blob is.
func created(c *call, digest string) error {
	h := c.w.Header()
	h.Set("Location", c.path("blobs", digest))
	h.Set("Docker-Content-Digest", digest)
	h.Set("Content-Length", "0")
	c.w.WriteHeader(http.StatusCreated)
	return nil
}

// progress tells how far an upload is, and where it goes on.
func progress(c *call, status int, id string, size int64) error {
	setProgress(c, id, size)
	if status != http.StatusNoContent {
		c.w.Header().Set("Content-Length", "0")
	}
	c.w.WriteHeader(status)
	return nil
}

func setProgress(c *call, id string, size int64) {
	h := c.w.Header()
	h.Set("Location", c.path("blobs", "uploads", id))
	h.Set("Range", fmt.Sprintf("0-%d", max(0, size-1)))
	h.Set("Docker-Upload-UUID", id)
}

func (a *api) stateOfUpload(c *call) error {
	id := c.r.PathValue("id")
	size, err := a.Catalog.ImageUploadSize(c.r.Context(), c.who, c.repo, id)
	if err != nil {
		return err
	}
	return progress(c, http.StatusNoContent, id, size)
}

func (a *api) appendUpload(c *call) error {
	piece, err := pieceOf(c.r)
	if err != nil {
		return err
	}
	id := c.r.PathValue("id")
	size, err := a.Catalog.AppendImageUpload(c.r.Context(), c.who, c.repo, id, piece)
	if err != nil {
		return misplaced(c, id, err)
	}
	return progress(c, http.StatusAccepted, id, size)
}

func (a *api) finishUpload(c *call) error {
	piece, err := pieceOf(c.r)
	if err != nil {
		return err
	}
	id, digest := c.r.PathValue("id"), c.r.URL.Query().Get("digest")
	if err := a.Catalog.FinishImageUpload(c.r.Context(), c.who, c.repo, id, digest, piece); err != nil {
		return misplaced(c, id, err)
	}
	return created(c, digest)
}

// misplaced tells, beside the error, where an upload goes on.
func misplaced(c *call, id string, err error) error {
	var e *store.Error
	if errors.As(err, &e) && e.Code == catalog.CodePieceOutOfOrder {
		if size, ok := e.Extra["size"].(int64); ok {
			setProgress(c, id, size)
		}
	}
	return err
}

func (a *api) cancelUpload(c *call) error {
	if err := a.Catalog.CancelImageUpload(c.r.Context(), c.who, c.repo, c.r.PathValue("id")); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

// contentRange is what clients write, without a unit or with one.
var contentRange = regexp.MustCompile(`^(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/[0-9*]+)?$`)

// pieceOf reads what a request adds to an upload. Without a range it goes on where
// the last piece ended.
func pieceOf(r *http.Request) (catalog.Piece, error) {
	value := r.Header.Get("Content-Range")
	if value == "" {
		return body(r, -1), nil
	}
	m := contentRange.FindStringSubmatch(value)
	if m == nil {
		return catalog.Piece{}, store.Invalidf(store.CodeUploadInvalid, "the range %.60q cannot be read", value).Try("write it as 0-1023")
	}
	first, err1 := strconv.ParseInt(m[1], 10, 64)
	last, err2 := strconv.ParseInt(m[2], 10, 64)
	size := last - first + 1
	if err1 != nil || err2 != nil || size <= 0 && r.ContentLength != 0 || r.ContentLength > 0 && r.ContentLength != size {
		return catalog.Piece{}, store.Invalidf("size-invalid", "the range %.60q is not that of %d bytes", value, r.ContentLength)
	}
	if r.ContentLength == 0 {
		return catalog.Piece{Offset: -1, Bytes: http.NoBody}, nil
	}
	return catalog.Piece{Offset: first, Size: size, Bytes: io.Reader(r.Body)}, nil
}
