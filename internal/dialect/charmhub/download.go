package charmhub

import (
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) downloadRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + charmPrefix + "{file}", Handle: a.download},
	}
}

// download answers GET and HEAD of a charm or bundle.
func (a *api) download(w http.ResponseWriter, r *http.Request) {
	file, err := a.openCharm(r)
	if err != nil {
		reply.Fail(w, r, consumerErrors, err)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Disposition", `attachment; filename="`+file.Name+`"`)
	serveFile(w, r, file)
}

func (a *api) openCharm(r *http.Request) (*catalog.File, error) {
	packageID, revision, ok := parseCharmFile(r.PathValue("file"))
	if !ok {
		return nil, store.NotFoundf("not-found", "no file is called %.160q", r.PathValue("file"))
	}
	asker, err := a.asker(r)
	if err != nil {
		return nil, err
	}
	return a.Catalog.Download(r.Context(), asker, store.Charm, packageID, revision)
}

// serveFile sends a blob as it is, never compressed and never in chunks: juju
// holds what it reads against the length that it was told. The reader goes to
// net/http as the blob store made it, so that a file is sent by the kernel.
//
// Publishers upload what they like, such as a page with a script: with a disposition,
// which the caller sets, a browser saves it, and never takes it for a page of this
// origin.
func serveFile(w http.ResponseWriter, r *http.Request, file *catalog.File) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", file.Type)
	h.Set("ETag", `"`+file.Digest.Hex()+`"`)
	http.ServeContent(w, r, "", file.Created, file.Reader)
}
