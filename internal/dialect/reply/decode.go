package reply

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// maxDepth is how deeply arrays and objects may nest in a request. The deepest
// that a real client sends is below ten.
const maxDepth = 64

// CodeBadJSON is what the public stores answer to a body that does not fit
// their schema.
const CodeBadJSON = "api-error"

// CodeTooLarge is the code of a body over its limit.
const CodeTooLarge = "request-too-large"

// Decode reads the request's body, one JSON value of at most limit bytes, into
// v. It reads no more than that whatever the client goes on to send, and keeps
// nothing of it. Its errors are store errors: too large, or invalid with what
// is wrong and where.
func Decode(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	if r.ContentLength > limit {
		return tooLarge(limit)
	}
	buf := takeBuffer()
	defer giveBuffer(buf)
	if r.ContentLength > 0 && r.ContentLength <= maxPooledBuffer {
		buf.Grow(int(r.ContentLength) + 512) // bytes.Buffer asks for room before it sees the end
	}
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return tooLarge(over.Limit)
	case err != nil:
		return store.Invalidf(CodeBadJSON, "cannot read the request body").Because(err)
	}
	return Unmarshal(buf.Bytes(), v)
}

func tooLarge(limit int64) error {
	return store.TooLargef(CodeTooLarge, "the request body is larger than %d bytes", limit)
}

// Unmarshal is Decode for what has been read already.
func Unmarshal(body []byte, v any) error {
	if depthExceeds(body, maxDepth) {
		return store.Invalidf(CodeBadJSON, "the request body nests deeper than %d levels", maxDepth)
	}
	err := json.Unmarshal(body, v)
	var (
		syntax *json.SyntaxError
		typed  *json.UnmarshalTypeError
	)
	switch {
	case err == nil:
		return nil
	case len(body) == 0 || errors.Is(err, io.ErrUnexpectedEOF):
		return store.Invalidf(CodeBadJSON, "the request body is not complete JSON")
	case errors.As(err, &syntax):
		return store.Invalidf(CodeBadJSON, "the request body is not JSON: %s at byte %d", syntax.Error(), syntax.Offset)
	case errors.As(err, &typed):
		return store.Invalidf(CodeBadJSON, "%s is of the wrong type: %s", pointer(typed.Field), article(typed.Value))
	default:
		// What a field's own decoder says is written for the client.
		return store.Invalidf(CodeBadJSON, "cannot decode the request body: %s", err)
	}
}

// pointer turns a dotted field into a JSON pointer, as the public stores name
// the place.
func pointer(field string) string {
	return "/" + strings.ReplaceAll(field, ".", "/")
}

func article(jsonType string) string {
	// The decoder says "number 1.5" where the value matters; it may be long.
	kind, _, _ := strings.Cut(jsonType, " ")
	return "it is a JSON " + kind
}

// depthExceeds tells whether body nests deeper than limit, before any of it
// is decoded. It need not be JSON.
func depthExceeds(body []byte, limit int) bool {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString:
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
