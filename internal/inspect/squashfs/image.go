package squashfs

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Limits bound what reading one image may cost. Zero fields take the defaults.
type Limits struct {
	// Decompressed is the sum of decompressed bytes over the life of an Image.
	Decompressed int64 // 32 MiB
	// Entries is how many entries one directory may hold.
	Entries int // 65536
	// Depth is how many names a path may have, symbolic links included.
	Depth int // 32
	// Links is how many symbolic links one look-up follows.
	Links int // 8
}

func (l Limits) withDefaults() Limits {
	if l.Decompressed == 0 {
		l.Decompressed = 32 << 20
	}
	if l.Entries == 0 {
		l.Entries = 1 << 16
	}
	if l.Depth == 0 {
		l.Depth = 32
	}
	if l.Links == 0 {
		l.Links = 8
	}
	return l
}

// An Image is an open squashfs image. It keeps a few metadata blocks and two data
// blocks of at most 1 MiB; it is not safe for concurrent use and needs no closing.
type Image struct {
	r      io.ReaderAt
	sb     superblock
	codec  codec
	limits Limits

	spent    int64 // decompressed bytes so far
	metadata metadataCache
	packed   []byte // reused for compressed data blocks

	fragment    []byte // the last fragment block, from fragmentPos; 0 when there is none
	fragmentPos uint64
}

// Open reads the superblock of the image that r holds in its first size bytes.
// What follows the image, such as padding or a hash tree, is ignored.
func Open(r io.ReaderAt, size int64, limits Limits) (*Image, error) {
	if size < superblockSize {
		return nil, fmt.Errorf("%w: only %d bytes", ErrNotSquashfs, max(size, 0))
	}
	var header [superblockSize]byte
	if err := readFullAt(r, header[:], 0); err != nil {
		return nil, err
	}
	sb, err := parseSuperblock(header[:], uint64(size))
	if err != nil {
		return nil, err
	}
	c, ok := codecs[sb.Compression]
	if !ok {
		return nil, fmt.Errorf("%w: compression %d; repack with xz, lzo, gzip, lz4 or zstd", ErrUnsupported, sb.Compression)
	}
	return &Image{r: r, sb: sb, codec: c, limits: limits.withDefaults()}, nil
}

// Compression names the image's codec: gzip, lzo, xz, lz4 or zstd.
func (im *Image) Compression() string { return im.codec.name }

// readAt fills p from the image. The caller has checked that the range lies in it,
// so an early end means that the file is shorter than announced.
func (im *Image) readAt(ctx context.Context, p []byte, pos uint64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return readFullAt(im.r, p, int64(pos))
}

func readFullAt(r io.ReaderAt, p []byte, pos int64) error {
	n, err := r.ReadAt(p, pos)
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return corrupt("image ends at byte %d", pos+int64(n))
	default:
		return fmt.Errorf("cannot read image at byte %d: %w", pos, err)
	}
}

// charge accounts for n more decompressed bytes.
func (im *Image) charge(n int) error {
	im.spent += int64(n)
	if im.spent > im.limits.Decompressed {
		return overLimit("more than %d bytes to decompress", im.limits.Decompressed)
	}
	return nil
}
