package fs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/larder-store/larder/internal/blob/spool"
)

// The happy path of one blob, as system calls. R is the store's directory.
//
//	1  openat   R/tmp/incoming-N      O_CREAT|O_EXCL, 0600     spool
//	2  flock    R/tmp/incoming-N      LOCK_EX: its owner lives  spool
//	3  write    …                     with sync_file_range      spool
//	4  fsync    R/tmp/incoming-N      the bytes are durable
//	5  mkdir    R/ab, R/ab/cd         fsync of R and R/ab, once per process
//	6  flock    R/lock                LOCK_SH: no Delete meanwhile
//	7  utimens  R/tmp/incoming-N      now: the age starts here
//	8  rename   R/tmp/incoming-N → R/ab/cd/<hex>
//	9  close    R/lock
//	10 fsync    R/ab/cd               the name is durable: acknowledged
//
// A blob that is there already is replaced in step 8 by the same bytes. That
// renews its age and heals it if it was damaged, needs no trust in what another
// writer has synced, and leaves whoever is reading the old file undisturbed.
//
// Sad paths:
//
//	die before 8      a file in R/tmp without a lock, which Tidy removes
//	die in 8 to 10    a complete blob that was not acknowledged: garbage that
//	                  Sweep removes, or found again when the put is repeated
//	EIO in 4          the kernel may have dropped the pages it could not write
//	                  and would call a second fsync a success: the bytes have to
//	                  be sent again
//	EEXIST in 5       another writer made it, perhaps without its fsync so far,
//	                  hence the parent is synced all the same
//	ENOENT in 8       an operator removed an empty R/ab/cd: 5 again, once
//	EXDEV in 8        R/ab is a mount of its own: refused with a sentence
//	ENOSPC, EDQUOT    the temporary file is removed: blob.ErrNoSpace
//
// The age set in step 7 may be lost with the power, as nothing syncs it. The
// process that was to write the row is then gone too, so nothing depends on it.

// tree makes names durable below one directory.
type tree struct {
	root string

	// made holds the directories whose own names this process has synced.
	made sync.Map // path → struct{}
}

// adopt takes steps 4 to 10.
func (t *tree) adopt(file *spool.File, name string) error {
	if err := file.Sync(); err != nil {
		return err
	}
	dir := filepath.Dir(name)
	for again := true; ; again = false {
		if err := t.ensureDir(dir); err != nil {
			return err
		}
		err := t.rename(file, name)
		switch {
		case err == nil:
			return syncDir(dir)
		case errors.Is(err, fs.ErrNotExist) && again:
			t.made.Clear()
		case errors.Is(err, syscall.EXDEV):
			return fmt.Errorf("%w: keep %s on one file system, without mounts inside", err, t.root)
		default:
			return err
		}
	}
}

func (t *tree) rename(file *spool.File, name string) error {
	unlock, err := t.lock(syscall.LOCK_SH)
	if err != nil {
		return err
	}
	defer unlock()
	if err := file.Touch(time.Now()); err != nil {
		return err
	}
	return os.Rename(file.Path(), name)
}

// ensureDir makes a directory below root, each level durable before the next.
func (t *tree) ensureDir(dir string) error {
	if _, ok := t.made.Load(dir); ok || dir == t.root {
		return nil
	}
	parent := filepath.Dir(dir)
	if err := t.ensureDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := syncDir(parent); err != nil {
		return err
	}
	t.made.Store(dir, struct{}{})
	return nil
}

// makeRoot makes the store's directory, with parents where they are missing, so
// that the whole store is still there after the first acknowledged put.
func makeRoot(dir string) error {
	parent := filepath.Dir(dir)
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeRoot(parent); err == nil {
			err = os.Mkdir(dir, 0o700)
		}
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(parent)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// lock takes the store's lock: shared to put a blob, exclusive to take one away.
// It is held for a few system calls, never across an fsync or a wait for a
// client.
func (t *tree) lock(how int) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(t.root, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("cannot lock %s: %w", f.Name(), err)
		}
	}
}
