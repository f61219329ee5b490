package squashfs

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/zlib"
	"github.com/ulikunitz/xz"
)

// Compression is how Write packs blocks.
type Compression int

const (
	Gzip Compression = iota // zlib streams; fast
	XZ                      // what snap pack makes; small and slow
	None                    // blocks as they are; the image says gzip
)

// A packer compresses blocks for one image.
type packer struct {
	id    uint16 // in the superblock
	flags uint16
	// compress returns nil when it cannot pack the block; what it returns is
	// valid until the next call.
	compress func(block []byte) []byte
}

func newPacker(c Compression) (packer, error) {
	switch c {
	case Gzip:
		return packer{id: compressionGzip, compress: newZlib()}, nil
	case XZ:
		return packer{id: compressionXZ, compress: deflateXZ}, nil
	case None:
		return packer{
			id:       compressionGzip,
			flags:    flagUncompressedInodes | flagUncompressedData | flagUncompressedFragments | flagUncompressedIDs,
			compress: func([]byte) []byte { return nil },
		}, nil
	}
	return packer{}, fmt.Errorf("cannot write image: unknown compression %d", c)
}

// shrink returns the block as it goes into the image, and whether that is as is.
func (p packer) shrink(block []byte) (out []byte, stored bool) {
	if out := p.compress(block); out != nil && len(out) < len(block) {
		return out, false
	}
	return block, true
}

// newZlib returns a compressor that keeps its 800 KB of state between blocks.
func newZlib() func([]byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	return func(block []byte) []byte {
		out.Reset()
		w.Reset(&out)
		if _, err := w.Write(block); err != nil {
			return nil
		}
		if err := w.Close(); err != nil {
			return nil
		}
		return out.Bytes()
	}
}

// deflateXZ keeps to what the kernel's decoder knows: CRC32 and a dictionary no
// larger than the image's block size, of which 4 KiB is the smallest.
func deflateXZ(block []byte) []byte {
	dict := minBlockSize
	for dict < len(block) {
		dict *= 2
	}
	var out bytes.Buffer
	w, err := xz.WriterConfig{DictCap: dict, CheckSum: xz.CRC32}.NewWriter(&out)
	if err != nil {
		return nil
	}
	if _, err := w.Write(block); err != nil {
		return nil
	}
	if err := w.Close(); err != nil {
		return nil
	}
	return out.Bytes()
}
