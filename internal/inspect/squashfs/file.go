package squashfs

import (
	"context"
	"encoding/binary"
	"fmt"
)

// storedBlock marks, in a data block's size, that the block is not compressed.
const storedBlock = 1 << 24

// ReadFile returns the whole regular file at name, which must not be longer than
// most bytes.
func (im *Image) ReadFile(ctx context.Context, name string, most int64) ([]byte, error) {
	n, err := im.resolve(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, err)
	}
	if n.kind != typeFile {
		return nil, fmt.Errorf("cannot read %s: %w but a %s", name, ErrNotRegular, typeNames[n.kind])
	}
	if n.size > uint64(max(most, 0)) {
		return nil, fmt.Errorf("cannot read %s: %w", name, overLimit("file of %d bytes, at most %d allowed", n.size, most))
	}
	data := make([]byte, n.size)
	if err := im.readData(ctx, n, data); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, err)
	}
	return data, nil
}

// readData fills out, which has the file's size: full blocks, then a tail that
// is either a shorter block or a slice of a fragment block.
func (im *Image) readData(ctx context.Context, n inode, out []byte) error {
	var tail []byte
	if n.fragment != noFragment {
		whole := len(out) - len(out)%int(im.sb.BlockSize)
		out, tail = out[:whole], out[whole:]
	}
	pos := n.start
	for len(out) > 0 {
		block := out[:min(len(out), int(im.sb.BlockSize))]
		out = out[len(block):]
		var mark [4]byte
		if err := n.blocks.readFull(ctx, mark[:]); err != nil {
			return err
		}
		size := binary.LittleEndian.Uint32(mark[:])
		if size == 0 { // a hole
			if err := im.charge(len(block)); err != nil {
				return err
			}
			continue
		}
		got, err := im.dataBlock(ctx, block, pos, size)
		if err != nil {
			return err
		}
		if got != len(block) {
			return corrupt("data block of %d bytes, want %d", got, len(block))
		}
		pos += uint64(size &^ storedBlock)
	}
	if len(tail) == 0 {
		return nil
	}
	return im.readTail(ctx, n, tail)
}

// dataBlock reads one data or fragment block into dst and returns its length.
func (im *Image) dataBlock(ctx context.Context, dst []byte, pos uint64, mark uint32) (int, error) {
	size, stored := uint64(mark&^storedBlock), mark&storedBlock != 0
	if size == 0 || size > uint64(im.sb.BlockSize) || pos < superblockSize || pos > im.sb.BytesUsed || size > im.sb.BytesUsed-pos {
		return 0, corrupt("data block of %d bytes at %d", size, pos)
	}
	if err := im.charge(len(dst)); err != nil {
		return 0, err
	}
	if stored {
		if size > uint64(len(dst)) {
			return 0, corrupt("stored block of %d bytes, want %d", size, len(dst))
		}
		return int(size), im.readAt(ctx, dst[:size], pos)
	}
	if im.packed == nil {
		im.packed = make([]byte, im.sb.BlockSize)
	}
	src := im.packed[:size]
	if err := im.readAt(ctx, src, pos); err != nil {
		return 0, err
	}
	return im.codec.inflate(dst, src)
}

const (
	fragmentSize      = 16
	fragmentsPerBlock = metadataSize / fragmentSize
)

// readTail fills out from the fragment block that the file shares with others. The
// fragment table is a list of metadata blocks; only the one needed is read.
func (im *Image) readTail(ctx context.Context, n inode, out []byte) error {
	if n.fragment >= im.sb.Fragments {
		return corrupt("fragment %d of %d", n.fragment, im.sb.Fragments)
	}
	at := im.sb.FragmentTable + 8*uint64(n.fragment/fragmentsPerBlock)
	if at > im.sb.BytesUsed-8 {
		return corrupt("fragment table runs over the image")
	}
	var where [8]byte
	if err := im.readAt(ctx, where[:], at); err != nil {
		return err
	}
	m, err := im.metadataAt(ctx, binary.LittleEndian.Uint64(where[:]), im.sb.BytesUsed, uint16(n.fragment%fragmentsPerBlock*fragmentSize))
	if err != nil {
		return err
	}
	var fragment struct {
		Start        uint64
		Size, Unused uint32
	}
	if err := m.readStruct(ctx, &fragment); err != nil {
		return err
	}
	block, err := im.fragmentBlock(ctx, fragment.Start, fragment.Size)
	if err != nil {
		return err
	}
	start := uint64(n.fragmentOffset)
	if start+uint64(len(out)) > uint64(len(block)) {
		return corrupt("tail at %d runs over its fragment of %d bytes", start, len(block))
	}
	copy(out, block[start:])
	return nil
}

// fragmentBlock keeps the last block it read: the small files of one directory
// mostly share it.
func (im *Image) fragmentBlock(ctx context.Context, pos uint64, mark uint32) ([]byte, error) {
	if im.fragmentPos == pos && pos != 0 {
		return im.fragment, nil
	}
	if im.fragment == nil {
		im.fragment = make([]byte, im.sb.BlockSize)
	}
	im.fragmentPos = 0
	block := im.fragment[:im.sb.BlockSize]
	size, err := im.dataBlock(ctx, block, pos, mark)
	if err != nil {
		return nil, err
	}
	im.fragment, im.fragmentPos = block[:size], pos
	return im.fragment, nil
}
