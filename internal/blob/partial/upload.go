package partial

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/larder-store/larder/internal/store"
)

// upload is an open one. It belongs to the goroutine that opened it.
type upload struct {
	file   *os.File
	size   int64  // declared
	offset int64  // acknowledged
	turn   uint64 // of the header that says so
}

// open opens an upload; exclusively for whoever changes or finishes it. The
// lock belongs to the open file, so it keeps out goroutines and processes
// alike, and the kernel drops it when its owner dies.
func (d *Dir) open(id string, exclusively bool) (_ *upload, err error) {
	name, err := d.file(id)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound()
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open an upload: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if exclusively {
		if err := take(f); err != nil {
			return nil, err
		}
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot open an upload: %w", err)
	}
	u := &upload{file: f, size: info.Size() - headerSize}
	if u.turn, u.offset, err = readHeader(f); err == nil && (u.offset < 0 || u.offset > u.size) {
		err = errDamaged
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open an upload: %w", err)
	}
	return u, nil
}

// take locks an upload, and makes sure that its name was not removed by whoever
// had it before.
func take(f *os.File) error {
	err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return store.Conflictf("upload-busy", "the upload is being written or finished by another").
			Try("wait for the other to end").Because(ErrBusy)
	}
	if err != nil {
		return fmt.Errorf("cannot lock an upload: %w", err)
	}
	mine, err := f.Stat()
	if err != nil {
		return fmt.Errorf("cannot lock an upload: %w", err)
	}
	if named, err := os.Lstat(f.Name()); err != nil || !os.SameFile(mine, named) {
		return notFound()
	}
	return nil
}

// receive writes r behind what is acknowledged, with a checkpoint every so many
// bytes and one at the end, however it ends.
func (u *upload) receive(r io.Reader, checkpoint int64) error {
	at, buf := u.offset, make([]byte, 256<<10)
	for {
		n, readErr := r.Read(buf)
		fits := int(min(int64(n), u.size-at))
		if fits > 0 {
			if _, err := u.file.WriteAt(buf[:fits], headerSize+at); err != nil {
				return failed("cannot write an upload", errors.Join(err, u.keep(at)))
			}
			at += int64(fits)
		}
		done := readErr != nil || n > fits
		if done || at-u.offset >= checkpoint {
			if err := u.keep(at); err != nil {
				return failed("cannot write an upload", err)
			}
		}
		switch {
		case n > fits:
			return store.TooLargef("upload-too-large", "more bytes came than the %d that the upload was to have", u.size)
		case readErr == io.EOF:
			return nil
		case readErr != nil:
			return fmt.Errorf("cannot receive an upload: %w", readErr)
		}
	}
}

// keep makes everything before at durable and then says so in the header.
func (u *upload) keep(at int64) error {
	if at == u.offset {
		return nil
	}
	if err := u.file.Sync(); err != nil {
		return err
	}
	if err := writeHeader(u.file, u.turn+1, at); err != nil {
		return err
	}
	if err := u.file.Sync(); err != nil {
		return err
	}
	u.turn++
	u.offset = at
	return nil
}
