package fs

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/spool"
)

// Store is a blob.Store in a directory:
//
//	ab/cd/<hex>        a blob whose digest begins with abcd; lost: the blob is lost
//	quarantine/<hex>   damaged bytes, kept as evidence;      lost: nothing
//	tmp/               what is being received;               lost: running uploads fail
//	lock               empty, carries a lock;                lost: it is made again,
//	                   but only while no process is running
//
// Several processes may share the directory, also over NFS where flock works
// between clients.
type Store struct {
	tree  tree
	spool *spool.Dir
}

var _ blob.Store = (*Store)(nil)

// Open returns the store in dir, which is created if it does not exist.
func Open(dir string) (*Store, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot open blob directory: %w", err)
	}
	if err := makeRoot(root); err != nil {
		return nil, fmt.Errorf("cannot open blob directory: %w", err)
	}
	s := &Store{tree: tree{root: root}}
	if err := s.tree.ensureDir(s.quarantineDir()); err != nil {
		return nil, fmt.Errorf("cannot open blob directory: %w", err)
	}
	if s.spool, err = spool.Open(filepath.Join(root, "tmp")); err != nil {
		return nil, fmt.Errorf("cannot open blob directory: %w", err)
	}
	return s, nil
}

func (s *Store) path(d blob.Digest) string {
	name := d.Hex()
	return filepath.Join(s.tree.root, name[:2], name[2:4], name)
}

func (s *Store) quarantineDir() string { return filepath.Join(s.tree.root, "quarantine") }

func (s *Store) quarantinePath(d blob.Digest) string {
	return filepath.Join(s.quarantineDir(), d.Hex())
}

// reader is the file itself, so that the kernel can send it.
type reader struct {
	*os.File
	size int64
}

var _ blob.Local = (*reader)(nil)

func (r *reader) Size() int64 { return r.size }

// Open implements blob.Store.
func (s *Store) Open(_ context.Context, d blob.Digest, size int64) (blob.Reader, error) {
	file, err := openFile(s.path(d))
	if err != nil {
		return nil, fmt.Errorf("cannot open blob %s: %w", d, s.explain(d, err))
	}
	there, err := file.Stat()
	if err == nil && !there.Mode().IsRegular() {
		err = fmt.Errorf("%w: it is no regular file", blob.ErrCorrupt)
	}
	if err == nil && size != blob.UnknownSize && there.Size() != size {
		err = fmt.Errorf("%w: it has %d bytes, its record says %d", blob.ErrCorrupt, there.Size(), size)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("cannot open blob %s: %w", d, err)
	}
	return &reader{file, there.Size()}, nil
}

// openFile is os.Open without the attempt to poll the file, which costs five
// system calls and always fails for a regular one: as many as a small range
// takes otherwise.
func openFile(name string) (*os.File, error) {
	for {
		fd, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), name), nil
		case err != syscall.EINTR:
			return nil, &os.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

// Stat implements blob.Store.
func (s *Store) Stat(_ context.Context, d blob.Digest) (blob.Info, error) {
	there, err := os.Lstat(s.path(d))
	if err != nil {
		return blob.Info{}, fmt.Errorf("cannot stat blob %s: %w", d, s.explain(d, err))
	}
	return blob.Info{Digest: d, Size: there.Size(), Put: there.ModTime()}, nil
}

// explain turns a missing file into the reason why it is missing.
func (s *Store) explain(d blob.Digest, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if _, err := os.Lstat(s.quarantinePath(d)); err == nil {
		return blob.ErrQuarantined
	}
	return blob.ErrNotFound
}

// List implements blob.Store. It holds the names of one directory at a time.
func (s *Store) List(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		err := s.walk(ctx, s.tree.root, 2, func(info blob.Info) bool { return yield(info, nil) })
		if err != nil && !errors.Is(err, errStop) {
			yield(blob.Info{}, fmt.Errorf("cannot list blobs: %w", err))
		}
	}
}

var errStop = errors.New("the caller has seen enough")

// walk visits the blobs below dir, which is levels above them, in name order.
func (s *Store) walk(ctx context.Context, dir string, levels int, visit func(blob.Info) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if levels > 0 {
			if !isFanOut(entry) {
				continue
			}
			if err := s.walk(ctx, filepath.Join(dir, entry.Name()), levels-1, visit); err != nil {
				return err
			}
			continue
		}
		d, err := blob.ParseHex(entry.Name())
		if err != nil {
			continue // not ours
		}
		there, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		if !visit(blob.Info{Digest: d, Size: there.Size(), Put: there.ModTime()}) {
			return errStop
		}
	}
	return nil
}

func isFanOut(entry fs.DirEntry) bool {
	raw, err := hex.DecodeString(entry.Name())
	return err == nil && len(raw) == 1 && entry.IsDir()
}

// Delete implements blob.Store.
func (s *Store) Delete(_ context.Context, d blob.Digest, unlessPutSince time.Time) error {
	// Not synced: a blob that comes back with the power is garbage once more.
	if err := s.ifOld(d, unlessPutSince, os.Remove); err != nil {
		return fmt.Errorf("cannot delete blob %s: %w", d, err)
	}
	return nil
}

// Quarantine implements blob.Store. Older evidence for the same digest gives way.
func (s *Store) Quarantine(_ context.Context, d blob.Digest, unlessPutSince time.Time) error {
	err := s.ifOld(d, unlessPutSince, func(name string) error {
		return os.Rename(name, s.quarantinePath(d))
	})
	if err == nil {
		err = syncDir(s.quarantineDir())
	}
	if err == nil {
		err = syncDir(filepath.Dir(s.path(d)))
	}
	if err != nil {
		return fmt.Errorf("cannot quarantine blob %s: %w", d, err)
	}
	return nil
}

// ifOld acts on the blob's file while nobody can put the blob.
func (s *Store) ifOld(d blob.Digest, unlessPutSince time.Time, act func(name string) error) error {
	unlock, err := s.tree.lock(syscall.LOCK_EX)
	if err != nil {
		return err
	}
	defer unlock()
	there, err := os.Lstat(s.path(d))
	if err != nil {
		return s.explain(d, err)
	}
	if !unlessPutSince.IsZero() && !there.ModTime().Before(unlessPutSince) {
		return blob.ErrRecent
	}
	return act(s.path(d))
}

// Tidy implements blob.Store.
func (s *Store) Tidy(ctx context.Context) error { return s.spool.Tidy(ctx) }

// Check implements blob.Store: it writes a small file and removes it.
func (s *Store) Check(context.Context) error {
	if err := s.spool.Check(); err != nil {
		return fmt.Errorf("cannot write to blob directory: %w", err)
	}
	return nil
}

// Free implements blob.Store.
func (s *Store) Free(context.Context) (bytes int64, known bool) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(s.tree.root, &stat); err != nil {
		return 0, false
	}
	return int64(stat.Bavail) * int64(stat.Bsize), true
}
