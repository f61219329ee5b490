package oci

import (
	"errors"
	"io"
	"net/http"

	"github.com/larder-store/larder/internal/store"
)

// getManifest answers GET and HEAD of a manifest, by tag or digest. It is served
// as what it was pushed as, whatever the client says that it accepts: any other
// bytes would have another digest.
func (a *api) getManifest(c *call) error {
	m, file, err := a.Catalog.ImageManifest(c.r.Context(), c.who, c.repo, c.r.PathValue("reference"))
	if err != nil {
		return err
	}
	defer file.Close()
	return serve(c, file, m.Digest, m.MediaType)
}

func (a *api) putManifest(c *call) error {
	text, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, store.MaxManifest))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return store.TooLargef(store.CodeManifestInvalid, "a manifest has no more than %d bytes", store.MaxManifest)
	}
	if err != nil {
		return store.Invalidf(store.CodeManifestInvalid, "the manifest did not arrive").Because(err)
	}
	m, err := a.Catalog.PushImage(c.r.Context(), c.who, c.repo, c.r.PathValue("reference"), c.r.Header.Get("Content-Type"), text)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Location", c.path("manifests", m.Digest))
	h.Set("Docker-Content-Digest", m.Digest)
	h.Set("Content-Length", "0")
	if m.Subject != "" {
		h.Set("OCI-Subject", m.Subject)
	}
	c.w.WriteHeader(http.StatusCreated)
	return nil
}

func (a *api) deleteManifest(c *call) error {
	if err := a.Catalog.RemoveImage(c.r.Context(), c.who, c.repo, c.r.PathValue("reference")); err != nil {
		return err
	}
	c.w.Header().Set("Content-Length", "0")
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}
