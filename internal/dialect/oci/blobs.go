package oci

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

// getBlob answers GET and HEAD of a layer or a config.
func (a *api) getBlob(c *call) error {
	digest := c.r.PathValue("digest")
	file, err := a.Catalog.OpenImageBlob(c.r.Context(), c.who, c.repo, digest)
	if err != nil {
		return err
	}
	defer file.Close()
	return serve(c, file, digest, file.Type)
}

// serve sends bytes as they are. The reader goes to net/http as the blob store
// made it, so that a file is sent by the kernel.
func serve(c *call, file *catalog.File, digest, contentType string) error {
	if err := checkRange(c.r, file.Size()); err != nil {
		c.w.Header().Set("Content-Range", "bytes */"+strconv.FormatInt(file.Size(), 10))
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff") // a layer may be a page with a script
	h.Set("Docker-Content-Digest", digest)
	h.Set("ETag", `"`+digest+`"`)
	// Whoever asks again needs the right to, still.
	h.Set("Cache-Control", "private, no-cache")
	http.ServeContent(c.w, c.r, "", time.Time{}, file.Reader)
	return nil
}

// checkRange refuses a range of which nothing is there. What is no single range is
// passed over, as if the whole had been asked for.
func checkRange(r *http.Request, size int64) error {
	value := r.Header.Get("Range")
	if value == "" {
		return nil
	}
	spec, ok := strings.CutPrefix(value, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	from, fromErr := strconv.ParseInt(first, 10, 64)
	to, toErr := strconv.ParseInt(last, 10, 64)
	switch {
	case !ok || !dash || fromErr != nil && first != "" || toErr != nil && last != "",
		first == "" && last == "", from < 0 || to < 0, first != "" && last != "" && to < from:
		r.Header.Del("Range")
	case first == "" && to == 0, first != "" && from >= size:
		return store.Invalidf("bad-range", "nothing of the range %.60q is there: the size is %d", value, size)
	}
	return nil
}
