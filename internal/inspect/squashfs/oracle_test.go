package squashfs_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/inspect/squashfs"
)

// tool names a program of squashfs-tools, the oracle of these tests.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: install the package squashfs-tools", name)
	}
	return path
}

func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(tool(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// tree writes files below a new directory and returns it.
func tree(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func mksquashfs(t testing.TB, dir string, args ...string) string {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image.squashfs")
	run(t, "mksquashfs", append([]string{dir, image, "-noappend", "-no-progress", "-quiet"}, args...)...)
	return image
}

func open(t testing.TB, path string, limits squashfs.Limits) *squashfs.Image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	im, err := squashfs.Open(f, info.Size(), limits)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// noise is data that no codec makes smaller; text is data that all do.
func noise(n int) []byte {
	b := make([]byte, n)
	chacha := rand.NewChaCha8([32]byte{1})
	chacha.Read(b)
	return b
}

func text(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "line %d of a file that packs well\n", i)
	}
	return b.Bytes()[:n]
}

// manyFiles give a directory several runs, several metadata blocks, and a listing of
// more than 64 KiB, which needs the extended inode.
const manyFiles = 520

// sample has every shape of file the format tells apart.
func sample() map[string][]byte {
	files := map[string][]byte{
		"meta/snap.yaml":     text(700),
		"meta/gui/icon.png":  noise(5000),
		"empty":              {},
		"one-block":          text(128 << 10),
		"blocks":             text(5*(128<<10) + 77),
		"noise":              noise(2*(128<<10) + 1),
		"sparse":             append(make([]byte, 4*(128<<10)), "end"...),
		"holes-only":         make([]byte, 3*(128<<10)),
		"name with blank/é":  []byte("x"),
		"deep/er/and/deeper": []byte("y"),
	}
	for i := range manyFiles {
		files[fmt.Sprintf("many/%s-%04d", strings.Repeat("n", 150), i)] = fmt.Appendf(nil, "file %d", i)
	}
	return files
}

func TestReadsWhatMksquashfsWrites(t *testing.T) {
	files := sample()
	dir := tree(t, files)
	for _, args := range []string{
		"-comp gzip", "-comp xz", "-comp lzo", "-comp lz4", "-comp lz4 -Xhc", "-comp zstd", "-comp zstd -Xcompression-level 22 -b 1M",
		"-comp xz -b 1M", "-comp xz -b 4K", "-comp gzip -no-fragments", "-comp xz -always-use-fragments",
		"-noI -noD -noF", "-noI -noD -noF -comp lz4", "-no-sparse", "-no-exports -no-xattrs", "-all-root -comp xz -b 256K",
		"-comp gzip -Xwindow-size 8", "-comp lzo -Xalgorithm lzo1x_1",
	} {
		t.Run(args, func(t *testing.T) {
			im := open(t, mksquashfs(t, dir, strings.Fields(args)...), squashfs.Limits{})
			for name, want := range files {
				if strings.HasPrefix(name, "many/") && !strings.HasSuffix(name, "07") {
					continue
				}
				got, err := im.ReadFile(context.Background(), name, 1<<20)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				} else if !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes differ from the %d packed", name, len(got), len(want))
				}
			}
			list, err := im.ReadDir(context.Background(), "many")
			if err != nil {
				t.Fatal(err)
			}
			if len(list) != manyFiles || !list[0].Regular {
				t.Errorf("many has %d entries, want %d", len(list), manyFiles)
			}
		})
	}
}

// Extended attributes, hard links and directories longer than a metadata block give
// inodes of the extended form. The tar stream sets attributes that the test's own
// file system may not know.
func TestReadsExtendedInodes(t *testing.T) {
	var stream bytes.Buffer
	w := tar.NewWriter(&stream)
	note := map[string]string{"SCHILY.xattr.user.note": "here"}
	for _, h := range []tar.Header{
		{Name: "meta/", Typeflag: tar.TypeDir, Mode: 0o755, PAXRecords: note},
		{Name: "meta/snap.yaml", Typeflag: tar.TypeReg, Mode: 0o644, Size: 6, PAXRecords: note},
		{Name: "meta/link", Typeflag: tar.TypeSymlink, Linkname: "snap.yaml", PAXRecords: note},
		{Name: "meta/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, PAXRecords: note},
	} {
		h.Format = tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			io.WriteString(w, "hello\n")
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(t.TempDir(), "image.squashfs")
	cmd := exec.Command(tool(t, "mksquashfs"), "-", image, "-tar", "-no-progress", "-quiet")
	cmd.Stdin = &stream
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mksquashfs: %v\n%s", err, out)
	}
	im := open(t, image, squashfs.Limits{})
	ctx := context.Background()
	for _, name := range []string{"meta/snap.yaml", "meta/link"} {
		if got, err := im.ReadFile(ctx, name, 1<<20); err != nil || string(got) != "hello\n" {
			t.Errorf("%s is %q, %v", name, got, err)
		}
	}
	list, err := im.ReadDir(ctx, "meta")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 || list[1].Name != "null" || list[1].Regular || !list[2].Regular {
		t.Errorf("meta lists %+v", list)
	}
	if _, err := im.ReadFile(ctx, "meta/null", 1<<20); !errors.Is(err, squashfs.ErrNotRegular) {
		t.Errorf("reading a device: %v", err)
	}
}

// mksquashfs applies a branch filter to those blocks that it makes smaller: code, not
// text.
func TestBranchFiltersAreUnsupportedWhereTheyMatter(t *testing.T) {
	code := make([]byte, 100<<10) // calls to one address from many places
	for i := 0; i+5 <= len(code); i += 5 {
		code[i] = 0xe8
		binary.LittleEndian.PutUint32(code[i+1:], uint32(0x1000-i))
	}
	dir := tree(t, map[string][]byte{"meta/snap.yaml": text(700), "program": code})
	im := open(t, mksquashfs(t, dir, "-comp", "xz", "-Xbcj", "x86", "-no-fragments"), squashfs.Limits{})
	if got, err := im.ReadFile(context.Background(), "meta/snap.yaml", 1<<20); err != nil || !bytes.Equal(got, text(700)) {
		t.Errorf("snap.yaml: %v", err)
	}
	if _, err := im.ReadFile(context.Background(), "program", 1<<20); !errors.Is(err, squashfs.ErrUnsupported) {
		t.Errorf("program: %v", err)
	}
}

func TestReadsHardLinks(t *testing.T) {
	dir := tree(t, map[string][]byte{"a": text(1000)})
	if err := os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	im := open(t, mksquashfs(t, dir), squashfs.Limits{})
	got, err := im.ReadFile(context.Background(), "b", 1<<20)
	if err != nil || !bytes.Equal(got, text(1000)) {
		t.Errorf("b: %d bytes, %v", len(got), err)
	}
}

func write(t testing.TB, files []squashfs.File, opts squashfs.Options) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "written.squashfs")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := squashfs.Write(f, files, opts)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != size || size%4096 != 0 {
		t.Fatalf("Write says %d bytes, the file has %v (%v)", size, info.Size(), err)
	}
	return path
}

func asFiles(content map[string][]byte) []squashfs.File {
	var list []squashfs.File
	for name, data := range content {
		list = append(list, squashfs.File{Path: name, Size: int64(len(data)), Content: bytes.NewReader(data)})
	}
	return list
}

func TestUnsquashfsReadsWhatIsWritten(t *testing.T) {
	for _, opts := range []squashfs.Options{
		{}, {BlockSize: 4 << 10}, {BlockSize: 1 << 20}, {Compression: squashfs.XZ}, {Compression: squashfs.None, BlockSize: 4 << 10},
	} {
		t.Run(fmt.Sprintf("%d/%d", opts.Compression, opts.BlockSize), func(t *testing.T) {
			files := sample()
			list := append(asFiles(files),
				squashfs.File{Path: "bin/tool", Mode: 0o755, Size: 2, Content: strings.NewReader("#!")},
				squashfs.File{Path: "bin/link", Mode: fs.ModeSymlink, Target: "tool"},
				squashfs.File{Path: "private", Mode: fs.ModeDir | 0o700},
			)
			image := write(t, list, opts)
			out := filepath.Join(t.TempDir(), "out")
			run(t, "unsquashfs", "-strict-errors", "-no-progress", "-d", out, image)
			count := 0
			err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
				if err != nil || !d.Type().IsRegular() || d.Name() == "tool" {
					return err
				}
				count++
				name, _ := filepath.Rel(out, path)
				got, err := os.ReadFile(path)
				if err != nil {
					return err
				}
				if want, ok := files[name]; !ok || !bytes.Equal(got, want) {
					t.Errorf("%s comes out different", name)
				}
				return nil
			})
			if err != nil || count != len(files) {
				t.Errorf("%d files came out, want %d: %v", count, len(files), err)
			}
			if target, err := os.Readlink(filepath.Join(out, "bin/link")); target != "tool" {
				t.Errorf("bin/link points to %q, %v", target, err)
			}
			for name, want := range map[string]fs.FileMode{"bin/tool": 0o755, "private": 0o700, "bin": 0o755, "empty": 0o644} {
				info, err := os.Stat(filepath.Join(out, name))
				if err != nil || info.Mode().Perm() != want {
					t.Errorf("%s has mode %v, want %v (%v)", name, info.Mode(), want, err)
				}
			}
			im := open(t, image, squashfs.Limits{})
			for name, want := range files {
				if strings.HasPrefix(name, "many/") && !strings.HasSuffix(name, "07") {
					continue
				}
				if got, err := im.ReadFile(context.Background(), name, 1<<20); err != nil || !bytes.Equal(got, want) {
					t.Errorf("own reader: %s: %v", name, err)
				}
			}
		})
	}
}

func TestWrittenFilesBelongToRootAndCarryOneTime(t *testing.T) {
	image := write(t, asFiles(map[string][]byte{"a/b": []byte("x")}), squashfs.Options{})
	out := run(t, "unsquashfs", "-lln", "-UTC", image)
	for _, line := range []string{"drwxr-xr-x 0/0", "-rw-r--r-- 0/0", "1970-01-01 00:00 squashfs-root/a/b"} {
		if !strings.Contains(out, line) {
			t.Errorf("no %q in:\n%s", line, out)
		}
	}
}

func TestEqualFilesGiveEqualImages(t *testing.T) {
	images := [2][]byte{}
	for i := range images {
		data, err := os.ReadFile(write(t, asFiles(sample()), squashfs.Options{Compression: squashfs.XZ}))
		if err != nil {
			t.Fatal(err)
		}
		images[i] = data
	}
	if !bytes.Equal(images[0], images[1]) {
		t.Error("the same files in another order gave another image")
	}
}

func TestWriteRefusesWhatCannotBe(t *testing.T) {
	for name, files := range map[string][]squashfs.File{
		"absolute path":         {{Path: "/etc/passwd"}},
		"path with dots":        {{Path: "a/../b"}},
		"same path twice":       {{Path: "a"}, {Path: "a"}},
		"file below a file":     {{Path: "a"}, {Path: "a/b"}},
		"directory and file":    {{Path: "a/b"}, {Path: "a"}},
		"content too short":     {{Path: "a", Size: 9, Content: strings.NewReader("short")}},
		"content too long":      {{Path: "a", Size: 1, Content: strings.NewReader("long")}},
		"link without a target": {{Path: "a", Mode: fs.ModeSymlink}},
		"device":                {{Path: "a", Mode: fs.ModeDevice}},
		"name too long":         {{Path: strings.Repeat("n", 257)}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "image"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if _, err := squashfs.Write(f, files, squashfs.Options{}); err == nil {
				t.Error("written without an error")
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLargeFilesStreamThroughTheWriter(t *testing.T) {
	const size = 5 << 30 // needs the extended file inode
	path := write(t, []squashfs.File{
		{Path: "big", Size: size, Content: io.LimitReader(zeros{}, size)},
		{Path: "meta/snap.yaml", Size: 4, Content: strings.NewReader("yes\n")},
	}, squashfs.Options{BlockSize: 1 << 20})
	if out := run(t, "unsquashfs", "-lls", path, "big"); !strings.Contains(out, fmt.Sprint(size)) {
		t.Errorf("unsquashfs lists %s", out)
	}
	got, err := open(t, path, squashfs.Limits{}).ReadFile(context.Background(), "meta/snap.yaml", 100)
	if err != nil || string(got) != "yes\n" {
		t.Errorf("snap.yaml is %q, %v", got, err)
	}
}
