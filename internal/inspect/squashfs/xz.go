package squashfs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/crc64"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// The xz container is unwrapped here rather than by the xz library because that
// one allocates the dictionary that the input asks for, up to 4 GiB. A squashfs
// block is one stream of one block, and a dictionary larger than the output is
// never looked at. Format: https://tukaani.org/xz/xz-file-format.txt

const (
	xzHeaderSize  = 12
	xzFilterLZMA2 = 0x21
	xzCheckNone   = 0x00
	xzCheckCRC32  = 0x01
	xzCheckCRC64  = 0x04
	xzCheckSHA256 = 0x0a
)

var (
	xzMagic   = []byte{0xfd, '7', 'z', 'X', 'Z', 0}
	xzCRC64   = crc64.MakeTable(crc64.ECMA)
	errXZ     = errors.New("malformed xz stream")
	errFilter = fmt.Errorf("%w: xz block with a branch filter; repack without -Xbcj", ErrUnsupported)
)

func inflateXZ(dst, src []byte) (int, error) {
	check, body, err := xzStreamHeader(src)
	if err != nil {
		return 0, err
	}
	body, err = xzBlockHeader(body)
	if err != nil {
		return 0, err
	}
	rest := bytes.NewReader(body)
	config := lzma.Reader2Config{DictCap: max(len(dst), lzma.MinDictCap)}
	r, err := config.NewReader2(rest)
	if err != nil {
		return 0, err
	}
	n, err := readAllInto(dst, r)
	if err != nil {
		return n, err
	}
	if !r.EOS() {
		return n, fmt.Errorf("%w: no end mark", errXZ)
	}
	consumed := len(body) - rest.Len()
	return n, xzVerify(check, dst[:n], body[consumed:], consumed)
}

func xzStreamHeader(src []byte) (check byte, body []byte, err error) {
	if len(src) < xzHeaderSize || !bytes.Equal(src[:6], xzMagic) {
		return 0, nil, fmt.Errorf("%w: no stream header", errXZ)
	}
	if src[6] != 0 || binary.LittleEndian.Uint32(src[8:12]) != crc32.ChecksumIEEE(src[6:8]) {
		return 0, nil, fmt.Errorf("%w: damaged stream header", errXZ)
	}
	return src[7], src[xzHeaderSize:], nil
}

// xzBlockHeader skips the header of the first block after checking that LZMA2 is
// its only filter. The sizes it may declare are optional and not needed.
func xzBlockHeader(src []byte) ([]byte, error) {
	if len(src) == 0 || src[0] == 0 {
		return nil, fmt.Errorf("%w: no block", errXZ)
	}
	size := (int(src[0]) + 1) * 4
	if len(src) < size {
		return nil, fmt.Errorf("%w: block header cut short", errXZ)
	}
	header, sum := src[:size-4], binary.LittleEndian.Uint32(src[size-4:size])
	if crc32.ChecksumIEEE(header) != sum {
		return nil, fmt.Errorf("%w: damaged block header", errXZ)
	}
	flags := header[1]
	fields := header[2:]
	for _, declared := range []byte{0x40, 0x80} { // compressed, uncompressed size
		if flags&declared == 0 {
			continue
		}
		_, n := binary.Uvarint(fields)
		if n <= 0 {
			return nil, fmt.Errorf("%w: bad size field", errXZ)
		}
		fields = fields[n:]
	}
	if flags&0x03 != 0 || len(fields) < 3 || fields[0] != xzFilterLZMA2 {
		return nil, errFilter
	}
	return src[size:], nil
}

// xzVerify compares the block's check, which follows the LZMA2 data after padding
// to four bytes.
func xzVerify(check byte, out, tail []byte, consumed int) error {
	padding := -consumed & 3
	if len(tail) < padding {
		return io.ErrUnexpectedEOF
	}
	tail = tail[padding:]
	switch check {
	case xzCheckNone, xzCheckSHA256: // the kernel verifies neither
		return nil
	case xzCheckCRC32:
		if len(tail) < 4 || binary.LittleEndian.Uint32(tail) != crc32.ChecksumIEEE(out) {
			return fmt.Errorf("%w: checksum does not match", errXZ)
		}
	case xzCheckCRC64:
		if len(tail) < 8 || binary.LittleEndian.Uint64(tail) != crc64.Checksum(out, xzCRC64) {
			return fmt.Errorf("%w: checksum does not match", errXZ)
		}
	default:
		return fmt.Errorf("%w: unknown check %#x", errXZ, check)
	}
	return nil
}
