package publishertest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/dialect/reply"
)

// Answer is what came back.
type Answer struct {
	*httptest.ResponseRecorder
	T testing.TB
}

// Do asks as whoever the token names; "" shows no credentials. The body is sent
// as it is when it is text or bytes, and as JSON otherwise.
func (w *World) Do(token, method, path string, body any, headers ...string) Answer {
	w.T.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case []byte:
		reader = bytes.NewReader(b)
	case io.Reader:
		reader = b
	default:
		encoded, err := json.Marshal(b)
		w.Must(err)
		reader = bytes.NewReader(encoded)
	}
	r := httptest.NewRequestWithContext(w.T.Context(), method, path, reader)
	if token != "" {
		r.Header.Set("Authorization", "Macaroon "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.API.ServeHTTP(rec, r)
	return Answer{rec, w.T}
}

// Into decodes the body, which must have the status.
func (a Answer) Into(status int, into any) {
	a.T.Helper()
	if a.Code != status {
		a.T.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	if got := a.Header().Get("Content-Type"); got != reply.ContentJSON {
		a.T.Fatalf("content type %q", got)
	}
	if err := json.Unmarshal(a.Body.Bytes(), into); err != nil {
		a.T.Fatalf("%v in %s", err, a.Body)
	}
}

// Object is Into into a map.
func (a Answer) Object(status int) map[string]any {
	a.T.Helper()
	var v map[string]any
	a.Into(status, &v)
	return v
}

// ErrorCode is the code of the first error, in either spelling of the list.
func (a Answer) ErrorCode(status int) string {
	a.T.Helper()
	var v struct {
		V1 []struct{ Code, Message string } `json:"error_list"`
		V2 []struct{ Code, Message string } `json:"error-list"`
	}
	a.Into(status, &v)
	list := append(v.V1, v.V2...)
	if len(list) == 0 || list[0].Message == "" {
		a.T.Fatalf("no error list: %s", a.Body)
	}
	return list[0].Code
}

// Empty fails the test unless the answer is a 204 of nothing.
func (a Answer) Empty() {
	a.T.Helper()
	if a.Code != 204 || a.Body.Len() > 0 {
		a.T.Fatalf("answered %d %s", a.Code, a.Body)
	}
}
