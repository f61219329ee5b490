package snapstore

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/transport"
)

// fakeStore answers what a test says and keeps what it was asked.
type fakeStore struct {
	*httptest.Server
	mux *http.ServeMux

	mu    sync.Mutex
	asked []asked // guarded by mu
}

type asked struct {
	Method, URI string
	Header      http.Header
	Body        []byte
}

func newFakeStore(t testing.TB) *fakeStore {
	s := &fakeStore{mux: http.NewServeMux()}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client broke off
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		s.mu.Lock()
		s.asked = append(s.asked, asked{r.Method, r.URL.RequestURI(), r.Header.Clone(), body})
		s.mu.Unlock()
		s.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *fakeStore) last() asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[len(s.asked)-1]
}

// total is how often the store was asked.
func (s *fakeStore) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

func (s *fakeStore) count(method string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asked {
		if a.Method == method {
			n++
		}
	}
	return n
}

// client asks the fake store with one token and does not wait between tries.
func (s *fakeStore) client() *Client {
	return &Client{
		Endpoints: At(s.URL), Authorizer: auth.NewToken("tok-12345"), PollInterval: time.Nanosecond, HTTP: quick(3),
	}
}

func quick(times int) *transport.Client {
	return &transport.Client{Retry: &transport.Retry{Times: times, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}}
}

// answer makes the store answer one path. A body that names a file of testdata
// is that file.
func (s *fakeStore) answer(pattern string, status int, body string) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { write(w, status, body) })
}

func write(w http.ResponseWriter, status int, body string) {
	if strings.HasSuffix(body, ".json") {
		text, err := os.ReadFile(filepath.Join("testdata", body))
		if err != nil {
			status = http.StatusTeapot
		}
		body = string(text)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func sameJSON(t testing.TB, got []byte, want string) bool {
	t.Helper()
	var x, y any
	if want == "" || len(got) == 0 {
		return string(got) == want
	}
	must(t, json.Unmarshal([]byte(want), &y))
	return json.Unmarshal(got, &x) == nil && reflect.DeepEqual(x, y)
}

func ptr[T any](v T) *T { return &v }
