package partial

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
)

// An upload begins with a header that says how many of its bytes are durable.
// The length of the file cannot say it: after power loss it may count bytes
// that never reached the disk.
//
// The header has two places, written in turn, so that one that is torn leaves
// the other. Each holds, in big-endian order:
//
//	 0  8  magic
//	 8  8  how often the header was written
//	16  8  bytes of the upload that are durable
//	24  4  CRC-32 of the above
//
// The order of one checkpoint is: write bytes, fsync, write the header, fsync,
// acknowledge.
const (
	headerSize  = 4096
	placeStride = 2048 // so that no sector holds both
	recordSize  = 28
	magic       = "larder\x00\x01"
)

// errDamaged: neither place of a header can be read.
var errDamaged = errors.New("the upload's header is damaged")

func writeHeader(f io.WriterAt, turn uint64, offset int64) error {
	b := make([]byte, 0, recordSize)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint64(b, turn)
	b = binary.BigEndian.AppendUint64(b, uint64(offset))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	_, err := f.WriteAt(b, int64(turn%2)*placeStride)
	return err
}

// readHeader returns what the newer sound place says.
func readHeader(f *os.File) (turn uint64, offset int64, err error) {
	err = errDamaged
	for place := range int64(2) {
		b := make([]byte, recordSize)
		if _, readErr := f.ReadAt(b, place*placeStride); readErr != nil && readErr != io.EOF {
			return 0, 0, readErr
		}
		sum := binary.BigEndian.Uint32(b[recordSize-4:])
		if string(b[:len(magic)]) != magic || crc32.ChecksumIEEE(b[:recordSize-4]) != sum {
			continue
		}
		t, o := binary.BigEndian.Uint64(b[8:]), int64(binary.BigEndian.Uint64(b[16:]))
		if err != nil || t > turn {
			turn, offset, err = t, o, nil
		}
	}
	return turn, offset, err
}
