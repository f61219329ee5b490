package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/store"
)

func charmYAML(name, more string) charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: fmt.Sprintf("name: %s\nsummary: s\ndescription: d\n%s", name, more),
		Bases:    []charmbuild.Base{{Name: "ubuntu", Channel: "24.04", Architectures: []string{"amd64"}}},
	}
}

func (s *site) charms() *CharmPusher { return &CharmPusher{Catalog: s.Catalog, Blobs: s.Blobs} }

// image copies an image without layers, called as the source is.
func (s *site) image(ctx context.Context, packageID, resource, source string) (digest string, err error) {
	repo := store.ImageRepo{PackageID: packageID, Resource: resource}
	config := []byte(`{"architecture":"arm64","os":"linux","author":"` + source + `"}`)
	sum := fmt.Sprintf("sha256:%x", sha256.Sum256(config))
	err = s.Catalog.PutImageBlob(ctx, operator, repo, sum, catalog.Piece{Offset: -1, Size: int64(len(config)), Bytes: bytes.NewReader(config)})
	if err != nil {
		return "", err
	}
	const kind = "application/vnd.oci.image.manifest.v1+json"
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[]}`,
		kind, sum, len(config))
	digest = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(manifest)))
	_, err = s.Catalog.PushImage(ctx, operator, repo, digest, kind, []byte(manifest))
	return digest, err
}

func TestCharmsArePushedWithTheirFilesAndImages(t *testing.T) {
	s := newSite(t)
	p := s.charms()
	p.CopyImage = s.image
	var read []Progress
	p.Progress = func(step Progress) { read = append(read, step) }
	pantry := charmtest.Charm(t, charmYAML("pantry", "resources: {tool: {type: file, filename: t}}\n"))
	oven := charmtest.Charm(t, charmtest.Kubernetes())
	kitchen := charmtest.Bundle(t, charmtest.BundleYAML)
	tool := write(t, t.TempDir(), "tool.bin", nil)
	edge, err := store.ParseChannel("edge")
	if err != nil {
		t.Fatal(err)
	}
	push := func(image string) catalog.CharmOutcome {
		t.Helper()
		out, err := p.Push(t.Context(), operator, []string{pantry, oven, kitchen}, CharmOptions{
			Register: true, Channels: []store.Channel{edge},
			Resources: []CharmResource{{Name: "tool", Source: tool}, {Charm: "oven-k8s", Name: "oven-image", Source: image}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := push("oven:1")
	var got []string
	for _, p := range out.Pushed {
		got = append(got, fmt.Sprintf("%s/%s %d", p.Name, p.Resource, p.Revision))
	}
	if want := []string{"pantry/ 1", "oven-k8s/ 1", "kitchen/ 1", "pantry/tool 1", "oven-k8s/oven-image 1"}; !slices.Equal(got, want) {
		t.Errorf("pushed %v, want %v", got, want)
	}
	if len(out.Released) != 3 || out.Released[1].Resources[0].Name != "oven-image" {
		t.Errorf("released %+v", out.Released)
	}
	if !slices.ContainsFunc(read, func(p Progress) bool { return p.Unit == pantry && p.Read > 0 && p.Read == p.Total }) {
		t.Errorf("nobody heard how far it was: %+v", read)
	}
	if again := push("oven:1"); again.Changed() {
		t.Errorf("the same again: %+v", again)
	}
	if next := push("oven:2"); len(next.Released) != 1 || next.Released[0].Resources[0].Revision != 2 {
		t.Errorf("another image: %+v", next.Released)
	}
}

func TestFilesThatAreNoCharmsAreRefusedAndLeaveNothing(t *testing.T) {
	pantry := charmtest.Charm(t, charmYAML("pantry", "resources: {tool: {type: file, filename: t}, image: {type: oci-image}}\n"))
	cellar := charmtest.Charm(t, charmYAML("cellar", "resources: {tool: {type: file, filename: t}}\n"))
	for _, tt := range []struct {
		name, code string
		files      []string
		resources  []CharmResource
	}{
		{"no file", "file-not-found", []string{pantry, filepath.Join(t.TempDir(), "nothing.charm")}, nil},
		{"a directory", "not-a-file", []string{pantry, t.TempDir()}, nil},
		{"no archive", "invalid-charm", []string{pantry, write(t, t.TempDir(), "a.charm", []byte("text"))}, nil},
		{"a charm with faults", "invalid-charm", []string{pantry, charmtest.Charm(t, charmYAML("Bad", ""))}, nil},
		{"a bundle without a name", "missing-name", []string{charmtest.Bundle(t, strings.Replace(charmtest.BundleYAML, "name: kitchen\n", "", 1))}, nil},
		{"a resource that no charm declares", "undeclared-resource", []string{pantry}, []CharmResource{{Name: "other", Source: pantry}}},
		{"a resource of a charm that is not there", "undeclared-resource", []string{pantry}, []CharmResource{{Charm: "cellar", Name: "tool", Source: pantry}}},
		{"a resource of two charms", "ambiguous-resource", []string{pantry, cellar}, []CharmResource{{Name: "tool", Source: pantry}}},
		{"a resource twice", "resource-twice", []string{pantry}, []CharmResource{{Name: "tool", Source: pantry}, {Charm: "pantry", Name: "tool", Source: cellar}}},
		{"no file of a resource", "file-not-found", []string{pantry}, []CharmResource{{Name: "tool", Source: "/nothing"}}},
		{"an image that nothing copies", "images-unsupported", []string{pantry}, []CharmResource{{Name: "image", Source: "oven:1"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			_, err := s.charms().Push(t.Context(), operator, tt.files, CharmOptions{Register: true, Resources: tt.resources})
			var e *store.Error
			if !errors.As(err, &e) || e.Code != tt.code || e.Next == "" && tt.code != "file-not-found" {
				t.Errorf("%v, want %s and the next step", err, tt.code)
			}
			s.empty(t)
		})
	}
}

// empty fails the test if the site keeps any bytes.
func (s *site) empty(t *testing.T) {
	t.Helper()
	for info, err := range s.Blobs.List(t.Context()) {
		t.Errorf("the blob %v is left, %v", info.Digest, err)
	}
	err := filepath.WalkDir(filepath.Join(s.blobDir, "tmp"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && d.Type().IsRegular() {
			if info, infoErr := d.Info(); infoErr == nil && info.Size() > 0 {
				t.Errorf("%s is left", path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
