package oci

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	sdk "github.com/larder-store/larder/client/charmhub/image"
)

// TestTheSDKPushesAndPulls with the public client, whole indexes and all.
func TestTheSDKPushesAndPulls(t *testing.T) {
	w := newWorld(t)
	index, err := random.Index(100_000, 3, 2)
	w.must(err)
	digest, err := index.Digest()
	w.must(err)
	dir := filepath.Join(t.TempDir(), "layout")
	_, err = layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index}))
	w.must(err)

	to := strings.TrimPrefix(w.server.URL, "http://") + "/" + name(redis, "image")
	alice := &sdk.Login{Username: "alice", Password: password}
	var last sdk.Progress
	m, err := sdk.Copy(t.Context(), dir, "docker://"+to, &sdk.Options{Destination: alice, Progress: func(p sdk.Progress) { last = p }})
	if err != nil || m.Digest != digest.String() || last.Done != last.Total || last.Total < 600_000 {
		t.Fatalf("pushed %+v with %+v, %v", m, last, err)
	}
	back := filepath.Join(t.TempDir(), "back")
	if m, err = sdk.Copy(t.Context(), to+"@"+m.Digest, "oci:"+back+":1", &sdk.Options{Source: alice}); err != nil || m.Digest != digest.String() {
		t.Errorf("pulled %+v, %v", m, err)
	}
	if m, err = sdk.Inspect(t.Context(), "oci:"+back+":1", nil); err != nil || m.Digest != digest.String() {
		t.Errorf("came back as %+v, %v", m, err)
	}
	for who, login := range map[string]*sdk.Login{
		"mallory": {Username: "mallory", Password: password}, "a wrong password": {Username: "alice", Password: "wr0ng"},
	} {
		if _, err := sdk.Copy(t.Context(), dir, to, &sdk.Options{Destination: login}); err == nil || strings.Contains(err.Error(), login.Password) {
			t.Errorf("%s: %v", who, err)
		}
	}
}
