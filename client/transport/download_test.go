package transport

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPath(t *testing.T) {
	for want, elements := range map[string][]string{
		"":                  nil,
		"/v1/charm/bake-it": {"v1", "charm", "bake-it"},
		"/a%2Fb/%2E%2E/%2E": {"a/b", "..", "."},
		"/a%3Fb%23c/%20":    {"a?b#c", " "},
		"/...":              {"..."},
	} {
		if got := Path(elements...); got != want {
			t.Errorf("%q is %q", elements, got)
		}
	}
}

// TestDownloadVerifiesEveryDigest, whichever they are, and sends what the file
// asks for with every request.
func TestDownloadVerifiesEveryDigest(t *testing.T) {
	const content = "a charm"
	var header http.Header
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	}))
	defer s.Close()
	a, b := sha256.Sum256([]byte(content)), sha512.Sum384([]byte(content))
	first, second := Digest{sha256.New, hex.EncodeToString(a[:])}, Digest{sha512.New384, strings.ToUpper(hex.EncodeToString(b[:]))}
	wrong := Digest{md5.New, strings.Repeat("0", 32)}
	for name, tt := range map[string]struct {
		digests []Digest
		want    error
	}{
		"one": {[]Digest{first}, nil}, "two": {[]Digest{first, second}, nil}, "last wrong": {[]Digest{first, second, wrong}, ErrWrongDigest}, "first wrong": {[]Digest{wrong, first}, ErrWrongDigest},
	} {
		file := filepath.Join(t.TempDir(), "f")
		what := File{URL: s.URL, Size: int64(len(content)), Digests: tt.digests, Header: http.Header{"X-Own": {"1"}}, Authorize: func(r *http.Request) error {
			r.Header.Set("Authorization", "Macaroon x")
			return nil
		}}
		err := (&Client{}).Download(t.Context(), what, file, nil)
		if !errors.Is(err, tt.want) || header.Get("X-Own") != "1" || header.Get("Authorization") != "Macaroon x" || what.Header.Get("Accept-Encoding") != "" {
			t.Errorf("%s: %v with %v", name, err, header)
		}
		if got, err := os.ReadFile(file); tt.want == nil && (err != nil || string(got) != content) || tt.want != nil && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: left %q, %v", name, got, err)
		}
	}
}

// TestDownloadOfNothing is refused before a file is made.
func TestDownloadOfNothing(t *testing.T) {
	sum := Digest{sha256.New, strings.Repeat("a", 64)}
	for name, what := range map[string]File{
		"no address": {Digests: []Digest{sum}}, "no host": {URL: "/f", Digests: []Digest{sum}}, "no digest": {URL: "http://store.example/f"},
		"negative": {URL: "http://store.example/f", Size: -1, Digests: []Digest{sum}}, "no hex": {URL: "http://store.example/f", Digests: []Digest{{sha256.New, strings.Repeat("g", 64)}}},
		"short": {URL: "http://store.example/f", Digests: []Digest{{sha512.New384, sum.Hex}}},
	} {
		file := filepath.Join(t.TempDir(), "f")
		if err := (&Client{}).Download(t.Context(), what, file, nil); err == nil || errors.As(err, new(*NetworkError)) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(file + ".partial"); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a file is there", name)
		}
	}
}

// TestPassing tells what a second try may mend.
func TestPassing(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"no answer":      {&NetworkError{Err: errors.New("x")}, true},
		"503":            {&StoreError{Status: 503}, true},
		"429":            {&StoreError{Status: 429}, true},
		"501":            {&StoreError{Status: 501}, false},
		"404":            {&StoreError{Status: 404}, false},
		"a file of ours": {&NetworkError{Err: &LocalError{errors.New("disk full")}}, false},
		"anything":       {errors.New("x"), false},
	} {
		if Passing(tt.err) != tt.want {
			t.Errorf("%s: %v", name, !tt.want)
		}
	}
}
