package fs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/blobtest"
	larderfs "github.com/larder-store/larder/internal/blob/fs"
)

// child does what start asked for, in a process of its own.
func child(dir string) {
	s, err := larderfs.Open(dir)
	if err == nil {
		switch os.Args[1] {
		case "put forever":
			putForever(s)
		case "put too much":
			err = putTooMuch(s)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// putTooMuch lets the kernel refuse to write more than a mebibyte to a file,
// which fails as a full disk does, in the middle of a write.
func putTooMuch(s blob.Store) error {
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	_, err := blob.Put(context.Background(), s, blobtest.Stream(2<<20, 1), blob.PutOptions{})
	if !errors.Is(err, blob.ErrNoSpace) {
		return fmt.Errorf("putting too much: got error %v, want %v", err, blob.ErrNoSpace)
	}
	_, err = blob.Put(context.Background(), s, blobtest.Stream(1<<20, 2), blob.PutOptions{})
	return err
}

func TestFullDiskIsReportedAndLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	cmd, _ := start(t, dir, "put too much")
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := checkLayout(t, dir); n != 0 {
		t.Errorf("%d temporary files are left", n)
	}
	s := open(t, dir)
	small := blobtest.Bytes(1<<20, 2)
	n := 0
	for info, err := range s.List(t.Context()) {
		if err != nil || info.Size != int64(len(small)) {
			t.Errorf("listed %+v, %v", info, err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("%d blobs are there, want the one that had room", n)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEveryWayToRunOutOfRoomIsNoSpace(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		err := blob.MarkNoSpace(fmt.Errorf("write: %w", cause))
		if !errors.Is(err, blob.ErrNoSpace) || !errors.Is(err, cause) {
			t.Errorf("%v became %v", cause, err)
		}
	}
	if err := blob.MarkNoSpace(syscall.EIO); errors.Is(err, blob.ErrNoSpace) {
		t.Errorf("EIO became %v", err)
	}
}

func TestUnwritableDirectoryFailsTheCheck(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Check(t.Context()); err == nil {
		t.Error("a store whose directory is gone passed its check")
	}
	if _, err := blob.Put(t.Context(), s, bytes.NewReader(nil), blob.PutOptions{}); err == nil {
		t.Error("put into a directory that is gone")
	}
}
