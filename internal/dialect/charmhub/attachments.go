package charmhub

import (
	"bytes"
	"cmp"
	"context"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) attachmentRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET /v2/charms/resources/{charm}/{resource}/revisions", Handle: a.attachmentRevisions},
		{Pattern: "GET " + attachmentPrefix + "{file}", Handle: a.downloadAttachment},
	}
}

// The path of an attachment, as it is offered and as it is asked for:
//
//	/api/v1/resources/download/charm_<package-id>.<resource>_<revision>
//
// An id has no dot and a revision no underscore, so a resource may have both.
const (
	attachmentPrefix = "/api/v1/resources/download/"
	attachmentKind   = "charm_"
)

func attachmentPath(packageID string, pin store.ResourcePin) string {
	return attachmentPrefix + attachmentKind + packageID + "." + url.PathEscape(pin.Name) + "_" + strconv.Itoa(pin.Revision)
}

// maxAttachmentName bounds what is parsed, bytes.
const maxAttachmentName = 512

// parseAttachment reads the last element of an attachment's path.
func parseAttachment(file string) (packageID string, pin store.ResourcePin, ok bool) {
	rest, is := strings.CutPrefix(file, attachmentKind)
	if !is || len(file) > maxAttachmentName {
		return "", pin, false
	}
	packageID, rest, dot := strings.Cut(rest, ".")
	at := strings.LastIndexByte(rest, '_')
	if !dot || packageID == "" || at < 1 {
		return "", pin, false
	}
	n, err := strconv.ParseInt(rest[at+1:], 10, 32)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != rest[at+1:] {
		return "", pin, false
	}
	return packageID, store.ResourcePin{Name: rest[:at], Revision: int(n)}, true
}

// downloadAttachment sends a file as it is, by the kernel where that can, and of
// an image the text that says where it is.
func (a *api) downloadAttachment(w http.ResponseWriter, r *http.Request) {
	if err := a.sendAttachment(w, r); err != nil {
		reply.Fail(w, r, consumerErrors, err)
	}
}

func (a *api) sendAttachment(w http.ResponseWriter, r *http.Request) error {
	packageID, pin, ok := parseAttachment(r.PathValue("file"))
	if !ok {
		return store.NotFoundf("not-found", "no file is called %.160q", r.PathValue("file"))
	}
	asker, err := a.asker(r)
	if err != nil {
		return err
	}
	pkg, res, err := a.Catalog.Attachment(r.Context(), asker, store.Charm, packageID, pin)
	if err != nil {
		return err
	}
	d, err := a.document(r, pkg, res)
	if err != nil {
		return err
	}
	if d != nil {
		h := w.Header()
		h.Set("Content-Type", reply.ContentJSON)
		h.Set("Cache-Control", "no-store") // it has a password
		h.Set("ETag", `"`+d.SHA3_384.Hex()+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(d.Text))
		return nil
	}
	file, err := a.Catalog.DownloadResource(r.Context(), asker, store.Charm, packageID, pin)
	if err != nil {
		return err
	}
	defer file.Close()
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
	serveFile(w, r, file)
	return nil
}

// document returns the text that clients get for a resource revision, with what
// they are told of it; nil where they get the bytes that were uploaded.
func (a *api) document(r *http.Request, pkg *store.Package, res *store.ResourceRevision) (*catalog.Document, error) {
	if res.Type != store.ResourceImage || res.Image == "" {
		return nil, nil
	}
	return a.imageDocument(r, pkg.ID, res.Name, res.Image)
}

// imageDocument is document for an image that need not have a revision yet.
func (a *api) imageDocument(r *http.Request, packageID, resource, image string) (*catalog.Document, error) {
	from, err := a.Catalog.ImagePullBySettings(r.Context())
	if err != nil {
		return nil, err
	}
	if from.Host == "" {
		from.Host = a.RegistryHost(r)
	}
	if from.Username == "" || from.Password == "" {
		username, password, err := a.pullCredentials(r.Context(), packageID, resource)
		if err != nil {
			return nil, err
		}
		from.Username, from.Password = cmp.Or(from.Username, username), cmp.Or(from.Password, password)
	}
	return a.Catalog.ImageDocument(packageID, resource, image, from)
}

// pullCredentials are kept with what else is prepared of the package, so that a
// refresh of many charms asks nobody for them; revoking them changes the package.
func (a *api) pullCredentials(ctx context.Context, packageID, resource string) (username, password string, err error) {
	kept, err := a.Catalog.Memo(ctx, store.Charm, packageID, "pull/"+resource, func() ([]byte, error) {
		username, password, err := a.Registry.PullCredentials(ctx, store.ImageRepo{PackageID: packageID, Resource: resource})
		return []byte(username + "\x00" + password.Reveal()), err
	})
	username, password, _ = strings.Cut(string(kept), "\x00")
	return username, password, err
}

// attachmentRevisions lists a resource's revisions newest first, since juju takes
// the first for the one that it is asked to use.
func (a *api) attachmentRevisions(w http.ResponseWriter, r *http.Request) {
	body, err := a.attachmentRevisionsOf(r)
	if err != nil {
		reply.Fail(w, r, consumerErrors, err)
		return
	}
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, body)
}

func (a *api) attachmentRevisionsOf(r *http.Request) ([]byte, error) {
	asker, err := a.asker(r)
	if err != nil {
		return nil, err
	}
	found, err := a.Catalog.Attachments(r.Context(), asker, store.Charm, r.PathValue("charm"), r.PathValue("resource"))
	if err != nil {
		return nil, err
	}
	base := a.base(r)
	b := []byte(`{"revisions":[`)
	for _, res := range found.Revisions {
		if b, err = a.appendAttachment(b, r, base, found.Package, found.Declared, res); err != nil {
			return nil, err
		}
		b = append(b, ',')
	}
	return append(wire.CloseArray(b), '}'), nil
}
