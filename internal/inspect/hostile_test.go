package inspect_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/inspect/squashfs"
	"github.com/larder-store/larder/internal/inspect/ziparchive"
)

// allocated is how many bytes f takes from the heap, collected or not.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// small are real images of a snap, by codec, that are quick to damage in every bit.
func small(t testing.TB) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"meta/snap.yaml":         minimal + "apps: {hello: {command: hello, plugs: [home]}}\n",
		"meta/gui/icon.svg":      "<svg width='1'/>",
		"meta/gui/hello.desktop": "[Desktop Entry]\nName=Hello\n",
		"meta/hooks/configure":   "#!/bin/sh\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mksquashfs, err := exec.LookPath("mksquashfs")
	if err != nil {
		t.Fatal("mksquashfs is missing: install the package squashfs-tools")
	}
	images := map[string][]byte{}
	for _, options := range []string{"-comp gzip", "-comp xz", "-comp lzo", "-comp lz4", "-comp zstd", "-noI -noD -noF"} {
		image := filepath.Join(t.TempDir(), "image.snap")
		args := append([]string{dir, image, "-noappend", "-no-progress", "-quiet", "-all-root", "-all-time", "0", "-mkfs-time", "0"},
			strings.Fields(options)...)
		if out, err := exec.Command(mksquashfs, args...).CombinedOutput(); err != nil {
			t.Fatalf("mksquashfs: %v\n%s", err, out)
		}
		if images[options], err = os.ReadFile(image); err != nil {
			t.Fatal(err)
		}
	}
	return images
}

func snapOf(image []byte) (*inspect.SnapInfo, error) {
	return inspect.Snap(context.Background(), bytes.NewReader(image), int64(len(image)), inspect.Limits{})
}

// known says whether an error is one of those that Snap or Charm promises.
func known(err error) bool {
	for _, kind := range []error{
		squashfs.ErrNotSquashfs, squashfs.ErrCorrupt, squashfs.ErrUnsupported, squashfs.ErrLimit,
		squashfs.ErrNotRegular, squashfs.ErrNotDir, squashfs.ErrSymlink, inspect.ErrNoMetadata,
		ziparchive.ErrNotZip, ziparchive.ErrCorrupt, ziparchive.ErrUnsupported, ziparchive.ErrUnsafe, ziparchive.ErrLimit,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	var problems *inspect.ProblemsError
	return errors.As(err, &problems) && len(problems.Problems) > 0
}

func TestTruncatedSnapsAreRefused(t *testing.T) {
	for name, image := range small(t) {
		if info, err := snapOf(image); err != nil || info.Name != "hello" || info.Icon == nil || len(info.DesktopFiles) != 1 {
			t.Fatalf("%s: the whole image gives %+v, %v", name, info, err)
		}
		used := int(binary.LittleEndian.Uint64(image[40:])) // bytes_used; padding follows
		for cut := range used {
			if _, err := snapOf(image[:cut]); !errors.Is(err, squashfs.ErrCorrupt) && !errors.Is(err, squashfs.ErrNotSquashfs) {
				t.Errorf("%s cut to %d of %d bytes: %v", name, cut, used, err)
			}
		}
		if _, err := snapOf(image[:used]); err != nil {
			t.Errorf("%s without its padding: %v", name, err)
		}
	}
}

func TestTruncatedSnapsOfTheAnnouncedSizeAreRefused(t *testing.T) {
	for name, image := range small(t) {
		for cut := 0; cut < 96; cut++ {
			_, err := inspect.Snap(context.Background(), bytes.NewReader(image[:cut]), int64(len(image)), inspect.Limits{})
			if !errors.Is(err, squashfs.ErrCorrupt) {
				t.Errorf("%s cut to %d bytes: %v", name, cut, err)
			}
		}
	}
}

func TestFlippedBitsAreReadOrRefused(t *testing.T) {
	for name, image := range small(t) {
		used := int(binary.LittleEndian.Uint64(image[40:]))
		runs, refused := uint64(0), 0
		total := allocated(func() {
			damaged := bytes.Clone(image)
			for bit := range used * 8 {
				if at := bit / 8; at >= 96 && bit%8 != at%8 && bit%8 != (at+3)%8 {
					continue // every bit of the superblock, two of each byte after it
				}
				damaged[bit/8] ^= 1 << (bit % 8)
				info, err := snapOf(damaged)
				damaged[bit/8] ^= 1 << (bit % 8)
				runs++
				if err == nil && info.Name == "" || err != nil && !known(err) {
					t.Errorf("%s with bit %d flipped: %+v, %v", name, bit, info, err)
				}
				if err != nil {
					refused++
				}
			}
		})
		if mean := total / runs; mean > 2<<20 {
			t.Errorf("%s takes %d bytes per damaged image", name, mean)
		}
		if refused == 0 {
			t.Errorf("%s: no damage was noticed", name)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAHugeSnapYAMLIsRefusedUnread(t *testing.T) {
	const size = 1 << 30
	path := snaptest.Image(t, squashfs.File{Path: "meta/snap.yaml", Size: size, Content: io.LimitReader(zeros{}, size)})
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := allocated(func() { _, err = snapOf(image) }); n > 1<<20 {
		t.Errorf("took %d bytes", n)
	}
	if !errors.Is(err, squashfs.ErrLimit) || !strings.Contains(err.Error(), "meta/snap.yaml") {
		t.Error(err)
	}
}

func TestSnapYAMLBehindLinks(t *testing.T) {
	for name, c := range map[string]struct {
		files []squashfs.File
		want  error
	}{
		"inside":         {[]squashfs.File{snapbuild.Link("meta/snap.yaml", "../real.yaml"), snapbuild.Text("real.yaml", minimal)}, nil},
		"outside":        {[]squashfs.File{snapbuild.Link("meta/snap.yaml", "../../real.yaml"), snapbuild.Text("real.yaml", minimal)}, squashfs.ErrSymlink},
		"absolute":       {[]squashfs.File{snapbuild.Link("meta/snap.yaml", "/etc/passwd")}, squashfs.ErrSymlink},
		"circle":         {[]squashfs.File{snapbuild.Link("meta/snap.yaml", "snap.yaml")}, squashfs.ErrSymlink},
		"of directory":   {[]squashfs.File{snapbuild.Link("meta", "meta")}, squashfs.ErrSymlink},
		"to nothing":     {[]squashfs.File{snapbuild.Link("meta/snap.yaml", "nothing")}, inspect.ErrNoMetadata},
		"to directory":   {[]squashfs.File{snapbuild.Link("meta/snap.yaml", ".")}, squashfs.ErrNotRegular},
		"no snap.yaml":   {[]squashfs.File{snapbuild.Text("meta/component.yaml", component)}, inspect.ErrNoMetadata},
		"meta is a file": {[]squashfs.File{snapbuild.Text("meta", "x")}, inspect.ErrNoMetadata},
	} {
		image, err := os.ReadFile(snaptest.Image(t, c.files...))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := snapOf(image); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestBrokenExtrasAreWarnings(t *testing.T) {
	files := []squashfs.File{
		snapbuild.Link("meta/gui/icon.png", "/etc/passwd"),
		snapbuild.Text("meta/gui/empty.desktop", ""),
		snapbuild.Text("meta/gui/large.desktop", strings.Repeat("x", 65<<10)),
		snapbuild.Text("meta/hooks", "no directory"),
	}
	info, err := inspectSnap(t, snaptest.Snap(t, minimal, files...), inspect.Limits{})
	if err != nil || fmt.Sprint(codes(info.Warnings)) != "[invalid-icon invalid-desktop-file invalid-desktop-file]" {
		t.Errorf("%v, %v", info.Warnings, err)
	}
	var many []squashfs.File
	for i := range 100 {
		many = append(many, snapbuild.Text(fmt.Sprintf("meta/gui/%d.desktop", i), "[Desktop Entry]\nName=x\n"))
	}
	info, err = inspectSnap(t, snaptest.Snap(t, minimal, many...), inspect.Limits{})
	if err != nil || len(info.DesktopFiles) != 64 || len(info.Warnings) != 1 {
		t.Errorf("%d desktop files, %v, %v", len(info.DesktopFiles), info.Warnings, err)
	}
}

func TestYAMLBombsAreRefused(t *testing.T) {
	var laughs strings.Builder
	laughs.WriteString(minimal + "l0: &l0 [a, a, a, a, a, a, a, a, a]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&laughs, "l%d: &l%d [%s]\n", i, i, strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 9))
	}
	var deep strings.Builder
	deep.WriteString(minimal + "d0: &d0 [x]\n")
	for i := 1; i < 50; i++ {
		fmt.Fprintf(&deep, "d%d: &d%d [[*d%d]]\n", i, i, i-1)
	}
	const most = 256 << 10
	for name, text := range map[string]string{
		"aliases of aliases":    laughs.String(),
		"one long text often":   minimal + "t: &t " + strings.Repeat("x", 100<<10) + "\nl: [" + strings.Repeat("*t,", 1000) + "]\n",
		"deep aliases":          deep.String(),
		"deep lists":            minimal + "l: " + strings.Repeat("[", 20000) + strings.Repeat("]", 20000),
		"deep maps":             minimal + "l: " + strings.Repeat("{a: ", 20000) + strings.Repeat("}", 20000),
		"deeper than we go":     minimal + "l: " + strings.Repeat("[", 100) + strings.Repeat("]", 100),
		"anchor inside itself":  minimal + "a: &a [*a]\n",
		"merge inside itself":   minimal + "a: &a {<<: *a}\n",
		"too long":              strings.Repeat("a", most+1),
		"too many keys":         minimal + "l: {" + numbered(5000, "a%d,") + "}",
		"a million empty items": minimal + "l:\n" + strings.Repeat("-\n", most/2),
	} {
		var err error
		n := allocated(func() { _, err = inspect.ParseSnapYAML([]byte(text), inspect.Limits{}) })
		var problems *inspect.ProblemsError
		if !errors.As(err, &problems) {
			t.Errorf("%s: %v", name, err)
		}
		if n > 128<<20 {
			t.Errorf("%s takes %d bytes", name, n)
		}
	}
}

// The densest documents that are just short enough.
func TestLongYAMLTakesBoundedMemory(t *testing.T) {
	const most = 256<<10 - 64
	for name, text := range map[string]string{
		"empty items":  "l:\n" + strings.Repeat("-\n", most/2),
		"flow items":   "l: [" + strings.Repeat("a,", most/2) + "]\n",
		"flow maps":    "l: [" + strings.Repeat("{},", most/3) + "]\n",
		"equal keys":   "l: {" + strings.Repeat("a,", most/2) + "}\n",
		"maps":         strings.Repeat("l: {"+numbered(4000, "%d,")+"}\n", 10),
		"list of maps": "l: [" + strings.Repeat("{"+numbered(4000, "%d,")+"},", 10) + "]\n",
		"apps":         "apps: {" + numbered(4000, "a%05d: ,") + "}\n",
		"plugs":        "plugs: {" + numbered(4000, "a%05d: ,") + "}\n",
		"comments":     strings.Repeat("#\n", most/2),
		"text":         "a: |\n" + strings.Repeat(" \n", most/2),
	} {
		n := allocated(func() { inspect.ParseSnapYAML([]byte(minimal+text), inspect.Limits{}) })
		if n > 256<<20 {
			t.Errorf("%s takes %d bytes", name, n)
		}
	}
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestInspectionStopsWhenCancelled(t *testing.T) {
	image, err := os.ReadFile(snaptest.Snap(t, minimal))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := inspect.Snap(ctx, bytes.NewReader(image), int64(len(image)), inspect.Limits{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestProblemsStayFewShortAndPrintable(t *testing.T) {
	text := minimal + "plugs:\n  \"esc\\e[31m\": 1\n  " + strings.Repeat("L", 900) + ": [1]\n" + numbered(200, "  P%d: 1\n")
	_, err := inspect.ParseSnapYAML([]byte(text), inspect.Limits{})
	var problems *inspect.ProblemsError
	if !errors.As(err, &problems) || len(problems.Problems) != 50 {
		t.Fatalf("got %v", err)
	}
	for _, p := range problems.Problems {
		if len(p.Field) > 200 || len(p.Message) > 500 || strings.ContainsAny(p.String(), "\x1b\n") {
			t.Errorf("problem %q", p)
		}
	}
}
