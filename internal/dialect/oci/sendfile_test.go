package oci

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
)

// kernel is a response that notes whether a file was handed to it as one.
type kernel struct {
	*httptest.ResponseRecorder
	file bool
}

func (k *kernel) ReadFrom(r io.Reader) (int64, error) {
	if limited, ok := r.(*io.LimitedReader); ok {
		_, k.file = limited.R.(syscall.Conn)
	}
	return io.Copy(k.ResponseRecorder, r)
}

func TestLayersAreSentByTheKernel(t *testing.T) {
	w := newWorld(t)
	repo := name(redis, "server")
	alice := w.person("alice")
	layer := strings.Repeat("a layer ", 100_000)
	digest := alice.upload(repo, []byte(layer))
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, w.server.URL+"/v2/"+repo+"/blobs/"+digest, nil)
	r.Header.Set("Authorization", alice.auth)
	k := &kernel{ResponseRecorder: httptest.NewRecorder()}
	w.server.Config.Handler.ServeHTTP(k, r)
	if k.Code != http.StatusOK || k.Body.String() != layer {
		t.Fatalf("%d, %d bytes", k.Code, k.Body.Len())
	}
	if !k.file {
		t.Error("the layer passes through memory")
	}
}
