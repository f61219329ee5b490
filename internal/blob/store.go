package blob

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"
)

// Store keeps blobs. Its methods may be called concurrently, by any number of
// processes that share the place behind it.
//
// An error that is about a blob names it and is one of this package's errors
// where those apply; an error of the place itself (disk, network) is wrapped.
type Store interface {
	// Stage receives r to its end and computes the digests on the way, without
	// making anything visible. What it refuses or cannot finish leaves nothing
	// behind.
	Stage(ctx context.Context, r io.Reader, opts PutOptions) (Staged, error)

	// Open returns the blob for reading. Size is what the caller's record of
	// the blob says; a blob of another size is ErrCorrupt and not served. Pass
	// UnknownSize only where no record exists.
	Open(ctx context.Context, d Digest, size int64) (Reader, error)

	// Stat returns what the store itself knows of the blob.
	Stat(ctx context.Context, d Digest) (Info, error)

	// List yields every blob in ascending order of digest, so that a caller can
	// merge it with a sorted query in constant memory. Blobs put or deleted
	// while it runs may or may not show up. It ends after the first error.
	List(ctx context.Context) iter.Seq2[Info, error]

	// Delete removes the blob unless it was put at or after the given time,
	// which is ErrRecent. The check and the removal are one step against every
	// concurrent Commit of the same digest: see Sweep. The zero time removes
	// whatever its age.
	Delete(ctx context.Context, d Digest, unlessPutSince time.Time) error

	// Quarantine sets a damaged blob aside as evidence, under the condition of
	// Delete. It is ErrQuarantined from then on, until its bytes are put again.
	Quarantine(ctx context.Context, d Digest, unlessPutSince time.Time) error

	// Tidy removes what writers left behind when they died, and nothing that a
	// living one, here or in another process, still works on.
	Tidy(ctx context.Context) error

	// Check reports whether blobs can be stored now.
	Check(ctx context.Context) error

	// Free returns the bytes that can still be stored; known is false where the
	// place does not tell.
	Free(ctx context.Context) (bytes int64, known bool)
}

// Staged is a received blob that nobody else can see yet. Defer its Discard.
type Staged interface {
	// ReadAt reads the staged bytes, from local disk whatever the store. The
	// size is Digests().Size.
	io.ReaderAt

	// Path names the same bytes for a program that wants a file. Nobody writes
	// to it, and it is gone after Commit or Discard.
	Path() string

	// Digests returns what was computed while the bytes were received.
	Digests() Digests

	// Commit makes the bytes a blob. When it returns nil the blob survives
	// power loss and its age starts anew, also if it was there before. Whatever
	// it returns, the staged bytes are spent.
	Commit(ctx context.Context) error

	// Discard drops the bytes; after Commit it does nothing.
	Discard()
}

// Reader reads one blob. That of the file system store is also a syscall.Conn,
// so that net/http copies it with sendfile as long as nothing wraps it.
type Reader interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// Local is a Reader whose bytes are a file of this host, as those of the file
// system store are. Name is its path, for a program that wants a file; nobody
// writes to it.
type Local interface {
	Reader
	Name() string
}

// Info is what a store knows of a blob without reading it.
type Info struct {
	Digest Digest
	Size   int64     // bytes
	Put    time.Time // the last Commit of this digest, by the store's clock
}

// UnknownSize tells Open that the caller has no record of the size.
const UnknownSize int64 = -1

// PutOptions says what a caller accepts. The zero value accepts anything.
type PutOptions struct {
	// MaxSize is the largest size accepted, in bytes; 0 is no limit. More is
	// ErrTooLarge.
	MaxSize int64

	// Expect holds what the caller already knows of the bytes; what is zero is
	// not checked. Other bytes are ErrMismatch, more bytes than Expect.Size as
	// soon as they arrive.
	Expect Digests
}

// Bound returns r cut short with an error as soon as it exceeds the options.
func (o PutOptions) Bound(r io.Reader) io.Reader {
	if o.Expect.Size > 0 {
		r = &bounded{r, o.Expect.Size, fmt.Errorf("%w: more than the expected %d bytes", ErrMismatch, o.Expect.Size)}
	}
	if o.MaxSize > 0 {
		r = &bounded{r, o.MaxSize, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, o.MaxSize)}
	}
	return r
}

// Accept reports whether the received bytes are the expected ones.
func (o PutOptions) Accept(d Digests) error { return d.matches(o.Expect) }

// bounded fails, rather than ends, after left bytes.
type bounded struct {
	r    io.Reader
	left int64
	err  error // what to say when more arrives
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, b.err
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, b.err
	}
	return n, err
}

// Put stages and commits in one step, for callers that need not look first.
func Put(ctx context.Context, s Store, r io.Reader, opts PutOptions) (Digests, error) {
	staged, err := s.Stage(ctx, r, opts)
	if err != nil {
		return Digests{}, err
	}
	defer staged.Discard()
	if err := staged.Commit(ctx); err != nil {
		return Digests{}, err
	}
	return staged.Digests(), nil
}
