package squashfs

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

const (
	magic          = 0x73717368 // "hsqs"
	superblockSize = 96
	metadataSize   = 8192 // decompressed bytes in a full metadata block
	minBlockSize   = 4 << 10
	maxBlockSize   = 1 << 20
	noTable        = math.MaxUint64 // start of a table that is absent
	noFragment     = math.MaxUint32 // fragment index of a file without one
)

// Superblock flags, as far as the writer sets them; the reader trusts each
// block's own mark instead.
const (
	flagUncompressedInodes    = 0x0001
	flagUncompressedData      = 0x0002
	flagUncompressedFragments = 0x0008
	flagNoFragments           = 0x0010
	flagNoXattrs              = 0x0200
	flagUncompressedIDs       = 0x0800
)

// superblock is the first 96 bytes of an image, all fields little-endian.
type superblock struct {
	Magic         uint32
	Inodes        uint32
	ModTime       uint32
	BlockSize     uint32
	Fragments     uint32
	Compression   uint16
	BlockLog      uint16
	Flags         uint16
	IDs           uint16
	Major, Minor  uint16
	RootInode     uint64
	BytesUsed     uint64
	IDTable       uint64
	XattrTable    uint64
	InodeTable    uint64
	DirTable      uint64
	FragmentTable uint64
	ExportTable   uint64
}

// parseSuperblock checks every promise that can be checked against the size of
// the image alone.
func parseSuperblock(b []byte, imageSize uint64) (superblock, error) {
	var sb superblock
	if _, err := binary.Decode(b, binary.LittleEndian, &sb); err != nil {
		return sb, fmt.Errorf("%w: superblock cut short", ErrNotSquashfs)
	}
	switch {
	case sb.Magic != magic:
		return sb, fmt.Errorf("%w: wrong magic number %#08x", ErrNotSquashfs, sb.Magic)
	case sb.Major != 4 || sb.Minor != 0:
		return sb, fmt.Errorf("%w: version %d.%d, want 4.0", ErrUnsupported, sb.Major, sb.Minor)
	case sb.BlockSize < minBlockSize || sb.BlockSize > maxBlockSize || bits.OnesCount32(sb.BlockSize) != 1:
		return sb, corrupt("block size %d is no power of two from 4 KiB to 1 MiB", sb.BlockSize)
	case 1<<sb.BlockLog != sb.BlockSize:
		return sb, corrupt("block size %d does not match its logarithm %d", sb.BlockSize, sb.BlockLog)
	case sb.BytesUsed > imageSize:
		return sb, corrupt("image is cut short: %d bytes, superblock says %d", imageSize, sb.BytesUsed)
	case sb.Inodes == 0:
		return sb, corrupt("superblock counts no inodes")
	case uint64(sb.Inodes) > sb.BytesUsed*maxInodesPerByte:
		return sb, corrupt("superblock counts %d inodes in %d bytes", sb.Inodes, sb.BytesUsed)
	case sb.InodeTable < superblockSize || sb.InodeTable >= sb.DirTable || sb.DirTable > sb.BytesUsed:
		return sb, corrupt("inode table at %d and directory table at %d do not fit %d bytes", sb.InodeTable, sb.DirTable, sb.BytesUsed)
	case sb.Fragments != 0 && (sb.FragmentTable < sb.DirTable || sb.FragmentTable >= sb.BytesUsed):
		return sb, corrupt("fragment table at %d does not fit %d bytes", sb.FragmentTable, sb.BytesUsed)
	}
	return sb, nil
}

// maxInodesPerByte bounds the superblock's inode count. An inode takes at least 16
// bytes before compression and no codec here does better than about 1:1000 on 8 KiB.
const maxInodesPerByte = 64
