package reply

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

func TestDecodeSaysWhatIsWrongWithABody(t *testing.T) {
	type action struct {
		Name     string `json:"name"`
		Revision int    `json:"revision"`
	}
	type request struct {
		Actions []action `json:"actions"`
	}
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	tests := []struct {
		name, body string
		kind       store.Kind // of the error
		message    string     // part of it; no error if empty
	}{
		{"a good body", `{"actions":[{"name":"hello","revision":3}]}`, 0, ""},
		{"unknown fields", `{"actions":[],"later":{"x":` + deep(20) + `}}`, 0, ""},
		{"brackets in strings", `{"actions":[{"name":"\"` + strings.Repeat("[", 100) + `"}]}`, 0, ""},
		{"nothing", "", store.KindInvalid, "not complete"},
		{"half a value", `{"actions":[`, store.KindInvalid, "not JSON: unexpected end"},
		{"two values", `{} {}`, store.KindInvalid, "not JSON: invalid character '{' after top-level value at byte 4"},
		{"no JSON", "hello=1", store.KindInvalid, "not JSON"},
		{"a wrong type", `{"actions":[{"revision":"three"}]}`, store.KindInvalid, "/actions/revision is of the wrong type: it is a JSON string"},
		{"an array for an object", `[]`, store.KindInvalid, "wrong type: it is a JSON array"},
		{"as deep as allowed", `{"x":` + deep(maxDepth-1) + `}`, 0, ""},
		{"too deep", `{"x":` + deep(maxDepth) + `}`, store.KindInvalid, "nests deeper than 64 levels"},
		{"a hundred thousand deep", strings.Repeat(`{"a":`, 100_000), store.KindInvalid, "nests deeper"},
		{"too large", `{"x":"` + strings.Repeat("y", 1<<20) + `"}`, store.KindTooLarge, "larger than 1048576 bytes"},
	}
	for _, tt := range tests {
		for _, chunked := range []bool{false, true} {
			r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
			if chunked {
				r.ContentLength = -1
			}
			var v request
			err := Decode(httptest.NewRecorder(), r, 1<<20, &v)
			switch {
			case tt.message == "" && err != nil:
				t.Errorf("%s, chunked %t: refused: %v", tt.name, chunked, err)
			case tt.message != "" && (err == nil || store.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.message)):
				t.Errorf("%s, chunked %t: error %v, want %v with %q", tt.name, chunked, err, tt.kind, tt.message)
			}
		}
	}
}

func TestDecodeReadsNoMoreThanTheLimit(t *testing.T) {
	const limit = 1 << 20
	body := &endless{}
	r := httptest.NewRequest("POST", "/", body)
	r.ContentLength = -1
	var v any
	err := Decode(httptest.NewRecorder(), r, limit, &v)
	if store.KindOf(err) != store.KindTooLarge {
		t.Errorf("error %v, want too large", err)
	}
	if body.read > limit+1 {
		t.Errorf("read %d bytes of an endless body, want at most %d", body.read, limit+1)
	}
}

func TestDecodeRespectsTheLimitOfAMount(t *testing.T) {
	r := httptest.NewRequest("POST", "/", &endless{})
	r.ContentLength = -1
	r.Body = http.MaxBytesReader(nil, r.Body, 100)
	var v any
	err := Decode(httptest.NewRecorder(), r, 1<<20, &v)
	if store.KindOf(err) != store.KindTooLarge || !strings.Contains(err.Error(), "100 bytes") {
		t.Errorf("error %v, want too large with the mount's limit", err)
	}
}

func TestDecodeDoesNotBlameTheClientsJSONForABrokenConnection(t *testing.T) {
	broken := errors.New("connection reset")
	r := httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader(`{"a":`), failing{broken}))
	r.ContentLength = -1
	var v any
	if err := Decode(httptest.NewRecorder(), r, 1<<20, &v); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v in it", err, broken)
	}
}

// endless is a body that never ends, of one long JSON array.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '['
		if (e.read+int64(i))%2 == 1 {
			p[i] = ']'
		}
	}
	e.read += int64(len(p))
	return len(p), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
