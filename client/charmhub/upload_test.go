package charmhub

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-store/larder/client/internal/storetest"
)

const whoami = `{"account":{"id":"i","username":"ann"},"permissions":null,"packages":null,"channels":null}`

// uploadStore takes one upload and shows what arrived.
func uploadStore(t *testing.T, reviews ...string) (*fakeStore, *[]byte) {
	s := newFakeStore(t)
	var got []byte
	s.Answer("GET /v1/tokens/whoami", 200, whoami)
	s.Mux.HandleFunc("POST /unscanned-upload/", func(w http.ResponseWriter, r *http.Request) {
		file, _, err := r.FormFile("binary")
		if err != nil {
			w.WriteHeader(400)
			return
		}
		got, _ = io.ReadAll(file)
		storetest.Write(w, 200, `{"successful":true,"upload_id":"up-1"}`)
	})
	status := `{"status-url":"/v1/charm/bake/revisions/review?upload-id=up-1"}`
	s.Answer("POST /v1/charm/bake/revisions", 200, status)
	s.Answer("POST /v1/charm/bake/resources/data/revisions", 200, status)
	if reviews != nil {
		s.Answers("GET /v1/charm/bake/revisions/review", reviews...)
	}
	return s, &got
}

func charmFile(t *testing.T) (string, []byte) {
	content := bytes.Repeat([]byte("PK charm"), 1000)
	file := filepath.Join(t.TempDir(), "bake.charm")
	must(t, os.WriteFile(file, content, 0o600))
	return file, content
}

func review(status, revision, errors string) string {
	return `{"revisions":[{"upload-id":"up-1","status":"` + status + `","revision":` + revision + `,"errors":` + errors + `}]}`
}

func TestUpload(t *testing.T) {
	s, got := uploadStore(t, review("validating", "null", "null"), review("approved", "7", "null"))
	file, content := charmFile(t)
	uploaded, err := s.client().Upload(t.Context(), "bake", file, nil)
	if err != nil || uploaded.Revision != 7 || !uploaded.Accepted() || !bytes.Equal(*got, content) {
		t.Fatalf("got %+v, %v", uploaded, err)
	}
	var order []string
	for _, a := range s.All() {
		path, _, _ := strings.Cut(a.URI, "?")
		order = append(order, a.Method+" "+path)
	}
	want := "GET /v1/tokens/whoami,POST /unscanned-upload/,POST /v1/charm/bake/revisions,GET /v1/charm/bake/revisions/review,GET /v1/charm/bake/revisions/review"
	if strings.Join(order, ",") != want || !storetest.SameJSON(t, s.All()[2].Body, `{"upload-id":"up-1"}`) {
		t.Errorf("asked for %s", order)
	}
}

func TestUploadThatIsRejected(t *testing.T) {
	s, _ := uploadStore(t, review("rejected", "null", `[{"code":"bad","message":"No metadata.yaml."},{"code":null,"message":"Too big."}]`))
	file, _ := charmFile(t)
	uploaded, err := s.client().Upload(t.Context(), "bake", file, nil)
	var rejected *ReviewError
	if !errors.As(err, &rejected) || !strings.Contains(err.Error(), "No metadata.yaml.") || uploaded.Accepted() || len(uploaded.Errors) != 2 {
		t.Errorf("got %+v, %v", uploaded, err)
	}
}

// TestReviewThatTakesLong gives the address to ask again.
func TestReviewThatTakesLong(t *testing.T) {
	s, _ := uploadStore(t)
	var done atomic.Bool
	s.Mux.HandleFunc("GET /v1/charm/bake/revisions/review", func(w http.ResponseWriter, _ *http.Request) {
		if done.Load() {
			storetest.Write(w, 200, review("approved", "8", "null"))
			return
		}
		storetest.Write(w, 200, review("validating", "null", "null"))
	})
	file, _ := charmFile(t)
	c := s.client()
	c.ReviewTimeout = 30 * time.Millisecond
	uploaded, err := c.Upload(t.Context(), "bake", file, nil)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "not lost") || uploaded.StatusURL == "" {
		t.Fatalf("got %+v, %v", uploaded, err)
	}
	done.Store(true)
	again, err := c.Gateway().WaitForReview(t.Context(), uploaded.StatusURL, nil)
	if err != nil || again.Revision != 8 {
		t.Errorf("asked again: %+v, %v", again, err)
	}
}

func TestUploadWithoutLogin(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("GET /v1/tokens/whoami", 401, `{"error-list":[{"code":"macaroon-authorization-required","message":"Log in."}]}`)
	file, _ := charmFile(t)
	if _, err := s.client().Upload(t.Context(), "bake", file, nil); !errors.Is(err, ErrUnauthorized) || len(s.All()) != 1 {
		t.Errorf("%v after %d requests", err, len(s.All()))
	}
}

func TestUploadResource(t *testing.T) {
	s, got := uploadStore(t, review("approved", "1", "null"))
	file, content := charmFile(t)
	c := s.client()
	uploaded, err := c.UploadResource(t.Context(), "bake", "data", file, ResourceOptions{}, nil)
	if err != nil || uploaded.Revision != 1 || !bytes.Equal(*got, content) || !storetest.SameJSON(t, s.All()[2].Body, `{"upload-id":"up-1","type":"file"}`) {
		t.Errorf("got %+v, %v with %s", uploaded, err, s.All()[2].Body)
	}
	options := ResourceOptions{Type: ResourceOCIImage, Bases: []ResourceBase{{Architectures: []string{"armhf"}}}}
	before := len(s.All())
	if _, err = c.UploadResourceContent(t.Context(), "bake", "data", "x.json", strings.NewReader("{}"), 2, options, nil); err != nil || string(*got) != "{}" {
		t.Errorf("got %q, %v", *got, err)
	}
	want := `{"upload-id":"up-1","type":"oci-image","bases":[{"name":"all","channel":"all","architectures":["armhf"]}]}`
	if body := s.All()[before+2].Body; !storetest.SameJSON(t, body, want) {
		t.Errorf("sent %s", body)
	}
	empty := filepath.Join(t.TempDir(), "empty")
	must(t, os.WriteFile(empty, nil, 0o600))
	if _, err := c.UploadResource(t.Context(), "bake", "data", empty, ResourceOptions{}, nil); err != nil || len(*got) != 0 {
		t.Errorf("an empty resource: %v", err)
	}
}
