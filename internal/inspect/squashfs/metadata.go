package squashfs

import (
	"context"
	"encoding/binary"
)

// metadataCache keeps the last few decompressed metadata blocks, so that looking up
// siblings does not decompress their directory again and again.
type metadataCache struct {
	blocks [8]metadataBlock
	turn   int
}

type metadataBlock struct {
	pos  uint64 // where its header starts; 0 marks an empty slot
	next uint64 // where the following block starts
	data []byte
}

// metadataBlock returns the block whose header is at pos and which must end by end.
func (im *Image) metadataBlock(ctx context.Context, pos, end uint64) (metadataBlock, error) {
	for _, b := range im.metadata.blocks {
		if b.pos == pos && b.pos != 0 {
			return b, nil
		}
	}
	if pos < superblockSize || pos >= end || end-pos < 2 {
		return metadataBlock{}, corrupt("metadata block at %d lies outside its table", pos)
	}
	var header [2]byte
	if err := im.readAt(ctx, header[:], pos); err != nil {
		return metadataBlock{}, err
	}
	mark := binary.LittleEndian.Uint16(header[:])
	size, stored := int(mark&0x7fff), mark&0x8000 != 0
	if size == 0 || size > metadataSize || uint64(size) > end-pos-2 {
		return metadataBlock{}, corrupt("metadata block at %d claims %d bytes", pos, size)
	}
	if err := im.charge(metadataSize); err != nil {
		return metadataBlock{}, err
	}
	data := make([]byte, size)
	if err := im.readAt(ctx, data, pos+2); err != nil {
		return metadataBlock{}, err
	}
	if !stored {
		out := make([]byte, metadataSize)
		n, err := im.codec.inflate(out, data)
		if err != nil {
			return metadataBlock{}, err
		}
		data = out[:n]
	}
	b := metadataBlock{pos: pos, next: pos + 2 + uint64(size), data: data}
	im.metadata.blocks[im.metadata.turn] = b
	im.metadata.turn = (im.metadata.turn + 1) % len(im.metadata.blocks)
	return b, nil
}

// metadataReader reads a run of bytes that may cross metadata blocks.
type metadataReader struct {
	im   *Image
	next uint64 // the block after the current one
	end  uint64 // where the table ends
	rest []byte // unread bytes of the current block
}

// metadataAt starts reading at an offset inside the block at pos; the table that
// holds it ends at end.
func (im *Image) metadataAt(ctx context.Context, pos, end uint64, offset uint16) (*metadataReader, error) {
	b, err := im.metadataBlock(ctx, pos, end)
	if err != nil {
		return nil, err
	}
	if int(offset) > len(b.data) {
		return nil, corrupt("offset %d in a metadata block of %d bytes", offset, len(b.data))
	}
	return &metadataReader{im: im, next: b.next, end: end, rest: b.data[offset:]}, nil
}

func (m *metadataReader) readFull(ctx context.Context, p []byte) error {
	for {
		n := copy(p, m.rest)
		p, m.rest = p[n:], m.rest[n:]
		if len(p) == 0 {
			return nil
		}
		b, err := m.im.metadataBlock(ctx, m.next, m.end)
		if err != nil {
			return err
		}
		if len(b.data) == 0 {
			return corrupt("empty metadata block at %d", m.next)
		}
		m.next, m.rest = b.next, b.data
	}
}

// readStruct fills v, a pointer to a struct of fixed-size fields.
func (m *metadataReader) readStruct(ctx context.Context, v any) error {
	var buf [64]byte
	p := buf[:binary.Size(v)]
	if err := m.readFull(ctx, p); err != nil {
		return err
	}
	_, err := binary.Decode(p, binary.LittleEndian, v)
	return err
}
