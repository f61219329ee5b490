package e2e

import (
	"crypto/sha3"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/squashfs"
)

// snapYAML is all that a snap must say of itself.
func snapYAML(name, version, arch string) string {
	return fmt.Sprintf("name: %s\nversion: '%s'\nsummary: Made for a test\ndescription: Made for a test.\nbase: core24\narchitectures: [%s]\nconfinement: strict\ngrade: stable\n", name, version, arch)
}

// makeSnap writes a snap to dir and returns its path.
func makeSnap(t testing.TB, dir, name, version string, files ...squashfs.File) string {
	t.Helper()
	return writeSnap(t, filepath.Join(dir, name+"_"+version+".snap"), snapYAML(name, version, "amd64"), files...)
}

func writeSnap(t testing.TB, path, yaml string, files ...squashfs.File) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := snapbuild.Snap(f, snapbuild.Spec{YAML: yaml, Files: files}); err != nil {
		t.Fatal(err)
	}
	return path
}

// assertionDigest is a file's SHA3-384 as assertions write it.
func assertionDigest(t testing.TB, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha3.Sum384(content)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// noise makes a snap large in spite of compression.
func noise(size int64) squashfs.File { return snapbuild.Noise("data/noise", size, uint64(size)) }
