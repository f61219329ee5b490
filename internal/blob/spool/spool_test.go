package spool_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/spool"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		all = append(all, entry.Name())
	}
	return all
}

func TestTidyTakesOnlyWhatNobodyHolds(t *testing.T) {
	path := t.TempDir()
	dir, err := spool.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	held, err := dir.Receive(t.Context(), strings.NewReader("held"), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Discard()
	for _, name := range []string{"incoming-1", "somebody-else"} {
		if err := os.WriteFile(filepath.Join(path, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := spool.Open(path); err != nil {
		t.Fatal(err)
	}
	if left := names(t, path); len(left) != 2 || left[0] != filepath.Base(held.Path()) || left[1] != "somebody-else" {
		t.Errorf("left are %v, want the held file and somebody else's", left)
	}
	content, err := io.ReadAll(io.NewSectionReader(held, 0, held.Digests().Size))
	if err != nil || string(content) != "held" {
		t.Errorf("the held file reads %q, %v", content, err)
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("reader") }

func TestPanicOfTheReaderLeavesNothing(t *testing.T) {
	path := t.TempDir()
	dir, err := spool.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was lost")
			}
		}()
		dir.Receive(t.Context(), panicking{}, blob.PutOptions{})
	}()
	if left := names(t, path); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}

func TestDiscardedFileIsGone(t *testing.T) {
	path := t.TempDir()
	dir, err := spool.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := dir.Receive(t.Context(), strings.NewReader("bytes"), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	file.Discard()
	file.Discard()
	if _, err := file.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("read what was discarded")
	}
	if err := file.Sync(); err == nil {
		t.Error("synced what was discarded")
	}
	if left := names(t, path); file.Path() != "" || len(left) != 0 {
		t.Errorf("left are %q and %v", file.Path(), left)
	}
}
