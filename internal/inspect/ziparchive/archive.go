package ziparchive

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

var le = binary.LittleEndian

// Archive is an open archive. It may be used by many at once, as r may.
type Archive struct {
	r       io.ReaderAt
	members map[string]*member
}

// member is a file or a symbolic link.
type member struct {
	name             string
	flags, method    uint16
	crc              uint32
	packed, unpacked int64 // bytes
	header           int64 // position of the local header
	end              int64 // where the next member or the directory begins
	link             bool
}

// Open reads the directory of the archive in the first size bytes of r. Its errors are
// ErrNotZip, ErrCorrupt, ErrUnsupported, ErrUnsafe or ErrLimit, an error of r, or the
// context's.
func Open(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (*Archive, error) {
	limits = limits.withDefaults()
	end, err := findEnd(r, size)
	if err != nil {
		return nil, err
	}
	if end.entries > limits.Entries {
		return nil, tooMuch("it has %d entries, at most %d are read", end.entries, limits.Entries)
	}
	if end.length > limits.DirectoryBytes {
		return nil, tooMuch("its directory takes %d bytes, at most %d are read", end.length, limits.DirectoryBytes)
	}
	directory := make([]byte, end.length)
	if err := readFull(r, directory, end.start); err != nil {
		return nil, err
	}
	a := &Archive{r: r, members: make(map[string]*member, end.entries)}
	if err := a.readDirectory(ctx, directory, end, size, limits); err != nil {
		return nil, err
	}
	return a, a.checkLinks(ctx)
}

// ending is what the record at the end of an archive says.
type ending struct {
	start, length int64 // of the directory
	entries       int
}

func findEnd(r io.ReaderAt, size int64) (ending, error) {
	var head [4]byte
	if size < endLength {
		return ending{}, fmt.Errorf("%w: it has only %d bytes", ErrNotZip, size)
	}
	if err := readFull(r, head[:], 0); err != nil {
		return ending{}, err
	}
	if s := le.Uint32(head[:]); s != localSignature && s != endSignature {
		return ending{}, ErrNotZip
	}
	tail := make([]byte, min(size, endLength+maxComment))
	if err := readFull(r, tail, size-int64(len(tail))); err != nil {
		return ending{}, err
	}
	at := bytes.LastIndex(tail, le.AppendUint32(nil, endSignature))
	if at < 0 || at+endLength > len(tail) {
		return ending{}, corrupt("it has no end; it was probably cut short")
	}
	b := tail[at:]
	if comment := int(le.Uint16(b[20:])); comment != len(b)-endLength {
		return ending{}, corrupt("there is something behind its end")
	}
	disk, first, here, all := le.Uint16(b[4:]), le.Uint16(b[6:]), le.Uint16(b[8:]), le.Uint16(b[10:])
	length, start := int64(le.Uint32(b[12:])), int64(le.Uint32(b[16:]))
	switch {
	case all == 0xffff || length == inZip64 || start == inZip64:
		return ending{}, fault(ErrUnsupported, "zip64; a charm has fewer than 65535 files and 4 GiB")
	case disk != 0 || first != 0 || here != all:
		return ending{}, fault(ErrUnsupported, "more than one volume")
	case start+length != size-int64(len(b)):
		return ending{}, corrupt("its directory is not where its end says")
	}
	return ending{start, length, int(all)}, nil
}

// readDirectory reads the entries and holds them against each other.
func (a *Archive) readDirectory(ctx context.Context, b []byte, end ending, size int64, limits Limits) error {
	seen := make(map[string]bool, end.entries) // and whether it is a directory
	list := make([]*member, 0, end.entries)
	var unpacked int64
	for range end.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, kind, rest, err := readEntry(b, limits)
		if err != nil {
			return err
		}
		b = rest
		if _, twice := seen[m.name]; twice {
			return unsafe("%.120q is in it twice", m.name)
		}
		seen[m.name] = kind == modeDir
		if m.header+localLength+int64(len(m.name))+m.packed > end.start {
			return corrupt("%.120q reaches into the directory", m.name)
		}
		if unpacked += m.unpacked; unpacked > limits.UnpackedBytes {
			return tooMuch("it unpacks to more than %d bytes", limits.UnpackedBytes)
		}
		list = append(list, m)
		if kind != modeDir {
			a.members[m.name] = m
		}
	}
	if len(b) > 0 {
		return corrupt("its directory has more entries than its end says")
	}
	if unpacked > ratioFree && unpacked/limits.Ratio > size {
		return tooMuch("its %d bytes unpack to %d; a charm never unpacks to more than %d times its size", size, unpacked, limits.Ratio)
	}
	if err := checkParents(seen); err != nil {
		return err
	}
	return checkExtents(list, end.start)
}

// readEntry reads the first entry of b and returns what is behind it. Of a directory
// the name is without the slash.
func readEntry(b []byte, limits Limits) (m *member, kind uint32, rest []byte, err error) {
	if len(b) < centralLength || le.Uint32(b) != centralSignature {
		return nil, 0, nil, corrupt("its directory is broken")
	}
	nameLength, extra, comment := int(le.Uint16(b[28:])), int(le.Uint16(b[30:])), int(le.Uint16(b[32:]))
	whole := centralLength + nameLength + extra + comment
	if len(b) < whole {
		return nil, 0, nil, corrupt("its directory is broken")
	}
	if nameLength > limits.NameBytes {
		return nil, 0, nil, tooMuch("a name has %d bytes, at most %d are read", nameLength, limits.NameBytes)
	}
	m = &member{
		name:  string(b[centralLength : centralLength+nameLength]),
		flags: le.Uint16(b[8:]), method: le.Uint16(b[10:]), crc: le.Uint32(b[16:]),
		packed: int64(le.Uint32(b[20:])), unpacked: int64(le.Uint32(b[24:])), header: int64(le.Uint32(b[42:])),
	}
	kind = le.Uint32(b[38:]) >> modeShift & modeType
	switch {
	case m.flags&(flagEncrypted|flagStrong|flagMasked) != 0:
		return nil, 0, nil, fault(ErrUnsupported, "%.120q is encrypted", m.name)
	case m.flags&flagPatched != 0 || m.method != stored && m.method != deflated:
		return nil, 0, nil, fault(ErrUnsupported, "%.120q is packed with method %d; only deflate is read", m.name, m.method)
	case m.packed == inZip64 || m.unpacked == inZip64 || m.header == inZip64 || le.Uint16(b[34:]) != 0:
		return nil, 0, nil, fault(ErrUnsupported, "%.120q is in zip64 form", m.name)
	case m.method == stored && m.packed != m.unpacked:
		return nil, 0, nil, corrupt("%.120q has two sizes", m.name)
	case m.packed > 2*m.unpacked+64<<10:
		return nil, 0, nil, corrupt("%.120q takes more room packed than unpacked", m.name)
	}
	if kind, err = m.takeKind(kind); err != nil {
		return nil, 0, nil, err
	}
	return m, kind, b[whole:], nil
}

// takeKind makes sure of the name and the mode, which is zero where the archive's
// maker knew none.
func (m *member) takeKind(mode uint32) (kind uint32, err error) {
	name, slash := m.name, len(m.name) > 0 && m.name[len(m.name)-1] == '/'
	if slash {
		name = name[:len(name)-1]
	}
	if err := checkName(name); err != nil {
		return 0, err
	}
	switch {
	case slash && (mode == modeDir || mode == 0):
		if m.unpacked != 0 {
			return 0, corrupt("the directory %.120q has content", name)
		}
		m.name = name
		return modeDir, nil
	case slash || mode != 0 && mode != modeFile && mode != modeLink:
		return 0, unsafe("%.120q is neither a file, a directory nor a symbolic link", name)
	}
	m.link = mode == modeLink
	return mode, nil
}

// checkExtents makes sure that no two members share bytes.
func checkExtents(list []*member, directory int64) error {
	slices.SortFunc(list, func(x, y *member) int {
		if x.header < y.header {
			return -1
		}
		return 1
	})
	for i, m := range list {
		m.end = directory
		if i+1 < len(list) {
			m.end = list[i+1].header
		}
		if m.header+localLength+int64(len(m.name))+m.packed > m.end {
			return unsafe("%.120q shares bytes with another entry", m.name)
		}
	}
	return nil
}

// readFull reads what must be there.
func readFull(r io.ReaderAt, p []byte, at int64) error {
	n, err := r.ReadAt(p, at)
	switch {
	case n == len(p):
		return nil
	case err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return corrupt("it is shorter than announced")
	}
	return err
}
