package reply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
)

// ContentJSON is exact: snapd refuses a good answer whose type goes on with a
// charset.
const ContentJSON = "application/json"

// unencodable is what is left to say when encoding itself failed.
var unencodable = []byte(`{"error-list":[{"code":"internal-error","message":"` + internalMessage + `"}]}`)

// JSON answers with v encoded as JSON. A v that cannot be encoded is a defect
// of the caller and becomes a plain 500.
func JSON(w http.ResponseWriter, r *http.Request, status int, v any) {
	buf := takeBuffer()
	defer giveBuffer(buf)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		slog.ErrorContext(r.Context(), "cannot encode an answer", "error", err, "type", fmt.Sprintf("%T", v))
		w.Header().Del("Content-Type")
		Bytes(w, http.StatusInternalServerError, ContentJSON, unencodable)
		return
	}
	Bytes(w, status, ContentJSON, buf.Bytes())
}

// Bytes answers with a body that is ready, of exactly the given content type.
// A Content-Type that is set already stays.
func Bytes(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	if _, set := h["Content-Type"]; !set {
		h["Content-Type"] = []string{contentType}
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	// The client may be gone, and there is nobody to tell.
	_, _ = w.Write(body)
}

// maxPooledBuffer keeps one large body from pinning its memory for ever.
const maxPooledBuffer = 64 << 10

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func takeBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

func giveBuffer(buf *bytes.Buffer) {
	if buf.Cap() <= maxPooledBuffer {
		buf.Reset()
		buffers.Put(buf)
	}
}
