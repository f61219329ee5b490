package transfer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

type pointing = catalog.Pointing

func dirHeader(name string) *tar.Header {
	return &tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}
}

// repeated reads as one byte without end.
type repeated byte

func (b repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// bomb is a gzipped tar with one member of size bytes that begins with head.
func bomb(t testing.TB, path, head string, fill byte, size int64) string {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: "m", Mode: 0o644, Size: size}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, head); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, repeated(fill), size-int64(len(head))); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// frugally runs f and fails the test if the heap grew by more than most bytes
// on the way, or if it took too long.
func frugally(t *testing.T, most uint64, f func()) {
	t.Helper()
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var peak atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), m.HeapAlloc))
			}
		}
	}()
	began := time.Now()
	f()
	close(stop)
	<-stopped
	if p := peak.Load(); p > before.HeapAlloc+most {
		t.Errorf("the heap grew by %d bytes", p-before.HeapAlloc)
	}
	if took := time.Since(began); took > 2*time.Minute {
		t.Errorf("it took %s", took)
	}
}

func TestHostileArchivesGiveClearErrorsAndLeaveNothing(t *testing.T) {
	snap := append([]byte("hsqs"), make([]byte, 5000)...)
	header := func(h tar.Header) []member { return []member{{header: &h}} }
	tests := []struct {
		name, code string
		members    []member
	}{
		{"leads out", "unsafe-archive", []member{{name: "../x", data: snap}}},
		{"leads out further in", "unsafe-archive", []member{{name: "a/../../x", data: snap}}},
		{"two dots within", "unsafe-archive", []member{{name: "a/b/../x", data: snap}}},
		{"absolute", "unsafe-archive", []member{{name: "/etc/passwd", data: snap}}},
		{"backslashes", "unsafe-archive", []member{{name: `a\..\x`, data: snap}}},
		{"symbolic link", "unsafe-archive", header(tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"})},
		{"hard link", "unsafe-archive", header(tar.Header{Name: "l", Typeflag: tar.TypeLink, Linkname: "x"})},
		{"device", "unsafe-archive", header(tar.Header{Name: "d", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5})},
		{"fifo", "unsafe-archive", header(tar.Header{Name: "d", Typeflag: tar.TypeFifo})},
		{"no snap after all", "invalid-snap", []member{{name: "x.snap", data: snap}}},
		{"nothing of use", "empty-archive", []member{{name: "x", data: []byte("hello")}}},
		{"broken assertions", "invalid-assertion", []member{{name: "x", data: []byte("type: account\nbut: not\n\nsigned")}}},
		{"good before bad", "unsafe-archive", []member{{name: "a", data: snap}, {name: "../x", data: snap}}},
		{"deep JSON", "empty-archive", []member{{name: "x", data: []byte(strings.Repeat("[", 1<<20))}}},
		{"YAML of aliases", "empty-archive", []member{{name: "x", data: []byte(billion())}}},
		{"large JSON", "document-too-large", []member{{name: "x", data: append([]byte("{"), bytes.Repeat([]byte(" "), 5<<20)...)}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			archive := tarOf(t, tt.members...)
			for _, data := range [][]byte{archive, gzipped(t, archive)} {
				_, err := s.Push(t.Context(), operator, []string{write(t, t.TempDir(), "a.tar.gz", data)}, PushOptions{Register: true})
				if store.CodeOf(err) != tt.code {
					t.Errorf("error %v, want code %s", err, tt.code)
				}
				s.nothing(t)
			}
		})
	}
}

// billion is the YAML document of many aliases that stands for a huge one.
func billion() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 30; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 9), ", "))
	}
	return b.String()
}

func TestBombsAreStoppedWithBoundedMemory(t *testing.T) {
	const gib = 1 << 30
	tests := []struct {
		name, head string
		fill       byte
		code       string
	}{
		{"zeros", "", 0, "archive-bomb"},
		{"a snap of zeros", "hsqs", 0, "archive-bomb"},
		{"JSON of spaces", "{", ' ', "document-too-large"},
		{"YAML", "a: b\n", ' ', "archive-bomb"},
		{"an assertion", "type: account\n", 'x', "invalid-assertion"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			file := bomb(t, filepath.Join(t.TempDir(), "bomb.tar.gz"), tt.head, tt.fill, gib)
			frugally(t, 64<<20, func() {
				_, err := s.Push(t.Context(), operator, []string{file}, PushOptions{})
				if store.CodeOf(err) != tt.code {
					t.Errorf("error %v, want code %s", err, tt.code)
				}
			})
			s.nothing(t)
		})
	}
}

func TestAHoleIsRefused(t *testing.T) {
	s := newSite(t)
	// A member of a TiB, as GNU tar writes holes, with four bytes of content.
	pax := func(key, value string) string {
		n := len(key) + len(value) + 3
		for size := n; ; size++ {
			if record := fmt.Sprintf("%d %s=%s\n", size, key, value); len(record) == size {
				return record
			}
		}
	}
	records := pax("GNU.sparse.major", "0") + pax("GNU.sparse.minor", "1") + pax("GNU.sparse.name", "x") +
		pax("GNU.sparse.size", fmt.Sprint(1<<40)) + pax("GNU.sparse.numblocks", "1") + pax("GNU.sparse.map", "0,4")
	archive := tarOf(t, member{name: "PaxHeaders/x", data: []byte(records)}, member{name: "x", data: []byte("hsqs")})
	archive[156] = tar.TypeXHeader // of the first member, whose checksum changes with it
	sum := 0
	copy(archive[148:156], "        ")
	for _, b := range archive[:512] {
		sum += int(b)
	}
	copy(archive[148:156], fmt.Sprintf("%06o\x00 ", sum))
	_, err := s.Push(t.Context(), operator, []string{write(t, t.TempDir(), "a.tar", archive)}, PushOptions{})
	if store.CodeOf(err) != "unsafe-archive" || !strings.Contains(err.Error(), "sparse") {
		t.Errorf("error %v", err)
	}
	s.nothing(t)
}

func TestMoreMembersThanAnyExportAreRefused(t *testing.T) {
	s := newSite(t)
	path := filepath.Join(t.TempDir(), "many.tar.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	for i := range 100_000 {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Mode: 0o644, Size: 1}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte{'x'}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []io.Closer{w, z, f} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	frugally(t, 32<<20, func() {
		if _, err := s.Push(t.Context(), operator, []string{path}, PushOptions{}); store.CodeOf(err) != "archive-too-large" {
			t.Errorf("error %v", err)
		}
	})
	s.nothing(t)
}

func TestATornArchiveLeavesNothing(t *testing.T) {
	s := newSite(t)
	plain := tarOf(t, s.export(t)...)
	for _, whole := range [][]byte{plain, gzipped(t, plain)} {
		for n := range 40 {
			cut := len(whole) * n / 40
			if whole[0] != 0x1f && cut > len(plain)-1024 {
				continue // only the end marks are missing
			}
			_, err := s.Push(t.Context(), operator, []string{write(t, t.TempDir(), "a", whole[:cut])}, PushOptions{})
			if store.KindOf(err) != store.KindInvalid {
				t.Errorf("cut at %d of %d: error %v", cut, len(whole), err)
			}
			s.nothing(t)
		}
		flipped := bytes.Clone(whole)
		flipped[len(flipped)/2] ^= 0x10
		if _, err := s.Push(t.Context(), operator, []string{write(t, t.TempDir(), "a", flipped)}, PushOptions{}); store.KindOf(err) != store.KindInvalid {
			t.Errorf("a flipped bit: error %v", err)
		}
		s.nothing(t)
	}
}

func TestDocumentsTakeBoundedMemory(t *testing.T) {
	for name, data := range map[string]string{
		"empty lists":   "[" + strings.Repeat("[],", 1<<20) + "[]]",
		"empty objects": "[" + strings.Repeat("{},", 1<<20) + "{}]",
		"lines":         `[` + strings.Repeat(`{"channel":"a","revision":1},`, 100_000) + `{}]`,
		"YAML lists":    "a: [" + strings.Repeat("[],", 60_000) + "]",
	} {
		t.Run(name, func(t *testing.T) {
			r := reader{limits: Limits{}.withDefaults()}
			frugally(t, 200<<20, func() {
				err := r.member(t.Context(), "m", strings.NewReader(data))
				if (err != nil) != (name == "lines") {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}
