package server

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/larder-store/larder/internal/dialect/reply"
)

func TestAHugeHeaderIsRefused(t *testing.T) {
	_, address := start(t, Options{})
	request, err := http.NewRequest("GET", "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Huge", strings.Repeat("x", 128<<10))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%s, want 431", response.Status)
	}
}

func TestAHeaderWithSessionAndMacaroonsIsTaken(t *testing.T) {
	_, address := start(t, Options{})
	request, err := http.NewRequest("HEAD", "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", `Macaroon root="`+strings.Repeat("x", 30<<10)+`"`)
	request.Header.Set("X-Device-Authorization", `Macaroon root="`+strings.Repeat("x", 20<<10)+`"`)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("%s, want 200", response.Status)
	}
}

func TestAGibibyteOfJSONIsRefusedInBoundedMemory(t *testing.T) {
	const (
		size  = 1 << 30
		limit = 16 << 20
	)
	_, address := start(t, Options{Mounts: at("/v2/snaps", func(w http.ResponseWriter, r *http.Request) {
		var v any
		if err := reply.Decode(w, r, 1<<40, &v); err != nil {
			reply.Fail(w, r, reply.ErrorList, err)
		}
	})})
	tests := []struct {
		name    string
		length  int64 // as the header says
		maxSent int64
	}{
		{"of a known length", size, 4 << 20},
		{"in chunks", -1, limit + 16<<20},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := &repeated{left: size}
			request, err := http.NewRequest("POST", "http://"+address+"/v2/snaps/refresh", body)
			if err != nil {
				t.Fatal(err)
			}
			request.ContentLength = tt.length

			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			answer, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			runtime.ReadMemStats(&after)

			if response.StatusCode != 413 || !strings.Contains(string(answer), `{"error-list":[{"code":"request-too-large"`) {
				t.Errorf("%s %s, want 413", response.Status, answer)
			}
			if sent := body.sent.Load(); sent > tt.maxSent {
				t.Errorf("took %d MiB of it", sent>>20)
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 12*limit {
				t.Errorf("allocated %d MiB on the way", allocated>>20)
			}
		})
	}
}

// repeated is the beginning of an array of ones.
type repeated struct {
	left int64
	sent atomic.Int64
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), r.left))
	for i := range n {
		p[i] = "1,"[i%2]
	}
	if r.sent.Load() == 0 {
		p[0] = '['
	}
	r.left -= int64(n)
	r.sent.Add(int64(n))
	return n, nil
}

func TestAMountWithoutALimitTakesLargeBodies(t *testing.T) {
	const size = 20 << 20
	_, address := start(t, Options{Mounts: []Mount{{
		Name: "upload", Under: []string{"/unscanned-upload"}, BodyLimit: -1,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n, err := io.Copy(io.Discard, r.Body)
			reply.JSON(w, r, 200, map[string]any{"n": n, "ok": err == nil})
		}),
	}}})
	response, err := http.Post("http://"+address+"/unscanned-upload/", "application/octet-stream", bytes.NewReader(make([]byte, size)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var got struct {
		N  int64
		OK bool
	}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || got.N != size || !got.OK {
		t.Errorf("%s %+v %v, want all of the body", response.Status, got, err)
	}
}

func TestRequestsOverTheLimitAreToldToComeBack(t *testing.T) {
	inside, release := make(chan struct{}), make(chan struct{})
	_, address := start(t, Options{MaxRequests: 1, Mounts: at("/v2/snaps", func(http.ResponseWriter, *http.Request) {
		inside <- struct{}{}
		<-release
	})})
	url := "http://" + address
	first := make(chan error, 1)
	go func() {
		response, err := http.Get(url + "/v2/snaps/find")
		if err == nil {
			response.Body.Close()
		}
		first <- err
	}()
	<-inside

	response, err := http.Get(url + "/v2/snaps/find")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != 503 || response.Header.Get("Retry-After") == "" || !strings.Contains(string(answer), `"overloaded"`) {
		t.Errorf("%s, Retry-After %q, %s; want 503", response.Status, response.Header.Get("Retry-After"), answer)
	}
	for _, page := range []string{"/_status/ping", "/_status/check", "/metrics", "/"} {
		response, err := http.Get(url + page)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 200 {
			t.Errorf("%s of a busy server: %s, want 200", page, response.Status)
		}
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}
