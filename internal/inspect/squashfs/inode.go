package squashfs

import (
	"context"
	"fmt"
)

// Inode types; the extended form of a type is the type plus seven.
const (
	typeDir = iota + 1
	typeFile
	typeSymlink
	typeBlockDevice
	typeCharDevice
	typeFIFO
	typeSocket

	extended = 7
)

var typeNames = map[uint16]string{
	typeDir: "directory", typeFile: "regular file", typeSymlink: "symbolic link",
	typeBlockDevice: "block device", typeCharDevice: "character device", typeFIFO: "FIFO", typeSocket: "socket",
}

// maxTarget is the longest symbolic link the kernel follows (PATH_MAX).
const maxTarget = 4096

type inodeHeader struct {
	Type, Mode, UID, GID uint16
	ModTime, Number      uint32
}

// The bodies that follow the header on disk.
type (
	dirBody struct {
		Block, Links uint32
		Size, Offset uint16
		Parent       uint32
	}
	extendedDirBody struct {
		Links, Size, Block, Parent uint32
		Indexes, Offset            uint16
		Xattr                      uint32
	}
	fileBody struct {
		Start, Fragment, Offset, Size uint32
	}
	extendedFileBody struct {
		Start, Size, Sparse            uint64
		Links, Fragment, Offset, Xattr uint32
	}
	symlinkBody struct {
		Links, Size uint32
	}
)

// inode holds what look-ups and reads need of any type; unused fields are zero.
type inode struct {
	kind   uint16 // basic type, also for extended inodes
	number uint32
	size   uint64 // bytes of a file, or of a directory's listing plus three

	listing       uint32 // directory: block, relative to the directory table
	listingOffset uint16 // directory: offset in that block

	start          uint64          // file: where its first block is
	fragment       uint32          // file: index, or noFragment
	fragmentOffset uint32          // file: where its tail is in the fragment block
	blocks         *metadataReader // file: the block sizes, one uint32 each

	target string // symbolic link
}

// inode reads the inode that a reference names: a block relative to the inode
// table in the upper bits, an offset in that block in the lower sixteen.
func (im *Image) inode(ctx context.Context, ref uint64) (inode, error) {
	pos := im.sb.InodeTable + ref>>16
	m, err := im.metadataAt(ctx, pos, im.sb.DirTable, uint16(ref))
	if err != nil {
		return inode{}, fmt.Errorf("cannot read inode: %w", err)
	}
	n, err := im.readInode(ctx, m)
	if err != nil {
		return inode{}, fmt.Errorf("cannot read inode: %w", err)
	}
	return n, nil
}

func (im *Image) readInode(ctx context.Context, m *metadataReader) (inode, error) {
	var h inodeHeader
	if err := m.readStruct(ctx, &h); err != nil {
		return inode{}, err
	}
	if h.Number == 0 || h.Number > im.sb.Inodes {
		return inode{}, corrupt("inode number %d of %d", h.Number, im.sb.Inodes)
	}
	n := inode{kind: h.Type, number: h.Number}
	if n.kind > extended {
		n.kind -= extended
	}
	switch h.Type {
	case typeDir:
		var b dirBody
		err := m.readStruct(ctx, &b)
		n.size, n.listing, n.listingOffset = uint64(b.Size), b.Block, b.Offset
		return n, err
	case typeDir + extended:
		var b extendedDirBody
		err := m.readStruct(ctx, &b)
		n.size, n.listing, n.listingOffset = uint64(b.Size), b.Block, b.Offset
		return n, err
	case typeFile:
		var b fileBody
		err := m.readStruct(ctx, &b)
		n.size, n.start, n.fragment, n.fragmentOffset, n.blocks = uint64(b.Size), uint64(b.Start), b.Fragment, b.Offset, m
		return n, err
	case typeFile + extended:
		var b extendedFileBody
		err := m.readStruct(ctx, &b)
		n.size, n.start, n.fragment, n.fragmentOffset, n.blocks = b.Size, b.Start, b.Fragment, b.Offset, m
		return n, err
	case typeSymlink, typeSymlink + extended:
		var b symlinkBody
		if err := m.readStruct(ctx, &b); err != nil {
			return inode{}, err
		}
		if b.Size == 0 || b.Size > maxTarget {
			return inode{}, corrupt("symbolic link of %d bytes", b.Size)
		}
		target := make([]byte, b.Size)
		err := m.readFull(ctx, target)
		n.target = string(target)
		return n, err
	}
	if typeNames[n.kind] == "" {
		return inode{}, corrupt("unknown inode type %d", h.Type)
	}
	return n, nil
}
