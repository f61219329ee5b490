package snapbuild_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/squashfs"
)

func spec() snapbuild.Spec {
	return snapbuild.Spec{
		YAML: "name: hello\nversion: 1\napps: {hello: {command: bin/hello}}\n",
		Files: []squashfs.File{
			snapbuild.Program("bin/hello", "#!/bin/sh\necho hello\n"),
			snapbuild.Link("bin/hi", "hello"),
			snapbuild.Noise("data", 300_000, 7),
		},
		Options: squashfs.Options{Compression: squashfs.XZ},
	}
}

func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hello.snap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := snapbuild.Snap(f, spec()); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSnapIsValidAndRuns(t *testing.T) {
	path := build(t)
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := inspect.Snap(context.Background(), bytes.NewReader(image), int64(len(image)), inspect.Limits{})
	if err != nil || info.Name != "hello" || info.Compression != "xz" {
		t.Errorf("inspected as %+v, %v", info, err)
	}
	unsquashfs, err := exec.LookPath("unsquashfs")
	if err != nil {
		t.Fatal("unsquashfs is missing: install the package squashfs-tools")
	}
	out := filepath.Join(t.TempDir(), "out")
	if text, err := exec.Command(unsquashfs, "-no-progress", "-d", out, path).CombinedOutput(); err != nil {
		t.Fatalf("unsquashfs: %v\n%s", err, text)
	}
	if said, err := exec.Command(filepath.Join(out, "bin/hi")).Output(); err != nil || string(said) != "hello\n" {
		t.Errorf("bin/hi says %q, %v", said, err)
	}
}

func TestEqualSpecsGiveEqualSnaps(t *testing.T) {
	one, err := os.ReadFile(build(t))
	if err != nil {
		t.Fatal(err)
	}
	two, err := os.ReadFile(build(t))
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("snaps differ, %v", err)
	}
}

type discard struct{}

func (discard) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

func TestLargeSnapsAreNotHeldInMemory(t *testing.T) {
	const size = 256 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, err := snapbuild.Snap(discard{}, snapbuild.Spec{
		YAML: "name: big\nversion: 1\n", Files: []squashfs.File{snapbuild.Noise("data", size, 1)},
		Options: squashfs.Options{Compression: squashfs.None},
	})
	runtime.ReadMemStats(&after)
	if err != nil || n < size {
		t.Errorf("%d bytes, %v", n, err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 4<<20 {
		t.Errorf("took %d bytes of memory", took)
	}
}

func BenchmarkNoise(b *testing.B) {
	for name, c := range map[string]squashfs.Compression{"none": squashfs.None, "gzip": squashfs.Gzip, "xz": squashfs.XZ} {
		b.Run(name, func(b *testing.B) {
			const size = 16 << 20
			b.SetBytes(size)
			for b.Loop() {
				_, err := snapbuild.Snap(discard{}, snapbuild.Spec{
					YAML: "name: big\nversion: 1\n", Files: []squashfs.File{snapbuild.Noise("data", size, 1)},
					Options: squashfs.Options{Compression: c},
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
