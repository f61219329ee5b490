// Package spool receives blobs into temporary files of a local directory, which
// is how every store stages them. It knows which files a living process still
// works on and removes the others.
package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/larder-store/larder/internal/blob"
)

// Dir is a spool directory. Several processes may share one.
type Dir struct{ path string }

// Open creates the directory if need be and removes what dead processes left.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("cannot create spool directory: %w", err)
	}
	d := &Dir{path}
	return d, d.Tidy(context.Background())
}

// Receive writes r to a new file of the directory and computes its digests. The
// bytes are not yet on stable storage: that is Sync.
func (d *Dir) Receive(ctx context.Context, r io.Reader, opts blob.PutOptions) (*File, error) {
	file, err := d.create()
	if err != nil {
		return nil, fmt.Errorf("cannot receive blob: %w", blob.MarkNoSpace(err))
	}
	kept := false
	defer func() { // also when r panics
		if !kept {
			discard(file)
		}
	}()
	digests, err := blob.Copy(ctx, &earlyWriter{file: file}, opts.Bound(r))
	if err == nil {
		err = opts.Accept(digests)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot receive blob: %w", blob.MarkNoSpace(err))
	}
	kept = true
	return &File{file: file, digests: digests}, nil
}

const namePrefix = "incoming-"

// create makes a file that carries its owner's lock. A Tidy that came between
// the creation and the lock has removed the name again; then it is tried anew.
func (d *Dir) create() (*os.File, error) {
	for {
		file, err := os.CreateTemp(d.path, namePrefix) // O_EXCL, mode 0600
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			if _, err = os.Lstat(file.Name()); err == nil {
				return file, nil
			}
		}
		discard(file)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot lock %s: %w", file.Name(), err)
		}
	}
}

// Tidy removes the files whose owner is gone, and only those: an owner holds the
// lock of its file for as long as it lives, and the kernel drops it after.
func (d *Dir) Tidy(ctx context.Context) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("cannot list spool directory: %w", err)
	}
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !strings.HasPrefix(entry.Name(), namePrefix) {
			continue
		}
		if err := removeIfAbandoned(filepath.Join(d.path, entry.Name())); err != nil {
			return fmt.Errorf("cannot remove abandoned spool file: %w", err)
		}
	}
	return nil
}

func removeIfAbandoned(name string) error {
	file, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil // gone, or another user's to remove
	}
	if err != nil {
		return err
	}
	defer file.Close()
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Check reports whether the directory takes new files.
func (d *Dir) Check() error {
	file, err := d.create()
	if err != nil {
		return blob.MarkNoSpace(err)
	}
	defer discard(file)
	_, err = file.WriteString("check")
	return blob.MarkNoSpace(err)
}

// File is one received blob. It belongs to the goroutine that received it.
type File struct {
	file    *os.File // nil once discarded
	digests blob.Digests
}

// Digests returns what Receive computed.
func (f *File) Digests() blob.Digests { return f.digests }

// Path is where the bytes are until Discard or until the owner renames them;
// after Discard it is empty.
func (f *File) Path() string {
	if f.file == nil {
		return ""
	}
	return f.file.Name()
}

// Discarded reports whether the bytes are gone.
func (f *File) Discarded() bool { return f.file == nil }

// ReadAt reads the received bytes.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if f.file == nil {
		return 0, fs.ErrClosed
	}
	return f.file.ReadAt(p, off)
}

// Sync puts the bytes on stable storage.
func (f *File) Sync() error {
	if f.file == nil {
		return fs.ErrClosed
	}
	return f.file.Sync()
}

// Touch sets the time of last modification.
func (f *File) Touch(at time.Time) error { return os.Chtimes(f.file.Name(), at, at) }

// Discard removes the file unless it was renamed; a second call does nothing.
func (f *File) Discard() {
	if f.file != nil {
		discard(f.file)
		f.file = nil
	}
}

// discard unlinks before it closes: closing drops the lock, and an unlocked name
// would be another process's to remove.
func discard(file *os.File) {
	os.Remove(file.Name())
	file.Close()
}
