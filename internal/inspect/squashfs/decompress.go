package squashfs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/anchore/go-lzo"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// A codec decompresses the whole of src into dst and returns how many bytes it
// wrote. Output that does not fit dst is an error; no codec may allocate more than
// a small multiple of len(dst), whatever src says.
type codec struct {
	name       string
	decompress func(dst, src []byte) (int, error)
}

// codecs by the compression id of the superblock.
var codecs = map[uint16]codec{
	compressionGzip: {"gzip", inflateZlib},
	compressionLZO:  {"lzo", func(dst, src []byte) (int, error) { return lzo.Decompress(src, dst) }},
	compressionXZ:   {"xz", inflateXZ},
	compressionLZ4:  {"lz4", func(dst, src []byte) (int, error) { return lz4.UncompressBlock(src, dst) }},
	compressionZstd: {"zstd", inflateZstd},
}

const (
	compressionGzip = 1
	compressionLZMA = 2 // never had a kernel driver
	compressionLZO  = 3
	compressionXZ   = 4
	compressionLZ4  = 5
	compressionZstd = 6
)

var errOutputTooLong = errors.New("block decompresses to more than its legal size")

// inflate runs the codec behind a fence: the decoders are other people's code
// and a panic on crafted input must not take the store down.
func (c codec) inflate(dst, src []byte) (n int, err error) {
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, corrupt("%s decoder gave up: %v", c.name, p)
		}
	}()
	n, err = c.decompress(dst, src)
	if errors.Is(err, ErrUnsupported) {
		return 0, err
	}
	if err != nil {
		return 0, corrupt("%s block: %v", c.name, err)
	}
	if n < 0 || n > len(dst) {
		return 0, corrupt("%s block: %v", c.name, errOutputTooLong)
	}
	return n, nil
}

func inflateZlib(dst, src []byte) (int, error) {
	r, err := zlib.NewReader(bytes.NewReader(src))
	if err != nil {
		return 0, err
	}
	return readAllInto(dst, r)
}

// readAllInto reads r to its end, which must come within len(dst) bytes.
func readAllInto(dst []byte, r io.Reader) (int, error) {
	n, err := io.ReadFull(r, dst)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && n == 0:
		return 0, err
	case err == io.EOF, err == io.ErrUnexpectedEOF:
		return n, nil
	case err != nil:
		return n, err
	}
	var extra [1]byte
	if k, err := io.ReadFull(r, extra[:]); k != 0 {
		return n, errOutputTooLong
	} else if err != io.EOF {
		return n, err
	}
	return n, nil
}

// zstdDecoder is stateless between blocks (DecodeAll) and shared; it is built on
// first use because most processes never meet a zstd snap.
var zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxBlockSize),
		zstd.WithDecoderMaxWindow(maxBlockSize),
		zstd.WithDecodeAllCapLimit(true),
	)
})

func inflateZstd(dst, src []byte) (int, error) {
	d, err := zstdDecoder()
	if err != nil {
		return 0, fmt.Errorf("cannot start decoder: %w", err)
	}
	out, err := d.DecodeAll(src, dst[:0:len(dst)])
	return len(out), err
}
