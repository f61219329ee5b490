package snappublisher

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// Limits of a request with pictures.
const (
	maxMediaBody  = 16 << 20 // bytes; all that a package may show has less
	maxMediaParts = 16
	maxMediaInfo  = 64 << 10 // bytes
	maxEntries    = 32
)

// partInfo is the name of the part that says what the pictures are to be. Clients
// send it as a field, or as a file without a name.
const partInfo = "info"

// wirePicture is one picture as snapcraft and web pages list it.
type wirePicture struct {
	Type     string `json:"type"`
	Hash     string `json:"hash"` // SHA-256 in hex
	Filename string `json:"filename"`
	URL      string `json:"url"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
}

func (a *api) picturesOf(r *http.Request, pkg *store.Package, list []catalog.Picture) []wirePicture {
	wire := make([]wirePicture, len(list))
	count := make(map[string]int)
	for i, p := range list {
		count[p.Kind]++
		wire[i] = wirePicture{
			Type: p.Kind, Hash: p.SHA256, Filename: filename(p, count[p.Kind]), URL: a.mediumURL(r, pkg.ID, p.Medium),
			Width: p.Width, Height: p.Height,
		}
	}
	return wire
}

// extensions of the pictures that a package may have.
var extensions = map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/svg+xml": ".svg"}

// filename is a name to save the n-th picture of its kind under.
func filename(p catalog.Picture, n int) string {
	if p.Kind == store.MediumScreenshot {
		return fmt.Sprintf("%s-%d%s", p.Kind, n, extensions[p.ContentType])
	}
	return p.Kind + extensions[p.ContentType]
}

func (a *api) media(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	pkg, list, err := a.Catalog.Media(r.Context(), who, store.Snap, snapByID(r))
	if err != nil {
		failV1(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, a.picturesOf(r, pkg, list))
}

// setMedia replaces a snap's pictures, with POST and PUT as editMetadata has them.
func (a *api) setMedia(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	read := func(take catalog.Receiver) (catalog.MediaOrder, error) {
		order, err := readMedia(w, r, take)
		order.KeepEdits = r.Method == http.MethodPost
		order.Uploaded = order.KeepEdits || r.URL.Query().Get("conflict_on_update") != "true"
		return order, err
	}
	pkg, list, err := a.Catalog.SetMedia(r.Context(), who, store.Snap, snapByID(r), read)
	if err != nil {
		failV1(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, a.picturesOf(r, pkg, list))
}

// readMedia reads a multipart request: what the pictures are to be in the part
// info, and new files in parts that are named as it names them. Any order of parts
// will do.
func readMedia(w http.ResponseWriter, r *http.Request, take catalog.Receiver) (order catalog.MediaOrder, err error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return order, store.Invalidf("invalid-request", "send multipart/form-data with the part %s", partInfo)
	}
	parts := multipart.NewReader(http.MaxBytesReader(w, r.Body, maxMediaBody), params["boundary"])
	var info []byte
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		switch {
		case err == io.EOF && info == nil:
			return order, store.Invalidf("required", "the request has no part %s", partInfo).With("name", partInfo)
		case err == io.EOF:
			return readMediaInfo(info)
		case err != nil:
			return order, badMultipart(err)
		case n == maxMediaParts:
			return order, store.Invalidf("invalid-request", "the request has more than %d parts", maxMediaParts)
		}
		switch name := part.FormName(); name {
		case partInfo:
			if info, err = readPart(part); err != nil {
				return order, err
			}
		default:
			failing := &partReader{Part: part}
			if err := take(name, failing); err != nil {
				if failing.failed != nil {
					err = badMultipart(failing.failed)
				}
				return order, err
			}
		}
	}
}

// partReader remembers that the client's bytes ran out, whatever is made of it.
type partReader struct {
	*multipart.Part
	failed error
}

func (p *partReader) Read(b []byte) (int, error) {
	n, err := p.Part.Read(b)
	if err != nil && err != io.EOF {
		p.failed = err
	}
	return n, err
}

func readPart(part *multipart.Part) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(part, maxMediaInfo+1))
	switch {
	case err != nil:
		return nil, badMultipart(err)
	case len(text) > maxMediaInfo:
		return nil, store.TooLargef(reply.CodeTooLarge, "the part %s has more than %d bytes", partInfo, maxMediaInfo)
	}
	return text, nil
}

func badMultipart(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return store.TooLargef(reply.CodeTooLarge, "the request body is larger than %d bytes", over.Limit)
	}
	return store.Invalidf("invalid-request", "cannot read the request's parts").Because(err)
}

func readMediaInfo(text []byte) (catalog.MediaOrder, error) {
	var order catalog.MediaOrder
	var entries []struct {
		Type string `json:"type"`
		Hash string `json:"hash"`
		Key  string `json:"key"`
	}
	err := json.NewDecoder(bytes.NewReader(text)).Decode(&entries)
	if err != nil || entries == nil {
		return order, store.Invalidf("invalid-request", "the part %s is no list of pictures in JSON", partInfo).With("name", partInfo)
	}
	if len(entries) > maxEntries {
		return order, store.Invalidf("media-too-many-items", "the part %s has more than %d entries", partInfo, maxEntries)
	}
	for _, e := range entries {
		order.Entries = append(order.Entries, catalog.MediaEntry{Kind: e.Type, Hash: e.Hash, File: e.Key})
	}
	return order, nil
}
