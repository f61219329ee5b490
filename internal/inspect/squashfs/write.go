package squashfs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math"
	"time"
)

// A File is one thing to put into an image. Directories on the way to a path are
// made with mode 0755 unless they are files of their own.
type File struct {
	// Path is slash-separated and relative, as fs.ValidPath wants it.
	Path string
	// Mode gives the kind (regular, directory or symbolic link) and the
	// permissions; zero means a regular file of mode 0644.
	Mode fs.FileMode
	// Size is how many bytes Content gives, no fewer and no more.
	Size int64
	// Content is read once, in order of the paths; nil stands for an empty file.
	Content io.Reader
	// Target is where a symbolic link points.
	Target string
}

// Options of Write. The zero value is ready to use.
type Options struct {
	// Compression defaults to Gzip.
	Compression Compression
	// BlockSize is a power of two from 4 KiB to 1 MiB; zero means 128 KiB.
	BlockSize int
	// ModTime stamps every file and the image; the zero time means 1970.
	ModTime time.Time
}

// padding is what mksquashfs rounds images up to.
const padding = 4096

// Write makes an image of files at the start of w and returns its size, which is a
// multiple of 4 KiB. It holds one block and the metadata in memory, never a
// file. Equal input gives equal bytes.
func Write(w io.WriterAt, files []File, opts Options) (int64, error) {
	root, err := plant(files)
	if err != nil {
		return 0, err
	}
	iw, err := newImageWriter(w, opts)
	if err != nil {
		return 0, err
	}
	inodes := root.number(0, 1)
	root.parent = inodes + 1 // what mksquashfs gives the root
	ref, err := iw.writeNode(root)
	if err != nil {
		return 0, err
	}
	return iw.finish(ref, inodes)
}

// imageWriter appends to an image; its tables grow in memory until finish.
type imageWriter struct {
	w         io.WriterAt
	pos       uint64
	pack      packer
	blockSize int
	modTime   uint32
	block     []byte // one file block

	inodes, listings metadataWriter
}

func newImageWriter(w io.WriterAt, opts Options) (*imageWriter, error) {
	if opts.BlockSize == 0 {
		opts.BlockSize = 128 << 10
	}
	if s := opts.BlockSize; s < minBlockSize || s > maxBlockSize || s&(s-1) != 0 {
		return nil, fmt.Errorf("cannot write image: block size %d is no power of two from 4 KiB to 1 MiB", s)
	}
	pack, err := newPacker(opts.Compression)
	if err != nil {
		return nil, err
	}
	var seconds uint32
	if !opts.ModTime.IsZero() {
		unix := opts.ModTime.Unix()
		if unix < 0 || unix > math.MaxUint32 {
			return nil, fmt.Errorf("cannot write image: time %s does not fit 32 bits", opts.ModTime)
		}
		seconds = uint32(unix)
	}
	return &imageWriter{
		w: w, pos: superblockSize, pack: pack,
		blockSize: opts.BlockSize, modTime: seconds, block: make([]byte, opts.BlockSize),
		inodes: metadataWriter{pack: pack}, listings: metadataWriter{pack: pack},
	}, nil
}

func (iw *imageWriter) append(p []byte) error {
	if _, err := iw.w.WriteAt(p, int64(iw.pos)); err != nil {
		return fmt.Errorf("cannot write image: %w", err)
	}
	iw.pos += uint64(len(p))
	return nil
}

// writeNode writes what is below n, then n, and returns n's inode reference: a
// directory's listing names the references of its children.
func (iw *imageWriter) writeNode(n *node) (uint64, error) {
	switch n.kind {
	case typeDir:
		return iw.writeDir(n)
	case typeSymlink:
		return iw.writeSymlink(n)
	default:
		return iw.writeFile(n)
	}
}

func (iw *imageWriter) header(n *node, kind uint16) inodeHeader {
	return inodeHeader{Type: kind, Mode: uint16(n.mode.Perm()), ModTime: iw.modTime, Number: n.id}
}

func (iw *imageWriter) writeFile(n *node) (uint64, error) {
	start := iw.pos
	sizes, err := iw.writeBlocks(n)
	if err != nil {
		return 0, err
	}
	ref := iw.inodes.ref()
	if start > math.MaxUint32 || n.size > math.MaxUint32 {
		iw.inodes.put(iw.header(n, typeFile+extended), extendedFileBody{
			Start: start, Size: uint64(n.size), Links: 1, Fragment: noFragment, Xattr: math.MaxUint32,
		}, sizes)
	} else {
		iw.inodes.put(iw.header(n, typeFile), fileBody{
			Start: uint32(start), Size: uint32(n.size), Fragment: noFragment,
		}, sizes)
	}
	return ref, nil
}

// writeBlocks streams a file's content and returns the marks of its blocks.
func (iw *imageWriter) writeBlocks(n *node) ([]uint32, error) {
	var sizes []uint32
	content := n.content
	if content == nil {
		content = bytes.NewReader(nil)
	}
	for left := n.size; left > 0; {
		block := iw.block[:min(left, int64(iw.blockSize))]
		left -= int64(len(block))
		if _, err := io.ReadFull(content, block); err != nil {
			return nil, fmt.Errorf("cannot write image: %s ends before its %d bytes: %w", n.path, n.size, err)
		}
		if isZero(block) {
			sizes = append(sizes, 0) // a hole
			continue
		}
		out, stored := iw.pack.shrink(block)
		mark := uint32(len(out))
		if stored {
			mark |= storedBlock
		}
		if err := iw.append(out); err != nil {
			return nil, err
		}
		sizes = append(sizes, mark)
	}
	var extra [1]byte
	if k, err := io.ReadFull(content, extra[:]); k != 0 {
		return nil, fmt.Errorf("cannot write image: %s has more than its %d bytes", n.path, n.size)
	} else if err != io.EOF {
		return nil, fmt.Errorf("cannot write image: cannot read %s: %w", n.path, err)
	}
	return sizes, nil
}

// isZero compares the block with itself one byte further.
func isZero(block []byte) bool {
	return block[0] == 0 && bytes.Equal(block[:len(block)-1], block[1:])
}

func (iw *imageWriter) writeSymlink(n *node) (uint64, error) {
	ref := iw.inodes.ref()
	iw.inodes.put(iw.header(n, typeSymlink), symlinkBody{Links: 1, Size: uint32(len(n.target))}, []byte(n.target))
	return ref, nil
}

func (iw *imageWriter) writeDir(n *node) (uint64, error) {
	links := uint32(2)
	refs := make([]uint64, len(n.children))
	for i, child := range n.children {
		ref, err := iw.writeNode(child)
		if err != nil {
			return 0, err
		}
		refs[i] = ref
		if child.kind == typeDir {
			links++
		}
	}
	at := iw.listings.ref()
	size := iw.writeListing(n.children, refs) + emptyListing
	ref := iw.inodes.ref()
	if size > math.MaxUint16 {
		iw.inodes.put(iw.header(n, typeDir+extended), extendedDirBody{
			Links: links, Size: uint32(size), Block: uint32(at >> 16), Parent: n.parent, Offset: uint16(at), Xattr: math.MaxUint32,
		})
	} else {
		iw.inodes.put(iw.header(n, typeDir), dirBody{
			Block: uint32(at >> 16), Links: links, Size: uint16(size), Offset: uint16(at), Parent: n.parent,
		})
	}
	return ref, nil
}

// writeListing writes a directory's entries in runs. Entries share a run while
// their inodes share a metadata block and their numbers are near each other.
func (iw *imageWriter) writeListing(children []*node, refs []uint64) (size int) {
	for first := 0; first < len(children); {
		end := first + 1
		for end < len(children) && end-first < maxRun &&
			refs[end]>>16 == refs[first]>>16 && near(children[end].id, children[first].id) {
			end++
		}
		iw.listings.put([]uint32{uint32(end - first - 1), uint32(refs[first] >> 16), children[first].id})
		size += listingHeader
		for i := first; i < end; i++ {
			c := children[i]
			iw.listings.put(
				uint16(refs[i]), int16(int64(c.id)-int64(children[first].id)), c.kind, uint16(len(c.name)-1),
				[]byte(c.name))
			size += listingPerName + len(c.name)
		}
		first = end
	}
	return size
}

func near(a, b uint32) bool {
	d := int64(a) - int64(b)
	return d >= math.MinInt16 && d <= math.MaxInt16
}

// finish writes the tables and, last, the superblock: an image that was not
// finished has no magic number.
func (iw *imageWriter) finish(root uint64, inodes uint32) (int64, error) {
	sb := superblock{
		Magic: magic, Inodes: inodes, ModTime: iw.modTime, BlockSize: uint32(iw.blockSize),
		Compression: iw.pack.id, BlockLog: log2(iw.blockSize), Flags: iw.pack.flags | flagNoFragments | flagNoXattrs,
		IDs: 1, Major: 4, RootInode: root,
		XattrTable: noTable, FragmentTable: noTable, ExportTable: noTable,
	}
	sb.InodeTable = iw.pos
	if err := iw.append(iw.inodes.bytes()); err != nil {
		return 0, err
	}
	sb.DirTable = iw.pos
	if err := iw.append(iw.listings.bytes()); err != nil {
		return 0, err
	}
	ids := metadataWriter{pack: iw.pack}
	ids.put(uint32(0)) // root
	idBlock := iw.pos
	if err := iw.append(ids.bytes()); err != nil {
		return 0, err
	}
	sb.IDTable = iw.pos
	if err := iw.append(binary.LittleEndian.AppendUint64(nil, idBlock)); err != nil {
		return 0, err
	}
	sb.BytesUsed = iw.pos
	if rest := iw.pos % padding; rest != 0 {
		if err := iw.append(make([]byte, padding-rest)); err != nil {
			return 0, err
		}
	}
	size := int64(iw.pos)
	iw.pos = 0
	return size, iw.append(encode(sb))
}

func log2(size int) (n uint16) {
	for ; size > 1; size >>= 1 {
		n++
	}
	return n
}

func encode(v any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, v)
	if err != nil {
		panic(err) // only for types without a fixed size, which this package has none of
	}
	return b
}

// metadataWriter packs records into metadata blocks.
type metadataWriter struct {
	pack   packer
	blocks []byte // finished blocks with their headers
	open   []byte // the block being filled
}

// ref is where the next record will start, in the form inode references have.
func (m *metadataWriter) ref() uint64 {
	return uint64(len(m.blocks))<<16 | uint64(len(m.open))
}

func (m *metadataWriter) put(records ...any) {
	for _, r := range records {
		m.open = append(m.open, encode(r)...)
	}
	for len(m.open) >= metadataSize {
		m.flush(metadataSize)
	}
}

func (m *metadataWriter) flush(n int) {
	out, stored := m.pack.shrink(m.open[:n])
	mark := uint16(len(out))
	if stored {
		mark |= 0x8000
	}
	m.blocks = binary.LittleEndian.AppendUint16(m.blocks, mark)
	m.blocks = append(m.blocks, out...)
	m.open = append(m.open[:0], m.open[n:]...)
}

func (m *metadataWriter) bytes() []byte {
	if len(m.open) > 0 {
		m.flush(len(m.open))
	}
	return m.blocks
}
