package snappublisher

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// unscanned are the rows of the upload store. None of them asks for credentials:
// no client sends any.
func (a *api) unscanned() []reply.Route {
	return []reply.Route{
		{Pattern: "POST /unscanned-upload", Handle: a.receive},
		{Pattern: "OPTIONS /unscanned-upload", Handle: a.uploadOptions},
		{Pattern: "POST /unscanned-upload/resumable", Handle: a.beginUpload},
		{Pattern: "GET /unscanned-upload/resumable/{id}", Handle: a.uploadOffset},
		{Pattern: "PATCH /unscanned-upload/resumable/{id}", Handle: a.appendUpload},
	}
}

// binaryPart is the name of the part that holds the file.
const binaryPart = "binary"

const (
	// maxPreamble bounds what comes before the file, and after it: the head of
	// its part, and other parts, which are passed over.
	maxPreamble = 64 << 10
	maxParts    = 16
)

// receive streams the one part that counts to the blob store.
func (a *api) receive(w http.ResponseWriter, r *http.Request) {
	id, err := a.receiveParts(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"successful": true, "upload_id": id})
}

func (a *api) receiveParts(r *http.Request) (id string, err error) {
	body := &metered{r: r.Body, left: maxPreamble}
	boundless := *r
	boundless.Body = body
	parts, err := boundless.MultipartReader()
	if err != nil {
		return "", badUpload("it is no multipart/form-data").Because(err)
	}
	for range maxParts {
		part, err := parts.NextPart()
		switch {
		case err == io.EOF: // itself: what wraps it tells of a body that is cut off
			return "", badUpload("it has no part named " + binaryPart)
		case err != nil:
			return "", body.blame(err)
		case part.FormName() != binaryPart:
			continue // the next call passes over it, within the budget
		}
		body.left = unmetered
		return a.Catalog.Receive(r.Context(), catalog.Sent{
			Filename: part.FileName(), Address: identity.EvidenceOf(r).Address, Size: declaredSize(r),
		}, &wholePart{part: part, rest: parts, body: body})
	}
	return "", badUpload("it has too many parts")
}

// declaredSize is at least what the file can have, as far as the request says.
func declaredSize(r *http.Request) int64 {
	return max(0, r.ContentLength-maxPreamble)
}

func badUpload(why string) *store.Error {
	return store.Invalidf("invalid-request", "cannot take the upload: %s", why).
		Try("send the file as the part " + binaryPart + " of multipart/form-data")
}

const unmetered = -1

// metered ends with an error when more is read than is left.
type metered struct {
	r    io.ReadCloser
	left int64
}

var errPreamble = errors.New("too much around the file")

func (m *metered) Read(p []byte) (int, error) {
	if m.left == unmetered {
		return m.r.Read(p)
	}
	if m.left == 0 {
		return 0, errPreamble
	}
	n, err := m.r.Read(p[:min(int64(len(p)), m.left)])
	m.left -= int64(n)
	return n, err
}

func (m *metered) Close() error { return m.r.Close() }

// blame says what was wrong with a body that could not be read.
func (m *metered) blame(err error) error {
	if errors.Is(err, errPreamble) {
		return store.TooLargef(reply.CodeTooLarge, "cannot take the upload: there are more than %d bytes around the file", maxPreamble)
	}
	return badUpload("it is cut off or malformed").Because(err)
}

// wholePart is a part that only ends well when the body does, too: a file whose
// end cannot be told from its being cut off is none.
type wholePart struct {
	part *multipart.Part
	rest *multipart.Reader
	body *metered
	end  error // once part has ended
}

func (p *wholePart) Read(b []byte) (int, error) {
	if p.end != nil {
		return 0, p.end
	}
	n, err := p.part.Read(b)
	if err == nil {
		return n, nil
	}
	if err != io.EOF {
		p.end = p.body.blame(err)
		return n, p.end
	}
	p.end = p.passRest()
	return n, p.end
}

// passRest reads on to the closing boundary.
func (p *wholePart) passRest() error {
	p.body.left = maxPreamble
	for range maxParts {
		next, err := p.rest.NextPart()
		switch {
		case err == io.EOF: // as in receiveParts
			return io.EOF
		case err != nil:
			return p.body.blame(err)
		case next.FormName() == binaryPart:
			return badUpload("it has two parts named " + binaryPart)
		}
	}
	return badUpload("it has too many parts")
}

// The extension by which uploads go on after an interruption. Clients look for
// the header before they rely on it.
const (
	resumeHeader = "Larder-Upload"
	resumeWord   = "resume"
	offsetHeader = "Upload-Offset"
	lengthHeader = "Upload-Length"
	pieceType    = "application/offset+octet-stream"
)

func (a *api) uploadOptions(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Allow", "OPTIONS, POST")
	if a.Catalog.Resumes() {
		w.Header().Set(resumeHeader, resumeWord)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (a *api) beginUpload(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Filename string `json:"filename"`
		Size     int64  `json:"size"`
	}
	var id string
	err := reply.Decode(w, r, smallBody, &body)
	if err == nil {
		id, err = a.Catalog.BeginUpload(r.Context(), catalog.Sent{
			Filename: body.Filename, Address: identity.EvidenceOf(r).Address, Size: body.Size,
		})
	}
	if err != nil {
		failV1(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusCreated, map[string]any{"upload_id": id})
}

func (a *api) uploadOffset(w http.ResponseWriter, r *http.Request) {
	offset, size, err := a.Catalog.UploadOffset(r.Context(), r.PathValue("id"))
	if err != nil {
		failV1(w, r, err)
		return
	}
	w.Header().Set(offsetHeader, strconv.FormatInt(offset, 10))
	w.Header().Set(lengthHeader, strconv.FormatInt(size, 10))
	w.WriteHeader(http.StatusOK)
}

func (a *api) appendUpload(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	offset, err := strconv.ParseInt(r.Header.Get(offsetHeader), 10, 64)
	switch {
	case r.Header.Get("Content-Type") != pieceType:
		err = store.Invalidf("invalid-request", "a piece of an upload is %s", pieceType)
	case err != nil || offset < 0:
		err = store.Invalidf("invalid-request", "the header %s must say where the piece begins", offsetHeader)
	}
	if err != nil {
		failV1(w, r, err)
		return
	}
	piece := &piece{r: r.Body}
	end, complete, err := a.Catalog.AppendUpload(r.Context(), id, identity.EvidenceOf(r).Address, offset, piece)
	if err != nil {
		if piece.broken && store.KindOf(err) == store.KindInternal {
			err = store.Invalidf("invalid-request", "the piece is cut off").Try("ask how much has arrived, and go on there").Because(err)
		}
		failV1(w, r, err)
		return
	}
	w.Header().Set(offsetHeader, strconv.FormatInt(end, 10))
	if complete {
		reply.JSON(w, r, http.StatusOK, map[string]any{"successful": true, "upload_id": id})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// piece notices when it is the client that breaks off.
type piece struct {
	r      io.Reader
	broken bool
}

func (p *piece) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.broken = p.broken || err != nil && err != io.EOF
	return n, err
}
