package charmhub

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
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

// all are the requests so far.
func (s *fakeStore) all() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]asked{}, s.asked...)
}

func (s *fakeStore) last() asked {
	all := s.all()
	return all[len(all)-1]
}

// client asks the fake store with one token and does not wait between tries.
func (s *fakeStore) client() *Client {
	return &Client{Endpoints: At(s.URL), Authorizer: auth.NewToken("tok-12345"), PollInterval: time.Nanosecond, HTTP: quick(2)}
}

func (s *fakeStore) consumer() *Consumer { return &Consumer{URL: s.URL, HTTP: quick(2)} }

func quick(times int) *transport.Client {
	return &transport.Client{Retry: &transport.Retry{Times: times, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}}
}

// answer makes the store answer one path.
func (s *fakeStore) answer(pattern string, status int, body string) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { write(w, status, body) })
}

// answers makes the store answer one path differently each time; the last answer
// stays.
func (s *fakeStore) answers(pattern string, bodies ...string) {
	var mu sync.Mutex
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		write(w, 200, bodies[0])
		if len(bodies) > 1 {
			bodies = bodies[1:]
		}
	})
}

func write(w http.ResponseWriter, status int, body string) {
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
