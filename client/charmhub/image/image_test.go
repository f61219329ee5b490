package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// newRegistry is a registry in memory; wrap may be nil.
func newRegistry(t *testing.T, wrap func(http.Handler) http.Handler) (host string) {
	t.Helper()
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	if wrap != nil {
		h = wrap(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// basic asks for a name and a password.
func basic(username, password string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if u, p, _ := r.BasicAuth(); u != username || p != password {
				w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
				http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}`, http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// oneImage is an image for one platform.
func oneImage(t *testing.T, os, architecture, variant string) v1.Image {
	t.Helper()
	image, err := random.Image(20_000, 2)
	must(t, err)
	config, err := image.ConfigFile()
	must(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Variant = os, architecture, variant
	image, err = mutate.ConfigFile(image, config)
	must(t, err)
	return image
}

// manyImages is an index as a build of several platforms leaves it, with an
// attestation and one entry that does not tell its platform.
func manyImages(t *testing.T) v1.ImageIndex {
	t.Helper()
	add := func(os, architecture, variant string) mutate.IndexAddendum {
		return mutate.IndexAddendum{Add: oneImage(t, os, architecture, variant), Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: os, Architecture: architecture, Variant: variant},
		}}
	}
	return mutate.AppendManifests(empty.Index,
		add("linux", "amd64", ""), add("linux", "arm", "v7"), add("linux", "arm", "v6"), add("windows", "arm64", ""),
		add("unknown", "unknown", ""), mutate.IndexAddendum{Add: oneImage(t, "linux", "ppc64le", "")})
}

func pushIndex(t *testing.T, reference string, index v1.ImageIndex) string {
	t.Helper()
	ref, err := name.ParseReference(reference)
	must(t, err)
	must(t, remote.WriteIndex(ref, index))
	digest, err := index.Digest()
	must(t, err)
	return digest.String()
}

var manyArchitectures = []string{"amd64", "armhf", "ppc64el"}

// arrived checks that a registry has an index with all that belongs to it, byte
// for byte.
func arrived(t *testing.T, reference string, want v1.ImageIndex, options ...remote.Option) {
	t.Helper()
	ref, err := name.ParseReference(reference)
	must(t, err)
	got, err := remote.Get(ref, options...)
	must(t, err)
	raw, err := want.RawManifest()
	must(t, err)
	if !bytes.Equal(got.Manifest, raw) {
		t.Errorf("%s is another index: %s", reference, got.Manifest)
	}
	index, err := got.ImageIndex()
	must(t, err)
	must(t, validate.Index(index))
}

func TestCopyBetweenRegistries(t *testing.T) {
	from, to := newRegistry(t, nil), newRegistry(t, basic("ann", "s3cret"))
	index := manyImages(t)
	digest := pushIndex(t, from+"/org/bake:1", index)
	ctx := t.Context()

	var last Progress
	o := &Options{Destination: &Login{Username: "ann", Password: "s3cret"}, Progress: func(p Progress) { last = p }}
	m, err := Copy(ctx, "docker://"+from+"/org/bake:1", to+"/charm/abc/image", o)
	must(t, err)
	if m.Digest != digest || !slices.Equal(m.Architectures, manyArchitectures) || m.Reference != "docker://"+from+"/org/bake:1" {
		t.Errorf("copied %+v", m)
	}
	if last.Done == 0 || last.Done != last.Total {
		t.Errorf("the progress ended with %+v", last)
	}
	login := remote.WithAuth(loginOf(o.Destination))
	arrived(t, to+"/charm/abc/image:latest", index, login)
	arrived(t, to+"/charm/abc/image@"+digest, index, login)

	// By digest, and again: what is there is not sent again.
	_, err = Copy(ctx, from+"/org/bake@"+digest, to+"/charm/abc/image", o)
	must(t, err)

	o.Destination.Password = "wr0ng"
	_, err = Copy(ctx, from+"/org/bake:1", to+"/charm/abc/image", o)
	if err == nil || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("with a wrong password: %v", err)
	}
	if _, err := Inspect(ctx, from+"/org/nothing", nil); err == nil || !strings.Contains(err.Error(), "/org/nothing") {
		t.Errorf("unknown image: %v", err)
	}
}

func TestCopyOfOneImage(t *testing.T) {
	host := newRegistry(t, nil)
	image := oneImage(t, "linux", "arm64", "")
	ref, err := name.ParseReference(host + "/org/one:1")
	must(t, err)
	must(t, remote.Write(ref, image))
	digest, err := image.Digest()
	must(t, err)
	m, err := Copy(t.Context(), host+"/org/one:1", host+"/org/two:2", nil)
	if err != nil || m.Digest != digest.String() || !slices.Equal(m.Architectures, []string{"arm64"}) {
		t.Errorf("copied %+v, %v", m, err)
	}
	windows := oneImage(t, "windows", "amd64", "")
	must(t, remote.Write(ref, windows))
	if m, err := Inspect(t.Context(), host+"/org/one:1", nil); err != nil || len(m.Architectures) != 0 || m.Architectures == nil {
		t.Errorf("an image of another system: %+v, %v", m, err)
	}
}

// TestCopyIsChecked at the destination.
func TestCopyIsChecked(t *testing.T) {
	from := newRegistry(t, nil)
	pushIndex(t, from+"/org/bake:1", manyImages(t))
	to := newRegistry(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead && strings.HasSuffix(r.URL.Path, "/manifests/latest") {
				w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
				w.Header().Set("Content-Length", "3")
				w.Header().Set("Docker-Content-Digest", "sha256:"+strings.Repeat("ab", 32))
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	if _, err := Copy(t.Context(), from+"/org/bake:1", to+"/org/bake", nil); err == nil || !strings.Contains(err.Error(), "in place of") {
		t.Errorf("got %v", err)
	}
}

func TestLayouts(t *testing.T) {
	host := newRegistry(t, nil)
	one, two := manyImages(t), manyImages(t)
	first, second := pushIndex(t, host+"/a:1", one), pushIndex(t, host+"/a:2", two)
	dir := filepath.Join(t.TempDir(), "layout")
	ctx := t.Context()
	for _, tag := range []string{"1", "2", "2"} { // a tag is replaced
		if _, err := Copy(ctx, host+"/a:"+tag, "oci:"+dir+":"+tag, nil); err != nil {
			t.Fatal(err)
		}
	}
	for tag, want := range map[string]string{"1": first, "2": second} {
		m, err := Copy(ctx, "oci:"+dir+":"+tag, host+"/b:"+tag, nil)
		if err != nil || m.Digest != want || !slices.Equal(m.Architectures, manyArchitectures) {
			t.Errorf("tag %s: %+v, %v", tag, m, err)
		}
	}
	arrived(t, host+"/b:2", two)
	if _, err := Inspect(ctx, dir, nil); err == nil || !strings.Contains(err.Error(), "2 images") {
		t.Errorf("without a tag: %v", err)
	}
	if _, err := Inspect(ctx, "oci:"+dir+":3", nil); err == nil || !strings.Contains(err.Error(), `"3"`) {
		t.Errorf("unknown tag: %v", err)
	}
	single := filepath.Join(t.TempDir(), "single")
	must(t, func() error { _, err := Copy(ctx, host+"/a:1", "oci:"+single, nil); return err }())
	if m, err := Inspect(ctx, single, nil); err != nil || m.Digest != first {
		t.Errorf("the only image: %+v, %v", m, err)
	}
}

// pack makes a tar file of a directory.
func pack(t *testing.T, dir string) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.AddFS(os.DirFS(dir)))
	must(t, w.Close())
	file := filepath.Join(t.TempDir(), "image.tar")
	must(t, os.WriteFile(file, b.Bytes(), 0o600))
	return file
}

func layoutOf(t *testing.T, index v1.ImageIndex) string {
	t.Helper()
	dir := t.TempDir()
	_, err := layout.Write(dir, mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: index, Descriptor: v1.Descriptor{Annotations: map[string]string{refName: "1"}}}))
	must(t, err)
	return dir
}

func TestArchives(t *testing.T) {
	host := newRegistry(t, nil)
	index := manyImages(t)
	digest, err := index.Digest()
	must(t, err)
	file := pack(t, layoutOf(t, index))
	temporary := t.TempDir()
	for _, source := range []string{file, "oci-archive:" + file, "oci-archive:" + file + ":1"} {
		m, err := Copy(t.Context(), source, host+"/bake:1", &Options{TempDir: temporary})
		if err != nil || m.Digest != digest.String() {
			t.Errorf("%s: %+v, %v", source, m, err)
		}
	}
	arrived(t, host+"/bake:1", index)
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Inspect(ctx, file, &Options{TempDir: temporary}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestDockerSaved reads what docker save wrote before it wrote layouts.
func TestDockerSaved(t *testing.T) {
	host := newRegistry(t, nil)
	image := oneImage(t, "linux", "s390x", "")
	tag, err := name.NewTag("org/bake:1")
	must(t, err)
	file := filepath.Join(t.TempDir(), "saved.tar")
	must(t, tarball.WriteToFile(file, tag, image))
	for _, source := range []string{file, "docker-archive:" + file, "docker-archive:" + file + ":org/bake:1"} {
		m, err := Copy(t.Context(), source, host+"/bake:1", nil)
		if err != nil || !slices.Equal(m.Architectures, []string{"s390x"}) {
			t.Errorf("%s: %+v, %v", source, m, err)
			continue
		}
		if again, err := Inspect(t.Context(), host+"/bake:1", nil); err != nil || again.Digest != m.Digest {
			t.Errorf("%s arrived as %+v, %v", source, again, err)
		}
	}
	if _, err := Inspect(t.Context(), "docker-archive:"+file+":org/cake:1", nil); err == nil {
		t.Error("another tag was found")
	}
}

func TestNameFromURL(t *testing.T) {
	for url, want := range map[string]string{
		"docker://ghcr.io/org/mysql:8@sha256:abcd": "mysql",
		"docker://localhost:5000/mysql":            "mysql",
		"ghcr.io/org/mysql":                        "mysql",
		"mysql:8":                                  "mysql",
		"oci:/some/dir/mysql:8":                    "mysql",
		"oci-archive:mysql.tar":                    "mysql.tar",
	} {
		if got := NameFromURL(url); got != want {
			t.Errorf("%s is %q", url, got)
		}
	}
}

func TestLoginsPrintWithoutPassword(t *testing.T) {
	l := Login{Username: "ann", Password: "s3cret"}
	if text := fmt.Sprintf("%v %+v %#v %v", l, &l, l, Options{Source: &l}); strings.Contains(text, "s3cret") {
		t.Errorf("printed as %s", text)
	}
}
