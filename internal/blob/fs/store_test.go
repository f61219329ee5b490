package fs_test

import (
	"bytes"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/blobtest"
	"github.com/larder-store/larder/internal/blob/fs"
)

func TestStore(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) blob.Store { return open(t, t.TempDir()) })
}

func open(t testing.TB, dir string) *fs.Store {
	t.Helper()
	s, err := fs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put stores b and returns its digest and the path of its file.
func put(t testing.TB, s *fs.Store, dir string, b []byte) (blob.Digest, string) {
	t.Helper()
	got, err := blob.Put(t.Context(), s, bytes.NewReader(b), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	hex := got.SHA3_384.Hex()
	return got.SHA3_384, filepath.Join(dir, hex[:2], hex[2:4], hex)
}

func TestDamagedBlobIsQuarantinedAndHealedByPuttingItAgain(t *testing.T) {
	b := blobtest.Bytes(300_000, 1)
	for name, damage := range map[string]func(path string) error{
		"a flipped bit": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte{b[1000] ^ 1}, 1000)
			return err
		},
		"cut short": func(path string) error { return os.Truncate(path, 1000) },
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"made longer": func(path string) error {
			return os.Truncate(path, int64(len(b))+1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir)
			d, path := put(t, s, dir, b)
			if err := damage(path); err != nil {
				t.Fatal(err)
			}
			if err := blob.Verify(t.Context(), s, d, int64(len(b))); !errors.Is(err, blob.ErrCorrupt) {
				t.Fatalf("got error %v, want %v", err, blob.ErrCorrupt)
			}
			if _, err := s.Open(t.Context(), d, int64(len(b))); !errors.Is(err, blob.ErrQuarantined) {
				t.Fatalf("got error %v, want %v", err, blob.ErrQuarantined)
			}
			if _, err := os.Stat(filepath.Join(dir, "quarantine", d.Hex())); err != nil {
				t.Errorf("the evidence is gone: %v", err)
			}
			put(t, s, dir, b)
			if err := blob.Verify(t.Context(), s, d, int64(len(b))); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestPuttingAgainHealsWhatNobodyHasNoticed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := blobtest.Bytes(5000, 2)
	d, path := put(t, s, dir, b)
	if err := os.WriteFile(path, make([]byte, len(b)), 0o600); err != nil {
		t.Fatal(err)
	}
	put(t, s, dir, b)
	if err := blob.Verify(t.Context(), s, d, int64(len(b))); err != nil {
		t.Error(err)
	}
}

func TestReaderKeepsItsBytesWhenTheBlobIsPutAgainOrDeleted(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := blobtest.Bytes(5000, 3)
	d, _ := put(t, s, dir, b)
	r, err := s.Open(t.Context(), d, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	put(t, s, dir, b)
	if err := s.Delete(t.Context(), d, time.Time{}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(b))
	if _, err := r.ReadAt(got, 0); err != nil || !bytes.Equal(got, b) {
		t.Errorf("the reader lost its bytes: %v", err)
	}
}

func TestNobodyElseMayReadTheFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing", "blobs")
	s := open(t, dir)
	_, path := put(t, s, dir, []byte("private"))
	for p, want := range map[string]os.FileMode{dir: 0o700, filepath.Dir(path): 0o700, path: 0o600} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", p, got, want)
		}
	}
}

func TestForeignFilesAreNotListed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	d, path := put(t, s, dir, []byte("mine"))
	for _, foreign := range []string{
		filepath.Join(dir, "README"),
		filepath.Join(filepath.Dir(path), "notes.txt"),
		filepath.Join(dir, "quarantine", d.Hex()),
	} {
		if err := os.WriteFile(foreign, []byte("theirs"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "lost+found", "ab"), 0o700); err != nil {
		t.Fatal(err)
	}
	n := 0
	for info, err := range s.List(t.Context()) {
		if err != nil || info.Digest != d {
			t.Errorf("listed %+v, %v", info, err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("listed %d blobs, want 1", n)
	}
}

func TestRemovedFanOutDirectoryIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := []byte("wanted again")
	d, path := put(t, s, dir, b)
	if err := os.RemoveAll(filepath.Dir(filepath.Dir(path))); err != nil {
		t.Fatal(err)
	}
	put(t, s, dir, b)
	if _, err := s.Stat(t.Context(), d); err != nil {
		t.Error(err)
	}
}

func TestTwoProcessesShareADirectory(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	staged, err := first.Stage(t.Context(), bytes.NewReader([]byte("in flight")), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Discard()
	second := open(t, dir) // tidies
	if err := staged.Commit(t.Context()); err != nil {
		t.Fatalf("the second one took the first one's file: %v", err)
	}
	if _, err := second.Stat(t.Context(), staged.Digests().SHA3_384); err != nil {
		t.Error(err)
	}
}

func TestServedBlobMayGoByTheKernel(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := blobtest.Bytes(2<<20, 4)
	d, _ := put(t, s, dir, b)
	r, err := s.Open(t.Context(), d, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, ok := r.(syscall.Conn); !ok {
		t.Fatal("the reader is no syscall.Conn, which net.TCPConn wants for sendfile")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.ServeContent(w, req, "", time.Time{}, r)
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(resp.Body); err != nil || !bytes.Equal(got.Bytes(), b) {
		t.Errorf("received %d bytes, %v", got.Len(), err)
	}
}
