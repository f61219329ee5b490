package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/spool"
)

// What a bucket holds. The digest in hexadecimal follows each prefix.
const (
	blobPrefix       = "blobs/"
	quarantinePrefix = "quarantine/" // damaged bytes, kept as evidence
	leasePrefix      = "deleting/"   // who may delete the blob just now
	probeKey         = "probe"       // what Check writes
)

// abandonedAfter is when Tidy takes an unfinished multipart upload for dead. S3
// does not tell whether its writer lives, so this is longer than any upload.
const abandonedAfter = 7 * 24 * time.Hour

// Config says where the bucket is.
type Config struct {
	Endpoint  string // host:port
	Bucket    string // created if it does not exist
	Region    string // empty: asked for
	AccessKey string
	SecretKey string
	TLS       bool

	// SpoolDir is a local directory for what is being received. It needs room
	// for the uploads of one moment.
	SpoolDir string
}

// Store is a blob.Store in a bucket of a server that is strongly consistent and
// knows conditional puts, as Amazon's, MinIO's, Ceph's and versitygw's are.
//
// The ages of its blobs count in seconds, by the server's clock.
type Store struct {
	client *minio.Client
	bucket string
	spool  *spool.Dir
	leases leases
}

var _ blob.Store = (*Store)(nil)

// Open returns the store in a bucket.
func Open(ctx context.Context, c Config) (*Store, error) {
	client, err := minio.New(c.Endpoint, &minio.Options{
		Creds:           credentials.NewStaticV4(c.AccessKey, c.SecretKey, ""),
		Secure:          c.TLS,
		Region:          c.Region,
		TrailingHeaders: true,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot use S3 endpoint %s: %w", c.Endpoint, err)
	}
	if err := makeBucket(ctx, client, c); err != nil {
		return nil, fmt.Errorf("cannot use bucket %s on %s: %w", c.Bucket, c.Endpoint, err)
	}
	dir, err := spool.Open(c.SpoolDir)
	if err != nil {
		return nil, err
	}
	return &Store{client: client, bucket: c.Bucket, spool: dir, leases: leases{client, c.Bucket, leaseLife}}, nil
}

// makeBucket may run on several nodes at once; whoever loses finds the bucket.
func makeBucket(ctx context.Context, client *minio.Client, c Config) error {
	there, err := client.BucketExists(ctx, c.Bucket)
	if err != nil || there {
		return err
	}
	made := client.MakeBucket(ctx, c.Bucket, minio.MakeBucketOptions{Region: c.Region})
	if made == nil {
		return nil
	}
	if there, err := client.BucketExists(ctx, c.Bucket); err == nil && there {
		return nil
	}
	return made
}

// Stage implements blob.Store: it receives r into the local spool directory.
func (s *Store) Stage(ctx context.Context, r io.Reader, opts blob.PutOptions) (blob.Staged, error) {
	file, err := s.spool.Receive(ctx, r, opts)
	if err != nil {
		return nil, err
	}
	return &staged{file, s}, nil
}

// staged is a spool file on its way into the bucket.
type staged struct {
	*spool.File
	store *Store
}

// Commit implements blob.Staged.
func (f *staged) Commit(ctx context.Context) error {
	defer f.Discard()
	if err := f.store.commit(ctx, f.File); err != nil {
		return fmt.Errorf("cannot commit blob %s: %w", f.Digests().SHA3_384, err)
	}
	return nil
}

// commit puts the object and then makes sure that no deleter, who may have
// looked at the age of an earlier object of this name, takes the new one.
//
// An object that is there already is replaced by the same bytes: that renews its
// age, and heals it if it was damaged.
func (s *Store) commit(ctx context.Context, file *spool.File) error {
	d := file.Digests()
	for {
		if err := s.upload(ctx, file); err != nil {
			return err
		}
		if err := s.leases.await(ctx, d.SHA3_384); err != nil {
			return err
		}
		info, err := s.stat(ctx, blobPrefix, d.SHA3_384)
		switch {
		case err == nil && info.Size == d.Size:
			return nil
		case err == nil:
			return fmt.Errorf("%w: the bucket holds %d bytes of %d", blob.ErrCorrupt, info.Size, d.Size)
		case errors.Is(err, blob.ErrNotFound):
			// A deleter took it, and is done now.
		default:
			return err
		}
	}
}

// upload is atomic: until the whole object has arrived there is none. A CRC32C
// in the trailer of each request tells the server what it should have received;
// signing the payload besides would hash it once more.
func (s *Store) upload(ctx context.Context, file *spool.File) error {
	if file.Discarded() {
		return errors.New("it was discarded")
	}
	d := file.Digests()
	body := io.NewSectionReader(file, 0, d.Size)
	_, err := s.client.PutObject(ctx, s.bucket, blobPrefix+d.SHA3_384.Hex(), body, d.Size, minio.PutObjectOptions{
		ContentType:          "application/octet-stream",
		DisableContentSha256: true,
	})
	return err
}

// Open implements blob.Store.
func (s *Store) Open(ctx context.Context, d blob.Digest, size int64) (blob.Reader, error) {
	info, err := s.stat(ctx, blobPrefix, d)
	if err == nil && size != blob.UnknownSize && info.Size != size {
		err = fmt.Errorf("%w: it has %d bytes, its record says %d", blob.ErrCorrupt, info.Size, size)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open blob %s: %w", d, err)
	}
	return &reader{ctx: ctx, core: minio.Core{Client: s.client}, bucket: s.bucket, key: blobPrefix + d.Hex(), size: info.Size}, nil
}

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, d blob.Digest) (blob.Info, error) {
	info, err := s.stat(ctx, blobPrefix, d)
	if err != nil {
		return blob.Info{}, fmt.Errorf("cannot stat blob %s: %w", d, err)
	}
	return info, nil
}

// stat says ErrQuarantined where a missing blob has left evidence.
func (s *Store) stat(ctx context.Context, prefix string, d blob.Digest) (blob.Info, error) {
	object, err := s.client.StatObject(ctx, s.bucket, prefix+d.Hex(), minio.StatObjectOptions{})
	if err == nil {
		return infoOf(d, object), nil
	}
	if !isStatus(err, http.StatusNotFound) {
		return blob.Info{}, err
	}
	if prefix == blobPrefix {
		if _, err := s.stat(ctx, quarantinePrefix, d); err == nil {
			return blob.Info{}, blob.ErrQuarantined
		}
	}
	return blob.Info{}, blob.ErrNotFound
}

// infoOf counts in seconds, as the headers do, although listings know better.
func infoOf(d blob.Digest, object minio.ObjectInfo) blob.Info {
	return blob.Info{Digest: d, Size: object.Size, Put: object.LastModified.Truncate(time.Second)}
}

// isRefusal reports that the server has answered and done nothing.
func isRefusal(err error) bool {
	status := minio.ToErrorResponse(err).StatusCode
	return status >= 400 && status < 500
}

func isStatus(err error, status int) bool {
	return minio.ToErrorResponse(err).StatusCode == status
}

// List implements blob.Store. S3 lists in the order of keys.
func (s *Store) List(ctx context.Context) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		for object := range s.client.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: blobPrefix, Recursive: true}) {
			if object.Err != nil {
				yield(blob.Info{}, fmt.Errorf("cannot list blobs: %w", object.Err))
				return
			}
			d, err := blob.ParseHex(strings.TrimPrefix(object.Key, blobPrefix))
			if err != nil {
				continue // not ours
			}
			if !yield(infoOf(d, object), nil) {
				return
			}
		}
	}
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, d blob.Digest, unlessPutSince time.Time) error {
	if err := s.removeIfOld(ctx, d, unlessPutSince); err != nil {
		return fmt.Errorf("cannot delete blob %s: %w", d, err)
	}
	return nil
}

func (s *Store) removeIfOld(ctx context.Context, d blob.Digest, unlessPutSince time.Time) error {
	return s.leases.with(ctx, d, func(ctx context.Context) error {
		info, err := s.stat(ctx, blobPrefix, d)
		if err != nil {
			return err
		}
		if !unlessPutSince.IsZero() && !info.Put.Before(unlessPutSince) {
			return blob.ErrRecent
		}
		err = s.client.RemoveObject(ctx, s.bucket, blobPrefix+d.Hex(), minio.RemoveObjectOptions{})
		if err != nil && !isRefusal(err) {
			return fmt.Errorf("%w: %w", errUnanswered, err)
		}
		return err
	})
}

// Quarantine implements blob.Store. Older evidence for the same digest gives way.
// It copies before it takes the lease, because a lease is short.
func (s *Store) Quarantine(ctx context.Context, d blob.Digest, unlessPutSince time.Time) error {
	err := s.setAside(ctx, d, unlessPutSince)
	if err != nil {
		return fmt.Errorf("cannot quarantine blob %s: %w", d, err)
	}
	return nil
}

func (s *Store) setAside(ctx context.Context, d blob.Digest, unlessPutSince time.Time) error {
	if _, err := s.stat(ctx, blobPrefix, d); err != nil {
		return err
	}
	evidence := quarantinePrefix + d.Hex()
	_, err := s.client.ComposeObject(ctx,
		minio.CopyDestOptions{Bucket: s.bucket, Object: evidence},
		minio.CopySrcOptions{Bucket: s.bucket, Object: blobPrefix + d.Hex()})
	if err != nil {
		return err
	}
	err = s.removeIfOld(ctx, d, unlessPutSince)
	if errors.Is(err, blob.ErrRecent) {
		return errors.Join(err, s.client.RemoveObject(ctx, s.bucket, evidence, minio.RemoveObjectOptions{}))
	}
	return err
}

// Tidy implements blob.Store.
func (s *Store) Tidy(ctx context.Context) error {
	if err := s.spool.Tidy(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing also when we leave it early
	core := minio.Core{Client: s.client}
	for upload := range s.client.ListIncompleteUploads(ctx, s.bucket, blobPrefix, true) {
		if upload.Err != nil {
			return fmt.Errorf("cannot list unfinished uploads: %w", upload.Err)
		}
		if time.Since(upload.Initiated) < abandonedAfter {
			continue
		}
		err := core.AbortMultipartUpload(ctx, s.bucket, upload.Key, upload.UploadID)
		if err != nil && !isStatus(err, http.StatusNotFound) {
			return fmt.Errorf("cannot remove unfinished upload: %w", err)
		}
	}
	return nil
}

// Check implements blob.Store: it writes a small object and a small local file.
func (s *Store) Check(ctx context.Context) error {
	_, err := s.client.PutObject(ctx, s.bucket, probeKey, strings.NewReader("probe"), 5, minio.PutObjectOptions{DisableContentSha256: true})
	if err != nil {
		return fmt.Errorf("cannot write to bucket %s: %w", s.bucket, err)
	}
	if err := s.spool.Check(); err != nil {
		return fmt.Errorf("cannot write to spool directory: %w", err)
	}
	return nil
}

// Free implements blob.Store: S3 does not tell.
func (s *Store) Free(context.Context) (bytes int64, known bool) { return 0, false }
