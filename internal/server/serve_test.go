package server

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/larder-store/larder/internal/dialect/reply"
)

func TestTheRequestIDIsKeptIfSaneAndMadeOtherwise(t *testing.T) {
	var seen string
	s := New(Options{Logger: discard(), Mounts: at("/v2/snaps", func(_ http.ResponseWriter, r *http.Request) {
		seen = RequestID(r.Context())
	})})
	tests := []struct {
		offered string
		kept    bool
	}{
		{"7f9c24e5-1c1b-4b3f-9d3e-0a1b2c3d4e5f", true},
		{"abcd.EFGH_1234", true},
		{"", false},
		{"short", false},
		{"with space in it", false},
		{"line\nbreak-in-it", false},
		{`quote"in-it-all`, false},
		{strings.Repeat("x", 129), false},
	}
	made := make(map[string]bool)
	for _, tt := range tests {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/v2/snaps/find", nil)
		r.Header["X-Request-Id"] = []string{tt.offered}
		s.ServeHTTP(w, r)
		id := w.Header().Get("X-Request-Id")
		if id != seen || !saneRequestID(id) {
			t.Errorf("%q: answered %q, and the handler saw %q", tt.offered, id, seen)
		}
		if kept := id == tt.offered; kept != tt.kept {
			t.Errorf("%q: kept %t, want %t (%q)", tt.offered, kept, tt.kept, id)
		}
		if !tt.kept {
			if made[id] {
				t.Errorf("%q was made twice", id)
			}
			made[id] = true
		}
	}
}

func TestEveryAnswerCarriesTheStoreVersion(t *testing.T) {
	s := New(Options{Logger: discard(), Mounts: at("/v2/snaps", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			panic("a defect")
		}
		reply.JSON(w, r, 200, nil)
	})})
	for _, request := range []string{
		"HEAD /", "GET /", "GET /v2/snaps/find", "POST /v2/snaps/find", "GET /nothing", "GET /_status/check", "GET /_status/ping", "GET /metrics", "PUT /metrics",
	} {
		method, path, _ := strings.Cut(request, " ")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		if got := w.Header().Get("Snap-Store-Version"); got != "69" {
			t.Errorf("%s: Snap-Store-Version is %q", request, got)
		}
	}
}

func TestAPanicIsA500WithTheRequestIDAndNoSecrets(t *testing.T) {
	const secret = "s3cr3t"
	var log syncBuffer
	_, address := start(t, Options{
		Logger: slog.New(slog.NewJSONHandler(&log, nil)),
		Mounts: at("/v2/snaps", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"half"`)
			if r.Method == "PUT" {
				_ = []string{}[len(r.Method)]
			}
			panic("cannot use " + r.Header.Get("Authorization"))
		}),
	})
	for method, reason := range map[string]string{"GET": "a string, see the stack", "PUT": "index out of range [3] with length 0"} {
		request, err := http.NewRequest(method, "http://"+address+"/v2/snaps/find?q="+secret, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Macaroon "+secret)
		request.Header.Set("X-Device-Authorization", "Macaroon "+secret)
		request.Header.Set("Cookie", secret)
		request.Header.Set("X-Request-Id", "request-of-"+method)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"error-list":[{"code":"internal-error","message":"internal error"}]}`; response.StatusCode != 500 || strings.TrimSpace(string(body)) != want {
			t.Errorf("%s: %s %s, want 500 %s", method, response.Status, body, want)
		}
		h := response.Header
		if h.Get("X-Request-Id") != "request-of-"+method || h.Get("Content-Type") != "application/json" || h.Get("ETag") != "" {
			t.Errorf("%s: header %v", method, h)
		}
		said := log.String()
		if strings.Count(said, `"request_id":"request-of-`+method+`"`) != 2 || !strings.Contains(said, reason) || !strings.Contains(said, "serve_test.go") {
			t.Errorf("%s: the log should say where, why and in which request: %s", method, said)
		}
		if strings.Contains(said, secret) {
			t.Errorf("%s: the log holds a secret: %s", method, said)
		}
	}
}

func TestAPanicInTheMiddleOfABodyCutsTheConnection(t *testing.T) {
	_, address := start(t, Options{Mounts: at("/blob", func(w http.ResponseWriter, _ *http.Request) {
		w.Write(make([]byte, 50))
		w.(http.Flusher).Flush()
		panic("a defect")
	})})
	response, err := http.Get("http://" + address + "/blob")
	if err == nil {
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
	}
	if err == nil {
		t.Error("half a body passed for a whole one")
	}
}

func TestTheAccessLogSaysWhatWasAskedAndNoSecrets(t *testing.T) {
	const secret = "s3cr3t"
	var log bytes.Buffer
	s := New(Options{
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Mounts: at("/v2/snaps", func(w http.ResponseWriter, r *http.Request) { reply.Bytes(w, 404, "text/plain", []byte("12345")) }),
	})
	r := httptest.NewRequest("GET", "/v2/snaps/a%0Ab/"+strings.Repeat("x", 500)+"?token="+secret, nil)
	for _, name := range []string{"Authorization", "X-Device-Authorization", "Snap-Device-Authorization", "Cookie", "Macaroons"} {
		r.Header.Set(name, secret)
	}
	s.ServeHTTP(httptest.NewRecorder(), r)
	line := log.String()
	for _, want := range []string{"level=INFO", "msg=request", "method=GET", "path=/v2/snaps/a%0Ab/xxx", "status=404", "bytes=5", "took=", "mount=test", "request_id="} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	if strings.Contains(line, secret) || strings.Count(line, "\n") != 1 || len(line) > 700 {
		t.Errorf("the line should be one, bounded, and hold no secret: %s", line)
	}

	log.Reset()
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/_status/check", nil))
	if log.Len() > 0 {
		t.Errorf("health checks drown the log: %s", log.String())
	}
}

func TestTheAccessLogIsQuietAboutWhatWentWell(t *testing.T) {
	tests := []struct {
		status int
		level  string
	}{
		{200, "level=DEBUG"}, {206, "level=DEBUG"}, {304, "level=DEBUG"},
		{400, "level=INFO"}, {404, "level=INFO"},
		{500, "level=WARN"}, {503, "level=WARN"},
	}
	for _, tt := range tests {
		var log bytes.Buffer
		s := New(Options{
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Mounts: at("/v2/snaps", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(tt.status) }),
		})
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v2/snaps/find", nil))
		if !strings.Contains(log.String(), tt.level) {
			t.Errorf("%d: want %s in %s", tt.status, tt.level, log.String())
		}
	}
}

func TestMetricsCountByMountAndStatus(t *testing.T) {
	s := New(Options{Logger: discard(), Version: "1.2.3", Mounts: at("/v2/snaps", func(w http.ResponseWriter, r *http.Request) {
		reply.Bytes(w, 404, "text/plain", []byte("12345"))
	})})
	for range 3 {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v2/snaps/find", nil))
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`larder_http_requests_total{mount="test",status="4xx"} 3`,
		`larder_http_requests_total{mount="test",status="2xx"} 0`,
		`larder_http_request_seconds_count{mount="test"} 3`,
		`larder_http_sent_bytes_total{mount="test"} 15`,
		`larder_http_requests_running 0`,
		`larder_build_info{version="1.2.3"} 1`,
		`go_goroutines `,
		`process_`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("/metrics has no %s", want)
		}
	}
}

// syncBuffer is a log that a test reads while a server writes it.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
