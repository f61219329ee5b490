package ziparchive

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"maps"
)

// Names gives the names of files and symbolic links in no order.
func (a *Archive) Names() iter.Seq[string] { return maps.Keys(a.members) }

// Has says whether there is a file or a symbolic link of that name.
func (a *Archive) Has(name string) bool { return a.members[name] != nil }

// ReadFile reads a file of at most most bytes and checks it against its checksum. It
// gives fs.ErrNotExist, ErrCorrupt, ErrLimit, ErrUnsafe for a symbolic link, an error of
// the reader, or the context's.
func (a *Archive) ReadFile(ctx context.Context, name string, most int64) ([]byte, error) {
	m := a.members[name]
	switch {
	case m == nil:
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	case m.link:
		return nil, unsafe("%s is a symbolic link; put the file itself into the archive", name)
	case m.unpacked > most:
		return nil, tooMuch("%s has %d bytes, at most %d are read", name, m.unpacked, most)
	}
	return a.read(ctx, m)
}

// read takes two reads of r, which may be far away, and what deflate makes of them.
func (a *Archive) read(ctx context.Context, m *member) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	start, err := a.dataOf(m)
	if err != nil {
		return nil, err
	}
	packed := make([]byte, m.packed)
	if err := readFull(a.r, packed, start); err != nil {
		return nil, err
	}
	var content io.Reader = bytes.NewReader(packed)
	if m.method == deflated {
		content = flate.NewReader(content)
	}
	data := bytes.NewBuffer(make([]byte, 0, m.unpacked+bytes.MinRead))
	_, err = data.ReadFrom(io.LimitReader(content, m.unpacked+1))
	switch {
	case err != nil:
		return nil, corrupt("%.120q cannot be unpacked: %v", m.name, err)
	case int64(data.Len()) != m.unpacked:
		return nil, corrupt("%.120q is not as long as the directory says", m.name)
	case crc32.ChecksumIEEE(data.Bytes()) != m.crc:
		return nil, corrupt("the checksum of %.120q is wrong", m.name)
	}
	return data.Bytes(), nil
}

// dataOf finds where a member's data begins and holds the local header against the
// directory: readers that stream know only the former.
func (a *Archive) dataOf(m *member) (int64, error) {
	head := make([]byte, localLength+len(m.name))
	if err := readFull(a.r, head, m.header); err != nil {
		return 0, err
	}
	if le.Uint32(head) != localSignature {
		return 0, corrupt("%.120q is not where the directory says", m.name)
	}
	flags := le.Uint16(head[6:])
	same := int(le.Uint16(head[26:])) == len(m.name) && string(head[localLength:]) == m.name &&
		flags == m.flags && le.Uint16(head[8:]) == m.method
	if flags&flagDescriptor == 0 {
		same = same && le.Uint32(head[14:]) == m.crc && int64(le.Uint32(head[18:])) == m.packed && int64(le.Uint32(head[22:])) == m.unpacked
	}
	if !same {
		return 0, unsafe("%.120q says one thing in the directory and another in its own header", m.name)
	}
	start := m.header + int64(len(head)) + int64(le.Uint16(head[28:]))
	if start+m.packed > m.end {
		return 0, unsafe("%.120q shares bytes with another entry", m.name)
	}
	return start, nil
}
