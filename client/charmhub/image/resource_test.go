package image

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/client/transport"
)

func loginOf(l *Login) authn.Authenticator {
	return &authn.Basic{Username: l.Username, Password: l.Password}
}

// fakeCharmhub takes an image resource and keeps what it was sent.
type fakeCharmhub struct {
	*httptest.Server
	blobAsked, uploaded, pushed string
}

func newFakeCharmhub(t *testing.T, imageName string) *fakeCharmhub {
	s := &fakeCharmhub{}
	const resource = "/v1/charm/bake/resources/image"
	mux := http.NewServeMux()
	reply := func(pattern string, keep *string, body string) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			sent, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}
			if keep != nil {
				*keep = string(sent)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		})
	}
	reply("GET /v1/tokens/whoami", nil, `{"account":{"id":"i","username":"ann"},"permissions":null,"packages":null,"channels":null}`)
	reply("GET "+resource+"/oci-image/upload-credentials", nil, `{"image-name":"`+imageName+`","username":"ann","password":"s3cret"}`)
	reply("POST "+resource+"/oci-image/blob", &s.blobAsked, `{"ImageName":"described",  "Password":"p"}`)
	reply("POST /unscanned-upload/", &s.uploaded, `{"successful":true,"upload_id":"up-1"}`)
	reply("POST "+resource+"/revisions", &s.pushed, `{"status-url":"/v1/charm/bake/revisions/review?upload-id=up-1"}`)
	reply("GET /v1/charm/bake/revisions/review", nil, `{"revisions":[{"upload-id":"up-1","status":"approved","revision":4,"errors":null}]}`)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *fakeCharmhub) client() *charmhub.Client {
	return &charmhub.Client{
		Endpoints: charmhub.At(s.URL), Authorizer: auth.NewToken("tok"), PollInterval: time.Nanosecond,
		HTTP: &transport.Client{Retry: &transport.Retry{Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}},
	}
}

// TestUploadResource pushes the image where the store says and uploads the
// store's text unchanged.
func TestUploadResource(t *testing.T) {
	from, to := newRegistry(t, nil), newRegistry(t, basic("ann", "s3cret"))
	index := manyImages(t)
	digest := pushIndex(t, from+"/org/bake:1", index)
	s := newFakeCharmhub(t, "registry.example/charm/abc/image")
	c := s.client()
	c.RegistryURL = "http://" + to
	uploaded, m, err := UploadResource(t.Context(), c, "bake", "image", from+"/org/bake:1", nil)
	if err != nil || uploaded.Revision != 4 || m.Digest != digest {
		t.Fatalf("got %+v, %+v, %v", uploaded, m, err)
	}
	arrived(t, to+"/charm/abc/image:latest", index, remote.WithAuth(loginOf(&Login{Username: "ann", Password: "s3cret"})))
	if s.blobAsked != `{"image-digest":"`+digest+`"}` || !strings.Contains(s.uploaded, `{"ImageName":"described",  "Password":"p"}`) {
		t.Errorf("asked for %s, uploaded %s", s.blobAsked, s.uploaded)
	}
	var pushed struct {
		Type  string                  `json:"type"`
		Bases []charmhub.ResourceBase `json:"bases"`
	}
	must(t, json.Unmarshal([]byte(s.pushed), &pushed))
	if pushed.Type != "oci-image" || len(pushed.Bases) != 1 || strings.Join(pushed.Bases[0].Architectures, " ") != "amd64 armhf ppc64el" {
		t.Errorf("pushed %s", s.pushed)
	}
}

// TestUploadResourceStops where the image does not arrive.
func TestUploadResourceStops(t *testing.T) {
	from, to := newRegistry(t, nil), newRegistry(t, basic("ann", "another"))
	pushIndex(t, from+"/org/bake:1", manyImages(t))
	s := newFakeCharmhub(t, to+"/charm/abc/image")
	if _, _, err := UploadResource(t.Context(), s.client(), "bake", "image", from+"/org/bake:1", nil); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	if s.uploaded != "" || s.blobAsked != "" {
		t.Error("the store was told of an image that it has not")
	}
	if _, _, err := UploadResource(t.Context(), s.client(), "cake", "image", from+"/org/bake:1", nil); !errors.Is(err, charmhub.ErrNotFound) {
		t.Errorf("unknown charm: %v", err)
	}
}
