// Package snaptest gives tests real snaps and components as files.
package snaptest

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/squashfs"
)

// Snap makes a snap from the text of its snap.yaml and more files, and returns the
// path; the test's end removes it.
func Snap(t testing.TB, yaml string, files ...squashfs.File) string {
	t.Helper()
	return build(t, "test.snap", snapbuild.Snap, snapbuild.Spec{YAML: yaml, Files: files})
}

// Component makes a component from the text of its component.yaml and more files.
func Component(t testing.TB, yaml string, files ...squashfs.File) string {
	t.Helper()
	return build(t, "test.comp", snapbuild.Component, snapbuild.Spec{YAML: yaml, Files: files})
}

// Image makes a squashfs image of nothing but the given files.
func Image(t testing.TB, files ...squashfs.File) string {
	t.Helper()
	return build(t, "test.squashfs", func(w io.WriterAt, spec snapbuild.Spec) (int64, error) {
		return squashfs.Write(w, spec.Files, spec.Options)
	}, snapbuild.Spec{Files: files})
}

func build(t testing.TB, name string, write func(io.WriterAt, snapbuild.Spec) (int64, error), spec snapbuild.Spec) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := write(f, spec); err != nil {
		t.Fatal(err)
	}
	return path
}
