package snapdevice

import (
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

// download answers GET and HEAD of a blob. A range begins exactly where it
// was asked to, which snapd relies on without looking.
func (a *api) download(w http.ResponseWriter, r *http.Request) {
	asker, err := a.asker(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	file, err := a.openBlob(r, asker)
	if err != nil {
		fail(w, r, err)
		return
	}
	defer file.Close()
	serveFile(w, r, file)
}

func (a *api) openBlob(r *http.Request, asker catalog.Asker) (*catalog.File, error) {
	d, ok := parseDownload(r.PathValue("file"))
	ctx := r.Context()
	switch {
	case !ok:
		return nil, store.NotFoundf(codeNotFound, "no file is called %.160q", r.PathValue("file"))
	case d.format != "":
		return a.catalog.DownloadDelta(ctx, asker, store.Snap, d.packageID, d.format, d.source, d.revision)
	case d.component != "":
		return a.catalog.DownloadResource(ctx, asker, store.Snap, d.packageID, store.ResourcePin{Name: d.component, Revision: d.revision})
	}
	return a.catalog.Download(ctx, asker, store.Snap, d.packageID, d.revision)
}

// medium answers GET of an icon or another picture. Nobody sends credentials
// for it, so its address is the key to it.
func (a *api) medium(w http.ResponseWriter, r *http.Request) {
	digest, err := store.ParseHex(r.PathValue("digest"))
	if err != nil {
		fail(w, r, store.NotFoundf(codeNotFound, "no such picture"))
		return
	}
	file, err := a.catalog.Medium(r.Context(), r.PathValue("id"), digest)
	if err != nil {
		fail(w, r, err)
		return
	}
	defer file.Close()
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	// A publisher's SVG must not act as a page of this origin.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	h.Set("X-Content-Type-Options", "nosniff")
	serveFile(w, r, file)
}

// serveFile sends a blob as it is, never compressed. The reader goes to
// net/http as the blob store made it, so that a file is sent by the kernel.
func serveFile(w http.ResponseWriter, r *http.Request, file *catalog.File) {
	h := w.Header()
	h.Set("Content-Type", file.Type)
	h.Set("ETag", `"`+file.Digest.Hex()+`"`)
	http.ServeContent(w, r, "", file.Created, file.Reader)
}
