// Package storetest is a store for the tests of clients, which answers what a test
// says and keeps what it was asked.
package storetest

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

	"github.com/larder-store/larder/client/transport"
)

// Store answers what a test says and keeps what it was asked.
type Store struct {
	*httptest.Server
	Mux *http.ServeMux

	mu    sync.Mutex
	asked []Asked // guarded by mu
}

// Asked is one request.
type Asked struct {
	Method, URI string
	Header      http.Header
	Body        []byte
}

// New returns a store that answers nothing yet, and ends with the test.
func New(t testing.TB) *Store {
	s := &Store{Mux: http.NewServeMux()}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the client broke off
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		s.mu.Lock()
		s.asked = append(s.asked, Asked{r.Method, r.URL.RequestURI(), r.Header.Clone(), body})
		s.mu.Unlock()
		s.Mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// All are the requests so far.
func (s *Store) All() []Asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Asked{}, s.asked...)
}

// Last is the newest request.
func (s *Store) Last() Asked {
	all := s.All()
	return all[len(all)-1]
}

// Total is how often the store was asked.
func (s *Store) Total() int { return len(s.All()) }

// Count is how often it was asked with a method.
func (s *Store) Count(method string) (n int) {
	for _, a := range s.All() {
		if a.Method == method {
			n++
		}
	}
	return n
}

// Answer makes the store answer one path, as Write does.
func (s *Store) Answer(pattern string, status int, body string) {
	s.Mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { Write(w, status, body) })
}

// Answers makes the store answer one path differently each time; the last answer
// stays.
func (s *Store) Answers(pattern string, bodies ...string) {
	var mu sync.Mutex
	s.Mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		Write(w, http.StatusOK, bodies[0])
		if len(bodies) > 1 {
			bodies = bodies[1:]
		}
	})
}

// Write answers with JSON. A body that names a file of testdata is that file.
func Write(w http.ResponseWriter, status int, body string) {
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

// Quick is a transport that tries so often without waiting in between.
func Quick(times int) *transport.Client {
	return &transport.Client{Retry: &transport.Retry{Times: times, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}}
}

// SameJSON reports whether a text is the wanted JSON, or as empty.
func SameJSON(t testing.TB, got []byte, want string) bool {
	t.Helper()
	var x, y any
	if want == "" || len(got) == 0 {
		return string(got) == want
	}
	if err := json.Unmarshal([]byte(want), &y); err != nil {
		t.Fatal(err)
	}
	return json.Unmarshal(got, &x) == nil && reflect.DeepEqual(x, y)
}
