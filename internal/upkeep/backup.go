package upkeep

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha3"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// A backup is one tar file: a header, the blobs, and the dump of the database
// last, so that a torn file is told by its missing end. Blobs stand under
// their digests, the secret only where it was asked for.
const (
	headerMember   = "larder-backup.json"
	secretMember   = "secret"
	blobMembers    = "blobs/"
	databaseMember = "database.jsonl"
	backupFormat   = 1
)

// BackupHeader is the first member of a backup.
type BackupHeader struct {
	Format    int       `json:"larder-backup"`
	StoreID   string    `json:"store-id"`
	CreatedAt time.Time `json:"created-at"`
	Blobs     int       `json:"blobs"`
	Bytes     int64     `json:"bytes"` // of the blobs
	Secret    bool      `json:"secret"`
	// Missing are the digests of blobs that rows name and that were lost or
	// quarantined, so that they are not in the backup.
	Missing []string `json:"missing,omitempty"`
}

// BackupOptions say what goes into a backup.
type BackupOptions struct {
	// Secret is the data directory's secret, which opens the sealed signing
	// keys; nil leaves it out.
	Secret []byte
	// Progress hears of the bytes of blobs as they are copied; may be nil.
	Progress func(done, total int64)
}

// Backup writes the whole store to a new file, readable by its owner only,
// while others serve and push. The database is as it was at one moment; every
// blob it names is there, since blobs never change, but for those that the store
// itself has lost, which the header lists. The file appears under its name when
// it is whole and on disk. It needs PermStore.
func (u *Upkeep) Backup(ctx context.Context, who store.Principal, path string, o BackupOptions) (BackupHeader, error) {
	var head BackupHeader
	if err := who.Need(store.PermStore); err != nil {
		return head, err
	}
	if _, err := os.Lstat(path); err == nil {
		return head, store.Conflictf("file-exists", "cannot back up to %s: the file exists", path).Try("name another file")
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".larder-backup-*")
	if err != nil {
		return head, store.Unavailablef("cannot-write", "cannot write a backup in %s", dir).Because(err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	if head, err = u.writeBackup(ctx, out, dir, o); err != nil {
		return head, fmt.Errorf("cannot back up: %w", err)
	}
	// The bytes must be on disk before the name is: else a crash could leave a
	// file that looks whole.
	if err := errors.Join(out.Flush(), f.Sync()); err != nil {
		return head, fmt.Errorf("cannot write the backup: %w", err)
	}
	if err := name(f.Name(), path); err != nil {
		return head, fmt.Errorf("cannot name the backup: %w", err)
	}
	return head, syncDir(dir)
}

// name gives a file its final name. A link, unlike a rename, refuses to
// replace; not every file system that backups are written to has links.
func name(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(to); err == nil {
		return fs.ErrExist
	}
	return os.Rename(from, to)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot make the backup durable: %w", err)
	}
	defer d.Close()
	return d.Sync()
}

func (u *Upkeep) writeBackup(ctx context.Context, w io.Writer, dir string, o BackupOptions) (BackupHeader, error) {
	// The dump comes first in time and last in the file: it is the moment the
	// backup stands for, and what is garbage then need not be copied. It lies
	// beside the backup, where there is room.
	dump, err := os.CreateTemp(dir, ".larder-dump-*")
	if err != nil {
		return BackupHeader{}, err
	}
	defer os.Remove(dump.Name())
	defer dump.Close()
	head := BackupHeader{Format: backupFormat, CreatedAt: time.Now().UTC().Truncate(time.Second), Secret: o.Secret != nil}
	if head.StoreID, err = u.Settings.Get(ctx, keyStoreID); err != nil {
		return head, err
	}
	if err := u.DB.Dump(ctx, dump); err != nil {
		return head, err
	}
	missing := make(map[store.Digest]bool)
	err = db.DumpedBlobs(dump, func(b store.Blob) error {
		switch _, err := u.Blobs.Stat(ctx, b.Digest); {
		case errors.Is(err, blob.ErrNotFound):
			missing[b.Digest] = true
			head.Missing = append(head.Missing, b.Digest.Hex())
		case err != nil:
			return unreadable(b.Digest, err)
		default:
			head.Blobs++
			head.Bytes += b.Size
		}
		return nil
	})
	if err != nil {
		return head, err
	}

	t := tar.NewWriter(w)
	text, err := json.Marshal(head)
	if err != nil {
		return head, err
	}
	if err := addMember(t, headerMember, int64(len(text)), strings.NewReader(string(text))); err != nil {
		return head, err
	}
	if o.Secret != nil {
		if err := addMember(t, secretMember, int64(len(o.Secret)), strings.NewReader(string(o.Secret))); err != nil {
			return head, err
		}
	}
	var done int64
	err = db.DumpedBlobs(dump, func(b store.Blob) error {
		if missing[b.Digest] {
			return nil
		}
		if err := u.addBlob(ctx, t, b); err != nil {
			return err
		}
		if done += b.Size; o.Progress != nil {
			o.Progress(done, head.Bytes)
		}
		return nil
	})
	if err != nil {
		return head, err
	}
	size, err := dump.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = dump.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = addMember(t, databaseMember, size, dump)
	}
	return head, errors.Join(err, t.Close())
}

func (u *Upkeep) addBlob(ctx context.Context, t *tar.Writer, b store.Blob) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r, err := u.Blobs.Open(ctx, b.Digest, b.Size)
	if err != nil {
		return unreadable(b.Digest, err)
	}
	defer r.Close()
	sum := sha3.New384()
	if err := addMember(t, blobMembers+b.Digest.Hex(), b.Size, io.TeeReader(r, sum)); err != nil {
		return err
	}
	if store.Digest(sum.Sum(nil)) != b.Digest {
		return unreadable(b.Digest, blob.ErrCorrupt)
	}
	return nil
}

func unreadable(d store.Digest, err error) error {
	return store.Unavailablef("blob-unavailable", "cannot read the blob %s", d).
		Try("larder fsck says more and sets it aside if it is damaged; a backup leaves out what was set aside").Because(err)
}

func addMember(t *tar.Writer, name string, size int64, r io.Reader) error {
	err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: size, Format: tar.FormatPAX})
	if err == nil {
		_, err = io.Copy(t, r)
	}
	if err != nil {
		return fmt.Errorf("cannot add %s: %w", name, err)
	}
	return nil
}

// Restored is what came out of a backup.
type Restored struct {
	BackupHeader
	// SecretText is the secret that was in the backup; nil when it was left out.
	SecretText []byte `json:"-"`
}

// Restore fills an empty database and a blob store from a backup. Every blob
// is checked against its digest, and rows come after blobs, so that an
// interrupted restore leaves an empty database and can be run again.
func (u *Upkeep) Restore(ctx context.Context, in io.Reader, progress func(done, total int64)) (Restored, error) {
	var out Restored
	if seq, err := u.DB.Fresh(ctx); err != nil {
		return out, err
	} else if seq > 0 {
		return out, store.Conflictf("database-not-empty", "cannot restore: the database holds something already").
			Try("restore into a new data directory or database")
	}
	t := tar.NewReader(bufio.NewReaderSize(in, 1<<20))
	var done int64
	blobs := 0
	for n := 0; ; n++ {
		h, err := t.Next()
		if err != nil {
			return out, tornBackup(err)
		}
		switch {
		case n == 0 && h.Name == headerMember:
			err = readHeader(t, &out.BackupHeader)
		case n == 0:
			return out, store.Invalidf("not-a-backup", "cannot restore: the file is no larder backup").Try("give a file that larder backup wrote")
		case h.Name == secretMember:
			out.SecretText, err = io.ReadAll(io.LimitReader(t, 1024))
		case strings.HasPrefix(h.Name, blobMembers):
			if err = u.restoreBlob(ctx, h, t); err == nil {
				blobs++
				if done += h.Size; progress != nil {
					progress(done, out.Bytes)
				}
			}
		case h.Name == databaseMember:
			if blobs != out.Blobs || done != out.Bytes {
				return out, tornBackup(io.ErrUnexpectedEOF)
			}
			if err := u.DB.Load(ctx, t); err != nil {
				return out, tornBackup(err)
			}
			return out, nil
		default:
			return out, store.Invalidf("not-a-backup", "cannot restore: %.100q is no member of a larder backup", h.Name)
		}
		if err != nil {
			return out, tornBackup(err)
		}
	}
}

func readHeader(r io.Reader, h *BackupHeader) error {
	if err := json.NewDecoder(io.LimitReader(r, 64<<10)).Decode(h); err != nil {
		return store.Invalidf("not-a-backup", "cannot restore: the backup's header cannot be read").Because(err)
	}
	if h.Format != backupFormat {
		return store.Invalidf("backup-too-new", "cannot restore: the backup has format %d, and this larder reads %d", h.Format, backupFormat).
			Try("use the larder that made it, or a newer one")
	}
	return nil
}

func (u *Upkeep) restoreBlob(ctx context.Context, h *tar.Header, r io.Reader) error {
	d, err := store.ParseHex(strings.TrimPrefix(h.Name, blobMembers))
	if err != nil {
		return err
	}
	_, err = blob.Put(ctx, u.Blobs, r, blob.PutOptions{Expect: blob.Digests{SHA3_384: d, Size: h.Size}, MaxSize: max(h.Size, 1)})
	if errors.Is(err, blob.ErrMismatch) {
		return store.Invalidf("damaged-backup", "cannot restore: the blob %s in the backup is damaged", d).Because(err)
	}
	return noSpace(err)
}

func noSpace(err error) error {
	if errors.Is(err, blob.ErrNoSpace) {
		return store.Unavailablef("no-space", "there is no room left for blobs").Try("free some disk space and try again").Because(err)
	}
	return err
}

func tornBackup(err error) error {
	var known *store.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, tar.ErrHeader):
		return store.Invalidf("damaged-backup", "cannot restore: the backup is cut off or damaged").Try("take another copy of it").Because(err)
	}
	return fmt.Errorf("cannot restore: %w", err)
}
