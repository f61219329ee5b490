package ziparchive

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func text(name, content string) File { return File{Path: name, Content: []byte(content)} }

func written(t testing.TB, files ...File) []byte {
	t.Helper()
	var b bytes.Buffer
	size, err := Write(&b, files)
	if err != nil || size != int64(b.Len()) {
		t.Fatalf("wrote %d of %d bytes, %v", size, b.Len(), err)
	}
	return b.Bytes()
}

func opened(archive []byte, limits Limits) (*Archive, error) {
	return Open(context.Background(), bytes.NewReader(archive), int64(len(archive)), limits)
}

// entry is where the nth entry of the directory begins.
func entry(archive []byte, n int) int {
	at := int(le.Uint32(archive[len(archive)-6:]))
	for range n {
		at += centralLength + int(le.Uint16(archive[at+28:])) + int(le.Uint16(archive[at+30:])) + int(le.Uint16(archive[at+32:]))
	}
	return at
}

func put16(b []byte, at int, v uint16) { le.PutUint16(b[at:], v) }
func put32(b []byte, at int, v uint32) { le.PutUint32(b[at:], v) }

func TestGoReadsWhatIsWritten(t *testing.T) {
	files := []File{
		text("a/b.txt", strings.Repeat("text ", 1000)), {Path: "hooks/install", Mode: 0o755, Content: []byte("#!/bin/sh\n")}, text("empty", ""),
		{Path: "link", Mode: fs.ModeSymlink | 0o777, Content: []byte("a/b.txt")}, text("naïve", "x"),
	}
	archive := written(t, files...)
	if !bytes.Equal(archive, written(t, files...)) {
		t.Error("equal files give other bytes")
	}
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	a, err := opened(archive, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range z.File {
		want := files[i]
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil || f.Name != want.Path || !bytes.Equal(content, want.Content) || f.Method != zip.Deflate || f.NonUTF8 {
			t.Errorf("%s: %q, %v, %+v", want.Path, content, err, f.FileHeader)
		}
		mode := want.Mode
		if mode == 0 {
			mode = 0o644
		}
		if f.Mode() != mode {
			t.Errorf("%s: mode %v, want %v", want.Path, f.Mode(), mode)
		}
		if mode&fs.ModeSymlink != 0 {
			continue
		}
		if content, err := a.ReadFile(t.Context(), f.Name, 1<<20); err != nil || !bytes.Equal(content, want.Content) {
			t.Errorf("%s: %q, %v", want.Path, content, err)
		}
	}
	if got := slices.Sorted(a.Names()); !slices.Equal(got, []string{"a/b.txt", "empty", "hooks/install", "link", "naïve"}) {
		t.Errorf("names %q", got)
	}
}

// TestOtherWritersAreRead covers directories, stored members, sizes behind the data,
// and a comment.
func TestOtherWritersAreRead(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, h := range []zip.FileHeader{{Name: "hooks/"}, {Name: "hooks/install", Method: zip.Deflate}, {Name: "metadata.yaml"}} {
		w, err := z.CreateHeader(&h)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, "/") {
			fmt.Fprint(w, h.Name)
		}
	}
	if err := errors.Join(z.SetComment("PK\x05\x06"[:3]+"harmless"), z.Close()); err != nil {
		t.Fatal(err)
	}
	a, err := opened(b.Bytes(), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name := range a.Names() {
		if content, err := a.ReadFile(t.Context(), name, 100); err != nil || string(content) != name {
			t.Errorf("%s: %q, %v", name, content, err)
		}
	}
	if a.Has("hooks") || a.Has("hooks/") || !a.Has("hooks/install") {
		t.Error("a directory is a file")
	}
}

func TestReadFileSaysWhatIsWrong(t *testing.T) {
	a, err := opened(written(t, text("a", "content"), File{Path: "l", Mode: fs.ModeSymlink, Content: []byte("a")}), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		most int64
		want error
	}{{"a", 7, nil}, {"a", 6, ErrLimit}, {"b", 7, fs.ErrNotExist}, {"l", 7, ErrUnsafe}} {
		if _, err := a.ReadFile(t.Context(), tt.name, tt.most); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestNamesThatLeadElsewhereAreRefused(t *testing.T) {
	for _, name := range []string{
		"", ".", "..", "/", "../a", "a/../../b", "a/../b", "./a", "a/.", "a//b", "/etc/passwd", `a\b`, `..\a`, "C:/a", "c:a", "a\x00b", "a\nb", "\xff",
		"a/..", "a//",
	} {
		if _, err := opened(written(t, text(name, "x")), Limits{}); !errors.Is(err, ErrUnsafe) {
			t.Errorf("%q: got %v", name, err)
		}
	}
	for _, names := range [][]string{{"a", "a"}, {"a", "a/"}, {"a", "a/b"}, {"x/y", "b", "x/y/z/w"}} {
		var files []File
		for _, name := range names {
			files = append(files, text(name, ""))
		}
		if _, err := opened(written(t, files...), Limits{}); !errors.Is(err, ErrUnsafe) {
			t.Errorf("%q: got %v", names, err)
		}
	}
	for _, name := range []string{"a", ".hidden", "a..b", "...", "A", "ab:c/d", "ä"} {
		if _, err := opened(written(t, text(name, "x")), Limits{}); err != nil {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

// TestDeepNamesCostTheirLength would see a copy of the rest of the name for each of
// its parts: thousands of such names took seconds.
func TestDeepNamesCostTheirLength(t *testing.T) {
	deep := map[string]bool{strings.Repeat("a/", 511) + "a": false, "a": true, "a/a/a/a": true}
	copies := testing.AllocsPerRun(10, func() {
		if err := checkParents(deep); err != nil {
			t.Fatal(err)
		}
	})
	if copies > 0 {
		t.Errorf("a name of 512 parts takes %v allocations", copies)
	}
	deep["a/a/a"] = false
	if err := checkParents(deep); !errors.Is(err, ErrUnsafe) {
		t.Errorf("a file above a file: %v", err)
	}
}

func TestLinksThatLeadOutsideAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, target string
		ok           bool
	}{
		{"hooks/install", "../src/charm.py", true}, {"hooks/start", "install", true}, {"a/b/c", "../../d", true},
		{"a", "../b", false}, {"a/b", "../../c", false}, {"a", "/etc/passwd", false}, {"a", "b/../../c", false}, {"a", "b/../c", false},
		{"a", "", false}, {"a", "..", false}, {"a/b", "..", false}, {"a", "./b", false}, {"a", strings.Repeat("x", 2000), false}, {"a", "b\x00", false},
	} {
		_, err := opened(written(t, File{Path: tt.name, Mode: fs.ModeSymlink, Content: []byte(tt.target)}), Limits{})
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrUnsafe) {
			t.Errorf("%s to %.40q: got %v", tt.name, tt.target, err)
		}
	}
	below := written(t, File{Path: "a", Mode: fs.ModeSymlink, Content: []byte("b")}, text("a/c", ""))
	if _, err := opened(below, Limits{}); !errors.Is(err, ErrUnsafe) {
		t.Errorf("a file below a link: got %v", err)
	}
	var many []File
	for i := range maxLinks + 1 {
		many = append(many, File{Path: fmt.Sprint("l", i), Mode: fs.ModeSymlink, Content: []byte("b")})
	}
	if _, err := opened(written(t, many...), Limits{}); !errors.Is(err, ErrLimit) {
		t.Errorf("many links: got %v", err)
	}
}

// TestContradictionsAreRefused changes single fields of an archive of two members.
func TestContradictionsAreRefused(t *testing.T) {
	files := []File{text("metadata.yaml", "name: a\n"), text("second", strings.Repeat("b", 300))}
	intact := written(t, files...)
	first, second, end := entry(intact, 0), entry(intact, 1), len(intact)-endLength
	for _, tt := range []struct {
		name   string
		change func(b []byte)
		want   error
	}{
		{"encrypted", func(b []byte) { put16(b, first+8, flagEncrypted) }, ErrUnsupported},
		{"masked", func(b []byte) { put16(b, first+8, flagMasked) }, ErrUnsupported},
		{"another method", func(b []byte) { put16(b, first+10, 12) }, ErrUnsupported},
		{"a size in zip64", func(b []byte) { put32(b, first+24, inZip64) }, ErrUnsupported},
		{"an offset in zip64", func(b []byte) { put32(b, second+42, inZip64) }, ErrUnsupported},
		{"all of zip64", func(b []byte) { put32(b, end+16, inZip64) }, ErrUnsupported},
		{"a number in zip64", func(b []byte) { put16(b, end+8, 0xffff); put16(b, end+10, 0xffff) }, ErrUnsupported},
		{"volumes", func(b []byte) { put16(b, end+4, 1) }, ErrUnsupported},
		{"too many entries", func(b []byte) { put16(b, end+8, 3); put16(b, end+10, 3) }, ErrCorrupt},
		{"too few entries", func(b []byte) { put16(b, end+8, 1); put16(b, end+10, 1) }, ErrCorrupt},
		{"a directory elsewhere", func(b []byte) { put32(b, end+16, 7) }, ErrCorrupt},
		{"a name that is too long", func(b []byte) { put16(b, second+28, 4000) }, ErrCorrupt},
		{"one place for two", func(b []byte) { put32(b, second+42, 0) }, ErrUnsafe},
		{"inside of another", func(b []byte) { put32(b, second+42, 10) }, ErrUnsafe},
		{"inside of the directory", func(b []byte) { put32(b, second+42, uint32(first)) }, ErrCorrupt},
		{"a device", func(b []byte) { put32(b, first+38, 0o020644<<modeShift) }, ErrUnsafe},
		{"a directory without a slash", func(b []byte) { put32(b, first+38, modeDir<<modeShift) }, ErrUnsafe},
		{"more packed than unpacked", func(b []byte) { put32(b, second+20, 1<<20) }, ErrCorrupt},
		{"stored in two sizes", func(b []byte) { put16(b, first+10, stored) }, ErrCorrupt},
	} {
		b := bytes.Clone(intact)
		tt.change(b)
		if _, err := opened(b, Limits{}); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(b []byte)
		want   error
	}{
		{"another name", func(b []byte) { b[localLength] = 'M' }, ErrUnsafe},
		{"another size", func(b []byte) { put32(b, 22, 7) }, ErrUnsafe},
		{"another checksum", func(b []byte) { put32(b, 14, 7) }, ErrUnsafe},
		{"another method", func(b []byte) { put16(b, 8, stored) }, ErrUnsafe},
		{"extra fields over the next", func(b []byte) { put16(b, 28, 300) }, ErrUnsafe},
		{"a wrong checksum", func(b []byte) { put32(b, 14, 7); put32(b, first+16, 7) }, ErrCorrupt},
		{"less than announced", func(b []byte) { put32(b, 22, 9); put32(b, first+24, 9) }, ErrCorrupt},
		{"more than announced", func(b []byte) { put32(b, 22, 7); put32(b, first+24, 7) }, ErrCorrupt},
		{"broken data", func(b []byte) { b[localLength+len("metadata.yaml")] = 0xff }, ErrCorrupt},
	} {
		b := bytes.Clone(intact)
		tt.change(b)
		a, err := opened(b, Limits{})
		if err == nil {
			_, err = a.ReadFile(t.Context(), "metadata.yaml", 1000)
		}
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestAMemberWithoutAHeaderIsRefused(t *testing.T) {
	b := written(t, text("a", "content"), text("b", "more"))
	put32(b, int(le.Uint32(b[entry(b, 1)+42:])), 0)
	a, err := opened(b, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.ReadFile(t.Context(), "b", 100); !errors.Is(err, ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

func TestCutAndPaddedArchivesAreRefused(t *testing.T) {
	intact := written(t, text("a", "content"), text("b/c", "more"))
	for cut := range len(intact) {
		if _, err := opened(intact[:cut], Limits{}); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNotZip) {
			t.Errorf("cut to %d bytes: %v", cut, err)
		}
		if _, err := Open(t.Context(), bytes.NewReader(intact[:cut]), int64(len(intact)), Limits{}); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNotZip) {
			t.Errorf("cut to %d bytes and announced whole: %v", cut, err)
		}
	}
	for name, b := range map[string][]byte{"behind": append(bytes.Clone(intact), 0), "before": append([]byte("#!/bin/sh\n"), intact...), "twice": append(bytes.Clone(intact), intact...)} {
		if _, err := opened(b, Limits{}); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrNotZip) {
			t.Errorf("something %s: %v", name, err)
		}
	}
}

func TestLimitsHold(t *testing.T) {
	files := []File{text("a", strings.Repeat("x", 5000)), text("bb", "y")}
	archive := written(t, files...)
	for name, limits := range map[string]Limits{
		"entries": {Entries: 1}, "directory": {DirectoryBytes: 90}, "names": {NameBytes: 1}, "unpacked": {UnpackedBytes: 5000},
	} {
		if _, err := opened(archive, limits); !errors.Is(err, ErrLimit) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := opened(archive, Limits{Entries: 2, DirectoryBytes: 200, NameBytes: 2, UnpackedBytes: 5001}); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	bomb := written(t, File{Path: "zeros", Content: make([]byte, ratioFree+1<<20)})
	if _, err := opened(bomb, Limits{}); !errors.Is(err, ErrLimit) {
		t.Errorf("a bomb: got %v", err)
	}
	put32(bomb, entry(bomb, 0)+24, 0xfffffffe) // announces even more
	if _, err := opened(bomb, Limits{}); !errors.Is(err, ErrLimit) {
		t.Errorf("a greater bomb: got %v", err)
	}
}

// failing is a reader whose storage is broken from a position on.
type failing struct {
	io.ReaderAt
	from int64
}

var errBroken = errors.New("storage is broken")

func (f failing) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > f.from {
		return 0, errBroken
	}
	return f.ReaderAt.ReadAt(p, at)
}

func TestErrorsOfTheReaderComeThrough(t *testing.T) {
	archive := written(t, text("a", "content"))
	if _, err := Open(t.Context(), failing{bytes.NewReader(archive), 30}, int64(len(archive)), Limits{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
	a, err := opened(archive, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []int64{0, 31} {
		a.r = failing{bytes.NewReader(archive), from}
		if _, err := a.ReadFile(t.Context(), "a", 100); !errors.Is(err, errBroken) {
			t.Errorf("from %d: got %v", from, err)
		}
	}
}

func TestAnEndedContextEndsReading(t *testing.T) {
	archive := written(t, text("a", "content"))
	a, err := opened(archive, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, bytes.NewReader(archive), int64(len(archive)), Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := a.ReadFile(ctx, "a", 100); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// FuzzOpen holds what is read against Go's own reader.
func FuzzOpen(f *testing.F) {
	f.Add(written(f, text("a", "content"), text("b/c", "more")))
	f.Add(written(f, File{Path: "l", Mode: fs.ModeSymlink, Content: []byte("b")}))
	f.Add(written(f))
	f.Fuzz(func(t *testing.T, archive []byte) {
		a, err := opened(archive, Limits{})
		if err != nil {
			for _, kind := range []error{ErrNotZip, ErrCorrupt, ErrUnsupported, ErrUnsafe, ErrLimit} {
				if errors.Is(err, kind) {
					return
				}
			}
			t.Fatalf("error %v", err)
		}
		z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
		if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
			t.Fatalf("Go refuses: %v", err)
		}
		for _, file := range z.File {
			if strings.HasSuffix(file.Name, "/") || file.Mode()&fs.ModeSymlink != 0 {
				continue
			}
			content, err := a.ReadFile(context.Background(), file.Name, 1<<20)
			if err != nil {
				continue
			}
			r, err := file.Open()
			if err != nil {
				t.Fatalf("Go cannot open %q: %v", file.Name, err)
			}
			if theirs, err := io.ReadAll(r); err != nil || !bytes.Equal(content, theirs) {
				t.Errorf("%q: got %q, Go %q, %v", file.Name, content, theirs, err)
			}
		}
	})
}
