package cli

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	registries "github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/larder-store/larder/internal/inspect/charmtest"
)

// elsewhere is a registry that asks for a password, breaks off after some blobs if
// it is told to, and counts those that it gives.
type elsewhere struct {
	t    *testing.T
	host string

	mu    sync.Mutex
	given map[string]int // owned by mu, as most: by digest
	most  int            // blobs that it gives; -1 is all
}

func newElsewhere(t *testing.T) *elsewhere {
	e := &elsewhere{t: t, given: make(map[string]int), most: -1}
	inner := registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != "acme" || p != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}`, http.StatusUnauthorized)
			return
		}
		if _, digest, blob := strings.Cut(r.URL.Path, "/blobs/"); blob && r.Method == http.MethodGet {
			e.mu.Lock()
			refuse := e.most == 0
			if !refuse {
				e.most--
				e.given[digest]++
			}
			e.mu.Unlock()
			if refuse {
				http.Error(w, `{"errors":[]}`, http.StatusNotFound)
				return
			}
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	e.host = strings.TrimPrefix(server.URL, "http://")
	return e
}

func (e *elsewhere) allow(blobs int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.most = blobs
}

func (e *elsewhere) push(tag string, what registries.Taggable) string {
	e.t.Helper()
	ref, err := name.ParseReference(e.host + "/app:" + tag)
	if err != nil {
		e.t.Fatal(err)
	}
	as := registries.WithAuth(&authn.Basic{Username: "acme", Password: "secret"})
	if index, ok := what.(v1.ImageIndex); ok {
		err = registries.WriteIndex(ref, index, as)
	} else {
		err = registries.Write(ref, what.(v1.Image), as)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	return ref.String()
}

// platforms is an index of an image for each architecture.
func platforms(t *testing.T, archs ...string) v1.ImageIndex {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range archs {
		image, err := random.Image(3000, 2)
		if err == nil {
			image, err = mutate.ConfigFile(mutate.MediaType(image, types.OCIManifestSchema1), &v1.ConfigFile{Architecture: arch, OS: "linux", Author: arch})
		}
		if err != nil {
			t.Fatal(err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return index
}

// docker leaves a login to a registry as docker does.
func docker(t *testing.T, host string) {
	dir := t.TempDir()
	config := `{"auths":{"` + host + `":{"username":"acme","password":"secret"}}}`
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
}

func (h *charmHost) copied(args ...string) (c copiedImage) {
	h.t.Helper()
	out := []byte(h.run(exitOK, append(args, "--format", "json")...))
	asDocumented(h.t, jsonTables(h.t)["larder image copy"], "image copy", out)
	if err := json.Unmarshal(out, &c); err != nil {
		h.t.Fatal(err)
	}
	return c
}

func TestImagesAreCopiedFromARegistry(t *testing.T) {
	h, from := newCharmHost(t), newElsewhere(t)
	charm := charmtest.Charm(t, pantry(""))
	h.run(exitOK, "push-charm", charm, "--register")
	index := platforms(t, "amd64", "arm64")
	source := from.push("1", index)
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", t.TempDir())

	if said := h.run(exitForbidden, "image", "copy", source, "pantry", "image"); !strings.Contains(said, "docker login") {
		t.Errorf("without a login: %s", said)
	}
	// run's standard input begins with this line.
	if said := h.run(exitForbidden, "image", "copy", source, "pantry", "image", "--source-username", "acme", "--source-password-stdin"); strings.Contains(said, "hold type=charm") {
		t.Errorf("the password is told: %s", said)
	}
	docker(t, from.host)
	if said := h.run(exitNotFound, "image", "copy", from.host+"/app:none", "pantry", "image"); !strings.Contains(said, "there is no image") {
		t.Errorf("an image that is not there: %s", said)
	}
	from.allow(3)
	h.run(exitNotFound, "image", "copy", source, "pantry", "image")
	from.allow(-1)
	c := h.copied("image", "copy", source, "pantry", "image", "--tag", "one")
	if c.Digest != digest.String() || c.Tag != "one" || strings.Join(c.Archs, ",") != "amd64,arm64" || c.Present < 3 || c.Fetched+c.Present != 9 {
		t.Errorf("copied %+v", c)
	}
	for blob, n := range from.given {
		if n != 1 {
			t.Errorf("%s was fetched %d times", blob, n)
		}
	}
	if again := h.copied("image", "copy", source, "pantry", "image", "--tag", "one"); again.Fetched != 0 || again.Bytes != 0 || again.Digest != c.Digest {
		t.Errorf("the same again: %+v", again)
	}

	image, err := index.Image(mustManifest(t, index).Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	about, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	size, err := index.Size()
	if err != nil {
		t.Fatal(err)
	}
	from.push("sig", mutate.Subject(mutate.MediaType(about, types.OCIManifestSchema1),
		v1.Descriptor{MediaType: types.OCIImageIndex, Digest: digest, Size: size}).(v1.Image))
	if c := h.copied("image", "copy", source, "pantry", "image", "--referrers"); c.Referrers != 1 || c.Fetched != 3 {
		t.Errorf("with what is about it: %+v", c)
	}
	if c := h.copied("image", "copy", source, "pantry", "image", "--platform", "amd64", "--tag", "amd64"); c.Digest != imageDigest(t, image) {
		t.Errorf("one platform: %+v", c)
	}
	said := h.run(exitOK, "push-charm", charm, "--resource", "image="+from.push("2", platforms(t, "s390x")), "--resource", "tool="+charm, "--channel", "edge")
	if !strings.Contains(said, "Uploaded resource image revision 1") || !strings.Contains(said, "with image 1, tool 1") {
		t.Errorf("pushed with a charm: %s", said)
	}
}

func mustManifest(t *testing.T, index v1.ImageIndex) *v1.IndexManifest {
	t.Helper()
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func imageDigest(t *testing.T, image v1.Image) string {
	t.Helper()
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}
