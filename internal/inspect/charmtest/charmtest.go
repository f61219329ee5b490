// Package charmtest gives tests real charms and bundles, as bytes and as files.
package charmtest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/ziparchive"
)

// Charm makes a charm and returns its path; the test's end removes it.
func Charm(t testing.TB, spec charmbuild.Spec) string {
	t.Helper()
	return write(t, "test.charm", CharmBytes(t, spec))
}

// Bundle makes a bundle from the text of its bundle.yaml and returns its path.
func Bundle(t testing.TB, yaml string) string {
	t.Helper()
	return write(t, "bundle.zip", BundleBytes(t, yaml))
}

// CharmBytes makes a charm in memory.
func CharmBytes(t testing.TB, spec charmbuild.Spec) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := charmbuild.Charm(&b, spec); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// BundleBytes makes a bundle with a README.md in memory.
func BundleBytes(t testing.TB, yaml string) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := charmbuild.Bundle(&b, yaml, "# A bundle\n"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ArchiveBytes makes a zip archive of nothing but the given files in memory.
func ArchiveBytes(t testing.TB, files ...ziparchive.File) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := ziparchive.Write(&b, files); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}
