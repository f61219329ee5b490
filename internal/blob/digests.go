package blob

import (
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"fmt"
	"io"
)

// Digests is all that larder records of a blob's bytes. It is computed once, in
// the pass that receives them.
type Digests struct {
	SHA3_384 Digest
	SHA256   [32]byte // the OCI registry's and Charmhub's name for the same bytes
	Size     int64    // bytes
}

// Copy copies r to w until EOF and returns the digests of what passed. Hashes
// and w run side by side behind a ring of buffers, so the copy is as fast as
// the slowest of them (SHA3-384, on most machines) and its memory is bounded.
//
// Cancelling ctx stops the copy between two reads; it cannot interrupt a Read.
func Copy(ctx context.Context, w io.Writer, r io.Reader) (Digests, error) {
	long, short := sha3.New384(), sha256.New()
	n, err := tee(ctx, r, long, short, w)
	if err != nil {
		return Digests{}, err
	}
	return Digests{
		SHA3_384: Digest(long.Sum(nil)),
		SHA256:   [32]byte(short.Sum(nil)),
		Size:     n,
	}, nil
}

// matches compares with expected values, of which zero ones say nothing.
func (d Digests) matches(expect Digests) error {
	if expect.Size != 0 && d.Size != expect.Size {
		return fmt.Errorf("%w: received %d bytes, expected %d", ErrMismatch, d.Size, expect.Size)
	}
	if !expect.SHA3_384.IsZero() && d.SHA3_384 != expect.SHA3_384 {
		return fmt.Errorf("%w: received SHA3-384 %s, expected %s", ErrMismatch, d.SHA3_384, expect.SHA3_384)
	}
	if expect.SHA256 != [32]byte{} && d.SHA256 != expect.SHA256 {
		return fmt.Errorf("%w: received SHA-256 %x, expected %x", ErrMismatch, d.SHA256, expect.SHA256)
	}
	return nil
}
