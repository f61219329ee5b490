package snapstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/internal/storetest"
)

func TestDeviceCalls(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("GET /v2/snaps/info/hello", 200, "device_info.json")
	s.Answer("GET /v2/snaps/find", 200, "device_find.json")
	s.Answer("POST /v2/snaps/refresh", 200, "device_refresh.json")
	d := &Device{URL: s.URL, Architecture: "arm64", StoreID: "brandStore", HTTP: storetest.Quick(0)}
	ctx := t.Context()

	info, err := d.Info(ctx, "hello", "version", "channel-map")
	must(t, err)
	ch := info.ChannelMap[0]
	if info.SnapID != "helloId" || ch.Channel.Track != "latest" || ch.Revision != 9 || ch.Download.Deltas[0].Source != 7 || ch.Resources[0].Download.Size != 5 || info.Snap.Publisher.Validation != "verified" || ch.Channel.ReleasedAt.Year() != 2025 {
		t.Errorf("info %+v", info)
	}
	a := s.Last()
	if a.URI != "/v2/snaps/info/hello?fields=version%2Cchannel-map" || a.Header.Get("Authorization") != "" {
		t.Errorf("sent %s", a.URI)
	}
	for name, want := range map[string]string{
		"Snap-Device-Series": "16", "Snap-Device-Architecture": "arm64", "Snap-Device-Store": "brandStore",
		"X-Ubuntu-Series": "16", "X-Ubuntu-Architecture": "arm64", "X-Ubuntu-Store": "brandStore",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}

	found, err := d.Find(ctx, FindQuery{Text: "hel lo", Private: true, Fields: []string{"version"}})
	must(t, err)
	if len(found) != 2 || found[0].Revision.Channel != "stable" || found[1].Revision.Revision != 0 {
		t.Errorf("found %+v", found)
	}
	if a := s.Last(); a.URI != "/v2/snaps/find?architecture=arm64&fields=version&private=true&q=hel+lo" {
		t.Errorf("sent %s", a.URI)
	}

	got, err := d.Resolve(ctx, "hello", "edge", 0)
	must(t, err)
	if got.Snap.Download.Size != 8192 || got.EffectiveChannel != "stable" || got.Snap.Epoch.Text != "1*" {
		t.Errorf("resolved %+v", got)
	}
	var sent struct {
		Context []any
		Actions []map[string]any
		Fields  []string
	}
	must(t, json.Unmarshal(s.Last().Body, &sent))
	action := sent.Actions[0]
	if epoch, ok := action["epoch"]; !ok || epoch != nil || action["channel"] != "edge" || action["action"] != "download" || sent.Context == nil || !slices.Contains(sent.Fields, "download") {
		t.Errorf("sent %s", s.Last().Body)
	}
	_, err = d.Refresh(ctx, []Installed{{SnapID: "helloId", InstanceKey: "k", Revision: 7, TrackingChannel: "stable"}},
		[]Action{{Action: "refresh", InstanceKey: "k", SnapID: "helloId"}}, "xdelta3")
	must(t, err)
	if a := s.Last(); strings.Contains(string(a.Body), `"epoch":null`) || a.Header.Get("Snap-Accept-Delta-Format") != "xdelta3" {
		t.Errorf("sent %s", a.Body)
	}
}

func TestDeviceErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		body   string
		is     error
		text   string
	}{
		{"unknown name", 200, `{"results":[{"result":"error","instance-key":"download-1","name":"x","error":{"code":"name-not-found","message":"No snap."}}]}`, ErrNotFound, "No snap."},
		{"no such revision", 200, `{"results":[{"result":"error","instance-key":"download-1","name":"x","error":{"code":"revision-not-found","message":"No revision.","extra":{"releases":[]}}}]}`, ErrNotFound, "No revision."},
		{"another error", 200, `{"results":[{"result":"error","instance-key":"download-1","name":"x","error":{"code":"busy","message":"Later."}}]}`, nil, "Later."},
		{"nothing", 200, `{"results":[]}`, ErrNotFound, "nothing"},
		{"only errors", 200, `{"results":[],"error-list":[{"code":"invalid-request","message":"What?"}]}`, nil, "What?"},
		{"refused", 404, `{"error-list":[{"code":"resource-not-found","message":"None."}]}`, ErrNotFound, "None."},
	} {
		s := newFakeStore(t)
		s.Answer("/", tt.status, tt.body)
		_, err := s.client().Device().Resolve(t.Context(), "x", "stable", 0)
		if err == nil || tt.is != nil && !errors.Is(err, tt.is) || tt.is == nil && errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), tt.text) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestDeviceSendsCredentialsIfThereAreSome(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("/", 200, "device_find.json")
	c := s.client()
	_, err := c.Device().Find(t.Context(), FindQuery{})
	must(t, err)
	if got := s.Last().Header.Get("Authorization"); got != "Macaroon tok-12345" {
		t.Errorf("sent %q", got)
	}
	anonymous := &Client{Endpoints: At(s.URL), HTTP: storetest.Quick(0)}
	_, err = anonymous.Device().Find(t.Context(), FindQuery{})
	must(t, err)
	if got := s.Last().Header.Get("Authorization"); got != "" {
		t.Errorf("sent %q", got)
	}
}

// TestDeviceRenewsWhatTheAnswerCallsStale: a store may answer what it can and
// ask for fresh credentials beside it.
func TestDeviceRenewsWhatTheAnswerCallsStale(t *testing.T) {
	s := newFakeStore(t)
	s.Mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "Own 2" {
			storetest.Write(w, 200, `{"results":[{"result":"download","instance-key":"download-1","name":"private","snap":{"revision":3}}]}`)
			return
		}
		storetest.Write(w, 200, `{"results":[{"result":"error","instance-key":"download-1","name":"private","error":{"code":"name-not-found","message":"No."}}],
			"error-list":[{"code":"user-authorization-needs-refresh","message":"stale"}]}`)
	})
	own := &ownScheme{n: "1"}
	d := &Device{URL: s.URL, Authorizer: own, HTTP: storetest.Quick(0)}
	if r, err := d.Resolve(t.Context(), "private", "", 0); err != nil || r.Snap.Revision != 3 || s.Total() != 2 {
		t.Errorf("%+v, %v after %d requests", r, err, s.Total())
	}
	own.n, own.err = "1", errors.New("the token server is down")
	if _, err := d.Resolve(t.Context(), "private", "", 0); !errors.Is(err, ErrNotFound) || s.Total() != 3 {
		t.Errorf("without fresh credentials: %v after %d requests", err, s.Total())
	}
}

// blobs serves one file as a test says.
type blobs struct {
	*fakeStore
	content []byte
	ranges  []string
	cut     func(n int) int // bytes after which the n-th answer breaks off, -1 for none
	status  func(n int) int // of the n-th answer, 0 for success
	plain   bool            // ignores Range
	shift   int64           // answers another range than asked
}

func newBlobs(t testing.TB, size int) *blobs {
	b := &blobs{fakeStore: newFakeStore(t), cut: func(int) int { return -1 }, status: func(int) int { return 0 }}
	for i := range size {
		b.content = append(b.content, byte(i*i/3))
	}
	b.Mux.HandleFunc("GET /blob", func(w http.ResponseWriter, r *http.Request) {
		b.ranges = append(b.ranges, r.Header.Get("Range"))
		n := len(b.ranges)
		if status := b.status(n); status != 0 {
			w.WriteHeader(status)
			return
		}
		body, at := b.content, int64(0)
		if from, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && !b.plain {
			at, _ = strconv.ParseInt(strings.TrimSuffix(from, "-"), 10, 64)
			at += b.shift
			if at >= int64(len(body)) {
				w.WriteHeader(416)
				return
			}
			body = body[at:]
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", at, len(b.content)-1, len(b.content)))
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
			w.WriteHeader(206)
		} else {
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		if cut := b.cut(n); cut >= 0 {
			_, _ = w.Write(body[:cut])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(body)
	})
	return b
}

func (b *blobs) announced() Download {
	sum := sha3.Sum384(b.content)
	return Download{URL: b.URL + "/blob", Size: int64(len(b.content)), SHA3_384: hex.EncodeToString(sum[:])}
}

func TestDownload(t *testing.T) {
	const size = 100_000
	for _, tt := range []struct {
		name    string
		partial func(content []byte) []byte // what an earlier try left
		setUp   func(*blobs)
		ranges  string
		err     error
	}{
		{"at once", nil, nil, "[]", nil},
		{"continues what is there", func(c []byte) []byte { return c[:600] }, nil, "[bytes=600-]", nil},
		{"nothing is missing", func(c []byte) []byte { return c }, nil, "none", nil},
		{"after a broken connection", nil, func(b *blobs) {
			b.cut = func(n int) int {
				if n == 1 {
					return 5000
				}
				return -1
			}
		}, "[ bytes=5000-]", nil},
		{"after 503", nil, func(b *blobs) {
			b.status = func(n int) int {
				if n == 1 {
					return 503
				}
				return 0
			}
		}, "[ ]", nil},
		{"a server without ranges", func(c []byte) []byte { return c[:600] }, func(b *blobs) { b.plain = true }, "[bytes=600-]", nil},
		{"a partial file of something else", func([]byte) []byte { return bytes.Repeat([]byte("x"), 700) }, nil, "[bytes=700- ]", nil},
		{"a partial file that is too long", func(c []byte) []byte { return append(slices.Clone(c), 'x') }, nil, "[]", nil},
		{"another file", nil, func(b *blobs) { b.content[17]++ }, "[]", ErrWrongDigest},
		{"a longer file", nil, func(b *blobs) { b.content = append(b.content, 'x') }, "[]", ErrWrongDigest},
		{"another range", func(c []byte) []byte { return c[:600] }, func(b *blobs) { b.shift = 1 }, "[bytes=600-]", &InvalidResponseError{}},
		{"gone", nil, func(b *blobs) { b.status = func(int) int { return 404 } }, "[]", ErrNotFound},
		{"out of reach", nil, func(b *blobs) { b.status = func(int) int { return 503 } }, "[   ]", &StoreError{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBlobs(t, size)
			what := b.announced()
			original := slices.Clone(b.content)
			name := filepath.Join(t.TempDir(), "hello.snap")
			if tt.partial != nil {
				must(t, os.WriteFile(name+".partial", tt.partial(b.content), 0o600))
			}
			if tt.setUp != nil {
				tt.setUp(b)
			}
			d := &Device{URL: b.URL, HTTP: storetest.Quick(3)}
			var last Progress
			err := d.Download(t.Context(), what, name, func(p Progress) { last = p })
			ranges := fmt.Sprint(b.ranges)
			if len(b.ranges) == 0 {
				ranges = "none"
			}
			if ranges != tt.ranges {
				t.Errorf("asked %q, want %q", ranges, tt.ranges)
			}
			if tt.err != nil {
				checkDownloadError(t, err, tt.err)
				if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("something is at the name: %v", err)
				}
				return
			}
			must(t, err)
			if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, original) {
				t.Errorf("another file arrived, %v", err)
			}
			if _, err := os.Stat(name + ".partial"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the partial file stays: %v", err)
			}
			if len(b.ranges) > 0 && (last.Done != size || last.Total != size) {
				t.Errorf("progress ended at %+v", last)
			}
		})
	}
}

func checkDownloadError(t *testing.T, err, want error) {
	t.Helper()
	var ok bool
	switch want.(type) {
	case *InvalidResponseError:
		var e *InvalidResponseError
		ok = errors.As(err, &e)
	case *StoreError:
		var e *StoreError
		ok = errors.As(err, &e)
	default:
		ok = errors.Is(err, want)
	}
	if !ok {
		t.Errorf("error %v, want %v", err, want)
	}
}

func TestDownloadKeepsCredentialsAtHome(t *testing.T) {
	home, other := newFakeStore(t), newBlobs(t, 10)
	d := &Device{URL: home.URL, Authorizer: auth.NewToken("tok-12345"), HTTP: storetest.Quick(0)}
	must(t, d.Download(t.Context(), other.announced(), filepath.Join(t.TempDir(), "x"), nil))
	if got := other.Last().Header.Get("Authorization"); got != "" {
		t.Errorf("sent %s to another host", got)
	}
	d.URL = other.URL
	must(t, d.Download(t.Context(), other.announced(), filepath.Join(t.TempDir(), "x"), nil))
	if got := other.Last().Header.Get("Authorization"); got != "Macaroon tok-12345" {
		t.Errorf("sent %q home", got)
	}
}

func TestDownloadEndsWithItsContext(t *testing.T) {
	b := newBlobs(t, 1<<20)
	b.cut = func(int) int { return 1000 }
	ctx, cancel := context.WithCancel(t.Context())
	d := &Device{URL: b.URL, HTTP: storetest.Quick(1000)}
	name := filepath.Join(t.TempDir(), "x")
	if err := d.Download(ctx, b.announced(), name, func(Progress) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(name + ".partial"); err != nil {
		t.Errorf("what arrived is lost: %v", err)
	}
}

func TestPicturesAreSentWithTheirHashes(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("/", 200, `[{"type":"icon","hash":"h","filename":"i.png","url":"u"}]`)
	icon := []byte("\x89PNG\r\n\x1a\n0000")
	got, err := s.client().Dashboard().SetPictures(t.Context(), "helloId", []Picture{
		{Type: "icon", Filename: "i.png", Content: icon}, {Type: "screenshot", Hash: "old", Filename: "s.png"},
	}, true)
	must(t, err)
	a := s.Last()
	if len(got) != 1 || a.Method != "PUT" || a.URI != "/dev/api/snaps/helloId/binary-metadata" {
		t.Errorf("sent %s %s, got %v", a.Method, a.URI, got)
	}
	_, params, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	must(t, err)
	form := multipart.NewReader(bytes.NewReader(a.Body), params["boundary"])
	info, err := form.NextPart()
	must(t, err)
	list, err := io.ReadAll(info)
	must(t, err)
	sum := sha256.Sum256(icon)
	want := `[{"type":"icon","hash":"` + hex.EncodeToString(sum[:]) + `","filename":"i.png","key":"file0"},{"type":"screenshot","hash":"old","filename":"s.png"}]`
	if info.FormName() != "info" || !storetest.SameJSON(t, list, want) {
		t.Errorf("%s is %s, want %s", info.FormName(), list, want)
	}
	file, err := form.NextPart()
	must(t, err)
	if content, err := io.ReadAll(file); err != nil || !bytes.Equal(content, icon) || file.FormName() != "file0" || file.FileName() != "i.png" || file.Header.Get("Content-Type") != "image/png" {
		t.Errorf("file %v, %v", file.Header, err)
	}
	s.Mux = http.NewServeMux()
	s.Answer("/", 409, `{"error_list":[{"code":"conflict","message":"edited","extra":{"name":"icon"}}]}`)
	if _, err := s.client().Dashboard().SetPictures(t.Context(), "helloId", nil, false); !errors.Is(err, ErrConflict) || s.Last().Method != "POST" {
		t.Errorf("%s, %v", s.Last().Method, err)
	}
}

// FuzzAnswers: no answer of a store makes a model panic.
func FuzzAnswers(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 10 {
		f.Fatalf("%v, %v", files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"revisions":[{"status":"approved","revision":1}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, model := range []any{
			&DashboardAccount{}, &SnapInfo{}, &SnapChannelMap{}, &ReleasesPage{}, &StoreDetails{}, &Releases{}, &Collaborators{},
			&SnapDetails{}, &Whoami{}, &Released{}, &Agreement{}, &Time{}, &Revision{},
		} {
			if json.Unmarshal(text, model) != nil {
				continue
			}
			if _, err := json.Marshal(model); err != nil {
				t.Fatalf("%T was read and cannot be written: %v", model, err)
			}
		}
		if review, err := parseReview(text); err == nil && review.Accepted() && !review.Done {
			t.Fatal("accepted before it is done")
		}
	})
}
