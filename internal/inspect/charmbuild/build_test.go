package charmbuild_test

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/charmtest"
)

// TestCharmHasTheShapeOfCharmcrafts holds a charm to what charmcraft's packing gives:
// deflate, no entries for directories, sizes in front of the data, Unix modes.
func TestCharmHasTheShapeOfCharmcrafts(t *testing.T) {
	spec := charmtest.Machine()
	spec.Files = append(spec.Files, charmbuild.Program("hooks/install", "#!/bin/sh\n"))
	archive := charmtest.CharmBytes(t, spec)
	if !bytes.Equal(archive, charmtest.CharmBytes(t, spec)) {
		t.Error("equal specs give other bytes")
	}
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
		if f.Method != zip.Deflate || f.Flags != 0 || strings.HasSuffix(f.Name, "/") {
			t.Errorf("%+v", f.FileHeader)
		}
		if program := slices.Contains([]string{"dispatch", "hooks/install", "src/charm.py"}, f.Name); program != (f.Mode() == 0o755) {
			t.Errorf("%s has mode %v", f.Name, f.Mode())
		}
	}
	want := []string{
		"README.md", "actions.yaml", "charmcraft.yaml", "config.yaml", "dispatch", "icon.svg", "lxd-profile.yaml", "manifest.yaml",
		"metadata.yaml", "src/charm.py", "version", "hooks/install",
	}
	if !slices.Equal(names, want) {
		t.Errorf("members %q, want %q", names, want)
	}
}

func TestManifestNamesBases(t *testing.T) {
	got := charmbuild.Manifest([]charmbuild.Base{{Name: "ubuntu", Channel: "22.04", Architectures: []string{"amd64", "arm64"}}, {Name: "ubuntu", Channel: "24.04"}})
	want := "bases:\n- name: ubuntu\n  channel: '22.04'\n  architectures:\n  - amd64\n  - arm64\n- name: ubuntu\n  channel: '24.04'\nanalysis:"
	if !strings.Contains(got, want) {
		t.Errorf("got %s", got)
	}
	if got := charmbuild.Manifest(nil); !strings.Contains(got, "bases: []\n") {
		t.Errorf("got %s", got)
	}
}
