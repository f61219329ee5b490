package snapstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/larder-store/larder/client/internal/storetest"
)

// storage takes uploads as stores do, and fails as a test says.
type storage struct {
	*httptest.Server
	t testing.TB

	mu       sync.Mutex
	options  bool              // answers OPTIONS with Larder-Upload
	requests []string          // method and path
	whole    func(n int) int   // status of the n-th whole upload, 0 for success
	cut      func(n int) int64 // of the n-th PATCH: bytes to take before breaking off, -1 for all
	part     func(n int) int64 // of the n-th PATCH: bytes to take before answering 204, -1 for all
	ahead    func(n int) bool  // whether the n-th PATCH finds that more arrived than was said
	forget   func(n int) bool  // whether the n-th PATCH finds its upload gone
	patches  int
	posts    int
	uploads  map[string]*bytes.Buffer
	sizes    map[string]int64
	got      []byte // of the last finished upload
	name     string
	length   int64
	authed   bool
}

func newStorage(t testing.TB) *storage {
	s := &storage{
		t: t, uploads: map[string]*bytes.Buffer{}, sizes: map[string]int64{},
		whole: func(int) int { return 0 }, cut: func(int) int64 { return -1 }, part: func(int) int64 { return -1 }, forget: func(int) bool { return false },
		ahead: func(int) bool { return false },
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	s.authed = s.authed || r.Header.Get("Authorization") != ""
	id, resumable := strings.CutPrefix(r.URL.Path, "/unscanned-upload/resumable")
	id = strings.TrimPrefix(id, "/")
	switch {
	case r.Method == http.MethodOptions:
		if s.options {
			w.Header().Set("Larder-Upload", "resume")
		}
		w.WriteHeader(204)
	case !resumable:
		s.takeWhole(w, r)
	case r.Method == http.MethodPost:
		var in struct {
			Filename string
			Size     int64
		}
		_ = json.NewDecoder(r.Body).Decode(&in)
		id = "r-" + strconv.Itoa(len(s.uploads)+1)
		s.uploads[id], s.sizes[id], s.name = &bytes.Buffer{}, in.Size, in.Filename
		storetest.Write(w, 201, `{"upload_id":"`+id+`"}`)
	case s.uploads[id] == nil:
		storetest.Write(w, 404, `{"error-list":[{"code":"resource-not-found","message":"unknown upload"}]}`)
	case r.Method == http.MethodHead:
		w.Header().Set("Upload-Offset", strconv.Itoa(s.uploads[id].Len()))
	case r.Method == http.MethodPatch:
		s.takePart(w, r, id)
	}
}

func (s *storage) takeWhole(w http.ResponseWriter, r *http.Request) {
	s.posts++
	s.length = r.ContentLength
	if status := s.whole(s.posts); status == -1 {
		_, _ = io.CopyN(io.Discard, r.Body, 100)
		panic(http.ErrAbortHandler)
	} else if status != 0 {
		storetest.Write(w, status, `{"error_list":[{"code":"x","message":"y"}]}`)
		return
	}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		s.t.Error(err)
		return
	}
	part, err := multipart.NewReader(r.Body, params["boundary"]).NextRawPart()
	if err != nil || part.FormName() != "binary" || part.Header.Get("Content-Type") != "application/octet-stream" {
		s.t.Errorf("part %v, %v", part, err)
		return
	}
	s.name = part.FileName()
	digest := sha256.New()
	if _, err = io.Copy(digest, part); err != nil {
		s.t.Error(err)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	s.got = digest.Sum(nil)
	storetest.Write(w, 200, `{"successful":true,"upload_id":12345}`)
}

func (s *storage) takePart(w http.ResponseWriter, r *http.Request, id string) {
	s.patches++
	if s.forget(s.patches) {
		delete(s.uploads, id)
		storetest.Write(w, 404, `{}`)
		return
	}
	have := s.uploads[id]
	if s.ahead(s.patches) {
		_, _ = io.CopyN(have, r.Body, 1000)
	}
	if r.Header.Get("Upload-Offset") != strconv.Itoa(have.Len()) || r.Header.Get("Content-Type") != "application/offset+octet-stream" {
		storetest.Write(w, 409, `{"error-list":[{"code":"conflict","message":"wrong offset"}]}`)
		return
	}
	if n := s.cut(s.patches); n >= 0 {
		_, _ = io.CopyN(have, r.Body, n)
		panic(http.ErrAbortHandler)
	}
	if n := s.part(s.patches); n >= 0 {
		_, _ = io.CopyN(have, r.Body, n)
	} else if _, err := io.Copy(have, r.Body); err != nil {
		return
	}
	if int64(have.Len()) < s.sizes[id] {
		w.Header().Set("Upload-Offset", strconv.Itoa(have.Len()))
		w.WriteHeader(204)
		return
	}
	digest := sha256.Sum256(have.Bytes())
	s.got = digest[:]
	storetest.Write(w, 200, `{"successful":true,"upload_id":"`+id+`"}`)
}

// settle waits until the answers that were cut off have ended too.
func (s *storage) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
}

func (s *storage) client(times int) *Client {
	return &Client{Endpoints: At(s.URL), HTTP: storetest.Quick(times)}
}

// file is content that is not all the same.
func file(t testing.TB, size int) (name string, digest []byte) {
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i * i / 7)
	}
	name = filepath.Join(t.TempDir(), `he"llo_1.0.snap`)
	must(t, os.WriteFile(name, content, 0o600))
	sum := sha256.Sum256(content)
	return name, sum[:]
}

func TestUploadInOnePiece(t *testing.T) {
	for _, tt := range []struct {
		name    string
		size    int
		failing map[int]int // n-th request → status, -1 breaks off
		posts   int
		err     bool
	}{
		{"at once", 100_000, nil, 1, false},
		{"empty file", 0, nil, 1, false},
		{"again after 503", 100_000, map[int]int{1: 503, 2: 500}, 3, false},
		{"again after a broken connection", 3_000_000, map[int]int{1: -1}, 2, false},
		{"not after 400", 100, map[int]int{1: 400}, 1, true},
		{"not for ever", 100, map[int]int{1: 503, 2: 503, 3: 503, 4: 503}, 4, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStorage(t)
			s.whole = func(n int) int { return tt.failing[n] }
			name, digest := file(t, tt.size)
			var last Progress
			c := s.client(3)
			c.Authorizer = nil
			id, err := c.UploadFile(t.Context(), name, &UploadOptions{Progress: func(p Progress) { last = p }})
			s.settle()
			if s.posts != tt.posts || s.authed {
				t.Errorf("%d requests, with credentials: %v", s.posts, s.authed)
			}
			if tt.err {
				var failed *UploadError
				var refused *StoreError
				if !errors.As(err, &failed) || !errors.As(err, &refused) || id != "" {
					t.Errorf("error %v", err)
				}
				return
			}
			must(t, err)
			if id != "12345" || !bytes.Equal(s.got, digest) || s.name != `he"llo_1.0.snap` || s.length <= int64(tt.size) {
				t.Errorf("upload %s of %q, length %d", id, s.name, s.length)
			}
			if want := (Progress{Done: int64(tt.size), Total: int64(tt.size), Attempt: tt.posts}); tt.size > 0 && last != want {
				t.Errorf("progress ended at %+v, want %+v", last, want)
			}
		})
	}
}

func TestUploadThatContinues(t *testing.T) {
	const size = 1_000_000
	always := func(v int64) func(int) int64 { return func(int) int64 { return v } }
	first := func(v int64) func(int) int64 {
		return func(n int) int64 {
			if n == 1 {
				return v
			}
			return -1
		}
	}
	for _, tt := range []struct {
		name  string
		setUp func(*storage)
		want  string
		err   bool
	}{
		{"at once", func(*storage) {}, "OPTIONS POST PATCH", false},
		{"after a broken connection", func(s *storage) { s.cut = first(300_000) }, "OPTIONS POST PATCH HEAD PATCH", false},
		{"piece by piece", func(s *storage) { s.part = first(400_000) }, "OPTIONS POST PATCH HEAD PATCH", false},
		{"an upload that was forgotten", func(s *storage) { s.forget = func(n int) bool { return n == 1 } }, "OPTIONS POST PATCH POST PATCH", false},
		{"an offset that is wrong", func(s *storage) { s.ahead = func(n int) bool { return n == 1 } }, "OPTIONS POST PATCH HEAD PATCH", false},
		{"a store that keeps forgetting", func(s *storage) { s.forget = func(int) bool { return true } }, "OPTIONS POST PATCH POST PATCH POST PATCH", true},
		{"a store that takes nothing", func(s *storage) { s.cut = always(0) }, "OPTIONS POST PATCH HEAD PATCH HEAD PATCH", true},
		{"a store that cannot", func(s *storage) { s.options = false }, "OPTIONS POST", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStorage(t)
			s.options = true
			tt.setUp(s)
			name, digest := file(t, size)
			_, err := s.client(2).UploadFile(t.Context(), name, &UploadOptions{Resume: ResumeAlways})
			s.settle()
			var did []string
			for _, r := range s.requests {
				method, _, _ := strings.Cut(r, " ")
				did = append(did, method)
			}
			if strings.Join(did, " ") != tt.want {
				t.Errorf("did %v, want %s", s.requests, tt.want)
			}
			var failed *UploadError
			if tt.err != errors.As(err, &failed) || !tt.err && err != nil {
				t.Fatalf("error %v", err)
			}
			if !tt.err && !bytes.Equal(s.got, digest) {
				t.Error("another file arrived")
			}
		})
	}
}

// TestUploadContinuesInAnotherProcess: by the id in the error.
func TestUploadContinuesInAnotherProcess(t *testing.T) {
	s := newStorage(t)
	s.options = true
	s.cut = func(n int) int64 {
		if n == 1 {
			return 600_000
		}
		return -1
	}
	name, digest := file(t, 1_000_000)
	_, err := s.client(0).UploadFile(t.Context(), name, &UploadOptions{Resume: ResumeAlways})
	s.settle()
	var failed *UploadError
	if !errors.As(err, &failed) || failed.ResumeID != "r-1" {
		t.Fatalf("error %v", err)
	}
	var first Progress
	id, err := s.client(0).UploadFile(t.Context(), name, &UploadOptions{ResumeID: failed.ResumeID, Progress: func(p Progress) {
		if first.Done == 0 {
			first = p
		}
	}})
	s.settle()
	if err != nil || id != "r-1" || !bytes.Equal(s.got, digest) || first.Done <= 600_000 {
		t.Errorf("upload %s from %d: %v", id, first.Done, err)
	}
	if id, err = s.client(0).UploadFile(t.Context(), name, &UploadOptions{ResumeID: "r-999"}); err != nil || id != "r-2" {
		t.Errorf("an unknown id: %s, %v", id, err)
	}
}

func TestSmallFilesAreNotAskedAbout(t *testing.T) {
	s := newStorage(t)
	s.options = true
	name, _ := file(t, 1000)
	c := s.client(0)
	for range 2 {
		_, err := c.UploadFile(t.Context(), name, nil)
		must(t, err)
	}
	if fmt.Sprint(s.requests) != "[POST /unscanned-upload/ POST /unscanned-upload/]" {
		t.Errorf("did %v", s.requests)
	}
	name, _ = file(t, ResumeFrom)
	for range 2 {
		_, err := c.UploadFile(t.Context(), name, nil)
		must(t, err)
	}
	options := strings.Count(fmt.Sprint(s.requests), "OPTIONS")
	if options != 1 {
		t.Errorf("asked %d times", options)
	}
}

type shortContent struct{ size int64 }

func (c shortContent) ReadAt(p []byte, off int64) (int, error) {
	if off >= c.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), c.size-off)
	return int(n), nil
}

func TestUploadOfAFileThatShrinks(t *testing.T) {
	s := newStorage(t)
	s.whole = func(int) int { return -1 }
	_, err := s.client(5).Upload(t.Context(), "x", shortContent{1000}, 2000, &UploadOptions{Resume: ResumeNever})
	s.mu.Lock()
	posts := s.posts
	s.mu.Unlock()
	if err == nil || !strings.Contains(err.Error(), "shorter") || posts > 1 {
		t.Errorf("%d requests, %v: no second try makes it better", posts, err)
	}
	if _, err := s.client(0).UploadFile(t.Context(), t.TempDir(), nil); err == nil {
		t.Error("a directory was uploaded")
	}
	if _, err := s.client(0).UploadFile(t.Context(), filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestUploadEndsWithItsContext(t *testing.T) {
	s := newStorage(t)
	s.whole = func(int) int { return 503 }
	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.client(1000).Upload(ctx, "x", shortContent{1 << 20}, 1<<20, &UploadOptions{Resume: ResumeNever, Progress: func(Progress) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestAnswersToUploadsThatAreNone(t *testing.T) {
	for _, body := range []string{`{"successful":false,"upload_id":"x"}`, `{"successful":true}`, `{"upload_id":"x"}`, `[]`, ``, `<html>`} {
		f := newFakeStore(t)
		f.Answer("/", 200, body)
		var invalid *InvalidResponseError
		if _, err := f.client().Upload(t.Context(), "x", shortContent{10}, 10, nil); !errors.As(err, &invalid) || f.Total() != 1 {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// TestUploadHoldsNoFileInMemory: 256 MiB go through a few buffers.
func TestUploadHoldsNoFileInMemory(t *testing.T) {
	s := newStorage(t)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const size = 256 << 20
	_, err := s.client(0).Upload(t.Context(), "x", shortContent{size}, size, &UploadOptions{Resume: ResumeNever})
	must(t, err)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 8<<20 {
		t.Errorf("allocated %d MiB in all", used>>20)
	}
}
