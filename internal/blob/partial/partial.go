// Package partial keeps uploads that arrive in pieces, on local disk, until all
// of their bytes are there and a blob store can stage them. What it has
// acknowledged survives a restart and power loss; what it has not is overwritten
// when it comes again.
//
// It knows bytes and offsets, never who uploads or what the bytes are.
package partial

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/store"
)

// What can be wrong with an upload; test with errors.Is. Each comes within a
// store.Error.
var (
	// ErrNotFound: no upload has this id, or it was finished or swept.
	ErrNotFound = errors.New("no such upload")
	// ErrWrongOffset: the piece does not begin where the last one ended.
	ErrWrongOffset = errors.New("wrong offset")
	// ErrBusy: another writer or reader has the upload.
	ErrBusy = errors.New("upload is in use")
	// ErrIncomplete: bytes are missing still.
	ErrIncomplete = errors.New("upload is incomplete")
)

// Options bound what is kept; what is 0 takes its default.
type Options struct {
	MaxSize    int64 // of one upload, bytes; default 16 GiB
	MaxTotal   int64 // of all uploads by their declared sizes, bytes; default 64 GiB
	MaxUploads int   // at a time; default 256
	// Checkpoint is how many bytes of one piece arrive before they are made
	// durable, so that a crash in a long piece loses no more; default 64 MiB.
	Checkpoint int64
}

func (o Options) withDefaults() Options {
	set := func(n *int64, otherwise int64) {
		if *n == 0 {
			*n = otherwise
		}
	}
	set(&o.MaxSize, 16<<30)
	set(&o.MaxTotal, 64<<30)
	set(&o.Checkpoint, 64<<20)
	if o.MaxUploads == 0 {
		o.MaxUploads = 256
	}
	return o
}

// Dir is a directory of uploads. Several processes may share one; uploads of
// another host are not seen.
//
//	<id>   one upload: its header, see header.go, and then its bytes;
//	       lost: the upload has to begin anew
//	lock   empty, held while an upload begins; lost: it is made again
type Dir struct {
	path string
	opts Options
}

// Open returns the uploads below path, which is created if it does not exist.
func Open(path string, opts Options) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("cannot open the directory of uploads: %w", err)
	}
	return &Dir{path: path, opts: opts.withDefaults()}, nil
}

// idBytes is how much chance an id holds: whoever has it may go on with the
// upload.
const idBytes = 16

// file returns where an upload is. An id is of one form only, so that none can
// name anything else.
func (d *Dir) file(id string) (string, error) {
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != idBytes || hex.EncodeToString(raw) != id {
		return "", notFound()
	}
	return filepath.Join(d.path, id), nil
}

// Begin makes room for an upload of so many bytes and returns its id, which
// nobody can guess. It fails with kind too large, or with kind unavailable when
// there are too many others.
func (d *Dir) Begin(size int64) (id string, err error) {
	switch {
	case size < 0:
		return "", store.Invalidf("invalid-size", "cannot begin an upload of %d bytes", size)
	case size > d.opts.MaxSize:
		return "", store.TooLargef("upload-too-large", "cannot begin an upload of %d bytes: %d are the most", size, d.opts.MaxSize)
	}
	unlock, err := d.lock()
	if err != nil {
		return "", fmt.Errorf("cannot begin an upload: %w", err)
	}
	defer unlock()
	count, total, err := d.declared()
	if err != nil {
		return "", fmt.Errorf("cannot begin an upload: %w", err)
	}
	if count >= d.opts.MaxUploads || total > d.opts.MaxTotal-size {
		return "", store.Unavailablef("too-many-uploads", "cannot begin an upload: %d others with %d bytes are under way", count, total).
			Try("finish one of them, or try again later")
	}
	var raw [idBytes]byte
	rand.Read(raw[:])
	id = hex.EncodeToString(raw[:])
	if err := d.create(filepath.Join(d.path, id), size); err != nil {
		return "", failed("cannot begin an upload", err)
	}
	return id, nil
}

// create makes a file as long as it will ever be, without its bytes.
func (d *Dir) create(name string, size int64) (err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(name)
		}
		f.Close()
	}()
	if err := f.Truncate(headerSize + size); err != nil {
		return err
	}
	if err := writeHeader(f, 0, 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return syncDir(d.path)
}

// declared counts the uploads and what they will hold.
func (d *Dir) declared() (count int, total int64, err error) {
	err = d.each(func(_ string, info fs.FileInfo) error {
		count++
		total += max(0, info.Size()-headerSize)
		return nil
	})
	return count, total, err
}

// each visits every upload.
func (d *Dir) each(visit func(id string, info fs.FileInfo) error) error {
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if _, err := d.file(entry.Name()); err != nil || !entry.Type().IsRegular() {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // finished meanwhile
		}
		if err == nil {
			err = visit(entry.Name(), info)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// State returns how much of an upload is acknowledged, and its declared size.
// It may be asked while a piece arrives.
func (d *Dir) State(id string) (offset, size int64, err error) {
	u, err := d.open(id, false)
	if err != nil {
		return 0, 0, err
	}
	defer u.file.Close()
	return u.offset, u.size, nil
}

// Append adds a piece that begins at offset, which must be where the last one
// ended, and returns the new offset. It is durable when Append returns, also
// with an error: what had arrived before r failed is kept, so that the client
// goes on from there. Bytes beyond the declared size fail with kind too large.
func (d *Dir) Append(id string, offset int64, r io.Reader) (end int64, err error) {
	u, err := d.open(id, true)
	if err != nil {
		return 0, err
	}
	defer u.file.Close()
	if offset != u.offset {
		return u.offset, store.Conflictf("wrong-offset", "cannot append at %d: the upload has %d bytes", offset, u.offset).
			Try("go on at the offset that it has").Because(ErrWrongOffset)
	}
	err = u.receive(r, d.opts.Checkpoint)
	return u.offset, err
}

// Finish opens a complete upload for reading. The caller closes it, and removes
// it once a blob has been made of it.
func (d *Dir) Finish(id string) (*Whole, error) {
	u, err := d.open(id, true)
	if err != nil {
		return nil, err
	}
	if u.offset != u.size {
		u.file.Close()
		return nil, store.Conflictf("upload-incomplete", "cannot finish the upload: it has %d of %d bytes", u.offset, u.size).
			Try("send the rest first").Because(ErrIncomplete)
	}
	return &Whole{SectionReader: io.NewSectionReader(u.file, headerSize, u.size), file: u.file}, nil
}

// Whole is a complete upload. Nobody else has it until it is closed.
type Whole struct {
	*io.SectionReader
	file *os.File
}

// Close lets go of the upload, which stays unless it was removed.
func (w *Whole) Close() error { return w.file.Close() }

// Remove drops the upload for good. It does not close it.
func (w *Whole) Remove() error {
	err := os.Remove(w.file.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Abandon drops an upload, complete or not.
func (d *Dir) Abandon(id string) error {
	u, err := d.open(id, true)
	if err != nil {
		return err
	}
	defer u.file.Close()
	return os.Remove(u.file.Name())
}

// Sweep drops the uploads to which nothing was added since a time and that
// nobody has in use, and returns how many.
func (d *Dir) Sweep(since time.Time) (dropped int, err error) {
	err = d.each(func(id string, info fs.FileInfo) error {
		if !info.ModTime().Before(since) {
			return nil
		}
		u, err := d.open(id, true)
		switch {
		case errors.Is(err, ErrNotFound), errors.Is(err, ErrBusy):
			return nil
		case errors.Is(err, errDamaged): // nobody can go on with it
			if err = os.Remove(filepath.Join(d.path, id)); errors.Is(err, fs.ErrNotExist) {
				return nil
			}
		case err == nil:
			defer u.file.Close()
			now, statErr := u.file.Stat()
			if statErr != nil || !now.ModTime().Before(since) {
				return statErr // a piece came since
			}
			err = os.Remove(u.file.Name())
		}
		if err == nil {
			dropped++
		}
		return err
	})
	if err != nil {
		return dropped, fmt.Errorf("cannot sweep uploads: %w", err)
	}
	return dropped, nil
}

// lock keeps two uploads from beginning at once.
func (d *Dir) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(d.path, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f, syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

func flock(f *os.File, how int) error {
	for {
		err := syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func notFound() error {
	return store.NotFoundf("upload-not-found", "there is no such upload").Try("begin a new one").Because(ErrNotFound)
}

// failed is an error of the disk; a full one is no defect.
func failed(what string, err error) error {
	if err = blob.MarkNoSpace(err); errors.Is(err, blob.ErrNoSpace) {
		return store.Unavailablef("no-space", "%s: no space is left on the disk", what).Because(err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
