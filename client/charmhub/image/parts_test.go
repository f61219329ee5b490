package image

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
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
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

func opened(t *testing.T, source string) *Source {
	t.Helper()
	s, err := Open(t.Context(), source, nil)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func TestPartsAreWholeAndInOrder(t *testing.T) {
	index := manyImages(t)
	inRegistry := newRegistry(t, nil) + "/many:1"
	digest := pushIndex(t, inRegistry, index)
	for _, source := range []string{inRegistry, layoutOf(t, index), pack(t, layoutOf(t, index))} {
		parts, err := opened(t, source).Parts()
		must(t, err)
		seen := make(map[string]bool)
		manifests := 0
		for _, p := range parts {
			body, err := p.Open()
			must(t, err)
			content, err := io.ReadAll(body)
			must(t, err)
			must(t, body.Close())
			if got := fmt.Sprintf("sha256:%x", sha256.Sum256(content)); got != p.Digest || int64(len(content)) != p.Size || seen[p.Digest] {
				t.Errorf("%s: %s of %d bytes is %s of %d", source, p.Digest, p.Size, got, len(content))
			}
			seen[p.Digest] = true
			if !p.Manifest {
				continue
			}
			manifests++
			m, err := v1.ParseManifest(strings.NewReader(string(content)))
			must(t, err)
			for _, l := range m.Layers {
				if !seen[l.Digest.String()] {
					t.Errorf("%s: %s comes before its layer", source, p.Digest)
				}
			}
		}
		if last := parts[len(parts)-1]; manifests != 7 || last.Digest != digest || !last.Manifest {
			t.Errorf("%s: %d manifests, the last of %d parts is %s, want %s", source, manifests, len(parts), last.Digest, digest)
		}
	}
}

func TestOnlySomePlatforms(t *testing.T) {
	index := manyImages(t)
	dir := layoutOf(t, index)
	for _, tt := range []struct {
		platforms []string
		is        []string // architectures
		refused   string
	}{
		{nil, manyArchitectures, ""},
		{[]string{"amd64"}, []string{"amd64"}, ""},
		{[]string{"linux/amd64", "linux/arm/v6"}, []string{"amd64", "armhf"}, ""},
		{[]string{"s390x"}, nil, "it is for linux/amd64, linux/arm/v7"},
		{[]string{"amd64", "linux/s390x"}, nil, "not for linux/s390x"},
		{[]string{"a/b/c/d/e"}, nil, "is no platform"},
	} {
		s := opened(t, dir)
		err := s.Only(tt.platforms...)
		if tt.refused != "" {
			if err == nil || !strings.Contains(err.Error(), tt.refused) {
				t.Errorf("%v: %v, want %q", tt.platforms, err, tt.refused)
			}
			continue
		}
		must(t, err)
		m, err := s.Metadata()
		must(t, err)
		parts, err := s.Parts()
		must(t, err)
		if !slices.Equal(m.Architectures, tt.is) || parts[len(parts)-1].Digest != m.Digest {
			t.Errorf("%v: %+v, and the last part is %s", tt.platforms, m, parts[len(parts)-1].Digest)
		}
	}
	single := filepath.Join(t.TempDir(), "single")
	to, err := layout.Write(single, empty.Index)
	must(t, err)
	must(t, to.AppendImage(oneImage(t, "linux", "arm64", "")))
	must(t, opened(t, single).Only("amd64", "arm64"))
	if err := opened(t, single).Only("amd64"); err == nil || !strings.Contains(err.Error(), "is for linux/arm64 only") {
		t.Errorf("an image for another platform: %v", err)
	}
}

func TestReferrers(t *testing.T) {
	image := oneImage(t, "linux", "amd64", "")
	of, err := image.Digest()
	must(t, err)
	size, err := image.Size()
	must(t, err)
	subject := v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: of, Size: size}
	about := mutate.Subject(mutate.MediaType(oneImage(t, "", "", ""), types.OCIManifestSchema1), subject).(v1.Image)
	other := mutate.MediaType(oneImage(t, "linux", "amd64", ""), types.OCIManifestSchema1)

	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	dir := filepath.Join(t.TempDir(), "layout")
	to, err := layout.Write(dir, empty.Index)
	must(t, err)
	for tag, i := range map[string]v1.Image{"1": image, "sig": about, "2": other} {
		ref, err := name.ParseReference(host + "/app:" + tag)
		must(t, err)
		must(t, remote.Write(ref, i))
		must(t, to.AppendImage(i, layout.WithAnnotations(map[string]string{refName: tag})))
	}
	want, err := about.Digest()
	must(t, err)
	for _, source := range []string{host + "/app:1", "oci:" + dir + ":1"} {
		found, err := opened(t, source).Referrers(t.Context())
		must(t, err)
		if len(found) != 1 || found[0].digest != want {
			t.Errorf("%s: %d are about it", source, len(found))
			continue
		}
		parts, err := found[0].Parts()
		must(t, err)
		if parts[len(parts)-1].Digest != want.String() {
			t.Errorf("%s: %+v", source, parts)
		}
	}
	if found, err := opened(t, host+"/app:2").Referrers(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("nothing is about it: %d, %v", len(found), err)
	}
}

func TestPartsAreBounded(t *testing.T) {
	deep := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: oneImage(t, "linux", "amd64", "")})
	for range maxDepth {
		deep = mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: deep})
	}
	large := mutate.Annotations(oneImage(t, "linux", "amd64", ""), map[string]string{"a": strings.Repeat("a", maxManifest)}).(v1.Image)
	wide := func() v1.Image {
		i := oneImage(t, "linux", "amd64", "")
		config := v1.Descriptor{MediaType: types.OCILayer, Size: 1}
		i = mutate.MediaType(i, types.OCIManifestSchema1)
		m, err := i.Manifest()
		must(t, err)
		for n := range maxParts {
			config.Digest = v1.Hash{Algorithm: "sha256", Hex: fmt.Sprintf("%064x", n)}
			m.Layers = append(m.Layers, config)
		}
		return fakeManifest{i, m}
	}()
	for name, tt := range map[string]struct {
		source Source
		says   string
	}{
		"deep":  {Source{index: deep}, "nest deeper"},
		"large": {Source{image: large}, "larger than"},
		"wide":  {Source{image: wide}, "more than 10000 parts"},
	} {
		if _, err := tt.source.Parts(); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", name, err, tt.says)
		}
	}
}

// fakeManifest is an image with another manifest.
type fakeManifest struct {
	v1.Image
	m *v1.Manifest
}

func (f fakeManifest) Manifest() (*v1.Manifest, error) { return f.m, nil }

func TestConfigurationsThatAreTooLongAreNotRead(t *testing.T) {
	long, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", Author: strings.Repeat("a", maxConfig)})
	must(t, err)
	at := newRegistry(t, nil) + "/long:1"
	ref, err := name.ParseReference(at)
	must(t, err)
	must(t, remote.Write(ref, long))

	s := opened(t, at)
	if err := s.Only("linux/amd64"); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("choosing a platform: %v", err)
	}
	parts, err := s.Parts()
	must(t, err)
	if _, err := parts[0].Open(); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("opening the configuration: %v", err)
	}
}
